//! Opens the store in a PostgreSQL database, in a schema of its own. It must not know any table.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::database::Pools;
use super::{StoreError, migrate};

/// Connections of one process: several hosts share a server that has 100 by default.
const CONNECTIONS: u32 = 8;

/// How long a server may take to let us in before it counts as not there.
const CONNECT_DEADLINE: Duration = Duration::from_secs(15);

/// What every session begins with. All tables are in our schema; a statement that hangs ends before our own deadline
/// does; a transaction that a dying host left open does not hold its locks for long.
/// A plan is made for each execution: one that was made while the queue was empty reads all of it when it is full.
const SESSION: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_custom_plan"),
    ("search_path", "zelador"),
    ("timezone", "UTC"),
    ("statement_timeout", "50s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// Connects, makes the schema if it is missing, and migrates.
pub(super) async fn open(options: &PgConnectOptions, place: &str) -> Result<Pools, StoreError> {
    let failed = |error| StoreError::from_driver(place, error);
    let options = options.clone().application_name("zelador").options(SESSION);
    let mut connection = connect(&options, place).await?;
    migrate::postgres(&mut connection, place).await?;
    connection.close().await.map_err(failed)?;
    Ok(Pools::Postgres(PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options)))
}

async fn connect(options: &PgConnectOptions, place: &str) -> Result<PgConnection, StoreError> {
    match tokio::time::timeout(CONNECT_DEADLINE, options.connect()).await {
        Ok(outcome) => outcome.map_err(|error| StoreError::from_driver(place, error)),
        Err(_) => {
            let waited = format!("no answer within {} s", CONNECT_DEADLINE.as_secs());
            Err(StoreError::unavailable(place, waited))
        }
    }
}
