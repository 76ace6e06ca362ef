//! `zelador dlq`: what was given up is looked at, taken up again, and forgotten.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::time::{Moment, moment, span};
use super::view::{rfc3339, short};
use super::{Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::store::{LetterFilter, LetterStatus, LetterType};
use crate::web::details;
use crate::web::view::{LetterDetail, LetterView};
use crate::webhook::{Rate, Reprocess};

/// Operates the dead-letter queue
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Lists dead letters, newest first
    List(ListArgs),
    /// Shows a dead letter with the timeline of its attempts
    Show {
        /// The dead letter's id
        id: String,
    },
    /// Makes dead letters that wait deliveries again, oldest first, with their whole retry schedule before them
    Reprocess(ReprocessArgs),
    /// Forgets dead letters that were dealt with so long ago; those that wait stay
    Purge {
        /// How long ago: `30d`
        #[arg(long, value_name = "SPAN", value_parser = span)]
        older_than: Duration,
    },
}

/// The arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only of this type: webhook, email or job
    #[arg(long = "type", value_name = "T")]
    letter_type: Option<LetterType>,
    /// Only those that stand so: waiting, reprocessed or discarded
    #[arg(long, value_name = "STATUS")]
    status: Option<LetterStatus>,
    /// Only of this tenant
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// How many
    #[arg(short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

/// The arguments of `reprocess`.
#[derive(Debug, clap::Args)]
pub struct ReprocessArgs {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only of this type: webhook, email or job
    #[arg(long = "type", value_name = "T")]
    letter_type: Option<LetterType>,
    /// Only of this tenant
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// Only to this endpoint
    #[arg(long, value_name = "ID")]
    endpoint: Option<String>,
    /// Only those given up since then: an instant, a day, or how long ago (`24h`)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
    /// How fast: `10/s`, `600/m`
    #[arg(long, value_name = "N/s")]
    rate: Option<Rate>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::List(args) => list(&assembly, args, output).await,
        Verb::Show { id } => show(&assembly, &id, output).await,
        Verb::Reprocess(args) => reprocess(&assembly, args, output).await,
        Verb::Purge { older_than } => purge(&assembly, older_than, output).await,
    }
}

async fn list(assembly: &Assembly, args: ListArgs, output: Output) -> anyhow::Result<()> {
    let filter = LetterFilter {
        letter_type: args.letter_type,
        status: args.status,
        tenant_id: args.tenant,
        ..LetterFilter::default()
    };
    let letters = assembly.store.dead_letters(&filter, None, Some(args.count)).await?;
    let letters: Vec<LetterView> = letters.into_iter().map(LetterView::from).collect();
    output.data(&letters, |letters| match letters.as_slice() {
        [] => "no dead letters".to_owned(),
        letters => table(
            &["DEAD LETTER", "TYPE", "STATUS", "GIVEN UP", "EVENT", "ATTEMPTS", "REASON"],
            &letters.iter().map(row).collect::<Vec<_>>(),
        ),
    })
}

fn row(letter: &LetterView) -> Vec<String> {
    vec![
        letter.id.clone(),
        letter.r#type.to_owned(),
        letter.status.to_owned(),
        short(letter.created_at),
        letter.event.clone(),
        letter.attempts.to_string(),
        format!("{}: {}", letter.reason_class, letter.reason),
    ]
}

async fn show(assembly: &Assembly, id: &str, output: Output) -> anyhow::Result<()> {
    let letter = assembly.store.dead_letter(id).await?;
    let letter =
        letter.ok_or_else(|| Usage(format!("no dead letter `{id}`; `zelador dlq list` lists them")))?;
    output.data(&details::dead_letter(&assembly.store, letter).await?, sheet)
}

fn sheet(detail: &LetterDetail) -> String {
    let letter = &detail.letter;
    let status = letter.last_status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let mut lines = vec![
        format!("dead letter  {} ({}, {})", letter.id, letter.r#type, letter.status),
        format!("event        {} (message {})", letter.event, letter.message_id),
        format!("target       {}", letter.target),
        format!("given up     {} after {} attempts", rfc3339(letter.created_at), letter.attempts),
        format!("reason       {}: {}", letter.reason_class, letter.reason),
        format!("last answer  {status}"),
    ];
    lines.extend(letter.last_response.as_deref().map(|answer| format!("  {}", answer.escape_debug())));
    lines.extend(detail.timeline.iter().map(super::webhook::attempt_line));
    lines.join("\n")
}

#[derive(Serialize)]
struct ReprocessedView {
    matching: u64,
    reprocessed: u64,
    dry_run: bool,
}

async fn reprocess(assembly: &Assembly, args: ReprocessArgs, output: Output) -> anyhow::Result<()> {
    let since =
        args.since.map(|since| since.instant(assembly.clock.now()).context("--since is out of range"));
    let filter = LetterFilter {
        letter_type: args.letter_type,
        tenant_id: args.tenant,
        endpoint_id: args.endpoint,
        since: since.transpose()?,
        ..LetterFilter::default()
    };
    let wanted = Reprocess { filter, limit: args.limit, rate: args.rate, dry_run: args.dry_run };
    let done = assembly.webhooks.reprocess(&wanted).await?;
    let view =
        ReprocessedView { matching: done.matching, reprocessed: done.reprocessed, dry_run: args.dry_run };
    output.data(&view, |view| {
        let would = if view.dry_run { "would be" } else { "were" };
        format!(
            "{} of {} dead letters that wait {would} made deliveries again",
            view.reprocessed, view.matching
        )
    })?;
    if !view.dry_run && view.reprocessed > 0 {
        super::webhook::say_who_delivers(assembly, output).await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Purged {
    purged: u64,
}

async fn purge(assembly: &Assembly, older_than: Duration, output: Output) -> anyhow::Result<()> {
    let before = Moment::Ago(older_than).instant(assembly.clock.now());
    let before = before.context("--older-than is longer ago than time goes back")?;
    let filter = LetterFilter { processed_before: Some(before), ..LetterFilter::default() };
    let purged = assembly.store.purge_dead_letters(&filter).await?;
    output.data(&Purged { purged }, |done| format!("{} dead letters are forgotten", done.purged))
}
