//! Which answers count as delivered, which are tried again, and what they do to the endpoint.

use proptest::prelude::*;

use super::*;
use crate::exports::zelador::plugin::delivery::{Attempt, Endpoint, Header, Message};

const AT: Instant = 1_700_000_000_000;
const TOOK: Duration = 250;
const NOW: Instant = AT + 250;

fn tried(outcome: Outcome) -> AttemptOutcome {
    AttemptOutcome {
        message: Message {
            id: "msg_1".into(),
            event: "payment.received".into(),
            tenant_id: None,
            content_type: "application/json".into(),
            body_bytes: 2,
            accepted_at: AT,
            headers: vec![],
            extensions: vec![],
        },
        endpoint: Endpoint {
            id: Some("ep_1".into()),
            url: "https://example.com".into(),
            headers: vec![],
            failures_in_a_row: 0,
            failing_since: None,
            extensions: vec![],
        },
        attempt: Attempt { number: 1, at: AT, extensions: vec![] },
        outcome,
        took: TOOK,
        extensions: vec![],
    }
}

fn answer(status: u16, retry_after: Option<&str>) -> AttemptOutcome {
    let headers = retry_after.map(|value| Header { name: "Retry-After".into(), value: value.into() });
    tried(Outcome::Answered(Response {
        status,
        headers: headers.into_iter().collect(),
        body_excerpt: String::new(),
    }))
}

fn failure(error: TransportError, number: u32) -> AttemptOutcome {
    let mut attempt = tried(Outcome::Failed(error));
    attempt.attempt.number = number;
    attempt
}

/// The disposition in a word, and the pause or the disabling.
fn judged(rules: &Rules, attempt: &AttemptOutcome) -> (&'static str, String) {
    let verdict = rules.judge(attempt);
    let disposition = match verdict.disposition {
        Disposition::Delivered => "delivered",
        Disposition::Retry(_) => "retry",
        Disposition::Dead(_) => "dead",
    };
    let action = match verdict.endpoint_action {
        EndpointAction::None => String::new(),
        EndpointAction::PauseUntil(instant) => format!("pause {}", instant - NOW),
        EndpointAction::Disable(_) => "disable".into(),
    };
    (disposition, action)
}

#[test]
fn only_2xx_is_delivered_and_every_status_has_its_meaning() {
    let rules = Rules::default();
    for status in 0..=u16::MAX {
        let expected = match status {
            200..=299 => "delivered",
            408 | 425 | 429 => "retry",
            300..=499 => "dead",
            _ => "retry",
        };
        assert_eq!(judged(&rules, &answer(status, None)).0, expected, "{status}");
    }
}

#[test]
fn gone_is_dead_and_disables_the_endpoint_but_no_bare_url() {
    let mut gone = answer(410, Some("60"));
    assert_eq!(judged(&Rules::default(), &gone), ("dead", "disable".into()));
    gone.endpoint.id = None;
    assert_eq!(judged(&Rules::default(), &gone), ("dead", String::new()));
}

#[test]
fn a_throttling_answer_pauses_the_endpoint_as_long_as_it_asks_within_the_limit() {
    let rules = Rules::default();
    for status in THROTTLING {
        assert_eq!(judged(&rules, &answer(status, Some("60"))), ("retry", "pause 60000".into()));
    }
    assert_eq!(judged(&rules, &answer(503, Some("1000000000"))), ("retry", format!("pause {HOUR}")));
    assert_eq!(
        judged(&rules, &answer(503, Some("Tue, 14 Nov 2023 22:14:20 GMT"))),
        ("retry", "pause 59750".into())
    );
    assert_eq!(judged(&rules, &answer(503, None)), ("retry", String::new()));
    assert_eq!(judged(&rules, &answer(500, Some("60"))), ("retry", String::new()));
    let deaf = Rules { retry_after_max: 0, ..Rules::default() };
    assert_eq!(judged(&deaf, &answer(429, Some("60"))), ("retry", String::new()));
}

#[test]
fn failures_that_pass_are_tried_again_and_permanent_ones_are_not() {
    use TransportError::*;
    let rules = Rules::default();
    for passing in [
        NameUnavailable,
        Refused,
        Tls("alert".into()),
        Timeout,
        Reset,
        Protocol("x".into()),
        Other("x".into()),
    ] {
        assert_eq!(judged(&rules, &failure(passing, 9)).0, "retry");
    }
    for permanent in [Certificate("expired".into()), ForbiddenAddress] {
        assert_eq!(judged(&rules, &failure(permanent, 1)).0, "dead");
    }
    assert_eq!(judged(&rules, &failure(NameUnknown, 2)).0, "retry");
    assert_eq!(judged(&rules, &failure(NameUnknown, 3)).0, "dead");
}

#[test]
fn the_settings_decide_which_answers_and_failures_are_permanent() {
    let rules = Rules { retry_statuses: vec![404], permanent: vec![], ..Rules::default() };
    assert_eq!(judged(&rules, &answer(404, None)).0, "retry");
    assert_eq!(judged(&rules, &answer(408, None)).0, "dead");
    assert_eq!(judged(&rules, &failure(TransportError::Certificate("expired".into()), 1)).0, "retry");
    assert_eq!(judged(&rules, &failure(TransportError::NameUnknown, 50)).0, "retry");
}

#[test]
fn an_endpoint_that_has_failed_for_five_days_is_disabled_and_its_delivery_is_kept() {
    let five_days = 5 * 24 * HOUR as i64;
    let mut failing = answer(500, None);
    failing.endpoint.failing_since = Some(NOW - five_days + 1);
    assert_eq!(judged(&Rules::default(), &failing), ("retry", String::new()));
    failing.endpoint.failing_since = Some(NOW - five_days);
    assert_eq!(judged(&Rules::default(), &failing), ("retry", "disable".into()));
    let patient = Rules { disable_after: 0, ..Rules::default() };
    assert_eq!(judged(&patient, &failing), ("retry", String::new()));
    let mut delivered = answer(204, None);
    delivered.endpoint.failing_since = failing.endpoint.failing_since;
    assert_eq!(judged(&Rules::default(), &delivered), ("delivered", String::new()));
}

#[test]
fn the_schema_is_one_and_its_names_are_those_of_the_policy() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../settings.schema.json")).expect("JSON");
    let names = |setting: &str| -> Vec<String> {
        serde_json::from_value(schema["properties"][setting]["items"]["enum"].clone()).expect("names")
    };
    assert!(names("permanent-failures").iter().all(|name| Permanent::named(name).is_some()));
    assert!(names("signatures").iter().all(|name| crate::request::Scheme::named(name).is_some()));
    let schema = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(schema.is_valid(&serde_json::json!({"signatures": ["v1", "v1a"], "disable-after": "5d"})));
    assert!(!schema.is_valid(&serde_json::json!({"retry-statuses": [410]})));
}

proptest! {
    #[test]
    fn no_answer_at_any_time_makes_a_pause_beyond_the_limit_or_a_panic(
        status in any::<u16>(),
        retry_after in ".{0,30}",
        at in any::<i64>(),
        took in any::<u64>(),
        failing_since in any::<Option<i64>>(),
        limit in any::<u64>(),
    ) {
        let mut attempt = answer(status, Some(&retry_after));
        attempt.attempt.at = at;
        attempt.took = took;
        attempt.endpoint.failing_since = failing_since;
        let rules = Rules { retry_after_max: limit, ..Rules::default() };
        if let EndpointAction::PauseUntil(instant) = rules.judge(&attempt).endpoint_action {
            let now = at.saturating_add_unsigned(took);
            prop_assert!(instant >= now && instant.abs_diff(now) <= limit);
        }
    }
}
