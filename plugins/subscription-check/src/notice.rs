//! The mails of a check that are no reminders: to a tenant whose subscription has ended, to the operators.

use serde_json::json;

use crate::check::Host;
use crate::exports::zelador::plugin::runs::RunContext;
use crate::findings::{Findings, rfc3339};
use crate::zelador::plugin::mail::{MailError, Message, Recipient};
use crate::zelador::plugin::subscriptions::Subscription;

/// How many critical subscriptions a mail lists: what a person reads.
const ROWS_MAX: usize = 50;

/// Who is told.
#[derive(Default)]
pub struct Notices {
    /// Whether a tenant hears that its subscription has ended.
    pub to_tenants: bool,
    /// The role that gets the report.
    pub team: Option<String>,
    pub locale: Option<String>,
}

impl Notices {
    /// Tells the tenant. The mail follows the marking, so one that was renewed at the last moment hears nothing; a
    /// crash between the two costs this one mail.
    pub fn expired(&self, subscription: &Subscription, findings: &mut Findings, host: &impl Host) {
        if !self.to_tenants || findings.is_dry_run() {
            return;
        }
        let period_end = rfc3339(subscription.expires_at);
        let message = Message {
            to: Recipient::Tenant(subscription.tenant_id.clone()),
            template: "expired".into(),
            locale: Some(subscription.locale.clone()),
            idempotency_key: Some(format!("expired/{}/{period_end}", subscription.id)),
            data: json!({
                "subscription_id": subscription.id,
                "tenant_id": subscription.tenant_id,
                "tenant_name": subscription.tenant_name,
                "expires_at": period_end,
                "timezone": subscription.timezone,
            })
            .to_string(),
            extensions: vec![],
        };
        if let Err(error) = host.send(&message) {
            findings.warn(format!("tenant {} was not told: {}", subscription.tenant_id, said(error)));
        }
    }

    /// Mails the report if somebody is to get it and there is something in it. The reminders are out by then: a report
    /// that cannot be mailed is a warning.
    pub fn report(&self, findings: &mut Findings, host: &impl Host, context: &RunContext) {
        let Some(team) = &self.team else { return };
        let totals = findings.totals();
        if findings.is_dry_run() || totals.critical + totals.expired == 0 {
            return;
        }
        let message = Message {
            to: Recipient::Team(team.clone()),
            template: "subscription-report".into(),
            locale: self.locale.clone(),
            data: report_data(findings),
            idempotency_key: Some(format!("{}/{}", context.job_name, firing(context))),
            extensions: vec![],
        };
        if let Err(error) = host.send(&message) {
            findings.warn(format!("the report was not mailed to `{team}`: {}", said(error)));
        }
    }
}

fn report_data(findings: &Findings) -> String {
    let critical = findings.first_critical(ROWS_MAX);
    json!({ "at": findings.at(), "critical": critical, "totals": findings.totals() }).to_string()
}

/// The same for every try of one firing, so that one firing mails one report.
fn firing(context: &RunContext) -> String {
    context.scheduled_for.map_or_else(|| context.run_id.clone(), rfc3339)
}

fn said(error: MailError) -> String {
    let (MailError::NotGranted(reason)
    | MailError::Invalid(reason)
    | MailError::Unavailable(reason)
    | MailError::Other(reason)) = error;
    reason
}
