//! Tries again after delays that grow by a factor up to a cap, spread by jitter, then gives up.
//!
//! This file binds the policy to the contract; the policy itself is in `exponential` and calls nothing of the host.

mod exponential;

wit_bindgen::generate!({ path: "../../wit", world: "retry-policy" });

use exponential::{Exponential, Jitter};
use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::retries::{self, Decision, Duration, FailedAttempt};
use zelador::plugin::log::{self, Level};
use zelador::plugin::settings::{self, SettingError};

struct RetryExponential;

impl metadata::Guest for RetryExponential {
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

impl retries::Guest for RetryExponential {
    fn next(attempt: FailedAttempt) -> Decision {
        configured().next(&attempt)
    }

    fn describe() -> Vec<Duration> {
        configured().schedule()
    }
}

fn configured() -> Exponential {
    let default = Exponential::default();
    let jitter = or_default(settings::text("jitter"), String::new());
    Exponential {
        first: or_default(settings::duration_of("first"), default.first),
        multiplier: or_default(settings::number("multiplier"), default.multiplier),
        cap: or_default(settings::duration_of("cap"), default.cap),
        attempts: or_default(settings::integer("attempts"), default.attempts),
        jitter: Jitter::named(&jitter).unwrap_or(default.jitter),
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

export!(RetryExponential);
