//! Runs while hosts work on them: claims, leases, ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use zelador::clock::Clock;
use zelador::store::{
    Failure, FinalState, Finish, NewRun, PluginUsed, Progress, Run, RunFilter, RunState, Store, Trigger,
};

use super::fixture::{Fixture, LEASE, at, ids, manual, on_both_databases, scheduled};

on_both_databases! {
    a_run_reads_back_as_it_was_written,
    a_run_waits_for_its_time,
    the_oldest_run_is_claimed_first,
    a_claim_takes_no_more_than_its_limit,
    a_job_runs_once_at_a_time,
    a_person_can_start_a_run_before_its_time,
    a_person_cannot_start_a_second_run_of_a_busy_job,
    of_two_people_one_starts_a_run_of_a_job,
    of_many_hosts_one_gets_each_run,
    a_heartbeat_keeps_a_run,
    an_expired_run_is_interrupted_and_its_late_host_ignored,
    one_of_several_rescuers_gets_an_expired_run,
    a_final_state_never_changes,
    a_retry_is_recorded_with_the_end_of_the_run_before,
    a_rescue_records_the_retry_that_its_policy_wants,
    what_a_plugin_reports_is_kept_whatever_it_says,
}

fn succeeded() -> Finish {
    Finish { state: FinalState::Succeeded, failure: None, report: None, retry_at: None }
}

fn failed(retry_at: Option<zelador::clock::Timestamp>) -> Finish {
    let failure = Failure { class: "timeout".into(), message: "it took longer than 6 h".into() };
    Finish { state: FinalState::Failed, failure: Some(failure), report: None, retry_at }
}

/// Claims the only run there is.
async fn claim_one(store: &Store) -> Run {
    let mut runs = store.claim_runs("host-a", LEASE, 10).await.unwrap();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

async fn a_run_reads_back_as_it_was_written(fixture: Fixture) {
    let store = fixture.open().await;
    let now = fixture.clock.now();
    let new = NewRun {
        job: "nightly-backup".into(),
        plugin: "backup".into(),
        trigger: Trigger::Schedule,
        scheduled_for: Some(at("2026-03-01T02:00:00.123Z")),
        attempt: 3,
        retry_of: Some("the-first".into()),
        not_before: at("2026-03-01T02:05:00Z"),
        skipped: None,
    };
    let run = store.insert_run(&new).await.unwrap();
    let expected = Run {
        id: run.id.clone(),
        job: new.job,
        plugin: new.plugin,
        trigger: new.trigger,
        scheduled_for: new.scheduled_for,
        attempt: 3,
        retry_of: new.retry_of,
        state: RunState::Queued,
        not_before: new.not_before,
        created_at: now,
        started_at: None,
        finished_at: None,
        owner: None,
        lease_expires_at: None,
        fence: run.fence,
        plugin_used: None,
        failure: None,
        report: None,
        progress: None,
    };
    assert_eq!(run, expected);
    assert_eq!(store.run(&run.id).await.unwrap(), Some(expected));
    assert_eq!(store.run("nobody").await.unwrap(), None);
}

async fn a_run_waits_for_its_time(fixture: Fixture) {
    let store = fixture.open().await;
    let run = NewRun { not_before: fixture.clock.now() + Duration::from_millis(1), ..manual("a", &fixture) };
    let run = store.insert_run(&run).await.unwrap();
    assert_eq!(store.claim_runs("host-a", LEASE, 10).await.unwrap(), []);
    fixture.clock.advance(Duration::from_millis(1));
    let claimed = claim_one(&store).await;
    let now = fixture.clock.now();
    assert_eq!((&claimed.id, claimed.state), (&run.id, RunState::Running));
    assert_eq!((claimed.owner.as_deref(), claimed.started_at), (Some("host-a"), Some(now)));
    assert_eq!(claimed.lease_expires_at, Some(now + LEASE));
    assert!(claimed.fence > run.fence);
}

async fn the_oldest_run_is_claimed_first(fixture: Fixture) {
    let store = fixture.open().await;
    let mut expected = Vec::new();
    for (job, instant) in
        [("c", "2026-03-01T01:00:00Z"), ("a", "2026-02-01T01:00:00Z"), ("b", "2026-01-01T01:00:00Z")]
    {
        expected.insert(0, store.insert_run(&scheduled(job, at(instant))).await.unwrap().id);
    }
    let claimed = store.claim_runs("host-a", LEASE, 10).await.unwrap();
    assert_eq!(ids(&claimed), expected);
}

async fn a_claim_takes_no_more_than_its_limit(fixture: Fixture) {
    let store = fixture.open().await;
    for job in ["a", "b", "c"] {
        store.insert_run(&manual(job, &fixture)).await.unwrap();
    }
    for expected in [2, 1, 0] {
        assert_eq!(store.claim_runs("host-a", LEASE, 2).await.unwrap().len(), expected);
    }
}

async fn a_job_runs_once_at_a_time(fixture: Fixture) {
    let store = fixture.open().await;
    let first = store.insert_run(&manual("a", &fixture)).await.unwrap();
    let second = store.insert_run(&manual("a", &fixture)).await.unwrap();
    let claimed = claim_one(&store).await;
    assert_eq!(claimed.id, first.id);
    assert_eq!(store.claim_runs("host-b", LEASE, 10).await.unwrap(), []);
    assert!(store.finish_run(&first.id, claimed.fence, &succeeded()).await.unwrap());
    assert_eq!(claim_one(&store).await.id, second.id);
}

async fn a_person_can_start_a_run_before_its_time(fixture: Fixture) {
    let store = fixture.open().await;
    let run = NewRun { not_before: fixture.clock.now() + Duration::from_secs(60), ..manual("a", &fixture) };
    let run = store.insert_run(&run).await.unwrap();
    let claimed = store.claim_run(&run.id, "cli", LEASE).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.state), (run.id.clone(), RunState::Running));
    assert_eq!(store.claim_run(&run.id, "cli", LEASE).await.unwrap(), None);
    assert_eq!(store.claim_run("nobody", "cli", LEASE).await.unwrap(), None);
}

async fn a_person_cannot_start_a_second_run_of_a_busy_job(fixture: Fixture) {
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let first = claim_one(&store).await;
    let second = store.insert_run(&manual("a", &fixture)).await.unwrap();
    assert_eq!(store.claim_run(&second.id, "cli", LEASE).await.unwrap(), None);
    store.finish_run(&first.id, first.fence, &succeeded()).await.unwrap();
    assert!(store.claim_run(&second.id, "cli", LEASE).await.unwrap().is_some());
}

/// Two runs of one job, claimed at the same moment, again and again.
async fn of_two_people_one_starts_a_run_of_a_job(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    for round in 0..40 {
        let new = manual(&format!("job-{round}"), &fixture);
        let first = stores[0].insert_run(&new).await.unwrap();
        let second = stores[0].insert_run(&new).await.unwrap();
        let (first, second) = tokio::join!(
            stores[0].claim_run(&first.id, "ana", LEASE),
            stores[1].claim_run(&second.id, "rui", LEASE)
        );
        let claimed = [first.unwrap(), second.unwrap()].into_iter().flatten().count();
        assert_eq!(claimed, 1, "in round {round}");
    }
}

/// 500 runs of 100 jobs, 16 workers over 4 stores.
async fn of_many_hosts_one_gets_each_run(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await, fixture.open().await, fixture.open().await];
    for number in 0..500 {
        stores[number % 4].insert_run(&manual(&format!("job-{}", number % 100), &fixture)).await.unwrap();
    }
    let busy: Arc<Mutex<HashSet<String>>> = Arc::default();
    let twice: Arc<Mutex<Vec<String>>> = Arc::default();
    let claims: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let mut workers = JoinSet::new();
    for number in 0..16 {
        let store = stores[number % 4].clone();
        let (busy, twice, claims) = (Arc::clone(&busy), Arc::clone(&twice), Arc::clone(&claims));
        workers.spawn(async move {
            while claims.lock().unwrap().len() < 500 {
                for run in store.claim_runs(&format!("host-{number}"), LEASE, 7).await.unwrap() {
                    *claims.lock().unwrap().entry(run.id.clone()).or_default() += 1;
                    if !busy.lock().unwrap().insert(run.job.clone()) {
                        twice.lock().unwrap().push(run.job.clone());
                    }
                    tokio::task::yield_now().await;
                    busy.lock().unwrap().remove(&run.job);
                    assert!(store.finish_run(&run.id, run.fence, &succeeded()).await.unwrap());
                }
            }
        });
    }
    workers.join_all().await;
    let claims = claims.lock().unwrap();
    assert_eq!(claims.len(), 500);
    assert_eq!(*twice.lock().unwrap(), [""; 0], "jobs that ran twice at once");
    assert!(claims.values().all(|count| *count == 1), "a run was claimed twice");
}

async fn a_heartbeat_keeps_a_run(fixture: Fixture) {
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let run = claim_one(&store).await;
    fixture.clock.advance(LEASE - Duration::from_millis(1));
    assert!(store.heartbeat(&run.id, run.fence, LEASE).await.unwrap());
    fixture.clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(store.rescue_expired_runs(|_| None).await.unwrap(), []);
    assert_eq!(store.run(&run.id).await.unwrap().unwrap().state, RunState::Running);
}

async fn an_expired_run_is_interrupted_and_its_late_host_ignored(fixture: Fixture) {
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let run = claim_one(&store).await;
    fixture.clock.advance(LEASE);
    let rescued = store.rescue_expired_runs(|_| None).await.unwrap();
    assert_eq!(ids(&rescued), [&run.id]);
    let rescued = store.run(&run.id).await.unwrap().unwrap();
    assert_eq!((rescued.state, rescued.finished_at), (RunState::Interrupted, Some(fixture.clock.now())));
    assert!(rescued.failure.as_ref().unwrap().message.contains("host-a"), "{rescued:?}");

    assert!(!store.heartbeat(&run.id, run.fence, LEASE).await.unwrap());
    assert!(!store.set_progress(&run.id, run.fence, &Progress::default()).await.unwrap());
    let plugin = PluginUsed { version: "1.0.0".into(), hash: "00".into() };
    assert!(!store.set_run_plugin(&run.id, run.fence, &plugin).await.unwrap());
    let late = failed(Some(fixture.clock.now()));
    assert!(!store.finish_run(&run.id, run.fence, &late).await.unwrap());
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap(), [rescued], "the late host wrote something");
}

async fn one_of_several_rescuers_gets_an_expired_run(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await, fixture.open().await];
    for number in 0..20 {
        stores[0].insert_run(&manual(&format!("job-{number}"), &fixture)).await.unwrap();
    }
    assert_eq!(stores[0].claim_runs("host-a", LEASE, 20).await.unwrap().len(), 20);
    fixture.clock.advance(LEASE);
    let now = fixture.clock.now();
    let mut rescuers = JoinSet::new();
    for number in 0..9 {
        let store = stores[number % 3].clone();
        rescuers.spawn(async move { store.rescue_expired_runs(|_| Some(now)).await.unwrap().len() });
    }
    assert_eq!(rescuers.join_all().await.into_iter().sum::<usize>(), 20);
    let retries = RunFilter { state: Some(RunState::Queued), ..RunFilter::default() };
    assert_eq!(stores[0].runs(&retries).await.unwrap().len(), 20);
}

async fn a_final_state_never_changes(fixture: Fixture) {
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let run = claim_one(&store).await;
    assert!(store.finish_run(&run.id, run.fence, &failed(None)).await.unwrap());
    let ended = store.run(&run.id).await.unwrap().unwrap();
    fixture.clock.advance(LEASE * 2);
    assert!(!store.finish_run(&run.id, run.fence, &succeeded()).await.unwrap());
    assert_eq!(store.rescue_expired_runs(|_| None).await.unwrap(), []);
    assert_eq!(store.claim_run(&run.id, "host-b", LEASE).await.unwrap(), None);
    assert_eq!(store.claim_runs("host-b", LEASE, 10).await.unwrap(), []);
    assert_eq!(store.run(&run.id).await.unwrap().unwrap(), ended);
    assert_eq!(ended.failure, failed(None).failure);
    assert_eq!((ended.state, ended.lease_expires_at), (RunState::Failed, None));
}

async fn a_retry_is_recorded_with_the_end_of_the_run_before(fixture: Fixture) {
    let store = fixture.open().await;
    let first = store.record_firing(&scheduled("a", fixture.clock.now())).await.unwrap().unwrap();
    let retry_at = fixture.clock.now() + Duration::from_secs(300);
    for attempt in 2..4 {
        let run = claim_one(&store).await;
        assert!(store.finish_run(&run.id, run.fence, &failed(Some(retry_at))).await.unwrap());
        let retry = store.last_run("a").await.unwrap().unwrap();
        assert_eq!((retry.attempt, retry.retry_of.as_ref()), (attempt, Some(&first.id)));
        assert_eq!((retry.not_before, retry.state), (retry_at, RunState::Queued));
        assert_eq!((retry.trigger, retry.scheduled_for), (Trigger::Schedule, first.scheduled_for));
        fixture.clock.set(retry_at);
    }
}

async fn a_rescue_records_the_retry_that_its_policy_wants(fixture: Fixture) {
    let store = fixture.open().await;
    for job in ["again", "enough"] {
        store.insert_run(&manual(job, &fixture)).await.unwrap();
    }
    store.claim_runs("host-a", LEASE, 10).await.unwrap();
    fixture.clock.advance(LEASE);
    let now = fixture.clock.now();
    let rescued = store.rescue_expired_runs(|run| (run.job == "again").then_some(now)).await.unwrap();
    assert_eq!(rescued.len(), 2);
    let queued = RunFilter { state: Some(RunState::Queued), ..RunFilter::default() };
    let queued = store.runs(&queued).await.unwrap();
    assert_eq!(queued.len(), 1);
    assert_eq!((queued[0].job.as_str(), queued[0].attempt), ("again", 2));
}

async fn what_a_plugin_reports_is_kept_whatever_it_says(fixture: Fixture) {
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let run = claim_one(&store).await;
    let plugin = PluginUsed { version: "1.4.0".into(), hash: "ab".repeat(32) };
    assert!(store.set_run_plugin(&run.id, run.fence, &plugin).await.unwrap());
    let progress = Progress { done: u64::MAX, total: 7, message: "a\0b '\";--".into() };
    assert!(store.set_progress(&run.id, run.fence, &progress).await.unwrap());
    let report = json!({"summary": "nul \u{0}", "data": {"k\u{0}": [1, -2.5, null, true, "ção 🎉"]}});
    let finish = Finish { report: Some(report), ..succeeded() };
    assert!(store.finish_run(&run.id, run.fence, &finish).await.unwrap());

    let run = store.run(&run.id).await.unwrap().unwrap();
    assert_eq!(run.plugin_used, Some(plugin));
    let kept = Progress { done: i64::MAX as u64, total: 7, message: "a\u{fffd}b '\";--".into() };
    assert_eq!(run.progress, Some(kept));
    let kept = json!({"summary": "nul \u{fffd}", "data": {"k\u{fffd}": [1, -2.5, null, true, "ção 🎉"]}});
    assert_eq!(run.report, Some(kept));
}
