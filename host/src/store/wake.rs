//! Hears from the database that there is work. It only wakes: what is missed is found by asking.

use sqlx::postgres::PgListener;

use super::database::Pools;
use super::{Store, StoreError};

/// What PostgreSQL's `NOTIFY` is sent on when deliveries wait.
pub const QUEUE_CHANNEL: &str = "zelador_queue";

/// Notifications of one channel. SQLite has none.
pub struct Wakes(Option<Box<PgListener>>);

impl Store {
    /// Listens from now on.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn listen(&self, channel: &str) -> Result<Wakes, StoreError> {
        let Pools::Postgres(pool) = &self.database.pools else { return Ok(Wakes(None)) };
        let failed = |error| StoreError::from_driver(self.place(), error);
        let mut listener = PgListener::connect_with(pool).await.map_err(failed)?;
        listener.listen(channel).await.map_err(failed)?;
        Ok(Wakes(Some(Box::new(listener))))
    }

    /// Wakes the other processes that listen. Never in a transaction that writes: the notification takes a lock of the
    /// whole server at its commit.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn notify(&self, channel: &str) -> Result<(), StoreError> {
        if let Pools::Postgres(pool) = &self.database.pools {
            let notify = sqlx::query("select pg_notify($1, '')").bind(channel).execute(pool).await;
            notify.map_err(|error| StoreError::from_driver(self.place(), error))?;
        }
        Ok(())
    }
}

impl Wakes {
    /// Resolves when a notification came, or may have come while the connection was away. Never, where there are none.
    ///
    /// # Errors
    /// The driver's; the connection is made again at the next call.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(listener) => match listener.try_recv().await {
                Ok(_) => Ok(()),
                Err(error) => Err(StoreError::from_driver("the notifications of PostgreSQL", error)),
            },
        }
    }
}
