//! Messages: what was accepted for delivery, its bytes as they came.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::batch::{Batch, Column, Columns};
use super::cursor::Cursor;
use super::database::Dialect;
use super::delivery::Lane;
use super::endpoint::millis;
use super::headers::StoredHeaders;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, page_size};
use crate::clock::Timestamp;

/// A message that is to be accepted, with everything it goes to.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The queue of its deliveries.
    pub lane: Lane,
    /// A dotted name: `payment.received`.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What the body is.
    pub content_type: String,
    /// Headers that the sender wants.
    pub headers: StoredHeaders,
    /// The bytes to deliver.
    pub body: Bytes,
    /// Two messages of one tenant with the same key are one.
    pub idempotency_key: Option<String>,
    /// The retry policy; without one that of the endpoint or of the configuration.
    pub policy: Option<String>,
    /// Settings over the policy's own: a JSON object.
    pub policy_settings: Json,
    /// Keeps its order among those of the same key, where an endpoint wants that.
    pub ordering_key: Option<String>,
    /// Where it goes.
    pub recipients: Vec<Recipient>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// What shares a limit of requests at one time.
    pub target: String,
    /// An endpoint...
    pub endpoint_id: Option<String>,
    /// ...or an address of its own: a URL.
    pub url: Option<String>,
    /// How long one exchange may take.
    pub timeout: Option<Duration>,
}

/// What became of a message that was to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is on record, with this id.
    Accepted(String),
    /// It was before: the same key, the same content. The first one's id.
    Repeated(String),
    /// Its key was used for another content. The first one's id.
    Conflict(String),
}

/// A message on record.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// UUID version 7; receivers know the message by it.
    pub id: String,
    /// A dotted name.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What the body is.
    pub content_type: String,
    /// Headers that the sender wants.
    pub headers: StoredHeaders,
    /// The bytes to deliver.
    pub body: Bytes,
    /// The sender's key.
    pub idempotency_key: Option<String>,
    /// The retry policy.
    pub policy: Option<String>,
    /// Settings over the policy's own.
    pub policy_settings: Json,
    /// Keeps its order among those of the same key.
    pub ordering_key: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

macro_rules! message_columns {
    () => {
        "id, event, tenant_id, content_type, headers, body, idempotency_key, policy, policy_settings, ordering_key, \
         accepted_at"
    };
}

const MESSAGES: Columns = &[
    ("id", Column::Text),
    ("event", Column::Text),
    ("tenant_id", Column::Text),
    ("content_type", Column::Text),
    ("headers", Column::Json),
    ("body", Column::Bytes),
    ("idempotency_key", Column::Text),
    ("fingerprint", Column::Text),
    ("policy", Column::Text),
    ("policy_settings", Column::Json),
    ("ordering_key", Column::Text),
    ("accepted_at", Column::Instant),
];

#[derive(Serialize)]
struct MessageRow<'a> {
    id: String,
    event: &'a str,
    tenant_id: Option<&'a str>,
    content_type: &'a str,
    headers: &'a StoredHeaders,
    body: String,
    idempotency_key: Option<&'a str>,
    fingerprint: String,
    policy: Option<&'a str>,
    policy_settings: &'a Json,
    ordering_key: Option<&'a str>,
    accepted_at: i64,
}

const DELIVERIES: Columns = &[
    ("id", Column::Text),
    ("lane", Column::Text),
    ("message_id", Column::Text),
    ("tenant_id", Column::Text),
    ("target", Column::Text),
    ("endpoint_id", Column::Text),
    ("url", Column::Text),
    ("timeout_ms", Column::Integer),
    ("created_at", Column::Instant),
];

#[derive(Serialize)]
pub(super) struct DeliveryRow<'a> {
    id: String,
    lane: &'static str,
    message_id: &'a str,
    tenant_id: Option<&'a str>,
    target: &'a str,
    endpoint_id: Option<&'a str>,
    url: Option<&'a str>,
    timeout_ms: Option<i64>,
    created_at: i64,
}

const INSERT_MESSAGES: &str = "insert into messages (id, event, tenant_id, content_type, headers, body, \
    idempotency_key, fingerprint, policy, policy_settings, ordering_key, accepted_at) \
    select id, event, tenant_id, content_type, headers, body, idempotency_key, fingerprint, policy, policy_settings, \
    ordering_key, accepted_at from";

/// `where true` tells SQLite that this `on` belongs to no join.
const UNLESS_KNOWN: &str = "where true on conflict (coalesce(tenant_id, ''), idempotency_key) \
    where idempotency_key is not null do nothing returning id";

const INSERT_DELIVERIES: &str = "insert into deliveries (id, lane, state, message_id, tenant_id, target, endpoint_id, \
    url, timeout_ms, due_at, created_at) \
    select id, lane, 'pending', message_id, tenant_id, target, endpoint_id, url, timeout_ms, created_at, created_at from";

const IDS: Columns = &[("wanted", Column::Text)];

#[derive(Serialize)]
struct IdRow<'a> {
    wanted: &'a str,
}

impl Store {
    /// Accepts messages with their deliveries, all in one transaction. The outcomes are in the order of the messages.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none was accepted.
    pub async fn accept_messages(&self, messages: &[NewMessage]) -> Result<Vec<Acceptance>, StoreError> {
        let now = self.now();
        let rows: Vec<_> = messages.iter().map(|message| self.message_row(message, now)).collect();
        let inserted: HashSet<String> = match self.database.dialect() {
            Dialect::Postgres => self.insert_at_once(messages, &rows, now).await?,
            Dialect::Sqlite => self.insert_in_turn(messages, &rows, now).await?,
        }
        .into_iter()
        .collect();
        let mut outcomes = Vec::with_capacity(messages.len());
        for (message, row) in messages.iter().zip(&rows) {
            outcomes.push(match inserted.contains(&row.id) {
                true => Acceptance::Accepted(row.id.clone()),
                false => self.accepted_before(message, row).await?,
            });
        }
        Ok(outcomes)
    }

    /// In one statement, which saves three ways to the server and back. Returns the ids of the messages that are new.
    async fn insert_at_once(
        &self,
        messages: &[NewMessage],
        rows: &[MessageRow<'_>],
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let deliveries: Vec<_> = messages
            .iter()
            .zip(rows)
            .flat_map(|(message, row)| delivery_rows(&row.id, message, now))
            .collect();
        let dialect = self.database.dialect();
        let mut statement = Statement::new("with accepted as (");
        statement.push(INSERT_MESSAGES);
        Batch::new(MESSAGES, rows).push_to(&mut statement, dialect);
        statement.push(UNLESS_KNOWN).push("), made as (").push(INSERT_DELIVERIES);
        Batch::new(DELIVERIES, &deliveries).push_to(&mut statement, dialect);
        statement.push("where message_id in (select id from accepted)) select id from accepted");
        self.database.write(statement, |row| row.get("id")).await
    }

    async fn insert_in_turn(
        &self,
        messages: &[NewMessage],
        rows: &[MessageRow<'_>],
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let dialect = self.database.dialect();
        let insert = Batch::new(MESSAGES, rows).statement(dialect, INSERT_MESSAGES, UNLESS_KNOWN);
        let mut transaction = self.database.begin().await?;
        let inserted: Vec<String> = transaction.rows(insert, |row: &Row| row.get("id")).await?;
        let new: HashSet<_> = inserted.iter().map(String::as_str).collect();
        let deliveries: Vec<_> = messages
            .iter()
            .zip(rows)
            .filter(|(_, row)| new.contains(row.id.as_str()))
            .flat_map(|(message, row)| delivery_rows(&row.id, message, now))
            .collect();
        if !deliveries.is_empty() {
            transaction.change(self.insert_deliveries(&deliveries)).await?;
        }
        transaction.commit().await?;
        Ok(inserted)
    }

    /// What a message is whose key was there.
    async fn accepted_before(
        &self,
        message: &NewMessage,
        row: &MessageRow<'_>,
    ) -> Result<Acceptance, StoreError> {
        let first = Statement::new(
            "select id, fingerprint from messages where coalesce(tenant_id, '') = $1 and idempotency_key = $2",
        );
        let first = first.bind(message.tenant_id.as_deref().unwrap_or("")).bind(&message.idempotency_key);
        let pair = |row: &Row| Ok((row.get("id")?, row.get("fingerprint")?));
        let found: Option<(String, String)> = self.database.read_optional(first, pair).await?;
        // Deleted since, by a retention rule: what is asked again then is accepted.
        let (id, fingerprint) = found.ok_or_else(|| {
            StoreError::unavailable(self.place(), "the first message of this key was just deleted")
        })?;
        Ok(match fingerprint == row.fingerprint {
            true => Acceptance::Repeated(id),
            false => Acceptance::Conflict(id),
        })
    }

    fn message_row<'a>(&self, message: &'a NewMessage, now: Timestamp) -> MessageRow<'a> {
        MessageRow {
            id: self.new_id(),
            event: &message.event,
            tenant_id: message.tenant_id.as_deref(),
            content_type: &message.content_type,
            headers: &message.headers,
            body: hex::encode(&message.body),
            idempotency_key: message.idempotency_key.as_deref(),
            fingerprint: fingerprint(message),
            policy: message.policy.as_deref(),
            policy_settings: &message.policy_settings,
            ordering_key: message.ordering_key.as_deref(),
            accepted_at: now.timestamp_millis(),
        }
    }

    pub(super) fn insert_deliveries(&self, rows: &[DeliveryRow<'_>]) -> Statement {
        Batch::new(DELIVERIES, rows).statement(self.database.dialect(), INSERT_DELIVERIES, "")
    }

    /// One message.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn message(&self, id: &str) -> Result<Option<Message>, StoreError> {
        const SELECT: &str = concat!("select ", message_columns!(), " from messages where id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), Message::from_row).await
    }

    /// Messages by their ids; those that are not there are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn messages_by_id(&self, ids: &[&str]) -> Result<HashMap<String, Message>, StoreError> {
        let rows: Vec<_> = ids.iter().map(|id| IdRow { wanted: id }).collect();
        let select = Batch::new(IDS, &rows).statement(
            self.database.dialect(),
            concat!("select ", message_columns!(), " from messages where id in (select wanted from"),
            ")",
        );
        let messages = self.database.read(select, Message::from_row).await?;
        Ok(messages.into_iter().map(|message| (message.id.clone(), message)).collect())
    }

    /// Messages, newest first, a page at a time: of a tenant, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn messages(
        &self,
        tenant_id: Option<&str>,
        after: Option<&Cursor>,
        limit: Option<u32>,
    ) -> Result<Vec<Message>, StoreError> {
        let mut select = Statement::new(concat!("select ", message_columns!(), " from messages where true"));
        if let Some(tenant) = tenant_id {
            select.push(" and tenant_id = ").push_bind(tenant);
        }
        if let Some(after) = after {
            select
                .push(" and (accepted_at, id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by accepted_at desc, id desc limit ").push_bind(page_size(limit));
        self.database.read(select, Message::from_row).await
    }
}

pub(super) fn delivery_rows<'a>(
    message_id: &'a str,
    message: &'a NewMessage,
    now: Timestamp,
) -> impl Iterator<Item = DeliveryRow<'a>> {
    rows_for(message_id, message.lane, message.tenant_id.as_deref(), &message.recipients, now)
}

pub(super) fn rows_for<'a>(
    message_id: &'a str,
    lane: Lane,
    tenant_id: Option<&'a str>,
    recipients: &'a [Recipient],
    now: Timestamp,
) -> impl Iterator<Item = DeliveryRow<'a>> {
    recipients.iter().enumerate().map(move |(number, recipient)| DeliveryRow {
        id: format!("{message_id}.{number}"),
        lane: lane.as_str(),
        message_id,
        tenant_id,
        target: &recipient.target,
        endpoint_id: recipient.endpoint_id.as_deref(),
        url: recipient.url.as_deref(),
        timeout_ms: recipient.timeout.map(millis),
        created_at: now.timestamp_millis(),
    })
}

/// What two messages of one key must have in common. The function `enqueue_webhook` of PostgreSQL computes the same.
fn fingerprint(message: &NewMessage) -> String {
    let url = match &message.recipients[..] {
        [Recipient { url: Some(url), .. }] => url,
        _ => "",
    };
    let mut hash = Sha256::new();
    hash.update(format!("{}\n{url}\n{}\n", message.event, message.content_type));
    hash.update(&message.body);
    hex::encode(hash.finalize())
}

impl Message {
    /// The place of this message in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.accepted_at, id: self.id.clone() }
    }

    pub(super) fn from_row(row: &Row) -> sqlx::Result<Self> {
        let body: Vec<u8> = row.get("body")?;
        Ok(Self {
            id: row.get("id")?,
            event: row.get("event")?,
            tenant_id: row.get("tenant_id")?,
            content_type: row.get("content_type")?,
            headers: row.decoded_json("headers")?,
            body: body.into(),
            idempotency_key: row.get("idempotency_key")?,
            policy: row.get("policy")?,
            policy_settings: row.json("policy_settings")?,
            ordering_key: row.get("ordering_key")?,
            accepted_at: row.instant("accepted_at")?,
        })
    }
}
