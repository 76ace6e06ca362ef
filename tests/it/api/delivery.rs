//! From the API to a real receiver, and back from the dead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use zelador_tests::daemon::{Daemon, eventually};
use zelador_tests::guests;
use zelador_tests::home::Home;

use super::client::Client;
use crate::webhooks::receiver::{Got, Receiver, answer};

/// A site whose deliveries may go to this machine.
fn home() -> Home {
    let home = Home::new("[webhook]\nallow-networks = [\"127.0.0.0/8\"]\n");
    for plugin in ["webhook-delivery", "retry-steps"] {
        home.drop_plugin(&guests::shipped(plugin), plugin);
    }
    home
}

/// What the specification says that a receiver computes.
fn signature(secret: &str, got: &Got) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    for part in [got.header("webhook-id"), ".", got.header("webhook-timestamp"), "."] {
        mac.update(part.as_bytes());
    }
    mac.update(&got.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_its_endpoint_with_a_signature_that_holds() {
    let receiver = Receiver::friendly().await;
    let home = home();
    let daemon = Daemon::start(&home);
    let operator = Client::with_role(&home, &daemon, "operator", None);
    let endpoint = json!({ "url": receiver.url(), "events": ["payment.*"], "headers": { "x-ours": "yes" } });
    let endpoint = operator.post("/api/v1/endpoints", &endpoint).json();
    let text = "{\"event\":\"payment.received\",\"data\":{ \"amount\" : 99.90 }}";
    let accepted = operator.post_text("/api/v1/webhooks", text, &[]).json();

    let got = receiver.arrived(1).await.remove(0);
    assert_eq!(got.body, "{ \"amount\" : 99.90 }");
    assert_eq!(got.header("webhook-id"), accepted["id"]);
    assert_eq!(got.header("x-ours"), "yes");
    assert_eq!(got.header("webhook-signature"), signature(endpoint["secret"].as_str().unwrap(), &got));

    let id = accepted["id"].as_str().unwrap();
    let delivery = eventually("the delivery is on record", || {
        let shown = operator.get(&format!("/api/v1/webhooks/{id}")).json();
        Some(shown["deliveries"][0].clone()).filter(|delivery| delivery["state"] == "delivered")
    });
    assert_eq!(delivery["attempts"][0]["status"], 200);
    assert_eq!(operator.post(&format!("/api/v1/webhooks/{id}/resend"), &json!({})).json()["resent"], 1);
    assert_eq!(receiver.arrived(2).await[1].header("webhook-id"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_counted_taken_up_once_and_delivered() {
    let receiver = Receiver::new(|number| answer(if number == 0 { 410 } else { 200 }, "")).await;
    let home = home();
    let daemon = Daemon::start(&home);
    let operator = Client::with_role(&home, &daemon, "operator", None);
    let message = json!({ "url": receiver.url(), "event": "a.b", "data": 1 });
    let id = operator.post("/api/v1/webhooks", &message).json()["id"].as_str().unwrap().to_owned();

    let letters = eventually("a dead letter", || {
        let page = operator.get("/api/v1/dead-letters?type=webhook&status=waiting").json();
        Some(page["data"].as_array().unwrap().clone()).filter(|letters| !letters.is_empty())
    });
    assert_eq!((&letters[0]["message_id"], &letters[0]["last_status"]), (&json!(id), &json!(410)));
    let path = format!("/api/v1/dead-letters/{}", letters[0]["id"].as_str().unwrap());
    assert_eq!(operator.get(&path).json()["timeline"][0]["status"], 410);
    assert_eq!(operator.get("/api/v1/dead-letters?type=email").json()["data"], json!([]));

    let reprocess = |document| operator.post("/api/v1/dead-letters/reprocess", &document).json();
    assert_eq!(reprocess(json!({ "dry_run": true }))["reprocessed"], 1);
    assert_eq!(reprocess(json!({ "type": "email" }))["reprocessed"], 0);
    assert_eq!(reprocess(json!({ "since": "2999-01-01T00:00:00Z" }))["reprocessed"], 0);
    assert_eq!(reprocess(json!({ "limit": 50, "type": "webhook" }))["reprocessed"], 1);
    assert_eq!(reprocess(json!({}))["reprocessed"], 0);
    assert_eq!(operator.post(&format!("{path}/reprocess"), &json!({})).problem(), "conflict");
    assert_eq!(receiver.arrived(2).await[1].header("webhook-id"), id);

    let admin = Client::with_role(&home, &daemon, "admin", None);
    let purge = |span| admin.post("/api/v1/dead-letters/purge", &json!({ "older_than": span })).json();
    assert_eq!(purge("30d")["purged"], 0);
    assert_eq!(
        eventually("time passes", || Some(purge("0s")).filter(|done| done["purged"] == 1))["purged"],
        1
    );
}
