//! The archive: every artifact of one backup folder, and all that can be done with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::lock::TargetLocks;
use super::manifest::{Content, Manifest, Proof, Scope};
use super::name::{MANIFEST, Naming};
use super::postgres::ProgramFolders;
use super::progress::Observer;
use super::server::Server;
use super::verify::{Verification, verify};
use super::{BackupError, Catalogue, create, postgres};
use crate::clock::SharedClock;

/// Where an archive is and what its files are called.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// The backup folder; made, private to this user, when it is first needed.
    pub folder: PathBuf,
    /// What artifacts are called.
    pub naming: Naming,
    /// A folder on a local disk for the password files of running dumps; made when it is first needed.
    pub scratch: PathBuf,
    /// Where PostgreSQL's programs are looked for.
    pub programs: ProgramFolders,
    /// Who asks for locks: a name for this process that tells a person which host and process it is.
    pub owner: String,
}

/// What to back up.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// The server.
    pub server: Server,
    /// What of it.
    pub scope: Scope,
    /// The run that asks, for the manifest.
    pub run_id: Option<String>,
}

/// The artifacts of one backup folder. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    pub(super) parts: Arc<Parts>,
}

/// What an archive works with.
pub(super) struct Parts {
    pub(super) folder: Folder,
    pub(super) naming: Naming,
    pub(super) scratch: PathBuf,
    pub(super) programs: ProgramFolders,
    pub(super) owner: String,
    pub(super) clock: SharedClock,
    pub(super) locks: Arc<dyn TargetLocks>,
    pub(super) catalogue: Arc<dyn Catalogue>,
}

/// An artifact as it is on the disk now.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// What is known of it.
    pub manifest: Manifest,
    /// What its file looks like from outside.
    pub file: FileState,
    /// Where the file is.
    pub path: PathBuf,
}

/// What a file looks like without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It has the size that the manifest says.
    Whole,
    /// It has another size.
    Resized {
        /// Its size in bytes.
        bytes: u64,
    },
    /// It is not there.
    Missing,
}

impl Artifact {
    /// How far it is proven as it is now; nothing if it is damaged or missing.
    pub fn proof(&self) -> Option<Proof> {
        self.manifest.proof.filter(|_| self.file == FileState::Whole)
    }

    /// Whether it can be restored from, as far as is known.
    pub fn is_good(&self) -> bool {
        self.proof() >= Some(Proof::Structure)
    }
}

impl Archive {
    /// The archive of a folder. Nothing is touched yet.
    pub fn new(
        options: ArchiveOptions,
        clock: SharedClock,
        locks: Arc<dyn TargetLocks>,
        catalogue: Arc<dyn Catalogue>,
    ) -> Self {
        let ArchiveOptions { folder, naming, scratch, programs, owner } = options;
        let folder = Folder::new(folder);
        Self { parts: Arc::new(Parts { folder, naming, scratch, programs, owner, clock, locks, catalogue }) }
    }

    /// Makes a backup: dumps, compresses, syncs, reads back, publishes. Cancelling `cancel` or dropping the future ends
    /// the dump and removes what was written.
    pub async fn create(
        &self,
        request: BackupRequest,
        observer: Observer,
        cancel: &CancellationToken,
    ) -> Result<Artifact, BackupError> {
        let stop = cancel.child_token();
        let _stops_when_dropped = stop.clone().drop_guard();
        let parts = Arc::clone(&self.parts);
        // A task of its own, so that a caller who goes away leaves it to clean up.
        let made = tokio::spawn(async move { create::create(&parts, request, observer, stop).await });
        made.await.expect("making a backup does not panic")
    }

    /// All artifacts, newest first. Those whose manifest cannot be read are left out and noted in the log.
    pub async fn list(&self) -> Result<Vec<Artifact>, BackupError> {
        self.blocking(|parts| {
            let mut manifests = parts.folder.manifests()?;
            manifests.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
            Ok(manifests.into_iter().map(|manifest| parts.artifact(manifest)).collect())
        })
        .await
    }

    /// The artifact with this id or file name.
    pub async fn artifact(&self, id: &str) -> Result<Artifact, BackupError> {
        let found =
            self.list().await?.into_iter().find(|found| found.manifest.id == id || found.manifest.name == id);
        found.ok_or_else(|| BackupError::Unknown(id.to_owned()))
    }

    /// Reads an artifact back to its last byte: one of this archive by id or name, whose manifest then remembers the
    /// result, or any file by its path. Damage is a finding, not an error.
    pub async fn verify(
        &self,
        what: &str,
        observer: Observer,
        cancel: &CancellationToken,
    ) -> Result<Verification, BackupError> {
        let stop = cancel.child_token();
        let _stops_when_dropped = stop.clone().drop_guard();
        match self.artifact(what).await {
            Ok(artifact) => self.verify_ours(artifact, observer, stop).await,
            Err(BackupError::Unknown(_)) if Path::new(what).is_file() => {
                let path = PathBuf::from(what);
                self.blocking(move |_| verify_file(&path, &observer, &stop)).await
            }
            Err(error) => Err(error),
        }
    }

    async fn verify_ours(
        &self,
        artifact: Artifact,
        observer: Observer,
        stop: CancellationToken,
    ) -> Result<Verification, BackupError> {
        let (artifact, verification) = self
            .blocking(move |parts| {
                let mut manifest = artifact.manifest;
                let verification =
                    verify(&artifact.path, manifest.content, Some(&manifest), &observer, &stop)?;
                // A restore proves more than a reading, and one that passes does not take that back.
                manifest.proof =
                    verification.proof().max(manifest.proof.filter(|_| verification.findings.is_empty()));
                manifest.proven_at = parts.clock.now();
                parts.folder.update(&manifest)?;
                Ok((parts.artifact(manifest), verification))
            })
            .await?;
        self.parts.record(&artifact).await;
        Ok(verification)
    }

    /// Deletes an artifact, but never the newest good one of its target.
    pub async fn delete(&self, id: &str) -> Result<Artifact, BackupError> {
        let artifacts = self.list().await?;
        let unknown = || BackupError::Unknown(id.to_owned());
        let doomed = artifacts.iter().find(|found| found.manifest.id == id).ok_or_else(unknown)?.clone();
        let target = doomed.manifest.target();
        let newest_good = artifacts.iter().find(|found| found.is_good() && found.manifest.target() == target);
        if newest_good.is_some_and(|newest| newest.manifest.id == id) {
            return Err(BackupError::LastGood { name: doomed.manifest.name, target });
        }
        let name = doomed.manifest.name.clone();
        self.blocking(move |parts| parts.folder.remove(&name)).await?;
        if let Err(error) = self.parts.catalogue.forget(id).await {
            tracing::warn!(
                artifact = id,
                "deleted, but still in the store's index until the next start: {error:#}"
            );
        }
        Ok(doomed)
    }

    /// Finishes or removes what killed runs left behind; what a living run owns stays. Returns what was removed.
    pub async fn sweep(&self) -> Result<Vec<PathBuf>, BackupError> {
        self.blocking(|parts| {
            postgres::sweep(&parts.scratch)?;
            parts.folder.sweep(&parts.naming.prefix)
        })
        .await
    }

    /// Brings the index in step with the manifests: adopts those it does not know, drops those that are gone.
    pub async fn reconcile(&self) -> anyhow::Result<()> {
        let artifacts = self.list().await?;
        for artifact in &artifacts {
            if artifact.file != FileState::Whole {
                tracing::warn!(artifact = artifact.manifest.name, state = ?artifact.file, "a backup file is not as its manifest says");
            }
            self.parts.catalogue.record(artifact).await?;
        }
        for id in self.parts.catalogue.ids().await? {
            if !artifacts.iter().any(|artifact| artifact.manifest.id == id) {
                tracing::warn!(
                    artifact = id,
                    "a backup is gone from the folder without having been deleted by Zelador"
                );
                self.parts.catalogue.forget(&id).await?;
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T, BackupError> + Send + 'static,
    ) -> Result<T, BackupError> {
        let parts = Arc::clone(&self.parts);
        spawn_blocking(move || work(&parts)).await.expect("work on the backup folder does not panic")
    }
}

impl Parts {
    pub(super) fn artifact(&self, manifest: Manifest) -> Artifact {
        let path = self.folder.path_of(&manifest.name);
        let file = match std::fs::metadata(&path) {
            Ok(file) if file.len() == manifest.size_bytes => FileState::Whole,
            Ok(file) => FileState::Resized { bytes: file.len() },
            Err(_) => FileState::Missing,
        };
        Artifact { manifest, file, path }
    }

    /// Enters an artifact into the index. A failure is only noted: the manifest is there, and a start catches up.
    pub(super) async fn record(&self, artifact: &Artifact) {
        if let Err(error) = self.catalogue.record(artifact).await {
            let name = &artifact.manifest.name;
            tracing::warn!(artifact = name, "not in the store's index until the next start: {error:#}");
        }
    }
}

/// Verifies a file that may have come from elsewhere; the manifest beside it counts, if there is one.
fn verify_file(
    path: &Path,
    observer: &Observer,
    stop: &CancellationToken,
) -> Result<Verification, BackupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = Folder::new(path.parent().map(Path::to_path_buf).unwrap_or_default());
    let manifest = folder.manifest_of(name.strip_suffix(MANIFEST).unwrap_or(&name))?;
    let content = match &manifest {
        Some(manifest) => manifest.content,
        None if name.ends_with(Content::SqliteDatabase.extension()) => Content::SqliteDatabase,
        None => Content::PostgresCluster,
    };
    verify(path, content, manifest.as_ref(), observer, stop)
}
