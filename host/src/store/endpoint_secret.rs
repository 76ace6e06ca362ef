//! The signing keys of endpoints. They leave the store for the host's signer only: no listing has them.

use std::time::Duration;

use secrecy::SecretString;

use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::clock::Timestamp;

/// A signing key of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointSecret {
    /// The endpoint.
    pub endpoint_id: String,
    /// UUID version 7.
    pub id: String,
    /// `whsec_...` or `whsk_...`.
    pub key: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops signing, if it is being replaced.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Adds a key that signs from now on. The ones before go on signing for `overlap`. `false`: there is no such
    /// endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn rotate_endpoint_secret(
        &self,
        endpoint_id: &str,
        key: &str,
        overlap: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let mut transaction = self.database.begin().await?;
        let touch = Statement::new("update endpoints set updated_at = $2 where id = $1");
        if transaction.change(touch.bind(endpoint_id).bind(now)).await? == 0 {
            return Ok(false);
        }
        let forget =
            Statement::new("delete from endpoint_secrets where endpoint_id = $1 and expires_at <= $2");
        transaction.change(forget.bind(endpoint_id).bind(now)).await?;
        let retire = Statement::new(
            "update endpoint_secrets set expires_at = $2 \
             where endpoint_id = $1 and (expires_at is null or expires_at > $2)",
        );
        transaction.change(retire.bind(endpoint_id).bind(now + overlap)).await?;
        transaction.change(self.insert_key(endpoint_id, key)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The keys that sign now, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn endpoint_secrets(&self, endpoint_id: &str) -> Result<Vec<EndpointSecret>, StoreError> {
        let select = Statement::new(
            "select endpoint_id, id, key, created_at, expires_at from endpoint_secrets \
             where endpoint_id = $1 and (expires_at is null or expires_at > $2) order by id desc",
        );
        self.database.read(select.bind(endpoint_id).bind(self.now()), EndpointSecret::from_row).await
    }

    pub(super) fn insert_key(&self, endpoint_id: &str, key: &str) -> Statement {
        Statement::new(
            "insert into endpoint_secrets (endpoint_id, id, key, created_at) values ($1, $2, $3, $4)",
        )
        .bind(endpoint_id)
        .bind(&self.new_id())
        .bind(key)
        .bind(self.now())
    }
}

impl EndpointSecret {
    pub(super) fn from_row(row: &Row) -> sqlx::Result<Self> {
        let key: String = row.get("key")?;
        Ok(Self {
            endpoint_id: row.get("endpoint_id")?,
            id: row.get("id")?,
            key: key.into(),
            created_at: row.instant("created_at")?,
            expires_at: row.optional_instant("expires_at")?,
        })
    }
}
