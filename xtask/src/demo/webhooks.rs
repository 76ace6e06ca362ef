//! The demo's webhooks: one that arrives at the third attempt, one that dies, a policy swapped, a letter reprocessed.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::home::Home;
use super::receiver::Receiver;
use crate::run::{say, target};

/// A swap, and each attempt of the demo's short schedule, takes a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// Within this time a dropped file counts.
const SWAP: Duration = Duration::from_secs(2);

/// How often the state is asked for.
const POLL: Duration = Duration::from_millis(200);

/// Sends, fails, swaps the retry policy, reprocesses.
pub fn show(home: &Home) -> Result<()> {
    let receiver = Receiver::start()?;
    let flaky = send(home, &receiver.url("/flaky"), "payment.received")?;
    let broken = send(home, &receiver.url("/broken"), "subscription.renewed")?;
    wait(home, &flaky, "delivered")?;
    wait(home, &broken, "dead_letter")?;
    home.zelador(&["webhook", "show", &flaky])?;
    home.zelador(&["dlq", "list"])?;

    say("dropping another retry policy into the place of `retry-steps`: it gives up at once");
    drop_policy(home)?;
    home.zelador(&["dlq", "reprocess"])?;
    wait(home, &broken, "dead_letter")?;
    home.zelador(&["webhook", "show", &broken])?;

    say("the receiver is mended");
    receiver.mend();
    home.zelador(&["dlq", "reprocess"])?;
    wait(home, &broken, "delivered")?;
    home.zelador(&["webhook", "list"])
}

fn send(home: &Home, url: &str, event: &str) -> Result<String> {
    let data = r#"{"subscriptionId":"sub_123","amount":99.90}"#;
    let arguments =
        ["webhook", "send", "--url", url, "--event", event, "--data", data, "--tenant", "tenant_1"];
    say(&format!("$ zelador {}", arguments.join(" ")));
    let accepted = home.json(&arguments)?;
    accepted["id"].as_str().map(str::to_owned).context("an accepted message has an id")
}

/// Waits until the message's only delivery is in `state`.
fn wait(home: &Home, id: &str, state: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let shown = home.json(&["webhook", "show", id])?;
        if self::state(&shown) == Some(state) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!("message {id} is not {state}: {shown:#}");
        }
        std::thread::sleep(POLL);
    }
}

fn state(shown: &Value) -> Option<&str> {
    shown["deliveries"][0]["state"].as_str()
}

/// As an operator does it, by a rename.
fn drop_policy(home: &Home) -> Result<()> {
    let folder = home.path().join("plugins");
    let aside = folder.join(".retry-steps.new");
    fs::copy(target().join("guests/quitter.wasm"), &aside)
        .and_then(|_| fs::rename(&aside, folder.join("retry-steps.wasm")))
        .context("the policy cannot be dropped in")?;
    // The daemon promises to have it within this time.
    std::thread::sleep(SWAP);
    home.zelador(&["plugin", "list"])
}
