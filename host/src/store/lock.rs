//! Named locks with a lease: what must not happen twice at once, across hosts. It must not know what they protect.

use std::fmt;
use std::time::Duration;

use super::row::Row;
use super::statement::{Statement, Value};
use super::{Store, StoreError};

/// Which holder of a lease a caller is: grows with every new holder, so that a late one is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub(super) i64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fence on its way through code that does not know the store.
impl From<Fence> for u64 {
    fn from(fence: Fence) -> Self {
        fence.0.cast_unsigned()
    }
}

impl From<u64> for Fence {
    fn from(fence: u64) -> Self {
        Self(fence.cast_signed())
    }
}

impl From<Fence> for Value {
    fn from(fence: Fence) -> Self {
        fence.0.into()
    }
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// What it called itself when it took the lock.
    pub owner: String,
    /// Its fence.
    pub fence: Fence,
}

impl Store {
    /// Takes a lock for `lease` if it is free or its lease has expired. `None`: somebody holds it, be it the same
    /// `owner`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn acquire_lock(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let acquire = Statement::new(
            "insert into locks (name, owner, fence, expires_at) values ($1, $2, 1, $3) \
             on conflict (name) do update \
               set owner = excluded.owner, fence = locks.fence + 1, expires_at = excluded.expires_at \
               where locks.owner is null or locks.expires_at <= $4 \
             returning fence",
        );
        let now = self.now();
        let acquire = acquire.bind(name).bind(owner).bind(now + lease).bind(now);
        Ok(self.database.write(acquire, |row| row.get("fence").map(Fence)).await?.pop())
    }

    /// Holds a lock for `lease` from now. `false`: it was lost, and whoever asks must stop.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn renew_lock(&self, name: &str, fence: Fence, lease: Duration) -> Result<bool, StoreError> {
        let renew = Statement::new(
            "update locks set expires_at = $3 where name = $1 and fence = $2 and owner is not null",
        );
        Ok(self.database.change(renew.bind(name).bind(fence).bind(self.now() + lease)).await? == 1)
    }

    /// Gives a lock back. `false`: it was lost before.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn release_lock(&self, name: &str, fence: Fence) -> Result<bool, StoreError> {
        let release = Statement::new(
            "update locks set owner = null, expires_at = null \
             where name = $1 and fence = $2 and owner is not null",
        );
        Ok(self.database.change(release.bind(name).bind(fence)).await? == 1)
    }

    /// Who holds a lock, its lease expired or not; `None` if nobody does.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn lock_holder(&self, name: &str) -> Result<Option<LockHolder>, StoreError> {
        let select = Statement::new("select owner, fence from locks where name = $1 and owner is not null");
        let holder =
            |row: &Row| Ok(LockHolder { owner: row.get("owner")?, fence: row.get("fence").map(Fence)? });
        self.database.read_optional(select.bind(name), holder).await
    }
}
