//! Webhooks by the Standard Webhooks specification: how a request is signed, and which answers count as delivered.
//!
//! This file binds the policy to the contract. The policy is in `request` (what goes out) and `verdict` (what came
//! back), both of which call nothing of the host.

mod configured;
mod request;
mod retry_after;
mod verdict;

wit_bindgen::generate!({ path: "../../wit", world: "webhook-delivery" });

use exports::zelador::plugin::delivery::{
    self, Attempt, AttemptOutcome, Endpoint, Failure, Message, Request, Verdict,
};
use exports::zelador::plugin::metadata::{self, PluginInfo};
use zelador::plugin::signer;

struct WebhookDelivery;

impl metadata::Guest for WebhookDelivery {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: include_str!("settings.schema.json").into(),
            extensions: vec![],
        }
    }
}

impl delivery::Guest for WebhookDelivery {
    fn prepare(message: Message, endpoint: Endpoint, attempt: Attempt) -> Result<Request, Failure> {
        let sign = |algorithm, prefix: &str| signer::sign(algorithm, prefix.as_bytes(), &[]);
        configured::style().prepare(&message, &endpoint, &attempt, sign)
    }

    fn classify(outcome: AttemptOutcome) -> Verdict {
        configured::rules().judge(&outcome)
    }
}

export!(WebhookDelivery);
