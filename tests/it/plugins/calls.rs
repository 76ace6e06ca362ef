//! Calls: what a guest is given, what comes back, and who waits for whom.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use zelador::clock::{Clock, ManualClock};
use zelador::plugin::{CallError, Kind, Limits, Runtime, RuntimeConfig};
use zelador_tests::guests;

use super::support::{Heard, caller, config, fixture, load, run};

#[tokio::test]
async fn a_job_reports() {
    let heard = Arc::new(Heard::default());
    let mut context = caller(json!({"mode": "progress-flood", "count": 3}));
    context.sink = Some(heard.clone());
    let report = fixture("hostile").await.run_job(&context, run()).await.unwrap();
    assert_eq!(report.summary, "did it 3 times");
    assert_eq!(heard.progress.lock().unwrap().as_ref().unwrap().done, 2);
}

#[tokio::test]
async fn settings_are_checked_against_the_plugins_schema() {
    let hostile = fixture("hostile").await;
    let errors = hostile.check_settings(&caller(json!({"bytes": "many", "mood": 1})).settings).unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|error| error.starts_with("setting `bytes`: ")), "{told:?}");
    assert!(told.iter().any(|error| error.contains("'mood' was unexpected")), "{told:?}");
    assert!(told.iter().any(|error| error.contains("\"mode\" is a required property")), "{told:?}");
}

#[tokio::test]
async fn a_mail_is_written() {
    let template = fixture("template").await;
    let mut context = caller(json!({}));
    context.limits = Limits::of(Kind::EmailTemplate);
    let listed = template.templates(&context).await.unwrap();
    let email = template.render(&context, &listed[0].name, "en", &listed[0].sample).await.unwrap();
    assert!(!email.subject.is_empty() && email.html.contains('<') && !email.text.is_empty());
    let error = template.render(&context, "no-such", "en", "{}").await.unwrap_err();
    assert!(matches!(error, CallError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn a_plugin_of_another_kind_is_told_for_what_it_is() {
    let template = fixture("template").await;
    let error = template.run_job(&caller(json!({})), run()).await.unwrap_err();
    assert!(
        matches!(error, CallError::WrongKind { wanted: Kind::Job, found: Kind::EmailTemplate, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn the_guests_time_is_the_hosts_clock() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let runtime = Runtime::new(RuntimeConfig { clock: clock.clone(), ..config(None) }, vec![]).unwrap();
    let greeter = load(&runtime, &guests::fixture("greeter-1")).await;
    let mut context = run();
    context.started_at = clock.now().timestamp_millis();
    let lingering =
        tokio::spawn(async move { greeter.run_job(&caller(json!({"linger": "1h"})), context).await });
    // It spins on the clock; only the clock can free it before its guest time is over.
    clock.advance(Duration::from_secs(3600));
    assert_eq!(lingering.await.unwrap().unwrap().summary, "hello from 1.0.0");
}

#[tokio::test]
async fn a_caller_waits_for_a_slot_and_gives_up_in_time() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let config =
        RuntimeConfig { slots: 1, patience: Duration::from_millis(50), clock: clock.clone(), ..config(None) };
    let runtime = Runtime::new(config, vec![]).unwrap();
    let greeter = load(&runtime, &guests::fixture("greeter-1")).await;
    let occupant = {
        let greeter = greeter.clone();
        let mut context = run();
        context.started_at = clock.now().timestamp_millis();
        tokio::spawn(async move { greeter.run_job(&caller(json!({"linger": "1h"})), context).await })
    };
    tokio::task::yield_now().await;
    let error = greeter.run_job(&caller(json!({})), run()).await.unwrap_err();
    assert!(matches!(error, CallError::Busy { slots: 1, .. }), "{error}");
    clock.advance(Duration::from_secs(3600));
    occupant.await.unwrap().unwrap();
    greeter.run_job(&caller(json!({})), run()).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_frees_its_slot() {
    let config = RuntimeConfig { slots: 1, ..config(None) };
    let runtime = Runtime::new(config, vec![]).unwrap();
    let hostile = load(&runtime, &guests::fixture("hostile")).await;
    let context = caller(json!({"mode": "spin"}));
    let gone = tokio::time::timeout(Duration::from_millis(30), hostile.run_job(&context, run())).await;
    assert!(gone.is_err());
    hostile.run_job(&caller(json!({"mode": "allocate", "bytes": 1})), run()).await.unwrap();
}
