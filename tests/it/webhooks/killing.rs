//! The real daemon, killed under load: every accepted message arrives, and what arrives twice has one id.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Notify;
use zelador::store::{DeliveryState, Lane};
use zelador::webhook::{Webhooks, WebhooksOptions};
use zelador_tests::daemon::Daemon;
use zelador_tests::guests;
use zelador_tests::home::Home;

use super::fixture::to;
use super::receiver::Receiver;
use crate::store::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_daemon_that_is_killed_again_and_again_loses_nothing,
}

const KILLS: usize = 4;
const MESSAGES: usize = 2_000;

/// What one kill may repeat: what was in flight, and what one transaction of outcomes holds.
const REPEATED_AT_MOST: usize = 32 + 500;

fn home(fixture: &Fixture) -> Home {
    let home = Home::new(&format!(
        "[store]\nurl = \"{}\"\n[webhook]\nallow-networks = [\"127.0.0.0/8\"]\nin-flight = 32\n",
        fixture.url.replace('\\', "\\\\")
    ));
    for name in ["webhook-delivery", "retry-steps"] {
        home.drop_plugin(&guests::shipped(name), name);
    }
    home
}

async fn a_daemon_that_is_killed_again_and_again_loses_nothing(fixture: Fixture) {
    let store = fixture.open_in_real_time().await;
    let webhooks = Webhooks::new(store.clone(), WebhooksOptions::default(), Arc::new(Notify::new()));
    let (receiver, home) = (Receiver::friendly().await, home(&fixture));
    let mut accepted = BTreeSet::new();
    for kill in 0..KILLS {
        let messages = vec![to(&receiver.url(), "{}"); MESSAGES / KILLS];
        for outcome in webhooks.accept_many(messages).await {
            accepted.insert(outcome.unwrap().id);
        }
        let before = receiver.got().len();
        let daemon = Daemon::start(&home);
        receiver.arrived(before + 50 * (kill + 1)).await;
        daemon.kill();
    }
    let last = Daemon::start(&home);
    for _ in 0..3_000 {
        if store.unfinished_deliveries(Lane::Webhook).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    drop(last);
    for id in &accepted {
        let delivery = store.delivery(&format!("{id}.0")).await.unwrap().unwrap();
        assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
    }
    let got = receiver.got();
    let arrived: BTreeSet<_> = got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!(arrived, accepted);
    let repeated = got.len() - accepted.len();
    assert!(repeated <= KILLS * REPEATED_AT_MOST, "{repeated} were sent twice");
}
