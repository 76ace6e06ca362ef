//! Who may do what, and what nobody is told.

use serde_json::json;

use super::client::Client;
use super::{Site, ids, message};

#[test]
fn each_role_may_do_its_part_and_no_more() {
    let site = Site::new("");
    let viewer = Client::with_role(&site.home, &site.daemon, "viewer", None);
    let admin = Client::with_role(&site.home, &site.daemon, "admin", None);
    let unknown = format!("zelador_{}_{}", "0".repeat(36), "0".repeat(64));
    let callers = [
        ("nobody", Client::anonymous(&site.daemon)),
        ("garbage", Client::bearing(&site.daemon, "garbage")),
        ("unknown", Client::bearing(&site.daemon, &unknown)),
        ("viewer", viewer),
        ("operator", site.operator.clone()),
        ("admin", admin),
    ];
    let endpoint = json!({ "url": "https://receiver.invalid/" });
    for (name, client) in callers {
        let got = [
            client.get("/api/v1/webhooks").status,
            client.get("/api/v1/endpoints").status,
            client.get("/api/v1/dead-letters").status,
            client.post("/api/v1/webhooks", &message()).status,
            client.post("/api/v1/endpoints", &endpoint).status,
            client.post("/api/v1/dead-letters/reprocess", &json!({})).status,
            client.post("/api/v1/dead-letters/purge", &json!({ "older_than": "30d" })).status,
        ];
        let wanted = match name {
            "viewer" => [200, 200, 200, 403, 403, 403, 403],
            "operator" => [200, 200, 200, 202, 201, 200, 403],
            "admin" => [200, 200, 200, 202, 201, 200, 200],
            _ => [401; 7],
        };
        assert_eq!(got, wanted, "{name}");
    }
}

#[test]
fn a_refusal_says_how_to_come_in_and_is_a_problem() {
    let site = Site::new("");
    let refused = Client::anonymous(&site.daemon).get("/api/v1/webhooks");
    assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    let viewer = Client::with_role(&site.home, &site.daemon, "viewer", None);
    assert_eq!(viewer.post("/api/v1/webhooks", &message()).problem(), "forbidden");
}

#[test]
fn a_revoked_token_opens_nothing_at_once() {
    let site = Site::new("");
    let made = site.home.json(&["token", "create", "--role", "admin"]);
    let client = Client::bearing(&site.daemon, made["token"].as_str().unwrap());
    assert_eq!(client.get("/api/v1/webhooks").status, 200);
    site.home.json(&["token", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(client.get("/api/v1/webhooks").status, 401);
}

#[test]
fn a_token_of_one_tenant_is_kept_to_it() {
    let site = Site::new("");
    let acme = Client::with_role(&site.home, &site.daemon, "operator", Some("acme"));
    let mut foreign = message();
    foreign["metadata"] = json!({ "tenantId": "other" });
    assert_eq!(acme.post("/api/v1/webhooks", &foreign).problem(), "forbidden");
    assert_eq!(acme.get("/api/v1/webhooks?tenant=other").problem(), "forbidden");

    let theirs = site.operator.post("/api/v1/webhooks", &foreign).json()["id"].clone();
    let own = acme.post("/api/v1/webhooks", &message()).json()["id"].clone();
    assert_eq!(ids(&acme.get("/api/v1/webhooks").json()), [own.as_str().unwrap()]);
    let path = format!("/api/v1/webhooks/{}", theirs.as_str().unwrap());
    assert_eq!(acme.get(&path).problem(), "not-found");
    assert_eq!(site.operator.get(&path).json()["tenant_id"], "other");

    let shared =
        site.operator.post("/api/v1/endpoints", &json!({ "url": "https://receiver.invalid/" })).json();
    let path = format!("/api/v1/endpoints/{}", shared["id"].as_str().unwrap());
    assert_eq!(acme.get(&path).problem(), "not-found");
    assert_eq!(acme.post(&format!("{path}/rotate-secret"), &json!({})).problem(), "not-found");
    let added = acme.post("/api/v1/endpoints", &json!({ "url": "https://receiver.invalid/" })).json();
    assert_eq!(added["tenant_id"], "acme");
    assert_eq!(ids(&acme.get("/api/v1/endpoints").json()), [added["id"].as_str().unwrap()]);
}

#[test]
fn nothing_that_is_listed_or_logged_holds_a_secret() {
    let site = Site::new("");
    let mut sent = message();
    sent["headers"] = json!({ "x-webhook-secret": "hunter2" });
    let message = site.operator.post("/api/v1/webhooks", &sent).json();
    let endpoint = json!({ "url": "https://receiver.invalid/", "headers": { "authorization": "hunter2" } });
    let endpoint = site.operator.post("/api/v1/endpoints", &endpoint).json();
    let secret = endpoint["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{endpoint}");
    let token = site.home.json(&["token", "create", "--role", "viewer"]);
    let token = token["token"].as_str().unwrap();
    let viewer = Client::bearing(&site.daemon, token);

    let (message, endpoint) = (message["id"].as_str().unwrap(), endpoint["id"].as_str().unwrap());
    let mut told: Vec<String> = [
        "/api/v1/webhooks".to_owned(),
        format!("/api/v1/webhooks/{message}"),
        "/api/v1/endpoints".to_owned(),
        format!("/api/v1/endpoints/{endpoint}"),
    ]
    .iter()
    .map(|path| viewer.get(path).body)
    .collect();
    for args in [
        &["webhook", "list"][..],
        &["webhook", "show", message],
        &["endpoint", "list"],
        &["endpoint", "show", endpoint],
        &["token", "list"],
    ] {
        for ended in [site.home.run(args), site.home.run(&[args, &["--json"]].concat())] {
            assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
            told.extend([ended.stdout, ended.stderr]);
        }
    }
    told.push(site.daemon.log());
    let token_secret = token.rsplit('_').next().unwrap();
    for text in told {
        assert!(!["hunter2", secret, token_secret].iter().any(|secret| text.contains(secret)), "{text}");
    }
}
