//! The running program: its output, its last words, its end, and that nothing of it outlives us.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::super::BackupError;

/// How much of what it says last is kept.
const LAST_WORDS_BYTES: usize = 4 << 10;

/// A dump that runs.
pub(in super::super) struct Dump {
    server: String,
    program: PathBuf,
    child: Child,
    group: ProcessGroup,
    last_words: JoinHandle<Vec<u8>>,
    secret: Option<SecretString>,
}

/// The variables that a PostgreSQL program may see. Everything else of ours stays with us: there are secrets in it.
pub(super) fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        let ours =
            matches!(&*name, "PATH" | "HOME" | "USER" | "LANG" | "TZ" | "TMPDIR") || name.starts_with("LC_");
        ours || (name.starts_with("PG") && name != "PGPASSWORD")
    })
}

/// Starts `command` in a process group of its own.
pub(super) fn start(
    mut command: Command,
    server: &str,
    program: &Path,
    secret: Option<SecretString>,
) -> Result<(Dump, File), BackupError> {
    let broken = |source| BackupError::ProgramBroken { path: program.to_path_buf(), source };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(broken)?;
    let group = ProcessGroup::of(&child);
    let stdout = child.stdout.take().expect("stdout is piped");
    let output: OwnedFd = stdout.into_owned_fd().map_err(broken)?;
    let stderr = child.stderr.take().expect("stderr is piped");
    let last_words = tokio::spawn(last_words(stderr));
    let dump =
        Dump { server: server.to_owned(), program: program.to_path_buf(), child, group, last_words, secret };
    Ok((dump, File::from(output)))
}

impl Dump {
    /// Lets `pump` read the output to its end. Whatever fails first, the pump or the program, ends the other too.
    pub(super) async fn drain<T: Send + 'static>(
        mut self,
        pump: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
        stop: &CancellationToken,
    ) -> Result<T, BackupError> {
        let mut pump = spawn_blocking(pump);
        let (mut pumped, mut ended) = (None, None);
        while pumped.is_none() || ended.is_none() {
            tokio::select! {
                done = &mut pump, if pumped.is_none() => {
                    let done = done.expect("the pump does not panic");
                    if done.is_err() {
                        self.group.kill();
                    }
                    pumped = Some(done);
                }
                status = self.child.wait(), if ended.is_none() => ended = Some(self.ended(status)?),
                () = stop.cancelled(), if self.group.is_armed() => self.group.kill(),
            }
        }
        let (pumped, status) = pumped.zip(ended).expect("the loop ends when both have");
        self.judge(pumped, status, stop).await
    }

    /// A program that failed may leave another one behind that still writes; one that ended well leaves nothing.
    fn ended(&mut self, status: std::io::Result<ExitStatus>) -> Result<ExitStatus, BackupError> {
        let status = status.map_err(|source| BackupError::io("wait for", &self.program, source))?;
        match status.success() {
            true => self.group.disarm(),
            false => self.group.kill(),
        }
        Ok(status)
    }

    async fn judge<T>(
        self,
        pumped: Result<T, BackupError>,
        status: ExitStatus,
        stop: &CancellationToken,
    ) -> Result<T, BackupError> {
        if stop.is_cancelled() {
            return Err(BackupError::Cancelled);
        }
        let pumped = pumped?;
        if status.success() {
            return Ok(pumped);
        }
        let said = self.last_words.await.unwrap_or_default();
        Err(BackupError::DumpFailed {
            server: self.server,
            program: self.program,
            status: how_it_ended(status),
            stderr: without(&String::from_utf8_lossy(&said), self.secret.as_ref()),
        })
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn without(text: &str, secret: Option<&SecretString>) -> String {
    match secret.map(ExposeSecret::expose_secret) {
        Some(secret) if !secret.is_empty() => text.replace(secret, "***"),
        _ => text.to_owned(),
    }
}

/// The end of what comes out of `stderr`.
async fn last_words(mut stderr: ChildStderr) -> Vec<u8> {
    let mut words = Vec::new();
    let mut piece = [0; LAST_WORDS_BYTES];
    while let Ok(length @ 1..) = stderr.read(&mut piece).await {
        words.extend_from_slice(&piece[..length]);
        words.drain(..words.len().saturating_sub(LAST_WORDS_BYTES));
    }
    words
}

/// The program and those that it starts: `pg_dumpall` runs a `pg_dump` for each database.
#[derive(Debug)]
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    fn is_armed(&self) -> bool {
        self.0.is_some()
    }

    /// Kills all of it, once: later its number may belong to others.
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
