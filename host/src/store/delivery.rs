//! A delivery: one message on its way to one target.
//!
//! ```text
//!  pending ──claim──► delivering ──settle──► delivered
//!     ▲                 ▲     │────────────► failed ──claim when due──► delivering
//!     │ rescue          │     │────────────► dead_letter ──reprocess──► pending
//!     └─────────────────┼─────┤
//!           held ◄──────┼─────┤ its target is busy, or paused
//!           parked ◄────┴─────┘ its endpoint is disabled
//! ```

use std::time::Duration;

use super::Store;
use super::StoreError;
use super::cursor::Cursor;
use super::lock::Fence;
use super::page_size;
use super::row::Row;
use super::statement::Statement;
use super::word::words;
use crate::clock::Timestamp;

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// Waits for its first try.
        Pending = "pending",
        /// A worker has it.
        Delivering = "delivering",
        /// The last try failed; the next has its time.
        Failed = "failed",
        /// Waits for its target's turn.
        Held = "held",
        /// Waits for a person to enable its endpoint.
        Parked = "parked",
        /// It arrived.
        Delivered = "delivered",
        /// It was given up, and is in the dead-letter queue.
        DeadLetter = "dead_letter",
    }
}

words! {
    /// The separate queues: each has workers of its own.
    Lane {
        /// Webhooks.
        Webhook = "webhook",
        /// Mails.
        Email = "email",
    }
}

/// A delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message's id, a full stop, and a number: the deliveries of a message lie side by side.
    pub id: String,
    /// Its queue.
    pub lane: Lane,
    /// Where it stands.
    pub state: DeliveryState,
    /// What is delivered.
    pub message_id: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What shares a limit of requests at one time: the endpoint's id, or the address of a bare URL.
    pub target: String,
    /// Where it goes: an endpoint...
    pub endpoint_id: Option<String>,
    /// ...or a bare URL.
    pub url: Option<String>,
    /// How long one exchange may take, if the message says so.
    pub timeout: Option<Duration>,
    /// It is not claimed before.
    pub due_at: Timestamp,
    /// Tries so far, since it was last reprocessed.
    pub attempts: u32,
    /// Tries so far.
    pub attempts_in_all: u32,
    /// When the first of them was, since it was last reprocessed.
    pub first_attempt_at: Option<Timestamp>,
    /// Proves to the store that a caller is the one that claimed it.
    pub fence: Fence,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

/// Which deliveries are meant. Every field narrows.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of this queue.
    pub lane: Option<Lane>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this message.
    pub message_id: Option<String>,
    /// To this endpoint.
    pub endpoint_id: Option<String>,
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// Behind the last one of the page before: its id.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// The columns that [`Delivery::from_row`] reads.
macro_rules! delivery_columns {
    () => {
        "id, lane, state, message_id, tenant_id, target, endpoint_id, url, timeout_ms, due_at, attempts, \
         attempts_in_all, first_attempt_at, fence, created_at, finished_at"
    };
}

pub(super) use delivery_columns;

impl Store {
    /// One delivery.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        const SELECT: &str = concat!("select ", delivery_columns!(), " from deliveries where id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), Delivery::from_row).await
    }

    /// Deliveries, newest first, a page at a time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let mut select =
            Statement::new(concat!("select ", delivery_columns!(), " from deliveries where true"));
        if let Some(lane) = filter.lane {
            select.push(" and lane = ").push_bind(lane);
        }
        if let Some(state) = filter.state {
            select.push(" and state = ").push_bind(state);
        }
        if let Some(message) = &filter.message_id {
            let (first, end) = (format!("{message}."), format!("{message}/"));
            select.push(" and id >= ").push_bind(&first).push(" and id < ").push_bind(&end);
        }
        if let Some(endpoint) = &filter.endpoint_id {
            select.push(" and endpoint_id = ").push_bind(endpoint);
        }
        if let Some(tenant) = &filter.tenant_id {
            select.push(" and tenant_id = ").push_bind(tenant);
        }
        if let Some(after) = &filter.after {
            select.push(" and id < ").push_bind(after);
        }
        select.push(" order by id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, Delivery::from_row).await
    }

    /// Makes a delivery that has ended one that waits, with its whole retry schedule before it. A dead letter of it
    /// counts as reprocessed. `false`: it has not ended, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn resend_delivery(&self, id: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let mut transaction = self.database.begin().await?;
        let resend = Statement::new(
            "update deliveries set state = 'pending', due_at = $2, attempts = 0, first_attempt_at = null, \
             finished_at = null where id = $1 and state in ('delivered', 'dead_letter')",
        );
        if transaction.change(resend.bind(id).bind(now)).await? == 0 {
            return Ok(false);
        }
        let processed = Statement::new(
            "update dead_letter_queue set status = 'reprocessed', processed_at = $2 \
             where delivery_id = $1 and status = 'waiting'",
        );
        transaction.change(processed.bind(id).bind(now)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// How many deliveries of a queue are in each state that is not an end.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn unfinished_deliveries(&self, lane: Lane) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        let select = Statement::new(
            "select state, count(*) as number from deliveries \
             where lane = $1 and state in ('pending', 'delivering', 'failed', 'held', 'parked') group by state",
        );
        self.database.read(select.bind(lane), |row| Ok((row.word("state")?, row.unsigned("number")?))).await
    }
}

impl Delivery {
    /// The place of this delivery in the order in which it is claimed.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.due_at, id: self.id.clone() }
    }

    pub(super) fn from_row(row: &Row) -> sqlx::Result<Self> {
        let timeout: Option<i64> = row.get("timeout_ms")?;
        Ok(Self {
            id: row.get("id")?,
            lane: row.word("lane")?,
            state: row.word("state")?,
            message_id: row.get("message_id")?,
            tenant_id: row.get("tenant_id")?,
            target: row.get("target")?,
            endpoint_id: row.get("endpoint_id")?,
            url: row.get("url")?,
            timeout: timeout.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))),
            due_at: row.instant("due_at")?,
            attempts: row.unsigned("attempts")?,
            attempts_in_all: row.unsigned("attempts_in_all")?,
            first_attempt_at: row.optional_instant("first_attempt_at")?,
            fence: Fence(row.get("fence")?),
            created_at: row.instant("created_at")?,
            finished_at: row.optional_instant("finished_at")?,
        })
    }
}
