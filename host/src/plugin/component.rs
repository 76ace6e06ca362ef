//! A plugin: a component that was loaded, what it is, and what it may be used for. How it is called is in `invoke.rs`.

use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::InstancePre;

use super::exports::Exports;
use super::schema::SettingsSchema;
use super::{CallState, GrantError, Grants, Kind, Runtime, SettingError, Settings};

/// A loaded version of a plugin. Cheap to clone; a call that runs keeps its version.
#[derive(Clone)]
pub struct Plugin(pub(super) Arc<Loaded>);

pub(super) struct Loaded {
    pub name: Arc<str>,
    pub kind: Kind,
    pub sha256: String,
    pub size: u64,
    /// All interfaces of ours that it calls, and those among them that need a grant.
    pub imports: Vec<String>,
    pub gated: Vec<String>,
    pub wasi: bool,
    pub about: About,
    pub schema: SettingsSchema,
    pub pre: InstancePre<CallState>,
    pub exports: Exports,
    pub runtime: Runtime,
}

/// What a plugin says of itself: its author's words, bounded and without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What people call it. The operator addresses it by its file's name.
    pub name: String,
    /// Its own semantic version.
    pub version: String,
    /// One sentence.
    pub description: String,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.0.name)
            .field("kind", &self.0.kind)
            .field("version", &self.0.about.version)
            .field("sha256", &self.0.sha256)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// The name of the file without `.wasm`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it decides.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The SHA-256 of the file, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The semantic version that the plugin gives itself.
    pub fn version(&self) -> &str {
        &self.0.about.version
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.0.about
    }

    /// The interfaces of Zelador that it calls, by their short names, sorted.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Those of them that need a grant.
    pub fn needed_grants(&self) -> &[String] {
        &self.0.gated
    }

    /// Whether it calls WASI, which is linked but gives nothing away.
    pub fn uses_wasi(&self) -> bool {
        self.0.wasi
    }

    /// The JSON Schema of its settings.
    pub fn settings_schema(&self) -> &Value {
        self.0.schema.document()
    }

    /// Checks settings against the plugin's schema.
    pub fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingError>> {
        self.0.schema.check(&Value::Object(settings.values().clone()))
    }

    /// Checks that `caller` (job `nightly-backup`) grants what the plugin imports, and that what it grants exists and
    /// fits the configuration. Nothing of the plugin runs.
    pub fn check_grants(&self, grants: &Grants, caller: &str) -> Result<(), GrantError> {
        self.0.runtime.check_grants(grants)?;
        self.require_granted(grants, caller)
    }

    pub(super) fn require_granted(&self, grants: &Grants, caller: &str) -> Result<(), GrantError> {
        match self.0.gated.iter().find(|import| grants.scopes(import).is_none()) {
            None => Ok(()),
            Some(import) => Err(GrantError::NotGranted {
                plugin: self.0.name.to_string(),
                capability: import.clone(),
                caller: caller.to_owned(),
            }),
        }
    }
}
