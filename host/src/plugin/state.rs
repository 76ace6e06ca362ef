//! The data of one call's store: what the host functions find when the guest calls them.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::call::CallContext;
use super::limits::{Limits, MemoryMeter};
use super::log::Logger;
use super::settings::Settings;
use super::{CallInfo, wasi};
use crate::clock::SharedClock;

/// The data of one call's store.
pub struct CallState {
    pub(super) clock: SharedClock,
    pub(super) settings: Settings,
    pub(super) logger: Logger,
    pub(super) memory: MemoryMeter,
    pub(super) limits: Limits,
    pub(super) info: CallInfo,
    pub(super) began: Instant,
    resources: ResourceTable,
    capabilities: Vec<(TypeId, Box<dyn Any + Send>)>,
    // Made when the guest first asks: most guests have no use for it.
    wasi: Option<Box<WasiCtx>>,
}

impl CallState {
    pub(super) fn new(
        clock: SharedClock,
        context: &CallContext,
        logger: Logger,
        capabilities: Vec<(TypeId, Box<dyn Any + Send>)>,
    ) -> Self {
        let limits = context.limits;
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(limits.handles);
        Self {
            clock,
            settings: context.settings.clone(),
            logger,
            memory: MemoryMeter::new(limits.memory),
            limits,
            info: context.info.clone(),
            began: Instant::now(),
            resources,
            capabilities,
            wasi: None,
        }
    }

    /// What the capability prepared for this call.
    ///
    /// # Panics
    /// If the capability was not prepared: grants are checked before anything runs, so a guest cannot get here.
    pub fn capability<T: 'static>(&mut self) -> &mut T {
        self.capabilities
            .iter_mut()
            .find(|(id, _)| *id == TypeId::of::<T>())
            .and_then(|(_, prepared)| prepared.downcast_mut())
            .expect("a linked capability is prepared for every call that may import it")
    }

    /// The resources that the guest holds; the call's limit `handles` bounds them.
    pub fn resources(&mut self) -> &mut ResourceTable {
        &mut self.resources
    }

    /// Says in the log how much of it was dropped.
    pub(super) fn finish_log(&self) {
        self.logger.finish(&*self.clock, &self.info, self.limits.log);
    }

    /// Who calls.
    pub fn info(&self) -> &CallInfo {
        &self.info
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let clock = &self.clock;
        let ctx = self.wasi.get_or_insert_with(|| Box::new(wasi::locked_down(Arc::clone(clock))));
        WasiCtxView { ctx, table: &mut self.resources }
    }
}
