//! Webhooks on the wire: receivers with bad manners, forbidden addresses, TLS, kept connections, time.

mod connections;
mod forbidden;
mod manners;
mod receiver;
mod secure;

use std::net::SocketAddr;
use std::time::Duration;

use zelador::webhook::{
    Exchange, Guard, Headers, Method, Request, Sender, SenderOptions, Target, TransportError,
};

/// For outcomes that do not depend on it: long enough for a busy machine.
const GENEROUS: Duration = Duration::from_secs(30);
/// For outcomes that are the deadline.
const SHORT: Duration = Duration::from_secs(2);

/// May reach the receivers of these tests and nothing else inside.
fn local_options() -> SenderOptions {
    SenderOptions { guard: Guard::parse(&["127.0.0.0/8"]).unwrap(), ..SenderOptions::default() }
}

fn local_sender() -> Sender {
    Sender::new(local_options()).unwrap()
}

fn request(url: &str, timeout: Duration) -> Request {
    Request {
        method: Method::Post,
        target: Target::parse(url).unwrap(),
        headers: Headers::new([("content-type", "application/json"), ("x-webhook-secret", "s3cret")])
            .unwrap(),
        body: r#"{"event":"tenant.created"}"#.into(),
        timeout,
    }
}

fn http(address: SocketAddr) -> String {
    format!("http://{address}/hook")
}

fn error(exchange: &Exchange) -> Option<&TransportError> {
    exchange.outcome.as_ref().err().map(|failure| &failure.error)
}
