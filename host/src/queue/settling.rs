//! Records what became of deliveries, many in one transaction, until it is recorded or somebody else's business.

use std::sync::Arc;
use std::time::Duration;

use super::group_commit::GroupCommit;
use crate::store::{Settlement, Store, StoreError};

/// How long an outcome waits at most for others to be recorded with; what a kill repeats is bounded by it.
pub const SETTLE_WITHIN: Duration = Duration::from_millis(10);

/// How long an outcome waits for others where few come: well below the bound, since the write takes time too.
const LINGER: Duration = Duration::from_millis(3);

/// So many outcomes do not wait for more.
const ENOUGH: usize = 128;

/// Outcomes of one transaction at most.
const BATCH: usize = 500;

/// Transactions at one time.
const TURNS: usize = 2;

/// How long to wait before asking a store again that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Records outcomes. Clones share their transactions.
#[derive(Clone)]
pub struct Settling(GroupCommit<Arc<Settlement>, bool>);

impl Settling {
    pub fn new(store: Store) -> Self {
        let group = GroupCommit::new(BATCH, TURNS, move |settlements: Vec<Arc<Settlement>>| {
            let store = store.clone();
            Box::pin(async move { settle(&store, &settlements).await })
        });
        Self(group.lingering(LINGER, ENOUGH))
    }

    /// Records an outcome. A store that is away is asked again; if that takes longer than the lease, the claim is lost and
    /// the outcome with it: the delivery is made again by whoever has it then.
    pub async fn settle(&self, settlement: Settlement) {
        let settlement = Arc::new(settlement);
        while self.0.submit(Arc::clone(&settlement)).await != Ok(true) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether each needs no more asking. One that the store does not take must not keep the others from being recorded.
async fn settle(store: &Store, settlements: &[Arc<Settlement>]) -> Vec<bool> {
    match settle_together(store, settlements).await {
        Ok(()) => vec![true; settlements.len()],
        Err(StoreError::Unavailable { .. }) => vec![false; settlements.len()],
        Err(_) => {
            let mut outcomes = Vec::with_capacity(settlements.len());
            for settlement in settlements {
                outcomes.push(settle_together(store, std::slice::from_ref(settlement)).await.is_ok());
            }
            outcomes
        }
    }
}

async fn settle_together(store: &Store, settlements: &[Arc<Settlement>]) -> Result<(), StoreError> {
    let settled = store.settle_deliveries(settlements).await.inspect_err(|error| {
        tracing::error!(%error, "the outcomes of deliveries could not be stored; trying again");
    })?;
    if settled.len() < settlements.len() {
        let lost = settlements.len() - settled.len();
        tracing::warn!(
            lost,
            "the leases of some deliveries were over; they are made again by another worker"
        );
    }
    Ok(())
}
