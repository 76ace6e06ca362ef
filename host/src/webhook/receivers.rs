//! The endpoints that deliveries go to, as far as they are in use: read again when they are a second old, with what was
//! learned of them meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::signing::{Keyring, SigningKey};
use crate::clock::Timestamp;
use crate::store::{Endpoint, EndpointSecret, EndpointState, Health, Store, StoreError};

/// How old what is known of an endpoint may be: how soon a change of another process counts.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// How often the health of endpoints is recorded.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// How often parked deliveries are looked over.
const RELEASE_EVERY: Duration = Duration::from_secs(5);

/// Endpoints that are remembered; beyond it they are read anew.
const REMEMBERED: usize = 10_000;

/// An endpoint with its keys.
pub struct Receiver {
    pub endpoint: Endpoint,
    pub keys: Arc<Keyring>,
    read_at: Instant,
}

impl Receiver {
    /// Whether it need not be read again. One that is disabled always is: what is parked by mistake waits for long.
    fn is_fresh(&self) -> bool {
        self.endpoint.state == EndpointState::Enabled && self.read_at.elapsed() < FRESH_FOR
    }
}

/// What is known of receivers.
pub struct Receivers {
    store: Store,
    known: Mutex<HashMap<String, Arc<Receiver>>>,
    learned: Mutex<Learned>,
}

#[derive(Default)]
struct Learned {
    /// Targets that asked to be left alone, and until when: bare URLs too.
    paused: HashMap<String, Timestamp>,
    /// How tries went since the last record, by endpoint.
    health: HashMap<String, Health>,
    recorded_at: Option<Instant>,
    released_at: Option<Instant>,
}

impl Receivers {
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default(), learned: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Receiver>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoints of these ids; those that are not there any more are left out.
    pub async fn get(&self, ids: &[&str]) -> Result<HashMap<String, Arc<Receiver>>, StoreError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let known = self.known();
            for &id in ids {
                match known.get(id).filter(|receiver| receiver.is_fresh()) {
                    Some(receiver) => drop(found.insert(id.to_owned(), Arc::clone(receiver))),
                    None => missing.push(id),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let read_at = Instant::now();
        let read = self.store.endpoints_by_id(&missing).await?;
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        missing.iter().for_each(|id| drop(known.remove(*id)));
        for (endpoint, secrets) in read {
            let receiver =
                Arc::new(Receiver { keys: Arc::new(keyring(&endpoint.id, &secrets)), endpoint, read_at });
            known.insert(receiver.endpoint.id.clone(), Arc::clone(&receiver));
            found.insert(receiver.endpoint.id.clone(), receiver);
        }
        Ok(found)
    }

    /// The newest that is known of an endpoint: what a delivery that waited in a line looks at before it goes.
    pub fn newest(&self, receiver: &Arc<Receiver>) -> Arc<Receiver> {
        self.known().get(&receiver.endpoint.id).cloned().unwrap_or_else(|| Arc::clone(receiver))
    }

    /// Until when nothing may go to a target.
    pub fn paused_until(
        &self,
        target: &str,
        endpoint: Option<&Endpoint>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let here = self.learned().paused.get(target).copied();
        here.max(endpoint.and_then(|endpoint| endpoint.paused_until)).filter(|until| *until > now)
    }

    /// A target asked to be left alone.
    pub async fn pause(&self, target: &str, endpoint: Option<&str>, until: Timestamp, now: Timestamp) {
        {
            let mut learned = self.learned();
            if learned.paused.len() >= REMEMBERED {
                learned.paused.retain(|_, until| *until > now);
            }
            let paused = learned.paused.entry(target.to_owned()).or_insert(until);
            *paused = (*paused).max(until);
        }
        let Some(id) = endpoint else { return };
        if let Err(error) = self.store.pause_endpoint(id, until).await {
            tracing::error!(%error, endpoint = id, "a pause could not be stored; it holds in this process");
        }
    }

    /// A verdict disables an endpoint.
    pub async fn disable(&self, id: &str, reason: &str) {
        match self.store.disable_endpoint(id, reason).await {
            Ok(true) => {
                tracing::warn!(endpoint = id, reason, "an endpoint was disabled; its deliveries are parked")
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, endpoint = id, "an endpoint could not be disabled"),
        }
        if let Some(receiver) = self.known().get_mut(id) {
            let endpoint = Endpoint { state: EndpointState::Disabled, ..receiver.endpoint.clone() };
            let (keys, read_at) = (Arc::clone(&receiver.keys), receiver.read_at);
            *receiver = Arc::new(Receiver { endpoint, keys, read_at });
        }
    }

    /// How many tries in a row failed, and since when: on record, and since.
    pub fn health(&self, endpoint: &Endpoint) -> (u32, Option<Timestamp>) {
        match self.learned().health.get(&endpoint.id) {
            None => (endpoint.failures_in_a_row, endpoint.failing_since),
            Some(Health::Well) => (0, None),
            Some(Health::Failing { more, since }) => {
                (endpoint.failures_in_a_row.saturating_add(*more), endpoint.failing_since.or(Some(*since)))
            }
        }
    }

    /// A try went well or not.
    pub fn learn(&self, endpoint: &Endpoint, delivered: bool, at: Timestamp) {
        let mut learned = self.learned();
        let before = learned.health.get(&endpoint.id).copied();
        if delivered && before.is_none() && endpoint.failures_in_a_row == 0 {
            return;
        }
        let now = match (delivered, before) {
            (true, _) => Health::Well,
            (false, Some(Health::Failing { more, since })) => Health::Failing { more: more + 1, since },
            (false, _) => Health::Failing { more: 1, since: at },
        };
        learned.health.insert(endpoint.id.clone(), now);
    }

    /// Lets deliveries go that were parked by a process that did not know better, from time to time. Whether any were.
    pub async fn release(&self) -> Result<bool, StoreError> {
        {
            let mut learned = self.learned();
            if learned.released_at.is_some_and(|at| at.elapsed() < RELEASE_EVERY) {
                return Ok(false);
            }
            learned.released_at = Some(Instant::now());
        }
        Ok(self.store.release_parked().await? > 0)
    }

    /// Records what was learned, from time to time.
    pub async fn record(&self) -> Result<(), StoreError> {
        let learned = {
            let mut learned = self.learned();
            if learned.recorded_at.is_some_and(|at| at.elapsed() < RECORD_EVERY) {
                return Ok(());
            }
            learned.recorded_at = Some(Instant::now());
            std::mem::take(&mut learned.health)
        };
        for (id, health) in learned {
            self.store.record_health(&id, health).await?;
            self.known().remove(&id);
        }
        Ok(())
    }
}

/// The keys that can be read: one that cannot must not keep the others from signing.
fn keyring(endpoint: &str, secrets: &[EndpointSecret]) -> Keyring {
    let readable = secrets.iter().filter_map(|secret| match SigningKey::parse(secret.key.expose_secret()) {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::error!(endpoint, %error, "a signing key is not used");
            None
        }
    });
    let newest: Vec<_> = readable.take(super::signing::MOST_ACTIVE_KEYS).collect();
    Keyring::new(newest).expect("no more keys than a ring takes")
}
