use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::latencies;
use super::*;

fn measured() -> Measured {
    Measured {
        acknowledged: Arc::new(Mutex::new((latencies(), 0))),
        seen: Arc::new(Mutex::new(latencies())),
        unseen: Unseen::default(),
    }
}

#[tokio::test]
async fn changes_are_matched_across_any_chunks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let measured = measured();
    let at: Timestamp = "2026-11-22T12:00:00.000250Z".parse().unwrap();
    let sent_at = Instant::now();
    for bay in [1, 2, 3] {
        lock(&measured.unseen).insert((bay, at.as_microsecond()), sent_at);
    }
    let watcher = start(url.parse().unwrap(), measured.clone(), &CancellationToken::new());

    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = [0; 512];
    let n = socket.read(&mut request).await.unwrap();
    assert!(request[..n].starts_with(b"GET /v1/changes?municipality=loadtown HTTP/1.1\r\n"));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let change = |bay: u32, at: &str| {
        format!(
            "event: change\nid: 1-{bay}\ndata: {{\"kind\":\"bay\",\"id\":\"load-{bay:06}\",\"state\":\"occupied\",\"observed_at\":\"{at}\"}}\n\n"
        )
    };
    let body = format!(
        "retry: 3000\n\nevent: snapshot\ndata: {{\"items\":[],\"complete\":true}}\n\n: comment\n\n{}{}{}",
        change(1, "2026-11-22T12:00:00.00025Z"),
        change(2, "2026-11-22T12:00:00.000250+00:00"),
        // Another instant: not the observation we sent.
        change(3, "2026-11-22T12:00:00.000251Z"),
    );
    for piece in body.as_bytes().chunks(7) {
        socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        socket.write_all(piece).await.unwrap();
        socket.write_all(b"\r\n").await.unwrap();
    }
    assert!(watcher.snapshot_within(Duration::from_secs(10)).await);
    lock(&measured.unseen).remove(&(3, at.as_microsecond()));
    let reconnects =
        watcher.finish(&measured.unseen, Duration::from_secs(10), &CancellationToken::new()).await;
    assert_eq!((reconnects, lock(&measured.seen).len(), lock(&measured.unseen).len()), (0, 2, 0));
}
