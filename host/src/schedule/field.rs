//! One field of a crontab expression: text -> the numbers that it allows. Must not know the other fields.

use std::fmt;
use std::ops::RangeInclusive;

use super::advice;
use super::error::ExpressionError;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A place in a crontab expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0-59; only in expressions of six fields.
    Second,
    /// 0-59.
    Minute,
    /// 0-23.
    Hour,
    /// 1-31.
    DayOfMonth,
    /// 1-12 or a name.
    Month,
    /// 0-7 or a name; 0 and 7 are Sunday.
    DayOfWeek,
}

impl Field {
    /// The numbers that may stand in this field.
    pub(super) fn range(self) -> RangeInclusive<u32> {
        match self {
            Self::Second | Self::Minute => 0..=59,
            Self::Hour => 0..=23,
            Self::DayOfMonth => 1..=31,
            Self::Month => 1..=12,
            Self::DayOfWeek => 0..=7,
        }
    }

    /// The names that may stand for numbers, the first for the smallest.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &DAYS,
            _ => &[],
        }
    }

    /// How many different values there are: a longer step is a mistake.
    pub(super) fn longest_step(self) -> u32 {
        match self {
            Self::DayOfWeek => 7,
            _ => self.range().end() - self.range().start() + 1,
        }
    }

    /// What may stand in this field, for people.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0-59",
            Self::Hour => "0-23",
            Self::DayOfMonth => "1-31",
            Self::Month => "1-12 or JAN-DEC",
            Self::DayOfWeek => "0-7 (0 and 7 are Sunday) or SUN-SAT",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// What one field allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    field: Field,
    /// A bit for each number that is allowed; Sunday is bit 0.
    bits: u64,
    /// Whether the field begins with `*`: Vixie's rules ask for that, not for the values.
    pub(super) starred: bool,
}

impl Values {
    /// Reads a field: a list of items.
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, ExpressionError> {
        if text.split([',', '-', '/']).any(str::is_empty) {
            return Err(advice::incomplete(field, text));
        }
        let mut bits = 0;
        for item in text.split(',') {
            bits |= parse_item(field, item)?;
        }
        Ok(Self { field, bits: sunday_once(field, bits), starred: text.starts_with('*') })
    }

    /// The field that they are the values of.
    pub(super) fn field(&self) -> Field {
        self.field
    }

    /// Whether the field restricts nothing.
    pub(super) fn is_all(&self) -> bool {
        self.bits.count_ones() == self.field.longest_step()
    }

    /// The allowed numbers, smallest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let bits = self.bits;
        (0..u64::BITS).filter(move |number| bits & (1 << number) != 0)
    }
}

/// Sunday may be written 0 or 7.
fn sunday_once(field: Field, bits: u64) -> u64 {
    match field {
        Field::DayOfWeek if bits & (1 << 7) != 0 => (bits & !(1 << 7)) | 1,
        _ => bits,
    }
}

/// Reads `*`, `5`, `1-5`, `*/15` or `8-18/2`.
fn parse_item(field: Field, item: &str) -> Result<u64, ExpressionError> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (item, None),
    };
    let values = parse_base(field, base)?;
    let step = match step {
        None => 1,
        Some(_) if base != "*" && !base.contains('-') => {
            return Err(advice::step_after_number(field, item));
        }
        Some(step) => parse_step(field, item, step)?,
    };
    Ok(values.step_by(step).fold(0, |bits, number| bits | 1 << number))
}

/// Reads what stands before a step.
fn parse_base(field: Field, base: &str) -> Result<RangeInclusive<u32>, ExpressionError> {
    if base == "*" {
        return Ok(field.range());
    }
    let Some((start, end)) = base.split_once('-') else {
        let number = parse_number(field, base)?;
        return Ok(number..=number);
    };
    let (start, end) = (parse_number(field, start)?, parse_number(field, end)?);
    if start > end {
        return Err(advice::backward_range(field, base, start, end));
    }
    Ok(start..=end)
}

/// Reads a number or a name.
fn parse_number(field: Field, text: &str) -> Result<u32, ExpressionError> {
    let range = field.range();
    if let Some(place) = field.names().iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(*range.start() + place as u32);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(advice::unreadable(field, text));
    }
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(advice::out_of_range(field, text)),
    }
}

fn parse_step(field: Field, item: &str, step: &str) -> Result<usize, ExpressionError> {
    match step.parse::<u32>() {
        Ok(step) if (1..=field.longest_step()).contains(&step) => Ok(step as usize),
        _ => Err(advice::unusable_step(field, item, step)),
    }
}
