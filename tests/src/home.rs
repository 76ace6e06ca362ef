//! A folder with a configuration and plugins of its own, and the real binary to run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::guests;

/// The folder. It is deleted when this is dropped.
pub struct Home {
    folder: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Home {
    /// A folder whose `zelador.toml` is `config`, on a free port, without plugins.
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Self { folder };
        std::fs::create_dir(home.path("plugins")).expect("a folder for plugins");
        home.configure(config);
        home
    }

    /// Replaces the configuration.
    pub fn configure(&self, config: &str) {
        let text = format!("[web]\nlisten = \"127.0.0.1:0\"\n{config}");
        std::fs::write(self.path("zelador.toml"), text).expect("a writable folder");
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Drops a component into the plugin folder under a name, as an operator does: by a rename.
    pub fn drop_plugin(&self, component: &Path, name: &str) {
        let bytes = std::fs::read(component).expect("a readable component");
        self.drop_bytes(&bytes, name);
    }

    /// Drops any bytes into the plugin folder under a name.
    pub fn drop_bytes(&self, bytes: &[u8], name: &str) {
        let aside = self.path(format!("plugins/.{name}.new"));
        std::fs::write(&aside, bytes).expect("a writable folder");
        std::fs::rename(aside, self.path(format!("plugins/{name}.wasm"))).expect("a rename");
    }

    /// The command `zelador ARGS` in this folder, without the environment of whoever runs the tests.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(guests::zelador());
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs `zelador ARGS` to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.command(args).output().expect("zelador starts").into()
    }

    /// Runs `zelador ARGS --json`, which must succeed, and returns what it printed.
    pub fn json(&self, args: &[&str]) -> Value {
        let ended = self.run(&[args, &["--json"]].concat());
        assert_eq!(ended.code, 0, "zelador {args:?}: {ended:?}");
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", ended.stdout))
    }

    /// The names in a folder of this home, hidden ones too, sorted; empty if there is no such folder.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
