//! Processes that die: what they had claimed is delivered by another one, under the same id, and nothing is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use zelador::store::{DeliveryState, Lane};

use super::fixture::Process;
use super::receiver::{Receiver, answer};
use crate::store::fixture::{Fixture, on_both_databases};

on_both_databases! {
    what_a_killed_process_had_claimed_is_delivered_by_the_next,
    a_process_that_ends_in_order_gives_back_what_it_had_not_sent,
    two_processes_share_the_work_and_send_nothing_twice,
}

async fn what_a_killed_process_had_claimed_is_delivered_by_the_next(fixture: Fixture) {
    let receiver = Receiver::new(|number| if number == 0 { None } else { answer(200, "") }).await;
    let first = Process::start(&fixture).await;
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(first.send_to(&receiver.url(), "{}").await);
    }
    receiver.arrived(1).await;
    first.kill().await;
    // Longer than a lease.
    fixture.clock.advance(Duration::from_secs(60));
    let second = Process::start(&fixture).await;
    for id in &ids {
        second.until(id, DeliveryState::Delivered).await;
    }
    let got = receiver.got();
    assert_eq!(got.len(), 21);
    assert_eq!(got.iter().map(|got| got.header("webhook-id").to_owned()).collect::<BTreeSet<_>>(), ids);
    second.drain().await;
}

async fn a_process_that_ends_in_order_gives_back_what_it_had_not_sent(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    for _ in 0..200 {
        process.send_to(&receiver.url(), "{}").await;
    }
    let store = process.store.clone();
    process.drain().await;
    let unfinished = store.unfinished_deliveries(Lane::Webhook).await.unwrap();
    assert!(unfinished.iter().all(|(state, _)| *state != DeliveryState::Delivering), "{unfinished:?}");
    let next = Process::start(&fixture).await;
    receiver.arrived(200).await;
    next.drain().await;
    assert_eq!(receiver.got().len(), 200);
}

async fn two_processes_share_the_work_and_send_nothing_twice(fixture: Fixture) {
    let (a, b) = (Process::start_in_real_time(&fixture).await, Process::start_in_real_time(&fixture).await);
    let receiver = Receiver::friendly().await;
    let urls = vec![super::fixture::to(&receiver.url(), "{}"); 500];
    for outcome in a.webhooks.accept_many(urls).await {
        outcome.unwrap();
    }
    a.webhooks.wake().await;
    receiver.arrived(500).await;
    a.drain().await;
    b.drain().await;
    let got = receiver.got();
    assert_eq!(got.iter().map(|got| got.header("webhook-id").to_owned()).collect::<BTreeSet<_>>().len(), 500);
    assert_eq!(got.len(), 500);
}
