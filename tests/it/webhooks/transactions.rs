//! On PostgreSQL: an application enqueues in a transaction of its own, and operators look with the statements they know.

use std::time::Duration;

use zelador::store::DeliveryState;
use zelador::webhook::EndpointSpec;
use zelador_tests::postgres;

use super::fixture::Process;
use super::receiver::{Receiver, answer};
use crate::store::fixture::{Backend, Fixture};

fn psql(fixture: &Fixture, script: &str) -> String {
    postgres::shared().psql(fixture.database.as_ref().unwrap(), script).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_application_enqueues_exists_if_and_only_if_its_transaction_commits() {
    let fixture = Fixture::new(Backend::Postgres, "");
    let process = Process::start_in_real_time(&fixture).await;
    let (to_endpoint, to_url) = (Receiver::friendly().await, Receiver::friendly().await);
    process.webhooks.add_endpoint(EndpointSpec::new(to_endpoint.url()), None).await.unwrap();
    let rolled_back = "begin; select zelador.enqueue_webhook('a.b', '{\"n\": 1}'); rollback;";
    psql(&fixture, rolled_back);
    let committed = psql(&fixture, "begin; select zelador.enqueue_webhook('a.b', '{\"n\": 2}'); commit;");
    let direct =
        format!("select zelador.enqueue_webhook('a.b', jsonb '{{\"n\":3}}', url => '{}');", to_url.url());
    psql(&fixture, &direct);
    let got = to_endpoint.arrived(1).await.remove(0);
    assert_eq!((got.body.as_ref(), got.header("webhook-id")), (&b"{\"n\": 2}"[..], committed.as_str()));
    assert_eq!(to_url.arrived(1).await[0].body, "{\"n\": 3}");
    process.drain().await;
    assert_eq!((to_endpoint.got().len(), to_url.got().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_means_the_same_in_sql() {
    let fixture = Fixture::new(Backend::Postgres, "");
    let process = Process::start_in_real_time(&fixture).await;
    let enqueue = |body: &str| {
        format!("select zelador.enqueue_webhook('a.b', '{body}', tenant => 't', idempotency_key => 'k');")
    };
    let first = psql(&fixture, &enqueue("1"));
    assert_eq!(psql(&fixture, &enqueue("1")), first);
    let submission = zelador::webhook::Submission {
        tenant_id: Some("t".into()),
        idempotency_key: Some("k".into()),
        ..zelador::webhook::Submission::event("a.b", "1")
    };
    let accepted = process.webhooks.accept(submission).await.unwrap();
    assert_eq!((accepted.id, accepted.repeated), (first, true));
    let other = "do $$ begin perform zelador.enqueue_webhook('a.b', '2', 't', 'k'); \
                 raise exception 'accepted'; exception when unique_violation then null; end $$;";
    psql(&fixture, other);
    process.drain().await;
}

/// As they stand in the document of the system that Zelador replaces, section 3.
const FAILING: &str = "SELECT\x20
  event,
  COUNT(*) as total,
  AVG(attempts) as avg_attempts
FROM webhook_logs
WHERE status IN ('failed', 'dead_letter')
  AND created_at > NOW() - INTERVAL '24 hours'
GROUP BY event
ORDER BY total DESC;";
const BY_TYPE: &str = "SELECT\x20
  type,
  status,
  COUNT(*) as count
FROM dead_letter_queue
GROUP BY type, status;";
const CLEAN: &str = "DELETE FROM dead_letter_queue
WHERE processed_at < NOW() - INTERVAL '30 days';";

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_that_operators_know_run_verbatim_and_tell_the_truth() {
    let fixture = Fixture::new(Backend::Postgres, "");
    let process = Process::start_in_real_time(&fixture).await;
    let (failing, refusing, friendly) = (
        Receiver::new(|_| answer(500, "")).await,
        Receiver::new(|_| answer(400, "")).await,
        Receiver::friendly().await,
    );
    let failed = process.send_to(&failing.url(), "{}").await;
    let dead = process.send_to(&refusing.url(), "{}").await;
    let fine = process.send_to(&friendly.url(), "{}").await;
    process.until(&failed, DeliveryState::Failed).await;
    process.until(&dead, DeliveryState::DeadLetter).await;
    process.until(&fine, DeliveryState::Delivered).await;
    let ask = |statement: &str| psql(&fixture, &format!("set search_path = zelador;\n{statement}"));
    assert_eq!(ask(FAILING), "payment.received|2|1.00000000000000000000");
    assert_eq!(ask(BY_TYPE), "webhook|waiting|1");
    ask("update dead_letter_queue set processed_at = now() - interval '31 days', status = 'discarded'");
    ask(CLEAN);
    assert_eq!(ask(BY_TYPE), "");
    process.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_hears_at_once_of_what_was_accepted_elsewhere() {
    let fixture = Fixture::new(Backend::Postgres, "");
    let worker = Process::start_in_real_time(&fixture).await;
    let receiver = Receiver::friendly().await;
    worker.send_to(&receiver.url(), "{}").await;
    receiver.arrived(1).await;
    let url = receiver.url();
    let before = tokio::time::Instant::now();
    psql(&fixture, &format!("select zelador.enqueue_webhook('a.b', '{{}}', url => '{url}');"));
    receiver.arrived(2).await;
    // Not an assertion about speed: polling alone would find it too, so that only its presence is checked.
    assert!(before.elapsed() < Duration::from_secs(30));
    worker.drain().await;
}
