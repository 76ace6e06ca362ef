//! Messages as people look for them.

use std::time::Duration;

use zelador::store::{
    Acceptance, DeliveryFilter, Lane, MessageFilter, NewMessage, Recipient, Store, StoredHeaders,
};

use super::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_message_in_short_counts_its_own_deliveries_and_no_others,
    messages_in_short_come_in_pages_of_one_tenant,
}

fn message(tenant: &str, recipients: usize) -> NewMessage {
    let recipient = |number| Recipient {
        target: format!("target-{number}"),
        endpoint_id: None,
        url: Some("https://receiver.invalid/".into()),
        timeout: None,
    };
    NewMessage {
        lane: Lane::Webhook,
        event: "a.b".into(),
        tenant_id: Some(tenant.into()),
        content_type: "application/json".into(),
        headers: StoredHeaders::default(),
        body: "é\0".into(),
        idempotency_key: None,
        policy: None,
        policy_settings: serde_json::json!({}),
        ordering_key: None,
        recipients: (0..recipients).map(recipient).collect(),
    }
}

async fn accept(store: &Store, messages: &[NewMessage]) -> Vec<String> {
    let accepted = store.accept_messages(messages).await.unwrap();
    let id = |acceptance| match acceptance {
        Acceptance::Accepted(id) => id,
        other => panic!("{other:?}"),
    };
    accepted.into_iter().map(id).collect()
}

async fn a_message_in_short_counts_its_own_deliveries_and_no_others(fixture: Fixture) {
    let store = fixture.open().await;
    let ids = accept(&store, &[message("acme", 12), message("acme", 0), message("acme", 1)]).await;
    let mut counts = Vec::new();
    for id in &ids {
        let summary = store.message_summary(id).await.unwrap().unwrap();
        counts.push((summary.deliveries, summary.delivered, summary.dead, summary.body_bytes));
    }
    assert_eq!(counts, [(12, 0, 0, 3), (0, 0, 0, 3), (1, 0, 0, 3)]);
    assert_eq!(store.message_summary("none").await.unwrap(), None);
    let filter = DeliveryFilter { message_id: Some(ids[0].clone()), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&filter).await.unwrap().len(), 12);
}

async fn messages_in_short_come_in_pages_of_one_tenant(fixture: Fixture) {
    let store = fixture.open().await;
    let mut own = accept(&store, &[message("acme", 1), message("acme", 1)]).await;
    accept(&store, &[message("other", 1)]).await;
    fixture.clock.advance(Duration::from_secs(1));
    own.extend(accept(&store, &[message("acme", 1)]).await);
    own.reverse();
    let mut filter =
        MessageFilter { tenant_id: Some("acme".into()), limit: Some(2), ..MessageFilter::default() };
    let mut listed = Vec::new();
    loop {
        let page = store.message_summaries(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.cursor());
        listed.extend(page.into_iter().map(|message| message.id));
    }
    assert_eq!(listed, own);
}
