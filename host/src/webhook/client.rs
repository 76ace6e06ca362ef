//! Puts one request on the wire, once: no redirect is followed, no proxy is used that nobody configured, and one deadline
//! spans it from the name's lookup to the body's last byte.
//!
//! Connections are kept and shared between all who use one [`Sender`]; each leads to an address that the guard has judged.
//! The HTTP client repeats a request by itself only where the receiver cannot have seen it: a kept connection that turns
//! out closed before anything was written, and a stream that HTTP/2 reports as not processed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Response};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::classify::transport_error;
use super::excerpt::RawBody;
use super::exchange::{Answer, Exchange, Failure, Header, TransportError};
use super::guard::Guard;
use super::headers::Headers;
use super::resolver::{Lookup, Resolver, SystemLookup};
use super::stopwatch::{self, ConnectionMarks};
use super::target::Target;
use super::tls;

/// No receiver is waited for longer, whatever the request says: a slot of the delivery loop is held meanwhile.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);

/// To look up, connect and shake hands. The addresses of a host share it, so that one which swallows packets leaves time
/// for the others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Node closes an idle connection after 5 s by default; a request sent into that moment would be lost.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// A burst to one receiver leaves no more behind it.
const MOST_IDLE_PER_HOST: usize = 64;
/// A receiver's answer has a dozen. More is refused (HTTP/1), and more is not kept (HTTP/2).
const MOST_ANSWER_HEADERS: usize = 100;
/// What is kept of an answer's headers, names and values together; HTTP/2 refuses more.
const ANSWER_HEADERS_BYTES: usize = 16 * 1024;

/// How webhooks are sent. The default reaches public addresses only, directly.
#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// Which addresses may be reached.
    pub guard: Guard,
    /// Sends everything through this HTTP proxy. Names are then resolved, and must be guarded, by the proxy; literal
    /// addresses are still judged here.
    pub proxy: Option<Url>,
    /// Certificate authorities to trust beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Finds the addresses of names.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            proxy: None,
            extra_roots: Vec::new(),
            lookup: Arc::new(SystemLookup::default()),
        }
    }
}

/// Why no sender can be made of some options.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A certificate authority cannot be used.
    #[error("an extra certificate authority for webhooks cannot be used: {0}")]
    Root(#[from] rustls::Error),
    /// The proxy's URL or the client's set-up. The URL is left out: it may hold a password.
    #[error("the HTTP client for webhooks cannot be made; check the URL of the proxy: {0}")]
    Client(reqwest::Error),
}

/// The methods that a webhook may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// The usual one.
    #[default]
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
}

/// One request, ready to send.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// The headers, content type and signatures included.
    pub headers: Headers,
    /// The bytes to send, as they are.
    pub body: Bytes,
    /// How long the whole exchange may take; at most [`LONGEST_TIMEOUT`].
    pub timeout: Duration,
}

/// Sends requests. Clones share their connections.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    guard: Guard,
    proxied: bool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("guard", &self.guard).field("proxied", &self.proxied).finish()
    }
}

impl Sender {
    /// Reads the system's certificate authorities, so it is made once and not for each request.
    pub fn new(options: SenderOptions) -> Result<Self, SenderError> {
        let proxied = options.proxy.is_some();
        let resolver = Resolver { lookup: options.lookup, guard: (!proxied).then(|| options.guard.clone()) };
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("zelador/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
            .dns_resolver(Arc::new(resolver))
            .connector_layer(ConnectionMarks)
            .tls_backend_preconfigured(tls::client_config(&options.extra_roots)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(MOST_IDLE_PER_HOST)
            .http1_max_headers(MOST_ANSWER_HEADERS)
            .http2_max_header_list_size(ANSWER_HEADERS_BYTES as u32);
        if let Some(proxy) = options.proxy {
            builder =
                builder.proxy(Proxy::all(proxy).map_err(|error| SenderError::Client(error.without_url()))?);
        }
        let client = builder.build().map_err(|error| SenderError::Client(error.without_url()))?;
        Ok(Self { client, guard: options.guard, proxied })
    }

    /// Sends one request and reads what comes back, until the request's deadline.
    pub async fn send(&self, request: Request) -> Exchange {
        let (outcome, times) = stopwatch::timed(self.exchange(request)).await;
        Exchange { outcome, times }
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        let deadline = Instant::now() + request.timeout.min(LONGEST_TIMEOUT);
        let mut response =
            by(deadline, self.head(request)).await.map_err(|error| Failure { error, partial: None })?;
        stopwatch::mark(|marks| marks.answered());
        let mut arrived = Arrived::new(&response, self.proxied);
        match by(deadline, self.body(&mut response, &mut arrived.body)).await {
            Ok(()) => Ok(arrived.into_answer()),
            Err(error) => Err(Failure { error, partial: Some(arrived.into_answer()) }),
        }
    }

    async fn head(&self, request: Request) -> Result<Response, TransportError> {
        self.guard.vet_literal(&request.target).map_err(TransportError::ForbiddenAddress)?;
        self.client.execute(request.into()).await.map_err(|error| transport_error(&error, self.proxied))
    }

    /// Notes what comes as it comes, so that it is there when the deadline strikes.
    async fn body(&self, response: &mut Response, body: &mut RawBody) -> Result<(), TransportError> {
        let next = |error| transport_error(&error, self.proxied);
        while let Some(chunk) = response.chunk().await.map_err(next)? {
            if !body.push(&chunk) {
                break;
            }
        }
        Ok(())
    }
}

async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    timeout_at(deadline, work).await.unwrap_or(Err(TransportError::Timeout))
}

impl From<Request> for reqwest::Request {
    fn from(request: Request) -> Self {
        let method = match request.method {
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut wire = Self::new(method, request.target.url().clone());
        *wire.headers_mut() = request.headers.into_map();
        *wire.body_mut() = Some(request.body.into());
        wire
    }
}

/// What has come of an answer so far.
struct Arrived {
    answer: Answer,
    content_encoding: Option<String>,
    body: RawBody,
}

impl Arrived {
    fn new(response: &Response, proxied: bool) -> Self {
        let answer = Answer {
            status: response.status().as_u16(),
            headers: kept_headers(response.headers()),
            body: String::new(),
            truncated: false,
            peer: response.remote_addr().filter(|_| !proxied),
        };
        let content_encoding =
            response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { answer, content_encoding, body: RawBody::default() }
    }

    fn into_answer(self) -> Answer {
        let (body, truncated) = self.body.excerpt(self.content_encoding.as_deref());
        Answer { body, truncated, ..self.answer }
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<Header> {
    let mut left = ANSWER_HEADERS_BYTES;
    let texts = headers.iter().map(|(name, value)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    texts
        .take(MOST_ANSWER_HEADERS)
        .take_while(|header| {
            let fits = left.checked_sub(header.name.len() + header.value.len());
            left = fits.unwrap_or(0);
            fits.is_some()
        })
        .collect()
}
