//! Why an expression is refused. Each sentence names the field, what stands there, what may stand there, and
//! what was probably meant.

use thiserror::Error;

use super::expression::LONGEST_EXPRESSION;
use super::field::Field;

/// A crontab expression that cannot be followed. `advice` is empty, or a sentence that starts with a space.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// Nothing but blanks.
    #[error(
        "the schedule is empty: write five fields (minute, hour, day of month, month, day of week) such as \
         `0 2 * * *`, or a word such as `@daily`"
    )]
    Empty,

    /// Longer than anything that a person means.
    #[error(
        "the schedule is {length} bytes long (at most {LONGEST_EXPRESSION}): use ranges and steps, not lists"
    )]
    TooLong {
        /// The length of what was given, in bytes.
        length: usize,
    },

    /// Not five or six fields.
    #[error(
        "`{expression}` has {found}: a schedule has five (minute, hour, day of month, month, day of week), \
         or six with seconds in front.{advice}"
    )]
    FieldCount {
        /// What was given.
        expression: String,
        /// How many fields it has, as words: `4 fields`.
        found: String,
        /// What was probably meant.
        advice: String,
    },

    /// A word with `@` that is not followed here.
    #[error("`{nickname}` cannot be used as a schedule.{advice}")]
    Nickname {
        /// The word.
        nickname: String,
        /// What to write instead.
        advice: String,
    },

    /// Something that is no value of this field.
    #[error("{field}: `{text}` is not understood; allowed is {allowed}.{advice}", allowed = field.allowed())]
    Unreadable {
        /// The field that it stands in.
        field: Field,
        /// The value, or the whole item when that is what is wrong.
        text: String,
        /// What was probably meant.
        advice: String,
    },

    /// A number beyond the field's limits.
    #[error("{field}: `{text}` is out of range; allowed is {allowed}.{advice}", allowed = field.allowed())]
    OutOfRange {
        /// The field that it stands in.
        field: Field,
        /// The number as written.
        text: String,
        /// What was probably meant.
        advice: String,
    },

    /// A range whose end is before its start.
    #[error(
        "{field}: the range `{text}` runs backwards; allowed is {allowed}. Write `{instead}`.",
        allowed = field.allowed()
    )]
    BackwardRange {
        /// The field that it stands in.
        field: Field,
        /// The range as written.
        text: String,
        /// The same values as crontab writes them.
        instead: String,
    },

    /// A step of zero, longer than the field, or after a single number.
    #[error(
        "{field}: the step in `{text}` is not usable; allowed is 1-{longest} after `*` or a range.{advice}",
        longest = field.longest_step()
    )]
    Step {
        /// The field that it stands in.
        field: Field,
        /// The item as written.
        text: String,
        /// What was probably meant.
        advice: String,
    },

    /// Well formed, but no date fits it.
    #[error(
        "`{expression}` never fires: day of month, month and day of week together fit no date (is it a day \
         that the month does not have, such as 31 February?)"
    )]
    NeverFires {
        /// What was given.
        expression: String,
    },
}
