//! A PostgreSQL cluster of the demo's own, with the databases of a small MedManager.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::install;
use crate::run::{output, say};

const USER: &str = "postgres";

/// Makes a cluster, starts it, says `ready`, and stops and deletes it when its standard input ends: so it never
/// outlives the demo, however that ends.
const SUPERVISOR: &str = include_str!("cluster.sh");

/// Databases, tenants and subscriptions.
const DATA: &str = include_str!("medmanager.sql");

/// The running cluster. Dropped, it stops and is gone.
pub struct Cluster {
    port: u16,
    password: String,
    url: String,
    supervisor: Child,
    alive: Option<ChildStdin>,
}

impl Cluster {
    /// Makes, starts and fills a cluster.
    pub fn start() -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr())?.port();
        let password = password()?;
        let mut supervisor = unprivileged("sh")?
            .args(["-c", SUPERVISOR])
            .env("BIN", programs()?)
            .env("PORT", port.to_string())
            .env("PASSWORD", &password)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        let alive = supervisor.stdin.take();
        let stdout = supervisor.stdout.take().context("the shell has a standard output")?;
        let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
        let cluster = Self { port, password, url, supervisor, alive };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "PostgreSQL did not start; its log is above");
        cluster.fill()?;
        Ok(cluster)
    }

    /// Where it listens, without the password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    fn fill(&self) -> Result<()> {
        let mut psql = self.psql("postgres")?.stdin(Stdio::piped()).spawn().context("cannot start psql")?;
        psql.stdin.take().context("psql reads")?.write_all(DATA.as_bytes())?;
        ensure!(psql.wait()?.success(), "the demo's data could not be written; psql's error is above");
        say(&format!(
            "a PostgreSQL cluster of the demo's own runs on port {} with MedManager's databases",
            self.port
        ));
        Ok(())
    }

    /// A `psql` that is connected to a database.
    fn psql(&self, database: &str) -> Result<Command> {
        let mut psql = Command::new(programs()?.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database])
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", USER)
            .env("PGPASSWORD", &self.password);
        Ok(psql)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.alive.take());
        // Waited for, so that its folder is gone when the demo ends; how it ended does not matter any more.
        let _ = self.supervisor.wait();
    }
}

/// The newest server's programs.
fn programs() -> Result<PathBuf> {
    install::postgresql_programs().context("no PostgreSQL server is installed")
}

/// A password that was never used before.
fn password() -> Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")
        .context("Linux makes UUIDs")?
        .trim()
        .to_owned())
}

/// The server refuses to run as root: then it runs as `postgres`. In a process group of its own, so that Ctrl-C
/// reaches it by way of the demo, after the daemon.
fn unprivileged(program: &str) -> Result<Command> {
    let mut command = match output(Command::new("id").arg("-u"))?.trim() {
        "0" => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program]);
            command
        }
        "" => bail!("`id -u` says nothing"),
        _ => Command::new(program),
    };
    command.process_group(0);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_holds_medmanager_and_is_gone_afterwards() {
        let cluster = Cluster::start().unwrap();
        let count = "select count(*) from tenants join subscriptions on tenant_id = tenants.id";
        let tenants = output(cluster.psql("medmanager").unwrap().args(["-c", count])).unwrap();
        assert_eq!(tenants.trim(), "3");
        let port = cluster.port;
        drop(cluster);
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
