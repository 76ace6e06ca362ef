//! Two backups of one target never run at once, whatever process or host they are on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::BackupError;
use super::manifest::Target;

/// How long a lock outlives its holder: long enough for a few missed heartbeats, short enough that a run that is
/// retried some minutes after a crash finds it free.
pub const LEASE: Duration = Duration::from_secs(60);

/// How often it is renewed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Named locks with a lease, shared by every process that works on the same store.
#[async_trait]
pub trait TargetLocks: Send + Sync {
    /// Takes the lock if it is free or its lease has run out.
    async fn acquire(&self, name: &str, owner: &str, lease: Duration) -> anyhow::Result<Acquired>;

    /// Extends the lease. False: the lock belongs to somebody else by now.
    async fn renew(&self, name: &str, owner: &str, fence: u64, lease: Duration) -> anyhow::Result<bool>;

    /// Gives the lock back.
    async fn release(&self, name: &str, owner: &str, fence: u64) -> anyhow::Result<()>;
}

/// What came of the wish for a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours; the number is greater than that of any holder before.
    Yes {
        /// The fencing token.
        fence: u64,
    },
    /// Somebody has it.
    No {
        /// Who, for the message.
        holder: String,
    },
}

/// The lock of a target, held by renewing it until it is released.
pub(super) struct TargetLock {
    locks: Arc<dyn TargetLocks>,
    name: String,
    owner: String,
    fence: u64,
    heartbeat: AbortOnDropHandle<()>,
    lost: CancellationToken,
}

impl TargetLock {
    /// Takes the lock of `target`; when it is lost later, `stop` is cancelled.
    pub(super) async fn acquire(
        locks: &Arc<dyn TargetLocks>,
        target: &Target,
        owner: &str,
        stop: &CancellationToken,
    ) -> Result<Self, BackupError> {
        let name = format!("backup:{target}");
        let acquired = locks.acquire(&name, owner, LEASE).await.map_err(|error| {
            BackupError::LockUnavailable { target: target.clone(), reason: format!("{error:#}") }
        })?;
        let fence = match acquired {
            Acquired::Yes { fence } => fence,
            Acquired::No { holder } => return Err(BackupError::Busy { target: target.clone(), holder }),
        };
        let lost = CancellationToken::new();
        let (locks, owner) = (Arc::clone(locks), owner.to_owned());
        let heartbeat = tokio::spawn(renew_until_lost(
            Arc::clone(&locks),
            (name.clone(), owner.clone(), fence),
            (lost.clone(), stop.clone()),
        ));
        Ok(Self { locks, name, owner, fence, heartbeat: AbortOnDropHandle::new(heartbeat), lost })
    }

    /// Whether it went to somebody else.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Gives it back. A failure is only noted: the lease runs out by itself.
    pub(super) async fn release(self) {
        drop(self.heartbeat);
        if let Err(error) = self.locks.release(&self.name, &self.owner, self.fence).await {
            tracing::warn!(lock = self.name, "the lock was not given back and runs out by itself: {error:#}");
        }
    }
}

async fn renew_until_lost(
    locks: Arc<dyn TargetLocks>,
    (name, owner, fence): (String, String, u64),
    (lost, stop): (CancellationToken, CancellationToken),
) {
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        ticks.tick().await;
        match locks.renew(&name, &owner, fence, LEASE).await {
            Ok(true) => failures = 0,
            Ok(false) => break,
            Err(error) => {
                failures += 1;
                tracing::warn!(lock = name, failures, "the lock could not be renewed: {error:#}");
                if HEARTBEAT * failures >= LEASE {
                    break;
                }
            }
        }
    }
    lost.cancel();
    stop.cancel();
}

/// Locks among the tasks of one process, without a lease: they end with the process.
#[derive(Debug, Default)]
pub struct ProcessLocks {
    /// Owners by the name of the lock.
    held: Mutex<HashMap<String, String>>,
}

#[async_trait]
impl TargetLocks for ProcessLocks {
    async fn acquire(&self, name: &str, owner: &str, _: Duration) -> anyhow::Result<Acquired> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = held.get(name) {
            return Ok(Acquired::No { holder: holder.clone() });
        }
        held.insert(name.to_owned(), owner.to_owned());
        Ok(Acquired::Yes { fence: 1 })
    }

    async fn renew(&self, name: &str, owner: &str, _: u64, _: Duration) -> anyhow::Result<bool> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.get(name).is_some_and(|holder| holder == owner))
    }

    async fn release(&self, name: &str, owner: &str, _: u64) -> anyhow::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|held_name, holder| held_name != name || holder != owner);
        Ok(())
    }
}
