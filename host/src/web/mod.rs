//! The HTTP server: whether the daemon is alive, and the API under `/api/v1` for who has a token.
//!
//! Requests are bounded in size and time, and whatever goes wrong is answered as `application/problem+json`. A file a
//! noun; none of them decides anything: they read, call the domain, and show.

mod auth;
mod dead_letters;
pub mod details;
mod endpoints;
mod input;
mod listing;
mod problem;
pub mod token;
pub mod view;
mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::problem::Problem;
use crate::clock::{SharedClock, Timestamp};
use crate::store::Store;
use crate::webhook::Webhooks;

/// How long a request may take, its body and the answer included: more than the largest body needs on a slow line, and
/// less than clients wait.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long the requests under way may go on when the server is told to end.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}: {source}. Is another zelador running? `[web] listen` sets the address"
    )]
    Bind {
        /// The address of the configuration.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Tokens would cross the network in the clear.
    #[error(
        "[web] listen = \"{0}\": this version speaks no TLS and listens on loopback only; put a proxy in front of it"
    )]
    NotLoopback(SocketAddr),
}

/// What the API works on.
#[derive(Clone)]
pub struct Api {
    webhooks: Webhooks,
    clock: SharedClock,
}

impl Api {
    /// The API of these webhooks and of their store.
    pub fn new(webhooks: Webhooks, clock: SharedClock) -> Self {
        Self { webhooks, clock }
    }

    fn store(&self) -> &Store {
        self.webhooks.store()
    }

    fn body_limit(&self) -> usize {
        self.webhooks.options().body_limit
    }

    fn before(&self, span: Duration) -> Result<Timestamp, Problem> {
        let span = chrono::Duration::from_std(span).ok();
        let instant = span.and_then(|span| self.clock.now().checked_sub_signed(span));
        instant.ok_or_else(|| Problem::invalid("that is longer ago than time goes back"))
    }
}

/// A bound listener: whoever binds first learns at once that the address is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    if !address.ip().is_loopback() {
        return Err(WebError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| WebError::Bind { address, source })
}

/// Serves until `shutdown`, then finishes the requests that are under way, for a moment: a client that stops in the middle
/// of one keeps no daemon from ending.
pub async fn serve(listener: TcpListener, api: Api, shutdown: CancellationToken) -> io::Result<()> {
    let serving =
        axum::serve(listener, routes(api)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let patience = async {
        shutdown.cancelled().await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = patience => Ok(()),
    }
}

fn routes(api: Api) -> Router {
    let v1 = Router::new().merge(webhooks::routes()).merge(endpoints::routes()).merge(dead_letters::routes());
    Router::new()
        .route("/health", get(health))
        .route("/api/health", get(health))
        .nest("/api/v1", v1)
        .fallback(async || Problem::unknown_route())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn(within_time_limit))
        .with_state(api)
}

async fn within_time_limit(request: Request, next: Next) -> Result<Response, Problem> {
    tokio::time::timeout(TIME_LIMIT, next.run(request)).await.map_err(|_| Problem::timeout())
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
