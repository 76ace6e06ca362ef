//! What people probably meant by what crontab does not understand: habits of Quartz, Jenkins and of other
//! fields.

use super::error::ExpressionError;
use super::field::Field;

/// Text that is neither a number nor a name of the field.
pub(super) fn unreadable(field: Field, text: &str) -> ExpressionError {
    ExpressionError::Unreadable { field, text: text.to_owned(), advice: sentence(meaning(field, text)) }
}

/// A field with nothing between, before or after its separators.
pub(super) fn incomplete(field: Field, text: &str) -> ExpressionError {
    let advice = "Something is missing beside `,`, `-` or `/`, or there is one of them too many.".to_owned();
    ExpressionError::Unreadable { field, text: text.to_owned(), advice: sentence(advice) }
}

/// A number that the field does not have.
pub(super) fn out_of_range(field: Field, text: &str) -> ExpressionError {
    let advice = match (field, text.trim_start_matches('0')) {
        (Field::Second | Field::Minute, "60") => "The minute after 59 is 0.".replace("minute", unit(field)),
        (Field::Hour, "24") => "Midnight is hour 0.".to_owned(),
        (Field::DayOfMonth | Field::Month, "") => format!("A {field} is counted from 1."),
        (Field::Minute, _) => "The first field is the minute, the second the hour.".to_owned(),
        _ => String::new(),
    };
    ExpressionError::OutOfRange { field, text: text.to_owned(), advice: sentence(advice) }
}

/// `22-2`: crontab ranges do not wrap around.
pub(super) fn backward_range(field: Field, text: &str, start: u32, end: u32) -> ExpressionError {
    let (first, last) = (*field.range().start(), *field.range().end());
    let instead = match field {
        // 7 is Sunday too, so a week may end with it.
        Field::DayOfWeek if end == 0 => span(start, 7),
        Field::DayOfWeek => format!("{},{}", span(start, 6), span(0, end)),
        _ => format!("{},{}", span(start, last), span(first, end)),
    };
    ExpressionError::BackwardRange { field, text: text.to_owned(), instead }
}

/// `5/15`: read differently by every cron there is.
pub(super) fn step_after_number(field: Field, item: &str) -> ExpressionError {
    let (number, step) = item.split_once('/').unwrap_or((item, ""));
    let advice = format!("To start from {number}, write `{number}-{}/{step}`.", field.range().end());
    ExpressionError::Step { field, text: item.to_owned(), advice: sentence(advice) }
}

/// A step that is no number, zero, or longer than the field.
pub(super) fn unusable_step(field: Field, item: &str, step: &str) -> ExpressionError {
    let advice = match (field, step.parse::<u32>()) {
        (_, Ok(0)) => "For every value, write `*`.".to_owned(),
        (Field::Minute, Ok(minutes)) if minutes % 60 == 0 && minutes / 60 <= 12 => {
            format!("Every {} hours is `0 */{} * * *`.", minutes / 60, minutes / 60)
        }
        (Field::Minute, Ok(_)) => {
            "Steps start again each hour: write hours for a longer time, such as `0 */2 * * *`.".to_owned()
        }
        (Field::Hour, Ok(_)) => {
            "Steps start again each day: write days for a longer time, such as `0 0 */2 * *`.".to_owned()
        }
        _ => String::new(),
    };
    ExpressionError::Step { field, text: item.to_owned(), advice: sentence(advice) }
}

/// Not five or six fields.
pub(super) fn field_count(expression: &str, fields: &[&str]) -> ExpressionError {
    let found = match fields.len() {
        1 => "1 field".to_owned(),
        number => format!("{number} fields"),
    };
    let advice = match fields {
        [first, ..] if first.contains('=') => {
            "Name the zone in the key `timezone`, not in the schedule.".to_owned()
        }
        [_, _, _, _] => format!("If the last field is missing, write `{} *`.", fields.join(" ")),
        [_, _, _, _, _, _, year] if is_year(year) => {
            "Crontab has no field for the year: leave the last one out.".to_owned()
        }
        [_, _, _, _, _, _, _, ..] => "The command of a crontab line does not belong here.".to_owned(),
        _ => String::new(),
    };
    ExpressionError::FieldCount { expression: expression.to_owned(), found, advice: sentence(advice) }
}

/// A word with `@` that is unknown, or that cannot be followed.
pub(super) fn nickname(expression: &str, known: &[(&str, &str)]) -> ExpressionError {
    let name = expression.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let advice = match name.as_str() {
        "@reboot" => {
            "A schedule tells times, not events: leave it out and call `zelador job run NAME` when the \
             machine has started. For firings missed while the machine was down, set `missed`."
                .to_owned()
        }
        "@every" => {
            "Write steps: `*/15 * * * *` is every 15 minutes, `0 */2 * * *` every 2 hours.".to_owned()
        }
        _ => format!("Known are {}.", known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
    };
    ExpressionError::Nickname { nickname: expression.to_owned(), advice: sentence(advice) }
}

/// What `text` means elsewhere.
fn meaning(field: Field, text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    if text.starts_with('*') {
        return "After `*` only a step may follow, such as `*/2`.".to_owned();
    }
    if let Some(name) = long_name(field, &upper) {
        return format!("Write `{name}`.");
    }
    if let Some(owner) = owner_of(&upper).filter(|owner| *owner != field) {
        return format!("`{text}` is a {owner}: {ORDER}.");
    }
    other_dialect(field, &upper).unwrap_or_default().to_owned()
}

const ORDER: &str = "the order is minute, hour, day of month, month, day of week";

/// The notations of Quartz and Jenkins.
fn other_dialect(field: Field, upper: &str) -> Option<&'static str> {
    let last_or_nearest =
        upper.ends_with(['L', 'W']) && upper.trim_end_matches(['L', 'W']).parse::<u32>().is_ok();
    if upper == "?" {
        Some("The `?` of Quartz is written `*` in crontab.")
    } else if upper.contains('#') {
        Some("Crontab has no `#` (the nth weekday of a month).")
    } else if upper == "L" && field == Field::DayOfMonth {
        Some("Crontab has no `L` (the last day): `1`, the first of the next month, comes nearest.")
    } else if matches!(upper, "L" | "W" | "LW") || last_or_nearest {
        Some("Crontab has no `L` (the last) and no `W` (the nearest working day).")
    } else if upper.starts_with('H') || upper.contains('~') {
        Some("To spread load, set `jitter` beside the schedule.")
    } else if upper.contains(['/', '.', '\\']) || upper.starts_with(|first: char| first.is_ascii_alphabetic())
    {
        Some("The user and the command of a crontab line do not belong here.")
    } else {
        None
    }
}

/// The three letters for a name written out.
fn long_name(field: Field, upper: &str) -> Option<String> {
    let short = upper.get(..3).filter(|_| upper.len() > 3)?;
    let known = field.names().iter().any(|name| name.eq_ignore_ascii_case(short));
    (known && upper.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| short.to_owned())
}

/// The field that a name belongs to.
fn owner_of(upper: &str) -> Option<Field> {
    [Field::Month, Field::DayOfWeek]
        .into_iter()
        .find(|field| field.names().iter().any(|name| name.eq_ignore_ascii_case(upper)))
}

fn is_year(text: &str) -> bool {
    text == "*" || text.get(..4).is_some_and(|year| year.parse::<u32>().is_ok())
}

fn unit(field: Field) -> &'static str {
    if field == Field::Second { "second" } else { "minute" }
}

fn span(start: u32, end: u32) -> String {
    if start == end { start.to_string() } else { format!("{start}-{end}") }
}

/// Set off from the sentence before it.
fn sentence(advice: String) -> String {
    if advice.is_empty() { advice } else { format!(" {advice}") }
}
