//! The store's conformance suite: every operation runs on SQLite and on PostgreSQL and must do the same.
//!
//! A case is an `async fn` over a [`fixture::Fixture`], an empty database of its own; `on_both_databases!` makes two
//! tests of it. What only one of the databases can show is in `opening`.

mod artifacts;
mod audit;
mod durability;
mod execution;
pub mod fixture;
mod history;
mod locks;
mod logs;
mod messages;
mod opening;
mod plugin_versions;
mod schedule;
mod schema;
mod subscriptions;
mod tokens;
