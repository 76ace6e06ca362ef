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

/// Where PostgreSQL's programs are looked for.
#[derive(Debug, Clone)]
pub struct ProgramFolders(Vec<PathBuf>);

impl ProgramFolders {
    /// The folders of PATH first, as a person would expect; then those where Debian keeps the programs of each version,
    /// oldest version first.
    pub fn of_this_machine() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        Self(env::split_paths(&path).chain(versioned()).collect())
    }

    /// These folders only, the first first.
    pub fn only(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// Finds `name` for a server of version `major`: the first program that is not older than the server, so that of the
    /// nearest version where PATH has none. A program whose version is unknown is taken at its word: it refuses by
    /// itself what it cannot do.
    pub(super) async fn find(
        &self,
        name: &'static str,
        server: &str,
        major: u32,
    ) -> Result<Program, BackupError> {
        let mut newest: Option<Program> = None;
        for path in self.0.iter().map(|folder| folder.join(name)).filter(|path| is_program(path)) {
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
        let server = server.to_owned();
        Err(match newest {
            None => BackupError::ProgramMissing { program: name, server, major },
            Some(Program { path, version }) => {
                let newest = version.unwrap_or_default();
                BackupError::ServerTooNew { program: name, server, major, newest, path }
            }
        })
    }
}

fn versioned() -> impl Iterator<Item = PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    folders.sort();
    folders.into_iter().map(|(_, folder)| folder)
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
