//! A consistent copy of an embedded database while others write to it.

use std::io::ErrorKind;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio_util::sync::CancellationToken;

use super::BackupError;

/// Virtual machine steps of SQLite between two looks at whether to stop: some milliseconds.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// Findings of the integrity check that are shown.
const FINDINGS_MAX: usize = 3;

const VERSION: &str = "select sqlite_version()";
const COPY: &str = "vacuum into ?";
const CHECK: &str = "pragma integrity_check(10)";

/// Copies the database at `source` into the empty file `copy` as of one instant, and checks the copy. Returns the
/// version of SQLite.
pub(super) async fn copy(
    server: &str,
    source: &Path,
    copy: &Path,
    stop: &CancellationToken,
) -> Result<String, BackupError> {
    if !source.is_file() {
        return Err(BackupError::DatabaseMissing { server: server.to_owned(), path: source.to_path_buf() });
    }
    let failed = |error: sqlx::Error| match stop.is_cancelled() {
        true => BackupError::Cancelled,
        false => classify(server, source, copy, &error),
    };
    let version = take(source, copy, stop).await.map_err(failed)?;
    let findings = check(copy, stop).await.map_err(failed)?;
    match findings.as_slice() {
        [verdict] if verdict == "ok" => Ok(version),
        _ => Err(BackupError::DatabaseDamaged {
            server: server.to_owned(),
            path: source.to_path_buf(),
            reason: findings[..findings.len().min(FINDINGS_MAX)].join("; "),
        }),
    }
}

async fn take(source: &Path, copy: &Path, stop: &CancellationToken) -> Result<String, sqlx::Error> {
    let mut connection =
        SqliteConnectOptions::new().filename(source).create_if_missing(false).connect().await?;
    stoppable(&mut connection, stop).await?;
    let version = sqlx::query_scalar(VERSION).fetch_one(&mut connection).await?;
    sqlx::query(COPY).bind(copy.to_string_lossy().into_owned()).execute(&mut connection).await?;
    connection.close().await?;
    Ok(version)
}

async fn check(copy: &Path, stop: &CancellationToken) -> Result<Vec<String>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(copy).read_only(true).immutable(true);
    let mut connection = options.connect().await?;
    stoppable(&mut connection, stop).await?;
    let findings = sqlx::query_scalar(CHECK).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(findings)
}

async fn stoppable(connection: &mut SqliteConnection, stop: &CancellationToken) -> Result<(), sqlx::Error> {
    let stop = stop.clone();
    connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_LOOKS, move || !stop.is_cancelled());
    Ok(())
}

/// SQLite's primary result codes: full disk, damaged file, no file of its own.
const SQLITE_FULL: u32 = 13;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_NOTADB: u32 = 26;

fn classify(server: &str, source: &Path, copy: &Path, error: &sqlx::Error) -> BackupError {
    let code =
        error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok()).unwrap_or_default();
    let (server, path, reason) = (server.to_owned(), source.to_path_buf(), error.to_string());
    // The low byte of a result code is the primary one.
    match code & 0xFF {
        SQLITE_FULL => {
            BackupError::DiskFull { path: copy.to_path_buf(), source: ErrorKind::StorageFull.into() }
        }
        SQLITE_CORRUPT | SQLITE_NOTADB => BackupError::DatabaseDamaged { server, path, reason },
        _ => BackupError::CopyFailed { server, path, reason },
    }
}
