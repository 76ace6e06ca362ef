//! Text of a guest, made fit for a log, a terminal and a page.

/// `text` on one line of at most `most` bytes, without characters that could forge a line, speak to a terminal, or
/// hide or reorder what is around them. An ellipsis marks what was cut.
pub(super) fn one_line(text: &str, most: usize) -> String {
    const ELLIPSIS: char = '…';
    let mut line = String::with_capacity(text.len().min(most));
    for c in text.chars().map(harmless) {
        if line.len() + c.len_utf8() > most {
            line.truncate(line.floor_char_boundary(most.saturating_sub(ELLIPSIS.len_utf8())));
            line.push(ELLIPSIS);
            break;
        }
        line.push(c);
    }
    line
}

fn harmless(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_reach_a_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\r\nc\u{202E}d", 100), "a\u{FFFD}[2Jb  c\u{FFFD}d");
        assert_eq!(one_line("São Paulo 🚀", 100), "São Paulo 🚀");
    }

    #[test]
    fn text_is_cut_between_characters_and_keeps_its_limit() {
        assert_eq!(one_line("São Paulo", 7), "São…");
        assert_eq!(one_line("São", 4), "São");
        assert!(one_line(&"\x07".repeat(1000), 100).len() <= 100);
    }
}
