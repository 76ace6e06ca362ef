//! The sandbox: engine, plugin directory and hot swap, grants, limits, bindings.
//!
//! It knows no domain: a domain brings the host side of its WIT interface as a [`Capability`].

pub mod bindings;
mod capability;

pub use capability::{CallInfo, CallState, Capability};
