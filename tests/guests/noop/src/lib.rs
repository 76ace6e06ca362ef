//! The smallest job: reports at once and imports no function. What a call costs is measured with it.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};

#[global_allocator]
static ALLOCATOR: arena::Arena = arena::Arena::new();

struct Noop;

impl metadata::Guest for Noop {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "noop".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: r#"{"type": "object", "additionalProperties": false}"#.into(),
            extensions: vec![],
        }
    }
}

impl runs::Guest for Noop {
    fn run(_: RunContext) -> Result<Report, Failure> {
        Ok(Report { summary: "nothing to do".into(), warnings: vec![], data: None, extensions: vec![] })
    }
}

export!(Noop);
