//! Names that lead inside: whatever they resolve to, and whenever they change their mind.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use zelador::webhook::{Lookup, LookupError, Sender, SenderOptions, TransportError};

use super::receiver::{Receiver, Script, Then};
use super::{GENEROUS, error, local_options, request};

/// A name server that gives one answer after the other, whatever the name; when it has none left, nobody knows the name.
#[derive(Debug)]
pub struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    pub fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parsed).collect(), asked: AtomicUsize::new(0) })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Names {
    fn lookup(&self, _: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupError>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(number).cloned().ok_or(LookupError::Unknown);
        futures::future::ready(answer).boxed()
    }
}

/// No name server answers.
#[derive(Debug)]
struct Silence;

impl Lookup for Silence {
    fn lookup(&self, _: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupError>> {
        futures::future::ready(Err(LookupError::Unavailable("no server answers".into()))).boxed()
    }
}

/// Names, what they resolve to, and the address that must be named in the refusal.
const INSIDE: &[(&str, &[&str], &str)] = &[
    ("localhost", &["127.0.0.1"], "127.0.0.1"),
    ("localhost", &["::1", "127.0.0.1"], "::1"),
    ("localhost.", &["127.0.0.1"], "127.0.0.1"),
    ("LOCALHOST", &["127.0.0.1"], "127.0.0.1"),
    ("metadata.google.internal", &["169.254.169.254"], "169.254.169.254"),
    ("instance-data.ec2.internal", &["fd00:ec2::254"], "fd00:ec2::254"),
    ("127.0.0.1.nip.io", &["127.0.0.1"], "127.0.0.1"),
    ("intranet", &["10.20.30.40"], "10.20.30.40"),
    ("bücher.example", &["192.168.0.1"], "192.168.0.1"),
    ("xn--bcher-kva.example", &["172.16.5.5"], "172.16.5.5"),
    ("cgnat.example", &["100.64.0.9"], "100.64.0.9"),
    ("zero.example", &["0.0.0.0"], "0.0.0.0"),
    ("unspecified.example", &["::"], "::"),
    ("mapped.example", &["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
    ("nat64.example", &["64:ff9b::a9fe:a9fe"], "64:ff9b::a9fe:a9fe"),
    ("sixtofour.example", &["2002:7f00:1::1"], "2002:7f00:1::1"),
    ("teredo.example", &["2001:0:1::1"], "2001:0:1::1"),
    ("multicast.example", &["239.1.2.3"], "239.1.2.3"),
    ("broadcast.example", &["255.255.255.255"], "255.255.255.255"),
    ("mixed-last.example", &["8.8.8.8", "1.1.1.1", "10.0.0.1"], "10.0.0.1"),
    ("mixed-first.example", &["192.168.1.1", "8.8.8.8"], "192.168.1.1"),
    ("mixed-six.example", &["8.8.8.8", "fe80::1"], "fe80::1"),
];

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused_before_any_connection() {
    for (host, addresses, culprit) in INSIDE {
        let names = Names::answering(&[addresses]);
        let sender = Sender::new(SenderOptions { lookup: names, ..SenderOptions::default() }).unwrap();
        let exchange = sender.send(request(&format!("http://{host}/hook"), GENEROUS)).await;
        let Some(TransportError::ForbiddenAddress(refused)) = error(&exchange) else {
            panic!("{host}: {exchange:?}");
        };
        assert_eq!(refused.address, culprit.parse::<IpAddr>().unwrap(), "{host}");
        assert_eq!((exchange.times.connect, exchange.times.tls), (None, None), "{host}");
    }
}

#[tokio::test]
async fn a_literal_address_inside_is_refused_without_the_resolver() {
    let names = Names::answering(&[]);
    let sender = Sender::new(SenderOptions { lookup: names.clone(), ..SenderOptions::default() }).unwrap();
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "127.0.0.1.", "[::1]", "[::ffff:169.254.169.254]"] {
        for scheme in ["http", "https"] {
            let exchange = sender.send(request(&format!("{scheme}://{host}/"), GENEROUS)).await;
            assert!(
                matches!(error(&exchange), Some(TransportError::ForbiddenAddress(_))),
                "{host}: {exchange:?}"
            );
        }
    }
    assert_eq!(names.asked(), 0);
}

/// The network that this sender may reach stands for the public one.
#[tokio::test]
async fn a_name_that_moves_inside_is_judged_at_every_connection_and_asked_once_for_each() {
    let says = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec();
    let receiver = Receiver::plain(Script { listens: true, says, then: Then::Close }).await;
    let names = Names::answering(&[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1", "169.254.169.254"]]);
    let sender = Sender::new(SenderOptions { lookup: names.clone(), ..local_options() }).unwrap();
    let url = format!("http://rebinding.example:{}/", receiver.address.port());
    assert_eq!(sender.send(request(&url, GENEROUS)).await.outcome.unwrap().status, 200);
    for _ in 0..2 {
        let exchange = sender.send(request(&url, GENEROUS)).await;
        assert!(matches!(error(&exchange), Some(TransportError::ForbiddenAddress(_))), "{exchange:?}");
    }
    assert_eq!((receiver.connections(), names.asked()), (1, 3));
}

#[tokio::test]
async fn a_kept_connection_stays_with_the_address_that_was_judged() {
    let says = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    let receiver = Receiver::plain(Script { listens: true, says, then: Then::KeepAlive }).await;
    let names = Names::answering(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = Sender::new(SenderOptions { lookup: names.clone(), ..local_options() }).unwrap();
    let url = format!("http://rebinding.example:{}/", receiver.address.port());
    for _ in 0..2 {
        assert_eq!(sender.send(request(&url, GENEROUS)).await.outcome.unwrap().status, 200);
    }
    assert_eq!((receiver.connections(), names.asked()), (1, 1));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_one_that_cannot_be_looked_up() {
    let sender =
        |lookup: Arc<dyn Lookup>| Sender::new(SenderOptions { lookup, ..SenderOptions::default() }).unwrap();
    let unknown = sender(Names::answering(&[])).send(request("https://gone.example/", GENEROUS)).await;
    assert_eq!(error(&unknown), Some(&TransportError::NameUnknown));
    let unavailable = sender(Arc::new(Silence)).send(request("https://a.example/", GENEROUS)).await;
    assert_eq!(error(&unavailable), Some(&TransportError::NameUnavailable));
}
