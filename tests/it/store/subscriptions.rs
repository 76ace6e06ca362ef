//! Tenants and subscriptions.

use std::time::Duration;

use tokio::task::JoinSet;
use zelador::clock::Clock;
use zelador::store::{Subscription, SubscriptionFilter, SubscriptionStatus};

use super::fixture::{Fixture, at, on_both_databases};

on_both_databases! {
    a_subscription_reads_back_as_it_was_written,
    an_import_changes_what_was_there,
    of_two_rows_with_one_identifier_the_later_counts,
    subscriptions_are_listed_by_the_end_of_their_period,
    a_large_import_is_read_page_by_page,
    two_imports_at_once_do_not_block_each_other,
}

fn subscription(id: &str, tenant_id: &str) -> Subscription {
    Subscription {
        id: id.into(),
        tenant_id: tenant_id.into(),
        tenant_name: "Clínica São João".into(),
        email: "financeiro@clinica.example".into(),
        timezone: "America/Sao_Paulo".into(),
        locale: "pt-BR".into(),
        expires_at: at("2026-03-08T03:00:00Z"),
        status: SubscriptionStatus::Active,
    }
}

fn ids(subscriptions: &[Subscription]) -> Vec<&str> {
    subscriptions.iter().map(|subscription| subscription.id.as_str()).collect()
}

async fn a_subscription_reads_back_as_it_was_written(fixture: Fixture) {
    let store = fixture.open().await;
    store.upsert_subscriptions(&[]).await.unwrap();
    assert_eq!(store.subscriptions(&SubscriptionFilter::default()).await.unwrap(), []);
    let written: Vec<_> = SubscriptionStatus::ALL
        .iter()
        .enumerate()
        .map(|(number, &status)| Subscription { status, ..subscription(&number.to_string(), "tenant") })
        .collect();
    store.upsert_subscriptions(&written).await.unwrap();
    assert_eq!(store.subscriptions(&SubscriptionFilter::default()).await.unwrap(), written);
}

async fn an_import_changes_what_was_there(fixture: Fixture) {
    let store = fixture.open().await;
    store.upsert_subscriptions(&[subscription("s", "t")]).await.unwrap();
    let changed = Subscription {
        tenant_name: "Outra".into(),
        email: "nova@clinica.example".into(),
        timezone: "America/Manaus".into(),
        locale: "en".into(),
        expires_at: at("2027-03-08T03:00:00.500Z"),
        status: SubscriptionStatus::Cancelled,
        ..subscription("s", "t")
    };
    store.upsert_subscriptions(std::slice::from_ref(&changed)).await.unwrap();
    assert_eq!(store.subscriptions(&SubscriptionFilter::default()).await.unwrap(), [changed]);
}

async fn of_two_rows_with_one_identifier_the_later_counts(fixture: Fixture) {
    let store = fixture.open().await;
    let first = subscription("s", "t");
    let second = Subscription { email: "nova@clinica.example".into(), ..subscription("s", "t") };
    store.upsert_subscriptions(&[first, second.clone()]).await.unwrap();
    assert_eq!(store.subscriptions(&SubscriptionFilter::default()).await.unwrap(), [second]);
}

async fn subscriptions_are_listed_by_the_end_of_their_period(fixture: Fixture) {
    let store = fixture.open().await;
    let now = fixture.clock.now();
    let rows = [
        Subscription { expires_at: now + Duration::from_secs(7), ..subscription("later", "t") },
        Subscription { expires_at: now - Duration::from_secs(7), ..subscription("past", "t") },
        Subscription { expires_at: now, ..subscription("now", "t") },
        Subscription { expires_at: now, status: SubscriptionStatus::Expired, ..subscription("over", "t") },
    ];
    store.upsert_subscriptions(&rows).await.unwrap();
    let before =
        |instant| SubscriptionFilter { expiring_before: Some(instant), ..SubscriptionFilter::default() };
    let active = SubscriptionFilter {
        status: Some(SubscriptionStatus::Active),
        ..before(now + Duration::from_secs(7))
    };
    let cases = [
        (SubscriptionFilter::default(), vec!["past", "now", "over", "later"]),
        (before(now), vec!["past"]),
        (before(now + Duration::from_millis(1)), vec!["past", "now", "over"]),
        (active, vec!["past", "now"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&store.subscriptions(&filter).await.unwrap()), expected, "{filter:?}");
    }
}

async fn a_large_import_is_read_page_by_page(fixture: Fixture) {
    let store = fixture.open().await;
    let rows: Vec<_> = (0..1_203)
        .map(|number| subscription(&format!("s{number:04}"), &format!("t{}", number % 700)))
        .collect();
    store.upsert_subscriptions(&rows).await.unwrap();
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map(Subscription::cursor);
        let filter = SubscriptionFilter { after, limit: Some(400), ..SubscriptionFilter::default() };
        let page = store.subscriptions(&filter).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, rows);
}

async fn two_imports_at_once_do_not_block_each_other(fixture: Fixture) {
    let mut rows: Vec<_> =
        (0..600).map(|number| subscription(&format!("s{number}"), &format!("t{number}"))).collect();
    let mut imports = JoinSet::new();
    for _ in 0..4 {
        rows.reverse();
        let (store, rows) = (fixture.open().await, rows.clone());
        imports.spawn(async move { store.upsert_subscriptions(&rows).await });
    }
    for outcome in imports.join_all().await {
        outcome.unwrap();
    }
}
