//! Messages that an application enqueued in a transaction of its own (`zelador.enqueue_webhook`, PostgreSQL only), until
//! their deliveries are made.

use std::time::Duration;

use serde::Serialize;

use super::batch::{Batch, Column, Columns};
use super::database::Dialect;
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
    /// Up to `limit` messages of the outbox, oldest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn outbox(&self, limit: u32) -> Result<Vec<Outboxed>, StoreError> {
        let Dialect::Postgres = self.database.dialect() else { return Ok(Vec::new()) };
        let select = Statement::new(
            "select o.message_id, m.event, m.tenant_id, o.url, o.timeout_ms \
             from message_outbox o join messages m on m.id = o.message_id order by o.message_id limit $1",
        );
        self.database.read(select.bind(limit), Outboxed::from_row).await
    }

    /// Makes the deliveries of these messages of the outbox, to whom `recipients` says, in one transaction. Those that
    /// somebody else took meanwhile are left to them.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none were made.
    pub async fn empty_outbox(
        &self,
        lane: Lane,
        messages: &[Outboxed],
        recipients: impl Fn(&Outboxed) -> Vec<Recipient>,
    ) -> Result<(), StoreError> {
        const IDS: Columns = &[("wanted", Column::Text)];
        #[derive(Serialize)]
        struct IdRow<'a> {
            wanted: &'a str,
        }
        let ids: Vec<_> = messages.iter().map(|message| IdRow { wanted: &message.message_id }).collect();
        let take = Batch::new(IDS, &ids).statement(
            self.database.dialect(),
            "delete from message_outbox where message_id in (select wanted from",
            ") returning message_id",
        );
        let mut transaction = self.database.begin().await?;
        let taken: Vec<String> = transaction.rows(take, |row: &Row| row.get("message_id")).await?;
        let now = self.now();
        let addressed: Vec<_> = messages
            .iter()
            .filter(|message| taken.contains(&message.message_id))
            .map(|message| (message, recipients(message)))
            .collect();
        let rows: Vec<_> = addressed
            .iter()
            .flat_map(|(message, recipients)| {
                rows_for(&message.message_id, lane, message.tenant_id.as_deref(), recipients, now)
            })
            .collect();
        if !rows.is_empty() {
            transaction.change(self.insert_deliveries(&rows)).await?;
        }
        transaction.commit().await
    }
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
