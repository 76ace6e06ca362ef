//! What runs say.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use zelador::clock::Clock;
use zelador::store::{LogLevel, NewLogLine, PAGE_LIMIT, StoreError};

use super::fixture::{Fixture, log_line, manual, on_both_databases};

on_both_databases! {
    lines_read_back_as_they_were_written,
    a_long_log_is_read_page_by_page,
    two_writers_of_one_log_lose_nothing,
    a_log_without_its_run_is_refused,
}

async fn lines_read_back_as_they_were_written(fixture: Fixture) {
    let store = fixture.open().await;
    let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
    let written: Vec<NewLogLine> = LogLevel::ALL
        .iter()
        .map(|&level| NewLogLine {
            at: fixture.clock.now(),
            level,
            message: "dumped 'tenant_1';\n--\0 ção 🎉".into(),
            fields: BTreeMap::from([("data\0base".into(), "ten\0ant".into()), ("b".into(), String::new())]),
        })
        .collect();
    store.append_run_logs(&run.id, &[]).await.unwrap();
    store.append_run_logs(&run.id, &written[..3]).await.unwrap();
    store.append_run_logs(&run.id, &written[3..]).await.unwrap();

    let read = store.run_logs(&run.id, 0).await.unwrap();
    assert_eq!(read.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(read.iter().map(|line| line.level).collect::<Vec<_>>(), LogLevel::ALL);
    assert_eq!(read[0].message, "dumped 'tenant_1';\n--\u{fffd} ção 🎉");
    assert_eq!(read[0].fields["data\u{fffd}base"], "ten\u{fffd}ant");
    assert_eq!(read[0].at, fixture.clock.now());
    assert_eq!(store.run_logs(&run.id, 3).await.unwrap(), read[3..]);
}

async fn a_long_log_is_read_page_by_page(fixture: Fixture) {
    let store = fixture.open().await;
    let run = store.insert_run(&manual("a", &fixture)).await.unwrap();
    let lines: Vec<_> = (1..=1_234).map(|number| log_line(&fixture, &number.to_string())).collect();
    store.append_run_logs(&run.id, &lines).await.unwrap();
    let first = store.run_logs(&run.id, 0).await.unwrap();
    let second = store.run_logs(&run.id, first.last().unwrap().seq).await.unwrap();
    assert_eq!((first.len(), second.len()), (PAGE_LIMIT as usize, 234));
    let messages = first.into_iter().chain(second).map(|line| line.message);
    assert!(messages.eq((1..=1_234).map(|number| number.to_string())));
}

async fn two_writers_of_one_log_lose_nothing(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    let run = stores[0].insert_run(&manual("a", &fixture)).await.unwrap();
    let mut writers = JoinSet::new();
    for number in 0..10 {
        let (store, id) = (stores[number % 2].clone(), run.id.clone());
        let lines = vec![log_line(&fixture, &number.to_string()); 5];
        writers.spawn(async move { store.append_run_logs(&id, &lines).await.unwrap() });
    }
    writers.join_all().await;
    let lines = stores[0].run_logs(&run.id, 0).await.unwrap();
    assert!(lines.iter().map(|line| line.seq).eq(1..=50));
    assert!(lines.chunks(5).all(|batch| batch.iter().all(|line| line.message == batch[0].message)));
}

async fn a_log_without_its_run_is_refused(fixture: Fixture) {
    let store = fixture.open().await;
    let error = store.append_run_logs("nobody", &[log_line(&fixture, "hello")]).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "run", .. }), "{error}");
    assert_eq!(error.to_string(), "there is no run nobody");
}
