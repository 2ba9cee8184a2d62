//! A TCP proxy between a broker and the product that reads along: which messages were delivered,
//! and which of them the product acknowledged.
//!
//! It understands what it must of MQTT 5.0 and 3.1.1: fixed headers, PUBLISH at QoS 1, PUBACK.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;

/// Listens until it is dropped.
pub struct Witness {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
    cut: tokio::sync::watch::Sender<u32>,
    task: tokio::task::JoinHandle<()>,
}

/// Which of MQTT's protocols the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V5,
    V311,
}

#[derive(Default)]
struct Seen {
    acknowledged: BTreeSet<u64>,
    acknowledged_times: u64,
    connections: u32,
    deliveries: u64,
    reused_ids: u64,
    faults: Vec<String>,
}

/// What is under way on one connection: the payloads' `seq` by packet id. More than one, in order
/// of arrival, when the broker uses an id again before its ack.
type InFlight = Arc<Mutex<HashMap<u16, VecDeque<u64>>>>;

impl Witness {
    pub async fn between(broker_port: u16, version: Version) -> Witness {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (cut, cuts) = tokio::sync::watch::channel(0);
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((product, _)) = listener.accept().await {
                    let (passing, mut cuts) =
                        (pass_on(product, broker_port, version, seen.clone()), cuts.clone());
                    cuts.mark_unchanged();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = passing => {}
                            _ = cuts.changed() => {}
                        }
                    });
                }
            }
        });
        Witness { port, seen, cut, task }
    }

    /// Ends every connection, wherever it is.
    pub fn cut(&self) {
        self.cut.send_modify(|n| *n += 1);
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// The `seq` of every message that the product acknowledged.
    pub fn acknowledged(&self) -> BTreeSet<u64> {
        self.seen.lock().acknowledged.clone()
    }

    /// Acks, those of redeliveries among them.
    pub fn acknowledged_times(&self) -> u64 {
        self.seen.lock().acknowledged_times
    }

    /// Messages that reached the product, redeliveries among them.
    pub fn deliveries(&self) -> u64 {
        self.seen.lock().deliveries
    }

    /// Deliveries under a packet id that the broker had in use already: mosquitto 2.0.11 releases
    /// its whole queue at the first ack after a stall, whatever window we announced.
    pub fn reused_ids(&self) -> u64 {
        self.seen.lock().reused_ids
    }

    /// The first acks of what was not under way on their connection.
    pub fn faults(&self) -> Vec<String> {
        self.seen.lock().faults.clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until one side ends, then the other is closed too.
async fn pass_on(product: TcpStream, broker_port: u16, version: Version, seen: Arc<Mutex<Seen>>) {
    let Ok(broker) = TcpStream::connect(("127.0.0.1", broker_port)).await else { return };
    let (_, _) = (product.set_nodelay(true), broker.set_nodelay(true));
    let (from_product, to_product) = product.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let in_flight = InFlight::default();
    let number = {
        let mut seen = seen.lock();
        seen.connections += 1;
        seen.connections
    };
    // A message is noted before the product can have it, an ack before the broker can.
    let delivered = |first: u8, body: &[u8]| {
        if first >> 4 == PUBLISH && (first >> 1) & 3 == 1 {
            let (packet_id, seq) = publish(body, version).expect("a PUBLISH of ours");
            let under_way = {
                let mut in_flight = in_flight.lock();
                let same_id = in_flight.entry(packet_id).or_default();
                same_id.push_back(seq);
                same_id.len()
            };
            let mut seen = seen.lock();
            seen.deliveries += 1;
            seen.reused_ids += u64::from(under_way > 1);
        }
    };
    let acknowledged = |first: u8, body: &[u8]| {
        if first >> 4 == PUBACK {
            let packet_id = u16::from_be_bytes([body[0], body[1]]);
            let seq = in_flight.lock().get_mut(&packet_id).and_then(VecDeque::pop_front);
            let mut seen = seen.lock();
            match seq {
                Some(seq) => {
                    seen.acknowledged_times += 1;
                    seen.acknowledged.insert(seq);
                }
                None if seen.faults.len() < 10 => {
                    let (now, total) = (jiff::Timestamp::now(), seen.deliveries);
                    seen.faults.push(format!(
                        "{now} connection {number}, {total} deliveries: packet id {packet_id} is not under way"
                    ));
                }
                None => {}
            }
        }
    };
    tokio::select! {
        () = copy(from_broker, to_product, delivered) => {}
        () = copy(from_product, to_broker, acknowledged) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut note: impl FnMut(u8, &[u8]),
) {
    let mut waiting: Vec<u8> = Vec::new();
    loop {
        waiting.reserve(64 << 10);
        match from.read_buf(&mut waiting).await {
            Ok(n) if n > 0 => {}
            _ => return,
        }
        let mut done = 0;
        while let Some((first, body)) = packet(&waiting[done..]) {
            note(first, &waiting[done..][body.clone()]);
            done += body.end;
        }
        if to.write_all(&waiting[..done]).await.is_err() {
            return;
        }
        waiting.drain(..done);
    }
}

/// The first byte and where the body is, once the whole packet is there.
fn packet(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (length, size) = variable_length(bytes.get(1..)?)?;
    let body = 1 + size..1 + size + length;
    (bytes.len() >= body.end).then_some((bytes[0], body))
}

/// MQTT's variable byte integer, and how many bytes it takes.
fn variable_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Packet id and the payload's `seq`.
fn publish(body: &[u8], version: Version) -> Option<(u16, u64)> {
    let topic = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let rest = body.get(2 + topic..)?;
    let packet_id = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
    let properties = match version {
        Version::V5 => variable_length(rest.get(2..)?).map(|(length, size)| length + size)?,
        Version::V311 => 0,
    };
    let payload: Value = serde_json::from_slice(rest.get(2 + properties..)?).ok()?;
    Some((packet_id, payload["seq"].as_u64()?))
}
