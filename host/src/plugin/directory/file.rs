//! Files that could be plugins: found by name, told apart by what the file system says, read with care.

use std::collections::BTreeMap;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::plugin::{LARGEST_FILE, LoadError};

const SUFFIX: &str = ".wasm";

/// Files that are looked at in one folder. Each loaded plugin takes memory for its code.
const MOST_FILES: usize = 256;

/// The longest name of a plugin, in bytes: it appears in tables, grants and metrics.
const LONGEST_NAME: usize = 64;

/// What a look at the folder finds.
pub(super) struct Scan {
    /// The files that could be plugins, by name.
    pub files: BTreeMap<String, Found>,
    /// What is wrong with the folder as a whole.
    pub trouble: Option<String>,
}

/// A file of the folder, as it was when the folder was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    path: PathBuf,
    stamp: Stamp,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Found {
    /// The file at `path`, as it is now.
    pub fn at(path: &Path) -> Result<Self, LoadError> {
        let metadata = fs::symlink_metadata(path).map_err(unreadable)?;
        Ok(Self { path: path.to_owned(), stamp: Stamp::from(&metadata) })
    }

    pub fn size(&self) -> u64 {
        self.stamp.size
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Everything in `folder` that is called `*.wasm`, by the name before it. Hidden files are other programs' temporary
/// ones. A folder that is not there is empty.
pub(super) fn scan(folder: &Path) -> io::Result<Scan> {
    let mut files = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Scan { files, trouble: None }),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let file_name = file_name.to_string_lossy();
        let Some(name) = file_name.strip_suffix(SUFFIX).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let path = entry.path();
        // A file that vanished since the folder was read is as good as never seen.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        files.insert(name.to_owned(), Found { path, stamp: Stamp::from(&metadata) });
    }
    let trouble = (files.len() > MOST_FILES).then(|| {
        format!("it holds {} plugins, and only the first {MOST_FILES} by name are loaded", files.len())
    });
    Ok(Scan { files: files.into_iter().take(MOST_FILES).collect(), trouble })
}

/// A plugin's name is made as the configuration wants it, or nothing could refer to it.
pub(super) fn check_name(name: &str) -> Result<(), LoadError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(LoadError::File(format!(
            "its name is not made of 1 to {LONGEST_NAME} ASCII letters, digits, dashes and underscores"
        )));
    }
    Ok(())
}

/// Reads a file whole, if it is a plain file of a plausible size and still the one that was found.
pub(super) async fn read(found: Found) -> Result<Vec<u8>, LoadError> {
    let read = tokio::task::spawn_blocking(move || read_blocking(&found)).await;
    read.unwrap_or_else(|error| Err(LoadError::Host(format!("reading was interrupted: {error}"))))
}

fn read_blocking(found: &Found) -> Result<Vec<u8>, LoadError> {
    check_plain(&fs::symlink_metadata(&found.path).map_err(unreadable)?)?;
    // Not following links and not waiting for the other end of a pipe, should it have become one meanwhile.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&found.path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check_plain(&metadata)?;
    let size = metadata.len();
    if size > LARGEST_FILE {
        return Err(LoadError::TooLarge { size, limit: LARGEST_FILE });
    }
    let mut bytes = Vec::with_capacity(size as usize);
    (&file).take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if Stamp::from(&file.metadata().map_err(unreadable)?) != found.stamp {
        return Err(LoadError::File("it is being written".to_owned()));
    }
    Ok(bytes)
}

fn unreadable(error: io::Error) -> LoadError {
    LoadError::File(format!("it cannot be read: {error}"))
}

fn check_plain(metadata: &Metadata) -> Result<(), LoadError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let what = match () {
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_dir() => "a folder",
        () => "a device or a pipe",
    };
    Err(LoadError::File(format!("it is {what}, and a plugin is a plain file")))
}

/// In hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
