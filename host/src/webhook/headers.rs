//! The headers that a sender or a plugin may set on a webhook.
//!
//! Framing and the connection belong to the HTTP client: a header that could change where a request ends is not taken.

use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Receivers accept about 100; some of those are the client's own.
const MOST_HEADERS: usize = 64;
/// Common servers give up at 8 KiB for all headers together.
const LARGEST_HEADERS_BYTES: usize = 8 * 1024;

/// Names that the HTTP client sets, or that speak about one connection (RFC 9110, 7.6.1).
const RESERVED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checked headers, in the order given.
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

/// Why a header is not sent. Never holds a value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not a token of HTTP.
    #[error("{0:?} is not a header's name; use letters, digits and dashes")]
    Name(String),
    /// A line break, a control character, or something outside ASCII.
    #[error(
        "the value of header {0} holds a character that HTTP does not carry; use visible ASCII and spaces"
    )]
    Value(HeaderName),
    /// Belongs to the HTTP client.
    #[error("header {0} is set by zelador itself; remove it")]
    Reserved(HeaderName),
    /// Over the limit.
    #[error("there are {0} headers; at most {MOST_HEADERS} are sent")]
    TooMany(usize),
    /// Over the limit.
    #[error("the headers have {0} bytes together; at most {LARGEST_HEADERS_BYTES} are sent")]
    TooLarge(usize),
}

impl Headers {
    /// Checks pairs of names and values. A name may come twice: both are sent.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, HeaderError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut map = HeaderMap::new();
        let mut bytes = 0;
        for (name, value) in pairs {
            let (name, value) = checked(name.as_ref(), value.as_ref())?;
            bytes += name.as_str().len() + value.len();
            map.append(name, value);
        }
        match (map.len(), bytes) {
            (count, _) if count > MOST_HEADERS => Err(HeaderError::TooMany(count)),
            (_, bytes) if bytes > LARGEST_HEADERS_BYTES => Err(HeaderError::TooLarge(bytes)),
            _ => Ok(Self(map)),
        }
    }

    pub(super) fn into_map(self) -> HeaderMap {
        self.0
    }
}

fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let name: HeaderName = name.parse().map_err(|_| HeaderError::Name(name.chars().take(80).collect()))?;
    if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
        return Err(HeaderError::Reserved(name));
    }
    // What is outside ASCII would pass, and each receiver would read it in an encoding of its own.
    let ascii = Some(value).filter(|value| value.is_ascii());
    let value = ascii.and_then(|value| HeaderValue::from_str(value).ok());
    let mut value = value.ok_or_else(|| HeaderError::Value(name.clone()))?;
    // Keeps it out of Debug output, and out of the compression tables of HTTP/2.
    value.set_sensitive(true);
    Ok((name, value))
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, value: &str) -> HeaderError {
        Headers::new([(name, value)]).unwrap_err()
    }

    #[test]
    fn a_header_cannot_smuggle_a_second_one() {
        for value in ["a\r\nHost: other", "a\nb", "a\rb", "a\0b", "\u{7f}", "é"] {
            assert!(matches!(refusal("x-note", value), HeaderError::Value(_)), "{value:?}");
        }
        for name in ["", "x note", "x:y", "x\r\ny", "é"] {
            assert!(matches!(refusal(name, "v"), HeaderError::Name(_)), "{name:?}");
        }
    }

    #[test]
    fn headers_of_the_connection_are_not_settable() {
        for name in ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Proxy-Authorization", "te"]
        {
            assert!(matches!(refusal(name, "v"), HeaderError::Reserved(_)), "{name}");
        }
    }

    #[test]
    fn number_and_size_are_bounded() {
        let many = (0..=MOST_HEADERS).map(|i| (format!("x-{i}"), "v"));
        assert_eq!(Headers::new(many).unwrap_err(), HeaderError::TooMany(MOST_HEADERS + 1));
        let large = "v".repeat(LARGEST_HEADERS_BYTES);
        assert_eq!(refusal("x", &large), HeaderError::TooLarge(LARGEST_HEADERS_BYTES + 1));
    }

    #[test]
    fn a_value_is_never_shown() {
        let headers = Headers::new([("x-webhook-secret", "hunter2")]).unwrap();
        assert_eq!(format!("{headers:?}"), r#"{"x-webhook-secret"}"#);
        assert!(!format!("{:?}", headers.into_map()).contains("hunter2"));
        assert!(!refusal("x-secret", "hunter2\n").to_string().contains("hunter2"));
    }
}
