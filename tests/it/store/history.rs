//! Looking back at runs, and forgetting them.

use std::time::Duration;

use zelador::clock::{Clock, Timestamp};
use zelador::store::{FinalState, Finish, Run, RunFilter, RunState, Store};

use super::fixture::{Fixture, LEASE, ids, log_line, manual, on_both_databases, scheduled};

on_both_databases! {
    runs_are_listed_newest_first_page_by_page,
    runs_are_narrowed_by_job_and_state,
    a_page_has_a_largest_size,
    the_last_run_of_a_job_is_found,
    a_job_has_unfinished_runs_until_they_end,
    old_runs_are_forgotten_but_the_newest_of_a_job_stay,
    a_forgotten_run_takes_its_log_and_its_firing_along,
    more_old_runs_than_a_batch_holds_are_forgotten_in_one_call,
}

async fn finished(store: &Store, fixture: &Fixture, job: &str) -> Run {
    let run = store.insert_run(&manual(job, fixture)).await.unwrap();
    let run = store.claim_run(&run.id, "host-a", LEASE).await.unwrap().unwrap();
    let finish = Finish { state: FinalState::Succeeded, failure: None, report: None, retry_at: None };
    assert!(store.finish_run(&run.id, run.fence, &finish).await.unwrap());
    run
}

/// An instant that everything so far is older than.
fn after_now(fixture: &Fixture) -> Timestamp {
    fixture.clock.now() + Duration::from_millis(1)
}

async fn runs_are_listed_newest_first_page_by_page(fixture: Fixture) {
    let store = fixture.open().await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.insert(0, store.insert_run(&manual("a", &fixture)).await.unwrap().id);
    }
    let mut listed = Vec::new();
    loop {
        let before = listed.last().cloned();
        let page = store.runs(&RunFilter { before, limit: Some(3), ..RunFilter::default() }).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|run| run.id));
    }
    assert_eq!(listed, expected);
}

async fn runs_are_narrowed_by_job_and_state(fixture: Fixture) {
    let store = fixture.open().await;
    let done = finished(&store, &fixture, "a").await;
    let queued = store.insert_run(&manual("a", &fixture)).await.unwrap();
    store.insert_run(&manual("b", &fixture)).await.unwrap();
    let of_job = RunFilter { job: Some("a".into()), ..RunFilter::default() };
    assert_eq!(ids(&store.runs(&of_job).await.unwrap()), [&queued.id, &done.id]);
    let both = RunFilter { state: Some(RunState::Succeeded), ..of_job };
    assert_eq!(ids(&store.runs(&both).await.unwrap()), [&done.id]);
}

async fn a_page_has_a_largest_size(fixture: Fixture) {
    let store = fixture.open().await;
    copies_of_a_run(&store, &fixture).await;
    for limit in [None, Some(u32::MAX)] {
        let page = store.runs(&RunFilter { limit, ..RunFilter::default() }).await.unwrap();
        assert_eq!(page.len(), zelador::store::PAGE_LIMIT as usize);
    }
}

async fn the_last_run_of_a_job_is_found(fixture: Fixture) {
    let store = fixture.open().await;
    assert_eq!(store.last_run("a").await.unwrap(), None);
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let last = store.insert_run(&manual("a", &fixture)).await.unwrap();
    store.insert_run(&manual("b", &fixture)).await.unwrap();
    assert_eq!(store.last_run("a").await.unwrap(), Some(last));
}

async fn a_job_has_unfinished_runs_until_they_end(fixture: Fixture) {
    let store = fixture.open().await;
    assert!(!store.has_unfinished_run("a").await.unwrap());
    finished(&store, &fixture, "a").await;
    assert!(!store.has_unfinished_run("a").await.unwrap());
    let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
    assert!(store.has_unfinished_run("a").await.unwrap());
    store.claim_run(&run.id, "host-a", LEASE).await.unwrap().unwrap();
    assert!(store.has_unfinished_run("a").await.unwrap());
    assert!(!store.has_unfinished_run("b").await.unwrap());
    fixture.clock.advance(LEASE);
    store.rescue_expired_runs(|_| None).await.unwrap();
    assert!(!store.has_unfinished_run("a").await.unwrap());
}

async fn old_runs_are_forgotten_but_the_newest_of_a_job_stay(fixture: Fixture) {
    let store = fixture.open().await;
    let boundary = after_now(&fixture);
    let mut old = Vec::new();
    for _ in 0..4 {
        old.push(finished(&store, &fixture, "busy").await.id);
    }
    let only = finished(&store, &fixture, "quiet").await.id;
    let waiting = store.insert_run(&manual("waiting", &fixture)).await.unwrap().id;
    fixture.clock.set(boundary);
    let young = finished(&store, &fixture, "busy").await.id;

    assert_eq!(store.delete_runs_before(boundary, 3).await.unwrap(), 2);
    let left = store.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(ids(&left), [&young, &waiting, &only, &old[3], &old[2]]);
    assert_eq!(store.delete_runs_before(boundary, 0).await.unwrap(), 3);
    assert_eq!(ids(&store.runs(&RunFilter::default()).await.unwrap()), [&young, &waiting]);
    assert_eq!(store.delete_runs_before(boundary, 0).await.unwrap(), 0);
}

async fn a_forgotten_run_takes_its_log_and_its_firing_along(fixture: Fixture) {
    let store = fixture.open().await;
    let firing = scheduled("a", fixture.clock.now());
    let run = store.record_firing(&firing).await.unwrap().unwrap();
    store.append_run_logs(&run.id, &[log_line(&fixture, "hello")]).await.unwrap();
    let claimed = store.claim_run(&run.id, "host-a", LEASE).await.unwrap().unwrap();
    let finish = Finish { state: FinalState::Failed, failure: None, report: None, retry_at: None };
    store.finish_run(&run.id, claimed.fence, &finish).await.unwrap();

    assert_eq!(store.delete_runs_before(after_now(&fixture), 0).await.unwrap(), 1);
    assert_eq!(store.run_logs(&run.id, 0).await.unwrap(), []);
    assert!(store.record_firing(&firing).await.unwrap().is_some(), "the firing is still there");
}

async fn more_old_runs_than_a_batch_holds_are_forgotten_in_one_call(fixture: Fixture) {
    let store = fixture.open().await;
    copies_of_a_run(&store, &fixture).await;
    assert_eq!(store.delete_runs_before(after_now(&fixture), 2).await.unwrap(), COPIES - 2);
}

/// How many runs [`copies_of_a_run`] makes, with the one that it copies.
const COPIES: u64 = 1_203;

/// More finished runs than fit on a page or in a batch, of one job.
async fn copies_of_a_run(store: &Store, fixture: &Fixture) {
    finished(store, fixture, "a").await;
    fixture
        .execute(
            "insert into runs (id, job, plugin, trigger, attempt, state, not_before, created_at, finished_at) \
             with recursive copies (number) as \
               (select 1 union all select number + 1 from copies where number < 1202) \
             select id || cast(number as text), job, plugin, trigger, attempt, state, not_before, created_at, \
               finished_at from runs, copies",
        )
        .await;
}
