//! The audit trail: who decided what about whom. The operator's own statements read its table.

use serde_json::Value as Json;

use super::cursor::Cursor;
use super::row::Row;
use super::statement::Statement;
use super::{RETENTION_BATCH, Store, StoreError, page_size};
use crate::clock::Timestamp;

/// A row to write; the store adds the identifier and the time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// The tenant that it is about.
    pub tenant_id: Option<String>,
    /// An upper-case word: `NOTIFICATION`.
    pub operation: String,
    /// What it says: a JSON object.
    pub new_data: Json,
    /// The plugin that decided.
    pub plugin: Option<String>,
    /// The run in which it decided.
    pub run_id: Option<String>,
}

/// A row of the audit trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// UUID version 7.
    pub id: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// The tenant that it is about.
    pub tenant_id: Option<String>,
    /// An upper-case word: `NOTIFICATION`.
    pub operation: String,
    /// What it says.
    pub new_data: Json,
    /// The plugin that decided.
    pub plugin: Option<String>,
    /// The run in which it decided.
    pub run_id: Option<String>,
}

/// Which rows to list. An absent field does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this tenant.
    pub tenant_id: Option<String>,
    /// With this operation.
    pub operation: Option<String>,
    /// Older than the end of the page before.
    pub after: Option<Cursor>,
    /// At most so many; absent means [`PAGE_LIMIT`](super::PAGE_LIMIT), which bounds it in any case.
    pub limit: Option<u32>,
}

impl Store {
    /// Writes a row.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn record_audit(&self, entry: &NewAuditEntry) -> Result<(), StoreError> {
        let insert = Statement::new(
            "insert into audit_logs (id, created_at, tenant_id, operation, new_data, plugin, run_id) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        );
        let insert = insert
            .bind(&self.new_id())
            .bind(self.now())
            .bind(&entry.tenant_id)
            .bind(&entry.operation)
            .bind(&entry.new_data)
            .bind(&entry.plugin)
            .bind(&entry.run_id);
        self.database.change(insert).await?;
        Ok(())
    }

    /// Rows, newest first. [`AuditEntry::cursor`] of the last one leads to the next page.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let mut select = Statement::new(
            "select id, created_at, tenant_id, operation, new_data, plugin, run_id from audit_logs where true",
        );
        if let Some(tenant_id) = &filter.tenant_id {
            select.push(" and tenant_id = ").push_bind(tenant_id);
        }
        if let Some(operation) = &filter.operation {
            select.push(" and operation = ").push_bind(operation);
        }
        if let Some(after) = &filter.after {
            select
                .push(" and (created_at, id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by created_at desc, id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, AuditEntry::from_row).await
    }

    /// Forgets rows from before `instant`. Returns how many are gone.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn delete_audit_before(&self, instant: Timestamp) -> Result<u64, StoreError> {
        let delete = Statement::new(
            "delete from audit_logs where id in (select id from audit_logs where created_at < $1 limit $2)",
        );
        self.database.delete_in_batches(&delete.bind(instant).bind(RETENTION_BATCH)).await
    }
}

impl AuditEntry {
    /// The place of this row in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.created_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            created_at: row.instant("created_at")?,
            tenant_id: row.get("tenant_id")?,
            operation: row.get("operation")?,
            new_data: row.json("new_data")?,
            plugin: row.get("plugin")?,
            run_id: row.get("run_id")?,
        })
    }
}
