//! `[job.NAME]`: a plugin, its settings and its schedule.

use std::time::Duration;

use serde::Deserialize;

use super::value::{self, Zone};

/// A job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Job {
    /// The plugin that does the work, by its file's name without `.wasm`.
    pub plugin: String,
    /// A crontab expression; absent for a job that only people start.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The zone that the schedule is written in.
    #[serde(default)]
    pub timezone: Zone,
    /// What to do about firings that passed while nothing ran.
    #[serde(default)]
    pub missed: Missed,
    /// What to do about a firing while the run before it goes on.
    #[serde(default)]
    pub overlap: Overlap,
    /// A firing starts up to this much later, by chance: spreads load that would come on the hour.
    #[serde(default, deserialize_with = "value::duration::deserialize")]
    pub jitter: Duration,
    /// The run is ended after this time.
    #[serde(default = "six_hours", deserialize_with = "value::duration::deserialize")]
    pub timeout: Duration,
    /// Whether and when a failed run is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// What the plugin may use: `archive`, `databases:main`.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Settings over the plugin's own.
    #[serde(default)]
    pub settings: toml::Table,
    /// Whether the schedule is followed.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What to do about firings that passed while nothing ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// Forget them.
    Skip,
    /// Run once, for the newest of them.
    #[default]
    RunOnce,
    /// Run for each of them, oldest first.
    RunAll,
}

/// What to do about a firing while the run before it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Record it as skipped.
    #[default]
    Skip,
    /// Run it afterwards.
    Queue,
}

/// Whether and when a failed or interrupted run is tried again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Retry {
    /// How many runs there are at most for one firing; 1 means that nothing is tried again.
    pub attempts: u32,
    /// How long to wait before the next.
    #[serde(deserialize_with = "value::duration::deserialize")]
    pub delay: Duration,
}

impl Default for Retry {
    /// Two more tries: a restart of the server, or of this daemon, should not cost a night's backup.
    fn default() -> Self {
        Self { attempts: 3, delay: Duration::from_secs(5 * 60) }
    }
}

/// Longer than the backup of a large cluster, shorter than the time to the next working day.
fn six_hours() -> Duration {
    Duration::from_secs(6 * 60 * 60)
}

fn yes() -> bool {
    true
}
