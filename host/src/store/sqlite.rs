//! Opens the embedded database. It must not know any table.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;

use super::database::Pools;
use super::{StoreError, migrate};

/// How long a statement waits for another process that writes: a bulk import takes seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Readers never wait for the writer, so a few are enough for a dashboard and a daemon.
const READERS: u32 = 4;

/// SQLite's code for a lock that somebody else has.
const BUSY: &str = "5";

/// The write-ahead log shrinks back to this many bytes after a burst.
const LOG_SIZE_LIMIT: &str = "67108864";

/// How long to wait before asking again for a lock that SQLite itself does not wait for.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Makes the file and its folder if they are missing, private to this user, and migrates.
pub(super) async fn open(path: &Path, place: &str) -> Result<Pools, StoreError> {
    let failed = |error| StoreError::from_driver(place, error);
    let path = std::path::absolute(path).map_err(|error| StoreError::from_io(place, &error))?;
    create_private(&path).map_err(|error| StoreError::from_io(place, &error))?;
    let options = options(&path);
    let mut connection = write_ahead_connection(&options).await.map_err(failed)?;
    if is_foreign(&mut connection).await.map_err(failed)? {
        return Err(StoreError::corrupt(place, "the file holds another program's tables"));
    }
    migrate::sqlite(&mut connection, place).await?;
    connection.close().await.map_err(failed)?;
    Ok(Pools::Sqlite {
        writer: SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options.clone()),
        readers: SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options.pragma("query_only", "ON").optimize_on_close(false, None)),
    })
}

/// SQLite would make the file with the process's umask; the log beside it takes the file's mode.
fn create_private(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            File::open(folder)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // What is committed is on the disk; with NORMAL a power cut may undo the last commits.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_SIZE_LIMIT)
        .pragma("trusted_schema", "OFF")
        .optimize_on_close(true, None)
}

/// A first connection, which leaves the file in write-ahead mode for good. Entering that mode takes a lock that
/// SQLite does not wait for, and another process may be opening the same new file.
async fn write_ahead_connection(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let options = options.clone().journal_mode(SqliteJournalMode::Wal).optimize_on_close(false, None);
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match options.connect().await {
            Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == BUSY) => {
                if Instant::now() >= give_up {
                    return Err(sqlx::Error::Database(error));
                }
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Whether somebody else's tables are in the file: ours would mix with them.
async fn is_foreign(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    let tables =
        "select count(*) > 0 and not max(name = 'schema_migrations') from sqlite_schema where type = 'table'";
    Ok(sqlx::query_scalar::<_, Option<bool>>(tables).fetch_one(connection).await?.unwrap_or(false))
}
