//! The policy: which wait follows which failure. Pure.

use crate::exports::zelador::plugin::retries::{Decision, Duration, FailedAttempt, FailureClass, WorkType};

const MINUTE: Duration = 60_000;

/// The contract's limit on what `describe` returns.
const SCHEDULE_MAX: usize = 100;

/// The delays between attempts.
pub struct Steps {
    /// Milliseconds before attempts 2, 3, ...
    pub waits: Vec<Duration>,
    /// The largest part of a wait that is added to it.
    pub jitter: f64,
}

impl Default for Steps {
    fn default() -> Self {
        Self { waits: vec![MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE], jitter: 0.0 }
    }
}

impl Steps {
    /// What follows the failure. A wait that the other side asked for is never cut short.
    pub fn next(&self, attempt: &FailedAttempt) -> Decision {
        if let (WorkType::Email, FailureClass::Rejected(code)) = (attempt.work_type, &attempt.class) {
            return Decision::DeadLetter(format!("the mail server refused for good (SMTP {code})"));
        }
        match self.waits.get(attempt.number.saturating_sub(1) as usize) {
            Some(&wait) => {
                Decision::RetryAfter(self.spread(wait, attempt.jitter).max(attempt.retry_after.unwrap_or(0)))
            }
            None => {
                Decision::DeadLetter(format!("attempt {} of {} failed", attempt.number, self.waits.len() + 1))
            }
        }
    }

    /// The delays before attempts 1, 2, 3, ...
    pub fn schedule(&self) -> Vec<Duration> {
        std::iter::once(0).chain(self.waits.iter().copied()).take(SCHEDULE_MAX).collect()
    }

    fn spread(&self, wait: Duration, drawn: f64) -> Duration {
        wait.saturating_add((wait as f64 * self.jitter * drawn) as Duration)
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
            class: FailureClass::Unavailable(503),
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

    #[test]
    fn the_default_is_the_schedule_of_the_seed() {
        let steps = Steps::default();
        assert_eq!(steps.schedule(), [0, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE]);
        let waits: Vec<_> = (1..=5).map(|number| wait(steps.next(&failed(number)))).collect();
        assert_eq!(waits, [Some(MINUTE), Some(5 * MINUTE), Some(15 * MINUTE), Some(60 * MINUTE), None]);
    }

    #[test]
    fn the_dead_letter_says_how_many_attempts_there_were() {
        let Decision::DeadLetter(reason) = Steps::default().next(&failed(5)) else { panic!("not given up") };
        assert_eq!(reason, "attempt 5 of 5 failed");
    }

    #[test]
    fn what_the_receiver_asked_to_wait_is_a_lower_bound() {
        let asked = |retry_after| FailedAttempt { retry_after: Some(retry_after), ..failed(1) };
        assert_eq!(wait(Steps::default().next(&asked(10))), Some(MINUTE));
        assert_eq!(wait(Steps::default().next(&asked(2 * MINUTE))), Some(2 * MINUTE));
    }

    #[test]
    fn a_mail_that_was_refused_for_good_is_not_tried_again_but_a_webhook_is() {
        let refused =
            |work_type| FailedAttempt { work_type, class: FailureClass::Rejected(550), ..failed(1) };
        assert_eq!(wait(Steps::default().next(&refused(WorkType::Email))), None);
        assert_eq!(wait(Steps::default().next(&refused(WorkType::Webhook))), Some(MINUTE));
    }

    #[test]
    fn the_schema_is_one_and_refuses_what_is_no_duration() {
        let schema = serde_json::from_str(include_str!("settings.schema.json")).expect("JSON");
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        assert!(schema.is_valid(&serde_json::json!({"steps": ["30s", "1h 30m", "7d"], "jitter": 0.2})));
        assert!(!schema.is_valid(&serde_json::json!({"steps": ["soon"]})));
        assert!(!schema.is_valid(&serde_json::json!({"stesp": []})));
    }

    proptest! {
        #[test]
        fn no_input_makes_a_wait_shorter_than_written_or_a_panic(
            waits in prop::collection::vec(any::<u64>(), 0..120),
            spread in 0.0..=1.0,
            number in any::<u32>(),
            retry_after in any::<Option<u64>>(),
            jitter in prop::num::f64::ANY,
        ) {
            let steps = Steps { waits, jitter: spread };
            let attempt = FailedAttempt { retry_after, jitter, ..failed(number) };
            let written = steps.waits.get(number.saturating_sub(1) as usize);
            let decided = wait(steps.next(&attempt));
            prop_assert_eq!(decided.is_some(), written.is_some());
            prop_assert!(decided.is_none_or(|wait| wait >= *written.unwrap() && wait >= retry_after.unwrap_or(0)));
            prop_assert!(steps.schedule().len() <= SCHEDULE_MAX);
        }
    }
}
