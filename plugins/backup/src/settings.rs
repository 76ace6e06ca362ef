//! What the operator may set.

use crate::exports::zelador::plugin::runs::Failure;
use crate::zelador::plugin::settings::{self, SettingError};

/// The JSON Schema of the settings.
pub const SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "servers": {
      "description": "the servers to back up, by name; all that the job grants if absent",
      "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true
    },
    "retention-days": {
      "description": "backups older than this many days are deleted; 0 keeps all",
      "type": "integer", "minimum": 0, "maximum": 36500, "default": 30
    },
    "minimum-kept": {
      "description": "so many good backups of each server stay, however old they are",
      "type": "integer", "minimum": 1, "maximum": 10000, "default": 1
    }
  }
}"#;

/// The settings of a run.
pub struct Settings {
    /// The servers to back up; all granted ones if absent.
    pub servers: Option<Vec<String>>,
    /// 0 keeps all.
    pub retention_days: u32,
    /// Good backups of each server that stay in any case.
    pub minimum_kept: usize,
}

impl Settings {
    /// The host has checked them against the schema.
    pub fn read() -> Result<Self, Failure> {
        Ok(Self {
            servers: settings::texts("servers").map_err(|error| unreadable("servers", error))?,
            retention_days: number("retention-days", 30)?,
            minimum_kept: number("minimum-kept", 1)? as usize,
        })
    }
}

fn number(name: &str, default: u32) -> Result<u32, Failure> {
    let value = settings::integer(name).map_err(|error| unreadable(name, error))?;
    value.map_or(Ok(default), u32::try_from).map_err(|error| invalid(name, &error.to_string()))
}

fn unreadable(name: &str, error: SettingError) -> Failure {
    match error {
        SettingError::WrongType(reason) | SettingError::Other(reason) => invalid(name, &reason),
    }
}

fn invalid(name: &str, reason: &str) -> Failure {
    Failure::InvalidSettings(format!("`{name}`: {reason}"))
}
