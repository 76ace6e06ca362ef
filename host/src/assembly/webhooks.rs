//! The worker that delivers webhooks, made from the configuration.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use secrecy::ExposeSecret;

use super::Assembly;
use crate::config::Config;
use crate::job::Owner;
use crate::plugin::Directory;
use crate::queue::{Worker, WorkerOptions};
use crate::secret;
use crate::webhook::{
    Deliverer, DeliveryOptions, Guard, Keyring, Sender, SenderOptions, SigningKey, WebhooksOptions,
};

pub(super) fn options(config: &Config) -> WebhooksOptions {
    let body_limit = usize::try_from(config.webhook.body_limit.0.as_u64()).unwrap_or(usize::MAX);
    WebhooksOptions { body_limit, timeout: config.webhook.timeout }
}

impl Assembly {
    /// The worker that delivers webhooks with these plugins, which were made by [`Assembly::runtime`].
    pub fn webhook_worker(&self, plugins: Arc<Directory>) -> anyhow::Result<Worker<Deliverer>> {
        let webhook = &self.config.webhook;
        let guard = Guard::parse(&webhook.allow_networks)
            .map_err(|error| anyhow!(error))
            .context("[webhook] allow-networks")?;
        let sender = Sender::new(SenderOptions { guard, ..SenderOptions::default() })?;
        let options = DeliveryOptions {
            plugin: webhook.delivery.clone(),
            policy: webhook.policy.clone(),
            timeout: webhook.timeout,
        };
        let deliverer = Deliverer::new(
            self.store.clone(),
            Arc::clone(&self.clock),
            sender,
            plugins,
            self.config.plugin.clone(),
            self.signer.clone(),
            own_keys(&self.config)?,
            options,
        );
        Ok(Worker::new(
            self.store.clone(),
            Arc::clone(&self.clock),
            Arc::new(deliverer),
            Arc::clone(&self.webhooks_queued),
            WorkerOptions::new(Owner::this_process().to_string(), webhook.in_flight, Owner::is_known_dead),
        ))
    }
}

/// What signs messages to a bare URL.
fn own_keys(config: &Config) -> anyhow::Result<Keyring> {
    let Some(secret) = &config.webhook.secret else { return Ok(Keyring::default()) };
    let text = secret::resolve(secret).context("[webhook] secret")?;
    let key = SigningKey::parse(text.expose_secret()).context("[webhook] secret")?;
    Ok(Keyring::new(vec![key])?)
}
