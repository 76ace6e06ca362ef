//! Zelador looks after a multi-tenant SaaS: backups, reminders, webhooks and alerts, every decision made by a
//! sandboxed WebAssembly plugin. `docs/architecture.md` has the drawing of the house.
//!
//! Imports run downward only, in the order of the modules below; domains do not import each other.

pub mod cli;
pub mod daemon;

pub mod assembly;

pub mod web;

pub mod backup;
pub mod job;
pub mod mail;
pub mod subscription;
pub mod webhook;

pub mod queue;

pub mod schedule;

pub mod plugin;

pub mod config;
pub mod secret;
pub mod store;

pub mod clock;
