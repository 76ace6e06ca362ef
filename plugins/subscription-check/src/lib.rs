//! Reminds tenants before their subscription ends, marks what has ended, and reports what is critical.
//!
//! This file binds the policy to the contract. `decision` says what one subscription needs, `check` goes through all
//! of them, `findings` is what came of it, `notice` mails it; none of them calls the host by itself.
//!
//! Grants: `subscriptions` and `mail`. The audit rows are the host's: it writes one in the transaction that claims a
//! reminder or marks a subscription.

mod check;
mod decision;
mod findings;
mod notice;

wit_bindgen::generate!({ path: "../../wit", world: "job", additional_derives: [Clone] });

use check::{Host, check};
use decision::Rules;
use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};
use notice::Notices;
use zelador::plugin::mail::{self, MailError, Message};
use zelador::plugin::settings::{self, SettingError};
use zelador::plugin::subscriptions::{self, Outcome, Page, Reminder, SubscriptionError};
use zelador::plugin::{progress, types::Instant};

struct SubscriptionCheck;

impl metadata::Guest for SubscriptionCheck {
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

impl runs::Guest for SubscriptionCheck {
    fn run(context: RunContext) -> Result<Report, Failure> {
        let rules = rules()?;
        let notices = notices()?;
        let mut findings = check(&rules, &notices, &Imports, &context)?;
        notices.report(&mut findings, &Imports, &context);
        Ok(findings.into_report())
    }
}

/// The host behind the contract.
struct Imports;

impl Host for Imports {
    fn list(&self, horizon_days: u32, after: Option<&str>) -> Result<Page, SubscriptionError> {
        subscriptions::list(horizon_days, after)
    }

    fn remind(&self, reminder: &Reminder) -> Result<Outcome, SubscriptionError> {
        subscriptions::remind(reminder)
    }

    fn expire(&self, subscription_id: &str, period_end: Instant) -> Result<Outcome, SubscriptionError> {
        subscriptions::expire(subscription_id, period_end)
    }

    fn send(&self, message: &Message) -> Result<String, MailError> {
        mail::send(message)
    }

    fn progress(&self, done: u64) {
        progress::update(done, 0, "subscriptions checked");
    }
}

fn rules() -> Result<Rules, Failure> {
    let thresholds = settings::integers("thresholds").map_err(unreadable)?;
    let horizon_days = settings::integer("horizon-days").map_err(unreadable)?;
    Rules::new(thresholds, horizon_days).map_err(Failure::InvalidSettings)
}

fn notices() -> Result<Notices, Failure> {
    Ok(Notices {
        to_tenants: settings::boolean("mail-expired").map_err(unreadable)?.unwrap_or(false),
        team: settings::text("report-to").map_err(unreadable)?,
        locale: settings::text("report-locale").map_err(unreadable)?,
    })
}

fn unreadable(error: SettingError) -> Failure {
    let (SettingError::WrongType(reason) | SettingError::Other(reason)) = error;
    Failure::InvalidSettings(reason)
}

export!(SubscriptionCheck);
