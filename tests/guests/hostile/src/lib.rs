//! A job that does harm, in the way its setting `mode` says: what the host's limits are tested with.
//!
//! It imports nothing that needs a grant. `harm.rs` has the list of modes.

mod harm;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};
use zelador::plugin::settings;

const SETTINGS: &str = r#"{
  "type": "object",
  "properties": {
    "mode": {"type": "string", "description": "The kind of harm"},
    "bytes": {"type": "integer", "minimum": 0, "description": "How much of it, for the modes that take memory"},
    "count": {"type": "integer", "minimum": 0, "description": "How often, for the modes that repeat"},
    "class": {"type": "string", "description": "The class of the failure, for the mode `fail`"},
    "message": {"type": "string", "description": "A text, for the modes that carry one"}
  },
  "required": ["mode"],
  "additionalProperties": false
}"#;

struct Hostile;

impl metadata::Guest for Hostile {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "hostile".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: SETTINGS.into(),
            extensions: vec![],
        }
    }
}

impl runs::Guest for Hostile {
    fn run(_: RunContext) -> Result<Report, Failure> {
        let mode = text("mode")?.unwrap_or_default();
        let summary = harm::inflict(&mode)?;
        Ok(Report { summary, warnings: vec![], data: None, extensions: vec![] })
    }
}

/// A setting that is a text.
fn text(name: &str) -> Result<Option<String>, Failure> {
    settings::text(name).map_err(|error| Failure::InvalidSettings(format!("{error:?}")))
}

/// A setting that is an amount, or its default.
fn amount(name: &str, default: usize) -> Result<usize, Failure> {
    let value = settings::integer(name).map_err(|error| Failure::InvalidSettings(format!("{error:?}")))?;
    Ok(value.and_then(|value| usize::try_from(value).ok()).unwrap_or(default))
}

export!(Hostile);
