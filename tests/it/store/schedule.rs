//! Firings and the schedule's memory.

use std::time::Duration;

use tokio::task::JoinSet;
use zelador::store::{Failure, NewRun, RunFilter, RunState, ScheduleCursor};

use super::fixture::{Fixture, LEASE, at, ids, on_both_databases, scheduled};

on_both_databases! {
    a_firing_is_recorded_once_by_many_hosts,
    different_instants_and_jobs_are_different_firings,
    a_skipped_firing_is_recorded_with_its_reason,
    a_cursor_moves_forward_only,
    a_changed_schedule_moves_the_cursor_anywhere,
}

async fn a_firing_is_recorded_once_by_many_hosts(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    let firing = scheduled("a", at("2026-03-01T02:00:00Z"));
    let mut hosts = JoinSet::new();
    for number in 0..20 {
        let (store, firing) = (stores[number % 2].clone(), firing.clone());
        hosts.spawn(async move { store.record_firing(&firing).await.unwrap() });
    }
    let recorded: Vec<_> = hosts.join_all().await.into_iter().flatten().collect();
    assert_eq!(recorded.len(), 1);
    assert_eq!(stores[0].runs(&RunFilter::default()).await.unwrap(), recorded, "a loser left a run behind");
}

async fn different_instants_and_jobs_are_different_firings(fixture: Fixture) {
    let store = fixture.open().await;
    let instant = at("2026-03-01T02:00:00Z");
    for (job, instant) in [("a", instant), ("b", instant), ("a", instant + Duration::from_millis(1))] {
        assert!(store.record_firing(&scheduled(job, instant)).await.unwrap().is_some());
        assert!(store.record_firing(&scheduled(job, instant)).await.unwrap().is_none());
    }
}

async fn a_skipped_firing_is_recorded_with_its_reason(fixture: Fixture) {
    let store = fixture.open().await;
    let reason = Failure { class: "overlap".into(), message: "the run before it goes on".into() };
    let firing = NewRun { skipped: Some(reason.clone()), ..scheduled("a", at("2026-03-01T02:00:00Z")) };
    let run = store.record_firing(&firing).await.unwrap().unwrap();
    assert_eq!((run.state, run.failure.as_ref()), (RunState::Skipped, Some(&reason)));
    assert!(run.finished_at.is_some());
    assert_eq!(store.claim_runs("host-a", LEASE, 10).await.unwrap(), []);
    assert_eq!(store.claim_run(&run.id, "host-a", LEASE).await.unwrap(), None);
    assert_eq!(ids(&store.runs(&RunFilter::default()).await.unwrap()), [&run.id]);
}

async fn a_cursor_moves_forward_only(fixture: Fixture) {
    let store = fixture.open().await;
    assert_eq!(store.schedule_cursor("a").await.unwrap(), None);
    let (earlier, later) = (at("2026-03-01T02:00:00Z"), at("2026-03-02T02:00:00.001Z"));
    for instant in [earlier, later, earlier] {
        store.set_schedule_cursor("a", instant, "0 2 * * *").await.unwrap();
    }
    let expected = ScheduleCursor { instant: later, fingerprint: "0 2 * * *".into() };
    assert_eq!(store.schedule_cursor("a").await.unwrap(), Some(expected));
    assert_eq!(store.schedule_cursor("b").await.unwrap(), None);
}

async fn a_changed_schedule_moves_the_cursor_anywhere(fixture: Fixture) {
    let store = fixture.open().await;
    let (earlier, later) = (at("2026-03-01T02:00:00Z"), at("2026-03-02T02:00:00Z"));
    store.set_schedule_cursor("a", later, "0 2 * * *").await.unwrap();
    store.set_schedule_cursor("a", earlier, "0 3 * * *").await.unwrap();
    let expected = ScheduleCursor { instant: earlier, fingerprint: "0 3 * * *".into() };
    assert_eq!(store.schedule_cursor("a").await.unwrap(), Some(expected));
}
