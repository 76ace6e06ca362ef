//! When to try again: asked of the retry policy that was chosen, with a built-in one behind it. Whatever a policy answers,
//! the delivery has a next try or becomes a dead letter.

use std::time::Duration;

use serde_json::Value as Json;

use super::callers::Callers;
use crate::clock::Timestamp;
use crate::plugin::Kind;
use crate::plugin::bindings::retry_policy::exports::zelador::plugin::retries::{
    Decision, FailedAttempt, FailureClass, WorkType,
};

/// What is waited where a policy does not answer: the schedule that people know.
const BUILT_IN: [Duration; 4] = [minutes(1), minutes(5), minutes(15), minutes(60)];

/// No wait is longer: a policy that says more means never, and should say so.
const LONGEST_WAIT: Duration = minutes(30 * 24 * 60);

/// No wait is shorter: a policy that always says at once would never let a delivery go.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// No delivery is tried more often, whatever the policy says.
const MOST_ATTEMPTS: u32 = 1_000;

const fn minutes(number: u64) -> Duration {
    Duration::from_secs(number * 60)
}

/// The policy of a delivery: that of the message, of the endpoint, or of the configuration, in this order.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    pub name: &'a str,
    pub settings: &'a Json,
}

/// A try that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// 1 for the first.
    pub number: u32,
    pub class: FailureClass,
    pub first_attempt_at: Timestamp,
    pub failed_at: Timestamp,
    pub retry_after: Option<Duration>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    RetryAt(Timestamp),
    /// For this reason.
    GiveUp(String),
}

/// Asks the policy.
pub async fn next(callers: &Callers, chosen: Chosen<'_>, failed: &Failed) -> Follows {
    if failed.number >= MOST_ATTEMPTS {
        return Follows::GiveUp(format!("attempt {} failed; no policy gets more", failed.number));
    }
    let wait = match ask(callers, chosen, failed).await {
        Ok(Decision::DeadLetter(reason)) => return Follows::GiveUp(reason),
        Ok(Decision::RetryAfter(millis)) => Duration::from_millis(millis),
        Err(problem) => {
            tracing::error!(policy = chosen.name, "the built-in retry policy is used: {problem}");
            match built_in(failed) {
                Some(wait) => wait,
                None => {
                    return Follows::GiveUp(format!(
                        "attempt {} of {} failed",
                        failed.number,
                        BUILT_IN.len() + 1
                    ));
                }
            }
        }
    };
    let clamped = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
    if clamped < wait {
        tracing::warn!(policy = chosen.name, ?wait, ?clamped, "the policy's wait is cut");
    }
    Follows::RetryAt(failed.failed_at + clamped)
}

fn built_in(failed: &Failed) -> Option<Duration> {
    let wait = *BUILT_IN.get(failed.number.saturating_sub(1) as usize)?;
    Some(wait.max(failed.retry_after.unwrap_or_default()))
}

async fn ask(callers: &Callers, chosen: Chosen<'_>, failed: &Failed) -> Result<Decision, String> {
    let (plugin, context) =
        callers.get(chosen.name, Kind::RetryPolicy, chosen.settings).map_err(|error| error.to_string())?;
    let attempt = FailedAttempt {
        work_type: WorkType::Webhook,
        number: failed.number,
        class: failed.class.clone(),
        first_attempt_at: failed.first_attempt_at.timestamp_millis(),
        failed_at: failed.failed_at.timestamp_millis(),
        retry_after: failed.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        jitter: rand::random(),
        extensions: Vec::new(),
    };
    plugin.next(&context, &attempt).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_schedule_ends_and_honours_what_the_receiver_asks() {
        let at: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let failed = |number, retry_after| Failed {
            number,
            class: FailureClass::Timeout,
            first_attempt_at: at,
            failed_at: at,
            retry_after,
        };
        assert_eq!(built_in(&failed(1, None)), Some(minutes(1)));
        assert_eq!(built_in(&failed(1, Some(minutes(9)))), Some(minutes(9)));
        assert_eq!(built_in(&failed(4, None)), Some(minutes(60)));
        assert_eq!(built_in(&failed(5, None)), None);
    }
}
