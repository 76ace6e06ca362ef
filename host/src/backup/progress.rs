//! What a backup or a verification tells those who watch it.

use std::fmt;
use std::sync::Arc;

/// Is told of every step; it thins out as it likes. It is called from the threads that do the work, so it must not block.
pub type Observer = Arc<dyn Fn(Progress) + Send + Sync>;

/// An observer that does not look.
pub fn unobserved() -> Observer {
    Arc::new(|_| ())
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes taken in: of the dump, or of the file that is verified.
    pub bytes_read: u64,
    /// Bytes given out: of the compressed file, or of the content that was decompressed.
    pub bytes_written: u64,
    /// How many bytes are to be read, where that is known.
    pub bytes_total: Option<u64>,
}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An embedded database is being copied.
    Copying,
    /// Content is being taken and compressed.
    Dumping,
    /// An artifact is being read back.
    Verifying,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copying => "copying",
            Self::Dumping => "dumping",
            Self::Verifying => "verifying",
        })
    }
}
