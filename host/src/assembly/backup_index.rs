//! The index of the artifacts, kept in the store beside those of other hosts.

use anyhow::Context;
use async_trait::async_trait;

use crate::backup::{Artifact, Catalogue, Manifest, Proof, Scope};
use crate::store::{self, ArtifactFilter, ArtifactScope, Store, StoreError};

/// The store as an index of one host's backup folder.
pub struct StoreIndex {
    /// The store.
    pub store: Store,
    /// The folder, with the host it is on: another host has another folder of that name.
    pub location: String,
}

#[async_trait]
impl Catalogue for StoreIndex {
    async fn record(&self, artifact: &Artifact) -> anyhow::Result<()> {
        let row = self.row(&artifact.manifest)?;
        match self.store.insert_artifact(&row).await {
            Err(StoreError::Conflict { .. }) => {
                self.store.set_artifact_proof(&row.id, proof(artifact)).await?;
                Ok(())
            }
            result => Ok(result?),
        }
    }

    async fn forget(&self, id: &str) -> anyhow::Result<()> {
        self.store.delete_artifact(id).await?;
        Ok(())
    }

    async fn ids(&self) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        let mut filter = ArtifactFilter::default();
        loop {
            let page = self.store.artifacts(&filter).await?;
            let Some(last) = page.last() else { return Ok(ids) };
            filter.after = Some(last.cursor());
            ids.extend(page.into_iter().filter(|row| row.location == self.location).map(|row| row.id));
        }
    }
}

impl StoreIndex {
    fn row(&self, manifest: &Manifest) -> anyhow::Result<store::Artifact> {
        Ok(store::Artifact {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            server: manifest.server.clone(),
            scope: match &manifest.scope {
                Scope::Cluster => ArtifactScope::Cluster,
                Scope::Database(name) => ArtifactScope::Database(name.clone()),
            },
            location: self.location.clone(),
            created_at: manifest.created_at,
            finished_at: manifest.finished_at,
            size_bytes: manifest.size_bytes,
            sha256: manifest.sha256.clone(),
            proof: manifest.proof.map(level),
            proof_at: manifest.proven_at,
            run_id: None,
            manifest: serde_json::to_value(manifest).context("a manifest is JSON")?,
        })
    }
}

fn proof(artifact: &Artifact) -> Option<store::Proof> {
    artifact.proof().map(level)
}

fn level(proof: Proof) -> store::Proof {
    match proof {
        Proof::Present => store::Proof::Present,
        Proof::Hash => store::Proof::Hash,
        Proof::Decompressed => store::Proof::Decompressed,
        Proof::Structure => store::Proof::Structure,
        Proof::Restored => store::Proof::Restored,
        Proof::Contents => store::Proof::Contents,
        Proof::ClusterRestored => store::Proof::ClusterRestored,
    }
}
