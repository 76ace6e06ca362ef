//! What became of one request: plain data for the record and for the plugin that judges it.

use std::net::SocketAddr;
use std::time::Duration;

use super::guard::ForbiddenAddress;

/// One request and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// A whole answer, or why there is none.
    pub outcome: Result<Answer, Failure>,
    /// Where the time went.
    pub times: Times,
}

/// An answer of the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status: 101, or 200 to 999; what is not a status of the standard passes through.
    pub status: u16,
    /// The first headers, 100 and 16 KiB at most.
    pub headers: Vec<Header>,
    /// The begin of the body as text that every database takes: decompressed, at most
    /// [`EXCERPT_BYTES`](super::EXCERPT_BYTES), what is not UTF-8 and NUL replaced by U+FFFD.
    pub body: String,
    /// The body goes on behind the excerpt.
    pub truncated: bool,
    /// Who answered; absent behind a proxy.
    pub peer: Option<SocketAddr>,
}

/// A header of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, in lower case.
    pub name: String,
    /// The value; bytes that are not UTF-8 are replaced by U+FFFD.
    pub value: String,
}

/// There is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the request died of.
    pub error: TransportError,
    /// What had come by then, once status and headers had.
    pub partial: Option<Answer>,
}

/// What a request died of; the variants are those of `transport-error` in `wit/webhook-delivery.wit`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The name does not resolve, and an authority said so.
    #[error("the name of the receiver's host does not exist")]
    NameUnknown,
    /// The name could not be resolved now.
    #[error("the name of the receiver's host could not be looked up")]
    NameUnavailable,
    /// Nothing listens there.
    #[error("the receiver refuses connections")]
    Refused,
    /// The guard does not let requests go to that address.
    #[error(transparent)]
    ForbiddenAddress(ForbiddenAddress),
    /// The certificate is not valid for that name, or not trusted.
    #[error("the receiver's certificate is not accepted: {0}")]
    Certificate(String),
    /// The handshake failed otherwise.
    #[error("no secure connection could be made: {0}")]
    Tls(String),
    /// The deadline passed.
    #[error("the receiver did not answer in time")]
    Timeout,
    /// The connection ended before the answer did.
    #[error("the receiver closed the connection before its answer was whole")]
    Reset,
    /// The answer broke HTTP, or a limit of ours.
    #[error("the answer is not acceptable HTTP: {0}")]
    Protocol(String),
    /// Anything else, this host's own network and the proxy included.
    #[error("{0}")]
    Other(String),
}

/// Where the time of an exchange went. A phase that did not happen is absent, such as the first three on a connection that
/// was kept from before; one that the deadline cut off has lasted until then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Looking the name up and judging its addresses; waiting for a free lookup thread included.
    pub dns: Option<Duration>,
    /// The TCP connection; behind a proxy, the proxy's work included.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the connection standing (or, on a kept one, from the start) to the answer's status and headers: sending the
    /// request, the receiver's work, informational answers.
    pub first_byte: Option<Duration>,
    /// Reading the body.
    pub body: Option<Duration>,
    /// All of it.
    pub total: Duration,
}
