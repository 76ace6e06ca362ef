//! An expression in words, for lists and pages.

use super::expression::Fields;
use super::field::Values;

/// More times of day than this are told as minutes and hours.
const TIMES_LISTED_AT_MOST: usize = 4;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `at 02:00 every day`.
pub(super) fn describe(fields: &Fields) -> String {
    let times = times_of_day(fields).map_or_else(|| steps(fields), |times| format!("at {times}"));
    format!("{times} {}{}", days(fields), months(fields))
}

/// `02:00, 14:00`, if they are few.
fn times_of_day(fields: &Fields) -> Option<String> {
    let mut times = Vec::new();
    for hour in fields.hour.iter() {
        for minute in fields.minute.iter() {
            for second in fields.second.iter() {
                if times.len() == TIMES_LISTED_AT_MOST {
                    return None;
                }
                times.push(time_of_day(hour, minute, second));
            }
        }
    }
    Some(times.join(", "))
}

fn time_of_day(hour: u32, minute: u32, second: u32) -> String {
    match second {
        0 => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

/// `every 15 minutes of hour 8-18`.
fn steps(fields: &Fields) -> String {
    let on_the_minute = fields.second.iter().eq([0]);
    let mut parts = Vec::new();
    if !on_the_minute {
        parts.push(every(&fields.second));
    }
    if on_the_minute || !(fields.second.is_all() && fields.minute.is_all()) {
        parts.push(every(&fields.minute));
    }
    if !(fields.hour.is_all() && fields.minute.starred) {
        parts.push(every(&fields.hour));
    }
    parts.join(" of ")
}

/// `every minute`, `every 15 minutes`, `minute 0-10, 30`.
fn every(values: &Values) -> String {
    let field = values.field();
    if values.is_all() {
        return format!("every {field}");
    }
    match even_step(values) {
        Some(step) => format!("every {step} {field}s"),
        None => format!("{field} {}", spans(values, |number| number.to_string())),
    }
}

/// The step, if it goes evenly into the field: `*/45` is not every 45 minutes.
fn even_step(values: &Values) -> Option<u32> {
    let field = values.field();
    let step = values.iter().nth(1)?;
    let steps_only = values.iter().eq(field.range().step_by(step as usize));
    (values.starred && steps_only && field.longest_step().is_multiple_of(step)).then_some(step)
}

/// `every day`, `on Monday-Friday`, `on day 13 or on Friday`.
fn days(fields: &Fields) -> String {
    let of_month = || format!("on day {}", spans(&fields.day_of_month, |day| day.to_string()));
    let of_week = || format!("on {}", spans(&fields.day_of_week, |day| DAYS[day as usize].to_owned()));
    match (fields.day_of_month.is_all(), fields.day_of_week.is_all(), fields.both_days_must_fit()) {
        (true, true, _) | (true, _, false) | (_, true, false) => "every day".to_owned(),
        (true, false, true) => of_week(),
        (false, true, true) => of_month(),
        (false, false, true) => format!("{} that falls {}", of_month(), of_week()),
        (false, false, false) => format!("{} or {}", of_month(), of_week()),
    }
}

/// ` in January, March-May`, or nothing for all.
fn months(fields: &Fields) -> String {
    if fields.month.is_all() {
        return String::new();
    }
    format!(" in {}", spans(&fields.month, |month| MONTHS[month as usize - 1].to_owned()))
}

/// Numbers in a row as `first-last`.
fn spans(values: &Values, name: impl Fn(u32) -> String) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for number in values.iter() {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => spans.push((number, number)),
        }
    }
    let words = spans.iter().map(|(first, last)| match last - first {
        0 => name(*first),
        1 => format!("{}, {}", name(*first), name(*last)),
        _ => format!("{}-{}", name(*first), name(*last)),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::schedule::Expression;

    #[test]
    fn says_in_words_what_the_fields_say() {
        let described = [
            ("0 2 * * *", "at 02:00 every day"),
            ("@yearly", "at 00:00 on day 1 in January"),
            ("30 8,18 * * MON-FRI", "at 08:30, 18:30 on Monday-Friday"),
            ("5 0 2 * * 7", "at 02:00:05 on Sunday"),
            ("* * * * *", "every minute every day"),
            ("* * * * * *", "every second every day"),
            ("*/15 8-18 * * *", "every 15 minutes of hour 8-18 every day"),
            ("30 */2 * * *", "minute 30 of every 2 hours every day"),
            ("@hourly", "minute 0 of every hour every day"),
            ("*/45 * * * *", "minute 0, 45 every day"),
            ("10,40 * * * * *", "second 10, 40 of every minute every day"),
            ("0 0 13 * 5", "at 00:00 on day 13 or on Friday"),
            ("0 0 1-7 * */6", "at 00:00 on day 1-7 that falls on Sunday, Saturday"),
            ("0 0 1-31 * 1", "at 00:00 every day"),
            ("0 0 1 1,6-8,12 *", "at 00:00 on day 1 in January, June-August, December"),
        ];
        for (expression, words) in described {
            assert_eq!(Expression::parse(expression).unwrap().describe(), words, "{expression}");
        }
    }
}
