//! Delivering: a plugin prepares the request, the host signs and sends it, the plugin judges what came back, and the retry
//! policy says what follows. No transaction is open meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::callers::Callers;
use super::client::Sender;
use super::receivers::{Receiver, Receivers};
use super::signer::SignerCapability;
use super::signing::Keyring;
use super::{acceptance, submission, trial};
use crate::clock::SharedClock;
use crate::config;
use crate::plugin::{Directory, Kind};
use crate::queue::{Admission, Done, Handler};
use crate::store::{
    Delivery, EndpointState, Lane, LetterType, Message, NewDeadLetter, Next, Store, StoreError,
};

/// Requests at one time to one target that does not say: what a small server answers without queueing.
const AT_ONCE: usize = 64;

/// Messages of the outbox that one look takes.
const OUTBOX: u32 = 500;

/// How long deliveries wait where there is no plugin to deliver them.
const NO_PLUGIN_PAUSE: Duration = Duration::from_secs(30);

/// What delivering goes by.
#[derive(Debug, Clone)]
pub struct DeliveryOptions {
    /// The plugin that prepares and judges.
    pub plugin: String,
    /// The retry policy where neither message nor endpoint has one.
    pub policy: String,
    /// How long an exchange may take where nobody says.
    pub timeout: Duration,
}

/// The webhooks' side of the queue.
pub struct Deliverer {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) sender: Sender,
    pub(super) callers: Callers,
    pub(super) signer: SignerCapability,
    pub(super) receivers: Receivers,
    pub(super) options: DeliveryOptions,
    /// Sign what goes to a bare URL.
    pub(super) own_keys: Arc<Keyring>,
}

/// What a delivery needs beside its row.
pub struct Job {
    pub(super) message: Arc<Message>,
    pub(super) receiver: Option<Arc<Receiver>>,
}

impl Deliverer {
    /// `signer` is the capability that the plugins' runtime was given; `defaults` is `[plugin.NAME]` of the configuration.
    #[expect(clippy::too_many_arguments, reason = "one part each, made by the composition root")]
    pub fn new(
        store: Store,
        clock: SharedClock,
        sender: Sender,
        plugins: Arc<Directory>,
        defaults: BTreeMap<String, config::Plugin>,
        signer: SignerCapability,
        own_keys: Keyring,
        options: DeliveryOptions,
    ) -> Self {
        Self {
            receivers: Receivers::new(store.clone()),
            callers: Callers::new(plugins, defaults),
            store,
            clock,
            sender,
            signer,
            options,
            own_keys: Arc::new(own_keys),
        }
    }

    fn admission(
        &self,
        delivery: &Delivery,
        message: Option<Arc<Message>>,
        receiver: Option<Arc<Receiver>>,
    ) -> Admission<Job> {
        let Some(message) = message else {
            let reason = "the message is not on record any more";
            return Admission::Settle(given_up(delivery, "", "", "message-missing", reason));
        };
        if delivery.endpoint_id.is_some() && receiver.is_none() {
            let reason = "the endpoint was removed";
            return Admission::Settle(given_up(delivery, &message.event, "", "endpoint-removed", reason));
        }
        let endpoint = receiver.as_ref().map(|receiver| &receiver.endpoint);
        if endpoint.is_some_and(|endpoint| endpoint.state == EndpointState::Disabled) {
            return Admission::Park;
        }
        if let Some(until) = self.receivers.paused_until(&delivery.target, endpoint, self.clock.now()) {
            return Admission::Hold(until);
        }
        let failing = endpoint.is_some_and(|endpoint| self.receivers.health(endpoint).0 > 0);
        let spec = endpoint.map(|endpoint| &endpoint.spec);
        Admission::Go {
            at_once: spec.and_then(|spec| spec.concurrency).map_or(AT_ONCE, |limit| limit as usize),
            per_minute: spec.and_then(|spec| spec.rate_per_minute),
            failing,
            job: Job { message, receiver },
        }
    }
}

#[async_trait]
impl Handler for Deliverer {
    type Job = Job;

    fn lane(&self) -> Lane {
        Lane::Webhook
    }

    /// Makes the deliveries of what applications enqueued in transactions of their own.
    async fn gather(&self) -> Result<bool, StoreError> {
        self.receivers.record().await?;
        let mut found = self.receivers.release().await?;
        loop {
            let waiting = self.store.outbox(OUTBOX).await?;
            if waiting.is_empty() {
                return Ok(found);
            }
            found = true;
            let tenants: BTreeSet<&str> =
                waiting.iter().filter_map(|message| message.tenant_id.as_deref()).collect();
            let listeners = self.store.listeners(&Vec::from_iter(tenants)).await?;
            let address = |message: &crate::store::Outboxed| match &message.url {
                None => acceptance::recipients(&listeners, message.tenant_id.as_deref(), &message.event),
                Some(url) => vec![submission::to_any_url(url, message.timeout)],
            };
            self.store.empty_outbox(Lane::Webhook, &waiting, address).await?;
        }
    }

    async fn admit(&self, deliveries: &[Delivery]) -> Result<Vec<Admission<Job>>, StoreError> {
        if let Err(problem) = self.callers.get(&self.options.plugin, Kind::WebhookDelivery, &empty()) {
            tracing::error!("webhooks wait: {problem}");
            let until = self.clock.now() + NO_PLUGIN_PAUSE;
            return Ok(deliveries.iter().map(|_| Admission::Hold(until)).collect());
        }
        let messages: BTreeSet<&str> = deliveries.iter().map(|delivery| &*delivery.message_id).collect();
        let endpoints: BTreeSet<&str> =
            deliveries.iter().filter_map(|delivery| delivery.endpoint_id.as_deref()).collect();
        let (messages, endpoints) = (Vec::from_iter(messages), Vec::from_iter(endpoints));
        let (messages, receivers) =
            tokio::try_join!(self.store.messages_by_id(&messages), self.receivers.get(&endpoints))?;
        let messages: BTreeMap<_, _> =
            messages.into_iter().map(|(id, message)| (id, Arc::new(message))).collect();
        let admissions = deliveries.iter().map(|delivery| {
            let receiver = delivery.endpoint_id.as_ref().and_then(|id| receivers.get(id)).cloned();
            self.admission(delivery, messages.get(&delivery.message_id).cloned(), receiver)
        });
        Ok(admissions.collect())
    }

    async fn deliver(&self, delivery: &Delivery, job: Job) -> Done {
        let newest = job.receiver.as_ref().map(|receiver| self.receivers.newest(receiver));
        let endpoint = newest.as_ref().map(|receiver| &receiver.endpoint);
        if endpoint.is_some_and(|endpoint| endpoint.state == EndpointState::Disabled) {
            return Done { next: Next::Parked, attempt: None };
        }
        if let Some(until) = self.receivers.paused_until(&delivery.target, endpoint, self.clock.now()) {
            return Done { next: Next::Held(until), attempt: None };
        }
        trial::make(self, delivery, &job.message, newest.as_deref()).await
    }
}

pub(super) fn empty() -> Json {
    Json::Object(serde_json::Map::new())
}

/// A delivery that is given up before it was tried.
fn given_up(delivery: &Delivery, event: &str, target: &str, class: &str, reason: &str) -> Next {
    let target = delivery.url.clone().unwrap_or_else(|| target.to_owned());
    Next::DeadLetter(Box::new(NewDeadLetter {
        letter_type: LetterType::Webhook,
        reason_class: class.to_owned(),
        reason: reason.to_owned(),
        message_id: delivery.message_id.clone(),
        tenant_id: delivery.tenant_id.clone(),
        endpoint_id: delivery.endpoint_id.clone(),
        event: event.to_owned(),
        target,
        attempts: delivery.attempts,
        last_status: None,
        last_response: None,
    }))
}
