//! What people and programs see of messages, deliveries, endpoints, dead letters and tokens: the JSON of the API and of the
//! commands, apart from the types inside, so that these may change. No secret has a place here: headers are shown by
//! name.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::store::{
    Attempt, AttemptTimes, Cursor, DeadLetter, Delivery, Endpoint, Message, MessageSummary, Token,
};

/// A page of a listing.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it, newest first.
    pub data: Vec<T>,
    /// What to ask for as `cursor` to get the next page; null on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page of `rows`, of which `limit` were asked for.
    pub fn new<R: Into<T>>(rows: Vec<R>, limit: u32, cursor: impl Fn(&R) -> Cursor) -> Self {
        let is_full = rows.len() >= limit as usize;
        let next = rows.last().filter(|_| is_full).map(|row| cursor(row).to_string());
        Self { data: rows.into_iter().map(Into::into).collect(), next }
    }
}

/// A message in a listing.
#[derive(Debug, Serialize)]
pub struct MessageView {
    /// What receivers know it by.
    pub id: String,
    /// Its name.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What its body is.
    pub content_type: String,
    /// How large its body is.
    pub body_bytes: u64,
    /// The sender's key.
    pub idempotency_key: Option<String>,
    /// When it was put on record.
    pub accepted_at: Timestamp,
    /// How many deliveries it has.
    pub deliveries: u64,
    /// How many of them arrived.
    pub delivered: u64,
    /// How many were given up.
    pub dead: u64,
}

impl From<MessageSummary> for MessageView {
    fn from(message: MessageSummary) -> Self {
        Self {
            id: message.id,
            event: message.event,
            tenant_id: message.tenant_id,
            content_type: message.content_type,
            body_bytes: message.body_bytes,
            idempotency_key: message.idempotency_key,
            accepted_at: message.accepted_at,
            deliveries: message.deliveries,
            delivered: message.delivered,
            dead: message.dead,
        }
    }
}

/// A message with its bytes and its deliveries.
#[derive(Debug, Serialize)]
pub struct MessageDetail {
    /// What receivers know it by.
    pub id: String,
    /// Its name.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// What its body is.
    pub content_type: String,
    /// The names of the headers that are sent with it.
    pub headers: Vec<String>,
    /// The sender's key.
    pub idempotency_key: Option<String>,
    /// Its retry policy, if it has one of its own.
    pub policy: Option<String>,
    /// When it was put on record.
    pub accepted_at: Timestamp,
    /// Its body, if that is text.
    pub body: Option<String>,
    /// Its body otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Where it goes.
    pub deliveries: Vec<DeliveryView>,
}

impl MessageDetail {
    pub(super) fn new(message: Message, deliveries: Vec<DeliveryView>) -> Self {
        let text = std::str::from_utf8(&message.body).ok().map(str::to_owned);
        let body_base64 = text.is_none().then(|| STANDARD.encode(&message.body));
        Self {
            id: message.id,
            event: message.event,
            tenant_id: message.tenant_id,
            content_type: message.content_type,
            headers: message.headers.names().map(str::to_owned).collect(),
            idempotency_key: message.idempotency_key,
            policy: message.policy,
            accepted_at: message.accepted_at,
            body: text,
            body_base64,
            deliveries,
        }
    }
}

/// A delivery with its attempts.
#[derive(Debug, Serialize)]
pub struct DeliveryView {
    /// Its id.
    pub id: String,
    /// The state's word.
    pub state: &'static str,
    /// The endpoint that it goes to...
    pub endpoint_id: Option<String>,
    /// ...or the URL.
    pub url: Option<String>,
    /// It is not tried before, if it is not at its end.
    pub due_at: Option<Timestamp>,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
    /// The tries so far, in their order.
    pub attempts: Vec<AttemptView>,
}

impl DeliveryView {
    pub(super) fn new(delivery: Delivery, attempts: Vec<Attempt>) -> Self {
        Self {
            id: delivery.id,
            state: delivery.state.as_str(),
            endpoint_id: delivery.endpoint_id,
            url: delivery.url,
            due_at: Some(delivery.due_at).filter(|_| delivery.finished_at.is_none()),
            finished_at: delivery.finished_at,
            attempts: attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

/// A try of a delivery.
#[derive(Debug, Serialize)]
pub struct AttemptView {
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// What came of it, in a word.
    pub class: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What came of it, in a sentence.
    pub reason: String,
    /// Where the time went.
    pub times_ms: TimesView,
    /// The begin of the answer.
    pub response: Option<String>,
}

/// Where the time of an attempt went, in milliseconds.
#[derive(Debug, Serialize)]
pub struct TimesView {
    dns: Option<f64>,
    connect: Option<f64>,
    tls: Option<f64>,
    first_byte: Option<f64>,
    body: Option<f64>,
    /// All of it.
    pub total: f64,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let record = attempt.record;
        Self {
            number: record.number,
            at: record.at,
            class: record.class,
            status: record.status,
            reason: record.reason,
            times_ms: record.times.into(),
            response: record.response,
        }
    }
}

impl From<AttemptTimes> for TimesView {
    fn from(times: AttemptTimes) -> Self {
        let millis = |span: Duration| span.as_micros() as f64 / 1000.0;
        Self {
            dns: times.dns.map(millis),
            connect: times.connect.map(millis),
            tls: times.tls.map(millis),
            first_byte: times.first_byte.map(millis),
            body: times.body.map(millis),
            total: millis(times.total),
        }
    }
}

/// An endpoint.
#[derive(Debug, Serialize)]
pub struct EndpointView {
    /// Its id.
    pub id: String,
    /// Where requests go.
    pub url: String,
    /// Whose it is; null: it hears the events of all.
    pub tenant_id: Option<String>,
    /// Which events it wants.
    pub events: Vec<String>,
    /// The names of the headers that are sent with every request.
    pub headers: Vec<String>,
    /// How long one exchange may take.
    pub timeout_ms: u64,
    /// Its retry policy, if it has one of its own.
    pub policy: Option<String>,
    /// Settings over the policy's own.
    pub policy_settings: Value,
    /// Requests a minute at most.
    pub rate_per_minute: Option<u32>,
    /// Requests at one time at most.
    pub concurrency: Option<u32>,
    /// The state's word.
    pub state: &'static str,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// Since when it is.
    pub disabled_at: Option<Timestamp>,
    /// Nothing is sent there before.
    pub paused_until: Option<Timestamp>,
    /// Since when every attempt failed.
    pub failing_since: Option<Timestamp>,
    /// How many did.
    pub failures_in_a_row: u32,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        let spec = endpoint.spec;
        Self {
            id: endpoint.id,
            url: spec.url,
            tenant_id: spec.tenant_id,
            events: spec.events,
            headers: spec.headers.names().map(str::to_owned).collect(),
            timeout_ms: u64::try_from(spec.timeout.as_millis()).unwrap_or(u64::MAX),
            policy: spec.policy,
            policy_settings: spec.policy_settings,
            rate_per_minute: spec.rate_per_minute,
            concurrency: spec.concurrency,
            state: endpoint.state.as_str(),
            disabled_reason: endpoint.disabled_reason,
            disabled_at: endpoint.disabled_at,
            paused_until: endpoint.paused_until,
            failing_since: endpoint.failing_since,
            failures_in_a_row: endpoint.failures_in_a_row,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// A dead letter.
#[derive(Debug, Serialize)]
pub struct LetterView {
    /// Its id.
    pub id: String,
    /// What kind of thing died.
    pub r#type: &'static str,
    /// The status's word.
    pub status: &'static str,
    /// Why it died, in a word.
    pub reason_class: String,
    /// Why it died, in a sentence.
    pub reason: String,
    /// The delivery.
    pub delivery_id: String,
    /// The message.
    pub message_id: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// The endpoint, if it went to one.
    pub endpoint_id: Option<String>,
    /// What the message is about.
    pub event: String,
    /// Where it should have gone.
    pub target: String,
    /// How many tries there were.
    pub attempts: u32,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// The begin of the last answer.
    pub last_response: Option<String>,
    /// When it was given up.
    pub created_at: Timestamp,
    /// When somebody dealt with it.
    pub processed_at: Option<Timestamp>,
}

impl From<DeadLetter> for LetterView {
    fn from(dead: DeadLetter) -> Self {
        let letter = dead.letter;
        Self {
            id: dead.id,
            r#type: letter.letter_type.as_str(),
            status: dead.status.as_str(),
            reason_class: letter.reason_class,
            reason: letter.reason,
            delivery_id: dead.delivery_id,
            message_id: letter.message_id,
            tenant_id: letter.tenant_id,
            endpoint_id: letter.endpoint_id,
            event: letter.event,
            target: letter.target,
            attempts: letter.attempts,
            last_status: letter.last_status,
            last_response: letter.last_response,
            created_at: dead.created_at,
            processed_at: dead.processed_at,
        }
    }
}

/// A dead letter with the timeline of its delivery.
#[derive(Debug, Serialize)]
pub struct LetterDetail {
    /// The letter.
    #[serde(flatten)]
    pub letter: LetterView,
    /// Every try of its delivery, in their order.
    pub timeline: Vec<AttemptView>,
}

/// An access token, without what opens anything.
#[derive(Debug, Serialize)]
pub struct TokenView {
    /// Its id.
    pub id: String,
    /// The role's word.
    pub role: &'static str,
    /// The tenant that it is bound to.
    pub tenant_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            role: token.spec.role.as_str(),
            tenant_id: token.spec.tenant_id,
            created_at: token.created_at,
            revoked_at: token.revoked_at,
        }
    }
}
