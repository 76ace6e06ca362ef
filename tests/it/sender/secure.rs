//! TLS: whom a delivery believes, what it says when it does not, and HTTP/2.

use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderName, HeaderValue};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zelador::webhook::{Sender, SenderOptions, TransportError};

use super::receiver::{Receiver, Script, Then};
use super::{GENEROUS, SHORT, error, local_options, local_sender, request};

/// A certificate authority of one test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// An acceptor with a certificate for `name`, valid until the end of `year`.
    fn acceptor(&self, name: &str, year: i32, protocol: &[u8]) -> TlsAcceptor {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn trusting_sender(&self) -> Sender {
        let root = CertificateDer::from(self.0.der().to_vec());
        Sender::new(SenderOptions { extra_roots: vec![root], ..local_options() }).unwrap()
    }
}

fn polite() -> Script {
    Script {
        listens: true,
        says: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec(),
        then: Then::KeepAlive,
    }
}

fn https(receiver: &Receiver) -> String {
    format!("https://{}/hook", receiver.address)
}

#[tokio::test]
async fn a_trusted_certificate_for_the_address_is_believed_and_the_handshake_is_timed() {
    let authority = Authority::new();
    let receiver = Receiver::tls(polite(), authority.acceptor("127.0.0.1", 2099, b"http/1.1")).await;
    let exchange = authority.trusting_sender().send(request(&https(&receiver), GENEROUS)).await;
    assert_eq!(exchange.outcome.unwrap().body, "ok");
    let times = exchange.times;
    assert!(times.dns.is_none() && times.connect.is_some() && times.tls.is_some(), "{times:?}");
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_named_as_the_reason() {
    let authority = Authority::new();
    let cases = [
        ("for another name", "other.example", 2099, authority.trusting_sender()),
        ("expired", "127.0.0.1", 2001, authority.trusting_sender()),
        ("of nobody's authority", "127.0.0.1", 2099, local_sender()),
    ];
    for (what, name, year, sender) in cases {
        let receiver = Receiver::tls(polite(), authority.acceptor(name, year, b"http/1.1")).await;
        let exchange = sender.send(request(&https(&receiver), GENEROUS)).await;
        assert!(matches!(error(&exchange), Some(TransportError::Certificate(_))), "{what}: {exchange:?}");
        assert_eq!(receiver.requests(), 0, "{what}");
        assert!(exchange.times.tls.is_some() && exchange.times.first_byte.is_none(), "{what}: {exchange:?}");
    }
}

#[tokio::test]
async fn what_is_not_tls_is_an_error_of_tls() {
    let answers: [&[u8]; 3] =
        [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", &[0xff; 4096]];
    for says in answers {
        let receiver =
            Receiver::plain(Script { listens: false, says: says.to_vec(), then: Then::Hang }).await;
        let exchange = local_sender().send(request(&https(&receiver), GENEROUS)).await;
        assert!(matches!(error(&exchange), Some(TransportError::Tls(_))), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_stops_is_left_at_the_deadline() {
    let receiver = Receiver::plain(Script { listens: false, says: Vec::new(), then: Then::Hang }).await;
    let exchange = local_sender().send(request(&https(&receiver), SHORT)).await;
    assert_eq!(error(&exchange), Some(&TransportError::Timeout));
    assert!(exchange.times.tls.is_some() && exchange.times.first_byte.is_none(), "{:?}", exchange.times);
    receiver.released().await;
}

#[tokio::test]
async fn a_handshake_that_is_cut_is_a_reset() {
    let receiver = Receiver::plain(Script { listens: false, says: Vec::new(), then: Then::Close }).await;
    let exchange = local_sender().send(request(&https(&receiver), GENEROUS)).await;
    assert_eq!(error(&exchange), Some(&TransportError::Reset));
}

/// Over HTTP/2, `answer` is asked what to do with each request; returns the URL.
async fn over_http2(acceptor: TlsAcceptor, answer: impl Fn(SendResponse<Bytes>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
        while let Some(Ok((_, respond))) = connection.accept().await {
            answer(respond);
        }
    });
    url
}

fn with_headers(mut respond: SendResponse<Bytes>, headers: usize) {
    let mut answer = http::Response::new(());
    for number in 0..headers {
        let name: HeaderName = format!("x-{number}").parse().unwrap();
        answer.headers_mut().insert(name, HeaderValue::from_static("a value of some length"));
    }
    if let Ok(mut body) = respond.send_response(answer, false) {
        body.send_data(Bytes::from_static(b"two"), true).unwrap();
    }
}

#[tokio::test]
async fn http2_is_spoken_where_the_receiver_does() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("127.0.0.1", 2099, b"h2");
    let url = over_http2(acceptor, |respond| with_headers(respond, 3)).await;
    let answer = authority.trusting_sender().send(request(&url, GENEROUS)).await.outcome.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "two"));
}

#[tokio::test]
async fn too_many_headers_over_http2_are_refused() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("127.0.0.1", 2099, b"h2");
    let url = over_http2(acceptor, |respond| with_headers(respond, 10_000)).await;
    let exchange = authority.trusting_sender().send(request(&url, GENEROUS)).await;
    assert!(matches!(error(&exchange), Some(TransportError::Protocol(_))), "{exchange:?}");
}

#[tokio::test]
async fn a_stream_that_the_receiver_drops_is_a_reset() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("127.0.0.1", 2099, b"h2");
    let url = over_http2(acceptor, |mut respond| respond.send_reset(Reason::INTERNAL_ERROR)).await;
    let exchange = authority.trusting_sender().send(request(&url, GENEROUS)).await;
    assert_eq!(error(&exchange), Some(&TransportError::Reset));
}

#[tokio::test]
async fn a_receiver_that_promises_http2_and_speaks_something_else_breaks_the_protocol() {
    let authority = Authority::new();
    let script = Script { listens: false, says: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), then: Then::Hang };
    let receiver = Receiver::tls(script, authority.acceptor("127.0.0.1", 2099, b"h2")).await;
    let exchange = authority.trusting_sender().send(request(&https(&receiver), GENEROUS)).await;
    assert!(matches!(error(&exchange), Some(TransportError::Protocol(_))), "{exchange:?}");
}
