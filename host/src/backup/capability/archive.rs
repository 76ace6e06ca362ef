//! The host side of WIT `archive`: backups of the servers that `databases` grants, and of no others.

use std::any::Any;
use std::sync::Arc;

use chrono::DateTime;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{HasSelf, Linker};

use super::super::progress::{Observer, Progress, unobserved};
use super::super::server::{Server, Servers};
use super::super::{Archive, Artifact, BackupError, BackupRequest, Proof, Scope};
use super::databases::{granted, not_granted};
use crate::clock::Timestamp;
use crate::plugin::bindings::job::zelador::plugin::archive::{self, ArchiveError, Page, Request};
use crate::plugin::{CallContext, CallSink, CallState, Capability, LogLevel, LogLine};

/// Artifacts in one answer; the contract says so.
const PAGE: usize = 100;

/// A reason for a deletion longer than this is cut in the log.
const REASON_CHARS_MAX: usize = 256;

/// The capability `archive`. It takes no scopes: the servers come from the grants of `databases`.
pub struct ArchiveCapability {
    archive: Archive,
    servers: Arc<Servers>,
}

impl ArchiveCapability {
    /// Over this archive and these servers.
    pub fn new(archive: Archive, servers: Arc<Servers>) -> Self {
        Self { archive, servers }
    }
}

impl Capability for ArchiveCapability {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        archive::add_to_linker::<_, HasSelf<Access>>(linker, |state| state.capability::<Access>())
    }

    fn check(&self, scopes: &[String]) -> Result<(), String> {
        match scopes.first() {
            Some(scope) => Err(format!(
                "it takes no scope, but `archive:{scope}` has one; write `archive`, and `databases:{scope}` for the server"
            )),
            None => Ok(()),
        }
    }

    fn prepare(&self, call: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(Access {
            archive: self.archive.clone(),
            servers: granted(&self.servers, call),
            run_id: call.info.run_id.as_deref().map(str::to_owned),
            caller: call.info.caller.to_string(),
            observer: observer(call.sink.clone()),
            sink: call.sink.clone(),
        })
    }
}

/// What one call may do with the archive.
struct Access {
    archive: Archive,
    servers: Servers,
    run_id: Option<String>,
    caller: String,
    observer: Observer,
    sink: Option<Arc<dyn CallSink>>,
}

impl archive::Host for Access {
    async fn create(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<archive::Artifact, ArchiveError>> {
        Ok(self.back_up(request).await)
    }

    async fn list(
        &mut self,
        server: String,
        after: Option<String>,
    ) -> wasmtime::Result<Result<Page, ArchiveError>> {
        Ok(self.page(&server, after.as_deref()).await)
    }

    async fn delete(&mut self, id: String, reason: String) -> wasmtime::Result<Result<(), ArchiveError>> {
        Ok(self.remove(&id, &reason).await)
    }
}

impl Access {
    async fn back_up(&self, request: Request) -> Result<archive::Artifact, ArchiveError> {
        let Request { server, scope, compression: archive::Compression::Gzip, extensions: _ } = request;
        let request = BackupRequest {
            server: self.server(&server)?.clone(),
            scope: match scope {
                archive::Scope::Cluster => Scope::Cluster,
                archive::Scope::Database(database) => Scope::Database(database),
            },
            run_id: self.run_id.clone(),
        };
        // A call that ends early drops this future, which ends the dump.
        let made = self.archive.create(request, Arc::clone(&self.observer), &CancellationToken::new()).await;
        made.map(described).map_err(refusal)
    }

    async fn page(&self, server: &str, after: Option<&str>) -> Result<Page, ArchiveError> {
        self.server(server)?;
        let after = after.map(|place| Place::parse(place).ok_or_else(|| no_page(place))).transpose()?;
        let artifacts = self.archive.list().await.map_err(refusal)?;
        let mut rest = artifacts
            .into_iter()
            .filter(|artifact| artifact.manifest.server == server)
            .filter(|artifact| after.as_ref().is_none_or(|after| Place::of(artifact) < *after));
        let page: Vec<_> = rest.by_ref().take(PAGE).collect();
        let next = rest.next().and(page.last()).map(|last| Place::of(last).to_string());
        Ok(Page { artifacts: page.into_iter().map(described).collect(), next })
    }

    async fn remove(&self, id: &str, reason: &str) -> Result<(), ArchiveError> {
        let unknown = || ArchiveError::NotGranted(BackupError::Unknown(id.to_owned()).to_string());
        let found = self.archive.artifact(id).await.map_err(refusal)?;
        if found.manifest.id != id || !self.servers.contains_key(&found.manifest.server) {
            return Err(unknown());
        }
        let deleted = self.archive.delete(id).await.map_err(refusal)?;
        self.log(format!("deleted {}: {}", deleted.manifest.name, plain(reason)));
        Ok(())
    }

    /// Into the log of the run, where a person looks for what became of a backup.
    fn log(&self, message: String) {
        tracing::info!(caller = self.caller, "{message}");
        if let Some(sink) = &self.sink {
            let at = self.archive.parts.clock.now();
            sink.log(&LogLine { at, level: LogLevel::Info, message, fields: Vec::new() });
        }
    }

    fn server(&self, name: &str) -> Result<&Server, ArchiveError> {
        self.servers.get(name).ok_or_else(|| ArchiveError::NotGranted(not_granted(name)))
    }
}

/// A guest's reason as one short line.
fn plain(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A place in the list of artifacts, which stays where it is when artifacts around it come and go.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    created_at: Timestamp,
    id: String,
}

impl Place {
    fn of(artifact: &Artifact) -> Self {
        Self { created_at: artifact.manifest.created_at, id: artifact.manifest.id.clone() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (milliseconds, id) = text.split_once('/')?;
        let created_at = DateTime::from_timestamp_millis(milliseconds.parse().ok()?)?;
        Some(Self { created_at, id: id.to_owned() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.created_at.timestamp_millis(), self.id)
    }
}

fn no_page(place: &str) -> ArchiveError {
    ArchiveError::Other(format!(
        "`{place}` is not a place in a list: hand over what the page before gave as `next`"
    ))
}

fn described(artifact: Artifact) -> archive::Artifact {
    let proof = artifact.proof();
    let manifest = artifact.manifest;
    archive::Artifact {
        id: manifest.id,
        name: manifest.name,
        server: manifest.server,
        scope: match manifest.scope {
            Scope::Cluster => archive::Scope::Cluster,
            Scope::Database(database) => archive::Scope::Database(database),
        },
        created_at: manifest.created_at.timestamp_millis(),
        size_bytes: manifest.size_bytes,
        proof: proof.map(|proof| match proof {
            Proof::Present => archive::Proof::Present,
            Proof::Hash => archive::Proof::Hash,
            Proof::Decompressed => archive::Proof::Decompressed,
            Proof::Structure => archive::Proof::Structure,
            Proof::Restored => archive::Proof::Restored,
            Proof::Contents => archive::Proof::Contents,
            Proof::ClusterRestored => archive::Proof::ClusterRestored,
        }),
        extensions: Vec::new(),
    }
}

fn refusal(error: BackupError) -> ArchiveError {
    let message = error.to_string();
    match error {
        BackupError::Busy { .. } => ArchiveError::Busy(message),
        BackupError::Unknown(_) => ArchiveError::NotGranted(message),
        BackupError::LastGood { .. } => ArchiveError::Refused(message),
        BackupError::UnsupportedScope { .. } | BackupError::InvalidServer { .. } => {
            ArchiveError::Other(message)
        }
        _ => ArchiveError::Unavailable(message),
    }
}

/// Passes progress on to those who watch the call.
fn observer(sink: Option<Arc<dyn CallSink>>) -> Observer {
    let Some(sink) = sink else { return unobserved() };
    Arc::new(move |Progress { phase, bytes_read, bytes_total, .. }| {
        sink.progress(crate::plugin::Progress {
            done: bytes_read,
            total: bytes_total.unwrap_or_default(),
            message: phase.to_string(),
        });
    })
}
