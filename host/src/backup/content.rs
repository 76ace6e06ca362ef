//! Whether the content of an artifact is complete by its own signs, seen block by block as it streams past.
//!
//! A script of `pg_dumpall` ends with a line of its own; a client that knows `--restrict-key` also seals each section
//! with a random key that no text inside can hold. A SQLite file says in its header how long it is.

use memchr::memchr;
use sha2::{Digest, Sha256};

use super::manifest::Content;

const TITLE: &[u8] = b"-- PostgreSQL database cluster dump";
const END: &[u8] = b"-- PostgreSQL database cluster dump complete";
const SEAL: &[u8] = b"\\restrict ";
const UNSEAL: &[u8] = b"\\unrestrict ";

/// The first seal comes within the first lines, before anything that a user wrote.
const SEAL_LINE_MAX: u64 = 8;

/// Of a longer line only this much is kept where it crosses blocks: no line that matters is longer.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Looks at content as it streams past.
#[derive(Debug)]
pub(super) enum Inspector {
    Script(ClusterScript),
    Image(SqliteImage),
}

impl Inspector {
    pub(super) fn new(content: Content) -> Self {
        match content {
            Content::PostgresCluster => Self::Script(ClusterScript::default()),
            Content::SqliteDatabase => Self::Image(SqliteImage::default()),
        }
    }

    /// Looks at the next block.
    pub(super) fn see(&mut self, block: &[u8]) {
        match self {
            Self::Script(script) => script.see(block),
            Self::Image(image) => image.see(block),
        }
    }

    /// What is missing, now that the content has ended. `seal_sha256` is that of the key that must seal it.
    pub(super) fn findings(&self, seal_sha256: Option<&str>) -> Vec<String> {
        match self {
            Self::Script(script) => script.findings(seal_sha256),
            Self::Image(image) => image.findings(),
        }
    }
}

/// The SHA-256 of a seal's key, as manifests hold it.
pub(super) fn seal_sha256(key: &[u8]) -> String {
    hex::encode(Sha256::digest(key))
}

/// The script of `pg_dumpall`.
#[derive(Debug, Default)]
pub(super) struct ClusterScript {
    lines: u64,
    /// The beginning of a line that the next block goes on with.
    carried: Vec<u8>,
    titled: bool,
    key: Option<Vec<u8>>,
    sealed: bool,
    copy: Copy,
    end: End,
}

/// Where in the data of a table we are. `pg_dump` writes `COPY` after a comment and an empty line, which tells it from
/// such a line in the text of a function.
#[derive(Debug, Default, PartialEq)]
enum Copy {
    #[default]
    Outside,
    AfterComment,
    AfterEmptyLine,
    Inside,
}

/// How much of the closing lines was seen.
#[derive(Debug, Default, PartialEq)]
enum End {
    #[default]
    Unseen,
    Marked,
    Closed,
}

impl ClusterScript {
    fn see(&mut self, mut block: &[u8]) {
        while let Some(length) = memchr(b'\n', block) {
            let (rest_of_line, rest) = (&block[..length], &block[length + 1..]);
            if self.carried.is_empty() {
                self.line(rest_of_line);
            } else {
                self.carry(rest_of_line);
                let line = std::mem::take(&mut self.carried);
                self.line(&line);
            }
            block = rest;
        }
        self.carry(block);
    }

    fn carry(&mut self, piece: &[u8]) {
        let room = LINE_BYTES_MAX - self.carried.len();
        self.carried.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        if self.sealed {
            return self.sealed_line(line);
        }
        match line {
            TITLE => self.titled |= self.lines == 2,
            END if self.copy != Copy::Inside => self.end = End::Marked,
            b"--" if self.end == End::Marked => self.end = End::Closed,
            b"" => {}
            _ => self.end = End::Unseen,
        }
        match line.strip_prefix(SEAL) {
            Some(key) => self.seal(key),
            None => self.follow_copy(line),
        }
    }

    /// Inside a seal only its end counts: whatever else is there may have been written by anybody.
    fn sealed_line(&mut self, line: &[u8]) {
        if line.first() == Some(&b'\\') && line.strip_prefix(UNSEAL) == self.key.as_deref() {
            self.sealed = false;
        }
    }

    fn seal(&mut self, key: &[u8]) {
        if self.key.is_none() && self.lines <= SEAL_LINE_MAX {
            self.key = Some(key.to_vec());
        }
        self.sealed = self.key.as_deref() == Some(key);
    }

    fn follow_copy(&mut self, line: &[u8]) {
        self.copy = match (&self.copy, line) {
            (Copy::Inside, b"\\.") => Copy::Outside,
            (Copy::Inside, _) => Copy::Inside,
            (Copy::AfterEmptyLine, _) if line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;") => {
                Copy::Inside
            }
            (Copy::AfterComment, b"") => Copy::AfterEmptyLine,
            (_, b"--") => Copy::AfterComment,
            _ => Copy::Outside,
        };
    }

    fn findings(&self, expected_seal: Option<&str>) -> Vec<String> {
        let mut findings = Vec::new();
        if !self.titled {
            findings.push("it does not begin as a script of pg_dumpall does".to_owned());
        }
        if let Some(expected) = expected_seal
            && self.key.as_deref().map(seal_sha256).as_deref() != Some(expected)
        {
            findings.push("its sections are not sealed with the key of this dump".to_owned());
        }
        if self.sealed {
            findings.push("its last section is cut off".to_owned());
        } else if self.end != End::Closed || !self.carried.is_empty() {
            findings.push(
                "the closing line `PostgreSQL database cluster dump complete` is missing at its end"
                    .to_owned(),
            );
        }
        findings
    }
}

/// A SQLite database file.
#[derive(Debug, Default)]
pub(super) struct SqliteImage {
    header: Vec<u8>,
    bytes: u64,
}

/// Length of the header of a SQLite file.
const HEADER_BYTES: usize = 100;

impl SqliteImage {
    fn see(&mut self, block: &[u8]) {
        let missing = HEADER_BYTES - self.header.len();
        self.header.extend_from_slice(&block[..block.len().min(missing)]);
        self.bytes += block.len() as u64;
    }

    fn findings(&self) -> Vec<String> {
        match self.expected_bytes() {
            None => vec!["it does not begin as a SQLite database does".to_owned()],
            Some(expected) if expected != self.bytes => {
                vec![format!("it has {} bytes, its own header says {expected}", self.bytes)]
            }
            Some(_) => Vec::new(),
        }
    }

    /// Page size times number of pages, as the header has them.
    fn expected_bytes(&self) -> Option<u64> {
        let header: &[u8; HEADER_BYTES] = self.header.as_slice().try_into().ok()?;
        let page = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            bytes => u64::from(bytes),
        };
        let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
        header.starts_with(b"SQLite format 3\0").then_some(page * u64::from(pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict KEY\n\nCREATE ROLE a;\n\\unrestrict KEY\n\n\
        \\connect a\n\n\\restrict KEY\n--\n-- Data for Name: t\n--\n\nCOPY public.t (a) FROM stdin;\nx\n\\.\n\\unrestrict KEY\n\n\
        --\n-- PostgreSQL database cluster dump complete\n--\n\n";

    fn findings(script: &str, seal: Option<&str>, block: usize) -> Vec<String> {
        let mut inspector = Inspector::new(Content::PostgresCluster);
        script.as_bytes().chunks(block).for_each(|block| inspector.see(block));
        inspector.findings(seal.map(|key| seal_sha256(key.as_bytes())).as_deref())
    }

    fn unsealed() -> String {
        SEALED.lines().filter(|line| !line.contains("restrict KEY")).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_whole_script_is_complete_however_it_is_cut_into_blocks() {
        for block in 1..60 {
            assert!(findings(SEALED, Some("KEY"), block).is_empty());
            assert!(findings(&unsealed(), None, block).is_empty());
        }
    }

    #[test]
    fn a_script_cut_anywhere_before_its_last_line_ends_is_not_complete() {
        for script in [SEALED, &unsealed()] {
            for length in 0..script.len() - 1 {
                assert!(
                    !findings(&script[..length], None, 7).is_empty(),
                    "cut at {length} of {}",
                    script.len()
                );
            }
        }
    }

    #[test]
    fn the_closing_line_inside_a_sealed_section_or_the_data_of_a_table_is_only_text() {
        let end = "\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";
        let sealed = format!("{}{end}", SEALED.split("\\unrestrict KEY\n\n--").next().unwrap());
        assert_eq!(findings(&sealed, Some("KEY"), 9), ["its last section is cut off"]);
        let data = format!("{}{end}", unsealed().split("x\n").next().unwrap());
        assert_eq!(findings(&data, None, 9).len(), 1);
    }

    #[test]
    fn a_line_of_a_function_that_looks_like_copy_or_like_a_seal_does_not_hide_the_end() {
        let script =
            unsealed().replace("CREATE ROLE a;", "\n\n\nAS $$\nCOPY t FROM stdin;\n\\restrict x\n$$;");
        assert!(findings(&script, None, 11).is_empty());
    }

    #[test]
    fn a_seal_with_another_key_is_noticed() {
        assert!(!findings(SEALED, Some("OTHER"), 9).is_empty());
        assert!(!findings(&unsealed(), Some("KEY"), 9).is_empty());
    }

    #[test]
    fn a_sqlite_file_has_the_length_that_its_header_says() {
        let mut file = vec![0; 8192];
        file[..16].copy_from_slice(b"SQLite format 3\0");
        file[16..18].copy_from_slice(&4096u16.to_be_bytes());
        file[28..32].copy_from_slice(&2u32.to_be_bytes());
        let findings = |bytes: &[u8]| {
            let mut inspector = Inspector::new(Content::SqliteDatabase);
            bytes.chunks(70).for_each(|block| inspector.see(block));
            inspector.findings(None)
        };
        assert!(findings(&file).is_empty());
        for length in [0, 50, 100, 4096, 8191] {
            assert!(!findings(&file[..length]).is_empty(), "{length}");
        }
    }
}
