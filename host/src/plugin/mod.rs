//! The sandbox: engine, plugin directory and hot swap, grants, limits, bindings.
//!
//! It knows no domain: a domain brings the host side of its WIT interface as a [`Capability`].

pub mod bindings;

mod builtin;
mod call;
mod capability;
mod compile;
mod component;
mod contract;
mod directory;
mod engine;
mod error;
mod exports;
mod grants;
mod invoke;
mod kind;
mod limits;
mod load;
mod log;
mod meter;
mod report;
mod runtime;
mod schema;
mod settings;
mod state;
mod text;
mod wasi;

pub use call::{CallContext, CallSink, Progress};
pub use capability::{CallInfo, Capability};
pub use compile::{COMPILE_VERB, child_main};
pub use component::{About, Plugin};
pub use directory::{Directory, Listing, Observer, PluginEvent, Refusal, VersionState};
pub use error::{CallError, CallSite, LoadError};
pub use grants::{GrantError, Grants};
pub use kind::{CONTRACT, Kind};
pub use limits::{Budget, LimitError, Limits, MOST_MEMORY};
pub use load::LARGEST_FILE;
pub use log::{LogLevel, LogLine};
pub use meter::TimeLimit;
pub use runtime::{Runtime, RuntimeConfig, RuntimeError};
pub use schema::SettingError;
pub use settings::Settings;
pub use state::CallState;
