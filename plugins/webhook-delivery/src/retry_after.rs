//! The header `Retry-After` in both its forms (RFC 9110, section 10.2.3).

use std::time::{Duration, UNIX_EPOCH};

use crate::exports::zelador::plugin::delivery::Header;

/// How long after `now` (milliseconds) the receiver wants to be left alone, at most `limit`; absent where it does not
/// say, or says nothing that can be understood.
pub fn wanted(headers: &[Header], now: i64, limit: Duration) -> Option<Duration> {
    let value = headers.iter().find(|header| header.name.eq_ignore_ascii_case("retry-after"))?.value.trim();
    let wait = seconds(value).or_else(|| until(value, now))?;
    Some(wait.min(limit)).filter(|wait| !wait.is_zero())
}

/// `120`. More digits than a number holds are a very long time.
fn seconds(value: &str) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

/// `Fri, 31 Dec 1999 23:59:59 GMT`, or one of the two older spellings.
fn until(value: &str, now: i64) -> Option<Duration> {
    let then = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    then.checked_sub(Duration::from_millis(now.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fri, 31 Dec 1999 23:59:59 GMT.
    const NOW: i64 = 946_684_799_000;
    const HOUR: Duration = Duration::from_secs(3600);

    fn wanted_by(value: &str) -> Option<Duration> {
        wanted(&[Header { name: "Retry-After".into(), value: value.into() }], NOW, HOUR)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(wanted_by("120"), Some(Duration::from_secs(120)));
        assert_eq!(wanted_by("Sat, 01 Jan 2000 00:01:59 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(wanted_by("Saturday, 01-Jan-00 00:01:59 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(wanted_by("Sat Jan  1 00:01:59 2000"), Some(Duration::from_secs(120)));
    }

    #[test]
    fn no_receiver_gets_more_than_the_limit() {
        for value in ["3601", "1000000000", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(wanted_by(value), Some(HOUR), "{value}");
        }
    }

    #[test]
    fn what_is_past_or_nonsense_asks_for_nothing() {
        for value in ["0", "", "-1", "1e9", "soon", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT", "Mon, 1 Jan"] {
            assert_eq!(wanted_by(value), None, "{value}");
        }
        assert_eq!(wanted(&[], NOW, HOUR), None);
    }

    proptest! {
        #[test]
        fn any_text_at_any_time_is_bounded(value in ".{0,40}", now in any::<i64>()) {
            let header = Header { name: "retry-after".into(), value };
            prop_assert!(wanted(&[header], now, HOUR).is_none_or(|wait| wait <= HOUR));
        }
    }
}
