//! Artifacts that rot, are cut, or were half made.

use std::path::Path;

use tokio_util::sync::CancellationToken;
use zelador::backup::{Artifact, Proof, Verification, unobserved};
use zelador_tests::postgres::Cluster;

use super::{Room, embedded, server_of};

async fn verify(room: &Room, what: &str) -> Verification {
    room.archive.verify(what, unobserved(), &CancellationToken::new()).await.unwrap()
}

/// The file beside the artifact, with its manifest, under another name.
fn copy_with(room: &Room, artifact: &Artifact, bytes: &[u8]) -> String {
    let copy = room.path("copy.gz");
    std::fs::write(&copy, bytes).unwrap();
    let manifest = |path: &Path| format!("{}.manifest.json", path.display());
    std::fs::copy(manifest(&artifact.path), manifest(&copy)).unwrap();
    copy.display().to_string()
}

async fn assert_damage_is_found(room: &Room, artifact: &Artifact) {
    let whole = std::fs::read(&artifact.path).unwrap();
    let path = copy_with(room, artifact, &whole);
    assert_eq!(verify(room, &path).await.proof(), Some(Proof::Structure));

    for n in 0..50 {
        let cut = whole.len() * n / 50;
        std::fs::write(&path, &whole[..cut]).unwrap();
        let found = verify(room, &path).await;
        assert!(found.proof().is_none() && !found.findings.is_empty(), "cut at {cut}: {found:?}");
    }
    for n in 0..50 {
        let mut bytes = whole.clone();
        let place = (whole.len() - 1) * n / 49;
        bytes[place] ^= 1 << (n % 8);
        std::fs::write(&path, &bytes).unwrap();
        let found = verify(room, &path).await;
        assert!(found.proof().is_none(), "flipped a bit of byte {place}: {found:?}");
        assert!(found.reached <= Some(Proof::Present), "{found:?}");
    }
}

#[tokio::test]
async fn every_cut_and_every_flipped_bit_of_a_cluster_backup_is_found() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create table t as select md5(i::text) from generate_series(1, 60000) i");
    let room = Room::new();
    let artifact = room.create(&server_of(&cluster)).await.unwrap();
    assert!(artifact.manifest.content_bytes > 1 << 20, "it has more than one member");
    assert_damage_is_found(&room, &artifact).await;
    assert_cuts_are_found_without_a_manifest(&room, &artifact).await;
}

/// What is left to go by is the content itself: a cut at the end of a member decompresses well.
async fn assert_cuts_are_found_without_a_manifest(room: &Room, artifact: &Artifact) {
    let whole = std::fs::read(&artifact.path).unwrap();
    let path = room.path("alone.sql.gz");
    let magic = [0x1F, 0x8B, 8, 0];
    let members: Vec<usize> = (1..whole.len() - 4).filter(|at| whole[*at..].starts_with(&magic)).collect();
    assert!(!members.is_empty());
    for cut in members.into_iter().chain([whole.len() / 3, whole.len() - 1]) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let found = verify(room, path.to_str().unwrap()).await;
        assert!(!found.findings.is_empty(), "cut at {cut}: {found:?}");
    }
    std::fs::write(&path, &whole).unwrap();
    let found = verify(room, path.to_str().unwrap()).await;
    assert_eq!((found.findings.len(), found.notes.len()), (0, 1), "{found:?}");
}

#[tokio::test]
async fn every_cut_and_every_flipped_bit_of_an_embedded_backup_is_found() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let artifact = room.create(&server).await.unwrap();
    assert_damage_is_found(&room, &artifact).await;
}

#[tokio::test]
async fn a_damaged_artifact_is_remembered_as_such_and_a_mended_one_is_good_again() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let artifact = room.create(&server).await.unwrap();
    let (id, whole) = (&artifact.manifest.id, std::fs::read(&artifact.path).unwrap());
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    std::fs::write(&artifact.path, &bytes).unwrap();
    assert!(verify(&room, id).await.proof().is_none());
    assert_eq!(room.archive.artifact(id).await.unwrap().proof(), None);
    std::fs::write(&artifact.path, &whole).unwrap();
    assert_eq!(verify(&room, &artifact.manifest.name).await.proof(), Some(Proof::Structure));
    assert!(room.archive.artifact(id).await.unwrap().is_good());
    std::fs::remove_file(&artifact.path).unwrap();
    let found = verify(&room, id).await;
    assert_eq!(found.findings, ["the file is missing"]);
}

#[tokio::test]
async fn what_a_killed_run_leaves_is_swept_and_what_it_nearly_published_is_finished() {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    let artifact = room.create(&server).await.unwrap();
    let name = &artifact.manifest.name;
    let backups = room.path("backups");
    // Killed between the two renames: the file has its name, its manifest is still hidden.
    let (shown, hidden) = (format!("{name}.manifest.json"), format!(".{name}.manifest.json.partial"));
    std::fs::rename(backups.join(&shown), backups.join(&hidden)).unwrap();
    assert_eq!(room.archive.list().await.unwrap(), []);
    // Killed while writing.
    for left in [
        ".medmanager_backup_20250101_000000.sql.gz.partial",
        ".medmanager_backup_app_20250101_000000.db.gz.copy",
    ] {
        std::fs::write(backups.join(left), "half").unwrap();
    }
    for not_ours in [".other_20250101.partial", "medmanager_backup_by_hand.sql.gz"] {
        std::fs::write(backups.join(not_ours), "not ours").unwrap();
    }
    let swept = room.archive.sweep().await.unwrap();
    assert_eq!(swept.len(), 2, "{swept:?}");
    assert_eq!(room.archive.list().await.unwrap(), std::slice::from_ref(&artifact));
    assert_eq!(room.files(), [".other_20250101.partial", name, &shown, "medmanager_backup_by_hand.sql.gz"]);
}

#[tokio::test]
async fn sweeping_leaves_alone_what_a_living_run_writes() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create table t as select md5(i::text) from generate_series(1, 100000) i");
    let room = Room::new();
    let (archive, runtime) = (room.archive.clone(), tokio::runtime::Handle::current());
    let observer: zelador::backup::Observer = std::sync::Arc::new(move |_| {
        assert_eq!(runtime.block_on(archive.sweep()).unwrap().len(), 0);
    });
    let made =
        room.archive.create(super::whole(&server_of(&cluster)), observer, &CancellationToken::new()).await;
    assert!(made.unwrap().is_good());
}
