//! Goes through the subscriptions that end soon, page by page, and does what each needs.

use crate::decision::{Decision, Rules, urgency};
use crate::exports::zelador::plugin::runs::{Failure, RunContext};
use crate::findings::Findings;
use crate::notice::Notices;
use crate::zelador::plugin::mail::{MailError, Message};
use crate::zelador::plugin::subscriptions::{
    Outcome, Page, Reminder, Subscription, SubscriptionError, Urgency,
};
use crate::zelador::plugin::types::Instant;

/// What the check needs of the host; the functions of the contract.
pub trait Host {
    fn list(&self, horizon_days: u32, after: Option<&str>) -> Result<Page, SubscriptionError>;
    fn remind(&self, reminder: &Reminder) -> Result<Outcome, SubscriptionError>;
    fn expire(&self, subscription_id: &str, period_end: Instant) -> Result<Outcome, SubscriptionError>;
    fn send(&self, message: &Message) -> Result<String, MailError>;
    fn progress(&self, done: u64);
}

/// Checks all subscriptions at the instant of the run. A page is forgotten before the next is read.
pub fn check(
    rules: &Rules,
    notices: &Notices,
    host: &impl Host,
    context: &RunContext,
) -> Result<Findings, Failure> {
    let mut findings = Findings::new(context);
    let mut done = 0;
    let mut after = None;
    loop {
        let page = host.list(rules.horizon_days, after.as_deref()).map_err(failure)?;
        for subscription in &page.subscriptions {
            treat(rules, notices, host, subscription, &mut findings)?;
        }
        done += page.subscriptions.len() as u64;
        host.progress(done);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(findings),
        }
    }
}

fn treat(
    rules: &Rules,
    notices: &Notices,
    host: &impl Host,
    subscription: &Subscription,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let decision = rules.decide(subscription, findings.now());
    if decision != Decision::Expire && urgency(subscription.days_until_expiration) == Urgency::Critical {
        findings.critical(subscription);
    }
    match decision {
        Decision::Leave(reason) => findings.skipped(subscription, &reason),
        Decision::Expire => match host.expire(&subscription.id, subscription.expires_at) {
            Ok(outcome @ (Outcome::Accepted | Outcome::DryRun)) => {
                findings.expired(subscription, outcome);
                notices.expired(subscription, findings, host);
            }
            other => left(other, subscription, findings)?,
        },
        Decision::Remind { threshold, supersedes } => {
            match host.remind(&reminder(subscription, threshold, supersedes)) {
                Ok(outcome @ (Outcome::Accepted | Outcome::DryRun)) => {
                    findings.sent(subscription, threshold, outcome);
                }
                other => left(other, subscription, findings)?,
            }
        }
    }
    Ok(())
}

fn reminder(subscription: &Subscription, threshold: i32, supersedes: Vec<i32>) -> Reminder {
    let urgency = urgency(subscription.days_until_expiration);
    let template = match urgency {
        Urgency::Critical => "reminder-critical",
        Urgency::High => "reminder-high",
        Urgency::Medium => "reminder-medium",
    };
    Reminder {
        subscription_id: subscription.id.clone(),
        period_end: subscription.expires_at,
        threshold,
        supersedes,
        urgency,
        template: template.into(),
        extensions: vec![],
    }
}

/// Notes that the host did not do it. One bad row is its own trouble; a source that is away is everybody's.
fn left(
    result: Result<Outcome, SubscriptionError>,
    subscription: &Subscription,
    findings: &mut Findings,
) -> Result<(), Failure> {
    match result {
        Err(SubscriptionError::Unavailable(reason)) => return Err(Failure::Unavailable(reason)),
        Err(SubscriptionError::InvalidRow(reason) | SubscriptionError::Other(reason)) => {
            findings.skipped(subscription, &reason);
            findings.warn(format!("subscription {}: {reason}", subscription.id));
        }
        Ok(Outcome::Changed) => findings.skipped(subscription, "changed since it was listed"),
        Ok(_) => findings.skipped(subscription, "claimed by another run already"),
    }
    Ok(())
}

fn failure(error: SubscriptionError) -> Failure {
    match error {
        SubscriptionError::Unavailable(reason) => Failure::Unavailable(reason),
        SubscriptionError::InvalidRow(reason) => Failure::InvalidInput(reason),
        SubscriptionError::Other(reason) => Failure::Other(reason),
    }
}

#[cfg(test)]
mod tests;
