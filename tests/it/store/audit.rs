//! The audit trail, as the program and as the operator reads it.

use std::time::Duration;

use serde_json::json;
use zelador::clock::{Clock, SystemClock};
use zelador::store::{AuditFilter, NewAuditEntry, Subscription, SubscriptionStatus};
use zelador_tests::postgres::shared;

use super::fixture::{Backend, Fixture, on_both_databases};

on_both_databases! {
    entries_are_listed_newest_first_page_by_page,
    entries_are_narrowed,
    old_entries_are_forgotten,
}

fn notification(tenant_id: Option<&str>, days: u32) -> NewAuditEntry {
    NewAuditEntry {
        tenant_id: tenant_id.map(Into::into),
        operation: "NOTIFICATION".into(),
        new_data: json!({"daysUntilExpiration": days, "urgency": "critical"}),
        plugin: Some("subscription-check".into()),
        run_id: Some("run".into()),
    }
}

async fn entries_are_listed_newest_first_page_by_page(fixture: Fixture) {
    let store = fixture.open().await;
    for days in 0..5 {
        store.record_audit(&notification(Some("t"), days)).await.unwrap();
    }
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map(zelador::store::AuditEntry::cursor);
        let page = store
            .audit_entries(&AuditFilter { after, limit: Some(2), ..AuditFilter::default() })
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let days: Vec<_> =
        listed.iter().map(|entry| entry.new_data["daysUntilExpiration"].as_u64().unwrap()).collect();
    assert_eq!(days, [4, 3, 2, 1, 0]);
    assert_eq!(listed[0].created_at, fixture.clock.now());
    assert_eq!(listed[0].plugin.as_deref(), Some("subscription-check"));
    assert_eq!(listed[0].run_id.as_deref(), Some("run"));
}

async fn entries_are_narrowed(fixture: Fixture) {
    let store = fixture.open().await;
    store.record_audit(&notification(Some("a"), 1)).await.unwrap();
    store.record_audit(&notification(None, 2)).await.unwrap();
    store
        .record_audit(&NewAuditEntry { operation: "EXPIRY".into(), ..notification(Some("a"), 3) })
        .await
        .unwrap();
    let of_tenant = AuditFilter { tenant_id: Some("a".into()), ..AuditFilter::default() };
    assert_eq!(store.audit_entries(&of_tenant).await.unwrap().len(), 2);
    let both = AuditFilter { operation: Some("EXPIRY".into()), ..of_tenant };
    assert_eq!(store.audit_entries(&both).await.unwrap().len(), 1);
}

async fn old_entries_are_forgotten(fixture: Fixture) {
    let store = fixture.open().await;
    store.record_audit(&notification(None, 1)).await.unwrap();
    let boundary = fixture.clock.now() + Duration::from_secs(1);
    fixture.clock.set(boundary);
    store.record_audit(&notification(None, 2)).await.unwrap();
    assert_eq!(store.delete_audit_before(boundary).await.unwrap(), 1);
    let left = store.audit_entries(&AuditFilter::default()).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].new_data["daysUntilExpiration"], 2);
}

/// `medmanager-seed.md`, section 2, "Monitoramento", word for word.
const SEED_STATEMENT: &str = include_str!("seed_notifications.txt");

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_monitoring_statement_runs_verbatim_on_postgres() {
    let fixture = Fixture::new(Backend::Postgres, "it::store::audit::seed");
    // The statement asks the server for the time, so the rows need the real one.
    let store = fixture.open_in_real_time().await;
    let tenant = Subscription {
        id: "s".into(),
        tenant_id: "tenant_abc".into(),
        tenant_name: "Clínica".into(),
        email: "a@b.example".into(),
        timezone: "America/Sao_Paulo".into(),
        locale: "pt-BR".into(),
        expires_at: SystemClock.now(),
        status: SubscriptionStatus::Active,
    };
    store.upsert_subscriptions(&[tenant]).await.unwrap();
    store.record_audit(&notification(Some("tenant_abc"), 3)).await.unwrap();
    store
        .record_audit(&NewAuditEntry { operation: "EXPIRY".into(), ..notification(Some("tenant_abc"), 9) })
        .await
        .unwrap();

    let script = format!("set search_path to zelador;{SEED_STATEMENT}");
    let printed = shared().psql(fixture.database.as_deref().unwrap(), &script);
    let rows: Vec<&str> = printed.lines().collect();
    assert_eq!(rows.len(), 1, "{printed}");
    assert!(rows[0].ends_with("|Clínica|3|critical"), "{printed}");
}
