//! What the commands print: data to standard output, talk to standard error, nothing else anywhere.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// Where and how one command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// `json`: data is printed as JSON.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether data is printed as JSON.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or what `human` makes of it.
    pub fn data<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? } else { human(value) };
        line_to(&mut anstream::stdout().lock(), &text)
    }

    /// Prints plain text that is data.
    pub fn text(self, text: &str) -> anyhow::Result<()> {
        line_to(&mut anstream::stdout().lock(), text)
    }

    /// Says something to the person; a program that reads our data never sees it.
    pub fn say(self, text: &str) {
        // Nothing sensible can be done when standard error is gone.
        let _ = line_to(&mut anstream::stderr().lock(), text);
    }

    /// Whether a person watches: progress is drawn only then.
    pub fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }
}

/// A reader that has seen enough (`zelador job history | head`) is no error.
fn line_to(stream: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match writeln!(stream, "{}", text.trim_end_matches('\n')).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Rows in columns as wide as their widest cell, two blanks apart; the last column is as long as it likes.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded =
            cells.zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_a_terminal_shows() {
        let rows = [vec!["São Paulo".to_owned(), "1".to_owned()], vec!["x".to_owned(), "22".to_owned()]];
        assert_eq!(table(&["CITY", "N"], &rows), "CITY       N\nSão Paulo  1\nx          22");
    }
}
