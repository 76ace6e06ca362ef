//! This process's hold on what it claimed: one row with a lease, renewed while it lives. Takes away those of the dead.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How long claims are held without a sign of life: what a kill delays.
const LEASE: Duration = Duration::from_secs(15);

/// How often a sign of life is given: two may be lost before the lease is.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// How long to wait before asking a store again that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// A registered worker.
pub struct Lease {
    store: Store,
    host: String,
    is_dead: fn(&str) -> bool,
    held: Mutex<Held>,
}

struct Held {
    worker: String,
    until: Instant,
}

impl Lease {
    /// Registers this process, however long the store takes. `None`: told to end before.
    pub async fn take(
        store: Store,
        host: String,
        is_dead: fn(&str) -> bool,
        end: &CancellationToken,
    ) -> Option<Self> {
        loop {
            let began = Instant::now();
            match store.register_worker(&host, LEASE).await {
                Ok(worker) => {
                    let held = Mutex::new(Held { worker, until: began + LEASE });
                    return Some(Self { store, host, is_dead, held });
                }
                Err(error) => tracing::error!(%error, "no worker could be registered; trying again"),
            }
            tokio::select! {
                () = end.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// The worker's id.
    pub fn worker(&self) -> String {
        self.held().worker.clone()
    }

    /// Whether what was claimed is surely still ours.
    pub fn is_held(&self) -> bool {
        Instant::now() < self.held().until
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the lease and rescues those of others until `end`. `lost` is notified when this one was lost and another
    /// taken: nothing that was claimed before is ours. `freed` when deliveries came free.
    pub async fn keep(&self, lost: &Notify, freed: &Notify, end: &CancellationToken) {
        let mut tick = interval(RENEW_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = self.renew_and_rescue(lost, freed).await {
                tracing::error!(%error, "the lease of this worker could not be renewed; trying again");
            }
        }
    }

    async fn renew_and_rescue(&self, lost: &Notify, freed: &Notify) -> Result<(), StoreError> {
        let (began, worker) = (Instant::now(), self.worker());
        if self.store.renew_worker(&worker, LEASE).await? {
            self.held().until = began + LEASE;
        } else {
            let worker = self.store.register_worker(&self.host, LEASE).await?;
            *self.held() = Held { worker, until: began + LEASE };
            tracing::warn!("this worker was silent for too long: what it had claimed went to others");
            lost.notify_one();
        }
        let mut rescued = self.store.rescue_deliveries().await?;
        for (worker, host) in self.store.workers().await? {
            if (self.is_dead)(&host) {
                rescued += self.store.retire_worker(&worker).await?;
            }
        }
        if rescued > 0 {
            tracing::warn!(rescued, "deliveries of a worker that died wait again");
            freed.notify_one();
        }
        Ok(())
    }

    /// Gives back what is still claimed.
    pub async fn give_back(&self) {
        match self.store.retire_worker(&self.worker()).await {
            Ok(0) => {}
            Ok(released) => tracing::info!(released, "deliveries were given back"),
            Err(error) => tracing::warn!(%error, "deliveries come free when the lease is over"),
        }
    }
}
