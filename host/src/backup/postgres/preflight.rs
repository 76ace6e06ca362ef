//! What is asked of a server before it is dumped, so that the usual failures have a plain name.

use std::time::Duration;

use sqlx::postgres::PgDatabaseError;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::super::BackupError;
use super::super::server::PostgresAccess;

/// A server that says nothing for so long is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ClusterInfo {
    /// As the server says it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub(in super::super) version: String,
    /// The number that a dumping program must not be older than.
    pub(in super::super) major: u32,
}

/// A database of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct DatabaseInfo {
    /// Its name.
    pub(in super::super) name: String,
    /// Its size on the server's disk, in bytes.
    pub(in super::super) size_bytes: u64,
}

const VERSION: &str = "select current_setting('server_version'), current_setting('server_version_num')::int4, \
     has_table_privilege('pg_catalog.pg_authid', 'select'), current_user::text";

const DATABASES: &str = "select datname::text, pg_database_size(oid) from pg_catalog.pg_database \
     where datallowconn and not datistemplate order by datname";

/// Asks for the version, and whether the user may read the roles.
pub(in super::super) async fn ask(server: &str, access: &PostgresAccess) -> Result<ClusterInfo, BackupError> {
    let mut connection = connect(server, access).await?;
    let asked = sqlx::query_as::<_, (String, i32, bool, String)>(VERSION).fetch_one(&mut connection);
    let (version, number, reads_roles, user) = answer(server, access, asked).await?;
    let _ = connection.close().await;
    match reads_roles {
        true => Ok(ClusterInfo { version, major: number.unsigned_abs() / 10_000 }),
        false => Err(BackupError::NotSuperuser { server: server.to_owned(), user }),
    }
}

/// The databases that accept connections, templates left out, by name.
pub(in super::super) async fn databases(
    server: &str,
    access: &PostgresAccess,
) -> Result<Vec<DatabaseInfo>, BackupError> {
    let mut connection = connect(server, access).await?;
    let asked = sqlx::query_as::<_, (String, i64)>(DATABASES).fetch_all(&mut connection);
    let rows = answer(server, access, asked).await?;
    let _ = connection.close().await;
    Ok(rows
        .into_iter()
        .map(|(name, bytes)| DatabaseInfo { name, size_bytes: bytes.unsigned_abs() })
        .collect())
}

async fn connect(server: &str, access: &PostgresAccess) -> Result<PgConnection, BackupError> {
    answer(server, access, access.options().disable_statement_logging().connect()).await
}

async fn answer<T>(
    server: &str,
    access: &PostgresAccess,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, BackupError> {
    let failed =
        |reason| BackupError::Unreachable { server: server.to_owned(), address: access.to_string(), reason };
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_login_refused(&error) => Err(BackupError::LoginRefused {
            server: server.to_owned(),
            address: access.to_string(),
            reason: words_of(&error),
        }),
        Ok(Err(error)) => Err(failed(words_of(&error))),
        Err(_) => Err(failed(format!("no answer within {} seconds", ANSWER_WITHIN.as_secs()))),
    }
}

/// SQLSTATE class 28: invalid authorization specification, wrong password among them.
fn is_login_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("28"))
}

fn words_of(error: &sqlx::Error) -> String {
    match error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}
