//! The backup folder on disk. A file under a final name is always whole: it is written under a hidden name, synced,
//! renamed, and only then gets its manifest.
//!
//! A hidden file belongs to a living run as long as that run holds a lock on it; the system gives the lock up when the
//! process ends, however it ends. It must not know what is inside the files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::BackupError;
use super::manifest::{FORMAT, Manifest};
use super::name::MANIFEST;

/// The end of a hidden file's name.
const PARTIAL: &str = ".partial";
/// The end of the name of an embedded database's copy, which belongs to the partial file of the same name.
const COPY: &str = ".copy";

/// A manifest larger than this is not one: it is read whole.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// The folder of the artifacts.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn manifest_path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{MANIFEST}"))
    }

    fn hidden(&self, name: &str, end: &str) -> PathBuf {
        self.path.join(format!(".{name}{end}"))
    }

    /// Makes the folder, private to this user, if it is not there.
    pub(super) fn prepare(&self) -> Result<(), BackupError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(|source| BackupError::io("make the backup folder", &self.path, source))
    }

    /// Opens a hidden file under the first of `names` that nobody uses. While it exists nobody else gets that name.
    pub(super) fn reserve(&self, names: impl Iterator<Item = String>) -> Result<Draft, BackupError> {
        for name in names {
            let path = self.hidden(&name, PARTIAL);
            let hidden = match Hidden::create(path.clone()) {
                Ok(hidden) => hidden,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(BackupError::io("write", &path, source)),
            };
            // Looked at after the hidden file is ours: whoever had it before has published or given up.
            if !self.path_of(&name).exists() && !self.manifest_path(&name).exists() {
                return Ok(Draft { folder: self.clone(), hidden, name });
            }
        }
        Err(BackupError::io("find a free name in", &self.path, io::ErrorKind::AlreadyExists.into()))
    }

    /// All manifests that can be read; the others are reported to the log.
    pub(super) fn manifests(&self) -> Result<Vec<Manifest>, BackupError> {
        let mut manifests = Vec::new();
        for name in self.names()?.iter().filter(|name| !name.starts_with('.') && name.ends_with(MANIFEST)) {
            let path = self.path.join(name);
            match read_manifest(&path) {
                // Its name is where its artifact is read and deleted: it must not lead elsewhere.
                Ok(manifest) if self.manifest_path(&manifest.name) == path => manifests.push(manifest),
                Ok(manifest) => {
                    tracing::warn!("{}: describes {}, not the file beside it", path.display(), manifest.name)
                }
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(manifests)
    }

    /// The manifest of the artifact called `name`, if it has one.
    pub(super) fn manifest_of(&self, name: &str) -> Result<Option<Manifest>, BackupError> {
        let path = self.manifest_path(name);
        match path.exists() {
            true => read_manifest(&path).map(Some),
            false => Ok(None),
        }
    }

    /// Replaces a manifest.
    pub(super) fn update(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let path = self.hidden(&manifest.name, &format!("{MANIFEST}.{}{PARTIAL}", uuid::Uuid::new_v4()));
        let hidden = Hidden::with_manifest(path, manifest)?;
        hidden.rename_to(&self.manifest_path(&manifest.name))?;
        self.sync()
    }

    /// Deletes an artifact, then its manifest: a run that is killed in between leaves a manifest that says what is
    /// missing.
    pub(super) fn remove(&self, name: &str) -> Result<(), BackupError> {
        remove_if_there(&self.path_of(name))?;
        self.sync()?;
        remove_if_there(&self.manifest_path(name))?;
        self.sync()
    }

    /// Finishes or removes what killed runs left behind; what a living run owns stays. Returns the removed files.
    pub(super) fn sweep(&self, prefix: &str) -> Result<Vec<PathBuf>, BackupError> {
        let mut swept = Vec::new();
        let start = format!(".{prefix}");
        for name in self.names()?.iter().filter(|name| name.starts_with(&start)) {
            let path = self.path.join(name);
            let manifest_of = name.strip_suffix(&format!("{MANIFEST}{PARTIAL}"));
            let owner = match name.strip_suffix(COPY) {
                Some(stem) => self.path.join(format!("{stem}{PARTIAL}")),
                None if name.ends_with(PARTIAL) => path.clone(),
                None => continue,
            };
            let Some(_claim) = claim(&owner) else { continue };
            if !manifest_of.is_some_and(|hidden| self.finish_publication(&hidden[1..], &path)) {
                remove_if_there(&path)?;
                swept.push(path);
            }
        }
        Ok(swept)
    }

    /// A run that is killed after its artifact got the final name leaves a whole manifest under a hidden one.
    fn finish_publication(&self, name: &str, hidden: &Path) -> bool {
        let Ok(manifest) = read_manifest(hidden) else { return false };
        let whole = fs::metadata(self.path_of(name)).is_ok_and(|file| file.len() == manifest.size_bytes);
        let finished = manifest.name == name
            && whole
            && !self.manifest_path(name).exists()
            && fs::rename(hidden, self.manifest_path(name)).is_ok();
        if finished {
            tracing::info!(artifact = name, "finished the publication of a backup whose run was killed");
        }
        finished
    }

    fn names(&self) -> Result<Vec<String>, BackupError> {
        let failed = |source| BackupError::io("read the backup folder", &self.path, source);
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn sync(&self) -> Result<(), BackupError> {
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| BackupError::io("sync", &self.path, source))
    }
}

/// An artifact that is being written. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Draft {
    folder: Folder,
    hidden: Hidden,
    name: String,
}

impl Draft {
    /// The final name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The file, open for writing.
    pub(super) fn file(&self) -> &File {
        &self.hidden.file
    }

    /// The hidden file's path.
    pub(super) fn path(&self) -> &Path {
        &self.hidden.path
    }

    /// An empty private file beside it for the copy of an embedded database; removed when dropped.
    pub(super) fn copy(&self) -> Result<Hidden, BackupError> {
        let path = self.folder.hidden(&self.name, COPY);
        Hidden::create(path.clone()).map_err(|source| BackupError::io("write", &path, source))
    }

    /// Gives the file its final name, then its manifest. What fails half-way is undone.
    pub(super) fn publish(self, manifest: &Manifest) -> Result<(), BackupError> {
        let folder = self.folder;
        let described = folder.hidden(&self.name, &format!("{MANIFEST}{PARTIAL}"));
        let described = Hidden::with_manifest(described, manifest)?;
        let published = folder.path_of(&self.name);
        self.hidden.rename_to(&published)?;
        let finished = folder
            .sync()
            .and_then(|()| described.rename_to(&folder.manifest_path(&self.name)))
            .and_then(|()| folder.sync());
        if finished.is_err() {
            let _ = folder.remove(&self.name);
        }
        finished
    }
}

/// A hidden file of a living run. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Hidden {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Hidden {
    fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path)?;
        // Where the file system knows no locks, sweeping knows none either and leaves the file alone.
        let _ = file.lock();
        // A sweep between the two lines above has removed the file, and the name is free again.
        let ours = file.metadata()?.ino();
        match fs::metadata(&path) {
            Ok(there) if there.ino() == ours => Ok(Self { path, file, renamed: false }),
            _ => Self::create(path),
        }
    }

    fn with_manifest(path: PathBuf, manifest: &Manifest) -> Result<Self, BackupError> {
        let written = || {
            let mut hidden = Self::create(path.clone())?;
            serde_json::to_writer_pretty(&mut hidden.file, manifest)?;
            hidden.file.write_all(b"\n")?;
            hidden.file.sync_all()?;
            Ok(hidden)
        };
        written().map_err(|source| BackupError::io("write", &path, source))
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn rename_to(mut self, target: &Path) -> Result<(), BackupError> {
        fs::rename(&self.path, target).map_err(|source| BackupError::io("publish", target, source))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What keeps a hidden file from being owned by anybody else while it is swept.
enum Claim {
    /// Its lock is ours.
    Locked { _file: File },
    /// There is no such file to own.
    Gone,
}

/// Claims what no living run owns; nothing where a run holds the lock, or where nobody can say.
fn claim(path: &Path) -> Option<Claim> {
    match File::open(path) {
        Ok(file) => file.try_lock().is_ok().then_some(Claim::Locked { _file: file }),
        Err(error) => (error.kind() == io::ErrorKind::NotFound).then_some(Claim::Gone),
    }
}

fn remove_if_there(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::io("delete", path, source))
        }
        _ => Ok(()),
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, BackupError> {
    let unreadable = |reason: String| BackupError::UnreadableManifest { path: path.to_path_buf(), reason };
    let io = |source| BackupError::io("read", path, source);
    let size = fs::metadata(path).map_err(io)?.len();
    if size > MANIFEST_BYTES_MAX {
        return Err(unreadable(format!("it has {size} bytes, more than {MANIFEST_BYTES_MAX}")));
    }
    let manifest: Manifest = serde_json::from_slice(&fs::read(path).map_err(io)?)
        .map_err(|error| unreadable(error.to_string()))?;
    if manifest.format > FORMAT {
        return Err(unreadable(format!("its format is {}, this version knows {FORMAT}", manifest.format)));
    }
    Ok(manifest)
}
