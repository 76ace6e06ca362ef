//! Where a webhook goes: a URL that has been checked once and is not checked again.
//!
//! What the URL parser would silently repair (control characters dropped, `\` read as `/`) is refused: two readers of such
//! a URL may see two hosts. The parser writes the decimal, octal, hexadecimal and full-width spellings of an address as an
//! address, so that the guard sees them.

use std::fmt;

use url::{Host, Url};

/// Longer than any receiver's URL; most servers refuse beyond 8 KiB.
const LONGEST_URL_BYTES: usize = 2048;

/// The URL of a receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

/// Why a text is not the URL of a receiver. Holds no part of the URL: it may carry a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Over the limit.
    #[error("the URL has {0} bytes; at most {LONGEST_URL_BYTES} are taken")]
    TooLong(usize),
    /// A character that readers of URLs disagree about.
    #[error("the URL holds {0:?}; percent-encode it")]
    Character(char),
    /// Not a URL.
    #[error("the URL cannot be read: {0}")]
    Malformed(#[from] url::ParseError),
    /// Neither http nor https.
    #[error("the URL begins with `{0}:`; webhooks go to http:// and https:// only")]
    Scheme(String),
    /// Name or password before the host.
    #[error("the URL holds a user name or a password; send them in a header instead")]
    UserInfo,
    /// `#...`
    #[error("the URL ends in a fragment (`#...`), which is never sent; remove it")]
    Fragment,
    /// Port 0.
    #[error("the URL names port 0, which nothing can listen on")]
    Port,
}

impl Target {
    /// Reads the URL of a receiver.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.len() > LONGEST_URL_BYTES {
            return Err(TargetError::TooLong(text.len()));
        }
        if let Some(character) = text.chars().find(|&c| c == '\\' || c.is_control() || c.is_whitespace()) {
            return Err(TargetError::Character(character));
        }
        let url = Url::parse(text)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme(url.scheme().to_owned()));
        }
        if has_user_info(&url, text) {
            return Err(TargetError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        if url.port() == Some(0) {
            return Err(TargetError::Port);
        }
        Ok(Self { url })
    }

    /// The host: a name, or an address whatever its spelling was.
    pub fn host(&self) -> Host<&str> {
        self.url.host().expect("http and https URLs have a host")
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// An empty user name (`http://@host`) leaves no trace in the parsed URL.
fn has_user_info(url: &Url, text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    !url.username().is_empty() || url.password().is_some() || authority.contains('@')
}

impl fmt::Debug for Target {
    /// Path and query may carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}://{}/...)", self.url.scheme(), self.host())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_url_is_taken_as_it_is() {
        let target = Target::parse("https://hooks.example.com:8443/in?token=x").unwrap();
        assert_eq!(target.url().as_str(), "https://hooks.example.com:8443/in?token=x");
        assert_eq!(format!("{target:?}"), "Target(https://hooks.example.com/...)");
    }

    #[test]
    fn what_is_not_a_receiver_is_refused_with_its_reason() {
        let long = format!("https://example.com/{}", "a".repeat(LONGEST_URL_BYTES));
        let refusals = [
            ("ftp://example.com/", TargetError::Scheme("ftp".into())),
            ("file:///etc/passwd", TargetError::Scheme("file".into())),
            ("gopher://127.0.0.1:11211/_stats", TargetError::Scheme("gopher".into())),
            ("javascript:alert(1)", TargetError::Scheme("javascript".into())),
            ("https://user@example.com/", TargetError::UserInfo),
            ("https://user:word@example.com/", TargetError::UserInfo),
            ("https://example.com@10.0.0.1/", TargetError::UserInfo),
            ("https://@example.com/", TargetError::UserInfo),
            ("https://:@example.com/", TargetError::UserInfo),
            ("https:example.com@10.0.0.1/", TargetError::UserInfo),
            ("https://example.com/#here", TargetError::Fragment),
            ("https://example.com:0/", TargetError::Port),
            ("https://example.com\\@10.0.0.1/", TargetError::Character('\\')),
            ("https://exa\tmple.com/", TargetError::Character('\t')),
            ("https://example.com/\r\nHost: other", TargetError::Character('\r')),
            (" https://example.com/", TargetError::Character(' ')),
            ("https://example.com/a\u{a0}b", TargetError::Character('\u{a0}')),
            ("example.com/in", TargetError::Malformed(url::ParseError::RelativeUrlWithoutBase)),
            ("", TargetError::Malformed(url::ParseError::RelativeUrlWithoutBase)),
            ("https://", TargetError::Malformed(url::ParseError::EmptyHost)),
            ("https://[fe80::1%25eth0]/", TargetError::Malformed(url::ParseError::InvalidIpv6Address)),
            ("https://[fe80::1%eth0]/", TargetError::Malformed(url::ParseError::InvalidIpv6Address)),
            ("https://256.256.256.256/", TargetError::Malformed(url::ParseError::InvalidIpv4Address)),
            ("https://example.com:99999/", TargetError::Malformed(url::ParseError::InvalidPort)),
            (&long, TargetError::TooLong(long.len())),
        ];
        for (text, expected) in refusals {
            assert_eq!(Target::parse(text), Err(expected), "{text:?}");
        }
    }

    proptest! {
        /// The HTTP client asks no resolver, and so no guard, for a host that reads as an address.
        #[test]
        fn a_host_that_the_client_reads_as_an_address_is_one_here(
            host in r"[0-9a-fxX.:\[\]%]{1,20}|(0x)?[0-9a-f]{1,9}(\.(0[x0]?)?[0-9a-f]{1,3}){0,3}\.?|[０-９。．.]{1,12}|\PC{1,12}",
        ) {
            if let Ok(target) = Target::parse(&format!("http://{host}/"))
                && let Host::Domain(name) = target.host()
            {
                prop_assert!(name.parse::<IpAddr>().is_err(), "{name}");
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in r"(https?:/?/?)?\PC{0,40}") {
            if let Ok(target) = Target::parse(&text) {
                let _shown = format!("{target:?}");
            }
        }
    }
}
