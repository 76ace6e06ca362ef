//! The cache's key, and how files get into its folder: private, whole, and never through a link.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rand::RngExt as _;
use rustix::fs::OFlags;

const KEY_FILE: &str = "key";
const KEY_BYTES: usize = 32;

/// What files are called until they are whole.
pub(super) const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Authenticates what this host compiled.
pub(super) type Key = [u8; KEY_BYTES];

/// The key of the folder; a new one if there is none that is beyond doubt.
pub(super) fn read_or_make(folder: &Path) -> io::Result<Key> {
    read_key(folder)?.map_or_else(|| make_key(folder), Ok)
}

/// The key, if there is one that nobody else could read.
fn read_key(folder: &Path) -> io::Result<Option<Key>> {
    let file = match open_plain(&folder.join(KEY_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let private = file.metadata()?.mode() & 0o077 == 0;
    let mut key = Vec::new();
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key)?;
    Ok(key.try_into().ok().filter(|_| private))
}

/// Writes a new key in place of whatever is there: all entries made with another are void.
fn make_key(folder: &Path) -> io::Result<Key> {
    let mut key = [0; KEY_BYTES];
    rand::rng().fill(&mut key);
    let mut file = unfinished(folder)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(KEY_FILE))?;
    Ok(key)
}

/// Opens a plain file, and waits for nothing.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a plain file")) }
}

/// A private file to be written whole before it gets its name.
pub(super) fn unfinished(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(UNFINISHED_PREFIX).tempfile_in(folder)
}
