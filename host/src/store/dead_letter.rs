//! Dead letters: what is left of a delivery when the retry policy gives up, until a person or a job takes it up again.

use serde::Serialize;

use super::batch::{Batch, Column, Columns};
use super::cursor::Cursor;
use super::database::Dialect;
use super::delivery_execution::{Next, Settlement};
use super::row::Row;
use super::statement::{Statement, storable};
use super::word::words;
use super::{RETENTION_BATCH, Store, StoreError, page_size};
use crate::clock::Timestamp;

words! {
    /// What kind of thing died.
    LetterType {
        /// A webhook.
        Webhook = "webhook",
        /// A mail.
        Email = "email",
        /// A job's run.
        Job = "job",
    }
}

words! {
    /// Where a dead letter stands.
    LetterStatus {
        /// Nobody has dealt with it.
        Waiting = "waiting",
        /// Its delivery was made one that waits again.
        Reprocessed = "reprocessed",
        /// A person decided that it stays dead.
        Discarded = "discarded",
    }
}

/// A delivery that is given up.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeadLetter {
    /// What kind of thing died.
    pub letter_type: LetterType,
    /// A lower-case word for programs: `timeout`, `rejected`, `gone`.
    pub reason_class: String,
    /// A sentence for a person.
    pub reason: String,
    /// The message.
    pub message_id: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// The endpoint, if it went to one.
    pub endpoint_id: Option<String>,
    /// What the message is about.
    pub event: String,
    /// Where it should have gone: a URL, an address.
    pub target: String,
    /// How many tries there were since it was last reprocessed.
    pub attempts: u32,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// The begin of the last answer.
    pub last_response: Option<String>,
}

/// A dead letter on record.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// UUID version 7.
    pub id: String,
    /// The delivery; its attempts are the timeline.
    pub delivery_id: String,
    /// What died, and of what.
    pub letter: NewDeadLetter,
    /// Where it stands.
    pub status: LetterStatus,
    /// When it was given up.
    pub created_at: Timestamp,
    /// When somebody dealt with it.
    pub processed_at: Option<Timestamp>,
}

/// Which dead letters are meant. Every field narrows.
#[derive(Debug, Clone, Default)]
pub struct LetterFilter {
    /// Of this kind.
    pub letter_type: Option<LetterType>,
    /// Where they stand.
    pub status: Option<LetterStatus>,
    /// Of this class.
    pub reason_class: Option<String>,
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// To this endpoint.
    pub endpoint_id: Option<String>,
    /// Of this event.
    pub event: Option<String>,
    /// Given up at or after this instant.
    pub since: Option<Timestamp>,
    /// Dealt with before this instant.
    pub processed_before: Option<Timestamp>,
}

macro_rules! letter_columns {
    () => {
        "id, type, status, reason_class, reason, delivery_id, message_id, tenant_id, endpoint_id, event, target, \
         attempts, last_status, last_response, created_at, processed_at"
    };
}

const COLUMNS: Columns = &[
    ("id", Column::Text),
    ("type", Column::Text),
    ("reason_class", Column::Text),
    ("reason", Column::Text),
    ("delivery_id", Column::Text),
    ("message_id", Column::Text),
    ("tenant_id", Column::Text),
    ("endpoint_id", Column::Text),
    ("event", Column::Text),
    ("target", Column::Text),
    ("attempts", Column::Integer),
    ("last_status", Column::Integer),
    ("last_response", Column::Text),
    ("created_at", Column::Instant),
];

#[derive(Serialize)]
struct LetterRow<'a> {
    id: String,
    r#type: &'static str,
    reason_class: &'a str,
    reason: String,
    delivery_id: &'a str,
    message_id: &'a str,
    tenant_id: Option<&'a str>,
    endpoint_id: Option<&'a str>,
    event: &'a str,
    target: &'a str,
    attempts: u32,
    last_status: Option<u16>,
    last_response: Option<String>,
    created_at: i64,
}

impl Store {
    /// The statement that records the dead letters among `settlements`, if there are any.
    pub(super) fn insert_dead_letters(&self, settlements: &[&Settlement]) -> Option<Statement> {
        let rows: Vec<_> = settlements.iter().filter_map(|settlement| self.letter_row(settlement)).collect();
        if rows.is_empty() {
            return None;
        }
        let insert = Batch::new(COLUMNS, &rows).statement(
            self.database.dialect(),
            "insert into dead_letter_queue (id, type, status, reason_class, reason, delivery_id, message_id, \
             tenant_id, endpoint_id, event, target, attempts, last_status, last_response, created_at) \
             select id, type, 'waiting', reason_class, reason, delivery_id, message_id, tenant_id, endpoint_id, \
             event, target, attempts, last_status, last_response, created_at from",
            "",
        );
        Some(insert)
    }

    fn letter_row<'a>(&self, settlement: &'a Settlement) -> Option<LetterRow<'a>> {
        let Next::DeadLetter(letter) = &settlement.next else { return None };
        Some(LetterRow {
            id: self.new_id(),
            r#type: letter.letter_type.as_str(),
            reason_class: &letter.reason_class,
            reason: storable(&letter.reason),
            delivery_id: &settlement.id,
            message_id: &letter.message_id,
            tenant_id: letter.tenant_id.as_deref(),
            endpoint_id: letter.endpoint_id.as_deref(),
            event: &letter.event,
            target: &letter.target,
            attempts: letter.attempts,
            last_status: letter.last_status,
            last_response: letter.last_response.as_deref().map(storable),
            created_at: self.now().timestamp_millis(),
        })
    }

    /// One dead letter.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        const SELECT: &str = concat!("select ", letter_columns!(), " from dead_letter_queue where id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), DeadLetter::from_row).await
    }

    /// Dead letters, newest first, a page at a time: behind `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn dead_letters(
        &self,
        filter: &LetterFilter,
        after: Option<&Cursor>,
        limit: Option<u32>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut select =
            Statement::new(concat!("select ", letter_columns!(), " from dead_letter_queue where true"));
        filter.push_to(&mut select);
        if let Some(after) = after {
            select
                .push(" and (created_at, id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by created_at desc, id desc limit ").push_bind(page_size(limit));
        self.database.read(select, DeadLetter::from_row).await
    }

    /// How many dead letters match.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn count_dead_letters(&self, filter: &LetterFilter) -> Result<u64, StoreError> {
        let mut select = Statement::new("select count(*) as number from dead_letter_queue where true");
        filter.push_to(&mut select);
        let count = self.database.read_optional(select, |row| row.unsigned("number")).await?;
        Ok(count.unwrap_or(0))
    }

    /// Makes up to `limit` of the oldest matching letters that wait deliveries again, in one transaction: however often
    /// this is interrupted and repeated, each is taken up once. Returns their ids.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none was.
    pub async fn reprocess_dead_letters(
        &self,
        filter: &LetterFilter,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut pick = Statement::new(
            "update dead_letter_queue set status = 'reprocessed', processed_at = $1 \
             where id in (select id from dead_letter_queue where status = 'waiting'",
        )
        .bind(self.now());
        filter.push_to(&mut pick);
        pick.push(" order by created_at, id limit ").push_bind(page_size(Some(limit)));
        pick.push(match self.database.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => " for update skip locked",
        });
        pick.push(") returning id, delivery_id");
        self.take_up(pick).await
    }

    /// Makes one dead letter a delivery again. `false`: it does not wait, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`]; then it was not.
    pub async fn reprocess_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        let pick = Statement::new(
            "update dead_letter_queue set status = 'reprocessed', processed_at = $1 \
             where id = $2 and status = 'waiting' returning id, delivery_id",
        );
        Ok(!self.take_up(pick.bind(self.now()).bind(id)).await?.is_empty())
    }

    async fn take_up(&self, pick: Statement) -> Result<Vec<String>, StoreError> {
        const REVIVED: Columns = &[("delivery_id", Column::Text)];
        #[derive(Serialize)]
        struct Revived<'a> {
            delivery_id: &'a str,
        }
        let mut transaction = self.database.begin().await?;
        let pair = |row: &Row| Ok((row.get("id")?, row.get("delivery_id")?));
        let picked: Vec<(String, String)> = transaction.rows(pick, pair).await?;
        let rows: Vec<_> = picked.iter().map(|(_, delivery_id)| Revived { delivery_id }).collect();
        let mut revive = Batch::new(REVIVED, &rows).statement(
            self.database.dialect(),
            "update deliveries set state = 'pending', attempts = 0, first_attempt_at = null, finished_at = null, \
             due_at = $2 from",
            "where deliveries.id = input.delivery_id and deliveries.state = 'dead_letter'",
        );
        revive = revive.bind(self.now());
        transaction.change(revive).await?;
        transaction.commit().await?;
        Ok(picked.into_iter().map(|(id, _)| id).collect())
    }

    /// Decides that a dead letter stays dead. `false`: it does not wait, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn discard_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        let discard = Statement::new(
            "update dead_letter_queue set status = 'discarded', processed_at = $2 \
             where id = $1 and status = 'waiting'",
        );
        Ok(self.database.change(discard.bind(id).bind(self.now())).await? == 1)
    }

    /// Deletes dead letters that were dealt with and match, in batches. Returns how many.
    ///
    /// # Errors
    /// Any [`StoreError`]; the batches before stay deleted.
    pub async fn purge_dead_letters(&self, filter: &LetterFilter) -> Result<u64, StoreError> {
        let mut delete = Statement::new(
            "delete from dead_letter_queue where id in \
             (select id from dead_letter_queue where processed_at is not null",
        );
        filter.push_to(&mut delete);
        delete.push(" limit ").push_bind(RETENTION_BATCH).push(")");
        self.database.delete_in_batches(&delete).await
    }
}

impl LetterFilter {
    fn push_to(&self, statement: &mut Statement) {
        if let Some(letter_type) = self.letter_type {
            statement.push(" and type = ").push_bind(letter_type);
        }
        if let Some(status) = self.status {
            statement.push(" and status = ").push_bind(status);
        }
        let texts = [
            (" and reason_class = ", &self.reason_class),
            (" and tenant_id = ", &self.tenant_id),
            (" and endpoint_id = ", &self.endpoint_id),
            (" and event = ", &self.event),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                statement.push(condition).push_bind(text);
            }
        }
        if let Some(since) = self.since {
            statement.push(" and created_at >= ").push_bind(since);
        }
        if let Some(before) = self.processed_before {
            statement.push(" and processed_at < ").push_bind(before);
        }
    }
}

impl DeadLetter {
    /// The place of this letter in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.created_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let last_status: Option<i64> = row.get("last_status")?;
        Ok(Self {
            id: row.get("id")?,
            delivery_id: row.get("delivery_id")?,
            letter: NewDeadLetter {
                letter_type: row.word("type")?,
                reason_class: row.get("reason_class")?,
                reason: row.get("reason")?,
                message_id: row.get("message_id")?,
                tenant_id: row.get("tenant_id")?,
                endpoint_id: row.get("endpoint_id")?,
                event: row.get("event")?,
                target: row.get("target")?,
                attempts: row.unsigned("attempts")?,
                last_status: last_status.and_then(|status| u16::try_from(status).ok()),
                last_response: row.get("last_response")?,
            },
            status: row.word("status")?,
            created_at: row.instant("created_at")?,
            processed_at: row.optional_instant("processed_at")?,
        })
    }
}
