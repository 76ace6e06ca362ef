//! What is left after the worst: a process that is killed, several that start at once.

use std::future::poll_fn;
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::Child;
use std::task::Poll;

use zelador::store::{RunFilter, Store, StoreError};

use super::fixture::{Backend, Fixture, ids, log_line, manual, on_both_databases};

on_both_databases! {
    what_was_committed_survives_kill_9,
    processes_that_start_together_make_one_schema,
    a_store_that_is_closed_and_opened_has_everything,
    a_cancelled_writer_leaves_all_or_nothing,
}

/// A run that was heard of must be there; the child is killed in the middle of recording another.
async fn what_was_committed_survives_kill_9(fixture: Fixture) {
    let store = fixture.open().await;
    if fixture.is_child() {
        return record_runs_until_killed(&store, &fixture).await;
    }
    let mut child = fixture.child().spawn().unwrap();
    let heard = committed_ids(&mut child, 50);
    child.kill().unwrap();
    child.wait().unwrap();

    let store = fixture.open().await;
    let runs = store.runs(&RunFilter::default()).await.unwrap();
    let there = ids(&runs);
    assert_eq!(heard.len(), 50);
    for id in &heard {
        assert!(there.contains(&id.as_str()), "{id} was lost");
    }
}

async fn record_runs_until_killed(store: &Store, fixture: &Fixture) {
    loop {
        let run = store.insert_run(&manual("a", fixture)).await.unwrap();
        println!("\ncommitted {}", run.id);
    }
}

fn committed_ids(child: &mut Child, count: usize) -> Vec<String> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().map(|line| line.expect("the child speaks"));
    lines.filter_map(|line| Some(line.strip_prefix("committed ")?.to_owned())).take(count).collect()
}

async fn processes_that_start_together_make_one_schema(fixture: Fixture) {
    if fixture.is_child() {
        fixture.open().await.insert_run(&manual("a", &fixture)).await.unwrap();
        return;
    }
    let mut children: Vec<Child> = (0..6).map(|_| fixture.child().spawn().unwrap()).collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let runs = fixture.open().await.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), children.len());
}

async fn a_store_that_is_closed_and_opened_has_everything(fixture: Fixture) {
    let store = fixture.open().await;
    let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
    store.close().await;
    assert_eq!(fixture.open().await.run(&run.id).await.unwrap(), Some(run));
}

/// A writer is dropped at its first await, at its second, and so on, until one gets to its end.
async fn a_cancelled_writer_leaves_all_or_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    let lines = vec![log_line(&fixture, "hello"); 3];
    for awaits in 0.. {
        let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
        let ended = cancelled_after(awaits, store.append_run_logs(&run.id, &lines)).await;
        let written = store.run_logs(&run.id, 0).await.unwrap().len();
        assert!([0, lines.len()].contains(&written), "{written} of {} lines", lines.len());
        if ended {
            assert_eq!(written, lines.len());
            break;
        }
    }
}

/// Polls a future until it has waited so many times, then drops it. Tells whether it came to its end before.
async fn cancelled_after<T>(awaits: u32, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut left = awaits;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_costs_nothing_that_was_committed() {
    const TEST: &str = concat!(module_path!(), "::a_full_disk_is_told_and_costs_nothing_that_was_committed");
    let fixture = Fixture::new(Backend::Sqlite, TEST);
    if !fixture.is_child() {
        assert!(fixture.child_on_a_small_disk().status().unwrap().success());
        return;
    }
    let store = fixture.open().await;
    let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
    let line = log_line(&fixture, &"x".repeat(4_000));
    let mut written = 0;
    let error = loop {
        match store.append_run_logs(&run.id, std::slice::from_ref(&line)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(store.run_logs(&run.id, 0).await.unwrap().len(), written);
    store.close().await;
    let store = fixture.open().await;
    assert_eq!(store.run_logs(&run.id, 0).await.unwrap().len(), written, "after opening it again");
}
