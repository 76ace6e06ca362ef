//! Tries again after a list of delays, then gives up: at once, 1 minute, 5 minutes, 15 minutes, 1 hour, dead letter.
//!
//! This file binds the policy to the contract; the policy itself is in `steps` and calls nothing of the host.

mod steps;

wit_bindgen::generate!({ path: "../../wit", world: "retry-policy" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::retries::{self, Decision, Duration, FailedAttempt};
use steps::Steps;
use zelador::plugin::log::{self, Level};
use zelador::plugin::settings::{self, SettingError};

struct RetrySteps;

impl metadata::Guest for RetrySteps {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: include_str!("settings.schema.json").into(),
            extensions: vec![],
        }
    }
}

impl retries::Guest for RetrySteps {
    fn next(attempt: FailedAttempt) -> Decision {
        configured().next(&attempt)
    }

    fn describe() -> Vec<Duration> {
        configured().schedule()
    }
}

fn configured() -> Steps {
    let default = Steps::default();
    Steps {
        waits: or_default(settings::durations_of("steps"), default.waits),
        jitter: or_default(settings::number("jitter"), default.jitter),
    }
}

/// The host has checked the settings against the schema, so an unreadable one is its mistake: a delivery must not
/// suffer from it.
fn or_default<T>(setting: Result<Option<T>, SettingError>, default: T) -> T {
    match setting {
        Ok(value) => value.unwrap_or(default),
        Err(SettingError::WrongType(reason) | SettingError::Other(reason)) => {
            log::write(Level::Error, &format!("the default is used: {reason}"), &[]);
            default
        }
    }
}

export!(RetrySteps);
