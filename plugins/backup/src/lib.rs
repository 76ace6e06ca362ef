//! Backs up every server that the job was granted, whole.

wit_bindgen::generate!({ path: "../../wit", world: "job" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};
use zelador::plugin::archive::{self, ArchiveError, Compression, Request, Scope};
use zelador::plugin::databases;

struct Backup;

impl metadata::Guest for Backup {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "backup".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: r#"{"type": "object", "additionalProperties": false}"#.into(),
            extensions: vec![],
        }
    }
}

impl runs::Guest for Backup {
    fn run(_: RunContext) -> Result<Report, Failure> {
        let mut names = Vec::new();
        for server in databases::servers() {
            names.push(back_up(server.name).map_err(failure)?);
        }
        Ok(Report {
            summary: format!("made {}", names.join(", ")),
            warnings: vec![],
            data: None,
            extensions: vec![],
        })
    }
}

/// Returns the artifact's name.
fn back_up(server: String) -> Result<String, ArchiveError> {
    let request =
        Request { server, scope: Scope::Cluster, compression: Compression::Gzip, extensions: vec![] };
    archive::create(&request).map(|artifact| artifact.name)
}

fn failure(error: ArchiveError) -> Failure {
    match error {
        ArchiveError::NotGranted(reason) => Failure::Denied(reason),
        ArchiveError::Busy(reason) | ArchiveError::Unavailable(reason) => Failure::Unavailable(reason),
        ArchiveError::Refused(reason) | ArchiveError::Other(reason) => Failure::Other(reason),
    }
}

export!(Backup);
