//! What came of a run, gathered server by server, and said at its end.

use serde_json::{Value, json};

use crate::exports::zelador::plugin::runs::{Failure, Report};
use crate::reason;
use crate::zelador::plugin::archive::{ArchiveError, Artifact};

/// What came of a run so far.
#[derive(Default)]
pub struct Outcome {
    backups: Vec<Value>,
    bytes: u64,
    deleted: Vec<String>,
    warnings: Vec<String>,
    failures: Vec<(String, ArchiveError)>,
}

impl Outcome {
    /// A backup was made.
    pub fn made(&mut self, artifact: &Artifact) {
        self.bytes += artifact.size_bytes;
        self.backups.push(described(artifact));
    }

    /// A backup was there already.
    pub fn found(&mut self, artifact: &Artifact) {
        self.backups.push(described(artifact));
    }

    /// An old backup was deleted.
    pub fn deleted(&mut self, name: &str) {
        self.deleted.push(name.to_owned());
    }

    /// Something that a person should look at.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// A server was not backed up.
    pub fn failed(&mut self, server: &str, error: ArchiveError) {
        self.failures.push((server.to_owned(), error));
    }

    /// A run that left one server without a backup has failed, whatever became of the others.
    pub fn into_report(self) -> Result<Report, Failure> {
        if !self.failures.is_empty() {
            return Err(self.failure());
        }
        let data = json!({ "backups": self.backups, "deleted": self.deleted });
        Ok(Report {
            summary: self.summary(),
            warnings: self.warnings,
            data: Some(data.to_string()),
            extensions: vec![],
        })
    }

    fn summary(&self) -> String {
        let names: Vec<&str> = self.backups.iter().filter_map(|backup| backup["name"].as_str()).collect();
        let deleted = match self.deleted.len() {
            0 => String::new(),
            count => format!("; {count} older deleted"),
        };
        format!("backed up {} ({} bytes){deleted}", names.join(", "), self.bytes)
    }

    /// Trying again is worth it if it may help one server.
    fn failure(&self) -> Failure {
        let reasons: Vec<_> =
            self.failures.iter().map(|(server, error)| format!("{server}: {}", reason(error))).collect();
        let mut text = reasons.join("; ");
        if !self.backups.is_empty() {
            text += &format!(" ({})", self.summary());
        }
        let any = |kind: fn(&ArchiveError) -> bool| self.failures.iter().any(|(_, error)| kind(error));
        if any(|error| matches!(error, ArchiveError::Busy(_) | ArchiveError::Unavailable(_))) {
            Failure::Unavailable(text)
        } else if any(|error| matches!(error, ArchiveError::NotGranted(_))) {
            Failure::Denied(text)
        } else {
            Failure::Other(text)
        }
    }
}

fn described(artifact: &Artifact) -> Value {
    json!({
        "id": artifact.id,
        "name": artifact.name,
        "server": artifact.server,
        "size_bytes": artifact.size_bytes,
    })
}
