//! The HTTP server. So far it tells only that the daemon is alive.

use std::io;
use std::net::SocketAddr;

use axum::Json;
use axum::Router;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    /// Only loopback is served without authentication, and there is none yet.
    #[error("[web] listen = \"{0}\": this version has no authentication and listens on loopback only")]
    NotLoopback(SocketAddr),
}

/// A bound listener: whoever binds first learns at once that the address is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    if !address.ip().is_loopback() {
        return Err(WebError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| WebError::Bind { address, source })
}

/// Serves until `shutdown`, then finishes the requests that are under way.
pub async fn serve(listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
    let routes = Router::new().route("/health", get(health)).route("/api/health", get(health));
    axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
