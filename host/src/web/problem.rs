//! What goes wrong, as RFC 9457 has it: `application/problem+json` with a stable `type` and `id` for programs and a
//! sentence for people. What is wrong inside goes to the log, never into an answer.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::StoreError;
use crate::webhook::{AcceptError, EndpointError};

/// A refusal or a failure.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    id: &'static str,
    title: &'static str,
    detail: String,
    header: Option<(HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    id: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    fn new(status: StatusCode, id: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, id, title, detail: detail.into(), header: None }
    }

    /// Nobody knows who asks.
    pub fn unauthenticated(detail: &str) -> Self {
        let problem =
            Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Authentication is needed", detail);
        Self { header: Some((header::WWW_AUTHENTICATE, "Bearer")), ..problem }
    }

    /// Whoever asks may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This token may not do that", detail)
    }

    /// It is not there, or not for whoever asks.
    pub fn not_found(what: &str, id: &str) -> Self {
        let detail = format!("there is no {what} {}", id.escape_debug());
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// No such path.
    pub fn unknown_route() -> Self {
        let detail = "nothing is served under this path; the API begins with /api/v1";
        Self::new(StatusCode::NOT_FOUND, "unknown-route", "There is no such path", detail)
    }

    /// The path takes other methods.
    pub fn method_not_allowed() -> Self {
        let detail = "this path does not take this method; the header Allow has those that it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Another method is needed", detail)
    }

    /// The body or the query cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// It can be read, and asks for what cannot be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request asks for what cannot be", detail)
    }

    /// The state of things is against it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "The request does not fit what is there", detail)
    }

    /// The body is too large.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the request has more than the {limit} bytes that are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large", detail)
    }

    /// The body is not JSON by its header.
    pub fn unsupported_type() -> Self {
        let detail = "send JSON with the header `content-type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-type", "JSON is needed", detail)
    }

    /// The request took too long.
    pub fn timeout() -> Self {
        let detail =
            "the request was not read and answered in time; send it again with the same idempotency key";
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The request took too long", detail)
    }

    fn unavailable() -> Self {
        let detail = "the store does not answer now; send the request again with the same idempotency key";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again later", detail);
        Self { header: Some((header::RETRY_AFTER, "1")), ..problem }
    }

    fn internal() -> Self {
        let detail = "something went wrong inside; zelador's log says what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:zelador:problem:{}", self.id),
            id: self.id,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let body = serde_json::to_vec(&document).expect("a document of texts is JSON");
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, content_type, body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        tracing::error!(%error, "a request failed");
        match error {
            StoreError::Unavailable { .. } | StoreError::Full { .. } => Self::unavailable(),
            _ => Self::internal(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<Arc<StoreError>> for Problem {
    fn from(error: Arc<StoreError>) -> Self {
        Self::from(&*error)
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::TooLarge { limit, .. } => Self::too_large(limit),
            AcceptError::Conflict(_) => Self::conflict(error.to_string()),
            AcceptError::Store(error) => error.into(),
            AcceptError::Interrupted => Self::unavailable(),
            AcceptError::Event(_)
            | AcceptError::Target(_)
            | AcceptError::Header(_)
            | AcceptError::Invalid { .. } => Self::invalid(error.to_string()),
        }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Invalid(error) => error.into(),
            EndpointError::Unknown(id) => Self::not_found("endpoint", &id),
            EndpointError::Store(error) => error.into(),
            EndpointError::Event(_) | EndpointError::Key(_) => Self::invalid(error.to_string()),
        }
    }
}
