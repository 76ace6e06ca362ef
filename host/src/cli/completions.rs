//! `zelador completions SHELL`: the shell's completion script, from the same definitions as the help.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Output};

/// Prints the completion script of a shell: `zelador completions bash > /etc/bash_completion.d/zelador`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args, output: Output) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "zelador", &mut script);
    output.text(&String::from_utf8(script)?)
}
