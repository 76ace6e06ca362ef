//! Delivery: retries by the policy's schedule, pauses and parking by the plugin's verdict, fairness.

use std::time::Duration;

use zelador::clock::Clock;
use zelador::store::{DeliveryState, EndpointState};
use zelador::webhook::{EndpointSpec, Submission};

use super::fixture::{Process, to};
use super::receiver::{Receiver, answer};
use crate::store::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_failed_delivery_is_tried_again_by_the_schedule_with_the_same_id,
    a_gone_endpoint_is_disabled_and_its_deliveries_wait_until_it_is_enabled,
    a_busy_receiver_pauses_its_endpoint_and_not_just_the_message,
    a_policy_that_traps_or_is_missing_loses_nothing,
    a_message_may_bring_its_own_policy,
    receivers_that_hang_do_not_slow_the_others,
    a_rotated_secret_signs_beside_the_old_one,
}

async fn a_failed_delivery_is_tried_again_by_the_schedule_with_the_same_id(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number < 2 { 500 } else { 204 }, "")).await;
    let began = fixture.clock.now();
    let id = process.send_to(&receiver.url(), "{}").await;
    let failed = process.until(&id, DeliveryState::Failed).await;
    assert_eq!(failed.due_at, began + Duration::from_secs(60));
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(process.until(&id, DeliveryState::Failed).await.attempts, 1);
    fixture.clock.advance(Duration::from_secs(1));
    let failed = process
        .until_with(&id, |delivery| delivery.state == DeliveryState::Failed && delivery.attempts == 2)
        .await;
    assert_eq!(failed.due_at, began + Duration::from_secs(60 + 300));
    fixture.clock.advance(Duration::from_secs(300));
    let delivered = process.until(&id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 3);
    let got = receiver.got();
    assert!(got.iter().all(|got| got.header("webhook-id") == id));
    let stamps: Vec<_> = got.iter().map(|got| got.header("webhook-timestamp")).collect();
    let signatures: Vec<_> = got.iter().map(|got| got.header("webhook-signature")).collect();
    assert!(stamps[0] < stamps[1] && stamps[1] < stamps[2], "{stamps:?}");
    assert!(signatures[0] != signatures[1] && signatures[1] != signatures[2]);
    process.drain().await;
}

async fn a_gone_endpoint_is_disabled_and_its_deliveries_wait_until_it_is_enabled(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|number| answer(if number == 0 { 410 } else { 200 }, "")).await;
    let endpoint =
        process.webhooks.add_endpoint(EndpointSpec::new(receiver.url()), None).await.unwrap().endpoint;
    let first = process.send("a.b", "1").await;
    assert_eq!(process.until(&first, DeliveryState::DeadLetter).await.attempts, 1);
    let disabled = process.store.endpoint(&endpoint.id).await.unwrap().unwrap();
    assert_eq!(disabled.state, EndpointState::Disabled);
    let second = process.send("a.b", "2").await;
    process.until(&second, DeliveryState::Parked).await;
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(process.webhooks.enable_endpoint(&endpoint.id).await.unwrap(), 1);
    process.until(&second, DeliveryState::Delivered).await;
    process.drain().await;
}

async fn a_busy_receiver_pauses_its_endpoint_and_not_just_the_message(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver =
        Receiver::new(
            |number| if number == 0 { answer(503, "retry-after: 600\r\n") } else { answer(200, "") },
        )
        .await;
    let endpoint =
        process.webhooks.add_endpoint(EndpointSpec::new(receiver.url()), None).await.unwrap().endpoint;
    let first = process.send("a.b", "1").await;
    process.until(&first, DeliveryState::Failed).await;
    // From the end of the attempt, which really took its time beside the clock that stands still.
    let until = process.store.endpoint(&endpoint.id).await.unwrap().unwrap().paused_until.unwrap();
    let pause = until - fixture.clock.now();
    assert!((600..610).contains(&pause.num_seconds()), "{pause}");
    let second = process.send("a.b", "2").await;
    assert_eq!(process.until(&second, DeliveryState::Held).await.due_at, until);
    fixture.clock.set(until);
    process.until(&second, DeliveryState::Delivered).await;
    process.until(&first, DeliveryState::Delivered).await;
    process.drain().await;
}

async fn a_policy_that_traps_or_is_missing_loses_nothing(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|_| answer(500, "")).await;
    for policy in ["trapping", "no-such-policy", "webhook-delivery"] {
        let submission = Submission { policy: Some(policy.into()), ..to(&receiver.url(), "{}") };
        let id = process.webhooks.accept(submission).await.unwrap().id;
        let failed = process.until(&id, DeliveryState::Failed).await;
        assert_eq!(failed.due_at, fixture.clock.now() + Duration::from_secs(60), "{policy}");
    }
    process.drain().await;
}

async fn a_message_may_bring_its_own_policy(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::new(|_| answer(500, "")).await;
    let submission = Submission {
        policy: Some("retry-steps".into()),
        policy_settings: serde_json::json!({"steps": ["7s"]}),
        ..to(&receiver.url(), "{}")
    };
    let id = process.webhooks.accept(submission).await.unwrap().id;
    let failed = process.until(&id, DeliveryState::Failed).await;
    assert_eq!(failed.due_at, fixture.clock.now() + Duration::from_secs(7));
    fixture.clock.advance(Duration::from_secs(7));
    process.until(&id, DeliveryState::DeadLetter).await;
    process.drain().await;
}

/// As many hang as can be under way; nothing here ends their requests.
async fn receivers_that_hang_do_not_slow_the_others(fixture: Fixture) {
    let process = Process::start_with(fixture.open().await, fixture.clock.clone(), 16).await;
    let mut hanging = Vec::new();
    for _ in 0..7 {
        let receiver = Receiver::new(|_| None).await;
        for _ in 0..20 {
            process.send_to(&receiver.url(), "{}").await;
        }
        hanging.push(receiver);
    }
    for receiver in &hanging {
        receiver.arrived(1).await;
    }
    let healthy = Receiver::friendly().await;
    for _ in 0..50 {
        process.send_to(&healthy.url(), "{}").await;
    }
    healthy.arrived(50).await;
    assert!(hanging.iter().all(|receiver| receiver.got().len() == 1));
    process.kill().await;
}

async fn a_rotated_secret_signs_beside_the_old_one(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let added = process.webhooks.add_endpoint(EndpointSpec::new(receiver.url()), None).await.unwrap();
    process.send("a.b", "1").await;
    receiver.arrived(1).await;
    process.webhooks.rotate_secret(&added.endpoint.id, None, Some(Duration::from_secs(3600))).await.unwrap();
    // What is known of an endpoint is at most a second old.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    process.send("a.b", "2").await;
    let signatures = |number: usize| receiver.got()[number].header("webhook-signature").split(' ').count();
    receiver.arrived(2).await;
    assert_eq!((signatures(0), signatures(1)), (1, 2));
    process.drain().await;
}
