//! Accepting messages: checked, fanned out, and on record with their deliveries before anybody is told so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::event;
use super::submission::{AcceptError, Submission};
use crate::queue::GroupCommit;
use crate::store::{Acceptance, Listener, NewMessage, Recipient, Store, StoreError};

/// Messages that one transaction takes: enough that the disk's flush is shared by many, few enough that none waits long.
const BATCH: usize = 256;

/// Transactions at one time. PostgreSQL flushes for several at once; SQLite has one writer anyway.
const TURNS: usize = 2;

/// What [`Webhooks`] goes by.
#[derive(Debug, Clone, Copy)]
pub struct WebhooksOptions {
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How long an exchange may take where nobody says.
    pub timeout: Duration,
}

impl Default for WebhooksOptions {
    /// 1 MiB is four times what the largest senders allow; 30 s is what the specification recommends at most.
    fn default() -> Self {
        Self { body_limit: 1 << 20, timeout: Duration::from_secs(30) }
    }
}

/// What people and programs ask of webhooks: accept, keep endpoints, take up dead letters. Clones share everything.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) store: Store,
    pub(super) options: WebhooksOptions,
    pub(super) queued: Arc<Notify>,
    accepting: GroupCommit<Wanted, Result<Acceptance, Arc<StoreError>>>,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// It was accepted before, under the same idempotency key.
    pub repeated: bool,
}

/// A checked message on its way to the store.
#[derive(Clone)]
struct Wanted {
    message: NewMessage,
    fan_out: bool,
}

impl Webhooks {
    /// `queued` is notified when deliveries wait: the worker of this process listens to it.
    pub fn new(store: Store, options: WebhooksOptions, queued: Arc<Notify>) -> Self {
        let (writer, woken) = (store.clone(), Arc::clone(&queued));
        let accepting = GroupCommit::new(BATCH, TURNS, move |wanted| {
            let (store, queued) = (writer.clone(), Arc::clone(&woken));
            Box::pin(async move {
                let outcomes = accept_all(&store, wanted).await;
                queued.notify_one();
                outcomes
            })
        });
        Self { store, options, queued, accepting }
    }

    /// The store that it works on, for listings.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What it goes by.
    pub fn options(&self) -> WebhooksOptions {
        self.options
    }

    /// Accepts a message: it is on record with its deliveries when this returns.
    ///
    /// # Errors
    /// Any [`AcceptError`].
    pub async fn accept(&self, submission: Submission) -> Result<Accepted, AcceptError> {
        let fan_out = matches!(submission.destination, super::Destination::Endpoints);
        let message = submission.check(self.options.body_limit)?;
        let outcome = self.accepting.submit(Wanted { message, fan_out }).await;
        match outcome.map_err(|_| AcceptError::Interrupted)? {
            Ok(Acceptance::Accepted(id)) => Ok(Accepted { id, repeated: false }),
            Ok(Acceptance::Repeated(id)) => Ok(Accepted { id, repeated: true }),
            Ok(Acceptance::Conflict(id)) => Err(AcceptError::Conflict(id)),
            Err(error) => Err(AcceptError::Store(error)),
        }
    }

    /// Accepts many messages, each for itself; the outcomes are in their order.
    pub async fn accept_many(&self, submissions: Vec<Submission>) -> Vec<Result<Accepted, AcceptError>> {
        futures::future::join_all(submissions.into_iter().map(|submission| self.accept(submission))).await
    }
}

/// One message that the store does not take must not keep the others out.
async fn accept_all(store: &Store, wanted: Vec<Wanted>) -> Vec<Result<Acceptance, Arc<StoreError>>> {
    match addressed_and_accepted(store, wanted.clone()).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(StoreError::Other { .. } | StoreError::Conflict { .. }) if wanted.len() > 1 => {
            let mut outcomes = Vec::with_capacity(wanted.len());
            for wanted in wanted {
                outcomes.extend(Box::pin(accept_all(store, vec![wanted])).await);
            }
            outcomes
        }
        Err(error) => vec![Err(Arc::new(error)); wanted.len()],
    }
}

async fn addressed_and_accepted(store: &Store, wanted: Vec<Wanted>) -> Result<Vec<Acceptance>, StoreError> {
    let mut tenants: Vec<&str> = wanted
        .iter()
        .filter(|wanted| wanted.fan_out)
        .filter_map(|wanted| wanted.message.tenant_id.as_deref())
        .collect();
    tenants.sort_unstable();
    tenants.dedup();
    let listeners = match wanted.iter().any(|wanted| wanted.fan_out) {
        true => store.listeners(&tenants).await?,
        false => Vec::new(),
    };
    let addressed: Vec<NewMessage> = wanted
        .into_iter()
        .map(|Wanted { mut message, fan_out }| {
            if fan_out {
                message.recipients = recipients(&listeners, message.tenant_id.as_deref(), &message.event);
            }
            message
        })
        .collect();
    store.accept_messages(&addressed).await
}

/// Who wants to hear of an event.
pub(super) fn recipients(listeners: &[Listener], tenant_id: Option<&str>, name: &str) -> Vec<Recipient> {
    let concerned = listeners.iter().filter(|listener| match listener.tenant_id.as_deref() {
        None => true,
        own => own == tenant_id,
    });
    let wanting = concerned
        .filter(|listener| listener.events.iter().any(|pattern| event::matches(pattern, name)))
        .map(|listener| Recipient {
            target: listener.endpoint_id.clone(),
            endpoint_id: Some(listener.endpoint_id.clone()),
            url: None,
            timeout: None,
        });
    wanting.collect()
}
