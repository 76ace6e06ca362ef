//! The developer's commands: `cargo xtask build`, `test`, `demo`, `freeze-contract`.
//!
//! They install what they miss, say what they do, and are silent about it the second time. They know how Zelador is
//! built, not how it works.

mod build;
mod components;
mod demo;
mod deny;
mod freeze;
mod install;
mod run;
mod test;
mod wasm_std;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developer's commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the binary and the components.
    Build(build::Options),
    /// Checks everything that a change must pass.
    Test(test::Options),
    /// Builds, and runs the main job on a small MedManager in a temporary folder.
    Demo(demo::Options),
    /// Copies the contract to wit/released/VERSION, where the tests compare it from then on.
    FreezeContract,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Build(options) => build::build(&options),
        Command::Test(options) => test::check(&options),
        Command::Demo(options) => demo::demo(&options),
        Command::FreezeContract => freeze::contract(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
