//! A check against a host in memory.

use std::cell::RefCell;

use super::*;
use crate::decision::tests::{NOW, ending_in, shipped};
use crate::exports::zelador::plugin::runs::{Report, Trigger};
use crate::findings::LIST_MAX;
use crate::zelador::plugin::mail::Recipient;
use crate::zelador::plugin::types::Extension;

/// Answers from a list and remembers what it was asked to do.
#[derive(Default)]
struct Memory {
    subscriptions: Vec<Subscription>,
    page_size: usize,
    dry_run: bool,
    /// The subscription whose row cannot be worked with.
    poison: Option<String>,
    away: bool,
    reminders: RefCell<Vec<Reminder>>,
    expired: RefCell<Vec<String>>,
    mails: RefCell<Vec<Message>>,
}

impl Memory {
    fn with(subscriptions: Vec<Subscription>) -> Self {
        Self { subscriptions, page_size: 3, ..Self::default() }
    }

    fn outcome(&self, id: &str) -> Result<Outcome, SubscriptionError> {
        match () {
            () if self.away => Err(SubscriptionError::Unavailable("the database is down".into())),
            () if self.poison.as_deref() == Some(id) => {
                Err(SubscriptionError::InvalidRow(format!("row {id}")))
            }
            () if self.dry_run => Ok(Outcome::DryRun),
            () => Ok(Outcome::Accepted),
        }
    }
}

impl Host for Memory {
    fn list(&self, _: u32, after: Option<&str>) -> Result<Page, SubscriptionError> {
        let start = after.map_or(0, |after| after.parse().expect("our own cursor"));
        let end = (start + self.page_size).min(self.subscriptions.len());
        let next = (end < self.subscriptions.len()).then(|| end.to_string());
        Ok(Page { subscriptions: self.subscriptions[start..end].to_vec(), next })
    }

    fn remind(&self, reminder: &Reminder) -> Result<Outcome, SubscriptionError> {
        let outcome = self.outcome(&reminder.subscription_id)?;
        self.reminders.borrow_mut().push(reminder.clone());
        Ok(outcome)
    }

    fn expire(&self, subscription_id: &str, _: Instant) -> Result<Outcome, SubscriptionError> {
        let outcome = self.outcome(subscription_id)?;
        self.expired.borrow_mut().push(subscription_id.into());
        Ok(outcome)
    }

    fn send(&self, message: &Message) -> Result<String, MailError> {
        self.mails.borrow_mut().push(message.clone());
        Ok("mail-1".into())
    }

    fn progress(&self, _: u64) {}
}

fn context(extensions: Vec<Extension>) -> RunContext {
    RunContext {
        run_id: "run-1".into(),
        job_name: "subscriptions".into(),
        trigger: Trigger::Schedule,
        scheduled_for: Some(NOW),
        started_at: NOW,
        attempt: 1,
        timezone: "America/Sao_Paulo".into(),
        extensions,
    }
}

fn to_ops() -> Notices {
    Notices { to_tenants: true, team: Some("ops".into()), locale: None }
}

fn run(host: &Memory) -> Report {
    let context = context(vec![]);
    let mut findings = check(&shipped(), &to_ops(), host, &context).expect("a check");
    to_ops().report(&mut findings, host, &context);
    findings.into_report()
}

fn data(report: &Report) -> serde_json::Value {
    serde_json::from_str(report.data.as_deref().expect("data")).expect("JSON")
}

/// Ends in -1, 0, 1, 3, 6 and 7 days; the one of 6 days was reminded at 7.
fn demo() -> Memory {
    Memory::with(vec![
        ending_in(-1, vec![]),
        ending_in(0, vec![]),
        ending_in(1, vec![7, 3]),
        ending_in(3, vec![7]),
        ending_in(6, vec![7]),
        ending_in(7, vec![]),
    ])
}

#[test]
fn each_subscription_gets_what_it_needs_and_the_report_says_so() {
    let host = demo();
    let report = run(&host);
    assert_eq!(report.summary, "4 reminded, 1 expired, 1 left alone, 2 critical");
    let data = data(&report);
    assert_eq!(data["at"], "1972-09-27T00:00:00Z");
    assert_eq!(
        data["sent"],
        serde_json::json!([
            {"subscription_id": "sub-0", "days_until_expiration": 0, "threshold": 1, "urgency": "critical"},
            {"subscription_id": "sub-1", "days_until_expiration": 1, "threshold": 1, "urgency": "critical"},
            {"subscription_id": "sub-3", "days_until_expiration": 3, "threshold": 3, "urgency": "high"},
            {"subscription_id": "sub-7", "days_until_expiration": 7, "threshold": 7, "urgency": "medium"},
        ])
    );
    assert_eq!(data["expired"], serde_json::json!(["sub--1"]));
    assert_eq!(
        data["skipped"],
        serde_json::json!([{"subscription_id": "sub-6", "reason": "reminded at 7 days already"}])
    );
    let templates: Vec<_> =
        host.reminders.borrow().iter().map(|reminder| reminder.template.clone()).collect();
    assert_eq!(templates, ["reminder-critical", "reminder-critical", "reminder-high", "reminder-medium"]);
    assert_eq!(host.reminders.borrow()[0].supersedes, [3, 7]);
}

#[test]
fn the_operators_get_one_report_a_firing_and_the_tenant_hears_that_it_ended() {
    let host = demo();
    run(&host);
    let mails = host.mails.borrow();
    assert_eq!(mails.len(), 2);
    assert!(matches!(&mails[0].to, Recipient::Tenant(tenant) if tenant == "tenant_abc"));
    assert_eq!(mails[0].idempotency_key.as_deref(), Some("expired/sub--1/1972-09-26T00:00:00.001Z"));
    assert!(matches!(&mails[1].to, Recipient::Team(team) if team == "ops"));
    assert_eq!(mails[1].idempotency_key.as_deref(), Some("subscriptions/1972-09-27T00:00:00Z"));
    assert!(mails[1].data.contains("Farmácia São João"));
}

#[test]
fn a_dry_run_says_the_same_and_mails_nothing() {
    let host = Memory { dry_run: true, ..demo() };
    let report = run(&host);
    assert_eq!(report.summary, "dry run: 4 reminded, 1 expired, 1 left alone, 2 critical");
    assert!(host.mails.borrow().is_empty());
}

#[test]
fn a_dry_run_in_which_nothing_is_due_mails_nothing_either() {
    let host = Memory::with(vec![ending_in(1, vec![1])]);
    let context = context(vec![Extension { name: "dry-run".into(), value: "true".into() }]);
    let mut findings = check(&shipped(), &to_ops(), &host, &context).expect("a check");
    to_ops().report(&mut findings, &host, &context);
    assert_eq!(findings.totals().critical, 1);
    assert!(host.mails.borrow().is_empty());
}

#[test]
fn when_nothing_is_critical_the_operators_are_left_in_peace() {
    let host = Memory::with(vec![ending_in(6, vec![])]);
    run(&host);
    assert!(host.mails.borrow().is_empty());
}

#[test]
fn a_row_that_cannot_be_worked_with_does_not_keep_the_others_from_their_reminder() {
    let host = Memory { poison: Some("sub-0".into()), ..demo() };
    let report = run(&host);
    assert_eq!(data(&report)["totals"]["sent"], 3);
    assert_eq!(report.warnings, ["subscription sub-0: row sub-0"]);
}

#[test]
fn a_source_that_is_away_fails_the_run_so_that_it_is_tried_again() {
    let host = Memory { away: true, ..demo() };
    let result = check(&shipped(), &to_ops(), &host, &context(vec![]));
    assert!(matches!(result, Err(Failure::Unavailable(_))));
}

#[test]
fn the_report_is_bounded_and_counts_what_it_does_not_list() {
    let host =
        Memory { page_size: 500, ..Memory::with((0..LIST_MAX + 7).map(|_| ending_in(1, vec![])).collect()) };
    let report = run(&host);
    let data = data(&report);
    assert_eq!(data["sent"].as_array().map(Vec::len), Some(LIST_MAX));
    assert_eq!(data["totals"]["sent"], LIST_MAX + 7);
    assert_eq!(report.warnings.len(), 1);
}

#[test]
fn the_schema_is_one_and_refuses_what_would_remind_nobody() {
    let schema = serde_json::from_str(include_str!("../settings.schema.json")).expect("JSON");
    let schema = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(schema.is_valid(&serde_json::json!({"thresholds": [15, 7, 1], "report-to": "ops"})));
    assert!(!schema.is_valid(&serde_json::json!({"thresholds": []})));
    assert!(!schema.is_valid(&serde_json::json!({"treshold": [7]})));
}
