//! Brings a database to the schema of this binary: at start, under a lock, wholly or not at all.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, SqlSafeStr};

use super::StoreError;
use super::database::Dialect;

/// Lists migrations by the names of their files, which are the same for both databases; the number comes first.
macro_rules! migrations {
    ($($number:literal $name:literal,)+) => {
        /// Number, name, text for SQLite, text for PostgreSQL.
        const MIGRATIONS: &[(i64, &str, &str, &str)] = &[$((
            $number,
            $name,
            include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        ),)+];
    };
}

migrations! {
    1 "0001_runs",
    2 "0002_plugin_versions",
    3 "0003_artifacts",
    4 "0004_locks",
    5 "0005_subscriptions",
    6 "0006_webhooks",
    7 "0007_deliveries",
    8 "0008_tokens",
}

/// Where the migrations that were applied are recorded.
const TABLE: &str = "schema_migrations";

/// Names the lock that migrators of one PostgreSQL database queue for: "zelador" in ASCII.
const LOCK: i64 = 0x7a_65_6c_61_64_6f_72;

/// The newest schema version of this binary.
pub(super) fn known_version() -> i64 {
    MIGRATIONS.iter().map(|(number, ..)| *number).max().unwrap_or(0)
}

/// The names of the migrations of this binary, in order.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|(_, name, ..)| *name)
}

/// Migrates an SQLite database. The write lock of the file is the lock.
pub(super) async fn sqlite(connection: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_driver(place, error);
    let migrator = migrator(Dialect::Sqlite);
    if is_current(connection, &migrator).await {
        return Ok(());
    }
    let mut transaction = connection.begin_with("begin immediate").await.map_err(failed)?;
    if let Err(error) = migrator.run_direct(None, &mut *transaction, false).await {
        let found = sqlx::query_scalar(NEWEST).fetch_one(&mut *transaction).await;
        return Err(explain(place, error, found));
    }
    transaction.commit().await.map_err(failed)
}

/// Migrates the schema `zelador` of a PostgreSQL database. `connection` has it as its search path.
pub(super) async fn postgres(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_driver(place, error);
    let migrator = migrator(Dialect::Postgres);
    if is_current(connection, &migrator).await {
        return Ok(());
    }
    let mut transaction = connection.begin().await.map_err(failed)?;
    lock_postgres(&mut transaction).await.map_err(failed)?;
    // A savepoint, so that a failure leaves the transaction able to tell the version.
    let mut attempt = transaction.begin().await.map_err(failed)?;
    if let Err(error) = migrator.run_direct(None, &mut *attempt, false).await {
        attempt.rollback().await.map_err(failed)?;
        let found = sqlx::query_scalar(NEWEST).fetch_one(&mut *transaction).await;
        return Err(explain(place, error, found));
    }
    attempt.commit().await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// Whether there is nothing to do and nothing wrong, found out without the lock: a command that only reads then needs
/// neither the writer's place nor room on the disk. What goes wrong here goes wrong again under the lock, and is told.
async fn is_current(connection: &mut impl Migrate, migrator: &Migrator) -> bool {
    let Ok(applied) = connection.list_applied_migrations(TABLE).await else { return false };
    let as_known = migrator.iter().map(|known| (known.version, &known.checksum));
    as_known.eq(applied.iter().map(|applied| (applied.version, &applied.checksum)))
        && matches!(connection.dirty_version(TABLE).await, Ok(None))
}

/// Waits for other migrators of this database, and makes the schema if it is missing: asking for it with IF NOT EXISTS
/// would need the right to create schemas even where there is nothing to create.
async fn lock_postgres(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("set local statement_timeout = 0").execute(&mut *connection).await?;
    sqlx::query("set local lock_timeout = '60s'").execute(&mut *connection).await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_namespace where nspname = 'zelador')")
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        sqlx::query("create schema zelador").execute(&mut *connection).await?;
    }
    Ok(())
}

const NEWEST: &str = "select max(version) from schema_migrations";

/// One transaction holds all of a start's migrations, so the migrator's own lock has nothing left to do.
fn migrator(dialect: Dialect) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(number, name, sqlite, postgres)| {
        let sql = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

fn explain(place: &str, error: MigrateError, found: sqlx::Result<Option<i64>>) -> StoreError {
    let (place_name, known) = (place.to_owned(), known_version());
    let failure =
        |problem: String, remedy| StoreError::Migration { place: place_name, known, problem, remedy };
    match (error, found) {
        (MigrateError::VersionMissing(_), Ok(Some(found))) if found > known => {
            StoreError::NewerSchema { place: place.to_owned(), found, known }
        }
        (MigrateError::Dirty(version), _) => failure(
            format!("migration {version} was begun by another program and not finished"),
            "restore the store from before that, then start zelador again",
        ),
        (error @ (MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)), _) => failure(
            error.to_string(),
            "it was written by another build of zelador: start that build, or restore the store from before it",
        ),
        (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _), _) => {
            match StoreError::from_driver(place, error) {
                StoreError::Other { problem, .. } => {
                    failure(problem, "nothing was changed; report this with the store's version")
                }
                sorted => sorted,
            }
        }
        (error, _) => failure(error.to_string(), "nothing was changed; report this with the store's version"),
    }
}
