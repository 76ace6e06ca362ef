//! The manifest beside each artifact: the truth about it. The store's table is only an index of these files.
//!
//! It is a public format: fields are added, never renamed, and those that this version does not know are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The version of the format, raised only when an old reader would misunderstand a new file.
pub const FORMAT: u32 = 1;

/// What is known of an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// A UUIDv7.
    pub id: String,
    /// The artifact's file name, without a folder.
    pub name: String,
    /// The server it was taken from, by its name in the configuration.
    pub server: String,
    /// What of the server it holds.
    pub scope: Scope,
    /// What is inside, decompressed.
    pub content: Content,
    /// The run that made it; absent where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// When the dump began.
    pub created_at: Timestamp,
    /// When it was verified and ready to be published.
    pub finished_at: Timestamp,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the decompressed content in bytes.
    pub content_bytes: u64,
    /// SHA-256 of the random key that seals each section of the dump, so that no text inside can pass for its end;
    /// absent where the dumping program knows no such keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal_sha256: Option<String>,
    /// The program that made the content, with its version.
    pub made_by: String,
    /// The server's version.
    pub server_version: String,
    /// How far the last verification got; absent when it found damage.
    #[serde(default)]
    pub proof: Option<Proof>,
    /// When that was.
    pub proven_at: Timestamp,
    /// What newer versions wrote here.
    #[serde(flatten)]
    pub extensions: serde_json::Map<String, serde_json::Value>,
}

impl Manifest {
    /// What it is a backup of.
    pub fn target(&self) -> Target {
        Target { server: self.server.clone(), scope: self.scope.clone() }
    }
}

/// What of a server is backed up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything, roles and tablespaces included.
    Cluster,
    /// One database.
    Database(String),
}

/// What can be backed up: of two backups of one target, the newer replaces the older.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The server's name.
    pub server: String,
    /// What of it.
    pub scope: Scope,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Cluster => f.write_str(&self.server),
            Scope::Database(database) => write!(f, "{}/{database}", self.server),
        }
    }
}

/// What is inside an artifact, decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The script of `pg_dumpall`, for `psql`.
    PostgresCluster,
    /// A SQLite database file.
    SqliteDatabase,
}

impl Content {
    /// The end of an artifact's file name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::PostgresCluster => "sql.gz",
            Self::SqliteDatabase => "db.gz",
        }
    }
}

/// How far an artifact was proven. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The file is there, with the size that its manifest says.
    Present,
    /// Its SHA-256 is the manifest's.
    Hash,
    /// It decompresses to the end.
    Decompressed,
    /// What is inside is complete: it ends as its maker ends it.
    Structure,
    /// It was restored, and every error of the restore was accounted for.
    Restored,
    /// What was restored has the contents that were dumped.
    Contents,
    /// The whole cluster came up from it, roles included.
    ClusterRestored,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "present",
            Self::Hash => "hash",
            Self::Decompressed => "decompressed",
            Self::Structure => "structure",
            Self::Restored => "restored",
            Self::Contents => "contents",
            Self::ClusterRestored => "cluster-restored",
        })
    }
}
