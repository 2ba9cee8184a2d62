//! Clients that do not behave, over real sockets; time is paused and moves on when nothing else does.

use axum::body::Body;
use axum::routing::get;
use futures_util::stream;

use super::*;

async fn server(router: Router, connections: usize) -> (Server, Meters) {
    let meters = Meters::default();
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

#[tokio::test]
async fn an_answer_keeps_its_length() {
    let (server, _) = server(router(), 4).await;
    let answered = answer(connect(&server, ASK).await).await;
    assert!(answered.contains("content-length: 4") && !answered.contains("chunked"), "{answered}");
}
