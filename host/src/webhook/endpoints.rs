//! Keeping endpoints: what a person says of one is checked here, and its signing keys are made here.

use std::time::Duration;

use secrecy::SecretString;

use super::acceptance::Webhooks;
use super::event::{self, BadEvent};
use super::headers::Headers;
use super::signing::{Algorithm, KeyError, SigningKey};
use super::submission::{AcceptError, check_key, check_settings, check_timeout};
use super::target::Target;
use crate::store::{Endpoint, NewEndpoint, Ordering, StoreError, StoredHeaders};

/// More patterns are a list of events, which belongs into the application.
const MOST_PATTERNS: usize = 100;

/// How long the keys before a rotation go on signing, where nobody says: a receiver's deployment takes less.
const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// What a person says of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointSpec {
    /// Where requests go.
    pub url: String,
    /// Whose it is; one without a tenant hears the events of all.
    pub tenant_id: Option<String>,
    /// Which events it wants: `payment.received`, `payment.*`, `*`.
    pub events: Vec<String>,
    /// Sent with every request; the values are kept out of logs and listings.
    pub headers: Vec<(String, String)>,
    /// How long one exchange may take; without it as the configuration says.
    pub timeout: Option<Duration>,
    /// The retry policy; without one that of the configuration.
    pub policy: Option<String>,
    /// Settings over the policy's own: a JSON object.
    pub policy_settings: serde_json::Value,
    /// Requests a minute at most.
    pub rate_per_minute: Option<u32>,
    /// Requests at one time at most.
    pub concurrency: Option<u32>,
    /// Whether order is kept.
    pub ordering: Ordering,
}

impl EndpointSpec {
    /// An endpoint of nobody in particular that wants every event.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tenant_id: None,
            events: vec!["*".into()],
            headers: Vec::new(),
            timeout: None,
            policy: None,
            policy_settings: serde_json::json!({}),
            rate_per_minute: None,
            concurrency: None,
            ordering: Ordering::None,
        }
    }
}

impl From<Endpoint> for EndpointSpec {
    /// What was said of an endpoint, to be changed and said again.
    fn from(endpoint: Endpoint) -> Self {
        let spec = endpoint.spec;
        Self {
            url: spec.url,
            tenant_id: spec.tenant_id,
            events: spec.events,
            headers: spec.headers.0,
            timeout: Some(spec.timeout),
            policy: spec.policy,
            policy_settings: spec.policy_settings,
            rate_per_minute: spec.rate_per_minute,
            concurrency: spec.concurrency,
            ordering: spec.ordering,
        }
    }
}

/// An endpoint that was just added.
#[derive(Debug, Clone)]
pub struct AddedEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its signing key, to be shown once.
    pub secret: SecretString,
}

/// Why nothing was done with an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A part of what a person says cannot be.
    #[error(transparent)]
    Invalid(AcceptError),
    /// One of its patterns cannot be.
    #[error(transparent)]
    Event(#[from] BadEvent),
    /// The given key cannot be one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is none of that id.
    #[error("there is no endpoint {0}; `zelador endpoint list` shows those there are")]
    Unknown(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Webhooks {
    /// Adds an endpoint. Without `key` (`whsec_...` or `whsk_...`) a shared secret is made.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn add_endpoint(
        &self,
        spec: EndpointSpec,
        key: Option<&str>,
    ) -> Result<AddedEndpoint, EndpointError> {
        let new = self.checked(spec)?;
        let key = key_or_new(key)?;
        let endpoint = self.store.insert_endpoint(&new, key.expose()).await?;
        Ok(AddedEndpoint { endpoint, secret: key.expose().into() })
    }

    /// Changes what a person says of an endpoint.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn update_endpoint(&self, id: &str, spec: EndpointSpec) -> Result<Endpoint, EndpointError> {
        let new = self.checked(spec)?;
        self.store.update_endpoint(id, &new).await?.ok_or_else(|| unknown(id))
    }

    /// Lets deliveries go to an endpoint again, those that were parked first. Returns how many were.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn enable_endpoint(&self, id: &str) -> Result<u64, EndpointError> {
        let released = self.store.enable_endpoint(id).await?.ok_or_else(|| unknown(id))?;
        self.wake().await;
        Ok(released)
    }

    /// Stops deliveries to an endpoint; they are parked until it is enabled.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn disable_endpoint(&self, id: &str, reason: &str) -> Result<(), EndpointError> {
        if !self.store.disable_endpoint(id, reason).await? && self.store.endpoint(id).await?.is_none() {
            return Err(unknown(id));
        }
        Ok(())
    }

    /// Gives an endpoint a new key. The ones before go on signing for `overlap`, a day if nobody says.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn rotate_secret(
        &self,
        id: &str,
        key: Option<&str>,
        overlap: Option<Duration>,
    ) -> Result<SecretString, EndpointError> {
        let key = key_or_new(key)?;
        if !self.store.rotate_endpoint_secret(id, key.expose(), overlap.unwrap_or(OVERLAP)).await? {
            return Err(unknown(id));
        }
        Ok(key.expose().into())
    }

    /// Forgets an endpoint. What still waits to go there becomes dead letters.
    ///
    /// # Errors
    /// Any [`EndpointError`].
    pub async fn remove_endpoint(&self, id: &str) -> Result<(), EndpointError> {
        if !self.store.remove_endpoint(id).await? {
            return Err(unknown(id));
        }
        self.wake().await;
        Ok(())
    }

    fn checked(&self, spec: EndpointSpec) -> Result<NewEndpoint, EndpointError> {
        let invalid = EndpointError::Invalid;
        Target::parse(&spec.url).map_err(|error| invalid(error.into()))?;
        Headers::new(spec.headers.iter().map(|(name, value)| (name, value)))
            .map_err(|error| invalid(error.into()))?;
        let timeout = spec.timeout.unwrap_or(self.options.timeout);
        check_timeout(timeout).map_err(invalid)?;
        spec.events.iter().try_for_each(|pattern| event::check_pattern(pattern))?;
        if !(1..=MOST_PATTERNS).contains(&spec.events.len()) {
            return Err(refused("events", format!("are 1 to {MOST_PATTERNS} patterns such as `payment.*`")));
        }
        check_settings(&spec.policy_settings).map_err(invalid)?;
        check_key("the policy", spec.policy.as_deref()).map_err(invalid)?;
        check_key("the tenant", spec.tenant_id.as_deref()).map_err(invalid)?;
        if spec.ordering != Ordering::None {
            return Err(refused("ordering", "is not offered by this version: use `none`".into()));
        }
        if spec.rate_per_minute == Some(0) || spec.concurrency == Some(0) {
            return Err(refused(
                "rate and concurrency",
                "must be at least 1; disable the endpoint instead".into(),
            ));
        }
        Ok(NewEndpoint {
            tenant_id: spec.tenant_id,
            url: spec.url,
            events: spec.events,
            headers: StoredHeaders(spec.headers),
            timeout,
            policy: spec.policy,
            policy_settings: spec.policy_settings,
            rate_per_minute: spec.rate_per_minute,
            concurrency: spec.concurrency,
            ordering: spec.ordering,
        })
    }
}

fn refused(field: &'static str, problem: String) -> EndpointError {
    EndpointError::Invalid(AcceptError::Invalid { field, problem })
}

fn key_or_new(key: Option<&str>) -> Result<SigningKey, KeyError> {
    key.map_or_else(|| Ok(SigningKey::generate(Algorithm::HmacSha256)), SigningKey::parse)
}

fn unknown(id: &str) -> EndpointError {
    EndpointError::Unknown(id.to_owned())
}
