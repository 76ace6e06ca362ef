//! What requests carry, read within limits: bodies, JSON documents, queries. Errors say where they are.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::{self, DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::Api;
use super::problem::Problem;

/// What a JSON document may have beyond the largest body of a message: its URL, headers and the rest.
const ENVELOPE_BYTES: usize = 64 * 1024;

/// What is read and thrown away of a body that is too large, so that its sender is there to hear of it.
const DISCARDED_BYTES: usize = 16 << 20;

/// A JSON document in the body.
#[derive(Debug)]
pub struct Document<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        document(&parts.headers, body, api).await.map(Self)
    }
}

/// The JSON document of a request that is already taken apart.
pub async fn document<T: DeserializeOwned>(headers: &HeaderMap, body: Body, api: &Api) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Problem::unsupported_type());
    }
    let bytes = read(body, api.body_limit().saturating_add(ENVELOPE_BYTES)).await?;
    parse(&bytes)
}

/// Whether it is JSON at all comes first, so that the answer does not depend on where it breaks.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid("the body must be a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::invalid(format!("the JSON of the body: {error}")))
}

/// A whole body of at most `limit` bytes.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut discarded) = (BytesMut::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        if discarded == 0 && bytes.len() + chunk.len() <= limit {
            bytes.extend_from_slice(&chunk);
            continue;
        }
        discarded += chunk.len();
        if discarded > DISCARDED_BYTES {
            break;
        }
    }
    if discarded > 0 { Err(Problem::too_large(limit)) } else { Ok(bytes.freeze()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The query of the request's URL.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::malformed(rejection.body_text())),
        }
    }
}

/// The id in the request's path.
#[derive(Debug)]
pub struct Id(pub String);

impl FromRequestParts<Api> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, api).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::malformed("the id in the path is no UTF-8")),
        }
    }
}

/// A span of time: milliseconds as a number, or a text such as `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl de::Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds as a number, or a duration such as \"30s\"")
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Span, E> {
        Ok(Span(Duration::from_millis(millis)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        humantime::parse_duration(text)
            .map(Span)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads a word of one of the store's enums; for serde's `deserialize_with`.
pub fn word<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: fmt::Display>,
{
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| text.parse()).transpose().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_taken_up_to_its_limit_and_not_a_byte_more() {
        assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
        assert!(read(Body::from("123456"), 5).await.is_err());
    }

    #[test]
    fn a_span_is_milliseconds_or_a_duration() {
        let span = |text| serde_json::from_str::<Span>(text).map(|span| span.0.as_millis());
        assert_eq!(span("1500").unwrap(), 1500);
        assert_eq!(span("\"2m\"").unwrap(), 120_000);
        for text in ["-1", "1.5", "\"soon\"", "null"] {
            assert!(span(text).unwrap_err().to_string().contains("30s"), "{text}");
        }
    }
}
