//! The header `Retry-After` (RFC 9110, 10.2.3), as a span of time.

use std::time::Duration;

use crate::clock::Timestamp;

/// How long a receiver asks to be left alone, at most `most`. Both forms are read: seconds, and a date in any of HTTP's three
/// formats, which is taken against `now`; one that has passed is no wait at all. Nothing for what is neither.
pub fn retry_after(value: &str, now: Timestamp, most: Duration) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(value.parse().map_or(most, Duration::from_secs).min(most));
    }
    let date = Timestamp::from(httpdate::parse_http_date(value).ok()?);
    Some((date - now).to_std().unwrap_or(Duration::ZERO).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn read(value: &str) -> Option<Duration> {
        retry_after(value, "1994-11-06T08:49:37Z".parse().unwrap(), HOUR)
    }

    #[test]
    fn seconds_are_bounded() {
        let cases = [("0", 0), ("120", 120), (" 7 ", 7), ("3601", 3600), ("1000000000", 3600)];
        for (value, seconds) in cases {
            assert_eq!(read(value), Some(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(read(&"9".repeat(400)), Some(HOUR));
    }

    #[test]
    fn dates_count_from_now() {
        let cases = [
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
            ("Sun Nov  6 08:50:37 1994", 60),
            ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ];
        for (value, seconds) in cases {
            assert_eq!(read(value), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn nonsense_is_no_wish() {
        for value in ["", " ", "-1", "+5", "1.5", "1e9", "soon", "12 s", "٣", "Sun, 99 Nov 1994 08:50:37 GMT"]
        {
            assert_eq!(read(value), None, "{value:?}");
        }
    }
}
