//! Finding the dumping program that fits a server.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::super::BackupError;

/// Where Debian keeps the programs of each version.
const VERSIONED: &str = "/usr/lib/postgresql";

/// What Debian puts into PATH: it only starts one of the programs above, chosen by rules of its own.
const DEBIAN_WRAPPER: &str = "pg_wrapper";

/// A program that does not tell its version within this time is broken.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A program that was found.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// What it says of itself: `15.18 (Debian 15.18-0+deb12u1)`; absent where it says nothing that we understand.
    version: Option<String>,
}

impl Program {
    pub(super) fn version_text(&self) -> &str {
        self.version.as_deref().unwrap_or("of an unknown version")
    }

    fn major(&self) -> Option<u32> {
        let digits = self.version.as_deref()?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// Whether its help mentions the option.
    pub(super) async fn knows_option(&self, option: &str) -> bool {
        said_by(&self.path, "--help").await.is_some_and(|help| help.contains(option))
    }
}

/// Finds `name` for a server of version `major`: the one in PATH if it fits, or else that of the nearest version that
/// does. A program can dump servers of its own version and older ones; one whose version is unknown is taken at its
/// word, it refuses by itself what it cannot do.
pub(super) async fn find(name: &'static str, server: &str, major: u32) -> Result<Program, BackupError> {
    let mut newest: Option<Program> = None;
    for path in candidates(name) {
        let Some(said) = said_by(&path, "--version").await else { continue };
        let version = said.trim().split_once("(PostgreSQL) ").map(|(_, version)| version.to_owned());
        let program = Program { path, version };
        if program.major().is_none_or(|own| own >= major) {
            return Ok(program);
        }
        if newest.as_ref().is_none_or(|newest| newest.major() < program.major()) {
            newest = Some(program);
        }
    }
    Err(match newest {
        None => BackupError::ProgramMissing { program: name, server: server.to_owned(), major },
        Some(newest) => BackupError::ServerTooNew {
            program: name,
            server: server.to_owned(),
            major,
            newest: newest.version_text().to_owned(),
            path: newest.path,
        },
    })
}

/// PATH first, as a person would expect; then the versioned folders, oldest version first.
fn candidates(name: &str) -> Vec<PathBuf> {
    let in_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut versioned: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONED)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versioned.sort();
    in_path
        .into_iter()
        .chain(versioned.into_iter().map(|(_, folder)| folder))
        .map(|folder| folder.join(name))
        .filter(|path| is_program(path))
        .collect()
}

fn is_program(path: &Path) -> bool {
    let executable =
        fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    executable && !path.canonicalize().is_ok_and(|real| real.ends_with(DEBIAN_WRAPPER))
}

async fn said_by(path: &Path, option: &str) -> Option<String> {
    let mut command = Command::new(path);
    command.arg(option).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(ANSWER_WITHIN, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
