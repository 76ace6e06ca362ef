//! What came back, and what it means for the delivery and for the endpoint. Pure.

use std::time::Duration as Span;

use crate::exports::zelador::plugin::delivery::{
    AttemptOutcome, Disposition, Duration, EndpointAction, Instant, Outcome, Response, TransportError,
    Verdict,
};
use crate::retry_after;

const HOUR: Duration = 3_600_000;

/// The answers by which a receiver says that it has had too much; only with these, `Retry-After` is for all that goes
/// there.
const THROTTLING: [u16; 4] = [429, 502, 503, 504];

/// What answers mean.
pub struct Rules {
    /// The statuses of 4xx that are tried again.
    pub retry_statuses: Vec<i64>,
    pub permanent: Vec<Permanent>,
    /// How many attempts must find that the name does not exist.
    pub name_unknown_attempts: i64,
    /// The longest pause that a receiver can ask for, in milliseconds.
    pub retry_after_max: Duration,
    /// How long an endpoint may fail before it is disabled, in milliseconds; 0 for ever.
    pub disable_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry_statuses: vec![408, 425, 429],
            permanent: vec![Permanent::NameUnknown, Permanent::Certificate, Permanent::ForbiddenAddress],
            name_unknown_attempts: 3,
            retry_after_max: HOUR,
            disable_after: 5 * 24 * HOUR,
        }
    }
}

/// A failure without an answer that time does not mend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Permanent {
    NameUnknown,
    Certificate,
    ForbiddenAddress,
}

impl Permanent {
    /// By its name in the settings.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "name-unknown" => Some(Self::NameUnknown),
            "certificate" => Some(Self::Certificate),
            "forbidden-address" => Some(Self::ForbiddenAddress),
            _ => None,
        }
    }
}

impl Rules {
    /// The verdict on one attempt.
    pub fn judge(&self, attempt: &AttemptOutcome) -> Verdict {
        let disposition = match &attempt.outcome {
            Outcome::Answered(response) => self.answered(response.status),
            Outcome::Failed(error) => self.failed(error, attempt.attempt.number),
            Outcome::Other(reason) => Disposition::Retry(reason.clone()),
        };
        let endpoint_action = match disposition {
            Disposition::Delivered => EndpointAction::None,
            Disposition::Retry(_) | Disposition::Dead(_) => self.action(attempt),
        };
        Verdict { disposition, endpoint_action, extensions: vec![] }
    }

    fn answered(&self, status: u16) -> Disposition {
        match status {
            200..=299 => Disposition::Delivered,
            300..=399 => Disposition::Dead(format!("HTTP {status}: redirects are not followed")),
            410 => Disposition::Dead("HTTP 410: the receiver is gone for good".into()),
            400..=499 if !self.retry_statuses.contains(&status.into()) => {
                Disposition::Dead(format!("HTTP {status}: the receiver refuses the request"))
            }
            _ => Disposition::Retry(format!("HTTP {status}")),
        }
    }

    fn failed(&self, error: &TransportError, number: u32) -> Disposition {
        let (class, reason) = described(error);
        let proven = class != Some(Permanent::NameUnknown) || i64::from(number) >= self.name_unknown_attempts;
        match class {
            Some(class) if proven && self.permanent.contains(&class) => Disposition::Dead(reason),
            _ => Disposition::Retry(reason),
        }
    }

    /// What a failed attempt means for all that goes to the endpoint.
    fn action(&self, attempt: &AttemptOutcome) -> EndpointAction {
        let now = attempt.attempt.at.saturating_add_unsigned(attempt.took);
        self.disabled(attempt, now).map(EndpointAction::Disable).unwrap_or_else(|| self.paused(attempt, now))
    }

    /// Why the endpoint shall be disabled. A bare URL is no endpoint that a person could enable again.
    fn disabled(&self, attempt: &AttemptOutcome, now: Instant) -> Option<String> {
        attempt.endpoint.id.as_ref()?;
        if let Outcome::Answered(Response { status: 410, .. }) = attempt.outcome {
            return Some("the receiver answered 410 Gone".into());
        }
        let failing = now.saturating_sub(attempt.endpoint.failing_since?).max(0).unsigned_abs();
        let too_long = self.disable_after > 0 && failing >= self.disable_after;
        too_long.then(|| format!("every attempt of the last {} hours failed", failing / HOUR))
    }

    fn paused(&self, attempt: &AttemptOutcome, now: Instant) -> EndpointAction {
        let Outcome::Answered(response) = &attempt.outcome else { return EndpointAction::None };
        if !THROTTLING.contains(&response.status) {
            return EndpointAction::None;
        }
        match retry_after::wanted(&response.headers, now, Span::from_millis(self.retry_after_max)) {
            // The limit is a count of milliseconds, so what it bounds is one too.
            Some(wait) => {
                EndpointAction::PauseUntil(now.saturating_add_unsigned(wait.as_millis() as Duration))
            }
            None => EndpointAction::None,
        }
    }
}

/// The failure in words, and its class where it may be permanent.
fn described(error: &TransportError) -> (Option<Permanent>, String) {
    match error {
        TransportError::NameUnknown => {
            (Some(Permanent::NameUnknown), "the receiver's name does not exist".into())
        }
        TransportError::Certificate(reason) => {
            (Some(Permanent::Certificate), format!("the receiver's certificate is not valid: {reason}"))
        }
        TransportError::ForbiddenAddress => (
            Some(Permanent::ForbiddenAddress),
            "the receiver's address is in a network that webhooks may not reach".into(),
        ),
        TransportError::NameUnavailable => (None, "the receiver's name could not be resolved".into()),
        TransportError::Refused => (None, "the receiver refused the connection".into()),
        TransportError::Tls(reason) => (None, format!("TLS failed: {reason}")),
        TransportError::Timeout => (None, "no whole answer in time".into()),
        TransportError::Reset => (None, "the receiver broke the connection off".into()),
        TransportError::Protocol(reason) => (None, format!("the answer is not acceptable HTTP: {reason}")),
        TransportError::Other(reason) => (None, reason.clone()),
    }
}

#[cfg(test)]
mod tests;
