//! Which firings of a job are due now, and what becomes of those that passed while nothing ran. Pure: a daemon
//! that dies before it has recorded a plan plans again, and loses nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::Schedule;
use crate::clock::Timestamp;
use crate::config::Missed;

/// How many runs one plan starts at most: more would keep a job busy with the past for longer than its past
/// is worth.
pub const FIRED_AT_MOST: usize = 100;

/// How far `left_out` counts: the number is for a log line, and each firing costs microseconds to find.
pub const COUNTED_AT_MOST: usize = 1000;

/// A cursor that is farther ahead of the clock was written under a clock that was wrong. Less is a clock set
/// back: a machine that took its hardware clock for local time is up to 14 hours off.
pub const LARGEST_CLOCK_STEP: Duration = Duration::from_secs(24 * 60 * 60);

/// What to do about one job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The instants to fire for, oldest first; at most [`FIRED_AT_MOST`].
    pub fire: Vec<Timestamp>,
    /// How many other instants passed and will not be fired for; counted up to [`COUNTED_AT_MOST`].
    pub left_out: usize,
    /// Every instant up to this one is decided: to be stored after the firings are recorded.
    pub cursor: Timestamp,
    /// How far the old cursor was ahead of `now`, if that was more than [`LARGEST_CLOCK_STEP`]: a clock was
    /// wrong then or is wrong now, and a person should look. The new cursor is `now`; an instant that fires
    /// once more is stopped by its record.
    pub cursor_was_ahead: Option<Duration>,
}

/// Decides about the firings after `cursor`, up to `now`. Those that are at most `grace` late are on time and
/// fire under each policy; older ones are missed. No cursor: the schedule is new, and its past means nothing.
///
/// A clock that was set back fires nothing before it has passed the cursor again.
pub fn plan(
    schedule: &Schedule,
    cursor: Option<Timestamp>,
    now: Timestamp,
    missed: Missed,
    grace: Duration,
) -> Plan {
    let Some(cursor) = cursor else { return Plan::nothing(now) };
    let ahead = (cursor - now).to_std().unwrap_or_default();
    if ahead > LARGEST_CLOCK_STEP {
        return Plan { cursor_was_ahead: Some(ahead), ..Plan::nothing(now) };
    }
    let mut due: Vec<_> = schedule.between_newest_first(cursor, now).take(FIRED_AT_MOST).collect();
    due.reverse();
    let Some(newest) = due.last().copied() else { return Plan::nothing(cursor) };

    let missed_before = before(now, grace);
    let on_time = due.partition_point(|instant| *instant < missed_before);
    let fire = match missed {
        Missed::RunAll => due,
        Missed::Skip => due.split_off(on_time),
        // A firing that is on time stands for the missed ones too.
        Missed::RunOnce => due.split_off(on_time.min(due.len() - 1)),
    };
    let passed = schedule.between(cursor, now).take(fire.len() + COUNTED_AT_MOST).count();
    Plan { left_out: passed.saturating_sub(fire.len()), fire, ..Plan::nothing(newest) }
}

impl Plan {
    fn nothing(cursor: Timestamp) -> Self {
        Self { fire: Vec::new(), left_out: 0, cursor, cursor_was_ahead: None }
    }
}

fn before(now: Timestamp, grace: Duration) -> Timestamp {
    TimeDelta::from_std(grace)
        .ok()
        .and_then(|grace| now.checked_sub_signed(grace))
        .unwrap_or(DateTime::<chrono::Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn planned(missed: Missed, cursor: &str, now: &str) -> Plan {
        let schedule = Schedule::parse("0 2 * * *", Tz::UTC).unwrap();
        plan(&schedule, Some(instant(cursor)), instant(now), missed, Duration::from_secs(300))
    }

    #[test]
    fn missed_firings_are_forgotten_run_once_or_run_all_as_the_job_says() {
        let (cursor, now) = ("2026-01-01T02:00:00Z", "2026-01-04T12:00:00Z");
        let nights = ["2026-01-02T02:00:00Z", "2026-01-03T02:00:00Z", "2026-01-04T02:00:00Z"].map(instant);
        let expected = |fire: &[Timestamp]| Plan {
            fire: fire.to_vec(),
            left_out: 3 - fire.len(),
            cursor: nights[2],
            cursor_was_ahead: None,
        };
        assert_eq!(planned(Missed::Skip, cursor, now), expected(&[]));
        assert_eq!(planned(Missed::RunOnce, cursor, now), expected(&nights[2..]));
        assert_eq!(planned(Missed::RunAll, cursor, now), expected(&nights));
    }

    #[test]
    fn a_firing_within_grace_is_on_time_and_stands_for_those_missed() {
        let (cursor, now) = ("2026-01-01T02:00:00Z", "2026-01-03T02:05:00Z");
        for missed in [Missed::Skip, Missed::RunOnce] {
            let plan = planned(missed, cursor, now);
            assert_eq!((plan.fire, plan.left_out), (vec![instant("2026-01-03T02:00:00Z")], 1));
        }
    }

    #[test]
    fn a_new_schedule_has_no_past() {
        let schedule = Schedule::parse("* * * * *", Tz::UTC).unwrap();
        let now = instant("2026-01-01T02:00:00Z");
        let plan = plan(&schedule, None, now, Missed::RunAll, Duration::from_secs(300));
        assert_eq!((plan.fire, plan.cursor), (vec![], now));
    }

    #[test]
    fn a_cursor_keeps_its_place_until_something_is_due() {
        let plan = planned(Missed::RunAll, "2026-01-01T02:00:00Z", "2026-01-02T01:59:59Z");
        assert_eq!((plan.fire, plan.cursor), (vec![], instant("2026-01-01T02:00:00Z")));
    }

    #[test]
    fn a_clock_set_back_waits_and_a_cursor_from_a_wrong_clock_is_found() {
        let cursor = "2026-01-10T02:00:00Z";
        let waiting = planned(Missed::RunAll, cursor, "2026-01-09T02:00:00Z");
        assert_eq!((waiting.fire, waiting.cursor, waiting.cursor_was_ahead), (vec![], instant(cursor), None));
        let now = "2026-01-09T01:59:59Z";
        let found = planned(Missed::RunAll, cursor, now);
        assert_eq!((found.fire, found.cursor), (vec![], instant(now)));
        assert_eq!(found.cursor_was_ahead, Some(Duration::from_secs(86_401)));
    }

    #[test]
    fn a_long_outage_of_a_frequent_job_starts_and_counts_a_bounded_number() {
        let schedule = Schedule::parse("* * * * * *", Tz::UTC).unwrap();
        let (cursor, now) = (instant("2016-01-01T00:00:00Z"), instant("2026-01-01T00:00:00Z"));
        let plan = plan(&schedule, Some(cursor), now, Missed::RunAll, Duration::from_secs(1));
        assert_eq!((plan.fire.len(), plan.left_out), (FIRED_AT_MOST, COUNTED_AT_MOST));
        assert_eq!(plan.fire.last(), Some(&now));
        assert_eq!(plan.cursor, now);
    }
}
