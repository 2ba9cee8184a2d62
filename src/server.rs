//! Listening for HTTP.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// A running HTTP server.
pub struct Server {
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

/// Serves `router` on `addr` until cancelled; requests under way are finished.
///
/// # Errors
/// The address cannot be used; the message names `flag`.
pub async fn start(
    addr: SocketAddr,
    flag: &str,
    router: Router,
    cancel: CancellationToken,
) -> Result<Server> {
    let listener = TcpListener::bind(addr).await.with_context(|| {
        format!("{flag} {addr} cannot be used; is another instance running? Port 0 picks a free one")
    })?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(cancel.cancelled_owned());
        if let Err(e) = serving.await {
            error!("the HTTP server ended: {e}");
        }
    });
    Ok(Server { addr, task })
}

impl Server {
    /// Waits for requests under way, for a moment.
    pub async fn finished(self) {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), self.task).await;
    }
}
