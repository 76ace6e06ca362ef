//! The HTTP API of the real daemon: who may do what, what is refused and how, and that nothing secret comes out.

mod access;
pub mod client;
mod delivery;
mod refusals;

use serde_json::{Value, json};
use zelador_tests::daemon::Daemon;
use zelador_tests::home::Home;

use client::Client;

/// A daemon without plugins, and somebody who may send.
struct Site {
    home: Home,
    daemon: Daemon,
    operator: Client,
}

impl Site {
    fn new(config: &str) -> Self {
        let home = Home::new(config);
        let daemon = Daemon::start(&home);
        let operator = Client::with_role(&home, &daemon, "operator", None);
        Self { home, daemon, operator }
    }
}

/// A message to a bare URL where nobody listens.
fn message() -> Value {
    json!({ "url": "https://receiver.invalid/in", "event": "payment.received", "data": { "amount": 99.90 } })
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn an_accepted_message_is_on_record_with_its_deliveries() {
    let site = Site::new("");
    let accepted = site.operator.post("/api/v1/webhooks", &message());
    assert_eq!((accepted.status, &accepted.json()["deliveries"]), (202, &json!(1)), "{accepted:?}");
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let shown = site.operator.get(&format!("/api/v1/webhooks/{id}")).json();
    assert_eq!(shown["event"], "payment.received");
    assert_eq!(shown["deliveries"][0]["url"], "https://receiver.invalid/in");
    assert_eq!(site.home.json(&["webhook", "show", &id])["id"], id.as_str());
}

#[test]
fn an_event_goes_to_the_endpoints_that_want_it() {
    let site = Site::new("");
    for events in [json!(["payment.*"]), json!(["*"]), json!(["user.*"])] {
        let endpoint = json!({ "url": "https://receiver.invalid/", "events": events });
        assert_eq!(site.operator.post("/api/v1/endpoints", &endpoint).status, 201);
    }
    let accepted =
        site.operator.post("/api/v1/webhooks", &json!({ "event": "payment.received", "data": null }));
    assert_eq!(accepted.json()["deliveries"], 2);
}

#[test]
fn a_key_makes_a_second_call_the_first_and_another_body_a_conflict() {
    let site = Site::new("");
    let send =
        |text: &str| site.operator.post_text("/api/v1/webhooks", text, &[("idempotency-key", "order-17")]);
    let first = send(&message().to_string());
    let again = send(&message().to_string());
    assert_eq!((again.status, again.json()), (202, first.json()));
    let mut other = message();
    other["data"] = json!({ "amount": 1 });
    let conflict = send(&other.to_string());
    assert_eq!((conflict.status, conflict.problem().as_str()), (409, "conflict"));
    assert_eq!(ids(&site.operator.get("/api/v1/webhooks").json()).len(), 1);
}

#[test]
fn the_bytes_of_the_data_are_kept_as_they_came() {
    let site = Site::new("");
    let data = "{ \"b\":1.0,\n\"a\" : 1e2, \"b\":\"\\u00e9\" }";
    let text = format!("{{\"event\":\"a.b\",\"data\": {data} ,\"url\":\"https://receiver.invalid/\"}}");
    let id = site.operator.post_text("/api/v1/webhooks", &text, &[]).json()["id"].clone();
    let shown = site.operator.get(&format!("/api/v1/webhooks/{}", id.as_str().unwrap())).json();
    assert_eq!(shown["body"], data);
    assert_eq!(shown["content_type"], "application/json");
}

#[test]
fn a_body_of_any_type_is_kept_as_it_came() {
    let site = Site::new("");
    let bytes: Vec<u8> = (0..=255).collect();
    let path =
        "/api/v1/webhooks?event=file.added&url=https%3A%2F%2Freceiver.invalid%2F&tenant=acme&timeout=5s";
    let accepted = site.operator.send("POST", path, &[("content-type", "image/x-odd")], &bytes);
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let shown = site.operator.get(&format!("/api/v1/webhooks/{id}")).json();
    assert_eq!((&shown["content_type"], &shown["tenant_id"]), (&json!("image/x-odd"), &json!("acme")));
    assert_eq!(shown["body"], Value::Null);
    assert!(shown["body_base64"].as_str().unwrap().starts_with("AAECAwQFBgc"), "{shown}");
}

#[test]
fn a_listing_comes_in_pages_newest_first() {
    let site = Site::new("");
    let sent: Vec<String> = (0..5)
        .map(|_| site.operator.post("/api/v1/webhooks", &message()).json()["id"].as_str().unwrap().to_owned())
        .collect();
    let mut listed = Vec::new();
    let mut path = "/api/v1/webhooks?limit=2".to_owned();
    loop {
        let page = site.operator.get(&path).json();
        listed.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/webhooks?limit=2&cursor={next}");
    }
    listed.reverse();
    assert_eq!(listed, sent);
}

#[test]
fn an_endpoint_is_changed_disabled_enabled_and_removed() {
    let site = Site::new("");
    let client = &site.operator;
    let added = client.post(
        "/api/v1/endpoints",
        &json!({ "url": "https://receiver.invalid/", "headers": { "x-kept": "1" }, "timeout": 1500 }),
    );
    let path = format!("/api/v1/endpoints/{}", added.json()["id"].as_str().unwrap());
    let changes = json!({ "events": ["a.*"], "rate_per_minute": 60 }).to_string();
    let typed = [("content-type", "application/json")];
    let changed = client.send("PATCH", &path, &typed, changes.as_bytes()).json();
    assert_eq!(changed["events"], json!(["a.*"]));
    assert_eq!((&changed["headers"], &changed["timeout_ms"]), (&json!(["x-kept"]), &json!(1500)));

    let disabled = client.post(&format!("{path}/disable"), &json!({ "reason": "moving" })).json();
    assert_eq!((&disabled["state"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("moving")));
    assert_eq!(client.post(&format!("{path}/enable"), &json!({})).json()["released"], 0);
    let rotated = client.post(&format!("{path}/rotate-secret"), &json!({})).json();
    assert_ne!(rotated["secret"], added.json()["secret"]);
    assert_eq!(client.send("DELETE", &path, &[], b"").status, 204);
    assert_eq!(client.get(&path).problem(), "not-found");
}
