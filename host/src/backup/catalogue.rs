//! The index of the artifacts that others look into; the manifests are the truth.

use async_trait::async_trait;

use super::archive::Artifact;

/// Where the artifacts are indexed: the store.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Enters the artifact, or brings its entry up to date.
    async fn record(&self, artifact: &Artifact) -> anyhow::Result<()>;

    /// Removes the entry, if there is one.
    async fn forget(&self, id: &str) -> anyhow::Result<()>;

    /// The ids of all entries.
    async fn ids(&self) -> anyhow::Result<Vec<String>>;
}

/// No index.
#[derive(Debug, Clone, Copy)]
pub struct NoCatalogue;

#[async_trait]
impl Catalogue for NoCatalogue {
    async fn record(&self, _: &Artifact) -> anyhow::Result<()> {
        Ok(())
    }

    async fn forget(&self, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    async fn ids(&self) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
