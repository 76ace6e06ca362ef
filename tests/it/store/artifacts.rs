//! Finished backup files.

use std::time::Duration;

use serde_json::json;
use zelador::clock::Clock;
use zelador::store::{Artifact, ArtifactFilter, ArtifactScope, Cursor, Proof, Store, StoreError};

use super::fixture::{Fixture, on_both_databases};

on_both_databases! {
    an_artifact_reads_back_as_it_was_written,
    an_artifact_is_known_once,
    a_verification_is_recorded,
    artifacts_are_narrowed,
    artifacts_are_listed_newest_first_while_they_are_deleted,
}

fn artifact(store: &Store, fixture: &Fixture, name: &str) -> Artifact {
    let now = fixture.clock.now();
    Artifact {
        id: store.new_id(),
        name: name.into(),
        server: "main".into(),
        scope: ArtifactScope::Cluster,
        location: "/var/backups".into(),
        created_at: now,
        finished_at: now + Duration::from_secs(60),
        size_bytes: 1 << 40,
        sha256: "ab".repeat(32),
        proof: Some(Proof::Structure),
        proof_at: now,
        run_id: Some("a-run-that-was-forgotten".into()),
        manifest: json!({"version": 1, "databases": ["a", "b\u{0}"]}),
    }
}

fn ids(artifacts: &[Artifact]) -> Vec<&str> {
    artifacts.iter().map(|artifact| artifact.id.as_str()).collect()
}

async fn an_artifact_reads_back_as_it_was_written(fixture: Fixture) {
    let store = fixture.open().await;
    for (number, proof) in Proof::ALL.iter().copied().map(Some).chain([None]).enumerate() {
        let mut written = artifact(&store, &fixture, &format!("medmanager_backup_{number}.sql.gz"));
        written.proof = proof;
        if number % 2 == 0 {
            written.scope = ArtifactScope::Database("tenant_1".into());
            written.run_id = None;
        }
        store.insert_artifact(&written).await.unwrap();
        written.manifest = json!({"version": 1, "databases": ["a", "b\u{fffd}"]});
        assert_eq!(store.artifact(&written.id).await.unwrap(), Some(written));
    }
    assert_eq!(store.artifact("nobody").await.unwrap(), None);
}

async fn an_artifact_is_known_once(fixture: Fixture) {
    let store = fixture.open().await;
    let first = artifact(&store, &fixture, "a.sql.gz");
    store.insert_artifact(&first).await.unwrap();
    let same_id = Artifact { name: "b.sql.gz".into(), ..first.clone() };
    let same_file = Artifact { id: store.new_id(), ..first.clone() };
    for copy in [&first, &same_id, &same_file] {
        let error = store.insert_artifact(copy).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    }
    let elsewhere = Artifact { id: store.new_id(), location: "/mnt".into(), ..first };
    store.insert_artifact(&elsewhere).await.unwrap();
}

async fn a_verification_is_recorded(fixture: Fixture) {
    let store = fixture.open().await;
    let artifact = artifact(&store, &fixture, "a.sql.gz");
    store.insert_artifact(&artifact).await.unwrap();
    for proof in [None, Some(Proof::ClusterRestored)] {
        fixture.clock.advance(Duration::from_secs(1));
        assert!(store.set_artifact_proof(&artifact.id, proof).await.unwrap());
        let known = store.artifact(&artifact.id).await.unwrap().unwrap();
        assert_eq!((known.proof, known.proof_at), (proof, fixture.clock.now()));
    }
    assert!(store.delete_artifact(&artifact.id).await.unwrap());
    assert!(!store.delete_artifact(&artifact.id).await.unwrap());
    assert!(!store.set_artifact_proof(&artifact.id, None).await.unwrap());
}

async fn artifacts_are_narrowed(fixture: Fixture) {
    let store = fixture.open().await;
    let cluster = artifact(&store, &fixture, "1");
    let database =
        Artifact { scope: ArtifactScope::Database("app".into()), ..artifact(&store, &fixture, "2") };
    let other = Artifact { server: "other".into(), ..artifact(&store, &fixture, "3") };
    for artifact in [&cluster, &database, &other] {
        store.insert_artifact(artifact).await.unwrap();
    }
    let everything = ArtifactFilter::default();
    let main = ArtifactFilter { server: Some("main".into()), ..everything.clone() };
    let clusters = ArtifactFilter { scope: Some(ArtifactScope::Cluster), ..everything.clone() };
    let app = ArtifactFilter { scope: Some(database.scope.clone()), ..everything.clone() };
    let named = ArtifactFilter { name: Some("3".into()), ..everything.clone() };
    let cases = [
        (everything, vec![&other, &database, &cluster]),
        (main, vec![&database, &cluster]),
        (clusters, vec![&other, &cluster]),
        (app, vec![&database]),
        (named, vec![&other]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<&str> = expected.into_iter().map(|artifact| artifact.id.as_str()).collect();
        assert_eq!(ids(&store.artifacts(&filter).await.unwrap()), expected, "{filter:?}");
    }
}

/// Pages of two, of artifacts two of which began in the same millisecond, each deleted before the next page is read.
async fn artifacts_are_listed_newest_first_while_they_are_deleted(fixture: Fixture) {
    let store = fixture.open().await;
    let mut expected = Vec::new();
    for number in 0..7 {
        fixture.clock.advance(Duration::from_millis(number % 2));
        let artifact = artifact(&store, &fixture, &number.to_string());
        store.insert_artifact(&artifact).await.unwrap();
        expected.insert(0, artifact.id);
    }
    let mut listed = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let filter = ArtifactFilter { after: after.take(), limit: Some(2), ..ArtifactFilter::default() };
        let page = store.artifacts(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        // Through its text, as a plugin would hand it back.
        after = Some(last.cursor().to_string().parse().unwrap());
        for artifact in page {
            assert!(store.delete_artifact(&artifact.id).await.unwrap());
            listed.push(artifact.id);
        }
    }
    assert_eq!(listed, expected);
}
