//! The plugin runtime as the daemon uses it: loading, grants, settings, calls, the folder, the cache.

mod calls;
mod compile;
mod directory;
mod grants;
mod load;
pub mod support;
mod wasi;
