//! Names of events, and the patterns by which endpoints choose among them.

/// Longer names are sentences.
const LONGEST_EVENT: usize = 200;

/// Why a text is not an event's name or a pattern of such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no {what}: it is 1 to {LONGEST_EVENT} letters, digits and any of . _ - : /{stars}", text.escape_debug())]
pub struct BadEvent {
    text: String,
    what: &'static str,
    stars: &'static str,
}

/// Checks the name of an event: `payment.received`.
pub(super) fn check_name(text: &str) -> Result<(), BadEvent> {
    check(text, "event's name", "", is_plain)
}

/// Checks a pattern: `payment.*`.
pub(super) fn check_pattern(text: &str) -> Result<(), BadEvent> {
    check(text, "pattern of events", ", where * stands for any text", |byte| is_plain(byte) || byte == b'*')
}

fn check(
    text: &str,
    what: &'static str,
    stars: &'static str,
    allowed: impl Fn(u8) -> bool,
) -> Result<(), BadEvent> {
    if (1..=LONGEST_EVENT).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(BadEvent { text: text.chars().take(LONGEST_EVENT).collect(), what, stars })
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte)
}

/// Whether an event fits a pattern. A star stands for any text, full stops included.
pub(super) fn matches(pattern: &str, event: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == event };
    let Some(mut left) = event.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        // The earliest place leaves the most for the pieces behind it.
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let cases = [
            ("payment.received", "payment.received", true),
            ("payment.received", "payment.receive", false),
            ("*", "anything.at.all", true),
            ("payment.*", "payment.received", true),
            ("payment.*", "payment.card.refunded", true),
            ("payment.*", "payment", false),
            ("*.failed", "backup.failed", true),
            ("*.failed", "failed", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("aa*aa", "aaa", false),
        ];
        for (pattern, event, expected) in cases {
            assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
        }
    }

    #[test]
    fn names_and_patterns_are_plain() {
        assert!(check_name("payment.received").is_ok());
        for bad in ["", "a b", "a\n", "é", "payment.*", &"a".repeat(LONGEST_EVENT + 1)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_pattern("payment.*").is_ok());
    }
}
