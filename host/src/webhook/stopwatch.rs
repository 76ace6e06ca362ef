//! Where the time of one exchange goes.
//!
//! The HTTP client offers no timings, but each phase passes through a hook of ours: the resolver, a layer around the
//! connector, and the client's certificate resolver, which rustls asks first of all once TCP stands. They run inside the
//! exchange's own future, so a task-local finds its stopwatch. A connection that loses the race against an idle one is
//! finished by the client in the background, outside of it, and is not counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use tower::{Layer, Service};

use super::exchange::Times;

tokio::task_local! {
    static CURRENT: Arc<Mutex<Marks>>;
}

/// Instants of one exchange.
#[derive(Debug)]
pub(super) struct Marks {
    started: Instant,
    connecting: Option<Instant>,
    lookup_began: Option<Instant>,
    lookup_ended: Option<Instant>,
    handshake: Option<Instant>,
    connected: Option<Instant>,
    answered: Option<Instant>,
}

impl Marks {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            connecting: None,
            lookup_began: None,
            lookup_ended: None,
            handshake: None,
            connected: None,
            answered: None,
        }
    }

    pub(super) fn lookup_began(&mut self) {
        self.lookup_began = Some(Instant::now());
    }

    pub(super) fn lookup_ended(&mut self) {
        self.lookup_ended = Some(Instant::now());
    }

    pub(super) fn answered(&mut self) {
        self.answered = Some(Instant::now());
    }

    /// The phases up to `end`. One that began and did not end has lasted until then.
    fn times(&self, end: Instant) -> Times {
        let span = |from: Instant, to: Option<Instant>| to.unwrap_or(end).saturating_duration_since(from);
        // The answer came over a kept connection while a new one was being made: that one is not this exchange's.
        let reused = self.answered.is_some() && self.connected.is_none();
        let own = |mark: Option<Instant>| mark.filter(|_| !reused);
        let tcp_from = own(match (self.lookup_began, self.lookup_ended) {
            (Some(_), ended) => ended,
            (None, _) => self.connecting,
        });
        let waiting_from = if own(self.connecting).is_some() { self.connected } else { Some(self.started) };
        Times {
            dns: own(self.lookup_began).map(|from| span(from, self.lookup_ended)),
            connect: tcp_from.map(|from| span(from, self.handshake.or(self.connected))),
            tls: own(self.handshake).map(|from| span(from, self.connected)),
            first_byte: waiting_from.map(|from| span(from, self.answered)),
            body: self.answered.map(|from| span(from, None)),
            total: span(self.started, None),
        }
    }
}

/// Notes something on the stopwatch of the exchange that this code runs for; nothing outside of one.
pub(super) fn mark(note: impl FnOnce(&mut Marks)) {
    let _outside = CURRENT.try_with(|marks| note(&mut marks.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// Runs `work` under a fresh stopwatch.
pub(super) async fn timed<T>(work: impl Future<Output = T>) -> (T, Times) {
    let marks = Arc::new(Mutex::new(Marks::new()));
    let done = CURRENT.scope(Arc::clone(&marks), work).await;
    let times = marks.lock().unwrap_or_else(PoisonError::into_inner).times(Instant::now());
    (done, times)
}

/// Marks when a connection begins to be made and when it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionMarks;

impl<S> Layer<S> for ConnectionMarks {
    type Service = MarkedConnector<S>;

    fn layer(&self, inner: S) -> MarkedConnector<S> {
        MarkedConnector { inner }
    }
}

/// A connector under [`ConnectionMarks`].
#[derive(Debug, Clone)]
pub(super) struct MarkedConnector<S> {
    inner: S,
}

impl<S, R> Service<R> for MarkedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        mark(|marks| marks.connecting = Some(Instant::now()));
        let connecting = self.inner.call(request);
        connecting.inspect_ok(|_| mark(|marks| marks.connected = Some(Instant::now()))).boxed()
    }
}

/// Has no client certificate to offer; being asked is the first thing that happens in a handshake.
#[derive(Debug)]
pub(super) struct HandshakeMark;

impl ResolvesClientCert for HandshakeMark {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        mark(|marks| marks.handshake = Some(Instant::now()));
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    fn marks(connected_over_tls: bool) -> Marks {
        let mut marks = Marks::new();
        let at = |steps: u32| Some(marks.started + STEP * steps);
        let (connecting, began, ended) = (at(1), at(1), at(3));
        let (handshake, connected, answered) = (at(6), at(10), at(15));
        marks.connecting = connecting;
        marks.lookup_began = began;
        marks.lookup_ended = ended;
        marks.handshake = handshake.filter(|_| connected_over_tls);
        marks.connected = connected;
        marks.answered = answered;
        marks
    }

    #[test]
    fn every_phase_has_its_own_time() {
        let marks = marks(true);
        let times = marks.times(marks.started + STEP * 21);
        let expected = Times {
            dns: Some(STEP * 2),
            connect: Some(STEP * 3),
            tls: Some(STEP * 4),
            first_byte: Some(STEP * 5),
            body: Some(STEP * 6),
            total: STEP * 21,
        };
        assert_eq!(times, expected);
    }

    #[test]
    fn without_tls_connecting_ends_with_tcp() {
        let marks = marks(false);
        let times = marks.times(marks.started + STEP * 21);
        assert_eq!((times.connect, times.tls), (Some(STEP * 7), None));
    }

    #[test]
    fn a_phase_that_never_ended_lasts_until_the_end() {
        let mut marks = marks(true);
        (marks.connected, marks.answered) = (None, None);
        let times = marks.times(marks.started + STEP * 21);
        assert_eq!((times.tls, times.first_byte, times.body), (Some(STEP * 15), None, None));
        marks.lookup_ended = None;
        (marks.handshake, marks.connected) = (None, None);
        let times = marks.times(marks.started + STEP * 21);
        assert_eq!((times.dns, times.connect), (Some(STEP * 20), None));
    }

    #[test]
    fn an_answer_over_a_kept_connection_did_not_connect() {
        let mut marks = marks(true);
        (marks.connecting, marks.handshake, marks.connected) = (None, None, None);
        (marks.lookup_began, marks.lookup_ended) = (None, None);
        let times = marks.times(marks.started + STEP * 21);
        assert_eq!((times.dns, times.connect, times.tls), (None, None, None));
        assert_eq!(times.first_byte, Some(STEP * 15));
    }
}
