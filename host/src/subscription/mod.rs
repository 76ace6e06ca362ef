//! Subscriptions: so far, how they come into Zelador's own tables.
//!
//! It must not know who is reminded when: that is a plugin's decision.

mod import;

pub use import::{ImportError, read_csv};
