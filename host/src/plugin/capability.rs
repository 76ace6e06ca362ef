//! How a domain brings the host side of a WIT interface: link it, check the grant, hand a call what it may use.

use std::any::Any;
use std::sync::Arc;

use wasmtime::component::Linker;

use super::{CallContext, CallState};

/// The host side of one WIT interface.
pub trait Capability: Send + Sync {
    /// Its name in the WIT package and in grants: `archive`.
    fn name(&self) -> &'static str;

    /// Adds its functions to the linker.
    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()>;

    /// Checks the scopes granted (`databases:main` gives `["main"]`) against the configuration, without running the
    /// guest. The error is a sentence for the operator.
    fn check(&self, scopes: &[String]) -> Result<(), String>;

    /// What this call may use; `scopes` are those of this capability. Its host functions find it by its type with
    /// [`CallState::capability`].
    fn prepare(&self, call: &CallContext, scopes: &[String]) -> Box<dyn Any + Send>;
}

/// Who calls, as far as a capability needs to know.
#[derive(Debug, Clone)]
pub struct CallInfo {
    /// The run that the call belongs to, if it is one of a job.
    pub run_id: Option<Arc<str>>,
    /// For messages, the name as people wrote it in backticks: job `nightly-backup`.
    pub caller: Arc<str>,
}
