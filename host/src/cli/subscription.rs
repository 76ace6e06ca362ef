//! `zelador subscription`: Zelador's own tables of tenants and subscriptions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::view::rfc3339;
use super::{Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::store::{Subscription, SubscriptionFilter, SubscriptionStatus};
use crate::subscription::read_csv;

/// Imports and lists subscriptions
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Takes over subscriptions and their tenants from a CSV file, all rows or none; again changes only what changed
    Import {
        /// With the header id,tenant_id,tenant_name,email,expires_at,timezone,locale,status
        file: PathBuf,
    },
    /// Lists subscriptions, the period that ends first first
    List {
        /// Only active ones whose period ends within this time, the past ones included
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        expiring: Option<Duration>,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::Import { file } => import(&assembly, &file, output).await,
        Verb::List { expiring } => list(&assembly, expiring, output).await,
    }
}

#[derive(Serialize)]
struct Imported {
    imported: usize,
}

async fn import(assembly: &Assembly, file: &Path, output: Output) -> anyhow::Result<()> {
    let source = std::fs::File::open(file).map_err(|error| Usage(format!("{}: {error}", file.display())))?;
    let rows = read_csv(source).with_context(|| format!("{}: nothing was imported", file.display()))?;
    assembly.store.upsert_subscriptions(&rows).await?;
    output
        .data(&Imported { imported: rows.len() }, |done| format!("imported {} subscriptions", done.imported))
}

/// A subscription.
#[derive(Serialize)]
struct SubscriptionView {
    id: String,
    tenant_id: String,
    tenant_name: String,
    email: String,
    expires_at: String,
    timezone: String,
    locale: String,
    status: &'static str,
}

async fn list(assembly: &Assembly, expiring: Option<Duration>, output: Output) -> anyhow::Result<()> {
    let mut filter = SubscriptionFilter {
        status: expiring.map(|_| SubscriptionStatus::Active),
        expiring_before: expiring.map(|within| assembly.clock.now() + within),
        ..SubscriptionFilter::default()
    };
    let mut all = Vec::new();
    loop {
        let page = assembly.store.subscriptions(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.cursor());
        all.extend(page);
    }
    let all: Vec<SubscriptionView> = all.into_iter().map(SubscriptionView::from).collect();
    output.data(&all, |all| match all.as_slice() {
        [] => "no subscriptions: `zelador subscription import FILE.csv` brings them in".to_owned(),
        all => table(
            &["SUBSCRIPTION", "TENANT", "ENDS", "ZONE", "STATUS"],
            &all.iter().map(SubscriptionView::row).collect::<Vec<_>>(),
        ),
    })
}

impl SubscriptionView {
    fn row(&self) -> Vec<String> {
        [&self.id, &self.tenant_name, &self.expires_at, &self.timezone, self.status]
            .map(str::to_owned)
            .to_vec()
    }
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id,
            tenant_id: subscription.tenant_id,
            tenant_name: subscription.tenant_name,
            email: subscription.email,
            expires_at: rfc3339(subscription.expires_at),
            timezone: subscription.timezone,
            locale: subscription.locale,
            status: subscription.status.as_str(),
        }
    }
}
