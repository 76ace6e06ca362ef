//! `/api/v1/endpoints`: where webhooks go.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::{Caller, Operator};
use super::input::{Asked, Document, Id, Span};
use super::listing::Listing;
use super::problem::Problem;
use super::view::{EndpointView, Page};
use crate::store::{Endpoint, EndpointFilter};
use crate::webhook::EndpointSpec;

/// The routes of this noun.
pub fn routes() -> axum::Router<Api> {
    axum::Router::new()
        .route("/endpoints", get(list).post(add))
        .route("/endpoints/{id}", get(show).patch(change).delete(remove))
        .route("/endpoints/{id}/enable", post(enable))
        .route("/endpoints/{id}/disable", post(disable))
        .route("/endpoints/{id}/rotate-secret", post(rotate_secret))
}

/// What is said of an endpoint; what is absent stays as it is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    url: Option<String>,
    tenant_id: Option<String>,
    events: Option<Vec<String>>,
    headers: Option<BTreeMap<String, String>>,
    timeout: Option<Span>,
    policy: Option<String>,
    policy_settings: Option<serde_json::Value>,
    rate_per_minute: Option<u32>,
    concurrency: Option<u32>,
    /// A signing key of the receiver's choice, for a new endpoint.
    secret: Option<String>,
}

impl Changes {
    fn apply(self, spec: &mut EndpointSpec) {
        set(&mut spec.url, self.url);
        set(&mut spec.events, self.events);
        set(&mut spec.headers, self.headers.map(|headers| headers.into_iter().collect()));
        set(&mut spec.policy_settings, self.policy_settings);
        spec.tenant_id = self.tenant_id.or(spec.tenant_id.take());
        spec.timeout = self.timeout.map(|span| span.0).or(spec.timeout);
        spec.policy = self.policy.or(spec.policy.take());
        spec.rate_per_minute = self.rate_per_minute.or(spec.rate_per_minute);
        spec.concurrency = self.concurrency.or(spec.concurrency);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// An endpoint with its signing key: shown once.
#[derive(Serialize)]
struct Added {
    #[serde(flatten)]
    endpoint: EndpointView,
    secret: String,
}

async fn add(
    State(api): State<Api>,
    Operator(caller): Operator,
    Document(mut new): Document<Changes>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let url = new.url.take().ok_or_else(|| Problem::invalid("url is missing: where do requests go?"))?;
    new.tenant_id = caller.tenant(new.tenant_id)?;
    let key = new.secret.take();
    let mut spec = EndpointSpec::new(url);
    new.apply(&mut spec);
    let added = api.webhooks.add_endpoint(spec, key.as_deref()).await?;
    let secret = added.secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(Added { endpoint: added.endpoint.into(), secret })))
}

async fn change(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
    Document(mut changes): Document<Changes>,
) -> Result<Json<EndpointView>, Problem> {
    if changes.secret.is_some() {
        return Err(Problem::invalid("secret is changed by POST to the endpoint's rotate-secret"));
    }
    let endpoint = seen(&api, &caller, &id).await?;
    changes.tenant_id = caller.tenant(changes.tenant_id)?;
    let mut spec = EndpointSpec::from(endpoint);
    changes.apply(&mut spec);
    Ok(Json(api.webhooks.update_endpoint(&id, spec).await?.into()))
}

async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Page<EndpointView>>, Problem> {
    let limit = listing.limit()?;
    let filter = EndpointFilter {
        after: listing.cursor()?,
        tenant_id: caller.tenant(listing.tenant)?,
        limit: Some(limit),
        ..EndpointFilter::default()
    };
    Ok(Json(Page::new(api.store().endpoints(&filter).await?, limit, Endpoint::cursor)))
}

async fn show(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<EndpointView>, Problem> {
    Ok(Json(seen(&api, &caller, &id).await?.into()))
}

async fn remove(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    seen(&api, &caller, &id).await?;
    api.webhooks.remove_endpoint(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Enabled {
    released: u64,
}

async fn enable(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
) -> Result<Json<Enabled>, Problem> {
    seen(&api, &caller, &id).await?;
    Ok(Json(Enabled { released: api.webhooks.enable_endpoint(&id).await? }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disable {
    reason: String,
}

async fn disable(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
    Document(Disable { reason }): Document<Disable>,
) -> Result<Json<EndpointView>, Problem> {
    seen(&api, &caller, &id).await?;
    api.webhooks.disable_endpoint(&id, &reason).await?;
    Ok(Json(seen(&api, &caller, &id).await?.into()))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// A signing key of the receiver's choice.
    secret: Option<String>,
    /// How long the keys before go on signing.
    overlap: Option<Span>,
}

#[derive(Serialize)]
struct Rotated {
    id: String,
    secret: String,
}

async fn rotate_secret(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
    Document(rotation): Document<Rotation>,
) -> Result<Json<Rotated>, Problem> {
    seen(&api, &caller, &id).await?;
    let overlap: Option<Duration> = rotation.overlap.map(|span| span.0);
    let secret = api.webhooks.rotate_secret(&id, rotation.secret.as_deref(), overlap).await?;
    Ok(Json(Rotated { id, secret: secret.expose_secret().to_owned() }))
}

/// An endpoint that is there for the caller.
async fn seen(api: &Api, caller: &Caller, id: &str) -> Result<Endpoint, Problem> {
    let endpoint = api.store().endpoint(id).await?;
    endpoint
        .filter(|endpoint| caller.sees(endpoint.spec.tenant_id.as_deref()))
        .ok_or_else(|| Problem::not_found("endpoint", id))
}
