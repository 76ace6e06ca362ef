//! A place in a long listing. It must not know what is listed.

use std::fmt;
use std::str::FromStr;

use super::statement::from_millis;
use crate::clock::Timestamp;

/// Where a page ended: the instant and the identifier of its last row. It stays valid when that row is deleted.
/// Its text is for handing it out and taking it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) instant: Timestamp,
    pub(super) id: String,
}

impl Cursor {
    /// The place before everything of an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self { instant, id: String::new() }
    }

    /// Whether this place comes first.
    pub fn is_before(&self, other: &Self) -> bool {
        (self.instant, &self.id) < (other.instant, &other.id)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.instant.timestamp_millis(), self.id)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the `next` of a page")]
pub struct InvalidCursor(pub String);

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidCursor(text.to_owned());
        let (millis, id) = text.split_once('.').ok_or_else(invalid)?;
        let instant = millis.parse().ok().and_then(from_millis).ok_or_else(invalid)?;
        Ok(Self { instant, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { instant: from_millis(-1_234).unwrap(), id: "a.b".to_owned() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "12", "x.1", "9223372036854775807.1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
