//! Access tokens of the HTTP API. The store knows a token by the hash of its secret only.

use super::row::Row;
use super::statement::Statement;
use super::word::words;
use super::{Store, StoreError};
use crate::clock::Timestamp;

words! {
    /// What the holder of a token may do. Each may do what those before it may.
    Role {
        /// Look.
        Viewer = "viewer",
        /// Send, and keep endpoints and dead letters.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
}

/// A token that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What its holder may do.
    pub role: Role,
    /// The one tenant that it is for; without one it is for all.
    pub tenant_id: Option<String>,
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub hash: String,
}

/// A token on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// UUID version 7.
    pub id: String,
    /// What was said of it.
    pub spec: NewToken,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

macro_rules! token_columns {
    () => {
        "id, role, tenant_id, hash, created_at, revoked_at"
    };
}

impl Store {
    /// Records a token.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn insert_token(&self, new: &NewToken) -> Result<Token, StoreError> {
        let token = Token { id: self.new_id(), spec: new.clone(), created_at: self.now(), revoked_at: None };
        let insert = Statement::new(
            "insert into tokens (id, role, tenant_id, hash, created_at) values ($1, $2, $3, $4, $5)",
        );
        let insert = insert.bind(&token.id).bind(new.role).bind(&new.tenant_id).bind(&new.hash);
        self.database.change(insert.bind(token.created_at)).await?;
        Ok(token)
    }

    /// One token, revoked or not.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        const SELECT: &str = concat!("select ", token_columns!(), " from tokens where id = $1");
        self.database.read_optional(Statement::new(SELECT).bind(id), Token::from_row).await
    }

    /// All tokens, newest first, the revoked ones too.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        const SELECT: &str = concat!("select ", token_columns!(), " from tokens order by id desc");
        self.database.read(Statement::new(SELECT), Token::from_row).await
    }

    /// Makes a token open nothing any more. `false`: it did not before, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        let revoke = Statement::new("update tokens set revoked_at = $2 where id = $1 and revoked_at is null");
        Ok(self.database.change(revoke.bind(id).bind(self.now())).await? == 1)
    }
}

impl Token {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            spec: NewToken {
                role: row.word("role")?,
                tenant_id: row.get("tenant_id")?,
                hash: row.get("hash")?,
            },
            created_at: row.instant("created_at")?,
            revoked_at: row.optional_instant("revoked_at")?,
        })
    }
}
