//! One door to either database: statements go in, rows come out, failures are sorted. It must not know any table.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool};

use super::StoreError;
use super::row::Row;
use super::statement::{Statement, Value};

/// How long one statement may take, the wait for a connection included: nothing that the store is asked for takes
/// seconds, so a minute means a dead peer or a stuck lock, and the caller must hear of it.
const DEADLINE: Duration = Duration::from_secs(60);

/// SQLite has one writer at a time. Asking for that place when the transaction begins means waiting for it there;
/// asking in the middle would fail at once if somebody else wrote in between.
const BEGIN_WRITE: &str = "begin immediate";

/// Reads a noun from a row.
pub(super) type FromRow<T> = fn(&Row) -> sqlx::Result<T>;

#[derive(Clone)]
pub(super) struct Database {
    pub pools: Pools,
    /// What people call this database.
    pub place: Arc<str>,
}

#[derive(Clone)]
pub(super) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// Where the two databases need different words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Database {
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Rows of a statement that changes nothing.
    pub async fn read<T>(&self, statement: Statement, from_row: FromRow<T>) -> Result<Vec<T>, StoreError> {
        within_deadline(&self.place, async {
            match &self.pools {
                Pools::Sqlite { readers, .. } => sqlite_rows(readers, statement, from_row).await,
                Pools::Postgres(pool) => postgres_rows(pool, statement, from_row).await,
            }
        })
        .await
    }

    /// The one row of a statement that changes nothing, if there is one.
    pub async fn read_optional<T>(
        &self,
        statement: Statement,
        from_row: FromRow<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.read(statement, from_row).await?.pop())
    }

    /// Runs one statement that writes, in a transaction of its own, and gives what it returns.
    pub async fn write<T>(&self, statement: Statement, from_row: FromRow<T>) -> Result<Vec<T>, StoreError> {
        within_deadline(&self.place, async {
            match &self.pools {
                Pools::Sqlite { writer, .. } => sqlite_rows(writer, statement, from_row).await,
                Pools::Postgres(pool) => postgres_rows(pool, statement, from_row).await,
            }
        })
        .await
    }

    /// Runs one statement that writes, in a transaction of its own, and gives how many rows it touched.
    pub async fn change(&self, statement: Statement) -> Result<u64, StoreError> {
        within_deadline(&self.place, async {
            match &self.pools {
                Pools::Sqlite { writer, .. } => {
                    Ok(sqlite_query(statement).execute(writer).await?.rows_affected())
                }
                Pools::Postgres(pool) => Ok(postgres_query(statement).execute(pool).await?.rows_affected()),
            }
        })
        .await
    }

    /// Repeats a statement that deletes a batch until nothing is left for it; gives how many rows are gone.
    pub async fn delete_in_batches(&self, delete: &Statement) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            match self.change(delete.clone()).await? {
                0 => return Ok(total),
                gone => total += gone,
            }
        }
    }

    /// Begins a transaction that writes. Dropped before its commit, it never happened.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let open = within_deadline(&self.place, async {
            Ok(match &self.pools {
                Pools::Sqlite { writer, .. } => Open::Sqlite(writer.begin_with(BEGIN_WRITE).await?),
                Pools::Postgres(pool) => Open::Postgres(pool.begin().await?),
            })
        })
        .await?;
        Ok(Transaction { open, place: Arc::clone(&self.place) })
    }

    /// Closes every connection, after what they are doing.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// An open transaction.
pub(super) struct Transaction {
    open: Open,
    place: Arc<str>,
}

enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub async fn rows<T>(
        &mut self,
        statement: Statement,
        from_row: FromRow<T>,
    ) -> Result<Vec<T>, StoreError> {
        within_deadline(&self.place, async {
            match &mut self.open {
                Open::Sqlite(transaction) => sqlite_rows(&mut **transaction, statement, from_row).await,
                Open::Postgres(transaction) => postgres_rows(&mut **transaction, statement, from_row).await,
            }
        })
        .await
    }

    /// The row of a statement that always returns one.
    pub async fn one<T>(&mut self, statement: Statement, from_row: FromRow<T>) -> Result<T, StoreError> {
        let row = self.rows(statement, from_row).await?.pop();
        row.ok_or_else(|| StoreError::from_driver(&self.place, sqlx::Error::RowNotFound))
    }

    pub async fn change(&mut self, statement: Statement) -> Result<u64, StoreError> {
        within_deadline(&self.place, async {
            Ok(match &mut self.open {
                Open::Sqlite(transaction) => {
                    sqlite_query(statement).execute(&mut **transaction).await?.rows_affected()
                }
                Open::Postgres(transaction) => {
                    postgres_query(statement).execute(&mut **transaction).await?.rows_affected()
                }
            })
        })
        .await
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        within_deadline(&self.place, async {
            match self.open {
                Open::Sqlite(transaction) => transaction.commit().await,
                Open::Postgres(transaction) => transaction.commit().await,
            }
        })
        .await
    }
}

async fn within_deadline<T>(
    place: &str,
    operation: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(DEADLINE, operation).await {
        Ok(outcome) => outcome.map_err(|error| StoreError::from_driver(place, error)),
        Err(_) => Err(StoreError::unavailable(place, format!("no answer within {} s", DEADLINE.as_secs()))),
    }
}

// All rows are fetched, also where one is expected: a statement with RETURNING commits only when it has run to its end.

async fn sqlite_rows<T>(
    executor: impl sqlx::Executor<'_, Database = Sqlite>,
    statement: Statement,
    from_row: FromRow<T>,
) -> sqlx::Result<Vec<T>> {
    let rows = sqlite_query(statement).fetch_all(executor).await?;
    rows.into_iter().map(|row| from_row(&Row::Sqlite(row))).collect()
}

async fn postgres_rows<T>(
    executor: impl sqlx::Executor<'_, Database = Postgres>,
    statement: Statement,
    from_row: FromRow<T>,
) -> sqlx::Result<Vec<T>> {
    let rows = postgres_query(statement).fetch_all(executor).await?;
    rows.into_iter().map(|row| from_row(&Row::Postgres(row))).collect()
}

// The texts are safe: a `Statement` is made of texts that are fixed in this room; what varies are its values.

fn sqlite_query(statement: Statement) -> Query<'static, Sqlite, SqliteArguments> {
    let (sql, values) = statement.into_parts();
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
        Value::Instant(instant) => query.bind(instant.map(|instant| instant.timestamp_millis())),
        Value::Json(json) => query.bind(json.map(|json: Json| json.to_string())),
    })
}

fn postgres_query(statement: Statement) -> Query<'static, Postgres, PgArguments> {
    let (sql, values) = statement.into_parts();
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
        Value::Instant(instant) => query.bind(instant),
        Value::Json(json) => query.bind(json),
    })
}
