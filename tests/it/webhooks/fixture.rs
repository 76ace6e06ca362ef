//! A process that delivers webhooks, as far as it concerns them: store, plugins, worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;
use zelador::clock::SharedClock;
use zelador::plugin::{Directory, Runtime, RuntimeConfig};
use zelador::queue::{Worker, WorkerOptions};
use zelador::store::{Delivery, DeliveryFilter, DeliveryState, Store};
use zelador::webhook::{
    Deliverer, DeliveryOptions, Destination, Guard, Keyring, Sender, SenderOptions, SignerCapability,
    SigningKey, Submission, Webhooks, WebhooksOptions,
};
use zelador_tests::guests;

use crate::store::fixture::Fixture;

/// What bare URLs are signed with in these tests: the key of the specification's known answers.
pub const OWN_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One process.
pub struct Process {
    pub store: Store,
    pub webhooks: Webhooks,
    drain: CancellationToken,
    working: tokio::task::JoinHandle<()>,
}

/// The plugins of the tests, compiled once: the shipped ones, and a policy that traps.
struct Plugins {
    directory: Arc<Directory>,
    signer: SignerCapability,
    _folder: TempDir,
}

async fn plugins() -> &'static Plugins {
    static PLUGINS: OnceCell<Plugins> = OnceCell::const_new();
    PLUGINS.get_or_init(load).await
}

async fn load() -> Plugins {
    let folder = TempDir::new().unwrap();
    let shipped = ["webhook-delivery", "retry-steps", "retry-exponential"];
    for name in shipped {
        std::fs::copy(guests::shipped(name), folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    std::fs::write(folder.path().join("trapping.wasm"), trapping_policy()).unwrap();
    let signer = SignerCapability::default();
    let config = RuntimeConfig {
        slots: 64,
        patience: Duration::from_secs(60),
        cache: None,
        program: guests::zelador(),
        clock: Arc::new(zelador::clock::SystemClock),
    };
    let runtime = Runtime::new(config, vec![Arc::new(signer.clone())]).unwrap();
    let directory = Arc::new(Directory::load_once(runtime, folder.path().to_owned()).await);
    for name in shipped.into_iter().chain(["trapping"]) {
        assert!(directory.get(name).is_some(), "{:?}", directory.list());
    }
    Plugins { directory, signer, _folder: folder }
}

/// A retry policy whose every decision traps.
fn trapping_policy() -> Vec<u8> {
    use crate::plugins::support::{Described, component, contract, module};
    let retries = r#"
        (func (export "zelador:plugin/retries@0.1.0#next")
            (param i32 i32 i32 i32 i32 i64 i64 i32 i64 f64 i32 i32) (result i32) unreachable)
        (func (export "zelador:plugin/retries@0.1.0#describe") (result i32) unreachable)"#;
    component(&contract(), "retry-policy", &module(&Described::default(), retries))
}

impl Process {
    /// Starts to deliver, by the fixture's clock.
    pub async fn start(fixture: &Fixture) -> Self {
        Self::start_with(fixture.open().await, fixture.clock.clone(), 64).await
    }

    /// Starts to deliver, by the machine's clock.
    pub async fn start_in_real_time(fixture: &Fixture) -> Self {
        let store = fixture.open_in_real_time().await;
        Self::start_with(store, Arc::new(zelador::clock::SystemClock), 64).await
    }

    pub async fn start_with(store: Store, clock: SharedClock, in_flight: usize) -> Self {
        let plugins = plugins().await;
        let queued = Arc::new(Notify::new());
        let webhooks = Webhooks::new(store.clone(), WebhooksOptions::default(), Arc::clone(&queued));
        let guard = Guard::parse(&["127.0.0.0/8"]).unwrap();
        let deliverer = Deliverer::new(
            store.clone(),
            Arc::clone(&clock),
            Sender::new(SenderOptions { guard, ..SenderOptions::default() }).unwrap(),
            Arc::clone(&plugins.directory),
            BTreeMap::new(),
            plugins.signer.clone(),
            Keyring::new(vec![SigningKey::parse(OWN_KEY).unwrap()]).unwrap(),
            DeliveryOptions {
                plugin: "webhook-delivery".into(),
                policy: "retry-steps".into(),
                timeout: Duration::from_secs(20),
            },
        );
        let options = WorkerOptions::new("test".into(), in_flight, |_| false);
        let worker = Worker::new(store.clone(), clock, Arc::new(deliverer), queued, options);
        let drain = CancellationToken::new();
        let working = tokio::spawn(worker.run(drain.clone(), CancellationToken::new()));
        Self { store, webhooks, drain, working }
    }

    /// Ends it in order.
    pub async fn drain(self) {
        self.drain.cancel();
        self.working.await.unwrap();
    }

    /// Ends it as `kill -9` does: nothing more is written.
    pub async fn kill(self) {
        self.working.abort();
        self.store.close().await;
    }

    /// Accepts an event for the endpoints.
    pub async fn send(&self, event: &str, body: &'static str) -> String {
        self.webhooks.accept(Submission::event(event, body)).await.unwrap().id
    }

    /// Accepts a message for a URL.
    pub async fn send_to(&self, url: &str, body: &'static str) -> String {
        self.webhooks.accept(to(url, body)).await.unwrap().id
    }

    pub async fn deliveries(&self, message: &str) -> Vec<Delivery> {
        let filter = DeliveryFilter { message_id: Some(message.to_owned()), ..DeliveryFilter::default() };
        self.store.deliveries(&filter).await.unwrap()
    }

    /// Resolves once the only delivery of a message is in this state.
    pub async fn until(&self, message: &str, state: DeliveryState) -> Delivery {
        self.until_with(message, |delivery| delivery.state == state).await
    }

    /// Resolves once the only delivery of a message is as wanted.
    pub async fn until_with(&self, message: &str, wanted: impl Fn(&Delivery) -> bool) -> Delivery {
        let mut seen = None;
        for _ in 0..3_000 {
            let delivery = self.deliveries(message).await.into_iter().next();
            match delivery {
                Some(delivery) if wanted(&delivery) => return delivery,
                other => seen = other,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came to that: {seen:?}");
    }
}

/// A message for a URL.
pub fn to(url: &str, body: &'static str) -> Submission {
    let destination = Destination::Url { url: url.to_owned(), timeout: None };
    Submission { destination, ..Submission::event("payment.received", body) }
}
