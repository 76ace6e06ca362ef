//! Receivers with bad manners: each costs a bounded slot and leaves a typed outcome.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use zelador::webhook::{Answer, EXCERPT_BYTES, Exchange, Failure, TransportError};

use super::receiver::{Receiver, Script, Then};
use super::{GENEROUS, SHORT, http, local_sender, request};

/// What a receiver can push into socket buffers and our reading before it is cut off. Informational answers are read and
/// forgotten until the deadline, so they do not count.
const MOST_TAKEN_BYTES: u64 = 8 << 20;

struct Manner {
    name: &'static str,
    script: Script,
    expected: Expected,
}

enum Expected {
    /// No answer by the deadline.
    Timeout,
    /// Status and headers, but no whole body by the deadline.
    TimeoutInBody,
    Reset,
    ResetInBody,
    Protocol,
    ProtocolInBody,
    /// A whole answer: status, the begin of its body, truncated or not.
    Answer(u16, &'static str, bool),
}

impl Expected {
    fn deadline(&self) -> Duration {
        if matches!(self, Self::Timeout | Self::TimeoutInBody) { SHORT } else { GENEROUS }
    }

    fn is(&self, exchange: &Exchange) -> bool {
        match (self, &exchange.outcome) {
            (Self::Answer(status, begin, cut), Ok(Answer { status: came, body, truncated, .. })) => {
                status == came && body.starts_with(begin) && cut == truncated && body.len() <= EXCERPT_BYTES
            }
            (_, Ok(_)) => false,
            (expected, Err(Failure { error, partial })) => match expected {
                Self::Timeout => *error == TransportError::Timeout && partial.is_none(),
                Self::TimeoutInBody => *error == TransportError::Timeout && partial.is_some(),
                Self::Reset => *error == TransportError::Reset && partial.is_none(),
                Self::ResetInBody => *error == TransportError::Reset && partial.is_some(),
                Self::Protocol => matches!(error, TransportError::Protocol(_)) && partial.is_none(),
                Self::ProtocolInBody => matches!(error, TransportError::Protocol(_)) && partial.is_some(),
                Self::Answer(..) => false,
            },
        }
    }
}

fn manner(name: &'static str, says: impl Into<Vec<u8>>, then: Then, expected: Expected) -> Manner {
    Manner { name, script: Script { listens: true, says: says.into(), then }, expected }
}

fn rude(name: &'static str, says: impl Into<Vec<u8>>, then: Then, expected: Expected) -> Manner {
    Manner { name, script: Script { listens: false, says: says.into(), then }, expected }
}

fn endless(piece: impl Into<Vec<u8>>) -> Then {
    Then::Repeat(piece.into(), Duration::ZERO)
}

fn slowly(piece: &str) -> Then {
    Then::Repeat(piece.into(), Duration::from_secs(1))
}

fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'0'; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    [head.into_bytes(), bomb].concat()
}

fn ten_thousand_headers() -> String {
    let headers: String = (0..10_000).map(|number| format!("x-{number}: v\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n")
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// No word at all, or too late.
fn silent() -> Vec<Manner> {
    use Expected::*;
    vec![
        manner("says nothing", "", Then::Hang, Timeout),
        rude("neither listens nor speaks", "", Then::Hang, Timeout),
        manner("stops inside the status line", "HTTP/1.1 2", Then::Hang, Timeout),
        manner("stops inside the headers", "HTTP/1.1 200 OK\r\nx-a: b\r\n", Then::Hang, Timeout),
        manner("says its headers a byte a second", "HTTP/1.1 200 OK\r\nx-a: ", slowly("a"), Timeout),
        manner(
            "stops after the headers",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
            Then::Hang,
            TimeoutInBody,
        ),
        manner(
            "stops inside a chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
            Then::Hang,
            TimeoutInBody,
        ),
        manner(
            "says its body a byte a second",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
            slowly("a"),
            TimeoutInBody,
        ),
        manner(
            "never ends a body without a length",
            "HTTP/1.1 200 OK\r\n\r\nbegin",
            Then::Hang,
            TimeoutInBody,
        ),
        manner("says 102 for ever", "", endless("HTTP/1.1 102 Processing\r\n\r\n".repeat(1000)), Timeout),
        manner("says 100 a second apart", "", slowly("HTTP/1.1 100 Continue\r\n\r\n"), Timeout),
        manner(
            "says 103 with hints for ever",
            "",
            endless("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1000)),
            Timeout,
        ),
    ]
}

/// Gone too early.
fn hasty() -> Vec<Manner> {
    use Expected::*;
    vec![
        rude("closes at once", "", Then::Close, Reset),
        rude("resets at once", "", Then::Reset, Reset),
        manner("closes after the request", "", Then::Close, Reset),
        manner("resets after the request", "", Then::Reset, Reset),
        manner("closes inside the headers", "HTTP/1.1 200 OK\r\nx-a: b\r\n", Then::Close, Reset),
        manner(
            "resets inside the body",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin",
            Then::Reset,
            ResetInBody,
        ),
        manner(
            "promises a longer body",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
            Then::Close,
            ResetInBody,
        ),
        manner(
            "closes inside a chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
            Then::Close,
            ResetInBody,
        ),
        manner(
            "leaves the last chunk out",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            Then::Close,
            ResetInBody,
        ),
    ]
}

/// Too much.
fn talkative() -> Vec<Manner> {
    use Expected::*;
    let letters = vec![b'a'; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &letters, b"\r\n"].concat();
    vec![
        manner(
            "never ends its chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            endless(chunk),
            Answer(200, "aaa", true),
        ),
        manner(
            "never ends a plain body",
            "HTTP/1.1 200 OK\r\n\r\n",
            endless(letters.clone()),
            Answer(200, "aaa", true),
        ),
        manner(
            "announces a terabyte",
            "HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n",
            endless(letters.clone()),
            Answer(200, "aaa", true),
        ),
        manner("sends a gzip bomb", gzip_bomb(), Then::Close, Answer(200, "000", true)),
        manner("sends 10,000 headers", ten_thousand_headers(), Then::Hang, Protocol),
        manner("never ends a header", "HTTP/1.1 200 OK\r\nx-a: ", endless(letters.clone()), Protocol),
        manner("never ends its headers", "HTTP/1.1 200 OK\r\n", endless("x-a: b\r\n".repeat(1000)), Protocol),
        manner("never ends its status line", "HTTP/1.1 200 ", endless(letters.clone()), Protocol),
        manner(
            "never ends its trailers",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            endless("x-a: b\r\n".repeat(1000)),
            ProtocolInBody,
        ),
        manner(
            "never ends a chunk's extension",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;",
            endless(letters),
            ProtocolInBody,
        ),
        manner(
            "says more than it announced",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbegin and more",
            Then::Close,
            Answer(200, "begin", false),
        ),
    ]
}

/// Not HTTP, or not quite.
fn confused() -> Vec<Manner> {
    use Expected::*;
    vec![
        manner("speaks no HTTP", "220 mail.example.com ESMTP ready\r\n", Then::Hang, Protocol),
        manner("speaks binary", vec![0x16, 3, 1, 0, 0xff, 0, 0, 13, 10, 13, 10], Then::Hang, Protocol),
        manner("speaks HTTP/0.9", "<html>hello</html>\r\n", Then::Close, Protocol),
        manner("speaks HTTP/7.7", "HTTP/7.7 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Hang, Protocol),
        manner("has a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", Then::Hang, Protocol),
        manner(
            "has a NUL in a header",
            "HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 0\r\n\r\n",
            Then::Hang,
            Protocol,
        ),
        manner(
            "has a space in a header's name",
            "HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 0\r\n\r\n",
            Then::Hang,
            Protocol,
        ),
        manner(
            "has a negative length",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            Then::Hang,
            Protocol,
        ),
        manner(
            "has two lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            Then::Hang,
            Protocol,
        ),
        manner(
            "has a chunk size that is none",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            Then::Hang,
            ProtocolInBody,
        ),
        manner(
            "has a chunk size of 2^72",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000000000000000000\r\n",
            Then::Hang,
            ProtocolInBody,
        ),
        manner(
            "sends invalid UTF-8",
            with_length(b"caf\xe9 \xff\xfe ok"),
            Then::Close,
            Answer(400, "caf\u{fffd} \u{fffd}\u{fffd} ok", false),
        ),
        manner("sends NUL", with_length(b"a\0b"), Then::Close, Answer(400, "a\u{fffd}b", false)),
        manner(
            "sends half a gzip",
            [b"HTTP/1.1 500 E\r\ncontent-encoding: gzip\r\n\r\n".as_slice(), &[0x1f, 0x8b, 8]].concat(),
            Then::Close,
            Answer(500, "\u{1f}\u{fffd}", false),
        ),
        manner(
            "has a status of 999",
            "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
            Then::Close,
            Answer(999, "", false),
        ),
        manner(
            "sends a body with 204",
            "HTTP/1.1 204 No Content\r\n\r\nbody",
            Then::Close,
            Answer(204, "", false),
        ),
    ]
}

async fn endure(manner: Manner) -> Option<String> {
    let receiver = Receiver::plain(manner.script).await;
    let exchange = local_sender().send(request(&http(receiver.address), manner.expected.deadline())).await;
    receiver.released().await;
    if !manner.expected.is(&exchange) {
        return Some(format!("{}: {:?}", manner.name, exchange.outcome));
    }
    let written = receiver.written();
    let cut_off = !matches!(manner.expected, Expected::Timeout);
    (cut_off && written > MOST_TAKEN_BYTES).then(|| format!("{}: took {written} bytes", manner.name))
}

async fn endure_all(manners: Vec<Manner>) {
    let endured = futures::future::join_all(manners.into_iter().map(endure)).await;
    let wrong: Vec<_> = endured.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_receiver_that_keeps_silent_is_left_at_the_deadline() {
    endure_all(silent()).await;
}

#[tokio::test]
async fn a_receiver_that_leaves_early_is_a_reset() {
    endure_all(hasty()).await;
}

#[tokio::test]
async fn a_receiver_that_talks_without_end_is_cut_off() {
    endure_all(talkative()).await;
}

#[tokio::test]
async fn a_receiver_that_speaks_bad_http_is_told_apart() {
    endure_all(confused()).await;
}

#[tokio::test]
async fn a_receiver_that_does_not_read_a_large_body_is_left_at_the_deadline() {
    let script = Script { listens: false, says: Vec::new(), then: Then::Repeat(Vec::new(), GENEROUS) };
    let receiver = Receiver::plain(script).await;
    let mut large = request(&http(receiver.address), SHORT);
    large.body = vec![b'a'; 64 << 20].into();
    let exchange = local_sender().send(large).await;
    assert_eq!(super::error(&exchange), Some(&TransportError::Timeout));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let says = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\nretry-after: 1e9\r\ncontent-length: 0\r\n\r\n";
    let receiver = Receiver::plain(Script { listens: true, says: says.into(), then: Then::KeepAlive }).await;
    let answer = local_sender().send(request(&http(receiver.address), GENEROUS)).await.outcome.unwrap();
    assert_eq!((answer.status, receiver.requests()), (302, 1));
    let headers: Vec<_> = answer.headers.iter().map(|header| (&*header.name, &*header.value)).collect();
    assert!(headers.contains(&("location", "http://169.254.169.254/latest/")), "{headers:?}");
    assert!(headers.contains(&("retry-after", "1e9")), "{headers:?}");
    assert_eq!(answer.peer, Some(receiver.address));
}
