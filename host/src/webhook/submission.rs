//! What somebody wants to have delivered, and whether it can be.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;

use super::client::LONGEST_TIMEOUT;
use super::event::{self, BadEvent};
use super::headers::{HeaderError, Headers};
use super::target::{Target, TargetError};
use crate::store::{Lane, NewMessage, Recipient, StoreError, StoredHeaders};

/// Longer keys are documents.
const LONGEST_KEY: usize = 255;

/// A message that somebody wants to have delivered.
#[derive(Debug, Clone)]
pub struct Submission {
    /// A dotted name: `payment.received`.
    pub event: String,
    /// Whose it is.
    pub tenant_id: Option<String>,
    /// The bytes, which are sent as they are.
    pub body: Bytes,
    /// What they are: `application/json`.
    pub content_type: String,
    /// Headers to send with it; their values are kept out of logs and listings.
    pub headers: Vec<(String, String)>,
    /// Where it goes.
    pub destination: Destination,
    /// A second submission of the tenant with the same key is the same message.
    pub idempotency_key: Option<String>,
    /// The retry policy; without one that of the endpoint or of the configuration.
    pub policy: Option<String>,
    /// Settings over the policy's own: a JSON object.
    pub policy_settings: Json,
    /// Keeps its order among those of the same key, where an endpoint wants that.
    pub ordering_key: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To the endpoints that want its event.
    Endpoints,
    /// To a URL of its own.
    Url {
        /// The URL.
        url: String,
        /// How long one exchange may take; without it as the configuration says.
        timeout: Option<Duration>,
    },
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Its event cannot be one.
    #[error(transparent)]
    Event(#[from] BadEvent),
    /// Its URL cannot be sent to.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// One of its headers cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Something else in it is wrong.
    #[error("{field} {problem}")]
    Invalid {
        /// Which part.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Its body is larger than `[webhook] body-limit`.
    #[error(
        "the body has {bytes} bytes; at most {limit} are taken, which `body-limit` of [webhook] can raise"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Its idempotency key was used for another message.
    #[error("this idempotency key was used for another message, {0}; use a new key for a new message")]
    Conflict(
        /// That message's id.
        String,
    ),
    /// It could not be put on record.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// It is not known whether it was put on record; the same idempotency key makes it safe to ask again.
    #[error("zelador was interrupted while it put the message on record; send it again with the same key")]
    Interrupted,
}

impl Submission {
    /// An event for the endpoints that want it, as JSON.
    pub fn event(event: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            event: event.into(),
            tenant_id: None,
            body: body.into(),
            content_type: "application/json".into(),
            headers: Vec::new(),
            destination: Destination::Endpoints,
            idempotency_key: None,
            policy: None,
            policy_settings: Json::Object(serde_json::Map::new()),
            ordering_key: None,
        }
    }

    /// Checks everything that can be wrong with it.
    pub(super) fn check(self, body_limit: usize) -> Result<NewMessage, AcceptError> {
        event::check_name(&self.event)?;
        if self.body.len() > body_limit {
            return Err(AcceptError::TooLarge { bytes: self.body.len(), limit: body_limit });
        }
        let typed = ("content-type".to_owned(), self.content_type.clone());
        Headers::new(self.headers.iter().chain([&typed]).map(|(name, value)| (name, value)))?;
        check_key("the idempotency key", self.idempotency_key.as_deref())?;
        check_key("the ordering key", self.ordering_key.as_deref())?;
        check_key("the tenant", self.tenant_id.as_deref())?;
        check_key("the policy", self.policy.as_deref())?;
        check_settings(&self.policy_settings)?;
        let recipients = match &self.destination {
            Destination::Endpoints => Vec::new(),
            Destination::Url { url, timeout } => vec![to_url(url, *timeout)?],
        };
        Ok(NewMessage {
            lane: Lane::Webhook,
            event: self.event,
            tenant_id: self.tenant_id,
            content_type: self.content_type,
            headers: StoredHeaders(self.headers),
            body: self.body,
            idempotency_key: self.idempotency_key,
            policy: self.policy,
            policy_settings: self.policy_settings,
            ordering_key: self.ordering_key,
            recipients,
        })
    }
}

pub(super) fn check_key(field: &'static str, key: Option<&str>) -> Result<(), AcceptError> {
    let Some(key) = key else { return Ok(()) };
    if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
        let problem = format!("is 1 to {LONGEST_KEY} bytes without control characters");
        return Err(AcceptError::Invalid { field, problem });
    }
    Ok(())
}

/// PostgreSQL's documents have no NUL.
pub(super) fn check_settings(settings: &Json) -> Result<(), AcceptError> {
    if settings.is_object() && !settings.to_string().contains("\\u0000") {
        return Ok(());
    }
    Err(AcceptError::Invalid {
        field: "the policy's settings",
        problem: "are a JSON object without NUL".into(),
    })
}

/// How long an exchange may take.
pub(super) fn check_timeout(timeout: Duration) -> Result<(), AcceptError> {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        let problem = format!("is more than nothing and at most {} s", LONGEST_TIMEOUT.as_secs());
        return Err(AcceptError::Invalid { field: "the timeout", problem });
    }
    Ok(())
}

/// A URL that nobody has checked: one that cannot be sent to fails with its reason at the first try.
pub(super) fn to_any_url(url: &str, timeout: Option<Duration>) -> Recipient {
    to_url(url, timeout).unwrap_or_else(|_| Recipient {
        target: url.to_owned(),
        endpoint_id: None,
        url: Some(url.to_owned()),
        timeout: None,
    })
}

/// A URL as a recipient: what goes to one host and port shares a limit of requests at one time.
pub(super) fn to_url(url: &str, timeout: Option<Duration>) -> Result<Recipient, AcceptError> {
    let target = Target::parse(url)?;
    timeout.map_or(Ok(()), check_timeout)?;
    Ok(Recipient {
        target: target.url().origin().ascii_serialization(),
        endpoint_id: None,
        url: Some(url.to_owned()),
        timeout,
    })
}
