mod clients;
mod queues;
mod retained;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest::accumulator::Accumulator;
use ingest::inlet::Inlet;
use ingest::metrics::Metrics;
use ingest::quota::{Addresses, DefaultLimits, OfAddress, Quotas};
use ingest::routing::RoutingTable;
use ingest::session::Shared;
use mqtt5::broker::PasswordAuthProvider;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, PubAckReason, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tempfile::TempDir;
use testing::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Around, EmbeddedBroker, UsersFile};

const PATIENCE: Duration = Duration::from_secs(20);
/// Its topics are `kv/1/f/#`.
const FEED: &str = "f";

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A broker and an ingest with the feed [`FEED`] that stores when the test lets it.
struct Town {
    broker: EmbeddedBroker,
    shared: Shared,
    inlet: Arc<Inlet>,
    ready: async_channel::Receiver<Arc<Accumulator>>,
}

impl Town {
    async fn start(listen: SocketAddr, users: Option<&UsersFile>, storage: &Path) -> anyhow::Result<Self> {
        let (inlet, new_filters) = Inlet::new();
        let around = Around {
            inlet: inlet.clone(),
            new_filters,
            on_unread: Arc::new(|_| ()),
            meters: Arc::default(),
            connections: 100,
            addresses: Addresses::new(OfAddress {
                limits: DefaultLimits::default().town,
                holds_on_this_machine: false,
            }),
        };
        let broker = EmbeddedBroker::start(listen, users, storage, around).await?;
        let (announce, ready) = async_channel::unbounded();
        let shared = Shared {
            metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
            clock: Arc::new(ingest::now_utc),
            ready: announce,
            trips: Arc::default(),
            quotas: Arc::new(Quotas::new(DefaultLimits::default())),
            ended: tokio::sync::mpsc::unbounded_channel().0,
        };
        let town = Town { broker, shared, inlet, ready };
        town.arrange(&[]);
        Ok(town)
    }

    fn arrange(&self, feeds: &[&str]) {
        let registry = feeds.iter().fold(World::town("town"), |town, feed| town.feed(feed)).registry();
        let plan = RoutingTable::new(registry, None, &self.shared.metrics, &self.shared.quotas);
        self.inlet.arrange(plan, &self.shared);
    }

    /// Messages that wait for the database, and how to mark them as stored.
    async fn take(&self) -> (Vec<String>, impl FnOnce() + use<>) {
        let accumulator = timeout(PATIENCE, self.ready.recv()).await.unwrap().unwrap();
        let batch = accumulator.take().unwrap();
        let topics = batch.pending.batch.rejections.iter().map(|r| r.topic.clone()).collect();
        (topics, move || accumulator.stored(batch.size, batch.acks))
    }

    async fn stop(self) {
        self.broker.stop(PATIENCE).await;
    }
}

async fn broker(users: Option<&UsersFile>, storage: &Path) -> EmbeddedBroker {
    Town::start(loopback(), users, storage).await.unwrap().broker
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

    /// Publishes a message that is to be retained; it is acknowledged, kept or not.
    async fn retain(&mut self, topic: &str, payload: &str) {
        self.requests.publish(topic, QoS::AtLeastOnce, true, payload.to_owned()).await.unwrap();
        self.receive(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
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

    for wrong in [None, Some(("sensor", "wrong")), Some(("nobody", "sends")), Some(("reader", ""))] {
        let refused = Client::connect(addr, "x", wrong).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::BadUserNamePassword), "{wrong:?}");
    }

    let mut sensor = Client::connect(addr, "sensor-1", Some(("sensor", "sends"))).await.unwrap();
    let mut reader = Client::connect(addr, "reader-1", Some(("reader", "reads"))).await.unwrap();

    assert_eq!(reader.subscribe("kv/1/town/bay/+").await, GRANTED);
    assert_eq!(reader.subscribe("$share/group/kv/1/town/site/#").await, GRANTED);
    for beyond in ["#", "kv/1/#", "kv/1/other/#", "$share/group/kv/1/#"] {
        assert_eq!(reader.subscribe(beyond).await, SubscribeReasonCode::NotAuthorized, "{beyond}");
    }
    assert_eq!(sensor.subscribe("kv/1/town/#").await, SubscribeReasonCode::NotAuthorized);

    assert_eq!(sensor.publish("kv/1/other/bay/1", "forged").await, PubAckReason::NotAuthorized);
    assert_eq!(reader.publish("kv/1/town/bay/1", "forged").await, PubAckReason::NotAuthorized);
    assert_eq!(sensor.publish("kv/1/town/bay/1", "occupied").await, PubAckReason::Success);
    assert_eq!(reader.next_payload().await, "occupied");
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
    let refused = Town::start(listen, None, storage.path()).await.err().unwrap().to_string();
    assert!(refused.contains("--mqtt-users") && refused.contains("127.0.0.1"), "{refused}");

    let number = UsersFile::parse("[[user]]\nname = \"a\"\npassword = 4711\n").err().unwrap().to_string();
    assert!(number.contains("line 3") && number.contains("string") && !number.contains("4711"), "{number}");
    let nobody = UsersFile::parse("").unwrap();
    let broker = Town::start(listen, Some(&nobody), storage.path()).await.unwrap().broker;
    assert_eq!(broker.connect_addr().ip().to_string(), "127.0.0.1");
    broker.stop(PATIENCE).await;
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
async fn what_a_feed_reads_is_acknowledged_once_it_is_stored() {
    let storage = TempDir::new().unwrap();
    let town = Town::start(loopback(), None, storage.path()).await.unwrap();
    town.arrange(&[FEED]);
    let addr = town.broker.connect_addr();
    let mut options = MqttOptions::new("sensor", "127.0.0.1", addr.port());
    options.set_clean_start(true);
    let (requests, mut events) = AsyncClient::new(options, 100);
    for topic in ["kv/1/f/bay/first", "kv/1/f/bay/second", "for/others"] {
        requests.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
    }
    requests.publish("kv/1/f/bay/third", QoS::ExactlyOnce, false, "x").await.unwrap();
    requests.subscribe("an/answer", QoS::AtLeastOnce).await.unwrap();
    let mut received = Vec::new();
    let next = async |events: &mut EventLoop| loop {
        match timeout(PATIENCE, events.poll()).await.unwrap().unwrap() {
            Event::Incoming(Packet::ConnAck(_)) | Event::Outgoing(_) => {}
            Event::Incoming(packet) => return packet,
        }
    };
    // All three were read when it comes.
    assert!(matches!(next(&mut events).await, Packet::SubAck(_)));
    let (topics, stored) = town.take().await;
    assert_eq!(topics, ["kv/1/f/bay/first", "kv/1/f/bay/second", "kv/1/f/bay/third"]);
    stored();
    for _ in 0..4 {
        received.push(match next(&mut events).await {
            Packet::PubAck(ack) => (4, ack.pkid),
            Packet::PubRec(ack) => (5, ack.pkid),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(received, [(4, 1), (4, 2), (4, 3), (5, 4)]);
    town.stop().await;
}

#[tokio::test]
async fn a_feed_that_is_new_gets_what_was_retained_for_it() {
    let storage = TempDir::new().unwrap();
    let town = Town::start(loopback(), None, storage.path()).await.unwrap();
    let mut sensor = Client::connect(town.broker.connect_addr(), "sensor", None).await.unwrap();
    sensor.requests.publish("kv/1/f/bay/a", QoS::AtLeastOnce, true, "x").await.unwrap();
    sensor.receive(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
    town.arrange(&[FEED]);
    assert_eq!(town.take().await.0, ["kv/1/f/bay/a"]);
    town.stop().await;
}

/// Malformed bytes.
struct Raw(TcpStream);

impl Raw {
    async fn connect(broker: SocketAddr) -> Self {
        Raw(TcpStream::connect(broker).await.unwrap())
    }

    /// `id`: five letters.
    async fn connected(broker: SocketAddr, id: &str) -> Self {
        let mut raw = Self::connect(broker).await;
        // MQTT 3.1.1, a clean session, keep alive 60 s.
        let connect = [0x10, 17, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 5];
        raw.send(&[&connect, id.as_bytes()].concat()).await;
        let mut connack = [0; 4];
        timeout(PATIENCE, raw.0.read_exact(&mut connack)).await.unwrap().unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0]);
        raw
    }

    /// Sends; a broker that has closed the connection is no failure.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    async fn ends(mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end too.
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.is_ok()
    }
}

fn publish(qos: u8, topic: &str, id: u16, payload: usize) -> Vec<u8> {
    let mut remaining = 2 + topic.len() + 2 + payload;
    let mut packet = vec![0x30 | qos << 1];
    loop {
        let more = if remaining > 127 { 0x80 } else { 0 };
        packet.push((remaining & 0x7f) as u8 | more);
        remaining >>= 7;
        if more == 0 {
            break;
        }
    }
    packet.extend((topic.len() as u16).to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend(vec![b'x'; payload]);
    packet
}

#[tokio::test]
async fn what_no_client_would_send_ends_the_connection() {
    let storage = TempDir::new().unwrap();
    let town = Town::start(loopback(), None, storage.path()).await.unwrap();
    town.arrange(&[FEED]);
    let addr = town.broker.connect_addr();
    let mut refused = Vec::new();
    for first in [
        // A CONNECT of 15 MiB, a PUBLISH before it, an endless length, another protocol.
        &[0x10, 0x80, 0x80, 0xc0, 0x07][..],
        &[0x30, 5, 0, 1, b'a', b'x', b'x'],
        &[0x10, 0xff, 0xff, 0xff, 0xff],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut raw = Raw::connect(addr).await;
        raw.send(first).await;
        refused.push(raw);
    }
    // Large and read by no feed; and far more than is ever released.
    let mut raw = Raw::connected(addr, "large").await;
    raw.send(&publish(1, "for/others", 1, 70_000)).await;
    refused.push(raw);
    let mut raw = Raw::connected(addr, "never").await;
    for id in 1..=600 {
        raw.send(&publish(2, "for/others", id, 10)).await;
    }
    refused.push(raw);
    let ends = futures_util::future::join_all(refused.into_iter().map(Raw::ends)).await;
    assert_eq!(ends, [true; 6]);

    let mut raw = Raw::connected(addr, "plain").await;
    raw.send(&publish(1, "kv/1/f/bay/a", 1, 70_000)).await;
    let (topics, stored) = town.take().await;
    assert_eq!(topics, ["kv/1/f/bay/a"], "too large for a bay, and kept as such");
    stored();
    let mut puback = [0; 4];
    timeout(PATIENCE, raw.0.read_exact(&mut puback)).await.unwrap().unwrap();
    assert_eq!(puback, [0x40, 2, 0, 1]);
    town.stop().await;
}

#[tokio::test]
async fn who_says_nothing_gives_way() {
    let storage = TempDir::new().unwrap();
    let broker = broker(None, storage.path()).await;
    let addr = broker.connect_addr();
    let mut idle = Vec::new();
    for _ in 0..150 {
        idle.push(Raw::connect(addr).await);
    }
    let mut client = Client::connect(addr, "a", None).await.unwrap();
    assert_eq!(client.publish("a", "").await, PubAckReason::Success);
    assert!(idle.remove(0).ends().await);
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn nobody_gets_past_the_gate() {
    let storage = TempDir::new().unwrap();
    let broker = broker(None, storage.path()).await;
    let refused = Client::connect(broker.behind, "a", None).await.err();
    assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized));
    broker.stop(PATIENCE).await;
}
