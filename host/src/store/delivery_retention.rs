//! How long deliveries, their attempts and their messages are kept, and how a tenant's are erased.

use super::statement::Statement;
use super::{RETENTION_BATCH, Store, StoreError};
use crate::clock::Timestamp;

/// Deliveries that ended before `$1` and that no dead letter waits for.
const OLD: &str = "delete from deliveries where id in (select d.id from deliveries d \
    where d.state in ('delivered', 'dead_letter') and d.finished_at < $1 \
      and not exists (select 1 from dead_letter_queue l where l.delivery_id = d.id and l.status = 'waiting') \
    limit $2)";

/// Attempts whose delivery is gone; messages before `$1` likewise.
const ORPHANED_ATTEMPTS: &str = "delete from attempts where (delivery_id, number) in \
    (select a.delivery_id, a.number from attempts a \
     where a.at < $1 and not exists (select 1 from deliveries d where d.id = a.delivery_id) limit $2)";
const ORPHANED_MESSAGES: &str = "delete from messages where id in (select m.id from messages m \
    where m.accepted_at < $1 and not exists (select 1 from message_outbox o where o.message_id = m.id) \
      and not exists (select 1 from deliveries d where d.id >= m.id || '.' and d.id < m.id || '/') limit $2)";

impl Store {
    /// Deletes deliveries that ended before `before`, with their attempts and, once none of its deliveries is left, their
    /// message and its idempotency key. What a dead letter waits for stays. In batches; returns how many deliveries.
    ///
    /// # Errors
    /// Any [`StoreError`]; the batches before stay deleted.
    pub async fn delete_deliveries_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let old = |sql| Statement::new(sql).bind(before).bind(RETENTION_BATCH);
        let deleted = self.database.delete_in_batches(&old(OLD)).await?;
        self.database.delete_in_batches(&old(ORPHANED_ATTEMPTS)).await?;
        self.database.delete_in_batches(&old(ORPHANED_MESSAGES)).await?;
        Ok(deleted)
    }

    /// Erases what was ever accepted for a tenant: messages, deliveries whatever their state, attempts, dead letters,
    /// endpoints with their keys. All or nothing; returns how many messages.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was erased.
    pub async fn erase_tenant_deliveries(&self, tenant_id: &str) -> Result<u64, StoreError> {
        const ERASE: [&str; 4] = [
            "delete from attempts where delivery_id in (select d.id from deliveries d where d.tenant_id = $1)",
            "delete from deliveries where tenant_id = $1",
            "delete from dead_letter_queue where tenant_id = $1",
            "delete from endpoints where tenant_id = $1",
        ];
        let mut transaction = self.database.begin().await?;
        for erase in ERASE {
            transaction.change(Statement::new(erase).bind(tenant_id)).await?;
        }
        let messages = Statement::new("delete from messages where tenant_id = $1").bind(tenant_id);
        let erased = transaction.change(messages).await?;
        transaction.commit().await?;
        Ok(erased)
    }
}
