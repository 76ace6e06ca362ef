//! What came of a check, in bounded room: the first entries of each list, and how many there were.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use crate::decision::urgency;
use crate::exports::zelador::plugin::runs::{Report, RunContext};
use crate::zelador::plugin::subscriptions::{Outcome, Subscription, Urgency};
use crate::zelador::plugin::types::Instant;

/// How many entries of each list a report has; the ledger has them all.
pub const LIST_MAX: usize = 1000;

/// How many warnings a report has.
const WARNINGS_MAX: usize = 20;

/// The beginning of a list, and its whole length.
pub struct Bounded<T> {
    pub first: Vec<T>,
    pub total: usize,
}

impl<T> Bounded<T> {
    fn new() -> Self {
        Self { first: Vec::new(), total: 0 }
    }

    fn push(&mut self, entry: impl FnOnce() -> T) {
        self.total += 1;
        if self.first.len() < LIST_MAX {
            self.first.push(entry());
        }
    }
}

/// A reminder that went out.
#[derive(Serialize)]
pub struct Sent {
    subscription_id: String,
    days_until_expiration: i32,
    threshold: i32,
    urgency: &'static str,
}

/// A subscription with which nothing was done.
#[derive(Serialize)]
pub struct Skipped {
    subscription_id: String,
    reason: String,
}

/// A subscription that ends within a day.
#[derive(Clone, Serialize)]
pub struct Critical {
    subscription_id: String,
    tenant_id: String,
    tenant_name: String,
    days_until_expiration: i32,
    expires_at: String,
}

/// All that a check found.
pub struct Findings {
    now: Instant,
    sent: Bounded<Sent>,
    expired: Bounded<String>,
    skipped: Bounded<Skipped>,
    critical: Bounded<Critical>,
    warnings: Vec<String>,
    dry_run: bool,
}

/// The findings for a program, as `subscription check --json` prints them.
#[derive(Serialize)]
struct Document<'a> {
    at: String,
    dry_run: bool,
    sent: &'a [Sent],
    expired: &'a [String],
    skipped: &'a [Skipped],
    critical: &'a [Critical],
    totals: Totals,
}

/// The whole lengths of the lists.
#[derive(Clone, Copy, Serialize)]
pub struct Totals {
    pub sent: usize,
    pub expired: usize,
    pub skipped: usize,
    pub critical: usize,
}

impl Findings {
    /// Nothing yet. The host may say in the context's extensions that this is a dry run; its outcomes say so too.
    pub fn new(context: &RunContext) -> Self {
        let dry_run = context.extensions.iter().any(|given| given.name == "dry-run" && given.value == "true");
        Self {
            now: context.started_at,
            sent: Bounded::new(),
            expired: Bounded::new(),
            skipped: Bounded::new(),
            critical: Bounded::new(),
            warnings: Vec::new(),
            dry_run,
        }
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether nothing of this is written.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub fn totals(&self) -> Totals {
        Totals {
            sent: self.sent.total,
            expired: self.expired.total,
            skipped: self.skipped.total,
            critical: self.critical.total,
        }
    }

    /// The most urgent of the critical ones.
    pub fn first_critical(&self, limit: usize) -> &[Critical] {
        &self.critical.first[..self.critical.first.len().min(limit)]
    }

    /// The instant of the check.
    pub fn at(&self) -> String {
        rfc3339(self.now)
    }

    pub fn sent(&mut self, subscription: &Subscription, threshold: i32, outcome: Outcome) {
        self.dry_run |= outcome == Outcome::DryRun;
        self.sent.push(|| Sent {
            subscription_id: subscription.id.clone(),
            days_until_expiration: subscription.days_until_expiration,
            threshold,
            urgency: match urgency(subscription.days_until_expiration) {
                Urgency::Critical => "critical",
                Urgency::High => "high",
                Urgency::Medium => "medium",
            },
        });
    }

    pub fn expired(&mut self, subscription: &Subscription, outcome: Outcome) {
        self.dry_run |= outcome == Outcome::DryRun;
        self.expired.push(|| subscription.id.clone());
    }

    pub fn skipped(&mut self, subscription: &Subscription, reason: &str) {
        self.skipped.push(|| Skipped { subscription_id: subscription.id.clone(), reason: reason.to_owned() });
    }

    pub fn critical(&mut self, subscription: &Subscription) {
        self.critical.push(|| Critical {
            subscription_id: subscription.id.clone(),
            tenant_id: subscription.tenant_id.clone(),
            tenant_name: subscription.tenant_name.clone(),
            days_until_expiration: subscription.days_until_expiration,
            expires_at: rfc3339(subscription.expires_at),
        });
    }

    /// Notes what a person should look at.
    pub fn warn(&mut self, warning: String) {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(warning);
        }
    }

    /// The findings as a run reports them.
    pub fn into_report(mut self) -> Report {
        let totals = self.totals();
        if [totals.sent, totals.expired, totals.skipped, totals.critical]
            .iter()
            .any(|&total| total > LIST_MAX)
        {
            self.warn(format!("the lists of the report end at {LIST_MAX} entries; `totals` counts them all"));
        }
        Report {
            summary: self.summary(),
            data: serde_json::to_string(&self.document()).ok(),
            warnings: self.warnings,
            extensions: vec![],
        }
    }

    fn summary(&self) -> String {
        let Totals { sent, expired, skipped, critical } = self.totals();
        let prefix = if self.dry_run { "dry run: " } else { "" };
        format!("{prefix}{sent} reminded, {expired} expired, {skipped} left alone, {critical} critical")
    }

    fn document(&self) -> Document<'_> {
        Document {
            at: self.at(),
            dry_run: self.dry_run,
            sent: &self.sent.first,
            expired: &self.expired.first,
            skipped: &self.skipped.first,
            critical: &self.critical.first,
            totals: self.totals(),
        }
    }
}

/// `2026-12-01T12:00:00Z`. An instant outside the years that can be written is shown as its number.
pub fn rfc3339(instant: Instant) -> String {
    match DateTime::from_timestamp_millis(instant) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => instant.to_string(),
    }
}
