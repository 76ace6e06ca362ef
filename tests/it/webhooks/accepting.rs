//! Acceptance: on record with its deliveries or not at all, once a key, to whoever wants it.

use std::collections::BTreeSet;

use zelador::store::{DeliveryState, LetterFilter};
use zelador::webhook::{AcceptError, EndpointSpec, Submission};

use super::fixture::{Process, to};
use super::receiver::Receiver;
use crate::store::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_message_is_delivered_byte_for_byte_and_signed,
    the_same_key_and_body_are_one_message,
    the_same_key_of_another_tenant_is_another_message,
    many_at_once_with_the_same_key_are_one_message,
    an_event_goes_to_those_who_want_it,
    what_cannot_be_sent_is_refused_with_its_reason,
    a_message_nobody_wants_is_on_record_all_the_same,
}

async fn a_message_is_delivered_byte_for_byte_and_signed(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let body = "{\"b\": 1,  \"a\":\t\"é\u{0}\"}\n";
    let mut submission = to(&receiver.url(), body);
    submission.headers.push(("X-Webhook-Secret".into(), "secret_token_123".into()));
    let id = process.webhooks.accept(submission).await.unwrap().id;
    let got = receiver.arrived(1).await.remove(0);
    assert_eq!(got.body, body);
    assert_eq!(got.header("webhook-id"), id);
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("x-webhook-secret"), "secret_token_123");
    assert!(got.header("webhook-signature").starts_with("v1,"), "{got:?}");
    let delivery = process.until(&id, DeliveryState::Delivered).await;
    let attempts = process.store.attempts(&delivery.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].record.class.as_str(), attempts[0].record.status), ("delivered", Some(200)));
    assert_eq!(process.store.count_dead_letters(&LetterFilter::default()).await.unwrap(), 0);
    process.drain().await;
}

async fn the_same_key_and_body_are_one_message(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let keyed = |body| Submission { idempotency_key: Some("k1".into()), ..to(&receiver.url(), body) };
    let first = process.webhooks.accept(keyed("1")).await.unwrap();
    let again = process.webhooks.accept(keyed("1")).await.unwrap();
    assert_eq!((&again.id, first.repeated, again.repeated), (&first.id, false, true));
    let other = process.webhooks.accept(keyed("2")).await.unwrap_err();
    assert!(matches!(&other, AcceptError::Conflict(id) if *id == first.id), "{other}");
    process.until(&first.id, DeliveryState::Delivered).await;
    assert_eq!(receiver.got().len(), 1);
    process.drain().await;
}

async fn the_same_key_of_another_tenant_is_another_message(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let of = |tenant: &str| Submission {
        tenant_id: Some(tenant.into()),
        idempotency_key: Some("k1".into()),
        ..to(&receiver.url(), "1")
    };
    let a = process.webhooks.accept(of("a")).await.unwrap();
    let b = process.webhooks.accept(of("b")).await.unwrap();
    assert_ne!(a.id, b.id);
    receiver.arrived(2).await;
    process.drain().await;
}

async fn many_at_once_with_the_same_key_are_one_message(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let receiver = Receiver::friendly().await;
    let keyed =
        (0..100).map(|_| Submission { idempotency_key: Some("k".into()), ..to(&receiver.url(), "1") });
    let outcomes = process.webhooks.accept_many(keyed.collect()).await;
    let accepted: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().filter(|accepted| !accepted.repeated).count(), 1);
    assert_eq!(accepted.iter().map(|accepted| &accepted.id).collect::<BTreeSet<_>>().len(), 1);
    process.drain().await;
}

async fn an_event_goes_to_those_who_want_it(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let (payments, all, other_tenant) =
        (Receiver::friendly().await, Receiver::friendly().await, Receiver::friendly().await);
    let endpoint = |url: String, tenant: Option<&str>, events: &[&str]| EndpointSpec {
        tenant_id: tenant.map(str::to_owned),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        ..EndpointSpec::new(url)
    };
    for spec in [
        endpoint(payments.url(), Some("t1"), &["payment.*"]),
        endpoint(all.url(), None, &["*"]),
        endpoint(other_tenant.url(), Some("t2"), &["*"]),
    ] {
        process.webhooks.add_endpoint(spec, None).await.unwrap();
    }
    let event = |name: &str| Submission { tenant_id: Some("t1".into()), ..Submission::event(name, "{}") };
    let paid = process.webhooks.accept(event("payment.received")).await.unwrap().id;
    let ended = process.webhooks.accept(event("subscription.ended")).await.unwrap().id;
    payments.arrived(1).await;
    all.arrived(2).await;
    assert_eq!(process.deliveries(&paid).await.len(), 2);
    assert_eq!(process.deliveries(&ended).await.len(), 1);
    process.drain().await;
    assert_eq!((payments.got().len(), other_tenant.got().len()), (1, 0));
}

async fn what_cannot_be_sent_is_refused_with_its_reason(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let good = to("https://example.com/", "{}");
    let refused = [
        Submission { event: "pay ment".into(), ..good.clone() },
        Submission { headers: vec![("host".into(), "x".into())], ..good.clone() },
        Submission { content_type: "a\nb".into(), ..good.clone() },
        Submission { policy_settings: serde_json::json!({"a": "\0"}), ..good.clone() },
        Submission { policy: Some("a\0".into()), ..good.clone() },
        Submission { idempotency_key: Some(String::new()), ..good.clone() },
        Submission { body: vec![0; (1 << 20) + 1].into(), ..good.clone() },
        to("ftp://example.com/", "{}"),
    ];
    for submission in refused {
        let shown = format!("{} {}", submission.event, submission.content_type);
        assert!(process.webhooks.accept(submission).await.is_err(), "{shown}");
    }
    assert_eq!(process.store.messages(None, None, None).await.unwrap().len(), 0);
    process.drain().await;
}

async fn a_message_nobody_wants_is_on_record_all_the_same(fixture: Fixture) {
    let process = Process::start(&fixture).await;
    let id = process.send("nobody.cares", "{}").await;
    assert_eq!(process.store.message(&id).await.unwrap().unwrap().body, "{}");
    assert_eq!(process.deliveries(&id).await.len(), 0);
    process.drain().await;
}
