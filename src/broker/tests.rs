use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mqtt5::broker::PasswordAuthProvider;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, PubAckReason, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{EmbeddedBroker, UsersFile};

const PATIENCE: Duration = Duration::from_secs(20);
/// The product's own client id.
const OURS: &str = "kreisverkehr-0";
/// Names the storage directory to the process that `survives_kill_9` kills.
const RUN_IN: &str = "KV_TEST_RUN_BROKER_IN";

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn broker(users: Option<&UsersFile>, storage: &Path) -> EmbeddedBroker {
    EmbeddedBroker::start(loopback(), users, storage, OURS, Box::new(|_| ())).await.unwrap()
}

/// Refusals come as reason codes to an MQTT 5.0 client, one request at a time.
struct Client {
    requests: AsyncClient,
    events: EventLoop,
}

type Credentials<'a> = Option<(&'a str, &'a str)>;

impl Client {
    async fn connect(
        broker: SocketAddr,
        id: &str,
        as_user: Credentials<'_>,
    ) -> Result<Self, ConnectReturnCode> {
        let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
        options.set_clean_start(false).set_session_expiry_interval(Some(3600));
        if let Some((name, password)) = as_user {
            options.set_credentials(name, password);
        }
        let (requests, events) = AsyncClient::new(options, 100);
        let mut client = Self { requests, events };
        match client.events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => Ok(client),
            Err(ConnectionError::ConnectionRefused(code)) => Err(code),
            other => panic!("{other:?}"),
        }
    }

    async fn receive<T>(&mut self, wanted: impl Fn(Packet) -> Option<T>) -> T {
        timeout(PATIENCE, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && let Some(found) = wanted(packet)
                {
                    return found;
                }
            }
        })
        .await
        .unwrap()
    }

    async fn publish(&mut self, topic: &str, payload: &str) -> PubAckReason {
        self.requests.publish(topic, QoS::AtLeastOnce, false, payload.to_owned()).await.unwrap();
        self.receive(|packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
        .await
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.requests.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        self.receive(|packet| match packet {
            Packet::SubAck(ack) => ack.return_codes.first().cloned(),
            _ => None,
        })
        .await
    }

    async fn next_payload(&mut self) -> String {
        self.receive(|packet| match packet {
            Packet::Publish(publish) => Some(String::from_utf8(publish.payload.to_vec()).unwrap()),
            _ => None,
        })
        .await
    }
}

const GRANTED: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtLeastOnce);

#[tokio::test]
async fn users_may_do_what_the_file_grants_and_nothing_else() {
    let hash = PasswordAuthProvider::hash_password("reads").unwrap();
    let users = UsersFile::parse(&format!(
        r#"
        [[user]]
        name = "sensor"
        password = "sends"
        publish = ["kv/1/town/#"]

        [[user]]
        name = "reader"
        password_hash = "{hash}"
        subscribe = ["kv/1/town/#"]
        "#
    ))
    .unwrap();
    let storage = TempDir::new().unwrap();
    let broker = broker(Some(&users), storage.path()).await;
    let addr = broker.connect_addr();

    for wrong in [
        None,
        Some(("sensor", "wrong")),
        Some(("nobody", "sends")),
        Some(("$internal", "")),
        Some(("reader", "")),
    ] {
        let refused = Client::connect(addr, "x", wrong).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::BadUserNamePassword), "{wrong:?}");
    }

    let mut sensor = Client::connect(addr, "sensor-1", Some(("sensor", "sends"))).await.unwrap();
    let mut reader = Client::connect(addr, "reader-1", Some(("reader", "reads"))).await.unwrap();
    let internal = broker.internal_credentials();
    let mut ingest =
        Client::connect(addr, "ingest", Some((&internal.username, &internal.password))).await.unwrap();

    assert_eq!(reader.subscribe("kv/1/town/bay/+").await, GRANTED);
    assert_eq!(reader.subscribe("$share/group/kv/1/town/site/#").await, GRANTED);
    for beyond in ["#", "kv/1/#", "kv/1/other/#", "$share/group/kv/1/#"] {
        assert_eq!(reader.subscribe(beyond).await, SubscribeReasonCode::NotAuthorized, "{beyond}");
    }
    assert_eq!(sensor.subscribe("kv/1/town/#").await, SubscribeReasonCode::NotAuthorized);
    assert_eq!(ingest.subscribe("#").await, GRANTED);

    assert_eq!(sensor.publish("kv/1/other/bay/1", "forged").await, PubAckReason::NotAuthorized);
    assert_eq!(reader.publish("kv/1/town/bay/1", "forged").await, PubAckReason::NotAuthorized);
    assert_eq!(sensor.publish("kv/1/town/bay/1", "occupied").await, PubAckReason::Success);
    assert_eq!(reader.next_payload().await, "occupied");
    assert_eq!(ingest.next_payload().await, "occupied");

    // A session belongs to its user.
    drop(ingest);
    let taken_over = Client::connect(addr, "ingest", Some(("reader", "reads"))).await.err();
    assert_eq!(taken_over, Some(ConnectReturnCode::NotAuthorized));
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn on_loopback_everybody_may_do_everything_without_a_users_file() {
    let storage = TempDir::new().unwrap();
    let broker = broker(None, storage.path()).await;
    let mut reader = Client::connect(broker.connect_addr(), "reader", None).await.unwrap();
    assert_eq!(reader.subscribe("#").await, GRANTED);
    let mut named = Client::connect(broker.connect_addr(), "named", Some(("any", "thing"))).await.unwrap();
    assert_eq!(named.publish("a", "from 5.0").await, PubAckReason::Success);
    assert_eq!(reader.next_payload().await, "from 5.0");

    let mut options = rumqttc::MqttOptions::new("old", "127.0.0.1", broker.connect_addr().port());
    options.set_clean_session(true);
    let (old, mut old_events) = rumqttc::AsyncClient::new(options, 10);
    old.publish("b", rumqttc::QoS::AtLeastOnce, false, "from 3.1.1").await.unwrap();
    let acknowledged = async {
        while !matches!(
            old_events.poll().await.unwrap(),
            rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))
        ) {}
    };
    timeout(PATIENCE, acknowledged).await.unwrap();
    assert_eq!(reader.next_payload().await, "from 3.1.1");
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn refuses_other_machines_without_a_users_file() {
    let storage = TempDir::new().unwrap();
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = EmbeddedBroker::start(listen, None, storage.path(), OURS, Box::new(|_| ()))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("--mqtt-users") && refused.contains("127.0.0.1"), "{refused}");

    let number = UsersFile::parse("[[user]]\nname = \"a\"\npassword = 4711\n").err().unwrap().to_string();
    assert!(number.contains("line 3") && number.contains("string") && !number.contains("4711"), "{number}");
    let nobody = UsersFile::parse("").unwrap();
    let broker =
        EmbeddedBroker::start(listen, Some(&nobody), storage.path(), OURS, Box::new(|_| ())).await.unwrap();
    assert_eq!(broker.connect_addr().ip().to_string(), "127.0.0.1");
    broker.stop(PATIENCE).await;
}

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
        .args(["--exact", "broker::tests::runs_until_killed", "--nocapture"])
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
    println!("\nLISTENING {}", broker.connect_addr());
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

#[test]
fn users_file_errors_name_the_line_and_no_password() {
    for (text, expected) in [
        ("[[user]]\nname = \"a\"\npassword = \"s3cret\"\ntopics = []", "line 4: unknown field `topics`"),
        ("[[user]]\nname = \"a\"\npassword = \"s3cret\" x", "line 3"),
        ("\n[[user]]\nname = \"a\"", "line 2: user `a` needs either a password or a password_hash"),
        ("[[user]]\nname = \"a\"\npassword = \"s3cret\"\npassword_hash = \"$argon2id$\"", "either"),
        ("[[user]]\nname = \"a\"\npassword_hash = \"s3cret\"", "Argon2"),
        ("[[user]]\nname = \"$internal\"\npassword = \"s3cret\"", "begin with `$`"),
        (
            "[[user]]\nname = \"a\"\npassword = \"s3cret\"\npublish = [\"a/#/b\"]",
            "`a/#/b` is no MQTT topic filter",
        ),
        (
            "[[user]]\nname = \"a\"\npassword = \"s3cret\"\n[[user]]\nname = \"a\"\npassword = \"s3cret\"",
            "line 4: user `a` stands here twice",
        ),
    ] {
        let error = format!("{:#}", UsersFile::parse(text).err().unwrap());
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn the_products_own_client_id_is_nobody_elses() {
    let users = "[[user]]\nname = \"sensor\"\npassword = \"sends\"\n";
    for users in [None, Some(UsersFile::parse(users).unwrap())] {
        let storage = TempDir::new().unwrap();
        let broker = broker(users.as_ref(), storage.path()).await;
        let addr = broker.connect_addr();
        for stranger in [None, Some(("sensor", "sends")), Some(("any", "thing"))] {
            let refused = Client::connect(addr, OURS, stranger).await.err();
            assert_eq!(refused, Some(ConnectReturnCode::ClientIdentifierNotValid), "{stranger:?}");
        }
        let internal = broker.internal_credentials().clone();
        let own = Some((internal.username.as_str(), internal.password.as_str()));
        let mut ingest = Client::connect(addr, &internal.client_id, own).await.unwrap();
        assert_eq!(ingest.subscribe("#").await, GRANTED);
        broker.stop(PATIENCE).await;
    }
}
