//! `cargo xtask test`: every check that a change must pass, in the order in which a failure is cheapest.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::components::{self, WORKSPACES};
use crate::run::{cargo, root, run, say};
use crate::{build, deny, install};

/// Which checks to run.
#[derive(Args)]
pub struct Options {
    /// Run this step alone; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    only: Vec<String>,
    /// For the step `test`: run only the tests whose names contain it (`store::`).
    filter: Option<String>,
}

/// One check.
struct Step {
    name: &'static str,
    checks: &'static str,
    run: fn(&Options) -> Result<()>,
}

const STEPS: [Step; 7] = [
    Step { name: "fmt", checks: "the sources are formatted", run: fmt },
    Step { name: "clippy", checks: "no warnings in host, tests, xtask and guests", run: clippy },
    Step { name: "doc", checks: "the documentation builds without warnings", run: doc },
    Step {
        name: "deny",
        checks: "licences, sources and advisories of the dependencies",
        run: |_| deny::check(),
    },
    Step { name: "build", checks: "binary and components build", run: |_| build::for_tests() },
    Step { name: "guests", checks: "the plugins' own tests", run: guests },
    Step { name: "test", checks: "all tests, those against real servers and components included", run: test },
];

/// Runs the steps, up to the first that fails.
pub fn check(options: &Options) -> Result<()> {
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|only| only == step.name))
        .collect();
    let started = Instant::now();
    let mut summary = String::new();
    for (index, step) in chosen.iter().enumerate() {
        say(&format!("[{}/{}] {}: {}", index + 1, chosen.len(), step.name, step.checks));
        let step_started = Instant::now();
        if let Err(error) = (step.run)(options) {
            say(&format!("passed before that:{}", if summary.is_empty() { " nothing" } else { &summary }));
            return Err(error)
                .context(format!("step `{0}` failed; again: cargo xtask test --only {0}", step.name));
        }
        let took = shown(step_started.elapsed());
        write!(summary, " {} ({took})", step.name).expect("a string takes everything");
    }
    say(&format!("all passed in {}:{summary}", shown(started.elapsed())));
    Ok(())
}

fn fmt(_: &Options) -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    for (workspace, _) in WORKSPACES {
        run(cargo().args(["fmt", "--all", "--check"]).current_dir(root().join(workspace)))?;
    }
    Ok(())
}

fn clippy(_: &Options) -> Result<()> {
    const STRICT: [&str; 3] = ["--", "-D", "warnings"];
    run(cargo().args(["clippy", "--locked", "--workspace", "--all-targets"]).args(STRICT))?;
    for (workspace, _) in WORKSPACES {
        run(components::native("clippy", workspace).arg("--all-targets").args(STRICT))?;
    }
    Ok(())
}

fn doc(_: &Options) -> Result<()> {
    run(cargo().args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn guests(_: &Options) -> Result<()> {
    WORKSPACES.iter().try_for_each(|(workspace, _)| run(&mut components::native("test", workspace)))
}

fn test(options: &Options) -> Result<()> {
    install::postgresql()?;
    run(cargo().args(["test", "--locked", "--workspace", "--no-fail-fast"]).args(&options.filter))
}

/// Minutes and seconds; tenths where it is quick.
fn shown(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
