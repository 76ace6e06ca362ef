//! Messages as people look for them: without their bytes, with how far their deliveries are.

use super::cursor::Cursor;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, page_size};
use crate::clock::Timestamp;

/// A message in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSummary {
    /// UUID version 7.
    pub id: String,
    /// A dotted name.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What the body is.
    pub content_type: String,
    /// How large it is.
    pub body_bytes: u64,
    /// The sender's key.
    pub idempotency_key: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// How many deliveries it has.
    pub deliveries: u64,
    /// How many of them arrived.
    pub delivered: u64,
    /// How many were given up.
    pub dead: u64,
}

/// Which messages are meant. Every field narrows.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// Behind the last one of the page before.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// The deliveries of a message have ids that lie side by side: `/` is the character after the full stop.
macro_rules! count_of_deliveries {
    ($narrowed:literal) => {
        concat!(
            "(select count(*) from deliveries d where d.id >= m.id || '.' and d.id < m.id || '/'",
            $narrowed,
            ")"
        )
    };
}

macro_rules! select_summaries {
    () => {
        concat!(
            "select m.id, m.event, m.tenant_id, m.content_type, cast(length(m.body) as bigint) as body_bytes, \
             m.idempotency_key, m.accepted_at, ",
            count_of_deliveries!(""),
            " as deliveries, ",
            count_of_deliveries!(" and d.state = 'delivered'"),
            " as delivered, ",
            count_of_deliveries!(" and d.state = 'dead_letter'"),
            " as dead from messages m"
        )
    };
}

impl Store {
    /// Messages, newest first, a page at a time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn message_summaries(&self, filter: &MessageFilter) -> Result<Vec<MessageSummary>, StoreError> {
        let mut select = Statement::new(concat!(select_summaries!(), " where true"));
        if let Some(tenant) = &filter.tenant_id {
            select.push(" and m.tenant_id = ").push_bind(tenant);
        }
        if let Some(after) = &filter.after {
            select
                .push(" and (m.accepted_at, m.id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by m.accepted_at desc, m.id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, MessageSummary::from_row).await
    }

    /// One message in short.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn message_summary(&self, id: &str) -> Result<Option<MessageSummary>, StoreError> {
        const SELECT: &str = concat!(select_summaries!(), " where m.id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), MessageSummary::from_row).await
    }
}

impl MessageSummary {
    /// The place of this message in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.accepted_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            event: row.get("event")?,
            tenant_id: row.get("tenant_id")?,
            content_type: row.get("content_type")?,
            body_bytes: row.unsigned("body_bytes")?,
            idempotency_key: row.get("idempotency_key")?,
            accepted_at: row.instant("accepted_at")?,
            deliveries: row.unsigned("deliveries")?,
            delivered: row.unsigned("delivered")?,
            dead: row.unsigned("dead")?,
        })
    }
}
