//! What a lost connection leaves behind belongs to that connection: nothing of it may reach the next one.
//!
//! The broker is a script over a socket, so that a PUBLISH and the end of the connection come in one
//! segment.

use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use domain::MqttVersion;
use ingest::accumulator::Accumulator;
use ingest::mqtt::Login;
use ingest::quota::DefaultLimits;
use ingest::routing::RoutingTable;
use ingest::session::Session;
use testing::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::county::shared;

const PATIENCE: Duration = Duration::from_secs(20);
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH_QOS1: u8 = 0x32;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;

/// One connection of the scripted broker.
struct Connection {
    socket: TcpStream,
    version: MqttVersion,
}

impl Connection {
    async fn accept(listener: &TcpListener, version: MqttVersion, session_present: bool) -> Self {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = Connection { socket, version };
        assert_eq!(connection.read().await.0, CONNECT);
        let mut body = vec![session_present.into(), 0];
        connection.add_properties(&mut body);
        connection.write(&packet(CONNACK, &body)).await;
        connection
    }

    fn add_properties(&self, body: &mut Vec<u8>) {
        if self.version == MqttVersion::V5 {
            body.push(0);
        }
    }

    /// The next packet: its first byte and its body. All of them are short.
    async fn read(&mut self) -> (u8, Vec<u8>) {
        let kind = self.socket.read_u8().await.unwrap();
        let (mut len, mut shift) = (0usize, 0);
        loop {
            let byte = self.socket.read_u8().await.unwrap();
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.socket.read_exact(&mut body).await.unwrap();
        (kind, body)
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// Waits for the SUBSCRIBE, and returns the answer to it.
    async fn suback(&mut self) -> Vec<u8> {
        let (kind, body) = self.read().await;
        assert_eq!(kind, SUBSCRIBE);
        let mut answer = body[..2].to_vec();
        self.add_properties(&mut answer);
        answer.push(1);
        packet(SUBACK, &answer)
    }

    fn publish(&self, packet_id: u16, payload: &str) -> Vec<u8> {
        const TOPIC: &str = "kv/1/f/bay/a";
        let mut body = (TOPIC.len() as u16).to_be_bytes().to_vec();
        body.extend(TOPIC.as_bytes());
        body.extend(packet_id.to_be_bytes());
        self.add_properties(&mut body);
        body.extend(payload.as_bytes());
        packet(PUBLISH_QOS1, &body)
    }
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128);
    [&[kind, body.len() as u8], body].concat()
}

fn session(listener: &TcpListener, version: MqttVersion) -> (Session, Receiver<Arc<Accumulator>>) {
    let (shared, announced) = shared(DefaultLimits::default());
    let feeds = World::town("town").feed("f").registry();
    let routing = RoutingTable::new(feeds, None, &shared.metrics, &shared.quotas);
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let mut login = Login::from_url("scripted", &url, "test").unwrap();
    login.version = version;
    (Session::start(login, routing, [], shared).unwrap(), announced)
}

/// Takes the rows of one message as a writer would; they are unknown places, so rejections.
async fn take(announced: &Receiver<Arc<Accumulator>>) -> impl FnOnce() + use<> {
    let accumulator = announced.recv().await.unwrap();
    let batch = accumulator.take().unwrap();
    assert_eq!(batch.pending.batch.rejections.len(), 1);
    move || accumulator.stored(batch.size, batch.acks)
}

async fn no_ack_reaches_the_next_connection(version: MqttVersion) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (session, announced) = session(&listener, version);

    let mut first = Connection::accept(&listener, version, false).await;
    let answer = first.suback().await;
    let (lost, again) = (first.publish(7, "{}"), first.publish(9, "{}"));
    // One write, so that the client reads the message and the end together.
    first.write(&[answer, lost].concat()).await;
    drop(first);

    let mut second = Connection::accept(&listener, version, true).await;
    let answer = second.suback().await;
    second.write(&answer).await;
    let store_lost = take(&announced).await;
    store_lost();
    second.write(&again).await;
    let store_again = take(&announced).await;
    store_again();
    let (kind, body) = second.read().await;
    assert_eq!(
        (kind, &body[..2]),
        (PUBACK, &9u16.to_be_bytes()[..]),
        "the ack of the lost connection is void"
    );
    drop(second);
    session.stop().await;
}

#[tokio::test]
async fn an_ack_stays_on_its_connection_mqtt_5() {
    tokio::time::timeout(PATIENCE, no_ack_reaches_the_next_connection(MqttVersion::V5)).await.unwrap();
}

#[tokio::test]
async fn an_ack_stays_on_its_connection_mqtt_3_1_1() {
    tokio::time::timeout(PATIENCE, no_ack_reaches_the_next_connection(MqttVersion::V311)).await.unwrap();
}
