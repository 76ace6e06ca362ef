//! What crontab(5) and cron(8) say, done the slow and obvious way: a second definition to hold the first
//! against. It must share nothing with the code that it judges: it reads the expression itself, and looks at
//! every instant.

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::clock::Timestamp;

/// Longer than any overlap since 1973: Casey in Antarctica had three hours.
const WARM_UP: TimeDelta = TimeDelta::hours(4);

/// A crontab line that is looked up value by value.
pub struct Crontab {
    texts: Vec<String>,
    allowed: Vec<Vec<bool>>,
}

impl Crontab {
    /// Takes five fields, or six with seconds in front.
    pub fn new(expression: &str) -> Self {
        let mut texts: Vec<_> = expression.to_lowercase().split_whitespace().map(str::to_owned).collect();
        if texts.len() == 5 {
            texts.insert(0, "0".to_owned());
        }
        let bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
        let allowed = texts.iter().zip(bounds).enumerate().map(|(place, (text, (low, high)))| {
            (0..=high).map(|value| value >= low && field_allows(place, text, value, low, high)).collect()
        });
        Self { allowed: allowed.collect(), texts }
    }

    /// "Jobs specified with `*` in the hour or minute" follow the clock; the others are moved out of a gap
    /// and not repeated in an overlap.
    fn follows_clock(&self) -> bool {
        self.texts[1].starts_with('*') || self.texts[2].starts_with('*')
    }

    /// "If both fields are restricted (do not start with *), the command will be run when either field
    /// matches."
    pub fn matches_date(&self, date: NaiveDate) -> bool {
        let day = self.allowed[3][date.day() as usize];
        let number = date.weekday().num_days_from_sunday() as usize;
        let weekday = self.allowed[5][number] || (number == 0 && self.allowed[5][7]);
        let either = !self.texts[3].starts_with('*') && !self.texts[5].starts_with('*');
        self.allowed[4][date.month() as usize] && if either { day || weekday } else { day && weekday }
    }

    fn matches(&self, local: NaiveDateTime) -> bool {
        self.allowed[0][local.second() as usize]
            && self.allowed[1][local.minute() as usize]
            && self.allowed[2][local.hour() as usize]
            && self.matches_date(local.date())
    }

    /// The firings after `after` up to `until`, by looking at the wall clock at each `step`.
    pub fn walk(&self, zone: Tz, after: Timestamp, until: Timestamp, step: TimeDelta) -> Vec<Timestamp> {
        let mut firings = Vec::new();
        let mut instant = after - WARM_UP;
        let mut furthest = wall_clock(zone, instant);
        while instant < until {
            instant += step;
            let local = wall_clock(zone, instant);
            let fires = if self.follows_clock() {
                self.matches(local)
            } else {
                self.any_match_in(furthest, local, step)
            };
            if fires && instant > after {
                firings.push(instant);
            }
            furthest = furthest.max(local);
        }
        firings
    }

    fn any_match_in(&self, mut after: NaiveDateTime, until: NaiveDateTime, step: TimeDelta) -> bool {
        let mut any = false;
        while after < until {
            after += step;
            any |= self.matches(after);
        }
        any
    }
}

fn field_allows(place: usize, text: &str, value: u32, low: u32, high: u32) -> bool {
    text.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let (start, end) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((start, end)) => (number(place, start), number(place, end)),
            None => (number(place, range), number(place, range)),
        };
        (start..=end).step_by(step.parse().unwrap()).any(|allowed| allowed == value)
    })
}

fn number(place: usize, text: &str) -> u32 {
    let names = match place {
        4 => "jan feb mar apr may jun jul aug sep oct nov dec",
        _ => "sun mon tue wed thu fri sat",
    };
    text.parse().unwrap_or_else(|_| names.find(text).unwrap() as u32 / 4 + u32::from(place == 4))
}

fn wall_clock(zone: Tz, instant: Timestamp) -> NaiveDateTime {
    zone.from_utc_datetime(&instant.naive_utc()).naive_local()
}

/// The start of the first hour from `start` on, within five years, at whose end the zone's clocks have been
/// changed; without one, `start`.
pub fn hour_of_change(zone: Tz, start: Timestamp) -> Timestamp {
    let changes =
        |from: Timestamp, length: TimeDelta| ahead_of_utc(zone, from) != ahead_of_utc(zone, from + length);
    let (day, hour) = (TimeDelta::days(1), TimeDelta::hours(1));
    let Some(day) = (0..5 * 365).map(|days| start + day * days).find(|from| changes(*from, day)) else {
        return start;
    };
    (0..24).map(|hours| day + hour * hours).find(|from| changes(*from, hour)).unwrap_or(day)
}

fn ahead_of_utc(zone: Tz, instant: Timestamp) -> TimeDelta {
    wall_clock(zone, instant) - instant.naive_utc()
}
