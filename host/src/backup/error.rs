//! Why a backup was not made, shown, proven or deleted. Each message says what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::manifest::Target;

/// What went wrong. Whenever [`super::Archive::create`] returns one of these, nothing was published, no partial file is
/// left, and the older backups are as they were.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The description of a server cannot be used.
    #[error("[database.{server}]: {reason}")]
    InvalidServer {
        /// The server's name.
        server: String,
        /// What is wrong and how it should look.
        reason: String,
    },
    /// Another backup of the same target is running.
    #[error(
        "a backup of `{target}` is running already, held by {holder}. Wait for it to end, then try again"
    )]
    Busy {
        /// What is being backed up.
        target: Target,
        /// Who does it.
        holder: String,
    },
    /// The lock of the target could not be asked for.
    #[error(
        "the lock for the backup of `{target}` cannot be taken: {reason}. Check the store (`zelador doctor`)"
    )]
    LockUnavailable {
        /// What was to be backed up.
        target: Target,
        /// The store's reason.
        reason: String,
    },
    /// The lock ended while the backup ran.
    #[error(
        "the lock for the backup of `{target}` was lost while it ran, so nothing was published. The store did not \
         answer in time, or this machine stood still; the next run starts afresh"
    )]
    LockLost {
        /// What was being backed up.
        target: Target,
    },
    /// This kind of dump is not made for this kind of server.
    #[error("server `{server}`: {reason}")]
    UnsupportedScope {
        /// The server's name.
        server: String,
        /// What it can do instead.
        reason: String,
    },
    /// The server does not answer.
    #[error(
        "server `{server}` at {address} does not answer: {reason}. Check that PostgreSQL runs there, and the `url` of \
         [database.{server}]"
    )]
    Unreachable {
        /// The server's name.
        server: String,
        /// Host and port, or socket.
        address: String,
        /// The system's reason.
        reason: String,
    },
    /// The server refuses user or password.
    #[error(
        "server `{server}` at {address} refuses the log-in: {reason}. Check user and `password` of [database.{server}], \
         and the server's pg_hba.conf"
    )]
    LoginRefused {
        /// The server's name.
        server: String,
        /// Host and port, or socket.
        address: String,
        /// The server's words.
        reason: String,
    },
    /// The user may not read all that a dump of the whole cluster holds.
    #[error(
        "server `{server}`: user `{user}` may not read the roles and their passwords (pg_authid), which are part of a \
         cluster backup. Use a superuser in the `url` of [database.{server}]"
    )]
    NotSuperuser {
        /// The server's name.
        server: String,
        /// The user of the URL.
        user: String,
    },
    /// No program of that name is installed.
    #[error(
        "`{program}` is not installed (looked in PATH and /usr/lib/postgresql/*/bin). Server `{server}` needs version \
         {major} or newer: install the package `postgresql-client-{major}`, or `postgresql-client`"
    )]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// The server's name.
        server: String,
        /// The server's major version.
        major: u32,
    },
    /// The installed program is older than the server.
    #[error(
        "server `{server}` is PostgreSQL {major}, but the newest `{program}` here is of version {newest} ({}), and an \
         older one cannot dump a newer server. Install the package `postgresql-client-{major}`",
        path.display()
    )]
    ServerTooNew {
        /// The program.
        program: &'static str,
        /// The server's name.
        server: String,
        /// The server's major version.
        major: u32,
        /// The newest program's version.
        newest: String,
        /// Where that program is.
        path: PathBuf,
    },
    /// The program did not start.
    #[error("{} does not start: {source}. Check that it is an executable of this machine", path.display())]
    ProgramBroken {
        /// The program's file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The program ended with an error.
    #[error(
        "the dump of server `{server}` failed: {} {status}{}. Nothing was published; the next run starts afresh",
        program.display(), quoted(stderr)
    )]
    DumpFailed {
        /// The server's name.
        server: String,
        /// The program's file.
        program: PathBuf,
        /// How it ended: `exited with code 1`.
        status: String,
        /// The end of what it said on its standard error, secrets taken out.
        stderr: String,
    },
    /// The program said that all was well, but what it wrote is not a whole dump.
    #[error(
        "the dump of server `{server}` is not whole although the program reported success: {}. Nothing was published; \
         check that the `pg_dumpall` found first is PostgreSQL's own",
        findings.join("; ")
    )]
    DumpIncomplete {
        /// The server's name.
        server: String,
        /// What is missing.
        findings: Vec<String>,
    },
    /// The embedded database is not there.
    #[error("server `{server}`: {} is not there. Check the `url` of [database.{server}]", path.display())]
    DatabaseMissing {
        /// The server's name.
        server: String,
        /// The file.
        path: PathBuf,
    },
    /// The embedded database could not be copied.
    #[error("server `{server}`: {} cannot be copied: {reason}", path.display())]
    CopyFailed {
        /// The server's name.
        server: String,
        /// The database's file.
        path: PathBuf,
        /// SQLite's reason.
        reason: String,
    },
    /// The embedded database is damaged.
    #[error(
        "server `{server}`: {} is damaged, SQLite's integrity check says: {reason}. Nothing was published; keep the \
         older backups and recover the database (`sqlite3 FILE .recover`)",
        path.display()
    )]
    DatabaseDamaged {
        /// The server's name.
        server: String,
        /// The database's file.
        path: PathBuf,
        /// The first findings.
        reason: String,
    },
    /// What was written is not a whole backup.
    #[error("the new backup {name} was thrown away because it is not whole: {}. Try again; if it stays, check disk and memory", findings.join("; "))]
    NotWhole {
        /// The name it would have had.
        name: String,
        /// What is wrong with it.
        findings: Vec<String>,
    },
    /// No space is left.
    #[error(
        "no space is left for {}: {source}. Free space on that disk, or choose another folder for [backup] `dir`; the \
         partial file was removed",
        path.display()
    )]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file or folder cannot be used.
    #[error("cannot {action} {}: {source}. Check that the disk is mounted and that this user may write there", path.display())]
    Io {
        /// What was tried: `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A manifest is not ours or not whole.
    #[error(
        "{} is not a manifest that this version reads: {reason}. The backup beside it can still be restored with \
         `gunzip`",
        path.display()
    )]
    UnreadableManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no such artifact.
    #[error("there is no backup `{0}`. `zelador backup list` shows those that are")]
    Unknown(String),
    /// It is the last thing to restore from.
    #[error(
        "{name} is the newest good backup of `{target}` and is not deleted: without it there would be nothing newer to \
         restore. Make a new one first"
    )]
    LastGood {
        /// The artifact's file.
        name: String,
        /// What it is a backup of.
        target: Target,
    },
    /// Somebody asked to stop.
    #[error("the backup was stopped before it ended; nothing was published")]
    Cancelled,
}

impl BackupError {
    /// The error for a failed `action` on `path`; a full disk is told apart.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { path, source }
            }
            _ => Self::Io { action, path, source },
        }
    }
}

fn quoted(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        said => format!(" and said: {said}"),
    }
}
