//! A retry policy that gives up at once: with it a swap shows in the next dead letter. It takes any settings, so that it
//! can be dropped in the place of any other.

wit_bindgen::generate!({ path: "../../../wit", world: "retry-policy" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::retries::{self, Decision, Duration, FailedAttempt};

struct Quitter;

impl metadata::Guest for Quitter {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "quitter".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: r#"{"type": "object"}"#.into(),
            extensions: vec![],
        }
    }
}

impl retries::Guest for Quitter {
    fn next(attempt: FailedAttempt) -> Decision {
        Decision::DeadLetter(format!("gave up after attempt {}, as the quitter does", attempt.number))
    }

    fn describe() -> Vec<Duration> {
        vec![0]
    }
}

export!(Quitter);
