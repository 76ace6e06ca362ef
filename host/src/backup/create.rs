//! The making of one artifact, from the lock of its target to its publication.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::archive::{Artifact, BackupRequest, Parts};
use super::content::{Inspector, seal_sha256};
use super::folder::Draft;
use super::gzip::{self, GzipError, Written};
use super::lock::TargetLock;
use super::manifest::{Content, FORMAT, Manifest, Proof, Scope, Target};
use super::progress::{Observer, Phase, Progress};
use super::server::{Access, PostgresAccess, Server};
use super::verify::verify;
use super::{BackupError, postgres, sqlite};
use crate::clock::Timestamp;

/// Makes an artifact under the lock of its target.
pub(super) async fn create(
    parts: &Parts,
    request: BackupRequest,
    observer: Observer,
    stop: CancellationToken,
) -> Result<Artifact, BackupError> {
    let BackupRequest { server, scope, run_id } = request;
    let target = Target { server: server.name().to_owned(), scope };
    if target.scope != Scope::Cluster {
        let reason = "single databases are not backed up yet; back up the whole server".to_owned();
        return Err(BackupError::UnsupportedScope { server: target.server, reason });
    }
    let id = Uuid::now_v7().to_string();
    let owner = format!("{} ({id})", parts.owner);
    let lock = TargetLock::acquire(&parts.locks, &target, &owner, &stop).await?;
    let making = Making { parts, server: &server, target: &target, id, run_id, observer, stop };
    let made = making.run().await;
    let lost = lock.is_lost();
    lock.release().await;
    let artifact = match made {
        Err(BackupError::Cancelled) if lost => return Err(BackupError::LockLost { target }),
        made => parts.artifact(made?),
    };
    parts.record(&artifact).await;
    Ok(artifact)
}

/// An artifact in the making.
struct Making<'a> {
    parts: &'a Parts,
    server: &'a Server,
    target: &'a Target,
    id: String,
    run_id: Option<String>,
    observer: Observer,
    stop: CancellationToken,
}

/// What was written into the draft, and by whom.
struct Filled {
    written: Written,
    /// SHA-256 of the key that seals its sections.
    seal: Option<String>,
    made_by: String,
    server_version: String,
}

impl Making<'_> {
    async fn run(&self) -> Result<Manifest, BackupError> {
        match &self.server.access {
            Access::Postgres(access) => self.of_cluster(access).await,
            Access::Sqlite(path) => self.of_file(path).await,
        }
    }

    async fn of_cluster(&self, access: &PostgresAccess) -> Result<Manifest, BackupError> {
        let prepared = tokio::select! {
            prepared = postgres::prepare(self.server, access, &self.parts.programs, &self.parts.scratch) => prepared?,
            () = self.stop.cancelled() => return Err(BackupError::Cancelled),
        };
        let (content, began) = (Content::PostgresCluster, self.parts.clock.now());
        let draft = self.reserve(content, began)?;
        let sink = Sink::of(&draft, content, &self.observer)?;
        let (written, inspector) = prepared.run(move |output| sink.fill(output), &self.stop).await?;
        let seal = prepared.seal().map(|key| seal_sha256(key.as_bytes()));
        let findings = inspector.findings(seal.as_deref());
        if !findings.is_empty() {
            return Err(BackupError::DumpIncomplete { server: self.target.server.clone(), findings });
        }
        let filled = Filled {
            written,
            seal,
            made_by: prepared.made_by(),
            server_version: prepared.server_version.clone(),
        };
        drop(prepared);
        self.finish(draft, content, began, filled).await
    }

    async fn of_file(&self, path: &Path) -> Result<Manifest, BackupError> {
        let (content, began) = (Content::SqliteDatabase, self.parts.clock.now());
        let draft = self.reserve(content, began)?;
        let copy = draft.copy()?;
        let bytes_total = std::fs::metadata(path).ok().map(|file| file.len());
        (self.observer)(Progress { phase: Phase::Copying, bytes_read: 0, bytes_written: 0, bytes_total });
        let version = sqlite::copy(self.server.name(), path, copy.path(), &self.stop).await?;
        let sink = Sink::of(&draft, content, &self.observer)?;
        let stop = self.stop.clone();
        let (written, _) = blocking(move || {
            let source =
                File::open(copy.path()).map_err(|source| BackupError::io("read", copy.path(), source))?;
            sink.fill(Stoppable { source, stop: stop.clone() }).map_err(|error| match stop.is_cancelled() {
                true => BackupError::Cancelled,
                false => error,
            })
        })
        .await?;
        let filled =
            Filled { written, seal: None, made_by: format!("SQLite {version}"), server_version: version };
        self.finish(draft, content, began, filled).await
    }

    fn reserve(&self, content: Content, began: Timestamp) -> Result<Draft, BackupError> {
        let Parts { folder, naming, .. } = self.parts;
        folder.prepare()?;
        folder.reserve(naming.candidates(self.server.name(), content, began))
    }

    /// Syncs the file, reads it back, and publishes it if it is whole.
    async fn finish(
        &self,
        draft: Draft,
        content: Content,
        began: Timestamp,
        filled: Filled,
    ) -> Result<Manifest, BackupError> {
        let mut manifest = self.manifest(draft.name(), content, began, filled);
        let (observer, stop, clock) =
            (self.observer.clone(), self.stop.clone(), Arc::clone(&self.parts.clock));
        blocking(move || {
            draft.file().sync_all().map_err(|source| BackupError::io("sync", draft.path(), source))?;
            let verification = verify(draft.path(), content, Some(&manifest), &observer, &stop)?;
            if !verification.findings.is_empty() {
                return Err(BackupError::NotWhole { name: manifest.name, findings: verification.findings });
            }
            manifest.finished_at = clock.now();
            manifest.proven_at = manifest.finished_at;
            match stop.is_cancelled() {
                true => Err(BackupError::Cancelled),
                false => draft.publish(&manifest).map(|()| manifest),
            }
        })
        .await
    }

    fn manifest(&self, name: &str, content: Content, began: Timestamp, filled: Filled) -> Manifest {
        let Filled { written, seal, made_by, server_version } = filled;
        Manifest {
            format: FORMAT,
            id: self.id.clone(),
            name: name.to_owned(),
            server: self.target.server.clone(),
            scope: self.target.scope.clone(),
            content,
            run_id: self.run_id.clone(),
            created_at: began,
            finished_at: began,
            size_bytes: written.size_bytes,
            sha256: written.sha256,
            content_bytes: written.content_bytes,
            seal_sha256: seal,
            made_by,
            server_version,
            proof: Some(Proof::Structure),
            proven_at: began,
            extensions: serde_json::Map::new(),
        }
    }
}

/// Where content goes: through compression into the draft's file.
struct Sink {
    file: File,
    path: PathBuf,
    inspector: Inspector,
    observer: Observer,
}

impl Sink {
    fn of(draft: &Draft, content: Content, observer: &Observer) -> Result<Self, BackupError> {
        let path = draft.path().to_path_buf();
        let file = draft.file().try_clone().map_err(|source| BackupError::io("write", &path, source))?;
        Ok(Self { file, path, inspector: Inspector::new(content), observer: observer.clone() })
    }

    /// Takes `source` to its end, and returns what it saw of the content.
    fn fill(mut self, source: impl Read) -> Result<(Written, Inspector), BackupError> {
        let (read, written) = (AtomicU64::new(0), AtomicU64::new(0));
        let compressed = gzip::compress(
            source,
            &mut self.file,
            |block| {
                self.inspector.see(block);
                let bytes_read = read.fetch_add(block.len() as u64, Ordering::Relaxed) + block.len() as u64;
                let bytes_written = written.load(Ordering::Relaxed);
                (self.observer)(Progress {
                    phase: Phase::Dumping,
                    bytes_read,
                    bytes_written,
                    bytes_total: None,
                });
            },
            |bytes| written.store(bytes, Ordering::Relaxed),
        );
        match compressed {
            Ok(written) => Ok((written, self.inspector)),
            Err(GzipError::Read(source)) => Err(BackupError::io("read what goes into", &self.path, source)),
            Err(GzipError::Write(source)) => Err(BackupError::io("write", &self.path, source)),
        }
    }
}

/// A file that is read until somebody asks to stop.
struct Stoppable {
    source: File,
    stop: CancellationToken,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stop.is_cancelled() {
            true => Err(io::Error::other("stopped")),
            false => self.source.read(buffer),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    spawn_blocking(work).await.expect("the making of a backup does not panic")
}
