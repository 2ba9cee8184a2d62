//! Clients that do not behave, over real sockets; time is paused and moves on when nothing else does.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::stream;

use super::*;

async fn server(router: Router, connections: usize) -> (Server, ConnectionMetrics) {
    let meters = ConnectionMetrics::default();
    let config = Config {
        addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        flag: "--http",
        router,
        bounds: Bounds { connections, per_address: connections },
        is_unlimited: |_| true,
        meters: meters.clone(),
    };
    (start(config, CancellationToken::new()).await.expect("a server"), meters)
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "here"))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route(
            "/endless",
            get(async || {
                Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 8_192]))))
            }),
        )
}

async fn connect(server: &Server, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).await.expect("a connection");
    stream.write_all(sent.as_bytes()).await.expect("sent");
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    text
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: kv\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_finished_is_closed() {
    let (server, _) = server(router(), 8).await;
    for begun in ["", "GET / HTT", "GET / HTTP/1.1\r\nhost: kv\r\n", "GET / HTTP/1.1\r\nhost: kv\r\n\r\n"] {
        let began = tokio::time::Instant::now();
        answer(connect(&server, begun).await).await;
        assert!(began.elapsed() <= HEAD_WITHIN + Duration::from_secs(1), "{begun:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_give_way_and_busy_ones_do_not() {
    let (server, meters) = server(router(), 4).await;
    let mut idle = Vec::new();
    for _ in 0..12 {
        idle.push(connect(&server, "GET / HTTP/1.1\r\n").await);
    }
    assert!(
        answer(connect(&server, ASK).await).await.ends_with("here"),
        "there is always room for one who asks"
    );
    drop(idle);
    let mut busy = Vec::new();
    for _ in 0..4 {
        busy.push(connect(&server, "GET /never HTTP/1.1\r\nhost: kv\r\n\r\n").await);
    }
    // Each of them takes its place before the next is accepted; that it asks is known a moment later.
    let refused = loop {
        let answered = answer(connect(&server, ASK).await).await;
        if answered.starts_with("HTTP/1.1 503") {
            break answered;
        }
        busy.push(connect(&server, "GET /never HTTP/1.1\r\nhost: kv\r\n\r\n").await);
        assert!(busy.len() < 100, "{answered}");
    };
    assert!(refused.contains("retry-after") && refused.ends_with(NO_ROOM), "{refused}");
    drop(busy);
    while meters.open() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(answer(connect(&server, ASK).await).await.ends_with("here"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_left() {
    let (server, meters) = server(router(), 4).await;
    let sleeper = connect(&server, "GET /endless HTTP/1.1\r\nhost: kv\r\n\r\n").await;
    let began = tokio::time::Instant::now();
    while meters.open() == 0 {
        tokio::task::yield_now().await;
    }
    while meters.open() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < 2 * STALLED, "it still holds its connection");
    }
    drop(sleeper);
}

/// An instance without a database: there no key is valid.
pub(crate) fn app() -> api::App {
    api::App {
        hub: Some(Arc::new(api::LiveHub::new(domain::UtcMicros::EPOCH))),
        devices: Arc::new(api::DeviceHub::new(domain::UtcMicros::EPOCH)),
        clock: Arc::new(|| domain::UtcMicros::EPOCH),
        pool: None,
        metrics: Arc::default(),
        journeys: Arc::default(),
        rentals: Arc::default(),
        forecasts: Arc::default(),
        may_store: tokio::sync::watch::channel(true).1,
        has_broker: None,
        failed_task: tokio::sync::watch::channel(None).1,
        attempts: Arc::default(),
        proxies: api::TrustedProxies::default(),
        streams: api::StreamBounds::of(100),
        max_json_rows: api::MAX_JSON_ROWS,
        intake: None,
        read_payload: |_, _, _, _| Err(String::new()),
        acceptance: api::acceptance_limits(None).unwrap(),
        shutdown: CancellationToken::new(),
    }
}

/// A body that hardly comes holds no connection of somebody whose key is not valid: on every route, by every method.
#[tokio::test(start_paused = true)]
async fn who_has_no_key_is_answered_before_the_body_has_come() {
    let (server, meters) = server(api::router(&app()), 8).await;
    let document: serde_json::Value =
        serde_json::from_str(&api::openapi_json().expect("a document")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").keys().map(|path| path.replace(['{', '}'], ""));
    // Those that are not built yet, and one that is not there.
    let others = ["/v1/admin/sites/x", "/v1/sensors/x/binding", "/v1/sensors/x/acceptance", "/v1/nothing"];
    let mut requests = 0;
    for path in paths.chain(others.map(str::to_owned)) {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            for key in ["", "authorization: Bearer nonsense\r\n"] {
                for length in ["content-length: 60000", "transfer-encoding: chunked"] {
                    let sent = format!("{method} {path} HTTP/1.1\r\nhost: kv\r\n{key}{length}\r\n\r\n");
                    let began = tokio::time::Instant::now();
                    let answered = answer(connect(&server, &sent).await).await;
                    let status = answered.get(9..12).unwrap_or_default();
                    assert!(["401", "404", "405"].contains(&status), "{sent}{answered}");
                    assert!(began.elapsed() < Duration::from_secs(1), "{sent}: {:?}", began.elapsed());
                    requests += 1;
                }
            }
        }
    }
    assert!(requests > 400, "{requests}");
    while meters.open() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_answer_keeps_its_length() {
    let (server, _) = server(router(), 4).await;
    let answered = answer(connect(&server, ASK).await).await;
    assert!(answered.contains("content-length: 4") && !answered.contains("chunked"), "{answered}");
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_left_and_who_is_slow_is_not() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let mut ours = not_stalling(ours);
    let reading = tokio::spawn(async move {
        let mut some = [0; 64];
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(29)).await;
            theirs.read_exact(&mut some).await.unwrap();
        }
        std::future::pending::<()>().await;
        drop(theirs);
    });
    ours.write_all(&[1; 5 * 64]).await.expect("it is slow, and takes it all but the last");
    let began = tokio::time::Instant::now();
    let left = ours.write_all(&[1]).await.expect_err("nobody takes it");
    assert_eq!(left.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 30);
    reading.abort();
}
