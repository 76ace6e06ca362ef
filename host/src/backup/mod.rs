//! Backups: dumps, compresses, verifies, publishes, lists and deletes artifacts.
//!
//! The mechanism only: what is backed up, when, and how long it is kept is for plugins. It must not know jobs, runs or
//! the store; it meets them through [`TargetLocks`] and [`Catalogue`].

mod archive;
mod catalogue;
mod content;
mod create;
mod error;
mod folder;
mod gzip;
mod lock;
mod manifest;
mod name;
mod postgres;
mod progress;
mod server;
mod sqlite;
mod verify;

pub use archive::{Archive, ArchiveOptions, Artifact, BackupRequest, FileState};
pub use catalogue::{Catalogue, NoCatalogue};
pub use error::BackupError;
pub use lock::{Acquired, LEASE, ProcessLocks, TargetLocks};
pub use manifest::{Content, FORMAT, Manifest, Proof, Scope, Target};
pub use name::Naming;
pub use postgres::ProgramFolders;
pub use progress::{Observer, Phase, Progress, unobserved};
pub use server::{Engine, Server, Servers};
pub use verify::Verification;
