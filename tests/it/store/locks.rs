//! Named locks.

use std::time::Duration;

use tokio::task::JoinSet;

use super::fixture::{Fixture, LEASE, on_both_databases};

on_both_databases! {
    one_of_many_gets_a_lock,
    a_released_lock_is_free_with_a_higher_fence,
    a_lock_that_is_renewed_is_held,
    an_expired_lock_goes_to_the_next_and_its_old_holder_is_ignored,
    locks_of_different_names_do_not_meet,
}

async fn one_of_many_gets_a_lock(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    for _ in 0..5 {
        let mut hosts = JoinSet::new();
        for number in 0..16 {
            let store = stores[number % 2].clone();
            hosts.spawn(async move { store.acquire_lock("backup:main", "host", LEASE).await.unwrap() });
        }
        let fences: Vec<_> = hosts.join_all().await.into_iter().flatten().collect();
        assert_eq!(fences.len(), 1);
        assert!(stores[0].release_lock("backup:main", fences[0]).await.unwrap());
    }
}

async fn a_released_lock_is_free_with_a_higher_fence(fixture: Fixture) {
    let store = fixture.open().await;
    let first = store.acquire_lock("a", "host-a", LEASE).await.unwrap().unwrap();
    assert_eq!(store.acquire_lock("a", "host-a", LEASE).await.unwrap(), None, "its own holder got it twice");
    assert!(store.release_lock("a", first).await.unwrap());
    assert!(!store.release_lock("a", first).await.unwrap());
    assert!(!store.renew_lock("a", first, LEASE).await.unwrap());
    assert!(store.acquire_lock("a", "host-b", LEASE).await.unwrap().unwrap() > first);
}

async fn a_lock_that_is_renewed_is_held(fixture: Fixture) {
    let store = fixture.open().await;
    let fence = store.acquire_lock("a", "host-a", LEASE).await.unwrap().unwrap();
    for _ in 0..3 {
        fixture.clock.advance(LEASE - Duration::from_millis(1));
        assert_eq!(store.acquire_lock("a", "host-b", LEASE).await.unwrap(), None);
        assert!(store.renew_lock("a", fence, LEASE).await.unwrap());
    }
}

async fn an_expired_lock_goes_to_the_next_and_its_old_holder_is_ignored(fixture: Fixture) {
    let store = fixture.open().await;
    let old = store.acquire_lock("a", "host-a", LEASE).await.unwrap().unwrap();
    fixture.clock.advance(LEASE);
    let new = store.acquire_lock("a", "host-b", LEASE).await.unwrap().unwrap();
    assert!(new > old);
    assert!(!store.renew_lock("a", old, LEASE).await.unwrap());
    assert!(!store.release_lock("a", old).await.unwrap());
    assert!(store.renew_lock("a", new, LEASE).await.unwrap());
}

async fn locks_of_different_names_do_not_meet(fixture: Fixture) {
    let store = fixture.open().await;
    for name in ["a", "b"] {
        assert!(store.acquire_lock(name, "host", LEASE).await.unwrap().is_some());
    }
}
