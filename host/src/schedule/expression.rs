//! A crontab expression, as Debian's cron (Vixie) reads it -> local times that match. Must not know time
//! zones.
//!
//! The crate `cron` finds the matching local times, but speaks another language than crontab (seconds first,
//! Sunday is 1, day of month AND day of week): what is parsed here is translated for it.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::advice;
use super::describe;
use super::error::ExpressionError;
use super::field::{Field, Values};

/// In bytes. All sixty minutes listed one by one are 170; nobody means more than a few such lists.
pub const LONGEST_EXPRESSION: usize = 1024;

/// The last year in which anything fires: the crate `cron` ends there.
pub(super) const LAST_YEAR: i32 = 2100;

/// The first year in which anything fires.
pub(super) const FIRST_YEAR: i32 = 1970;

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A crontab expression that fires some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    source: String,
    fields: Fields,
    matchers: Vec<cron::Schedule>,
}

impl Expression {
    /// Reads five fields (minute, hour, day of month, month, day of week), six with seconds in front, or a
    /// word such as `@daily`.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > LONGEST_EXPRESSION {
            return Err(ExpressionError::TooLong { length: text.len() });
        }
        let source = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let written_out = expand_nickname(&source)?;
        let fields = Fields::parse(written_out)?;
        let expression = Self { matchers: fields.matchers(), fields, source };
        if expression.next_after(midnight(FIRST_YEAR)).is_none() {
            return Err(ExpressionError::NeverFires { expression: expression.source });
        }
        Ok(expression)
    }

    /// Whether this fires every so many minutes or hours, rather than at times of the day: in Vixie's words,
    /// whether the minute or the hour begins with `*`. Such an expression follows real time when clocks are
    /// changed.
    pub fn repeats(&self) -> bool {
        self.fields.minute.starred || self.fields.hour.starred
    }

    /// What it says, in words: `at 02:00 every day`.
    pub fn describe(&self) -> String {
        describe::describe(&self.fields)
    }

    /// The same text for all expressions that mean the same.
    pub(super) fn canonical(&self) -> String {
        let matchers: Vec<_> = self.matchers.iter().map(cron::Schedule::source).collect();
        format!("{} repeats={}", matchers.join(" | "), self.repeats())
    }

    /// The first matching local time after `local`.
    pub(super) fn next_after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = local.and_utc();
        self.matchers
            .iter()
            .filter_map(|matcher| matcher.after(&start).next())
            .min()
            .map(|time| time.naive_utc())
    }

    /// The last matching local time that is not after `local`.
    pub(super) fn last_until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        // From a year beyond its last, the crate would skip most of that last year.
        let end = (local + TimeDelta::seconds(1)).min(midnight(LAST_YEAR + 1)).and_utc();
        self.matchers
            .iter()
            .filter_map(|matcher| matcher.after(&end).next_back())
            .max()
            .map(|time| time.naive_utc())
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The expression as it was written, with single blanks.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn expand_nickname(source: &str) -> Result<&str, ExpressionError> {
    if !source.starts_with('@') {
        return Ok(source);
    }
    NICKNAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(source))
        .map(|(_, written_out)| *written_out)
        .ok_or_else(|| advice::nickname(source, &NICKNAMES))
}

pub(super) fn midnight(year: i32) -> NaiveDateTime {
    let new_year = NaiveDate::from_ymd_opt(year, 1, 1).expect("1 January is in every year");
    new_year.and_time(NaiveTime::MIN)
}

/// The fields as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) second: Values,
    pub(super) minute: Values,
    pub(super) hour: Values,
    pub(super) day_of_month: Values,
    pub(super) month: Values,
    pub(super) day_of_week: Values,
}

impl Fields {
    fn parse(expression: &str) -> Result<Self, ExpressionError> {
        let texts: Vec<_> = expression.split(' ').collect();
        let [second, minute, hour, day_of_month, month, day_of_week] = match texts[..] {
            [""] => return Err(ExpressionError::Empty),
            [minute, hour, day, month, weekday] => ["0", minute, hour, day, month, weekday],
            [second, minute, hour, day, month, weekday] => [second, minute, hour, day, month, weekday],
            _ => return Err(advice::field_count(expression, &texts)),
        };
        Ok(Self {
            second: Values::parse(Field::Second, second)?,
            minute: Values::parse(Field::Minute, minute)?,
            hour: Values::parse(Field::Hour, hour)?,
            day_of_month: Values::parse(Field::DayOfMonth, day_of_month)?,
            month: Values::parse(Field::Month, month)?,
            day_of_week: Values::parse(Field::DayOfWeek, day_of_week)?,
        })
    }

    /// Vixie's rule: a date must fit both day fields if either begins with `*`; else one of them is enough.
    pub(super) fn both_days_must_fit(&self) -> bool {
        self.day_of_month.starred || self.day_of_week.starred
    }

    fn matchers(&self) -> Vec<cron::Schedule> {
        let day_of_month = list(self.day_of_month.iter());
        // The crate counts Sunday as 1.
        let day_of_week = list(self.day_of_week.iter().map(|day| day + 1));
        if self.both_days_must_fit() {
            vec![self.matcher(&day_of_month, &day_of_week)]
        } else {
            vec![self.matcher(&day_of_month, "*"), self.matcher("*", &day_of_week)]
        }
    }

    fn matcher(&self, day_of_month: &str, day_of_week: &str) -> cron::Schedule {
        let [second, minute, hour, month] =
            [&self.second, &self.minute, &self.hour, &self.month].map(|values| list(values.iter()));
        format!("{second} {minute} {hour} {day_of_month} {month} {day_of_week}")
            .parse()
            .expect("lists of numbers within each field's range are the crate's grammar")
    }
}

fn list(values: impl Iterator<Item = u32>) -> String {
    values.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}
