//! What came of a request, in the words of each of its readers: the record, the plugin that judges it, and the retry
//! policy.

use std::time::Duration;

use super::exchange::{Answer, Exchange, TransportError};
use super::retry_after::retry_after;
use crate::clock::Timestamp;
use crate::plugin::bindings::retry_policy::exports::zelador::plugin::retries::FailureClass;
use crate::plugin::bindings::webhook_delivery::exports::zelador::plugin::delivery as wit;
use crate::store::AttemptTimes;

/// The longest wait that a receiver can ask a policy for.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 60 * 60);

/// The answer, whole or not, if one began.
pub fn answer(exchange: &Exchange) -> Option<&Answer> {
    match &exchange.outcome {
        Ok(answer) => Some(answer),
        Err(failure) => failure.partial.as_ref(),
    }
}

/// A lower-case word for the record.
pub fn class(exchange: &Exchange) -> &'static str {
    match &exchange.outcome {
        Ok(answer) => match answer.status {
            200..=299 => "delivered",
            300..=399 => "redirected",
            410 => "gone",
            429 => "throttled",
            400..=499 => "rejected",
            _ => "unavailable",
        },
        Err(failure) => match &failure.error {
            TransportError::NameUnknown => "name-unknown",
            TransportError::NameUnavailable => "name-unavailable",
            TransportError::Refused => "refused",
            TransportError::ForbiddenAddress(_) => "forbidden-address",
            TransportError::Certificate(_) => "certificate",
            TransportError::Tls(_) => "tls",
            TransportError::Timeout => "timeout",
            TransportError::Reset => "reset",
            TransportError::Protocol(_) => "protocol",
            TransportError::Other(_) => "other",
        },
    }
}

/// A sentence for a person.
pub fn sentence(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Ok(answer) => format!("the receiver answered {}", answer.status),
        Err(failure) => failure.error.to_string(),
    }
}

/// For the retry policy.
pub fn failure_class(exchange: &Exchange) -> FailureClass {
    match &exchange.outcome {
        Ok(answer) => match answer.status {
            429 => FailureClass::Throttled,
            status @ 500.. => FailureClass::Unavailable(status),
            status => FailureClass::Rejected(status),
        },
        Err(failure) => match &failure.error {
            TransportError::Timeout => FailureClass::Timeout,
            TransportError::Other(reason) => FailureClass::Other(reason.clone()),
            _ => FailureClass::Connection,
        },
    }
}

/// How long the receiver asks to be left alone.
pub fn wish(exchange: &Exchange, now: Timestamp) -> Option<Duration> {
    let answer = exchange.outcome.as_ref().ok().filter(|answer| answer.status >= 400)?;
    let header = answer.headers.iter().find(|header| header.name == "retry-after")?;
    retry_after(&header.value, now, LONGEST_WISH)
}

/// For the plugin that judges.
pub fn outcome(exchange: &Exchange) -> wit::Outcome {
    match &exchange.outcome {
        Ok(answer) => wit::Outcome::Answered(wit::Response {
            status: answer.status,
            headers: answer
                .headers
                .iter()
                .map(|header| wit::Header { name: header.name.clone(), value: header.value.clone() })
                .collect(),
            body_excerpt: answer.body.clone(),
        }),
        Err(failure) => wit::Outcome::Failed(match &failure.error {
            TransportError::NameUnknown => wit::TransportError::NameUnknown,
            TransportError::NameUnavailable => wit::TransportError::NameUnavailable,
            TransportError::Refused => wit::TransportError::Refused,
            TransportError::ForbiddenAddress(_) => wit::TransportError::ForbiddenAddress,
            TransportError::Certificate(reason) => wit::TransportError::Certificate(reason.clone()),
            TransportError::Tls(reason) => wit::TransportError::Tls(reason.clone()),
            TransportError::Timeout => wit::TransportError::Timeout,
            TransportError::Reset => wit::TransportError::Reset,
            TransportError::Protocol(reason) => wit::TransportError::Protocol(reason.clone()),
            TransportError::Other(reason) => wit::TransportError::Other(reason.clone()),
        }),
    }
}

/// For the record.
pub fn times(exchange: &Exchange) -> AttemptTimes {
    let times = &exchange.times;
    AttemptTimes {
        dns: times.dns,
        connect: times.connect,
        tls: times.tls,
        first_byte: times.first_byte,
        body: times.body,
        total: times.total,
    }
}
