//! The locks of the backup targets, kept in the store: two hosts that share it never back up one target at once.

use std::time::Duration;

use async_trait::async_trait;

use crate::backup::{Acquired, TargetLocks};
use crate::job::Owner;
use crate::store::{Fence, Store};

/// The store as a keeper of locks.
pub struct StoreLocks(pub Store);

#[async_trait]
impl TargetLocks for StoreLocks {
    async fn acquire(&self, name: &str, owner: &str, lease: Duration) -> anyhow::Result<Acquired> {
        loop {
            if let Some(fence) = self.0.acquire_lock(name, owner, lease).await? {
                return Ok(Acquired::Yes { fence: fence.into() });
            }
            // Nobody, if it was given back since.
            let Some(holder) = self.0.lock_holder(name).await? else { continue };
            // The lease of a process that was killed need not run out.
            if !Owner::is_known_dead(&holder.owner) || !self.0.release_lock(name, holder.fence).await? {
                return Ok(Acquired::No { holder: holder.owner });
            }
        }
    }

    async fn renew(&self, name: &str, _: &str, fence: u64, lease: Duration) -> anyhow::Result<bool> {
        Ok(self.0.renew_lock(name, Fence::from(fence), lease).await?)
    }

    async fn release(&self, name: &str, _: &str, fence: u64) -> anyhow::Result<()> {
        self.0.release_lock(name, Fence::from(fence)).await?;
        Ok(())
    }
}
