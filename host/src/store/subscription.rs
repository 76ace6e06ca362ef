//! Tenants and what they pay for, where Zelador's own tables are the source. It must not know when to remind whom.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::database::Transaction;
use super::row::Row;
use super::statement::Statement;
use super::word::words;
use super::{Store, StoreError, page_size};
use crate::clock::Timestamp;

words! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// Paid for, or due.
        Active = "active",
        /// Its period ended without a renewal.
        Expired = "expired",
        /// Its tenant ended it.
        Cancelled = "cancelled",
    }
}

/// A subscription with its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The application's identifier of it.
    pub id: String,
    /// The application's identifier of the tenant.
    pub tenant_id: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// Where the tenant reads mail.
    pub email: String,
    /// The tenant's time zone, an IANA name.
    pub timezone: String,
    /// The tenant's language, a BCP 47 tag.
    pub locale: String,
    /// When the period ends.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub status: SubscriptionStatus,
}

/// Which subscriptions to list. An absent field does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// In this status.
    pub status: Option<SubscriptionStatus>,
    /// Whose period ends before this instant, the past ones included.
    pub expiring_before: Option<Timestamp>,
    /// Behind the end of the page before.
    pub after: Option<Cursor>,
    /// At most so many; absent means [`PAGE_LIMIT`](super::PAGE_LIMIT), which bounds it in any case.
    pub limit: Option<u32>,
}

/// Rows that one statement inserts: seven values each, far below what either database takes in a statement.
const ROWS_PER_INSERT: usize = 500;

impl Store {
    /// Writes subscriptions and their tenants, new ones and changed ones, all or none. Of two rows with the same
    /// identifier the later one counts.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was written.
    pub async fn upsert_subscriptions(&self, rows: &[Subscription]) -> Result<(), StoreError> {
        // In the order of their identifiers, so that two imports at once do not wait for each other in a circle.
        let tenants: BTreeMap<&str, &Subscription> =
            rows.iter().map(|row| (row.tenant_id.as_str(), row)).collect();
        let subscriptions: BTreeMap<&str, &Subscription> =
            rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let mut transaction = self.database.begin().await?;
        let now = self.now();
        for chunk in tenants.into_values().collect::<Vec<_>>().chunks(ROWS_PER_INSERT) {
            upsert_tenants(&mut transaction, chunk, now).await?;
        }
        for chunk in subscriptions.into_values().collect::<Vec<_>>().chunks(ROWS_PER_INSERT) {
            upsert_subscriptions(&mut transaction, chunk, now).await?;
        }
        transaction.commit().await
    }

    /// Subscriptions, the period that ends first first. [`Subscription::cursor`] of the last one leads to the next
    /// page.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn subscriptions(&self, filter: &SubscriptionFilter) -> Result<Vec<Subscription>, StoreError> {
        let mut select = Statement::new(
            "select s.id, s.tenant_id, t.name as tenant_name, t.email, t.timezone, t.locale, s.expires_at, s.status \
             from subscriptions s join tenants t on t.id = s.tenant_id where true",
        );
        if let Some(status) = filter.status {
            select.push(" and s.status = ").push_bind(status);
        }
        if let Some(instant) = filter.expiring_before {
            select.push(" and s.expires_at < ").push_bind(instant);
        }
        if let Some(after) = &filter.after {
            let end = vec![after.instant.into(), (&after.id).into()];
            select.push(" and (s.expires_at, s.id) > ").push_rows([end]);
        }
        select.push(" order by s.expires_at, s.id limit ").push_bind(page_size(filter.limit));
        self.database.read(select, Subscription::from_row).await
    }
}

async fn upsert_tenants(
    transaction: &mut Transaction,
    rows: &[&Subscription],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut upsert = Statement::new(
        "insert into tenants (id, name, email, timezone, locale, created_at, updated_at) values ",
    );
    upsert
        .push_rows(rows.iter().map(|row| {
            let texts = [&row.tenant_id, &row.tenant_name, &row.email, &row.timezone, &row.locale];
            texts.into_iter().map(Into::into).chain([now.into(), now.into()]).collect()
        }))
        .push(
            " on conflict (id) do update set name = excluded.name, email = excluded.email, \
              timezone = excluded.timezone, locale = excluded.locale, updated_at = excluded.updated_at",
        );
    transaction.change(upsert).await?;
    Ok(())
}

async fn upsert_subscriptions(
    transaction: &mut Transaction,
    rows: &[&Subscription],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut upsert = Statement::new(
        "insert into subscriptions (id, tenant_id, expires_at, status, created_at, updated_at) values ",
    );
    upsert
        .push_rows(rows.iter().map(|row| {
            vec![
                (&row.id).into(),
                (&row.tenant_id).into(),
                row.expires_at.into(),
                row.status.into(),
                now.into(),
                now.into(),
            ]
        }))
        .push(
            " on conflict (id) do update set tenant_id = excluded.tenant_id, expires_at = excluded.expires_at, \
              status = excluded.status, updated_at = excluded.updated_at",
        );
    transaction.change(upsert).await?;
    Ok(())
}

impl Subscription {
    /// The place of this subscription in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.expires_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            tenant_id: row.get("tenant_id")?,
            tenant_name: row.get("tenant_name")?,
            email: row.get("email")?,
            timezone: row.get("timezone")?,
            locale: row.get("locale")?,
            expires_at: row.instant("expires_at")?,
            status: row.word("status")?,
        })
    }
}
