//! What the folder tells of: each version that was seen, and what became of it.

use std::fmt;

use super::Refusal;
use crate::clock::Timestamp;
use crate::plugin::{Kind, Plugin};

/// A version was seen, or its state changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginEvent {
    /// The name of the file without `.wasm`.
    pub name: String,
    /// The file's hash, in hexadecimal digits, if it was read.
    pub sha256: Option<String>,
    /// The file's size in bytes.
    pub size: u64,
    /// What it decides, if it loaded.
    pub kind: Option<Kind>,
    /// The version that it gives itself, if it loaded.
    pub version: Option<String>,
    /// What became of it.
    pub state: VersionState,
    /// Why, if it was refused.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionState {
    /// It serves.
    Active,
    /// It did not load.
    Refused,
    /// A newer version serves in its place.
    Superseded,
    /// Its file was taken away.
    Removed,
}

impl VersionState {
    /// A word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PluginEvent {
    pub(super) fn of(plugin: &Plugin, state: VersionState, at: Timestamp) -> Self {
        Self {
            name: plugin.name().to_owned(),
            sha256: Some(plugin.sha256().to_owned()),
            size: plugin.size(),
            kind: Some(plugin.kind()),
            version: Some(plugin.version().to_owned()),
            state,
            reason: None,
            at,
        }
    }

    pub(super) fn refused(name: &str, refusal: &Refusal) -> Self {
        Self {
            name: name.to_owned(),
            sha256: refusal.sha256.clone(),
            size: refusal.size,
            kind: None,
            version: None,
            state: VersionState::Refused,
            reason: Some(refusal.reason.clone()),
            at: refusal.at,
        }
    }

    pub(super) fn log(&self) {
        let (plugin, version, sha256) = (&*self.name, self.version.as_deref(), self.sha256.as_deref());
        match (&self.reason, self.state) {
            (Some(reason), _) => tracing::warn!(plugin, sha256, reason, "plugin file refused"),
            (None, state) => tracing::info!(plugin, version, sha256, "plugin {state}"),
        }
    }
}
