//! One try of one delivery, from the plugin's request to the record of what came of it.

use std::sync::Arc;

use super::client::{Method, Request};
use super::delivery::{Deliverer, empty};
use super::exchange::{Exchange, Failure, Times, TransportError};
use super::headers::Headers;
use super::outcome;
use super::policy::{self, Chosen, Failed, Follows};
use super::receivers::Receiver;
use super::target::Target;
use crate::clock::Timestamp;
use crate::plugin::bindings::types::Failure as PluginFailure;
use crate::plugin::bindings::webhook_delivery::exports::zelador::plugin::delivery as wit;
use crate::plugin::{CallContext, CallError, CallInfo, Kind, Plugin};
use crate::queue::Done;
use crate::store::{Delivery, LetterType, Message, NewAttempt, NewDeadLetter, Next, StoredHeaders};

/// The longest pause of an endpoint that a verdict can ask for.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Everything about the try that does not change while it goes on.
struct Trial<'a> {
    deliverer: &'a Deliverer,
    delivery: &'a Delivery,
    message: &'a Message,
    receiver: Option<&'a Receiver>,
    began_at: Timestamp,
    url: &'a str,
}

/// What a judge made of the exchange.
struct Judgement {
    disposition: wit::Disposition,
    action: wit::EndpointAction,
}

/// Makes one try.
pub(super) async fn make(
    deliverer: &Deliverer,
    delivery: &Delivery,
    message: &Message,
    receiver: Option<&Receiver>,
) -> Done {
    let url = match (&delivery.url, receiver) {
        (Some(url), _) => url.as_str(),
        (None, Some(receiver)) => receiver.endpoint.spec.url.as_str(),
        (None, None) => "",
    };
    let trial = Trial { deliverer, delivery, message, receiver, began_at: deliverer.clock.now(), url };
    trial.run().await
}

impl Trial<'_> {
    async fn run(&self) -> Done {
        let called =
            self.deliverer.callers.get(&self.deliverer.options.plugin, Kind::WebhookDelivery, &empty());
        let (plugin, context) = match called {
            Ok((plugin, context)) => (plugin, self.context(&context)),
            Err(problem) => return self.unsent(problem.to_string(), false).await,
        };
        let request = match self.request(&plugin, &context).await {
            Ok(request) => request,
            Err((problem, for_good)) => return self.unsent(problem, for_good).await,
        };
        let exchange = self.deliverer.sender.send(request).await;
        let judgement = self.judge(&plugin, &context, &exchange).await;
        self.act(&judgement, &exchange).await;
        self.conclude(&judgement, &exchange).await
    }

    fn context(&self, context: &CallContext) -> CallContext {
        let info = CallInfo {
            run_id: Some(self.delivery.id.as_str().into()),
            caller: Arc::clone(&context.info.caller),
        };
        CallContext { info, ..context.clone() }
    }

    /// The signed request. The error says whether another try is useless.
    async fn request(&self, plugin: &Plugin, context: &CallContext) -> Result<Request, (String, bool)> {
        let keys = self.receiver.map_or(&self.deliverer.own_keys, |receiver| &receiver.keys);
        let call = context.info.run_id.clone().expect("the context of a try names it");
        let _signing = self.deliverer.signer.open(call, Arc::clone(keys), self.message.body.clone());
        let prepared =
            plugin.prepare(context, &self.wit_message(), &self.wit_endpoint(), &self.wit_attempt()).await;
        let prepared = prepared.map_err(|error| (error.to_string(), is_for_good(&error)))?;
        let headers = prepared.headers.iter().map(|header| (&header.name, &header.value));
        let headers = Headers::new(headers).map_err(|error| (error.to_string(), true))?;
        Ok(Request {
            method: match prepared.method {
                wit::Method::Post => Method::Post,
                wit::Method::Put => Method::Put,
                wit::Method::Patch => Method::Patch,
            },
            target: Target::parse(self.url).map_err(|error| (error.to_string(), true))?,
            headers,
            body: self.message.body.clone(),
            timeout: self.timeout(),
        })
    }

    fn timeout(&self) -> std::time::Duration {
        let of_the_endpoint = self.receiver.map(|receiver| receiver.endpoint.spec.timeout);
        self.delivery.timeout.or(of_the_endpoint).unwrap_or(self.deliverer.options.timeout)
    }

    /// The plugin's verdict; one that does not answer is replaced by the plainest there is.
    async fn judge(&self, plugin: &Plugin, context: &CallContext, exchange: &Exchange) -> Judgement {
        let took = u64::try_from(exchange.times.total.as_millis()).unwrap_or(u64::MAX);
        let asked = wit::AttemptOutcome {
            message: self.wit_message(),
            endpoint: self.wit_endpoint(),
            attempt: self.wit_attempt(),
            outcome: outcome::outcome(exchange),
            took,
            extensions: Vec::new(),
        };
        match plugin.classify(context, &asked).await {
            Ok(verdict) => Judgement { disposition: verdict.disposition, action: verdict.endpoint_action },
            Err(error) => {
                tracing::error!(%error, "a delivery was judged without its plugin");
                let disposition = match outcome::class(exchange) {
                    "delivered" => wit::Disposition::Delivered,
                    _ => wit::Disposition::Retry(outcome::sentence(exchange)),
                };
                Judgement { disposition, action: wit::EndpointAction::None }
            }
        }
    }

    /// What the verdict does to the endpoint.
    async fn act(&self, judgement: &Judgement, exchange: &Exchange) {
        let now = self.deliverer.clock.now();
        let receivers = &self.deliverer.receivers;
        let endpoint = self.receiver.map(|receiver| &receiver.endpoint);
        if let Some(endpoint) = endpoint {
            let delivered = matches!(judgement.disposition, wit::Disposition::Delivered);
            receivers.learn(endpoint, delivered, self.began_at);
        }
        match (&judgement.action, endpoint) {
            (wit::EndpointAction::PauseUntil(millis), _) => {
                let wanted = Timestamp::from_timestamp_millis(*millis).unwrap_or(now);
                let until = wanted.min(now + LONGEST_PAUSE);
                let id = endpoint.map(|endpoint| endpoint.id.as_str());
                receivers.pause(&self.delivery.target, id, until, now).await;
            }
            (wit::EndpointAction::Disable(reason), Some(endpoint)) => {
                receivers.disable(&endpoint.id, reason).await;
            }
            (wit::EndpointAction::Disable(_), None) | (wit::EndpointAction::None, _) => {}
        }
        if !matches!(judgement.disposition, wit::Disposition::Delivered) {
            tracing::debug!(delivery = self.delivery.id, class = outcome::class(exchange), "a try failed");
        }
    }

    async fn conclude(&self, judgement: &Judgement, exchange: &Exchange) -> Done {
        let answer = outcome::answer(exchange);
        let delivered = matches!(judgement.disposition, wit::Disposition::Delivered);
        let attempt = NewAttempt {
            number: self.delivery.attempts_in_all + 1,
            at: self.began_at,
            class: if delivered { "delivered" } else { outcome::class(exchange) }.to_owned(),
            status: answer.map(|answer| answer.status),
            reason: match &judgement.disposition {
                wit::Disposition::Delivered => String::new(),
                wit::Disposition::Retry(reason) | wit::Disposition::Dead(reason) => reason.clone(),
            },
            times: outcome::times(exchange),
            response: answer.map(|answer| answer.body.clone()),
        };
        let next = match &judgement.disposition {
            wit::Disposition::Delivered => Next::Delivered,
            wit::Disposition::Dead(reason) => self.give_up(&attempt, reason.clone()),
            wit::Disposition::Retry(_) => self.retry_or_give_up(&attempt, exchange).await,
        };
        Done { next, attempt: Some(attempt) }
    }

    async fn retry_or_give_up(&self, attempt: &NewAttempt, exchange: &Exchange) -> Next {
        let now = self.deliverer.clock.now();
        let failed = Failed {
            number: self.delivery.attempts + 1,
            class: outcome::failure_class(exchange),
            first_attempt_at: self.delivery.first_attempt_at.unwrap_or(self.began_at),
            failed_at: now,
            retry_after: outcome::wish(exchange, now),
        };
        match policy::next(&self.deliverer.callers, self.policy(), &failed).await {
            Follows::RetryAt(at) => Next::Retry(at),
            Follows::GiveUp(reason) => self.give_up(attempt, format!("{reason}: {}", attempt.reason)),
        }
    }

    /// The message's policy, or the endpoint's, or the configuration's.
    fn policy(&self) -> Chosen<'_> {
        static NO_SETTINGS: std::sync::LazyLock<serde_json::Value> = std::sync::LazyLock::new(empty);
        let spec = self.receiver.map(|receiver| &receiver.endpoint.spec);
        if let Some(name) = &self.message.policy {
            return Chosen { name, settings: &self.message.policy_settings };
        }
        match spec.and_then(|spec| Some((spec.policy.as_deref()?, &spec.policy_settings))) {
            Some((name, settings)) => Chosen { name, settings },
            None => Chosen { name: &self.deliverer.options.policy, settings: &NO_SETTINGS },
        }
    }

    fn give_up(&self, attempt: &NewAttempt, reason: String) -> Next {
        Next::DeadLetter(Box::new(NewDeadLetter {
            letter_type: LetterType::Webhook,
            reason_class: attempt.class.clone(),
            reason,
            message_id: self.message.id.clone(),
            tenant_id: self.delivery.tenant_id.clone(),
            endpoint_id: self.delivery.endpoint_id.clone(),
            event: self.message.event.clone(),
            target: self.url.to_owned(),
            attempts: self.delivery.attempts + 1,
            last_status: attempt.status,
            last_response: attempt.response.clone(),
        }))
    }

    /// Nothing was sent: the plugin could not make a request. A record is left all the same.
    async fn unsent(&self, problem: String, for_good: bool) -> Done {
        tracing::error!(delivery = self.delivery.id, "a webhook could not be prepared: {problem}");
        let error = TransportError::Other(problem.clone());
        let exchange = Exchange { outcome: Err(Failure { error, partial: None }), times: Times::default() };
        let disposition = match for_good {
            true => wit::Disposition::Dead(problem),
            false => wit::Disposition::Retry(problem),
        };
        let judgement = Judgement { disposition, action: wit::EndpointAction::None };
        let mut done = self.conclude(&judgement, &exchange).await;
        if let Some(attempt) = &mut done.attempt {
            attempt.class = "unprepared".to_owned();
        }
        done
    }

    fn wit_message(&self) -> wit::Message {
        wit::Message {
            id: self.message.id.clone(),
            event: self.message.event.clone(),
            tenant_id: self.message.tenant_id.clone(),
            content_type: self.message.content_type.clone(),
            body_bytes: self.message.body.len() as u64,
            accepted_at: self.message.accepted_at.timestamp_millis(),
            headers: wit_headers(&self.message.headers),
            extensions: Vec::new(),
        }
    }

    fn wit_endpoint(&self) -> wit::Endpoint {
        let endpoint = self.receiver.map(|receiver| &receiver.endpoint);
        let (failures_in_a_row, failing_since) =
            endpoint.map_or((0, None), |endpoint| self.deliverer.receivers.health(endpoint));
        wit::Endpoint {
            id: endpoint.map(|endpoint| endpoint.id.clone()),
            url: self.url.to_owned(),
            headers: endpoint.map(|endpoint| wit_headers(&endpoint.spec.headers)).unwrap_or_default(),
            failures_in_a_row,
            failing_since: failing_since.map(|since| since.timestamp_millis()),
            extensions: Vec::new(),
        }
    }

    fn wit_attempt(&self) -> wit::Attempt {
        wit::Attempt {
            number: self.delivery.attempts + 1,
            at: self.began_at.timestamp_millis(),
            extensions: Vec::new(),
        }
    }
}

fn wit_headers(headers: &StoredHeaders) -> Vec<wit::Header> {
    headers.0.iter().map(|(name, value)| wit::Header { name: name.clone(), value: value.clone() }).collect()
}

fn is_for_good(error: &CallError) -> bool {
    matches!(error, CallError::Failed { failure: PluginFailure::InvalidInput(_), .. })
}
