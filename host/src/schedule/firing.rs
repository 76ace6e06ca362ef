//! The instants at which an expression fires in a zone. Instants are whole seconds.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::expression::Expression;
use super::zone::{self, FARTHEST_OFFSET, LONGEST_DISORDER};
use crate::clock::Timestamp;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The first firing after `after` of a job at fixed times: when the clocks reach the next time that they had
/// not read.
pub(super) fn next_at_fixed_times(expression: &Expression, zone: Tz, after: Timestamp) -> Option<Timestamp> {
    let local = expression.next_after(zone::furthest_reading(zone, after))?;
    Some(zone::reach(zone, local))
}

/// The last firing, up to `until`, of a job at fixed times.
pub(super) fn last_at_fixed_times(expression: &Expression, zone: Tz, until: Timestamp) -> Option<Timestamp> {
    let local = expression.last_until(zone::furthest_reading(zone, until))?;
    Some(zone::reach(zone, local))
}

/// The first firing after `after` of a job that repeats: the next instant at which the clocks read a matching
/// time.
///
/// Each turn ends in the firing, steps over a change of the clocks, or comes close to a firing that is far
/// away.
pub(super) fn next_repeated(expression: &Expression, zone: Tz, after: Timestamp) -> Option<Timestamp> {
    let mut from = after + SECOND;
    loop {
        let local = expression.next_after(zone::reading(zone, from) - SECOND)?;
        let firing = local.and_utc() - zone::offset(zone, from);
        let horizon = from + LONGEST_DISORDER;
        match zone::first_change(zone, from, firing.min(horizon)) {
            Some(change) => from = change,
            None if firing <= horizon => return Some(firing),
            None => from = local.and_utc() - FARTHEST_OFFSET,
        }
    }
}

/// The last firing, up to `until`, of a job that repeats: the mirror image.
pub(super) fn last_repeated(expression: &Expression, zone: Tz, until: Timestamp) -> Option<Timestamp> {
    let mut until = until;
    loop {
        let local = expression.last_until(zone::reading(zone, until))?;
        let firing = local.and_utc() - zone::offset(zone, until);
        let horizon = until - LONGEST_DISORDER;
        match zone::last_change(zone, firing.max(horizon), until) {
            Some(change) => until = change - SECOND,
            None if firing >= horizon => return Some(firing),
            None => until = local.and_utc() + FARTHEST_OFFSET,
        }
    }
}
