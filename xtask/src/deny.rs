//! Licences, sources, bans and advisories of every dependency, by `cargo deny` with `.deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::components::WORKSPACES;
use crate::run::{cargo, root, run, run_quietly, say, succeeds, target};

/// The version that `.deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks the host's dependencies and the guests'.
pub fn check() -> Result<()> {
    let cargo_deny = installed()?;
    let advisories = succeeds(deny(&cargo_deny, ".").args(["fetch", "db"]));
    if !advisories {
        say("ADVISORIES ARE NOT CHECKED: their database (RustSec, on GitHub) cannot be fetched from here");
    }
    let workspaces = [".", WORKSPACES[0].0, WORKSPACES[1].0];
    workspaces.iter().try_for_each(|workspace| {
        let mut command = deny(&cargo_deny, workspace);
        command.args(["check", "bans", "licenses", "sources"]);
        if advisories {
            command.arg("advisories");
        }
        run(&mut command)
    })
}

/// `cargo deny` on a workspace, with the one configuration of the repository.
fn deny(program: &PathBuf, workspace: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--manifest-path")
        .arg(root().join(workspace).join("Cargo.toml"))
        .args(["--all-features", "--locked"])
        .current_dir(root());
    command
}

/// The program: the machine's own, or one that is installed for this repository.
fn installed() -> Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    if succeeds(Command::new(&on_path).arg("--version")) {
        return Ok(on_path);
    }
    let tools = target().join("tools");
    let ours = tools.join("bin/cargo-deny");
    if !ours.exists() {
        say(
            "installing cargo-deny with cargo install: it checks licences and advisories; takes some minutes, once",
        );
        // It runs for a second: the time goes into compiling it, so it is compiled for debugging.
        let install =
            ["install", "--quiet", "--locked", "--debug", "cargo-deny", "--version", VERSION, "--root"];
        run_quietly(cargo().args(install).arg(&tools))?;
    }
    Ok(ours)
}
