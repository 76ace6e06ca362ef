//! `/api/v1/webhooks`: messages are accepted, looked at, and sent again.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::{Caller, Operator};
use super::input::{Asked, Id, Span, document, read};
use super::listing::Listing;
use super::problem::Problem;
use super::view::{MessageDetail, MessageView, Page};
use super::{Api, details};
use crate::store::{Message, MessageFilter};
use crate::webhook::{Accepted, Destination, Submission};

/// The routes of this noun.
pub fn routes() -> axum::Router<Api> {
    axum::Router::new()
        .route("/webhooks", get(list).post(accept))
        .route("/webhooks/{id}", get(show))
        .route("/webhooks/{id}/resend", post(resend))
}

/// A message as a JSON document: `data` is the body, to the byte.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submitted {
    /// Without one the message goes to the endpoints that want its event.
    url: Option<String>,
    event: String,
    data: Box<RawValue>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    timeout: Option<Span>,
    policy: Option<String>,
    policy_settings: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(rename = "tenantId", alias = "tenant_id")]
    tenant_id: Option<String>,
}

/// A message whose body is the request's, to the byte: the rest is in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    url: Option<String>,
    event: Option<String>,
    tenant: Option<String>,
    timeout: Option<String>,
    policy: Option<String>,
}

#[derive(Serialize)]
struct AcceptedView {
    id: String,
    deliveries: Option<u64>,
}

async fn accept(
    State(api): State<Api>,
    Operator(caller): Operator,
    Asked(raw): Asked<Raw>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let mut submission = if raw.event.is_some() {
        from_raw(raw, &parts.headers, read(body, api.body_limit()).await?)?
    } else if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Problem::malformed("a body that is sent as it is needs `event` in the query"));
    } else {
        from_document(document(&parts.headers, body, &api).await?)
    };
    submission.tenant_id = caller.tenant(submission.tenant_id)?;
    submission.idempotency_key = idempotency_key(&parts.headers)?;
    let fans_out = submission.destination == Destination::Endpoints;
    let Accepted { id, .. } = api.webhooks.accept(submission).await?;
    let deliveries = if fans_out { deliveries_of(&api, &id).await } else { Some(1) };
    Ok((StatusCode::ACCEPTED, Json(AcceptedView { id, deliveries })).into_response())
}

fn from_document(submitted: Submitted) -> Submission {
    let body = Bytes::from(Box::<str>::from(submitted.data).into_boxed_bytes());
    let mut submission = Submission::event(submitted.event, body);
    if let Some(url) = submitted.url {
        submission.destination = Destination::Url { url, timeout: submitted.timeout.map(|span| span.0) };
    }
    submission.tenant_id = submitted.metadata.tenant_id;
    submission.headers = submitted.headers.into_iter().collect();
    submission.policy = submitted.policy;
    if let Some(settings) = submitted.policy_settings {
        submission.policy_settings = settings;
    }
    submission
}

fn from_raw(raw: Raw, headers: &HeaderMap, body: Bytes) -> Result<Submission, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Problem::malformed("a body that is sent as it is needs the header `content-type`"))?;
    let mut submission = Submission::event(raw.event.unwrap_or_default(), body);
    content_type.clone_into(&mut submission.content_type);
    if let Some(url) = raw.url {
        let timeout = raw.timeout.as_deref().map(humantime::parse_duration).transpose();
        let timeout = timeout.map_err(|error| Problem::malformed(format!("timeout: {error}")))?;
        submission.destination = Destination::Url { url, timeout };
    }
    submission.tenant_id = raw.tenant;
    submission.policy = raw.policy;
    Ok(submission)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let text = |value: &header::HeaderValue| value.to_str().map(str::to_owned);
    let key = headers.get("idempotency-key").map(text).transpose();
    key.map_err(|_| Problem::malformed("the header idempotency-key holds more than visible ASCII"))
}

/// Absent when it cannot be told: the message is on record already, and its sender must not hear otherwise.
async fn deliveries_of(api: &Api, id: &str) -> Option<u64> {
    match api.store().message_summary(id).await {
        Ok(message) => message.map(|message| message.deliveries),
        Err(error) => {
            tracing::warn!(%error, "the deliveries of an accepted message could not be counted");
            None
        }
    }
}

async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Page<MessageView>>, Problem> {
    let limit = listing.limit()?;
    let filter = MessageFilter {
        tenant_id: caller.tenant(listing.tenant.clone())?,
        after: listing.cursor()?,
        limit: Some(limit),
    };
    let messages = api.store().message_summaries(&filter).await?;
    Ok(Json(Page::new(messages, limit, crate::store::MessageSummary::cursor)))
}

async fn show(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<MessageDetail>, Problem> {
    let message = seen(&api, &caller, &id).await?;
    Ok(Json(details::message(api.store(), message).await?))
}

#[derive(Serialize)]
struct Resent {
    resent: u64,
}

async fn resend(
    State(api): State<Api>,
    Operator(caller): Operator,
    Id(id): Id,
) -> Result<Json<Resent>, Problem> {
    seen(&api, &caller, &id).await?;
    let resent = api.webhooks.resend_message(&id).await?.unwrap_or(0);
    Ok(Json(Resent { resent }))
}

async fn seen(api: &Api, caller: &Caller, id: &str) -> Result<Message, Problem> {
    let message = api.store().message(id).await?;
    message
        .filter(|message| caller.sees(message.tenant_id.as_deref()))
        .ok_or_else(|| Problem::not_found("message", id))
}
