//! Installs what is missing, through the machine's package managers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{output, run_quietly, say, succeeds};

/// Where Debian keeps the server's programs, a folder a version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Whether this machine installs with `apt-get`.
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && succeeds(Command::new("apt-get").arg("--version"))
}

/// Installs the Debian packages that are not there yet. `purpose` says what for.
pub fn debian_packages(packages: &[&str], purpose: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing {} with apt-get: {purpose}", missing.join(" ")));
    run_quietly(apt_get()?.args(["-qq", "update"]))?;
    run_quietly(apt_get()?.args(["-qq", "install", "--yes", "--no-install-recommends"]).args(missing))
}

/// Installs a PostgreSQL server, if there is none.
pub fn postgresql() -> Result<()> {
    if has_postgresql() {
        return Ok(());
    }
    if !is_debian() {
        bail!("the tests need PostgreSQL's server programs under {POSTGRESQL}; install them and start again");
    }
    debian_packages(&["postgresql"], "the tests run against real clusters of their own")
}

/// Whether a PostgreSQL server is installed where Debian puts it.
pub fn has_postgresql() -> bool {
    postgresql_programs().is_some()
}

/// The folder of the newest PostgreSQL server's programs.
pub fn postgresql_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRESQL).ok()?.flatten();
    let programs =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("postgres").is_file());
    programs.max_by_key(|bin| major(bin))
}

/// The major version that a folder of programs is for.
fn major(bin: &Path) -> Option<u32> {
    bin.parent()?.file_name()?.to_str()?.parse().ok()
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    query.output().is_ok_and(|output| output.stdout == b"installed")
}

/// `apt-get` with the right to install.
fn apt_get() -> Result<Command> {
    if output(Command::new("id").arg("-u"))?.trim() == "0" {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        return Ok(command);
    }
    if !succeeds(Command::new("sudo").arg("--version")) {
        bail!("installing needs root or `sudo`; install the packages and start again");
    }
    let mut command = Command::new("sudo");
    command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}
