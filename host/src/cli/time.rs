//! How people write times on the command line.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};

use crate::clock::Timestamp;

/// A span such as `30s`, `24h`, `30d`; for clap.
pub fn span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|reason| format!("write `30s`, `15m` or `7d`: {reason}"))
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

/// An instant (RFC 3339), a day (its beginning in UTC), or how long ago; for clap.
pub fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(instant) = text.parse() {
        return Ok(Moment::At(instant));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Moment::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    let ago = humantime::parse_duration(text);
    ago.map(Moment::Ago)
        .map_err(|_| "write `2026-03-01T02:00:00Z`, `2026-03-01`, or how long ago: `24h`".into())
}

impl Moment {
    /// The instant that is meant at `now`.
    pub fn instant(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(instant),
            Self::Ago(span) => now.checked_sub_signed(chrono::Duration::from_std(span).ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_a_day_or_a_span_before_now() {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let at = |text| moment(text).unwrap().instant(now).unwrap().to_rfc3339();
        assert_eq!(at("2026-03-01T02:00:00-03:00"), "2026-03-01T05:00:00+00:00");
        assert_eq!(at("2026-03-01"), "2026-03-01T00:00:00+00:00");
        assert_eq!(at("36h"), "2026-03-01T00:00:00+00:00");
        assert!(moment("yesterday").is_err());
        assert_eq!(moment("1000000years").unwrap().instant(now), None);
    }
}
