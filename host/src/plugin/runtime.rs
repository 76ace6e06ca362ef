//! The runtime: one engine, one linker a kind, the slots in which calls run, and the compiler.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::compile::Compiler;
use super::{CallContext, CallState, Capability, GrantError, Grants, Kind, builtin, engine, wasi};
use crate::clock::SharedClock;

/// What a runtime is made of.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// How many calls run at once; further ones wait.
    pub slots: u32,
    /// How long a call waits for a slot before it is [`super::CallError::Busy`].
    pub patience: Duration,
    /// A private folder for compiled code; without one every start compiles everything.
    pub cache: Option<PathBuf>,
    /// Our own binary: its hidden verb [`super::COMPILE_VERB`] compiles.
    pub program: PathBuf,
    /// What guests are told of the time.
    pub clock: SharedClock,
}

/// How many plugins are compiled and loaded at once, where there are processors for it. Each compilation takes up to
/// two threads and some hundred MiB.
const MOST_LOADS: usize = 4;

/// Loads plugins and gives their calls a place to run. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

pub(super) struct Inner {
    pub engine: Engine,
    pub compiler: Compiler,
    pub clock: SharedClock,
    /// Bounds loading; the pool has room for it beside the slots.
    pub loads: Semaphore,
    linkers: BTreeMap<Kind, Linkers>,
    capabilities: BTreeMap<&'static str, Arc<dyn Capability>>,
    slots: Semaphore,
    slot_count: u32,
    patience: Duration,
}

struct Linkers {
    /// With every capability of the kind.
    granted: Linker<CallState>,
    /// With those that need no grant.
    ungranted: Linker<CallState>,
}

/// Why there is no runtime.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// The engine cannot be made.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// Two capabilities of the same name, or one that does not fit an interface of the contract.
    #[error("capability `{name}` cannot be linked: {reason}")]
    Capability {
        /// Its name.
        name: &'static str,
        /// What the engine says.
        reason: String,
    },
    /// No slots.
    #[error("`[plugins] slots` must be from 1 to {MOST_SLOTS}, not {0}")]
    Slots(u32),
}

/// More calls at once than a machine can serve; the pool's address space grows with it, 1 GiB a slot.
const MOST_SLOTS: u32 = 4096;

impl Runtime {
    /// Makes the engine and links the capabilities. An interface that none of them implements is not there at all.
    pub fn new(config: RuntimeConfig, capabilities: Vec<Arc<dyn Capability>>) -> Result<Self, RuntimeError> {
        if !(1..=MOST_SLOTS).contains(&config.slots) {
            return Err(RuntimeError::Slots(config.slots));
        }
        let loads = thread::available_parallelism().map_or(1, usize::from).min(MOST_LOADS);
        let engine = engine::pooled(config.slots + loads as u32)
            .map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        let capabilities = by_name(capabilities)?;
        let linkers =
            Kind::ALL.into_iter().map(|kind| Ok((kind, Linkers::new(&engine, kind, &capabilities)?)));
        Ok(Self(Arc::new(Inner {
            linkers: linkers.collect::<Result<_, RuntimeError>>()?,
            compiler: Compiler::new(engine.clone(), config.program, config.cache),
            engine,
            clock: config.clock,
            loads: Semaphore::new(loads),
            capabilities,
            slots: Semaphore::new(config.slots as usize),
            slot_count: config.slots,
            patience: config.patience,
        })))
    }

    /// The names of what can be granted on this host.
    pub fn capabilities(&self) -> impl Iterator<Item = &'static str> {
        self.0.capabilities.keys().copied()
    }

    /// The engine, for measurements beside our own calls.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Checks that everything granted exists and that each capability accepts its scopes. What the contract knows and
    /// this host does not offer may be granted: nothing can use it, so a configuration can be written ahead.
    pub fn check_grants(&self, grants: &Grants) -> Result<(), GrantError> {
        grants.iter().try_for_each(|(name, scopes)| match self.0.capabilities.get(name) {
            Some(capability) => capability
                .check(scopes)
                .map_err(|reason| GrantError::Refused { capability: name.to_owned(), reason }),
            None if Kind::ALL.iter().any(|kind| kind.imports().contains(&name)) => Ok(()),
            None => {
                let known = self.capabilities().map(str::to_owned).collect();
                Err(GrantError::Unknown { capability: name.to_owned(), known })
            }
        })
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

fn by_name(
    capabilities: Vec<Arc<dyn Capability>>,
) -> Result<BTreeMap<&'static str, Arc<dyn Capability>>, RuntimeError> {
    let mut by_name = BTreeMap::new();
    for capability in capabilities {
        let name = capability.name();
        let refuse = |reason: &str| Err(RuntimeError::Capability { name, reason: reason.to_owned() });
        if !Kind::ALL.iter().any(|kind| kind.imports().contains(&name)) {
            return refuse("no world imports an interface of that name");
        }
        if by_name.insert(name, capability).is_some() {
            return refuse("another one has the same name");
        }
    }
    Ok(by_name)
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("slots", &self.0.slot_count).finish_non_exhaustive()
    }
}

impl Inner {
    pub fn granted(&self, kind: Kind) -> &Linker<CallState> {
        &self.linkers[&kind].granted
    }

    pub fn ungranted(&self, kind: Kind) -> &Linker<CallState> {
        &self.linkers[&kind].ungranted
    }

    pub fn offers(&self, capability: &str) -> bool {
        self.capabilities.contains_key(capability)
    }

    /// A place for one call. The error is how long it waited in vain, and for how many slots.
    pub async fn slot(&self) -> Result<SemaphorePermit<'_>, (Duration, u32)> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        let asked = Instant::now();
        match tokio::time::timeout(self.patience, self.slots.acquire()).await {
            Ok(slot) => Ok(slot.expect("the slots are never closed")),
            Err(_elapsed) => Err((asked.elapsed(), self.slot_count)),
        }
    }

    /// What each capability that a plugin imports hands to this call.
    pub fn prepare(&self, imports: &[String], call: &CallContext) -> Vec<(TypeId, Box<dyn Any + Send>)> {
        let prepare = |import: &String| {
            let capability = self.capabilities.get(import.as_str())?;
            let prepared = capability.prepare(call, call.grants.scopes(import)?);
            Some(((*prepared).type_id(), prepared))
        };
        imports.iter().filter_map(prepare).collect()
    }
}

impl Linkers {
    fn new(
        engine: &Engine,
        kind: Kind,
        capabilities: &BTreeMap<&'static str, Arc<dyn Capability>>,
    ) -> Result<Self, RuntimeError> {
        let mut ungranted = Linker::new(engine);
        builtin::link(&mut ungranted, kind)
            .and_then(|()| wasi::link(&mut ungranted))
            .map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        let mut granted = ungranted.clone();
        for (name, capability) in capabilities {
            if kind.imports().contains(name) {
                capability
                    .link(&mut granted)
                    .map_err(|error| RuntimeError::Capability { name, reason: format!("{error:#}") })?;
            }
        }
        Ok(Self { granted, ungranted })
    }
}
