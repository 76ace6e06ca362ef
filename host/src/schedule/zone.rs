//! How the clocks of a zone move: what they read at an instant, and when they reach a reading. Must not know
//! crontab.
//!
//! Two ideas carry everything, and need no case for gaps, overlaps, half hours or skipped days: the *reach*
//! of a reading (the first instant at which the clocks read it or later: in a gap that is the gap's end, in
//! an overlap the first pass), and the *furthest* reading up to an instant (which falls behind in no
//! overlap).

use chrono::{NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;

/// No zone was ever farther from UTC (the farthest was Manila, 15:56 hours, until 1844).
pub(super) const FARTHEST_OFFSET: TimeDelta = TimeDelta::hours(16);

/// No two readings of a zone's clocks are in the wrong order when their instants are farther apart than this.
pub(super) const LONGEST_DISORDER: TimeDelta = TimeDelta::hours(32);

/// No zone changes its clocks twice within this time.
const STRIDE: TimeDelta = TimeDelta::hours(1);

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// How far the zone's clocks are ahead of UTC at `instant`.
pub(super) fn offset(zone: Tz, instant: Timestamp) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(seconds.into())
}

/// What the zone's clocks read at `instant`.
pub(super) fn reading(zone: Tz, instant: Timestamp) -> NaiveDateTime {
    instant.naive_utc() + offset(zone, instant)
}

/// The furthest that the zone's clocks have read up to `instant`, in whole seconds.
pub(super) fn furthest_reading(zone: Tz, instant: Timestamp) -> NaiveDateTime {
    let mut furthest = reading(zone, instant);
    let mut until = instant;
    while let Some(change) = last_change(zone, instant - LONGEST_DISORDER, until) {
        until = change - SECOND;
        furthest = furthest.max(reading(zone, until));
    }
    furthest
}

/// The first instant at which the zone's clocks read `local` or later.
pub(super) fn reach(zone: Tz, local: NaiveDateTime) -> Timestamp {
    let mut start = local.and_utc() - FARTHEST_OFFSET;
    let end = local.and_utc() + FARTHEST_OFFSET;
    loop {
        let reached = start.max(local.and_utc() - offset(zone, start));
        match first_change(zone, start, end) {
            Some(change) if change <= reached => start = change,
            _ => return reached,
        }
    }
}

/// The first change of the clocks after `from`, up to `until`.
pub(super) fn first_change(zone: Tz, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut before = from;
    while before < until {
        let after = until.min(before + STRIDE);
        if offset(zone, before) != offset(zone, after) {
            return Some(change_between(zone, before, after));
        }
        before = after;
    }
    None
}

/// The last change of the clocks after `from`, up to `until`.
pub(super) fn last_change(zone: Tz, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut after = until;
    while from < after {
        let before = from.max(after - STRIDE);
        if offset(zone, before) != offset(zone, after) {
            return Some(change_between(zone, before, after));
        }
        after = before;
    }
    None
}

/// The first instant of the new offset, by bisection: the offsets at both ends differ.
fn change_between(zone: Tz, mut before: Timestamp, mut after: Timestamp) -> Timestamp {
    let old = offset(zone, before);
    while after - before > SECOND {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if offset(zone, middle) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}
