//! The command line: a file a verb, which reads its arguments, calls the library and prints.

mod backup;
mod check;
mod completions;
mod dlq;
mod endpoint;
mod error;
mod init;
mod job;
mod output;
mod plugin;
mod progress;
mod run;
mod schedule;
mod signal;
mod subscription;
mod template;
mod time;
mod token;
mod view;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::assembly::Assembly;
use crate::config::{Config, Environment};
use crate::job::Catalogue;
use crate::plugin::{self as plugin_room, COMPILE_VERB};

pub use error::{AlreadyTold, Usage};
pub use output::{Output, table};

/// Looks after a multi-tenant SaaS: proven backups, reminders, webhooks, alerts, every decision a plugin
#[derive(Debug, Parser)]
#[command(name = "zelador", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "zelador.toml", env = "ZELADOR_CONFIG")]
    config: PathBuf,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Run(run::Args),
    Check(check::Args),
    #[command(subcommand)]
    Job(job::Verb),
    #[command(subcommand)]
    Schedule(schedule::Verb),
    #[command(subcommand)]
    Backup(backup::Verb),
    #[command(subcommand)]
    Subscription(subscription::Verb),
    #[command(subcommand)]
    Template(template::Verb),
    #[command(subcommand)]
    Webhook(webhook::Verb),
    #[command(subcommand)]
    Endpoint(endpoint::Verb),
    #[command(subcommand)]
    Dlq(dlq::Verb),
    #[command(subcommand)]
    Plugin(plugin::Verb),
    #[command(subcommand)]
    Token(token::Verb),
    Completions(completions::Args),
    /// Compiles a component for the daemon: its own child process
    #[command(hide = true, name = COMPILE_VERB)]
    CompilePlugin,
}

/// Parses the arguments of this process, obeys them, and says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // The compiling child is started often and needs neither a runtime nor a log.
    if matches!(cli.verb, Verb::CompilePlugin) {
        return plugin_room::child_main();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return error::exit_code(Err(source.into())),
    };
    let result = runtime.block_on(obey(cli));
    // A blocking thread that still reads a file must not keep a finished command alive.
    runtime.shutdown_background();
    error::exit_code(result)
}

async fn obey(cli: Cli) -> anyhow::Result<()> {
    let output = Output::new(cli.json);
    let place = Place { config: cli.config };
    match cli.verb {
        Verb::Init(args) => init::run(args, output),
        Verb::Run(args) => run::run(args, place, output).await,
        Verb::Check(args) => check::run(args, &place, output).await,
        Verb::Job(verb) => job::run(verb, &place, output).await,
        Verb::Schedule(verb) => schedule::run(verb, output),
        Verb::Backup(verb) => backup::run(verb, &place, output).await,
        Verb::Subscription(verb) => subscription::run(verb, &place, output).await,
        Verb::Template(verb) => template::run(verb, &place, output).await,
        Verb::Webhook(verb) => webhook::run(verb, &place, output).await,
        Verb::Endpoint(verb) => endpoint::run(verb, &place, output).await,
        Verb::Dlq(verb) => dlq::run(verb, &place, output).await,
        Verb::Token(verb) => token::run(verb, &place, output).await,
        Verb::Plugin(verb) => plugin::run(verb, &place, output).await,
        Verb::Completions(args) => completions::run(&args, output),
        Verb::CompilePlugin => unreachable!("handled before the runtime was started"),
    }
}

/// Where the configuration is, for the verbs that need one.
#[derive(Debug, Clone)]
pub struct Place {
    config: PathBuf,
}

impl Place {
    fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config, &Environment::of_process())?)
    }

    fn catalogue(&self, config: &Config) -> anyhow::Result<Catalogue> {
        let wrong =
            |problems: Vec<String>| Usage(format!("{}:\n  {}", self.config.display(), problems.join("\n  ")));
        Ok(Catalogue::new(config).map_err(wrong)?)
    }

    async fn assembly(&self) -> anyhow::Result<Assembly> {
        Assembly::new(self.config()?).await
    }
}
