//! Finished backup files, as the store remembers them. It must not know how one is made or where its bytes are.

use serde_json::Value as Json;

use super::cursor::Cursor;
use super::row::Row;
use super::statement::Statement;
use super::word::words;
use super::{Store, StoreError, page_size};
use crate::clock::Timestamp;

words! {
    /// How far an artifact was proven; each level includes those before it.
    Proof {
        /// The file is there, with the size that its manifest says.
        Present = "present",
        /// Its SHA-256 is the manifest's.
        Hash = "hash",
        /// It decompresses to the end.
        Decompressed = "decompressed",
        /// The dump inside is complete.
        Structure = "structure",
        /// It was restored, and every error of the restore was accounted for.
        Restored = "restored",
        /// What was restored has the contents that were dumped.
        Contents = "contents",
        /// The whole cluster came up from it, roles included.
        ClusterRestored = "cluster-restored",
    }
}

/// What an artifact holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactScope {
    /// Every database of a server, roles included.
    Cluster,
    /// The database of this name.
    Database(String),
}

/// A finished backup file.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// UUID version 7, from [`Store::new_id`].
    pub id: String,
    /// The file's name.
    pub name: String,
    /// The server it was taken from, by its name in the configuration.
    pub server: String,
    /// What it holds.
    pub scope: ArtifactScope,
    /// The folder it lies in.
    pub location: String,
    /// When the dump began.
    pub created_at: Timestamp,
    /// When the file was whole.
    pub finished_at: Timestamp,
    /// The file's size.
    pub size_bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The highest level it passed; `None` when the last verification failed: it is damaged.
    pub proof: Option<Proof>,
    /// When it was last verified.
    pub proof_at: Timestamp,
    /// The run that made it.
    pub run_id: Option<String>,
    /// The manifest that lies beside it.
    pub manifest: Json,
}

/// Which artifacts to list. An absent field does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactFilter {
    /// From this server.
    pub server: Option<String>,
    /// With this scope.
    pub scope: Option<ArtifactScope>,
    /// With this file name.
    pub name: Option<String>,
    /// Older than the end of the page before.
    pub after: Option<Cursor>,
    /// At most so many; absent means [`PAGE_LIMIT`](super::PAGE_LIMIT), which bounds it in any case.
    pub limit: Option<u32>,
}

macro_rules! columns {
    () => {
        "id, name, server, database, location, created_at, finished_at, size_bytes, sha256, proof, proof_at, run_id, \
         manifest"
    };
}

const SELECT: &str = concat!("select ", columns!(), " from artifacts");

impl Store {
    /// Remembers a finished file.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the identifier, or the name in that location, is known already; any other
    /// [`StoreError`].
    pub async fn insert_artifact(&self, artifact: &Artifact) -> Result<(), StoreError> {
        const INSERT: &str = concat!(
            "insert into artifacts (",
            columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        );
        let insert = Statement::new(INSERT)
            .bind(&artifact.id)
            .bind(&artifact.name)
            .bind(&artifact.server)
            .bind(artifact.scope.database())
            .bind(&artifact.location)
            .bind(artifact.created_at)
            .bind(artifact.finished_at)
            .bind(artifact.size_bytes)
            .bind(&artifact.sha256)
            .bind(artifact.proof.map(Proof::as_str))
            .bind(artifact.proof_at)
            .bind(&artifact.run_id)
            .bind(&artifact.manifest);
        self.database.change(insert).await?;
        Ok(())
    }

    /// One artifact.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn artifact(&self, id: &str) -> Result<Option<Artifact>, StoreError> {
        let mut select = Statement::new(SELECT);
        select.push(" where id = ").push_bind(id);
        self.database.read_optional(select, Artifact::from_row).await
    }

    /// Artifacts, newest first. [`Artifact::cursor`] of the last one leads to the next page.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, StoreError> {
        let mut select = Statement::new(SELECT);
        select.push(" where true");
        if let Some(server) = &filter.server {
            select.push(" and server = ").push_bind(server);
        }
        match &filter.scope {
            None => {}
            Some(ArtifactScope::Cluster) => {
                select.push(" and database is null");
            }
            Some(ArtifactScope::Database(database)) => {
                select.push(" and database = ").push_bind(database);
            }
        }
        if let Some(name) = &filter.name {
            select.push(" and name = ").push_bind(name);
        }
        if let Some(after) = &filter.after {
            select
                .push(" and (created_at, id) < ")
                .push_rows([vec![after.instant.into(), (&after.id).into()]]);
        }
        select.push(" order by created_at desc, id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, Artifact::from_row).await
    }

    /// Records what a verification found; `None` marks the artifact as damaged. `false`: there is no such artifact.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn set_artifact_proof(&self, id: &str, proof: Option<Proof>) -> Result<bool, StoreError> {
        let update = Statement::new("update artifacts set proof = $2, proof_at = $3 where id = $1");
        let update = update.bind(id).bind(proof.map(Proof::as_str)).bind(self.now());
        Ok(self.database.change(update).await? == 1)
    }

    /// Forgets an artifact. `false`: there is no such artifact.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn delete_artifact(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.database.change(Statement::new("delete from artifacts where id = $1").bind(id)).await? == 1)
    }
}

impl Artifact {
    /// The place of this artifact in a listing.
    pub fn cursor(&self) -> Cursor {
        Cursor { instant: self.created_at, id: self.id.clone() }
    }

    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let database: Option<String> = row.get("database")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            server: row.get("server")?,
            scope: database.map_or(ArtifactScope::Cluster, ArtifactScope::Database),
            location: row.get("location")?,
            created_at: row.instant("created_at")?,
            finished_at: row.instant("finished_at")?,
            size_bytes: row.unsigned("size_bytes")?,
            sha256: row.get("sha256")?,
            proof: row.optional_word("proof")?,
            proof_at: row.instant("proof_at")?,
            run_id: row.get("run_id")?,
            manifest: row.json("manifest")?,
        })
    }
}

impl ArtifactScope {
    fn database(&self) -> Option<&str> {
        match self {
            Self::Cluster => None,
            Self::Database(name) => Some(name),
        }
    }
}
