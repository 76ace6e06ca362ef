//! The processes that work on deliveries. A worker's lease covers all that it has claimed, so that a sign of life is one
//! row however much is under way; when it is over, somebody else takes the row away and with it all those claims.

use std::time::Duration;

use super::statement::Statement;
use super::{Store, StoreError};

impl Store {
    /// Registers a process that is going to claim; `host` is for people. Returns its id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn register_worker(&self, host: &str, lease: Duration) -> Result<String, StoreError> {
        let (id, now) = (self.new_id(), self.now());
        let insert = Statement::new(
            "insert into workers (id, host, started_at, lease_expires_at) values ($1, $2, $3, $4)",
        );
        self.database.change(insert.bind(&id).bind(host).bind(now).bind(now + lease)).await?;
        Ok(id)
    }

    /// Whether some process is working on deliveries now.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn has_worker(&self) -> Result<bool, StoreError> {
        let select = Statement::new("select count(*) as number from workers where lease_expires_at > $1")
            .bind(self.now());
        let alive: Option<u64> = self.database.read_optional(select, |row| row.unsigned("number")).await?;
        Ok(alive.is_some_and(|number| number > 0))
    }

    /// Holds a worker's claims for `lease` from now. `false`: somebody took them away, and whoever asks must stop.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn renew_worker(&self, id: &str, lease: Duration) -> Result<bool, StoreError> {
        let renew = Statement::new("update workers set lease_expires_at = $2 where id = $1");
        Ok(self.database.change(renew.bind(id).bind(self.now() + lease)).await? == 1)
    }

    /// The workers that are registered, as pairs of id and `host`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn workers(&self) -> Result<Vec<(String, String)>, StoreError> {
        let select = Statement::new("select id, host from workers");
        self.database.read(select, |row| Ok((row.get("id")?, row.get("host")?))).await
    }

    /// Takes a worker away; what it still had may be claimed at once. Returns how many deliveries that were.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn retire_worker(&self, id: &str) -> Result<u64, StoreError> {
        self.take_away(Statement::new("delete from workers where id = $1 returning id").bind(id)).await
    }

    /// Takes away the workers whose lease is over. Returns how many deliveries may be claimed again.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn rescue_deliveries(&self) -> Result<u64, StoreError> {
        let expired = Statement::new("delete from workers where lease_expires_at <= $1 returning id");
        self.take_away(expired.bind(self.now())).await
    }

    async fn take_away(&self, delete: Statement) -> Result<u64, StoreError> {
        let mut transaction = self.database.begin().await?;
        let workers: Vec<String> = transaction.rows(delete, |row| row.get("id")).await?;
        let mut released = 0;
        for worker in &workers {
            let release = Statement::new(
                "update deliveries set state = case when attempts > 0 then 'failed' else 'pending' end, \
                 due_at = $2, worker_id = null, fence = fence + 1 where worker_id = $1 and state = 'delivering'",
            );
            released += transaction.change(release.bind(worker).bind(self.now())).await?;
        }
        transaction.commit().await?;
        Ok(released)
    }
}
