//! The dump of a PostgreSQL cluster by its own program, `pg_dumpall`.
//!
//! It must not know where the dump goes: it hands the program's output on, and says how the program ended.

mod child;
mod passfile;
mod preflight;
mod programs;

use std::fs::File;
use std::path::Path;

use rand::distr::{Alphanumeric, SampleString};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

pub(super) use passfile::sweep;

use super::BackupError;
use super::server::{PostgresAccess, Server};
use child::Dump;
use passfile::PassFile;
use preflight::{ClusterInfo, ask};
use programs::Program;
pub use programs::ProgramFolders;

/// The program that dumps a whole cluster.
const PG_DUMPALL: &str = "pg_dumpall";

/// How long a table's lock is waited for: a migration that holds one longer fails the dump rather than stall it.
const LOCK_WAIT_MS: u32 = 60_000;

/// Characters of a seal's key: 190 bits of chance.
const SEAL_CHARS: usize = 32;

/// A dump that is ready to be started: the server was asked, the program was found.
pub(super) struct Prepared {
    server: String,
    access: PostgresAccess,
    program: Program,
    passfile: Option<PassFile>,
    seal: Option<String>,
    /// The server's version.
    pub(super) server_version: String,
}

/// Asks the server for its version and finds the program that can dump it.
pub(super) async fn prepare(
    server: &Server,
    access: &PostgresAccess,
    programs: &ProgramFolders,
    scratch: &Path,
) -> Result<Prepared, BackupError> {
    let ClusterInfo { version, major } = ask(server.name(), access).await?;
    let program = programs.find(PG_DUMPALL, server.name(), major).await?;
    let passfile = match &access.password {
        Some(password) => Some(PassFile::write(scratch, password)?),
        None => None,
    };
    let seal = program
        .knows_option("--restrict-key")
        .await
        .then(|| Alphanumeric.sample_string(&mut rand::rng(), SEAL_CHARS));
    Ok(Prepared {
        server: server.name().to_owned(),
        access: access.clone(),
        program,
        passfile,
        seal,
        server_version: version,
    })
}

impl Prepared {
    /// The key that seals each section, if the program knows such keys.
    pub(super) fn seal(&self) -> Option<&str> {
        self.seal.as_deref()
    }

    /// The program with its version.
    pub(super) fn made_by(&self) -> String {
        format!("{PG_DUMPALL} {}", self.program.version_text())
    }

    /// Starts the program; its output comes out of the file.
    fn start(&self) -> Result<(Dump, File), BackupError> {
        let mut command = Command::new(&self.program.path);
        command.env_clear().envs(child::environment()).args(["--no-password", "--dbname", self.access.url()]);
        command.arg(format!("--lock-wait-timeout={LOCK_WAIT_MS}"));
        if let Some(seal) = &self.seal {
            command.arg(format!("--restrict-key={seal}"));
        }
        if let Some(passfile) = &self.passfile {
            command.env("PGPASSFILE", passfile.path());
        }
        child::start(command, &self.server, &self.program.path, self.access.password.clone())
    }

    /// Runs the program until its output ends in `pump`, or until `stop`.
    pub(super) async fn run<T, P>(&self, pump: P, stop: &CancellationToken) -> Result<T, BackupError>
    where
        T: Send + 'static,
        P: FnOnce(File) -> Result<T, BackupError> + Send + 'static,
    {
        let (dump, output) = self.start()?;
        dump.drain(move || pump(output), stop).await
    }
}
