//! One call: a slot, a fresh instance, a budget, a deadline, and what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower};
use wasmtime::{Engine, Store, WasmBacktrace};

use super::error::{CallError, CallSite};
use super::limits::{Budget, Limits, MemoryExceeded};
use super::log::LogLine;
use super::meter::{Panic, TimeLimit, TimeOver, at_tick, metered};
use super::text::one_line;
use super::{CallInfo, CallState, Grants, Settings};

/// The longest account of a trap, in bytes: its cause and the innermost frames.
const LONGEST_TRAP: usize = 2 << 10;

/// Frames of the guest that an account of a trap names, innermost first.
const TOLD_FRAMES: usize = 5;

/// How a caller uses a plugin: made once for a job or an endpoint, cheap to clone for each call.
#[derive(Clone)]
pub struct CallContext {
    /// Who calls.
    pub info: CallInfo,
    /// The settings, checked before with [`super::Plugin::check_settings`].
    pub settings: Settings,
    /// What the caller grants.
    pub grants: Arc<Grants>,
    /// The budget.
    pub limits: Limits,
    /// Who else wants the log lines and the progress.
    pub sink: Option<Arc<dyn CallSink>>,
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("info", &self.info)
            .field("grants", &self.grants)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Hears what a plugin says while it runs. Called in the middle of the call: it must not block.
pub trait CallSink: Send + Sync {
    /// A log line within the call's budget.
    fn log(&self, line: &LogLine);

    /// The newest progress.
    fn progress(&self, progress: Progress);
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there is; 0 if that is not known.
    pub total: u64,
    /// What is being done.
    pub message: String,
}

/// A function that a plugin exports: found and type-checked once, when the plugin is loaded.
#[derive(Debug, Clone)]
pub(super) struct Export {
    /// `runs.run`.
    pub name: &'static str,
    pub index: ComponentExportIndex,
}

/// A store for one call, with all its limits set.
pub(super) fn store(engine: &Engine, state: CallState) -> Store<CallState> {
    let Limits { host_memory, handles, .. } = state.limits;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(host_memory);
    store.set_max_component_handles(handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    store
}

/// Instantiates and calls, within the limits of the store. The instance is gone when this returns.
pub(super) async fn run<P, R>(
    mut store: Store<CallState>,
    pre: &InstancePre<CallState>,
    export: &Export,
    params: P,
) -> Result<R, Ended>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: Send + Sync + 'static,
    (R,): ComponentNamedList + Lift,
{
    let time = store.data().limits.time;
    let call = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let function = instance.get_typed_func::<P, (R,)>(&mut store, &export.index)?;
        let (result,) = function.call_async(&mut store, params).await?;
        Ok(result)
    };
    let outcome = limited(time, call).await;
    store.data_mut().finish_log();
    outcome
}

/// Instantiates only, within the limits of the store.
pub(super) async fn instantiate(
    mut store: Store<CallState>,
    pre: &InstancePre<CallState>,
) -> Result<(Store<CallState>, Instance), Ended> {
    let time = store.data().limits.time;
    let instance = limited(time, pre.instantiate_async(&mut store)).await?;
    Ok((store, instance))
}

async fn limited<T>(time: Duration, work: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Ended> {
    match tokio::time::timeout(time, metered(work)).await {
        Ok(Ok(Ok(result))) => Ok(result),
        Ok(Ok(Err(error))) => Err(Ended::Error(error)),
        Ok(Err(panic)) => Err(Ended::Panic(panic)),
        Err(_elapsed) => Err(Ended::Error(TimeOver(TimeLimit::Wall).into())),
    }
}

/// How a call ended that has no result.
pub(super) enum Ended {
    /// By an error of the guest, of a host function, or of a limit.
    Error(wasmtime::Error),
    /// By a panic in a host function.
    Panic(Panic),
}

impl Ended {
    /// Says which kind of end it was.
    pub fn explain(self, site: CallSite, limits: &Limits) -> CallError {
        let error = match self {
            Self::Panic(panic) => return CallError::Host { site, reason: panic_message(&panic) },
            Self::Error(error) => error,
        };
        if let Some(TimeOver(which)) = error.downcast_ref() {
            let limit = match which {
                TimeLimit::Guest => limits.guest_time,
                TimeLimit::Wall => limits.time,
            };
            return CallError::TimedOut { site, which: *which, limit };
        }
        if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
            let wanted = Some(exceeded.wanted);
            return CallError::OutOfBudget { site, budget: Budget::Memory, limit: exceeded.limit, wanted };
        }
        match budget_of_the_engine(&error) {
            Some(budget) => {
                let limit = if budget == Budget::Handles { limits.handles } else { limits.host_memory };
                CallError::OutOfBudget { site, budget, limit, wanted: None }
            }
            None => CallError::Trapped { site, reason: one_line(&trap(&error), LONGEST_TRAP) },
        }
    }
}

/// Two budgets are kept by the engine itself. Their errors have no public type in wasmtime 48, only their text; the
/// hostile tests fail if that changes.
fn budget_of_the_engine(error: &wasmtime::Error) -> Option<Budget> {
    if error.is::<wasmtime::component::ResourceTableError>() {
        return Some(Budget::Handles);
    }
    error.chain().map(ToString::to_string).find_map(|cause| {
        if cause.contains("fuel allocated for hostcalls has been exhausted") {
            Some(Budget::HostMemory)
        } else if cause.contains("store handle limit exceeded") {
            Some(Budget::Handles)
        } else {
            None
        }
    })
}

/// The cause, and the innermost functions of the guest that it happened in.
fn trap(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return format!("{error:#}") };
    let all_frames = backtrace.to_string();
    let causes = error.chain().map(ToString::to_string).filter(|cause| *cause != all_frames);
    let frames = backtrace.frames().iter().take(TOLD_FRAMES).map(|frame| match frame.func_name() {
        Some(name) => name.to_owned(),
        None => format!("function {}", frame.func_index()),
    });
    let (causes, frames): (Vec<_>, Vec<_>) = (causes.collect(), frames.collect());
    format!("{}, in {}", causes.join(": "), frames.join(" < "))
}

fn panic_message(panic: &Panic) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    one_line(message.unwrap_or("a panic without a message"), LONGEST_TRAP)
}
