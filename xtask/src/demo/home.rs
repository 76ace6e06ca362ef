//! The folder that the demo happens in: configuration, plugins, data, backups.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::cluster::Cluster;
use crate::run::{output, run, say, target};

/// The job of the demo's configuration.
pub const JOB: &str = "nightly-backup";

/// A folder that `zelador init` filled and that outlives the demo.
pub struct Home {
    path: PathBuf,
    address: SocketAddr,
}

impl Home {
    /// Makes the folder, with the cluster as the server to look after, or without one the embedded database.
    pub fn create(cluster: Option<&Cluster>) -> Result<Self> {
        let path = tempfile::Builder::new().prefix("zelador-demo-").tempdir()?.keep();
        let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr())?;
        let home = Self { path, address };
        say(&format!("the demo happens in {}", home.path.display()));
        let plugins = target().join("plugins");
        run(home.command().arg("init").arg(&home.path).arg("--plugins").arg(plugins))?;
        let server = match cluster {
            Some(cluster) => {
                format!("{}password = {}\n", url(cluster.url()), quoted(&home.password(cluster)?))
            }
            None => url("sqlite:data/zelador.db"),
        };
        let configuration =
            CONFIGURATION.replace("{listen}", &address.to_string()).replace("{server}\n", &server);
        fs::write(home.configuration(), configuration).context("cannot write the demo's configuration")?;
        Ok(home)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the daemon listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows a command of Zelador and runs it.
    pub fn zelador(&self, arguments: &[&str]) -> Result<()> {
        say(&format!("$ zelador {}", arguments.join(" ")));
        run(self.command().arg("--config").arg(self.configuration()).args(arguments))
    }

    /// Runs a command of Zelador for what it answers.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.command();
        command.arg("--config").arg(self.configuration()).args(arguments).arg("--json");
        serde_json::from_str(&output(&mut command)?).context("zelador answers in JSON")
    }

    /// The binary, in this folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(target().join("release/zelador"));
        command.current_dir(&self.path);
        command
    }

    pub fn configuration(&self) -> PathBuf {
        self.path.join("zelador.toml")
    }

    /// The backups that are there, oldest first.
    pub fn backups(&self) -> Result<Vec<PathBuf>> {
        let folder = self.path.join("backups");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.retain(|file| file.extension() == Some(OsStr::new("gz")));
        files.sort();
        Ok(files)
    }

    /// Writes the password where only this user reads it; returns the reference to it.
    fn password(&self, cluster: &Cluster) -> Result<String> {
        let file = self.path.join("db_password");
        fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut file| file.write_all(cluster.password().as_bytes()))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(format!("file:{}", file.display()))
    }
}

fn url(url: &str) -> String {
    format!("url = {}\n", quoted(url))
}

/// A string of TOML. Our values have neither quotes nor control characters.
fn quoted(value: &str) -> String {
    format!("\"{value}\"")
}

const CONFIGURATION: &str = r#"# The demo's configuration. `zelador init` writes one that explains every section.
[web]
listen = "{listen}"

[database.main]
{server}

[backup]
dir = "backups"
prefix = "medmanager_backup"
timezone = "America/Sao_Paulo"

[webhook]
policy = "retry-steps"
# The demo's receiver is on this machine; without this line no private address is reached.
allow-networks = ["127.0.0.0/8"]
[plugin.retry-steps.settings]
steps = ["1s", "1s", "1s"]

[job.nightly-backup]
plugin = "backup"
schedule = "0 2 * * *"
timezone = "America/Sao_Paulo"
missed = "run-once"
grants = ["databases:main", "archive"]
[job.nightly-backup.settings]
retention-days = 30
"#;
