//! Clients that take what they can: connections, streams, unread answers. Others go on.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Instance, eventually};

fn connect(instance: &Instance, sent: &str) -> TcpStream {
    let address = instance.text("http").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// Soft and hard limit of open files of the instance's process.
fn open_files(instance: &Instance) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", instance.process.id().unwrap())).unwrap();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map(str::to_owned);
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_connections_keeps_nobody_out() {
    let instance = Instance::serve(&["--max-connections", "40"]).await;
    let (soft, hard) = open_files(&instance);
    assert_eq!(soft, hard);

    let idle: Vec<TcpStream> = (0..150).map(|_| connect(&instance, "")).collect();
    let half_sent: Vec<TcpStream> =
        (0..150).map(|_| connect(&instance, "GET /healthz HTTP/1.1\r\nhost:")).collect();
    for path in ["/healthz", "/readyz", "/v1/parking?near=51.9,7.9"] {
        let (status, body) = instance.get(path).await;
        assert!([200, 400].contains(&status), "{path}: {status} {body}");
    }
    drop((idle, half_sent));

    // Of 40 connections 30 may be streams.
    let ask = "GET /v1/changes HTTP/1.1\r\nhost: kv\r\n\r\n";
    let streams: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = connect(&instance, ask);
            let mut begun = [0; 15];
            stream.read_exact(&mut begun).unwrap();
            assert_eq!(&begun, b"HTTP/1.1 200 OK");
            stream
        })
        .collect();
    let (status, body) = instance.get("/v1/changes").await;
    assert_eq!((status, &body["type"]), (503, &"/problems/unavailable".into()));
    instance.counted("kv_http_streams 30").await;
    assert_eq!(instance.get("/readyz").await.0, 200);
    drop(streams);
    instance.counted("kv_http_streams 0").await;
    eventually("a new client follows", || async {
        let mut stream = connect(&instance, ask);
        let mut begun = [0; 15];
        stream.read_exact(&mut begun).ok().filter(|()| &begun == b"HTTP/1.1 200 OK")
    })
    .await;
    instance.stop().await;
}
