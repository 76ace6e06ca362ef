//! `zelador run`: the daemon in the foreground.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use super::{Output, Place};
use crate::daemon::Daemon;

/// Runs the daemon in the foreground. SIGTERM drains, SIGHUP reads the jobs of the configuration again
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How the log on standard error is written; by default text on a terminal and JSON elsewhere
    #[arg(long, value_name = "FORM")]
    log_format: Option<LogFormat>,
    /// What is logged: a level, or tracing's directives
    #[arg(long, value_name = "FILTER", default_value = "info", env = "ZELADOR_LOG")]
    log: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One object a line
    Json,
}

/// Runs the command.
pub async fn run(args: Args, place: Place, output: Output) -> anyhow::Result<()> {
    start_log(&args)?;
    let daemon = Daemon::start(place.assembly().await?, place.config).await?;
    output.text(&format!("zelador {} is ready on http://{}", env!("CARGO_PKG_VERSION"), daemon.address()))?;
    daemon.run().await
}

fn start_log(args: &Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log).context("--log")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let by_default = if stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    match args.log_format.unwrap_or(by_default) {
        LogFormat::Text => log.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
