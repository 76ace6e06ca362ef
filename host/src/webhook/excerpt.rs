//! The begin of an answer's body as text, whatever the receiver sends.
//!
//! We ask for no compression; a receiver that compresses all the same gets its excerpt decompressed, and only as far as the
//! excerpt goes, so that a gzip bomb costs no more than a short answer.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// How much of a body is kept: enough to find out what a receiver did not like.
pub const EXCERPT_BYTES: usize = 16 * 1024;

/// How much of a body is read off the wire, so that a connection with an ordinary answer can be used again. Beyond it the
/// connection is closed.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// The begin of a body as it came.
#[derive(Debug, Default)]
pub(super) struct RawBody {
    bytes: Vec<u8>,
    cut: bool,
}

impl RawBody {
    /// Takes what came; false when it has enough.
    pub(super) fn push(&mut self, chunk: &[u8]) -> bool {
        let room = READ_BYTES - self.bytes.len();
        self.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        self.cut |= chunk.len() > room;
        !self.cut
    }

    /// The excerpt, and whether the body goes on behind it.
    pub(super) fn excerpt(self, content_encoding: Option<&str>) -> (String, bool) {
        let decoded = content_encoding.and_then(|encoding| self.decoded(encoding));
        let bytes = decoded.as_deref().unwrap_or(&self.bytes);
        let head = &bytes[..bytes.len().min(EXCERPT_BYTES)];
        let mut text = String::from_utf8_lossy(head).replace('\0', "\u{fffd}");
        let end = text.floor_char_boundary(EXCERPT_BYTES);
        let truncated = self.cut || bytes.len() > EXCERPT_BYTES || text.len() > end;
        text.truncate(end);
        (text, truncated)
    }

    /// One byte more than an excerpt tells that it is cut. Nothing when the body is not what its header says.
    fn decoded(&self, encoding: &str) -> Option<Vec<u8>> {
        let most = EXCERPT_BYTES as u64 + 1;
        let bytes = self.bytes.as_slice();
        match encoding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => read_some(MultiGzDecoder::new(bytes).take(most)),
            // The standard means zlib's format; some senders leave its frame off.
            "deflate" => read_some(ZlibDecoder::new(bytes).take(most))
                .or_else(|| read_some(DeflateDecoder::new(bytes).take(most))),
            _ => None,
        }
    }
}

/// What comes before an error counts: the input may be cut.
fn read_some(mut decoder: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = decoder.read_to_end(&mut bytes);
    (read.is_ok() || !bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn excerpt(bytes: &[u8], encoding: Option<&str>) -> (String, bool) {
        let mut body = RawBody::default();
        body.push(bytes);
        body.excerpt(encoding)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_body_is_shown_decompressed() {
        let text = "não encontrado".as_bytes();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(text).unwrap();
        for (bytes, encoding) in [
            (gzip(text), "gzip"),
            (gzip(text), " X-GZIP"),
            (zlib.finish().unwrap(), "deflate"),
            (deflate.finish().unwrap(), "deflate"),
        ] {
            assert_eq!(excerpt(&bytes, Some(encoding)), ("não encontrado".to_owned(), false), "{encoding}");
        }
    }

    #[test]
    fn a_gzip_bomb_gives_one_excerpt() {
        let bomb = gzip(&vec![b'0'; 32 << 20]);
        let (text, truncated) = excerpt(&bomb, Some("gzip"));
        assert_eq!((text.len(), truncated), (EXCERPT_BYTES, true));
    }

    #[test]
    fn a_body_that_lies_about_its_encoding_is_shown_as_it_came() {
        assert_eq!(excerpt(b"plain", Some("gzip")), ("plain".to_owned(), false));
        assert_eq!(excerpt(b"plain", Some("br")), ("plain".to_owned(), false));
    }

    #[test]
    fn an_excerpt_ends_at_a_whole_character() {
        let body = "é".repeat(EXCERPT_BYTES);
        let (text, truncated) = excerpt(&body.as_bytes()[1..], None);
        assert!(
            truncated && text.len() <= EXCERPT_BYTES && text.starts_with('\u{fffd}'),
            "{} bytes",
            text.len()
        );
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let mut body = RawBody::default();
        assert!(body.push(&vec![b'a'; READ_BYTES]));
        assert!(!body.push(b"b"));
        assert!(body.excerpt(None).1);
    }

    proptest! {
        #[test]
        fn any_bytes_become_bounded_text_without_nul(
            bytes in prop::collection::vec(any::<u8>(), 0..40_000),
            encoding in prop::option::of("gzip|deflate|br|[a-z]{0,8}"),
        ) {
            let (text, _) = excerpt(&bytes, encoding.as_deref());
            prop_assert!(text.len() <= EXCERPT_BYTES && !text.contains('\0'));
        }
    }
}
