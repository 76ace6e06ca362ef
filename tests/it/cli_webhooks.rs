//! The commands about webhooks as a user runs them, most of them without a daemon.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use zelador_tests::daemon::{Daemon, eventually};
use zelador_tests::guests;
use zelador_tests::home::{Ended, Home};

use crate::webhooks::receiver::{Receiver, answer};

const URL: &str = "https://receiver.invalid/in";

fn send<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["webhook", "send", "--event", "payment.received"], more].concat()
}

#[test]
fn a_message_is_accepted_without_a_daemon_and_the_person_is_told_that_it_waits() {
    let home = Home::new("");
    let ended = home.run(&send(&["--url", URL, "--data", "{\"amount\": 1}", "--tenant", "acme"]));
    assert!(ended.code == 0 && ended.stdout.starts_with("accepted: "), "{ended:?}");
    assert!(ended.stderr.contains("no daemon is running"), "{ended:?}");
    let listed = home.json(&["webhook", "list", "--tenant", "acme"]);
    assert_eq!((&listed[0]["event"], &listed[0]["deliveries"]), (&json!("payment.received"), &json!(1)));
    let shown = home.json(&["webhook", "show", listed[0]["id"].as_str().unwrap()]);
    assert_eq!(
        (&shown["body"], &shown["deliveries"][0]["state"]),
        (&json!("{\"amount\": 1}"), &json!("pending"))
    );
}

#[test]
fn the_schedule_of_retries_is_shown() {
    let home = Home::new("");
    let id = home.json(&send(&["--url", URL, "--data", "1"]))["id"].as_str().unwrap().to_owned();
    let without = home.run(&["webhook", "show", &id]);
    assert!(without.code == 0 && without.stdout.contains("no plugin `retry-steps` is active"), "{without:?}");
    home.drop_plugin(&guests::shipped("retry-steps"), "retry-steps");
    let with = home.run(&["webhook", "show", &id]);
    assert!(
        with.stdout
            .contains("at once, after 1m, after 5m, after 15m, after 1h, then dead letter (by retry-steps)"),
        "{with:?}"
    );
    let schedule = &home.json(&["webhook", "show", &id])["schedules"][0];
    assert_eq!(schedule["delays_ms"], json!([0, 60_000, 300_000, 900_000, 3_600_000]));
}

#[test]
fn the_body_comes_from_a_file_or_from_standard_input_byte_for_byte() {
    let home = Home::new("");
    let body = "{\"a\" :\t1.0}\n";
    std::fs::write(home.path("body.json"), body).unwrap();
    let from_file = home.json(&send(&["--url", URL, "--data", "@body.json"]));
    let piped = send(&["--url", URL, "--data", "-", "--json"]);
    let mut child = home
        .command(&piped)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    let from_stdin: Value = serde_json::from_str(&ended.stdout).unwrap();
    for sent in [from_file, from_stdin] {
        assert_eq!(home.json(&["webhook", "show", sent["id"].as_str().unwrap()])["body"], body);
    }
}

#[test]
fn a_key_makes_a_second_send_the_first_and_another_body_a_failure() {
    let home = Home::new("");
    let first = home.json(&send(&["--url", URL, "--data", "1", "--key", "k"]));
    let again = home.json(&send(&["--url", URL, "--data", "1", "--key", "k"]));
    assert_eq!((&again["id"], &again["repeated"]), (&first["id"], &json!(true)));
    let other = home.run(&send(&["--url", URL, "--data", "2", "--key", "k"]));
    assert!(other.code == 1 && other.stderr.contains(first["id"].as_str().unwrap()), "{other:?}");
}

#[test]
fn what_cannot_be_sent_is_wrong_usage_and_is_not_on_record() {
    let home = Home::new("[webhook]\nbody-limit = \"1KiB\"\n");
    std::fs::write(home.path("large"), "1".repeat(2000)).unwrap();
    for more in [
        &["--url", URL, "--data", "{"][..],
        &["--url", "ftp://receiver.invalid/", "--data", "1"],
        &["--url", URL, "--data", "1", "--header", "host: x"],
        &["--url", URL, "--data", "1", "--header", "no colon"],
        &["--url", URL, "--data", "@missing"],
        &["--url", URL, "--data", "@large"],
        &["--url", URL],
        &["--data", "1", "--timeout", "5s"],
    ] {
        let ended = home.run(&send(more));
        assert!(ended.code == 2 && ended.stdout.is_empty(), "{more:?}: {ended:?}");
    }
    assert_eq!(home.json(&["webhook", "list"]), json!([]));
}

#[test]
fn an_endpoint_lives_from_add_to_remove() {
    let home = Home::new("");
    let add =
        ["endpoint", "add", "--url", URL, "--event", "payment.*", "--event", "user.*", "--timeout", "5s"];
    let added = home.json(&add);
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"), "{added}");
    assert_eq!((&added["events"], &added["timeout_ms"]), (&json!(["payment.*", "user.*"]), &json!(5000)));
    let id = added["id"].as_str().unwrap();
    assert_eq!(home.json(&send(&["--data", "1"]))["deliveries"], 1);
    assert_eq!(home.json(&["endpoint", "disable", id, "--reason", "moving"])["disabled_reason"], "moving");
    assert_eq!(home.json(&["endpoint", "list"])[0]["state"], "disabled");
    assert_eq!(home.json(&["endpoint", "enable", id])["id"], id);
    assert_ne!(home.json(&["endpoint", "rotate-secret", id])["secret"], added["secret"]);
    assert_eq!(home.json(&["endpoint", "show", id])["state"], "enabled");
    home.json(&["endpoint", "remove", id]);
    assert_eq!(home.run(&["endpoint", "show", id]).code, 2);
    let nobody = home.run(&send(&["--data", "1"]));
    assert!(nobody.code == 0 && nobody.stderr.contains("no endpoint wants"), "{nobody:?}");
}

#[test]
fn a_signing_key_is_taken_from_a_reference_and_never_from_the_command_line() {
    let home = Home::new("");
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    std::fs::write(home.path("key"), format!("{key}\n")).unwrap();
    let taken = home.json(&["endpoint", "add", "--url", URL, "--secret", "file:key"]);
    assert_eq!(taken["secret"], key);
    let refused = home.run(&["endpoint", "add", "--url", URL, "--secret", key]);
    assert!(refused.code == 2 && !format!("{refused:?}").contains(key), "{refused:?}");
}

#[test]
fn a_token_is_shown_once() {
    let home = Home::new("");
    let made = home.json(&["token", "create", "--role", "operator", "--tenant", "acme"]);
    assert!(made["token"].as_str().unwrap().starts_with("zelador_"), "{made}");
    let listed = home.json(&["token", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["tenant_id"]), (&made["id"], &json!("acme")));
    assert_eq!(listed[0].get("token"), None);
    let id = made["id"].as_str().unwrap();
    home.json(&["token", "revoke", id]);
    home.json(&["token", "revoke", id]);
    assert!(home.json(&["token", "list"])[0]["revoked_at"].is_string());
    assert_eq!(home.run(&["token", "revoke", "none"]).code, 2);
    assert_eq!(home.run(&["token", "create", "--role", "king"]).code, 2);
}

#[test]
fn lists_that_are_empty_say_so_and_unknown_names_are_wrong_usage() {
    let home = Home::new("");
    for list in [["webhook", "list"], ["endpoint", "list"], ["dlq", "list"], ["token", "list"]] {
        assert_eq!(home.json(&list), json!([]), "{list:?}");
        let ended = home.run(&list);
        assert!(ended.code == 0 && ended.stdout.starts_with("no "), "{list:?}: {ended:?}");
    }
    for args in [
        ["webhook", "show", "none"],
        ["webhook", "resend", "none"],
        ["webhook", "resend", "none.0"],
        ["endpoint", "enable", "none"],
        ["endpoint", "disable", "none"],
        ["endpoint", "rotate-secret", "none"],
        ["endpoint", "remove", "none"],
        ["dlq", "show", "none"],
    ] {
        assert_eq!(home.run(&args).code, 2, "{args:?}");
    }
    assert_eq!(home.json(&["dlq", "reprocess"])["reprocessed"], 0);
    assert_eq!(home.json(&["dlq", "purge", "--older-than", "30d"])["purged"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_delivers_what_a_command_sends_and_reprocesses() {
    let receiver = Receiver::new(|number| answer(if number == 0 { 410 } else { 200 }, "")).await;
    let home = Home::new("[webhook]\nallow-networks = [\"127.0.0.0/8\"]\n");
    for plugin in ["webhook-delivery", "retry-steps"] {
        home.drop_plugin(&guests::shipped(plugin), plugin);
    }
    let _daemon = Daemon::start(&home);
    let sent = home.json(&send(&["--url", &receiver.url(), "--data", "1", "--header", "X-Ours: yes"]));
    assert_eq!(receiver.arrived(1).await[0].header("x-ours"), "yes");
    let letter = eventually("a dead letter", || {
        let letters = home.json(&["dlq", "list", "--type", "webhook", "--status", "waiting"]);
        letters.as_array().unwrap().first().cloned()
    });
    let shown = home.run(&["dlq", "show", letter["id"].as_str().unwrap()]);
    assert!(shown.stdout.contains("#1") && shown.stdout.contains("410"), "{shown:?}");
    assert_eq!(home.json(&["dlq", "reprocess", "--dry-run"])["reprocessed"], 1);
    assert_eq!(home.json(&["dlq", "reprocess", "--since", "1h", "--rate", "10/s"])["reprocessed"], 1);
    assert_eq!(receiver.arrived(2).await[1].header("webhook-id"), sent["id"]);
    let id = sent["id"].as_str().unwrap();
    eventually("it is delivered", || (home.json(&["webhook", "list"])[0]["delivered"] == 1).then_some(()));
    assert_eq!(home.json(&["webhook", "resend", id])["resent"], 1);
    assert_eq!(receiver.arrived(3).await[2].header("webhook-id"), id);
}
