//! Crontab and time zones -> next instants; what to do about firings that were missed. Pure: it must not know
//! the clock, the store, or what a job does.
//!
//! When clocks are changed:
//! * Jobs at fixed times fire once for each local time. One that a change skips (a spring gap, a whole day on
//!   Samoa) fires right after the gap, several in one gap fire once, and one that comes twice fires the first
//!   time.
//! * Jobs whose minute or hour begins with `*` fire whenever the clocks read a matching time: every real half
//!   hour in an overlap too, and nothing is made up for in a gap.
//!
//! So does Vixie's cron, but for changes of more than three hours: it takes them for corrections and lets the
//! firings in between go. Here they fire, for a missing backup is worse than one too many.

mod advice;
mod describe;
mod error;
mod expression;
mod field;
mod firing;
mod jitter;
mod missed;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod table;
mod zone;

use std::fmt;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

pub use error::ExpressionError;
pub use expression::{Expression, LONGEST_EXPRESSION};
pub use field::Field;
pub use jitter::jitter;
pub use missed::{COUNTED_AT_MOST, FIRED_AT_MOST, LARGEST_CLOCK_STEP, Plan, plan};

use crate::clock::Timestamp;

/// An expression read in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The local times.
    pub expression: Expression,
    /// The zone whose clocks are looked at.
    pub zone: Tz,
}

impl Schedule {
    /// Reads a crontab expression in a zone.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, ExpressionError> {
        Ok(Self { expression: Expression::parse(expression)?, zone })
    }

    /// The first firing strictly after `instant`. None: nothing fires any more before the year 2101.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let after = whole_second(instant)?.max(beginning());
        if after > end() {
            return None;
        }
        if self.expression.repeats() {
            firing::next_repeated(&self.expression, self.zone, after)
        } else {
            firing::next_at_fixed_times(&self.expression, self.zone, after)
        }
    }

    /// The last firing at or before `instant`. None: nothing fired since 1970.
    pub fn last_until(&self, instant: Timestamp) -> Option<Timestamp> {
        let until = whole_second(instant)?.min(end());
        if until < beginning() {
            return None;
        }
        if self.expression.repeats() {
            firing::last_repeated(&self.expression, self.zone, until)
        } else {
            firing::last_at_fixed_times(&self.expression, self.zone, until)
        }
    }

    /// The firings after `instant`, oldest first.
    pub fn after(&self, instant: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(instant), |firing| self.next_after(*firing))
    }

    /// The firings after `after`, up to and with `until`, oldest first. There may be millions: take what is
    /// needed.
    pub fn between(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.after(after).take_while(move |firing| *firing <= until)
    }

    /// The same firings, newest first.
    pub fn between_newest_first(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.last_until(until), |firing| {
            self.last_until(*firing - TimeDelta::seconds(1))
        })
        .take_while(move |firing| *firing > after)
    }

    /// The same for two schedules that mean the same, however they are written (`@daily`, `0 0 * * *`): when
    /// it changes, firings missed under the old schedule mean nothing any more.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(format!("{} zone={}", self.expression.canonical(), self.zone.name()));
        hex::encode(&digest[..8])
    }
}

/// `0 2 * * * America/Sao_Paulo`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.expression, self.zone)
    }
}

/// The first `count` firings of `expression` in `zone` after `from`, for people to look at; fewer when
/// nothing fires any more before the year 2101. The caller bounds `count`.
pub fn upcoming(
    expression: &str,
    zone: Tz,
    from: Timestamp,
    count: usize,
) -> Result<Vec<DateTime<Tz>>, ExpressionError> {
    let schedule = Schedule::parse(expression, zone)?;
    Ok(schedule.after(from).take(count).map(|firing| firing.with_timezone(&zone)).collect())
}

/// Firings are whole seconds, so that what comes after an instant comes after its second.
fn whole_second(instant: Timestamp) -> Option<Timestamp> {
    DateTime::from_timestamp(instant.timestamp(), 0)
}

/// Before all firings, in every zone.
fn beginning() -> Timestamp {
    expression::midnight(expression::FIRST_YEAR).and_utc() - zone::FARTHEST_OFFSET
}

/// After all firings, in every zone.
fn end() -> Timestamp {
    expression::midnight(expression::LAST_YEAR + 1).and_utc() + zone::FARTHEST_OFFSET
}
