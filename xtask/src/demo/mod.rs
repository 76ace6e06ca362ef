//! `cargo xtask demo`: the main job on real data, from nothing, in a folder of its own.
//!
//! It uses Zelador as a person does, through its commands, and shows each of them.

mod cluster;
mod daemon;
mod home;
mod receiver;
mod subscriptions;
mod webhooks;

use anyhow::{Result, ensure};
use clap::Args;

use crate::run::say;
use crate::{build, install};
use cluster::Cluster;
use daemon::Daemon;
use home::Home;

/// How the demo ends.
#[derive(Args)]
pub struct Options {
    /// End after the run, with exit code 0 only if every step worked.
    #[arg(long)]
    once: bool,
}

/// Builds, runs the jobs, shows what they made; leaves the daemon up until Ctrl-C.
pub fn demo(options: &Options) -> Result<()> {
    build::release()?;
    let cluster = install::has_postgresql().then(Cluster::start).transpose()?;
    let home = Home::create(cluster.as_ref())?;
    home.zelador(&["check"])?;
    let mut daemon = Daemon::start(&home)?;
    let tenants = subscriptions::write(&home)?;
    home.zelador(&["subscription", "import", &tenants.display().to_string()])?;
    home.zelador(&["subscription", "list", "--expiring", "7d"])?;
    home.zelador(&["job", "run", home::JOB])?;
    home.zelador(&["job", "history"])?;
    home.zelador(&["backup", "list"])?;
    let made = home.backups()?;
    ensure!(!made.is_empty(), "the run made no file in {}", home.path().join("backups").display());
    for file in &made {
        home.zelador(&["backup", "verify", &file.display().to_string()])?;
    }
    webhooks::show(&home)?;
    say(&format!("everything is in {}; it is yours to delete", home.path().display()));
    if !options.once {
        say(&format!("the daemon is up at http://{}; Ctrl-C stops it", home.address()));
        daemon.wait_for_interrupt()?;
    }
    daemon.stop()
}
