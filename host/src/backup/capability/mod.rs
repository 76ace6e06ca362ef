//! What plugins may do with servers and backups: the host side of the WIT interfaces `databases` and `archive`.

mod archive;
mod databases;

pub use archive::ArchiveCapability;
pub use databases::DatabasesCapability;
