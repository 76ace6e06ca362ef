//! Messages that an application enqueued in a transaction of its own (`zelador.enqueue_webhook`, PostgreSQL only), until
//! their deliveries are made.

use std::time::Duration;

use super::database::{Dialect, Transaction};
use super::delivery::Lane;
use super::message::{Recipient, rows_for};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};

/// A message without deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outboxed {
    /// Its id.
    pub message_id: String,
    /// What it is about.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// A URL of its own; without one it goes to the endpoints that want the event.
    pub url: Option<String>,
    /// How long one exchange may take.
    pub timeout: Option<Duration>,
}

impl Store {
    /// Makes the deliveries of up to `limit` messages of the outbox, to whom `recipients` says, in one transaction.
    /// Returns how many messages that were.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none were made.
    pub async fn empty_outbox(
        &self,
        lane: Lane,
        limit: u32,
        recipients: impl Fn(&Outboxed) -> Vec<Recipient>,
    ) -> Result<usize, StoreError> {
        let Dialect::Postgres = self.database.dialect() else { return Ok(0) };
        let mut transaction = self.database.begin().await?;
        let messages = take(&mut transaction, limit).await?;
        if messages.is_empty() {
            return Ok(0);
        }
        let now = self.now();
        let addressed: Vec<_> = messages.iter().map(|message| (message, recipients(message))).collect();
        let rows: Vec<_> = addressed
            .iter()
            .flat_map(|(message, recipients)| {
                rows_for(&message.message_id, lane, message.tenant_id.as_deref(), recipients, now)
            })
            .collect();
        if !rows.is_empty() {
            transaction.change(self.insert_deliveries(&rows)).await?;
        }
        transaction.commit().await?;
        Ok(messages.len())
    }
}

async fn take(transaction: &mut Transaction, limit: u32) -> Result<Vec<Outboxed>, StoreError> {
    let take = Statement::new(
        "delete from message_outbox o using messages m \
         where o.message_id in (select message_id from message_outbox order by message_id limit $1 \
           for update skip locked) and m.id = o.message_id \
         returning o.message_id, m.event, m.tenant_id, o.url, o.timeout_ms",
    );
    transaction.rows(take.bind(limit), Outboxed::from_row).await
}

impl Outboxed {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let timeout: Option<i64> = row.get("timeout_ms")?;
        Ok(Self {
            message_id: row.get("message_id")?,
            event: row.get("event")?,
            tenant_id: row.get("tenant_id")?,
            url: row.get("url")?,
            timeout: timeout.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis),
        })
    }
}
