//! The HTTP server: bounded in connections, and in the time for a request and for reading its answer.

pub mod connections;
pub mod descriptors;
#[cfg(test)]
pub(crate) mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

pub use self::connections::{Bounds, ConnectionMetrics};
use self::connections::{ConnectionLimit, Slot};

/// Bounds of the operators' port.
pub const OPERATORS: Bounds = Bounds { connections: 64, per_address: 64 };

/// How long the head of a request may take, from the connection's beginning or from the answer before: so
/// this is how long a connection may be idle, too. Monitoring that asks every 15 s keeps its own.
const HEAD_WITHIN: Duration = Duration::from_secs(20);

/// How long a client may read nothing.
const STALLED: Duration = Duration::from_secs(30);

/// What the system holds of an answer that is not read, bytes; Linux takes twice as much. With a delay of
/// 50 ms it lets 5 MB a second pass.
const SEND_BUFFER: u32 = 128 << 10;

/// Buffer of a request's head and of an answer, bytes.
const BUFFER: usize = 32 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Connections that are refused and may still be read from, so that the refusal arrives: closing with unread
/// bytes takes it back.
const REFUSED_AT_ONCE: usize = 64;

/// How long each of them is read from.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// How long nothing is accepted after the system could not give a descriptor.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);

const NO_ROOM: &str = r#"{"type":"/problems/unavailable","title":"Not available at the moment","status":503,"detail":"There are too many connections.","field":null,"value":null,"remedy":"Try again in a few seconds."}"#;

/// A running HTTP server.
pub struct Server {
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

/// What one server is made of.
pub struct Config<F> {
    pub addr: SocketAddr,
    /// The flag that `addr` comes from.
    pub flag: &'static str,
    pub router: Router,
    pub bounds: Bounds,
    /// Whether an address may have as many connections as there are.
    pub is_unlimited: F,
    pub meters: ConnectionMetrics,
}

/// Serves until cancelled; requests under way are finished.
///
/// # Errors
/// The address cannot be used; the message names its flag.
pub async fn start<F>(config: Config<F>, cancel: CancellationToken) -> Result<Server>
where
    F: Fn(IpAddr) -> bool + Send + Sync + 'static,
{
    let Config { addr, flag, router, bounds, is_unlimited, meters } = config;
    let listener = listen(addr).with_context(|| {
        format!("{flag} {addr} cannot be used; is another instance running? Port 0 picks a free one")
    })?;
    let addr = listener.local_addr()?;
    let limit = ConnectionLimit::new(bounds, is_unlimited, meters);
    let task = tokio::spawn(accept(listener, router, limit, cancel));
    Ok(Server { addr, task })
}

/// The address by which this machine reaches a server that listens on `ip`, also when that means all addresses.
pub fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Waits for requests under way, for a moment.
    pub async fn finished(self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.task).await;
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    limit: Arc<ConnectionLimit>,
    cancel: CancellationToken,
) {
    let (connections, refusals) = (TaskTracker::new(), Arc::new(Semaphore::new(REFUSED_AT_ONCE)));
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match limit.admit(peer.ip().to_canonical()) {
                Some(slot) => {
                    connections.spawn(serve(stream, peer, slot, router.clone(), cancel.clone()));
                }
                None => {
                    if let Ok(turn) = refusals.clone().try_acquire_owned() {
                        tokio::spawn(async move {
                            let _ = tokio::time::timeout(REFUSED_WITHIN, refuse(stream)).await;
                            drop(turn);
                        });
                    }
                }
            },
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                warn!("no HTTP connection can be accepted: {error}");
                tokio::time::sleep(NO_DESCRIPTOR).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether the error is that of the connection that was about to be accepted.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers 503 and closes.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nretry-after: 5\r\nconnection: close\r\n\r\n",
        NO_ROOM.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(NO_ROOM.as_bytes()).await?;
    stream.shutdown().await?;
    let mut some = [0; 1_024];
    while stream.read(&mut some).await? > 0 {}
    Ok(())
}

/// `stream`, which fails once nothing could be written for [`STALLED`], so that a reader that never reads holds neither
/// memory nor a connection. The system takes more only when a third of its buffer is free again, so that the other side
/// cannot keep it waiting by taking a byte now and then.
fn not_stalling<T: AsyncRead + AsyncWrite>(stream: T) -> Pin<Box<TimeoutStream<T>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    Box::pin(stream)
}

async fn serve(stream: TcpStream, peer: SocketAddr, slot: Slot, router: Router, cancel: CancellationToken) {
    let io = TokioIo::new(not_stalling(stream));
    let leave = slot.leave.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = slot.busy();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move {
            let response = answer.await?;
            // The connection is busy until the body has been sent, and is dropped.
            let keep_busy = move |error| {
                let _busy = &busy;
                error
            };
            Ok::<_, Infallible>(response.map(|body| body.map_err(keep_busy)))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(BUFFER);
    let mut connection = pin!(builder.serve_connection(io, service));
    let (mut is_stopping, stop) = (false, cancel.cancelled());
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!("a connection ended: {error}");
                }
                return;
            }
            () = leave.cancelled() => return,
            () = stop.as_mut(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
