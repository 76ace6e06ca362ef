//! Every version of every plugin that was ever seen.

use super::row::Row;
use super::statement::Statement;
use super::word::words;
use super::{PAGE_LIMIT, RETENTION_BATCH, Store, StoreError};
use crate::clock::Timestamp;

words! {
    /// What became of a plugin's version.
    PluginState {
        /// It serves calls.
        Active = "active",
        /// A newer one serves calls.
        Superseded = "superseded",
        /// It was not loaded, for the reason beside.
        Refused = "refused",
        /// Its file is gone.
        Removed = "removed",
    }
}

/// A version as it is seen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPluginVersion {
    /// The file's name without `.wasm`.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The world that it exports, if it is known.
    pub kind: Option<String>,
    /// What it calls its version, if it is known.
    pub version: Option<String>,
    /// What became of it.
    pub state: PluginState,
    /// Why, where that is not plain.
    pub reason: Option<String>,
}

/// A version that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginVersion {
    /// The file's name without `.wasm`.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The world that it exports, if it is known.
    pub kind: Option<String>,
    /// What it calls its version, if it is known.
    pub version: Option<String>,
    /// What became of it.
    pub state: PluginState,
    /// Why, where that is not plain.
    pub reason: Option<String>,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When its state was last recorded.
    pub last_seen_at: Timestamp,
}

impl Store {
    /// Records what a version is now; the name and the hash are its identity, and a kind or version that is not known
    /// now leaves what was known before.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn record_plugin_version(&self, seen: &NewPluginVersion) -> Result<(), StoreError> {
        let upsert = Statement::new(
            "insert into plugin_versions (name, hash, kind, version, state, reason, first_seen_at, last_seen_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $7) \
             on conflict (name, hash) do update set \
               kind = coalesce(excluded.kind, plugin_versions.kind), \
               version = coalesce(excluded.version, plugin_versions.version), \
               state = excluded.state, reason = excluded.reason, last_seen_at = excluded.last_seen_at",
        );
        let upsert = upsert
            .bind(&seen.name)
            .bind(&seen.hash)
            .bind(&seen.kind)
            .bind(&seen.version)
            .bind(seen.state)
            .bind(&seen.reason)
            .bind(self.now());
        self.database.change(upsert).await?;
        Ok(())
    }

    /// The versions of one plugin or of all: plugins by name, the version seen last first; at most [`PAGE_LIMIT`].
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn plugin_versions(&self, name: Option<&str>) -> Result<Vec<PluginVersion>, StoreError> {
        let mut select = Statement::new(
            "select name, hash, kind, version, state, reason, first_seen_at, last_seen_at from plugin_versions",
        );
        if let Some(name) = name {
            select.push(" where name = ").push_bind(name);
        }
        select.push(" order by name, last_seen_at desc, hash limit ").push_bind(PAGE_LIMIT);
        self.database.read(select, PluginVersion::from_row).await
    }

    /// Forgets versions that do not serve and were last seen before `instant`. Returns how many are gone.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn delete_plugin_versions_before(&self, instant: Timestamp) -> Result<u64, StoreError> {
        let delete = Statement::new(
            "delete from plugin_versions where (name, hash) in ( \
               select name, hash from plugin_versions where last_seen_at < $1 and state <> 'active' limit $2)",
        );
        self.database.delete_in_batches(&delete.bind(instant).bind(RETENTION_BATCH)).await
    }
}

impl PluginVersion {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.get("name")?,
            hash: row.get("hash")?,
            kind: row.get("kind")?,
            version: row.get("version")?,
            state: row.word("state")?,
            reason: row.get("reason")?,
            first_seen_at: row.instant("first_seen_at")?,
            last_seen_at: row.instant("last_seen_at")?,
        })
    }
}
