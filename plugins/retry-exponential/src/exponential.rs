//! The policy: how long the wait after a failure is. Pure.

use crate::exports::zelador::plugin::retries::{Decision, Duration, FailedAttempt, FailureClass, WorkType};

const MINUTE: Duration = 60_000;

/// The contract's limit on what `describe` returns.
const SCHEDULE_MAX: i64 = 100;

/// Delays that grow.
pub struct Exponential {
    /// Milliseconds before the second attempt.
    pub first: Duration,
    /// At least 1.
    pub multiplier: f64,
    /// Milliseconds that no wait exceeds, unless the other side asks for more.
    pub cap: Duration,
    /// How many attempts there are in all.
    pub attempts: i64,
    pub jitter: Jitter,
}

/// How a wait is spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// From nothing to the whole wait.
    Full,
    /// From half of the wait to the whole.
    Equal,
    None,
}

impl Jitter {
    /// By its name in the settings.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::Full),
            "equal" => Some(Self::Equal),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn spread(self, wait: Duration, drawn: f64) -> Duration {
        let part = |of: Duration| (of as f64 * drawn.clamp(0.0, 1.0)) as Duration;
        match self {
            Self::Full => part(wait),
            Self::Equal => wait / 2 + part(wait - wait / 2),
            Self::None => wait,
        }
    }
}

impl Default for Exponential {
    fn default() -> Self {
        Self { first: MINUTE, multiplier: 5.0, cap: 60 * MINUTE, attempts: 5, jitter: Jitter::Full }
    }
}

impl Exponential {
    /// What follows the failure. A wait that the other side asked for is never cut short.
    pub fn next(&self, attempt: &FailedAttempt) -> Decision {
        if let (WorkType::Email, FailureClass::Rejected(code)) = (attempt.work_type, &attempt.class) {
            return Decision::DeadLetter(format!("the mail server refused for good (SMTP {code})"));
        }
        let number = i64::from(attempt.number.max(1));
        if number >= self.attempts {
            return Decision::DeadLetter(format!("attempt {number} of {} failed", self.attempts));
        }
        let wait = self.waits().nth(number as usize - 1).unwrap_or(self.cap);
        Decision::RetryAfter(self.jitter.spread(wait, attempt.jitter).max(attempt.retry_after.unwrap_or(0)))
    }

    /// The delays before attempts 1, 2, 3, ..., jitter left out.
    pub fn schedule(&self) -> Vec<Duration> {
        let retries = self.attempts.min(SCHEDULE_MAX) - 1;
        std::iter::once(0).chain(self.waits().take(retries.max(0) as usize)).collect()
    }

    /// The delays before attempts 2, 3, ... without end. None is shorter than the one before.
    fn waits(&self) -> impl Iterator<Item = Duration> {
        let longer =
            |&wait: &Duration| Some(((wait as f64 * self.multiplier) as Duration).clamp(wait, self.cap));
        std::iter::successors(Some(self.first.min(self.cap)), longer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(number: u32) -> FailedAttempt {
        FailedAttempt {
            work_type: WorkType::Webhook,
            number,
            class: FailureClass::Timeout,
            first_attempt_at: 0,
            failed_at: 1_000,
            retry_after: None,
            jitter: 0.5,
            extensions: vec![],
        }
    }

    fn wait(decision: Decision) -> Option<Duration> {
        match decision {
            Decision::RetryAfter(wait) => Some(wait),
            Decision::DeadLetter(_) => None,
        }
    }

    fn waits(policy: &Exponential) -> Vec<Option<Duration>> {
        (1..=5).map(|number| wait(policy.next(&failed(number)))).collect()
    }

    #[test]
    fn the_default_grows_five_times_up_to_an_hour_and_makes_five_attempts() {
        let policy = Exponential { jitter: Jitter::None, ..Exponential::default() };
        assert_eq!(policy.schedule(), [0, MINUTE, 5 * MINUTE, 25 * MINUTE, 60 * MINUTE]);
        assert_eq!(
            waits(&policy),
            [Some(MINUTE), Some(5 * MINUTE), Some(25 * MINUTE), Some(60 * MINUTE), None]
        );
    }

    #[test]
    fn full_jitter_draws_from_the_whole_wait_and_equal_jitter_from_its_upper_half() {
        let drawn = |jitter, drawn| {
            let policy = Exponential { jitter, ..Exponential::default() };
            wait(policy.next(&FailedAttempt { jitter: drawn, ..failed(1) })).expect("a retry")
        };
        assert_eq!([drawn(Jitter::Full, 0.0), drawn(Jitter::Full, 0.5)], [0, MINUTE / 2]);
        assert_eq!([drawn(Jitter::Equal, 0.0), drawn(Jitter::Equal, 0.5)], [MINUTE / 2, MINUTE * 3 / 4]);
    }

    #[test]
    fn what_the_receiver_asked_to_wait_is_a_lower_bound_even_above_the_cap() {
        let asked = FailedAttempt { retry_after: Some(120 * MINUTE), ..failed(4) };
        assert_eq!(wait(Exponential::default().next(&asked)), Some(120 * MINUTE));
    }

    #[test]
    fn a_mail_that_was_refused_for_good_is_not_tried_again() {
        let refused =
            FailedAttempt { work_type: WorkType::Email, class: FailureClass::Rejected(550), ..failed(1) };
        assert_eq!(wait(Exponential::default().next(&refused)), None);
    }

    #[test]
    fn the_schema_is_one_and_refuses_what_the_policy_cannot_work_with() {
        let schema = serde_json::from_str(include_str!("settings.schema.json")).expect("JSON");
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        assert!(schema.is_valid(&serde_json::json!({"first": "10s", "multiplier": 1.5, "jitter": "equal"})));
        for wrong in [
            serde_json::json!({"multiplier": 0.5}),
            serde_json::json!({"attempts": 0}),
            serde_json::json!({"jitter": "some"}),
            serde_json::json!({"cap": 3600}),
        ] {
            assert!(!schema.is_valid(&wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_the_one_before_nor_longer_than_the_cap(
            first in any::<u64>(),
            cap in any::<u64>(),
            multiplier in 1.0..1000.0,
            attempts in 1..1000_i64,
        ) {
            let policy = Exponential { first, cap, multiplier, attempts, jitter: Jitter::None };
            let schedule = policy.schedule();
            prop_assert!(schedule.is_sorted());
            prop_assert!(schedule.iter().all(|&wait| wait <= cap));
            prop_assert_eq!(schedule.len() as i64, attempts.min(SCHEDULE_MAX));
        }

        #[test]
        fn any_input_gets_an_answer_within_its_bounds(
            first in any::<u64>(),
            cap in any::<u64>(),
            multiplier in prop::num::f64::ANY,
            attempts in any::<i64>(),
            number in any::<u32>(),
            drawn in prop::num::f64::ANY,
            retry_after in any::<Option<u64>>(),
            jitter in prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)],
        ) {
            // The schema allows 1,000 attempts.
            let policy = Exponential { first, cap, multiplier, attempts: attempts.min(1000), jitter };
            let attempt = FailedAttempt { jitter: drawn, retry_after, ..failed(number) };
            if let Some(wait) = wait(policy.next(&attempt)) {
                prop_assert!(wait >= retry_after.unwrap_or(0));
                prop_assert!(wait <= cap.max(retry_after.unwrap_or(0)));
            }
        }
    }
}
