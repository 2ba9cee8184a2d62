//! The gate of the embedded broker: every connection passes it, and costs little until it is authenticated.
//!
//! Behind it the broker listens on a loopback address that accepts nobody else. The gate bounds connections, the
//! size of packets and the time until a CONNECT, and holds acknowledgements back until what they acknowledge is stored.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use ingest::quota::{Addresses, Pace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::clients::Connection;
use super::frames::{CONNECT, Header, Malformed, PUBACK, PUBLISH, PUBREC, PUBREL, Passing};
use super::intake::Intake;
use super::metrics::Refusal;
use crate::server::connections::{Bounds, ConnectionLimit, Slot};

/// Descriptors per client: its connection, and both ends of that to the broker.
pub const DESCRIPTORS_OF_CLIENT: usize = 3;
/// Each takes some ten kilobytes here, and as much behind.
const MAX_CONNECTIONS: usize = 1_000;
/// Connections from one address; this machine may have all of them.
const MAX_FROM_ADDRESS: usize = 100;
/// A CONNECT holds a will message at most.
const MAX_CONNECT_BYTES: usize = 64 << 10;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing is accepted after the system could not give a descriptor.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);
/// Of messages that no feed reads: they wait for subscribers in memory.
const MAX_ROUTED_BYTES: usize = 64 << 10;
/// Of packets of any kind: above every limit of the wire formats (`gtfs-rt`: 8 MiB).
pub const MAX_PACKET_BYTES: usize = 16 << 20;
/// Messages of QoS 2 that a client has not released (PUBREL): the broker keeps them.
const MAX_UNRELEASED: usize = 128;
const MAX_UNRELEASED_BYTES: usize = 1 << 20;
/// A client that reads nothing for so long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// How long the connection of a client that was refused stays open.
const REFUSED_STAYS: Duration = Duration::from_secs(1);
const BUFFER_BYTES: usize = 16 << 10;

/// Bounds that depend on the machine and the settings.
#[derive(Debug)]
pub struct Limits {
    pub connections: usize,
    pub addresses: Arc<Addresses>,
}

/// See the module's description.
pub struct Gate {
    broker: SocketAddr,
    intake: Intake,
    /// Where connections run.
    tasks: TaskTracker,
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// One of both sides has gone.
    Closed,
    Refused(Refusal),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        End::Closed
    }
}

impl From<Malformed> for End {
    fn from(_: Malformed) -> Self {
        End::Refused(Refusal::Malformed)
    }
}

impl Gate {
    /// Before the broker at that address.
    pub fn new(broker: SocketAddr, intake: Intake, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self { broker, intake, tasks })
    }

    /// Accepts clients until cancelled.
    pub async fn run(self: Arc<Self>, listener: TcpListener, limits: Limits, cancel: CancellationToken) {
        let bounds =
            Bounds { connections: limits.connections.min(MAX_CONNECTIONS), per_address: MAX_FROM_ADDRESS };
        let limit = ConnectionLimit::new(
            bounds,
            |address| address.is_loopback(),
            self.intake.meters.connections.clone(),
        );
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (mut client, address) = match accepted {
                Ok((client, address)) => (client, address.ip().to_canonical()),
                Err(error) => {
                    // No descriptors: others end and give theirs back.
                    warn!("an MQTT connection cannot be accepted: {error}");
                    tokio::time::sleep(NO_DESCRIPTOR).await;
                    continue;
                }
            };
            let Some(slot) = limit.admit(address) else {
                self.intake.meters.refused(Refusal::TooMany, address);
                continue;
            };
            let pace = limits.addresses.of(address);
            let (gate, cancel) = (self.clone(), cancel.clone());
            self.tasks.spawn(async move {
                let connection = Connection::new(address, pace);
                let end = tokio::select! {
                    Err(end) = gate.admit(&mut client, &connection, &slot) => end,
                    () = slot.leave.cancelled() => End::Refused(Refusal::NoConnect),
                    () = cancel.cancelled() => return,
                };
                match end {
                    End::Refused(refusal) => gate.intake.meters.refused(refusal, address),
                    End::Closed if connection.was_refused() => {}
                    End::Closed => return debug!(%address, "an MQTT connection has ended"),
                }
                // A refused client that reconnects at once must not cost more than an accepted one.
                tokio::select! {
                    () = tokio::time::sleep(REFUSED_STAYS) => {}
                    () = slot.leave.cancelled() => {}
                    () = cancel.cancelled() => {}
                }
            });
        }
    }

    async fn admit(
        &self,
        client: &mut TcpStream,
        connection: &Arc<Connection>,
        slot: &Slot,
    ) -> Result<(), End> {
        let first = tokio::time::timeout(CONNECT_WITHIN, first_packet(client)).await;
        let first = first.map_err(|_| End::Refused(Refusal::NoConnect))??;
        // From here on it gives way to nobody.
        let _busy = slot.busy();
        self.serve(client, first, connection).await
    }

    async fn serve(
        &self,
        client: &mut TcpStream,
        first: BytesMut,
        connection: &Arc<Connection>,
    ) -> Result<(), End> {
        let mut broker = TcpStream::connect(self.broker).await?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let _known = self.intake.clients.connecting(broker.local_addr()?, connection.clone());
        let is_before_5 = Header::at_start(&first)?.is_some_and(|header| header.is_before_5(&first));
        let (from_client, to_client) = client.split();
        let (from_broker, to_broker) = broker.split();
        tokio::select! {
            end = self.inward(first, from_client, to_broker, connection.pace.as_deref()) => end,
            end = outward(from_broker, to_client, connection, is_before_5) => end,
        }
    }

    /// From the client to the broker.
    async fn inward(
        &self,
        first: BytesMut,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        pace: Option<&Pace>,
    ) -> Result<(), End> {
        let (mut buffer, mut passing) = (first, Passing::default());
        let mut unreleased: HashMap<u16, usize> = HashMap::new();
        loop {
            let rest = passing.rest_of_packet(&mut buffer);
            to.write_all(&rest).await?;
            while let Some(header) = Header::at_start(&buffer)? {
                if header.total > MAX_PACKET_BYTES {
                    return Err(End::Refused(Refusal::PacketTooLarge));
                }
                if header.kind == PUBLISH && (header.qos() == 2 || header.total > MAX_ROUTED_BYTES) {
                    let Some((topic, id)) = header.publish(&buffer)? else { break };
                    self.may_come(header, topic, id, &mut unreleased)?;
                }
                if header.kind == PUBREL {
                    let Some(id) = header.number(&buffer) else { break };
                    unreleased.remove(&id);
                }
                if let Some(pace) = pace.filter(|_| header.kind == PUBLISH) {
                    pace.admit(header.total).await;
                }
                let packet = passing.begin(header, &mut buffer);
                to.write_all(&packet).await?;
            }
            read(&mut from, &mut buffer).await?;
        }
    }

    /// Waits until a message that is large, or that the broker has to keep, may pass.
    fn may_come(
        &self,
        header: Header,
        topic: &[u8],
        id: u16,
        unreleased: &mut HashMap<u16, usize>,
    ) -> Result<(), End> {
        let is_read =
            std::str::from_utf8(topic).is_ok_and(|topic| self.intake.inlet.reads(topic).unwrap_or(true));
        if header.total > MAX_ROUTED_BYTES && !is_read {
            return Err(End::Refused(Refusal::PacketTooLarge));
        }
        if header.qos() == 2 {
            unreleased.insert(id, header.total);
            // One message of any size may always be under way.
            let bytes: usize = unreleased.values().sum();
            if unreleased.len() > MAX_UNRELEASED || (unreleased.len() > 1 && bytes > MAX_UNRELEASED_BYTES) {
                return Err(End::Refused(Refusal::TooMuchUnreleased));
            }
        }
        Ok(())
    }
}

/// From the broker to the client. Acknowledgements of messages that are not stored yet wait, in their order
/// (MQTT 5.0, 4.6); all else passes them.
///
/// Before MQTT 5.0 an acknowledgement has no room for a reason: whoever may not publish gets a plain one, as
/// MQTT 3.1.1 (3.3.5) has it, and the refusal is counted. The broker library writes the reason all the same.
async fn outward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    connection: &Connection,
    is_before_5: bool,
) -> Result<(), End> {
    let (mut buffer, mut passing) = (BytesMut::with_capacity(BUFFER_BYTES), Passing::default());
    let mut waiting: VecDeque<(u16, BytesMut)> = VecDeque::new();
    let mut out = BytesMut::with_capacity(BUFFER_BYTES);
    // Between two packets alone others may go out.
    let mut is_between = true;
    loop {
        if is_between {
            while let Some((id, packet)) = waiting.front()
                && !connection.is_held(*id)
            {
                out.extend_from_slice(packet);
                waiting.pop_front();
            }
        }
        write(&mut to, &mut out).await?;
        tokio::select! {
            read = read(&mut from, &mut buffer) => read?,
            () = connection.released(), if !waiting.is_empty() && is_between => continue,
        }
        out.unsplit(passing.rest_of_packet(&mut buffer));
        while let Some(header) = Header::at_start(&buffer)? {
            if matches!(header.kind, PUBACK | PUBREC) {
                let Some(id) = header.number(&buffer).filter(|_| buffer.len() >= header.total) else { break };
                let packet = buffer.split_to(header.total);
                waiting.push_back((id, if is_before_5 { header.plain_acknowledgement(id) } else { packet }));
                continue;
            }
            out.extend_from_slice(&passing.begin(header, &mut buffer));
        }
        is_between = passing.is_between();
    }
}

async fn write(to: &mut WriteHalf<'_>, out: &mut BytesMut) -> Result<(), End> {
    if !out.is_empty() {
        tokio::time::timeout(WRITE_WITHIN, to.write_all(out))
            .await
            .map_err(|_| End::Refused(Refusal::NotReading))??;
        out.clear();
    }
    Ok(())
}

async fn read(from: &mut ReadHalf<'_>, buffer: &mut BytesMut) -> Result<(), End> {
    buffer.reserve(BUFFER_BYTES);
    match from.read_buf(buffer).await? {
        0 => Err(End::Closed),
        _ => Ok(()),
    }
}

/// The CONNECT, which must come first, whole.
async fn first_packet(client: &TcpStream) -> Result<BytesMut, End> {
    let mut buffer = BytesMut::new();
    loop {
        if let Some(header) = Header::at_start(&buffer)? {
            if header.kind != CONNECT {
                return Err(End::Refused(Refusal::Malformed));
            }
            if header.total > MAX_CONNECT_BYTES {
                return Err(End::Refused(Refusal::ConnectTooLarge));
            }
            if buffer.len() >= header.total {
                return Ok(buffer);
            }
        }
        client.readable().await?;
        buffer.reserve(1_024);
        match client.try_read_buf(&mut buffer) {
            Ok(0) => return Err(End::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}
