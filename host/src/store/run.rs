//! A run: one execution of a job, from the wish to the result.
//!
//! ```text
//!             claim            finish
//!  queued ────────────► running ───────► succeeded | failed | interrupted | skipped
//!                          │  lease expired
//!  (born) skipped          └───────────► interrupted
//! ```
//! A final state never changes. Trying again is a new run, with the next `attempt` and with `retry_of` set.

use serde_json::Value as Json;

use super::lock::Fence;
use super::row::Row;
use super::word::words;
use crate::clock::Timestamp;

words! {
    /// Where a run stands.
    RunState {
        /// Waits for its time and for a host.
        Queued = "queued",
        /// A host holds its lease.
        Running = "running",
        /// The plugin reported that it did the work.
        Succeeded = "succeeded",
        /// The plugin or its sandbox failed.
        Failed = "failed",
        /// The host that ran it stopped or disappeared.
        Interrupted = "interrupted",
        /// It was not executed, for the reason in its failure.
        Skipped = "skipped",
    }
}

impl RunState {
    /// Whether the state never changes any more.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

words! {
    /// What started a run.
    Trigger {
        /// The job's schedule.
        Schedule = "schedule",
        /// A person or a program.
        Manual = "manual",
    }
}

/// A run that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The job's name in the configuration.
    pub job: String,
    /// The plugin that does the work.
    pub plugin: String,
    /// What started it.
    pub trigger: Trigger,
    /// The instant of the schedule that it answers.
    pub scheduled_for: Option<Timestamp>,
    /// 1 for the first try.
    pub attempt: u32,
    /// The first try, if this is another.
    pub retry_of: Option<String>,
    /// It is not claimed before.
    pub not_before: Timestamp,
    /// Why it is recorded as skipped instead of queued.
    pub skipped: Option<Failure>,
}

impl NewRun {
    /// The next try of `run`, not before `not_before`.
    pub fn retry(run: &Run, not_before: Timestamp) -> Self {
        Self {
            job: run.job.clone(),
            plugin: run.plugin.clone(),
            trigger: run.trigger,
            scheduled_for: run.scheduled_for,
            attempt: run.attempt.saturating_add(1),
            retry_of: Some(run.retry_of.clone().unwrap_or_else(|| run.id.clone())),
            not_before,
            skipped: None,
        }
    }
}

/// A run that is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// UUID version 7: newer runs sort after older ones.
    pub id: String,
    /// The job's name in the configuration.
    pub job: String,
    /// The plugin that does the work.
    pub plugin: String,
    /// What started it.
    pub trigger: Trigger,
    /// The instant of the schedule that it answers.
    pub scheduled_for: Option<Timestamp>,
    /// 1 for the first try.
    pub attempt: u32,
    /// The first try, if this is another.
    pub retry_of: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// It is not claimed before.
    pub not_before: Timestamp,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When a host claimed it.
    pub started_at: Option<Timestamp>,
    /// When it reached its final state.
    pub finished_at: Option<Timestamp>,
    /// The host that claimed it.
    pub owner: Option<String>,
    /// Until when that host holds it without a heartbeat.
    pub lease_expires_at: Option<Timestamp>,
    /// Proves to the store that a caller is the one that claimed it.
    pub fence: Fence,
    /// The plugin version that it used.
    pub plugin_used: Option<PluginUsed>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// What the plugin reported.
    pub report: Option<Json>,
    /// How far it is, or was.
    pub progress: Option<Progress>,
}

/// The version of a plugin that a run used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUsed {
    /// What the plugin calls its version.
    pub version: String,
    /// The SHA-256 of its file.
    pub hash: String,
}

/// Why a run did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A lower-case word for programs: `timeout`, `denied`.
    pub class: String,
    /// Sentences for a person.
    pub message: String,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Units of work done.
    pub done: u64,
    /// Units of work in all; 0 means that the end is not known.
    pub total: u64,
    /// What is being done.
    pub message: String,
}

/// The columns that [`Run::from_row`] reads.
macro_rules! run_columns {
    () => {
        "id, job, plugin, trigger, scheduled_for, attempt, retry_of, state, not_before, created_at, started_at, \
         finished_at, owner, lease_expires_at, fence, plugin_version, plugin_hash, failure_class, failure_message, \
         report, progress_done, progress_total, progress_message"
    };
}

pub(super) use run_columns;

impl Run {
    pub(super) fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            job: row.get("job")?,
            plugin: row.get("plugin")?,
            trigger: row.word("trigger")?,
            scheduled_for: row.optional_instant("scheduled_for")?,
            attempt: row.unsigned("attempt")?,
            retry_of: row.get("retry_of")?,
            state: row.word("state")?,
            not_before: row.instant("not_before")?,
            created_at: row.instant("created_at")?,
            started_at: row.optional_instant("started_at")?,
            finished_at: row.optional_instant("finished_at")?,
            owner: row.get("owner")?,
            lease_expires_at: row.optional_instant("lease_expires_at")?,
            fence: Fence(row.get("fence")?),
            plugin_used: PluginUsed::from_row(row)?,
            failure: Failure::from_row(row)?,
            report: row.optional_json("report")?,
            progress: Progress::from_row(row)?,
        })
    }
}

impl PluginUsed {
    fn from_row(row: &Row) -> sqlx::Result<Option<Self>> {
        let (version, hash) = (row.get("plugin_version")?, row.get("plugin_hash")?);
        Ok(Option::zip(version, hash).map(|(version, hash)| Self { version, hash }))
    }
}

impl Failure {
    fn from_row(row: &Row) -> sqlx::Result<Option<Self>> {
        let (class, message) = (row.get("failure_class")?, row.get("failure_message")?);
        Ok(Option::zip(class, message).map(|(class, message)| Self { class, message }))
    }
}

impl Progress {
    fn from_row(row: &Row) -> sqlx::Result<Option<Self>> {
        let Some(message) = row.get("progress_message")? else { return Ok(None) };
        let (done, total) = (row.unsigned("progress_done")?, row.unsigned("progress_total")?);
        Ok(Some(Self { done, total, message }))
    }
}
