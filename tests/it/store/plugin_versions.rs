//! Every version of every plugin.

use std::time::Duration;

use zelador::clock::Clock;
use zelador::store::{NewPluginVersion, PluginState};

use super::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_version_keeps_when_it_was_first_seen,
    versions_are_listed_by_plugin_newest_first,
    old_versions_that_do_not_serve_are_forgotten,
}

fn version(name: &str, hash: &str, state: PluginState) -> NewPluginVersion {
    NewPluginVersion { name: name.into(), hash: hash.into(), kind: None, version: None, state, reason: None }
}

async fn a_version_keeps_when_it_was_first_seen(fixture: Fixture) {
    let store = fixture.open().await;
    let first_seen = fixture.clock.now();
    let active = NewPluginVersion {
        kind: Some("job".into()),
        version: Some("1.4.0".into()),
        ..version("backup", "aa", PluginState::Active)
    };
    store.record_plugin_version(&active).await.unwrap();
    fixture.clock.advance(Duration::from_secs(60));
    let refused = NewPluginVersion {
        reason: Some("exports no known world".into()),
        ..version("backup", "aa", PluginState::Refused)
    };
    store.record_plugin_version(&refused).await.unwrap();

    let versions = store.plugin_versions(Some("backup")).await.unwrap();
    let [seen] = versions.as_slice() else { panic!("{versions:?}") };
    assert_eq!((seen.first_seen_at, seen.last_seen_at), (first_seen, fixture.clock.now()));
    assert_eq!((seen.state, seen.reason.as_ref()), (PluginState::Refused, refused.reason.as_ref()));
    assert_eq!((seen.kind.as_deref(), seen.version.as_deref()), (Some("job"), Some("1.4.0")));
}

async fn versions_are_listed_by_plugin_newest_first(fixture: Fixture) {
    let store = fixture.open().await;
    for (name, hash) in [("b", "1"), ("a", "2"), ("b", "3"), ("a", "4")] {
        fixture.clock.advance(Duration::from_secs(1));
        store.record_plugin_version(&version(name, hash, PluginState::Active)).await.unwrap();
    }
    let hashes = |versions: Vec<zelador::store::PluginVersion>| -> Vec<String> {
        versions.into_iter().map(|version| version.hash).collect()
    };
    assert_eq!(hashes(store.plugin_versions(None).await.unwrap()), ["4", "2", "3", "1"]);
    assert_eq!(hashes(store.plugin_versions(Some("b")).await.unwrap()), ["3", "1"]);
    assert_eq!(hashes(store.plugin_versions(Some("c")).await.unwrap()), [""; 0]);
}

async fn old_versions_that_do_not_serve_are_forgotten(fixture: Fixture) {
    let store = fixture.open().await;
    for &state in PluginState::ALL {
        store.record_plugin_version(&version("a", state.as_str(), state)).await.unwrap();
    }
    let boundary = fixture.clock.now();
    assert_eq!(store.delete_plugin_versions_before(boundary).await.unwrap(), 0);
    let later = boundary + Duration::from_millis(1);
    assert_eq!(store.delete_plugin_versions_before(later).await.unwrap(), 3);
    assert_eq!(store.plugin_versions(None).await.unwrap()[0].state, PluginState::Active);
}
