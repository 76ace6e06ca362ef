//! The operator's settings as the policy's own types, with the defaults that the schema promises.

use crate::request::{Scheme, Style};
use crate::verdict::{Permanent, Rules};
use crate::zelador::plugin::log::{self, Level};
use crate::zelador::plugin::settings::{self, SettingError};

/// How requests look.
pub fn style() -> Style {
    let default = Style::default();
    let signatures = or_none(settings::texts("signatures"));
    Style {
        schemes: signatures.map_or(default.schemes, |names| known(&names, Scheme::named)),
        signature_required: or_none(settings::boolean("require-signature"))
            .unwrap_or(default.signature_required),
        user_agent: or_none(settings::text("user-agent")).unwrap_or(default.user_agent),
    }
}

/// What answers mean.
pub fn rules() -> Rules {
    let default = Rules::default();
    let permanent = or_none(settings::texts("permanent-failures"));
    Rules {
        retry_statuses: or_none(settings::integers("retry-statuses")).unwrap_or(default.retry_statuses),
        permanent: permanent.map_or(default.permanent, |names| known(&names, Permanent::named)),
        name_unknown_attempts: or_none(settings::integer("name-unknown-attempts"))
            .unwrap_or(default.name_unknown_attempts),
        retry_after_max: or_none(settings::duration_of("retry-after-max")).unwrap_or(default.retry_after_max),
        disable_after: or_none(settings::duration_of("disable-after")).unwrap_or(default.disable_after),
    }
}

fn known<T>(names: &[String], named: fn(&str) -> Option<T>) -> Vec<T> {
    names.iter().filter_map(|name| named(name)).collect()
}

/// The host has checked the settings against the schema, so an unreadable one is its mistake: a delivery must not
/// suffer from it.
fn or_none<T>(setting: Result<Option<T>, SettingError>) -> Option<T> {
    match setting {
        Ok(value) => value,
        Err(SettingError::WrongType(reason) | SettingError::Other(reason)) => {
            log::write(Level::Error, &format!("the default is used: {reason}"), &[]);
            None
        }
    }
}
