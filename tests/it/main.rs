//! One binary for all tests that need more than a function: real databases, real plugins, real processes.
//!
//! * `store` runs every operation of the store on both databases.
//! * `contract` keeps the WIT package valid and compares it with its frozen releases.
//! * `plugins` loads, calls, limits and swaps components; `hostile` holds the ones that mean harm.
//! * `backup` dumps and verifies real clusters.
//! * `daemon` starts, drains and kills the real process; `cli` and `cli_webhooks` run the commands as a user would.
//! * `api` asks the real process over HTTP.
//! * `sender` puts webhooks on the wire to receivers with bad manners, and tries to reach inside.
//! * `webhooks` accepts, delivers, retries, gives up and recovers.
//! * `tidy` keeps the walls of the house standing.

mod api;
mod backup;
mod cli;
mod cli_webhooks;
mod contract;
mod daemon;
mod hostile;
mod plugins;
mod sender;
mod store;
mod tidy;
mod webhooks;
