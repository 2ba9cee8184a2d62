//! A broker for tests: it accepts everyone, acknowledges what it is sent and hands it over, and can
//! break a connection in the middle of it.

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{ConnAck, ConnectReturnCode, Packet, PubAck, PubAckReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Begin with `start`.
pub(crate) struct TestBroker {
    pub(crate) url: String,
    /// Topic and payload of everything that arrived, repetitions too.
    pub(crate) received: mpsc::UnboundedReceiver<(String, Bytes)>,
}

/// How the broker treats its connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// The first connections break after so many messages, the last one of them unacknowledged.
    pub(crate) break_after: Vec<usize>,
    /// Topics whose messages are refused.
    pub(crate) refuse: &'static str,
}

impl TestBroker {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                let break_after = behaviour.break_after.get(number).copied();
                tokio::spawn(serve(socket, sender.clone(), break_after, behaviour.refuse));
            }
        });
        Self { url, received }
    }

    /// Everything that has arrived so far.
    pub(crate) fn so_far(&mut self) -> Vec<(String, Bytes)> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

async fn serve(
    mut socket: TcpStream,
    received: mpsc::UnboundedSender<(String, Bytes)>,
    break_after: Option<usize>,
    refuse: &str,
) {
    let mut buffer = BytesMut::new();
    let mut published = 0;
    loop {
        let answer = match Packet::read(&mut buffer, None) {
            Err(Error::InsufficientBytes(_)) => {
                if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                    return;
                }
                continue;
            }
            Err(error) => panic!("not MQTT 5: {error}"),
            Ok(Packet::Connect(..)) => Packet::ConnAck(ConnAck {
                session_present: false,
                code: ConnectReturnCode::Success,
                properties: None,
            }),
            Ok(Packet::Publish(publish)) => {
                published += 1;
                let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                let mut ack = PubAck::new(publish.pkid, None);
                if !refuse.is_empty() && topic.starts_with(refuse) {
                    ack.reason = PubAckReason::NotAuthorized;
                }
                received.send((topic, publish.payload)).unwrap();
                if Some(published) == break_after {
                    return;
                }
                Packet::PubAck(ack)
            }
            Ok(Packet::PingReq(_)) => Packet::PingResp(rumqttc::v5::mqttbytes::v5::PingResp),
            Ok(Packet::Disconnect(_)) => return,
            Ok(other) => panic!("unexpected {other:?}"),
        };
        let mut bytes = BytesMut::new();
        answer.write(&mut bytes, None).unwrap();
        if socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
