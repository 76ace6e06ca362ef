//! `zelador schedule next`: what a crontab expression means.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use super::{Output, Usage};
use crate::clock::{Clock, SystemClock};
use crate::schedule;

/// Looks at crontab expressions
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Prints the next instants of an expression, one a line, RFC 3339 with offset
    Next(NextArgs),
}

/// The arguments of `next`.
#[derive(Debug, clap::Args)]
pub struct NextArgs {
    /// Five fields (minute hour day month weekday), six with leading seconds, or @daily and its kin
    expression: String,
    /// IANA time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: Tz,
    /// Start after this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    from: Option<DateTime<Utc>>,
    /// How many instants
    #[arg(short = 'n', default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: u16,
}

/// Runs the command.
pub fn run(verb: Verb, output: Output) -> anyhow::Result<()> {
    let Verb::Next(args) = verb;
    let from = args.from.unwrap_or_else(|| SystemClock.now());
    let instants = schedule::upcoming(&args.expression, args.tz, from, args.count.into())
        .map_err(|error| Usage(error.to_string()))?;
    let lines: Vec<String> =
        instants.iter().map(|instant| instant.to_rfc3339_opts(SecondsFormat::Secs, false)).collect();
    output.data(&lines, |lines| lines.join("\n"))
}
