//! Listing, deleting, and the index.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use zelador::backup::{Artifact, BackupError, Catalogue, FileState, unobserved};

use super::{Parts, Room, embedded};

#[tokio::test]
async fn the_newest_good_backup_of_a_target_is_never_deleted() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(room.create(&server).await.unwrap());
        room.clock.advance(Duration::from_secs(60));
    }
    let [oldest, middle, newest] = made.as_slice() else { unreachable!() };
    let delete = |artifact: &Artifact| {
        let (archive, id) = (room.archive.clone(), artifact.manifest.id.clone());
        async move { archive.delete(&id).await }
    };
    assert!(matches!(delete(newest).await, Err(BackupError::LastGood { .. })));

    // The newest is damaged: now the one before it is what there is to restore from.
    std::fs::write(&newest.path, "rot").unwrap();
    let _ = room.archive.verify(&newest.manifest.id, unobserved(), &CancellationToken::new()).await.unwrap();
    assert!(matches!(delete(middle).await, Err(BackupError::LastGood { .. })));
    delete(oldest).await.unwrap();
    delete(newest).await.unwrap();
    assert_eq!(room.archive.list().await.unwrap(), std::slice::from_ref(middle));
    assert_eq!(room.files().len(), 2);
    assert!(matches!(delete(newest).await, Err(BackupError::Unknown(_))));
}

#[tokio::test]
async fn two_servers_do_not_protect_each_other() {
    let room = Room::new();
    let first = embedded(&room.path("app.db")).await;
    let path = format!("sqlite:{}", room.path("app.db").display());
    let second = zelador::backup::Server::new("app-staging", &path, None).unwrap();
    let of_first = room.create(&first).await.unwrap();
    room.clock.advance(Duration::from_secs(60));
    room.create(&second).await.unwrap();
    let refused = room.archive.delete(&of_first.manifest.id).await;
    assert!(matches!(refused, Err(BackupError::LastGood { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_hides_no_other() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let artifact = room.create(&server).await.unwrap();
    let folder = room.path("backups");
    std::fs::write(folder.join("a.manifest.json"), "{").unwrap();
    std::fs::write(folder.join("b.manifest.json"), [0xFF; 10]).unwrap();
    std::fs::write(folder.join("c.manifest.json"), vec![b' '; 2 << 20]).unwrap();
    let manifest = folder.join(format!("{}.manifest.json", artifact.manifest.name));
    let elsewhere = std::fs::read_to_string(manifest).unwrap().replace(&artifact.manifest.name, "../app.db");
    std::fs::write(folder.join("d.manifest.json"), elsewhere).unwrap();
    assert_eq!(room.archive.list().await.unwrap(), [artifact]);
}

#[tokio::test]
async fn what_a_newer_version_wrote_into_a_manifest_is_kept() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let artifact = room.create(&server).await.unwrap();
    let path = room.path(&format!("backups/{}.manifest.json", artifact.manifest.name));
    let text = std::fs::read_to_string(&path).unwrap().replacen('{', "{\"from_the_future\": [1],", 1);
    std::fs::write(&path, text).unwrap();
    room.archive.verify(&artifact.manifest.id, unobserved(), &CancellationToken::new()).await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("from_the_future"));
}

/// An index in memory.
#[derive(Default)]
struct Index(Mutex<BTreeMap<String, FileState>>);

#[async_trait]
impl Catalogue for Index {
    async fn record(&self, artifact: &Artifact) -> anyhow::Result<()> {
        self.0.lock().unwrap().insert(artifact.manifest.id.clone(), artifact.file);
        Ok(())
    }

    async fn forget(&self, id: &str) -> anyhow::Result<()> {
        self.0.lock().unwrap().remove(id);
        Ok(())
    }

    async fn ids(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }
}

#[tokio::test]
async fn the_index_follows_the_manifests() {
    let index = Arc::new(Index::default());
    let room = Room::with(Parts { catalogue: index.clone(), ..Parts::default() });
    let server = embedded(&room.path("app.db")).await;
    let (first, second) = (room.create(&server).await.unwrap(), room.create(&server).await.unwrap());
    let entries = || index.0.lock().unwrap().clone();
    assert_eq!(entries().len(), 2);

    index.0.lock().unwrap().remove(&first.manifest.id);
    index.0.lock().unwrap().insert("gone".into(), FileState::Whole);
    std::fs::remove_file(&second.path).unwrap();
    room.archive.reconcile().await.unwrap();
    let expected = [(first.manifest.id, FileState::Whole), (second.manifest.id, FileState::Missing)];
    assert_eq!(entries(), BTreeMap::from(expected));
}
