//! What waits for a client that is away outlives the broker.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Names the storage directory to the process that `keeps_queued_messages_over_kill_9` kills.
const RUN_IN: &str = "KV_TEST_RUN_BROKER_IN";

#[tokio::test]
async fn keeps_queued_messages_over_a_restart() {
    let storage = TempDir::new().unwrap();
    let first = broker(None, storage.path()).await;
    open_session(first.connect_addr()).await;
    publish_all(first.connect_addr()).await;
    first.stop(PATIENCE).await;

    let second = broker(None, storage.path()).await;
    assert_receives_all(second.connect_addr()).await;
    second.stop(PATIENCE).await;
}

#[tokio::test]
async fn keeps_queued_messages_over_kill_9() {
    let storage = TempDir::new().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "broker::tests::queues::runs_until_killed", "--nocapture"])
        .env(RUN_IN, storage.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let addr: SocketAddr = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("LISTENING ").map(|addr| addr.parse().unwrap()))
        .unwrap();
    open_session(addr).await;
    publish_all(addr).await;
    timeout(PATIENCE, async {
        while files_in(&storage.path().join("queues")) < MESSAGES {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    process.kill().unwrap();
    process.wait().unwrap();

    let second = broker(None, storage.path()).await;
    assert_receives_all(second.connect_addr()).await;
    second.stop(PATIENCE).await;
}

/// Not a test of its own: what `keeps_queued_messages_over_kill_9` kills.
#[tokio::test]
async fn runs_until_killed() {
    let Some(storage) = std::env::var_os(RUN_IN) else { return };
    let broker = broker(None, Path::new(&storage)).await;
    outln!("\nLISTENING {}", broker.connect_addr());
    std::future::pending::<()>().await;
}

const MESSAGES: usize = 50;
const SESSION: &str = "away";

async fn open_session(broker: SocketAddr) {
    let mut client = Client::connect(broker, SESSION, None).await.unwrap();
    assert_eq!(client.subscribe("kv/#").await, GRANTED);
    client.requests.disconnect().await.unwrap();
    while client.events.poll().await.is_ok() {}
}

async fn publish_all(broker: SocketAddr) {
    let mut client = Client::connect(broker, "sender", None).await.unwrap();
    for number in 0..MESSAGES {
        assert_eq!(client.publish("kv/1/town/bay/1", &number.to_string()).await, PubAckReason::Success);
    }
}

async fn assert_receives_all(broker: SocketAddr) {
    let mut client = Client::connect(broker, SESSION, None).await.unwrap();
    for number in 0..MESSAGES {
        assert_eq!(client.next_payload().await, number.to_string());
    }
}

fn files_in(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.path() {
            path if path.is_dir() => files_in(&path),
            path => usize::from(path.extension().is_some_and(|it| it == "json")),
        })
        .sum()
}
