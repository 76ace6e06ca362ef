//! Durable webhooks a second, with plugins, signing and the record of attempts, on both stores: accepting, draining what
//! waits, and how long a lone message takes from acceptance to the receiver.
//!
//! `cargo bench -p zelador-tests --bench webhooks [-- MESSAGES]`

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use zelador::clock::SystemClock;
use zelador::plugin::{Directory, Runtime, RuntimeConfig};
use zelador::queue::{Worker, WorkerOptions};
use zelador::store::Store;
use zelador::webhook::{
    Deliverer, DeliveryOptions, Destination, Guard, Keyring, Sender, SenderOptions, SignerCapability,
    SigningKey, Submission, Webhooks, WebhooksOptions,
};
use zelador_tests::{guests, postgres};

/// What one message says.
const BODY: &str = r#"{"event":"payment.received","data":{"subscriptionId":"sub_123","amount":99.90}}"#;

/// Lone messages that are timed.
const LONE: usize = 200;

fn main() {
    let messages = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(20_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = TempDir::new().expect("a folder");
        let sqlite = format!("sqlite:{}", folder.path().join("zelador.db").display());
        measure("sqlite", &sqlite, messages).await;
        let cluster = postgres::shared();
        let database = cluster.create_database();
        measure("postgres", &cluster.url_with_password(&database), messages).await;
    });
}

async fn measure(name: &str, url: &str, messages: usize) {
    let store = Store::open(url, Arc::new(SystemClock)).await.expect("a store");
    let queued = Arc::new(Notify::new());
    let webhooks = Webhooks::new(store.clone(), WebhooksOptions::default(), Arc::clone(&queued));
    let receiver = Receiver::start().await;

    let began = Instant::now();
    let accepted = webhooks.accept_many(vec![receiver.message(); messages]).await;
    assert!(accepted.iter().all(Result::is_ok));
    print(name, "accepted", messages, began.elapsed());

    let drain = CancellationToken::new();
    let worker = worker(store.clone(), queued).await;
    let began = Instant::now();
    let working = tokio::spawn(worker.run(drain.clone(), CancellationToken::new()));
    receiver.arrived(messages).await;
    print(name, "delivered", messages, began.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;

    let mut latencies = Vec::with_capacity(LONE);
    for lone in 1..=LONE {
        let began = Instant::now();
        webhooks.accept(receiver.message()).await.expect("accepted");
        receiver.arrived(messages + lone).await;
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    latencies.sort_unstable();
    println!(
        "{name:>9}  a lone message: p50 {:?}, p99 {:?}",
        latencies[LONE / 2],
        latencies[LONE * 99 / 100]
    );
    drain.cancel();
    working.await.expect("the worker ends");
}

fn print(name: &str, what: &str, number: usize, took: Duration) {
    println!("{name:>9}  {what}: {number} in {took:.2?}, {:.0}/s", number as f64 / took.as_secs_f64());
}

async fn worker(store: Store, queued: Arc<Notify>) -> Worker<Deliverer> {
    let signer = SignerCapability::default();
    let config = RuntimeConfig {
        slots: 64,
        patience: Duration::from_secs(60),
        cache: None,
        program: guests::zelador(),
        clock: Arc::new(SystemClock),
    };
    let runtime = Runtime::new(config, vec![Arc::new(signer.clone())]).expect("a sandbox");
    let plugins = guests::target().join("plugins");
    let plugins = Arc::new(Directory::load_once(runtime, plugins).await);
    let guard = Guard::parse(&["127.0.0.0/8"]).expect("a network");
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    let deliverer = Deliverer::new(
        store.clone(),
        Arc::new(SystemClock),
        Sender::new(SenderOptions { guard, ..SenderOptions::default() }).expect("a sender"),
        plugins,
        BTreeMap::new(),
        signer,
        Keyring::new(vec![key]).expect("a ring"),
        DeliveryOptions {
            plugin: "webhook-delivery".into(),
            policy: "retry-steps".into(),
            timeout: Duration::from_secs(30),
        },
    );
    let options = WorkerOptions::new("bench".into(), 1024, |_| false);
    Worker::new(store, Arc::new(SystemClock), Arc::new(deliverer), queued, options)
}

/// Answers 200 to everything and counts.
struct Receiver {
    address: SocketAddr,
    count: watch::Receiver<usize>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (told, count) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, told.clone()));
            }
        });
        Self { address, count }
    }

    fn message(&self) -> Submission {
        let url = format!("http://{}/hook", self.address);
        let destination = Destination::Url { url, timeout: None };
        Submission { destination, ..Submission::event("payment.received", BODY) }
    }

    async fn arrived(&self, number: usize) {
        self.count.clone().wait_for(|count| *count >= number).await.expect("the receiver lives");
    }
}

/// A request ends with the body that all messages have.
async fn answer(mut stream: TcpStream, told: watch::Sender<usize>) {
    let _refused = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(4096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        if !buffer.ends_with(BODY.as_bytes()) {
            continue;
        }
        buffer.clear();
        told.send_modify(|count| *count += 1);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}
