//! What the commands show of the library's objects: the JSON that scripts read, apart from the types inside, so that
//! these may change.

use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::Value;

use crate::backup::{Artifact, FileState, Scope};
use crate::clock::Timestamp;
use crate::store::{LogLine, Run};

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time for a table: UTC, to the second.
pub fn short(instant: Timestamp) -> String {
    instant.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A number of bytes for a person.
pub fn bytes(count: u64) -> String {
    bytesize::ByteSize(count).display().iec_short().to_string()
}

/// A run.
#[derive(Debug, Serialize)]
pub struct RunView {
    id: String,
    job: String,
    plugin: String,
    plugin_version: Option<String>,
    plugin_sha256: Option<String>,
    trigger: &'static str,
    scheduled_for: Option<String>,
    attempt: u32,
    retry_of: Option<String>,
    /// The state's word.
    pub state: &'static str,
    not_before: String,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    failure: Option<FailureView>,
    report: Option<Value>,
    progress: Option<ProgressView>,
}

#[derive(Debug, Serialize)]
struct FailureView {
    class: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct ProgressView {
    done: u64,
    total: u64,
    message: String,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let (plugin_version, plugin_sha256) = run.plugin_used.map(|used| (used.version, used.hash)).unzip();
        Self {
            id: run.id,
            job: run.job,
            plugin: run.plugin,
            plugin_version,
            plugin_sha256,
            trigger: run.trigger.as_str(),
            scheduled_for: run.scheduled_for.map(rfc3339),
            attempt: run.attempt,
            retry_of: run.retry_of,
            state: run.state.as_str(),
            not_before: rfc3339(run.not_before),
            created_at: rfc3339(run.created_at),
            started_at: run.started_at.map(rfc3339),
            finished_at: run.finished_at.map(rfc3339),
            failure: run
                .failure
                .map(|failure| FailureView { class: failure.class, message: failure.message }),
            report: run.report,
            progress: run.progress.map(|progress| ProgressView {
                done: progress.done,
                total: progress.total,
                message: progress.message,
            }),
        }
    }
}

impl RunView {
    /// What came of it, in a line.
    pub fn outcome(&self) -> String {
        if let Some(failure) = &self.failure {
            return failure.message.clone();
        }
        if let Some(summary) = self.report.as_ref().and_then(|report| report["summary"].as_str()) {
            return summary.to_owned();
        }
        self.progress.as_ref().map(|progress| progress.message.clone()).unwrap_or_default()
    }

    /// A row of the history.
    pub fn row(&self) -> Vec<String> {
        let started = self.started_at.as_deref().unwrap_or(&self.not_before);
        let outcome = self.outcome();
        let first_line = outcome.lines().next().unwrap_or_default();
        vec![
            self.id.clone(),
            self.job.clone(),
            self.state.to_owned(),
            self.attempt.to_string(),
            started.get(..19).map(|time| format!("{}Z", time.replace('T', " "))).unwrap_or_default(),
            first_line.to_owned(),
        ]
    }

    /// The whole of it for a person.
    pub fn sheet(&self) -> String {
        let mut lines = vec![
            format!("run        {}", self.id),
            format!("job        {} (attempt {}, {})", self.job, self.attempt, self.trigger),
            format!("state      {}", self.state),
        ];
        let mut more = |label: &str, value: &Option<String>| {
            if let Some(value) = value {
                lines.push(format!("{label:<10} {value}"));
            }
        };
        more("firing", &self.scheduled_for);
        more("started", &self.started_at);
        more("finished", &self.finished_at);
        more("retry of", &self.retry_of);
        more("plugin", &self.plugin_version.as_ref().map(|version| format!("{} {version}", self.plugin)));
        more("sha256", &self.plugin_sha256);
        lines.push(format!("outcome    {}", self.outcome()));
        let warnings = self.report.as_ref().and_then(|report| report["warnings"].as_array());
        for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
            lines.push(format!("warning    {warning}"));
        }
        lines.join("\n")
    }
}

/// A line of a run's log.
#[derive(Debug, Serialize)]
pub struct LogLineView {
    at: String,
    level: &'static str,
    message: String,
    fields: Value,
}

impl From<LogLine> for LogLineView {
    fn from(line: LogLine) -> Self {
        Self {
            at: rfc3339(line.at),
            level: line.level.as_str(),
            message: line.message,
            fields: line.fields.into_iter().collect(),
        }
    }
}

impl LogLineView {
    /// The line for a person.
    pub fn line(&self) -> String {
        let mut text = format!("{} {:5} {}", self.at, self.level, self.message);
        for (name, value) in self.fields.as_object().into_iter().flatten() {
            text.push_str(&format!(" {name}={value}"));
        }
        text
    }
}

/// A backup artifact.
#[derive(Debug, Serialize)]
pub struct ArtifactView {
    id: String,
    name: String,
    path: String,
    server: String,
    database: Option<String>,
    created_at: String,
    finished_at: String,
    size_bytes: u64,
    content_bytes: u64,
    sha256: String,
    proof: Option<String>,
    proven_at: String,
    /// `whole`, `resized` or `missing`.
    file: &'static str,
}

impl From<&Artifact> for ArtifactView {
    fn from(artifact: &Artifact) -> Self {
        let manifest = &artifact.manifest;
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            path: artifact.path.display().to_string(),
            server: manifest.server.clone(),
            database: match &manifest.scope {
                Scope::Cluster => None,
                Scope::Database(name) => Some(name.clone()),
            },
            created_at: rfc3339(manifest.created_at),
            finished_at: rfc3339(manifest.finished_at),
            size_bytes: manifest.size_bytes,
            content_bytes: manifest.content_bytes,
            sha256: manifest.sha256.clone(),
            proof: artifact.proof().map(|proof| proof.to_string()),
            proven_at: rfc3339(manifest.proven_at),
            file: match artifact.file {
                FileState::Whole => "whole",
                FileState::Resized { .. } => "resized",
                FileState::Missing => "missing",
            },
        }
    }
}

impl ArtifactView {
    /// What a person who just made it wants to know.
    pub fn sheet(&self) -> String {
        format!(
            "{}\n  {} from {} of content, sha256 {}, proven: {}",
            self.path,
            bytes(self.size_bytes),
            bytes(self.content_bytes),
            self.sha256,
            self.proof.as_deref().unwrap_or("nothing")
        )
    }

    /// A row of the listing.
    pub fn row(&self) -> Vec<String> {
        let proof = match self.file {
            "whole" => self.proof.clone().unwrap_or_else(|| "DAMAGED".to_owned()),
            other => other.to_uppercase(),
        };
        let created = self.created_at.get(..19).map(|time| format!("{}Z", time.replace('T', " ")));
        vec![
            self.name.clone(),
            self.server.clone(),
            created.unwrap_or_default(),
            bytes(self.size_bytes),
            proof,
        ]
    }
}
