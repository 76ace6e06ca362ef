//! What cannot be done is refused in a way that programs tell apart and people understand.

use std::io::Write;
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::json;

use super::{Site, message};

#[test]
fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_taken() {
    let site = Site::new("[webhook]\nbody-limit = \"100KiB\"\n");
    let path = "/api/v1/webhooks?event=a.b&url=https%3A%2F%2Freceiver.invalid%2F";
    let send = |bytes: usize| {
        site.operator.send("POST", path, &[("content-type", "text/plain")], &vec![b'x'; bytes])
    };
    assert_eq!(send(100 << 10).status, 202);
    for bytes in [(100 << 10) + 1, 3 << 20] {
        let refused = send(bytes);
        assert_eq!((refused.status, refused.problem().as_str()), (413, "too-large"), "{bytes}");
    }
    let mut document = message();
    for bytes in [101 << 10, 300 << 10] {
        document["data"] = json!("x".repeat(bytes));
        assert_eq!(site.operator.post("/api/v1/webhooks", &document).problem(), "too-large", "{bytes}");
    }
}

#[test]
fn json_that_cannot_be_read_is_pointed_at() {
    let site = Site::new("");
    let refused = site.operator.post_text("/api/v1/webhooks", "{\n  \"event\": \"a.b\",,\n}", &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (400, "malformed"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("line 2 column 18"), "{detail}");
    for text in ["", "{", "[1", "nul", "\u{feff}{}"] {
        assert_eq!(site.operator.post_text("/api/v1/webhooks", text, &[]).status, 400, "{text:?}");
    }
}

#[test]
fn what_can_be_read_and_cannot_be_done_names_the_part() {
    let site = Site::new("");
    let cases = [
        (json!({ "event": "a.b" }), "data"),
        (json!({ "data": 1 }), "event"),
        (json!({ "event": "a b", "data": 1 }), "a b"),
        (json!({ "event": "a.b", "data": 1, "uri": "https://x.invalid/" }), "uri"),
        (json!({ "event": "a.b", "data": 1, "url": "ftp://x.invalid/" }), "ftp"),
        (json!({ "event": "a.b", "data": 1, "url": "https://x.invalid/", "timeout": "soon" }), "30s"),
        (json!({ "event": "a.b", "data": 1, "url": "https://x.invalid/", "timeout": 0 }), "timeout"),
        (json!({ "event": "a.b", "data": 1, "headers": { "host": "x" } }), "host"),
        (json!({ "event": "a.b", "data": 1, "metadata": { "tenant": "x" } }), "tenant"),
        (json!([null, "a.b", 1]), "JSON object"),
    ];
    for (document, named) in cases {
        let refused = site.operator.post("/api/v1/webhooks", &document);
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid"), "{document}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(named), "{document}: {refused:?}");
    }
}

#[test]
fn paths_methods_and_types_that_are_not_served_are_problems() {
    let site = Site::new("");
    let client = &site.operator;
    for path in ["/", "/api/v1", "/api/v1/nothing", "/api/v2/webhooks", "/api/v1/webhooks/"] {
        let refused = client.get(path);
        assert_eq!((refused.status, refused.problem().as_str()), (404, "unknown-route"), "{path}");
    }
    for path in ["/api/v1/webhooks/none", "/api/v1/endpoints/none", "/api/v1/dead-letters/none"] {
        assert_eq!(client.get(path).problem(), "not-found", "{path}");
    }
    assert_eq!(client.get("/api/v1/webhooks/%ff").problem(), "malformed");
    let refused = client.send("DELETE", "/api/v1/webhooks", &[], b"");
    assert_eq!((refused.status, refused.problem().as_str()), (405, "method-not-allowed"));
    assert!(refused.header("allow").contains("POST"), "{refused:?}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let refused = client.send("POST", "/api/v1/webhooks", &form, b"event=a");
    assert_eq!((refused.status, refused.problem().as_str()), (415, "unsupported-type"));
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_request_does_not_keep_the_daemon() {
    let site = Site::new("");
    let address = site.daemon.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"POST /api/v1/webhooks HTTP/1.1\r\nhost: x\r\nx-").unwrap();
    site.daemon.signal(Signal::TERM);
    assert_eq!(site.daemon.wait().code, 0);
}

#[test]
fn queries_that_cannot_be_read_are_problems() {
    let site = Site::new("");
    for (query, id) in [
        ("limit=ten", "malformed"),
        ("size=10", "malformed"),
        ("limit=0", "invalid"),
        ("limit=1001", "invalid"),
        ("cursor=%00", "invalid"),
    ] {
        let refused = site.operator.get(&format!("/api/v1/webhooks?{query}"));
        assert_eq!(refused.problem(), id, "{query}");
    }
    assert_eq!(site.operator.get("/api/v1/dead-letters?type=letter").problem(), "malformed");
    let without_event = site.operator.post("/api/v1/webhooks?tenant=acme", &message());
    assert_eq!(without_event.problem(), "malformed");
}
