//! From the HTTP client's chain of errors to one word for it, by their types and never by their text.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;

use super::exchange::TransportError;
use super::guard::ForbiddenAddress;
use super::resolver::LookupError;

/// Behind a proxy, failing to connect says nothing about the receiver.
pub(super) fn transport_error(error: &reqwest::Error, proxied: bool) -> TransportError {
    let word = classified(error);
    let of_the_connection = matches!(
        word,
        TransportError::NameUnknown
            | TransportError::NameUnavailable
            | TransportError::Refused
            | TransportError::Reset
    );
    if proxied && error.is_connect() && of_the_connection {
        return TransportError::Other(format!("the proxy is not reachable: {}", innermost(error)));
    }
    word
}

fn classified(error: &reqwest::Error) -> TransportError {
    find::<ForbiddenAddress>(error)
        .map(|forbidden| TransportError::ForbiddenAddress(forbidden.clone()))
        .or_else(|| find::<LookupError>(error).map(of_lookup))
        .or_else(|| find::<rustls::Error>(error).map(of_tls))
        .or_else(|| causes(error).filter_map(|cause| cause.downcast_ref()).find_map(of_io))
        .or_else(|| find::<h2::Error>(error).and_then(of_http2))
        .or_else(|| error.is_timeout().then_some(TransportError::Timeout))
        .or_else(|| find::<hyper::Error>(error).map(of_http))
        .unwrap_or_else(|| TransportError::Other(innermost(error)))
}

fn of_lookup(error: &LookupError) -> TransportError {
    match error {
        LookupError::Unknown => TransportError::NameUnknown,
        LookupError::Unavailable(_) => TransportError::NameUnavailable,
    }
}

fn of_tls(error: &rustls::Error) -> TransportError {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            TransportError::Certificate(error.to_string())
        }
        _ => TransportError::Tls(error.to_string()),
    }
}

fn of_io(error: &io::Error) -> Option<TransportError> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(TransportError::Refused),
        ErrorKind::TimedOut => Some(TransportError::Timeout),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => Some(TransportError::Reset),
        // What the parser of chunks says.
        ErrorKind::InvalidData | ErrorKind::InvalidInput => Some(TransportError::Protocol(error.to_string())),
        _ => None,
    }
}

/// Nothing for a receiver that broke the protocol.
fn of_http2(error: &h2::Error) -> Option<TransportError> {
    match error.get_io() {
        Some(io) => of_io(io),
        None => error.is_remote().then_some(TransportError::Reset),
    }
}

fn of_http(error: &hyper::Error) -> TransportError {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        TransportError::Reset
    } else if error.is_timeout() {
        TransportError::Timeout
    } else {
        TransportError::Protocol(innermost(error))
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, |cause| cause.to_string())
}

/// The error and all that caused it. An `io::Error` hides the error it was made of from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&cause| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}
