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

/// A client behind the proxy, as the proxy says: the status of its question.
fn ask_as(instance: &Instance, client: &str, path: &str, key: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: kv\r\nx-forwarded-for: 198.51.100.1, {client}\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\n\r\n"
    );
    let mut answer = String::new();
    connect(instance, &request).read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_keys_locks_nobody_out() {
    let instance = Instance::serve(&["--trusted-proxy", "127.0.0.0/8,::1"]).await;
    let key = instance.admin_key();
    let guesses: Vec<u16> =
        (0..260).map(|n| ask_as(&instance, "203.0.113.7", "/v1/audit", &format!("{n:064x}"))).collect();
    assert_eq!(guesses[0], 401);
    assert!(guesses.iter().all(|status| [401, 429].contains(status)));
    assert_eq!(
        ask_as(&instance, "203.0.113.8", "/v1/audit", "wrong"),
        401,
        "others have failures of their own"
    );
    eventually("the valid key is in the list", || async {
        (ask_as(&instance, "203.0.113.7", "/v1/audit", &key) == 200).then_some(())
    })
    .await;
    let refused = eventually("the audit says who", || async {
        let audit = instance.get_with("/v1/audit?action=authenticate", &key).await;
        let of = |address: &str| {
            audit["items"].as_array()?.iter().find(|item| item["address"] == address).cloned()
        };
        of("203.0.113.8").and(of("203.0.113.7"))
    })
    .await;
    assert_eq!((&refused["actor"], &refused["outcome"]), (&"public".into(), &"refused".into()));
    assert!(!instance.log().contains("203.0.113.7"), "the log names networks:\n{}", instance.log());
    assert!(instance.log().contains("203.0.113.0/24"), "{}", instance.log());
    instance.stop().await;
}
