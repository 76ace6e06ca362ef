//! The order of the lines: fair, bounded, first tries first.

use super::*;
use crate::store::{DeliveryState, Lane};

const CAPACITY: Capacity = Capacity { room: 1_000, in_flight: 100, of_a_tenant: 50 };
const WELL: Pace = Pace { at_once: 64, per_minute: None, failing: false };

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn delivery(tenant: &str, target: &str, attempts: u32) -> Waiting<()> {
    let delivery = Delivery {
        id: "message.0".into(),
        lane: Lane::Webhook,
        state: DeliveryState::Delivering,
        message_id: "message".into(),
        tenant_id: Some(tenant.into()),
        target: target.into(),
        endpoint_id: None,
        url: None,
        timeout: None,
        due_at: now(),
        attempts,
        attempts_in_all: attempts,
        first_attempt_at: None,
        fence: 1.into(),
        created_at: now(),
        finished_at: None,
    };
    Waiting { delivery, job: () }
}

fn push(lines: &mut Lines<()>, tenant: &str, target: &str, number: usize) -> usize {
    (0..number).filter(|_| lines.push(delivery(tenant, target, 0), WELL).is_none()).count()
}

/// Starts all that may go now.
fn start(lines: &mut Lines<()>) -> Vec<Waiting<()>> {
    std::iter::from_fn(|| lines.next(now()).map(|(waiting, _)| waiting)).collect()
}

#[test]
fn a_target_gets_more_with_each_success_and_less_with_each_failure() {
    let mut lines = Lines::new(CAPACITY);
    push(&mut lines, "a", "t", 100);
    let mut under_way = start(&mut lines);
    assert_eq!(under_way.len(), 1);
    for _ in 0..3 {
        for waiting in std::mem::take(&mut under_way) {
            lines.done(&waiting.delivery, false, true);
            under_way.extend(start(&mut lines));
        }
    }
    assert_eq!(under_way.len(), 8);
    for waiting in under_way {
        lines.done(&waiting.delivery, false, false);
    }
    assert_eq!(start(&mut lines).len(), 1);
}

#[test]
fn targets_that_hang_leave_the_places_of_the_healthy_alone() {
    let mut lines = Lines::new(CAPACITY);
    let hanging = Pace { failing: true, ..WELL };
    for target in 0..500 {
        assert!(lines.push(delivery(&format!("t{target}"), &format!("hang{target}"), 0), hanging).is_none());
    }
    assert_eq!(start(&mut lines).len(), 50);
    for target in 0..100 {
        assert_eq!(push(&mut lines, &format!("h{target}"), &format!("well{target}"), 1), 1);
    }
    let started = start(&mut lines);
    assert_eq!(started.len(), 100);
    assert!(started.iter().all(|waiting| waiting.delivery.target.starts_with("well")));
}

#[test]
fn one_tenant_cannot_take_all_the_places() {
    let mut lines = Lines::new(CAPACITY);
    for target in 0..200 {
        push(&mut lines, "greedy", &format!("g{target}"), 1);
    }
    push(&mut lines, "modest", "m", 1);
    let started = start(&mut lines);
    let of = |tenant: &str| {
        started.iter().filter(|waiting| waiting.delivery.tenant_id.as_deref() == Some(tenant)).count()
    };
    assert_eq!((of("greedy"), of("modest")), (50, 1));
    assert_eq!(start(&mut lines).len(), 0);
    lines.done(&started[0].delivery, false, true);
    assert_eq!(start(&mut lines).len(), 1);
}

#[test]
fn a_line_takes_half_of_what_is_left_and_leaves_room_for_others() {
    let mut lines = Lines::new(CAPACITY);
    let taken = push(&mut lines, "a", "greedy", 1_000);
    assert!((300..=350).contains(&taken), "{taken}");
    assert_eq!(push(&mut lines, "b", "other", 10), 10);
}

#[test]
fn a_first_try_goes_before_the_retries_of_its_target() {
    let mut lines = Lines::new(CAPACITY);
    for attempts in [3, 1, 0] {
        assert!(lines.push(delivery("a", "t", attempts), WELL).is_none());
    }
    assert_eq!(lines.next(now()).unwrap().0.delivery.attempts, 0);
}

#[test]
fn a_target_goes_no_faster_than_its_rate() {
    let mut lines = Lines::new(CAPACITY);
    let pace = Pace { per_minute: Some(60), ..WELL };
    for _ in 0..5 {
        assert!(lines.push(delivery("a", "t", 0), pace).is_none());
    }
    let (first, _) = lines.next(now()).unwrap();
    lines.done(&first.delivery, false, true);
    assert!(lines.next(now()).is_none());
    let later = now() + Duration::from_secs(1);
    assert_eq!(lines.next_wake(), Some(later));
    assert!(lines.next(later).is_some());
}

#[test]
fn nothing_that_waits_is_forgotten_or_given_twice() {
    let mut lines = Lines::new(Capacity { room: 5_000, in_flight: 7, of_a_tenant: 3 });
    let mut left = 0;
    for number in 0..600 {
        let pace = Pace { at_once: 1 + number % 4, failing: number % 5 == 0, per_minute: None };
        let waiting = delivery(&format!("t{}", number % 5), &format!("x{}", number % 31), number as u32 % 3);
        left += usize::from(lines.push(waiting, pace).is_none());
    }
    assert_eq!(left, 600);
    let mut round = 0;
    while left > 0 {
        let mut started = Vec::new();
        while let Some(next) = lines.next(now()) {
            started.push(next);
        }
        assert!(!started.is_empty(), "{left} wait and none may go");
        for (waiting, failing) in started {
            round += 1;
            lines.done(&waiting.delivery, failing, round % 3 != 0);
            left -= 1;
        }
    }
    assert_eq!(lines.free(), 5_000);
}
