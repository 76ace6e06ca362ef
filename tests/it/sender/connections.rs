//! Kept connections, time, refusals, the proxy.

use tokio::net::TcpListener;
use zelador::webhook::{Sender, SenderOptions, TransportError};

use super::forbidden::Names;
use super::receiver::{Receiver, Script, Then};
use super::{GENEROUS, error, http, local_options, local_sender, request};

fn polite(then: Then) -> Script {
    Script { listens: true, says: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec(), then }
}

#[tokio::test]
async fn a_connection_is_used_again_and_the_second_exchange_does_not_connect() {
    let receiver = Receiver::plain(polite(Then::KeepAlive)).await;
    let sender = local_sender();
    let first = sender.send(request(&http(receiver.address), GENEROUS)).await;
    let second = sender.send(request(&http(receiver.address), GENEROUS)).await;
    assert_eq!(second.outcome.unwrap().body, "ok");
    assert_eq!((receiver.connections(), receiver.requests()), (1, 2));
    assert!(first.times.connect.is_some() && first.times.dns.is_none() && first.times.tls.is_none());
    assert!(
        second.times.connect.is_none() && second.times.first_byte.is_some() && second.times.body.is_some()
    );
}

#[tokio::test]
async fn the_time_of_a_lookup_is_its_own() {
    let receiver = Receiver::plain(polite(Then::Close)).await;
    let names = Names::answering(&[&["127.0.0.1"]]);
    let sender = Sender::new(SenderOptions { lookup: names, ..local_options() }).unwrap();
    let exchange =
        sender.send(request(&format!("http://a.example:{}/", receiver.address.port()), GENEROUS)).await;
    exchange.outcome.unwrap();
    let times = exchange.times;
    let parts = [times.dns, times.connect, times.first_byte, times.body].map(|part| part.expect("happened"));
    assert!(parts.iter().sum::<std::time::Duration>() <= times.total, "{times:?}");
}

#[tokio::test]
async fn a_closed_port_is_a_refusal() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let exchange = local_sender().send(request(&http(address), GENEROUS)).await;
    assert_eq!(error(&exchange), Some(&TransportError::Refused));
}

#[tokio::test]
async fn a_proxy_that_is_configured_resolves_names_itself() {
    let proxy = Receiver::plain(polite(Then::Close)).await;
    let names = Names::answering(&[]);
    let url = Some(format!("http://{}", proxy.address).parse().unwrap());
    let sender =
        Sender::new(SenderOptions { proxy: url, lookup: names.clone(), ..SenderOptions::default() }).unwrap();
    let answer = sender.send(request("http://a.example/hook", GENEROUS)).await.outcome.unwrap();
    assert_eq!((answer.status, answer.peer, names.asked()), (200, None, 0));
    let inside = sender.send(request("http://10.0.0.1/hook", GENEROUS)).await;
    assert!(matches!(error(&inside), Some(TransportError::ForbiddenAddress(_))), "{inside:?}");
    assert_eq!(proxy.requests(), 1);
}

#[tokio::test]
async fn a_proxy_that_is_down_is_not_the_receivers_fault() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = Some(format!("http://user:hunter2@{address}").parse().unwrap());
    let sender = Sender::new(SenderOptions { proxy: url, ..SenderOptions::default() }).unwrap();
    for target in ["http://a.example/hook", "https://a.example/hook"] {
        let exchange = sender.send(request(target, GENEROUS)).await;
        let Some(TransportError::Other(reason)) = error(&exchange) else { panic!("{exchange:?}") };
        assert!(reason.contains("proxy") && !reason.contains("hunter2"), "{reason}");
    }
}
