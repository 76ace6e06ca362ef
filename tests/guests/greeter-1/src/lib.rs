//! A job that says which version of it runs, if wanted after a while: with it the tests see a swap happen. Built
//! twice, as `greeter-1` and `greeter-2`.
//!
//! Setting `linger`: how long a run takes, by the host's clock.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};
use zelador::plugin::{clock, settings};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const SETTINGS: &str = r#"{
  "type": "object",
  "properties": {"linger": {"type": "string"}},
  "additionalProperties": false
}"#;

struct Greeter;

impl metadata::Guest for Greeter {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "greeter".into(),
            version: VERSION.into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: SETTINGS.into(),
            extensions: vec![],
        }
    }
}

impl runs::Guest for Greeter {
    fn run(context: RunContext) -> Result<Report, Failure> {
        let linger = settings::duration_of("linger")
            .map_err(|error| Failure::InvalidSettings(format!("{error:?}")))?;
        if let Some(milliseconds) = linger {
            let end = context.started_at.saturating_add_unsigned(milliseconds);
            while clock::now() < end {}
        }
        Ok(Report {
            summary: format!("hello from {VERSION}"),
            warnings: vec![],
            data: None,
            extensions: vec![],
        })
    }
}

export!(Greeter);
