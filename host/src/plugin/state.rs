//! The data of one call's store: what the host functions find when the guest calls them.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::call::CallContext;
use super::limits::{Limits, MemoryMeter};
use super::log::Logger;
use super::settings::Settings;
use super::wasi::Wasi;
use super::{CallInfo, LogLevel};
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
    wasi: Option<Box<Wasi>>,
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

    /// Logs what the guest printed, and how much of its log was dropped. To be called when the call is over.
    pub(super) fn finish_log(&mut self) {
        let Self { clock, logger, info, limits, wasi, .. } = self;
        let printed = wasi.as_ref().map(|wasi| wasi.printed()).unwrap_or_default();
        for line in printed.lines() {
            logger.write(&**clock, info, LogLevel::Info, line, &[]);
        }
        logger.finish(&**clock, info, limits.log);
    }

    /// Who calls.
    pub fn info(&self) -> &CallInfo {
        &self.info
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let clock = &self.clock;
        let wasi = self.wasi.get_or_insert_with(|| Box::new(Wasi::locked_down(Arc::clone(clock))));
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut self.resources }
    }
}
