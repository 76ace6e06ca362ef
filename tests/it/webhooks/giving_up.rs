//! Dead letters: recorded with their reason, taken up once, purged.

use std::time::Duration;

use zelador::clock::Clock;
use zelador::store::{DeliveryState, LetterFilter, LetterStatus};
use zelador::webhook::{Reprocess, Submission};

use super::fixture::{Process, to};
use super::receiver::{Receiver, answer};
use crate::store::fixture::{Fixture, on_both_databases};

on_both_databases! {
    an_exhausted_delivery_is_a_dead_letter_with_its_timeline,
    a_reprocessed_letter_has_its_whole_schedule_again,
    letters_are_taken_up_once_however_often_it_is_asked,
    a_dry_run_only_counts,
    processed_letters_are_purged_by_age,
    a_delivered_message_can_be_sent_again,
    what_ended_long_ago_is_deleted_unless_a_dead_letter_waits_for_it,
    a_tenant_is_erased_and_the_others_stay,
}

/// Tries until it is a dead letter.
async fn die(process: &Process, fixture: &Fixture, id: &str) {
    for step in [60, 300, 900, 3600] {
        // Before the clock moves: the next attempt may follow at once.
        let tried = process.deliveries(id).await[0].attempts;
        fixture.clock.advance(Duration::from_secs(step));
        process
            .until_with(id, |delivery| {
                delivery.attempts > tried || delivery.state == DeliveryState::DeadLetter
            })
            .await;
    }
    process.until(id, DeliveryState::DeadLetter).await;
}

async fn an_exhausted_delivery_is_a_dead_letter_with_its_timeline(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|_| answer(503, "")).await;
    let submission = Submission { tenant_id: Some("t1".into()), ..to(&receiver.url(), "{}") };
    let id = process.webhooks.accept(submission).await.unwrap().id;
    process.until(&id, DeliveryState::Failed).await;
    die(&process, &fixture, &id).await;
    let letters = process.store.dead_letters(&LetterFilter::default(), None, None).await.unwrap();
    let letter = &letters[0];
    assert_eq!(letters.len(), 1);
    assert_eq!(letter.status, LetterStatus::Waiting);
    assert_eq!(letter.letter.reason_class, "unavailable");
    assert!(letter.letter.reason.contains("attempt 5 of 5"), "{}", letter.letter.reason);
    assert_eq!(letter.letter.tenant_id.as_deref(), Some("t1"));
    assert_eq!((letter.letter.attempts, letter.letter.last_status), (5, Some(503)));
    let timeline = process.store.attempts(&letter.delivery_id).await.unwrap();
    let waits: Vec<_> =
        timeline.windows(2).map(|pair| (pair[1].record.at - pair[0].record.at).num_seconds()).collect();
    assert_eq!(waits, [60, 300, 900, 3600]);
    process.drain().await;
}

async fn a_reprocessed_letter_has_its_whole_schedule_again(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number < 6 { 500 } else { 200 }, "")).await;
    let id = process.send_to(&receiver.url(), "{}").await;
    process.until(&id, DeliveryState::Failed).await;
    die(&process, &fixture, &id).await;
    let done = process.webhooks.reprocess(&Reprocess { limit: 50, ..Reprocess::default() }).await.unwrap();
    assert_eq!((done.matching, done.reprocessed), (1, 1));
    let failed = process.until(&id, DeliveryState::Failed).await;
    assert_eq!((failed.attempts, failed.attempts_in_all), (1, 6));
    fixture.clock.advance(Duration::from_secs(60));
    process.until(&id, DeliveryState::Delivered).await;
    assert!(receiver.got().iter().all(|got| got.header("webhook-id") == id));
    process.drain().await;
}

/// Dead letters of receivers that refuse.
async fn refused(process: &Process, receiver: &Receiver, number: usize) {
    for _ in 0..number {
        let id = process.send_to(&receiver.url(), "{}").await;
        process.until(&id, DeliveryState::DeadLetter).await;
    }
}

async fn letters_are_taken_up_once_however_often_it_is_asked(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number < 10 { 400 } else { 200 }, "")).await;
    refused(&process, &receiver, 10).await;
    let wanted = Reprocess { limit: 4, ..Reprocess::default() };
    let (first, second, third) = tokio::join!(
        process.webhooks.reprocess(&wanted),
        process.webhooks.reprocess(&wanted),
        process.webhooks.reprocess(&wanted),
    );
    let taken = [first, second, third].map(|done| done.unwrap().reprocessed);
    assert_eq!(taken.iter().sum::<u64>(), 10, "{taken:?}");
    receiver.arrived(20).await;
    process.drain().await;
    assert_eq!(receiver.got().len(), 20);
}

async fn a_dry_run_only_counts(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|_| answer(404, "")).await;
    refused(&process, &receiver, 3).await;
    let wanted = Reprocess { limit: 2, dry_run: true, ..Reprocess::default() };
    let counted = process.webhooks.reprocess(&wanted).await.unwrap();
    assert_eq!((counted.matching, counted.reprocessed), (3, 2));
    let other = LetterFilter { reason_class: Some("timeout".into()), ..LetterFilter::default() };
    assert_eq!(process.store.count_dead_letters(&other).await.unwrap(), 0);
    process.drain().await;
    assert_eq!(receiver.got().len(), 3);
}

async fn processed_letters_are_purged_by_age(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number < 2 { 400 } else { 200 }, "")).await;
    refused(&process, &receiver, 2).await;
    process.webhooks.reprocess(&Reprocess { limit: 1, ..Reprocess::default() }).await.unwrap();
    receiver.arrived(3).await;
    fixture.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let old = LetterFilter {
        processed_before: Some(fixture.clock.now() - Duration::from_secs(30 * 24 * 3600)),
        ..LetterFilter::default()
    };
    assert_eq!(process.store.purge_dead_letters(&old).await.unwrap(), 1);
    assert_eq!(process.store.count_dead_letters(&LetterFilter::default()).await.unwrap(), 1);
    process.drain().await;
}

async fn a_delivered_message_can_be_sent_again(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let id = process.send_to(&receiver.url(), "{}").await;
    let delivery = process.until(&id, DeliveryState::Delivered).await;
    assert!(process.webhooks.resend(&delivery.id).await.unwrap());
    let got = receiver.arrived(2).await;
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
    assert!(!process.webhooks.resend("no-such-delivery").await.unwrap());
    process.drain().await;
}

async fn what_ended_long_ago_is_deleted_unless_a_dead_letter_waits_for_it(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number == 1 { 400 } else { 200 }, "")).await;
    let old = process.send_to(&receiver.url(), "{}").await;
    let old_delivery = process.until(&old, DeliveryState::Delivered).await;
    let dead = process.send_to(&receiver.url(), "{}").await;
    process.until(&dead, DeliveryState::DeadLetter).await;
    fixture.clock.advance(Duration::from_secs(3600));
    let new = process.send_to(&receiver.url(), "{}").await;
    process.until(&new, DeliveryState::Delivered).await;
    let before = fixture.clock.now() - Duration::from_secs(60);
    assert_eq!(process.store.delete_deliveries_before(before).await.unwrap(), 1);
    assert_eq!(process.store.message(&old).await.unwrap(), None);
    assert_eq!(process.store.attempts(&old_delivery.id).await.unwrap(), []);
    for kept in [&dead, &new] {
        assert!(process.store.message(kept).await.unwrap().is_some());
        assert_eq!(process.deliveries(kept).await.len(), 1);
    }
    process.drain().await;
}

async fn a_tenant_is_erased_and_the_others_stay(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let mut ids = Vec::new();
    for tenant in ["leaves", "stays"] {
        let submission = Submission { tenant_id: Some(tenant.into()), ..to(&receiver.url(), "{}") };
        let id = process.webhooks.accept(submission).await.unwrap().id;
        process.until(&id, DeliveryState::Delivered).await;
        ids.push(id);
    }
    assert_eq!(process.store.erase_tenant_deliveries("leaves").await.unwrap(), 1);
    assert_eq!(process.deliveries(&ids[0]).await.len(), 0);
    assert_eq!(process.deliveries(&ids[1]).await.len(), 1);
    assert!(process.store.message(&ids[0]).await.unwrap().is_none());
    process.drain().await;
}
