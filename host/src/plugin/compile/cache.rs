//! Compiled code on disk, authenticated: whoever can write the folder still cannot make the daemon run their code.
//!
//! An entry is a tag of 32 bytes and the code. The tag is an HMAC-SHA256, with a key of this host, over the component's
//! hash, the versions that made the code and the code. Whatever does not bear its tag counts as absent.

use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use super::key::{self, Key, UNFINISHED_PREFIX, open_plain, unfinished};
use super::{Digest, MOST_CODE};

const TAG_BYTES: usize = 32;
const ENTRY_SUFFIX: &str = ".code";

/// Entries and bytes that are kept; the oldest go first. A Rust plugin takes 0.1 MB, a Python one 36 MB.
const MOST_ENTRIES: usize = 256;
const MOST_BYTES: u64 = 2 << 30;

/// A folder of compiled code for one engine.
pub(super) struct Cache {
    folder: PathBuf,
    key: Key,
    /// What wasmtime's version, its settings and this processor add up to.
    engine: Digest,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens the folder and makes it and its key if they are not there. The folder is private, or it is refused.
    pub fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let metadata = fs::symlink_metadata(folder)?;
        if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it is not a folder of the user that Zelador runs as"));
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        remove_unfinished(folder)?;
        let key = key::read_or_make(folder)?;
        Ok(Self { folder: folder.to_path_buf(), key, engine: identity(engine) })
    }

    /// The code compiled from the component with this hash, if it is there beyond doubt.
    pub fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut entry = Vec::new();
        let file = open_plain(&self.entry(digest)).ok()?;
        file.take(MOST_CODE + TAG_BYTES as u64 + 1).read_to_end(&mut entry).ok()?;
        let code = entry.get(TAG_BYTES..)?;
        if self.mac(digest, code).verify_slice(&entry[..TAG_BYTES]).is_err() {
            tracing::warn!(
                entry = %self.entry(digest).display(),
                "cached code does not bear this host's tag: it was damaged or changed. Compiling again"
            );
            return None;
        }
        entry.drain(..TAG_BYTES);
        Some(entry)
    }

    /// Keeps code for the next start, and lets go of the oldest if that makes too much.
    pub fn store(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let tag = self.mac(digest, code).finalize().into_bytes();
        let mut file = unfinished(&self.folder)?;
        file.write_all(&tag)?;
        file.write_all(code)?;
        file.persist(self.entry(digest))?;
        sweep(&self.folder, MOST_ENTRIES, MOST_BYTES)
    }

    fn mac(&self, digest: &Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(digest);
        mac.update(&self.engine);
        mac.update(code);
        mac
    }

    fn entry(&self, digest: &Digest) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(digest);
        hash.update(self.engine);
        self.folder.join(format!("{}{ENTRY_SUFFIX}", hex::encode(hash.finalize())))
    }
}

/// Removes the oldest entries until there are at most so many, of at most so many bytes.
fn sweep(folder: &Path, most_entries: usize, most_bytes: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ENTRY_SUFFIX) {
            let metadata = entry.metadata()?;
            entries.push((metadata.modified()?, metadata.len(), entry.path()));
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.0));
    let mut bytes = 0;
    for (index, (_, size, path)) in entries.into_iter().enumerate() {
        bytes += size;
        if index >= most_entries || bytes > most_bytes {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// What a process left that was killed while it wrote. Another daemon that writes at this moment loses an entry, and
/// compiles once more.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Everything that decides whether code fits: the parts have a fixed length or are preceded by it.
fn identity(engine: &Engine) -> Digest {
    let mut hasher = Sha256Hasher(Sha256::new());
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Feeds what implements `Hash` to SHA-256.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("a digest has more than eight bytes"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn folder_of_four() -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().unwrap();
        for (age, name) in ["a.code", "b.code", "c.code", "d.code"].into_iter().enumerate() {
            let mut file = File::create(folder.path().join(name)).unwrap();
            file.write_all(&[0; 10]).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age as u64)).unwrap();
        }
        fs::write(folder.path().join("key"), "key").unwrap();
        folder
    }

    #[test]
    fn the_oldest_entries_are_swept_and_the_key_never() {
        let folder = folder_of_four();
        sweep(folder.path(), 3, 1000).unwrap();
        assert_eq!(names(folder.path()), ["a.code", "b.code", "c.code", "key"]);
        sweep(folder.path(), 3, 25).unwrap();
        assert_eq!(names(folder.path()), ["a.code", "b.code", "key"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = folder_of_four();
        unfinished(folder.path()).unwrap().keep().unwrap();
        remove_unfinished(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["a.code", "b.code", "c.code", "d.code", "key"]);
    }
}
