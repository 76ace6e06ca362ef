//! Jobs and their runs: from the configuration and the clock to a plugin's call and its recorded end.
//!
//! It must not know what any plugin does.

mod definition;
mod execution;
mod owner;
mod run_log;
mod scheduler;
mod worker;

pub use definition::{Catalogue, Definition};
pub use execution::{Executor, LEASE};
pub use owner::Owner;
pub use run_log::{RunLog, Writer};
pub use scheduler::Scheduler;
pub use worker::Worker;
