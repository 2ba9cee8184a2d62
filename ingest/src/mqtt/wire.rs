//! Wraps the client library, for both versions of the protocol.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use domain::{MqttVersion, UtcMicros};
use rumqttc::{Transport, v5};

use super::tls::Tunnel;
use super::{Login, LoginError};

/// Unacknowledged messages that a broker may send us: at least twice a full batch, so that the
/// next one fills while one is being stored.
const RECEIVE_MAXIMUM: u16 = 20_000;

/// Requests (acks, subscriptions) that may wait for the event loop: well above the window, so
/// that an ack never finds it full.
const REQUESTS: usize = 100_000;

/// Packets of ours that may wait for an answer: the ingest publishes one notice and asks for one subscription at a
/// time; a replay has so many messages under way. The library reserves memory for each (14 MB for its default).
pub(super) const OUTGOING: u16 = 16;

/// Above every limit of the contract: a broker drops larger messages silently, and no rejection
/// would appear.
const MAX_PACKET_BYTES: u32 = 16 << 20;

/// How long the broker keeps our session, with what it holds for us, while we are away: a week.
const SESSION_EXPIRY_S: u32 = 7 * 86_400;

const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Sends requests to the event loop.
#[derive(Debug, Clone)]
pub(crate) enum Client {
    V5(v5::AsyncClient),
    V311(rumqttc::AsyncClient),
}

/// Owns the connection; must be polled without pause.
pub(crate) struct EventLoop {
    inner: Library,
    login: Login,
    tunnel: Option<Tunnel>,
    is_connected: bool,
    /// What came before the connection was lost and had not been returned then.
    before_loss: VecDeque<Event>,
    /// Why it was lost; returned after [`EventLoop::before_loss`].
    loss: Option<String>,
}

enum Library {
    V5(Box<v5::EventLoop>),
    V311(Box<rumqttc::EventLoop>),
}

/// What happens on a connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// Connected; whether the broker still had our session.
    Connected {
        session_present: bool,
    },
    Message {
        topic: Bytes,
        payload: Bytes,
        qos: u8,
        /// The broker had kept it from before the subscription.
        retain: bool,
        packet_id: u16,
    },
    /// A message of ours has left; it needs no acknowledgement when its QoS is 0.
    Sent,
    /// The broker's answer to a subscription: the granted QoS, or why not.
    Subscribed {
        granted: Result<u8, String>,
    },
    /// The broker's answer to a message of ours: whether it took it.
    Published {
        accepted: Result<(), String>,
    },
    /// A subscription has ended.
    Unsubscribed,
    /// Our DISCONNECT is sent, and all acks before it.
    Left,
    /// The broker ended the connection on purpose.
    Dismissed {
        reason: String,
    },
    Other,
}

/// What becomes of our session at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionKind {
    /// It stays, with what the broker holds for us; messages are acknowledged by [`Client::try_ack`].
    Kept,
    /// It ends with the connection; messages are acknowledged as they are read.
    Passing,
}

/// Prepares a connection; it is made when the event loop is polled. Must be called within a Tokio
/// runtime.
///
/// # Errors
/// There is no room for the socket through which TLS goes.
pub(crate) fn connect(login: Login, session: SessionKind) -> Result<(Client, EventLoop), LoginError> {
    let is_kept = session == SessionKind::Kept;
    let tunnel = login.tls.then(|| Tunnel::open(&login)).transpose()?;
    let (host, transport) = match &tunnel {
        Some(tunnel) => (tunnel.socket().to_string_lossy().into_owned(), Transport::unix()),
        None => (login.host.clone(), Transport::tcp()),
    };
    let (client, inner) = match login.version {
        MqttVersion::V5 => {
            let mut o = v5::MqttOptions::new(&login.client_id, host, login.port);
            o.set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_start(!is_kept)
                .set_manual_acks(is_kept)
                .set_outgoing_inflight_upper_limit(OUTGOING)
                .set_connect_properties(v5::mqttbytes::v5::ConnectProperties {
                    session_expiry_interval: is_kept.then_some(SESSION_EXPIRY_S),
                    receive_maximum: Some(RECEIVE_MAXIMUM),
                    max_packet_size: Some(MAX_PACKET_BYTES),
                    ..v5::mqttbytes::v5::ConnectProperties::new()
                });
            o.set_network_options(network());
            let (client, event_loop) = v5::AsyncClient::new(o, REQUESTS);
            (Client::V5(client), Library::V5(Box::new(event_loop)))
        }
        MqttVersion::V311 => {
            let mut o = rumqttc::MqttOptions::new(&login.client_id, host, login.port);
            o.set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_session(!is_kept)
                .set_manual_acks(is_kept)
                .set_inflight(OUTGOING)
                .set_max_packet_size(MAX_PACKET_BYTES as usize, MAX_PACKET_BYTES as usize);
            let (client, mut event_loop) = rumqttc::AsyncClient::new(o, REQUESTS);
            event_loop.set_network_options(network());
            (Client::V311(client), Library::V311(Box::new(event_loop)))
        }
    };
    let (before_loss, loss) = (VecDeque::new(), None);
    Ok((client, EventLoop { inner, login, tunnel, is_connected: false, before_loss, loss }))
}

/// An ack must not wait for more to send (Nagle): it opens the broker's window.
fn network() -> rumqttc::NetworkOptions {
    let mut options = rumqttc::NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

impl Client {
    /// Asks for a subscription; whether there was room for the request.
    pub fn try_subscribe(&self, filter: &str, qos: u8) -> bool {
        match self {
            Client::V5(c) => c.try_subscribe(filter, v5_qos(qos)).is_ok(),
            Client::V311(c) => c.try_subscribe(filter, v311_qos(qos)).is_ok(),
        }
    }

    /// Ends a subscription; whether there was room for the request.
    pub fn try_unsubscribe(&self, filter: &str) -> bool {
        match self {
            Client::V5(c) => c.try_unsubscribe(filter).is_ok(),
            Client::V311(c) => c.try_unsubscribe(filter).is_ok(),
        }
    }

    /// Publishes a message; whether there was room for the request and the topic is one.
    pub fn try_publish(&self, topic: &str, payload: Bytes, qos: u8, retain: bool) -> bool {
        match self {
            Client::V5(c) => c.try_publish(topic, v5_qos(qos), retain, payload).is_ok(),
            Client::V311(c) => c.try_publish(topic, v311_qos(qos), retain, payload).is_ok(),
        }
    }

    /// Acknowledges a message of QoS 1; whether there was room for the request.
    pub fn try_ack(&self, packet_id: u16) -> bool {
        match self {
            Client::V5(c) => {
                let mut p =
                    v5::mqttbytes::v5::Publish::new("", v5::mqttbytes::QoS::AtLeastOnce, Bytes::new(), None);
                p.pkid = packet_id;
                c.try_ack(&p).is_ok()
            }
            Client::V311(c) => {
                let mut p = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, Bytes::new());
                p.pkid = packet_id;
                c.try_ack(&p).is_ok()
            }
        }
    }

    /// Sends DISCONNECT; the session and its messages stay at the broker.
    pub fn try_disconnect(&self) -> bool {
        match self {
            Client::V5(c) => c.try_disconnect().is_ok(),
            Client::V311(c) => c.try_disconnect().is_ok(),
        }
    }
}

fn v5_qos(qos: u8) -> v5::mqttbytes::QoS {
    match qos {
        0 => v5::mqttbytes::QoS::AtMostOnce,
        1 => v5::mqttbytes::QoS::AtLeastOnce,
        _ => v5::mqttbytes::QoS::ExactlyOnce,
    }
}

fn v311_qos(qos: u8) -> rumqttc::QoS {
    match qos {
        0 => rumqttc::QoS::AtMostOnce,
        1 => rumqttc::QoS::AtLeastOnce,
        _ => rumqttc::QoS::ExactlyOnce,
    }
}

impl EventLoop {
    /// Drops requests that were not sent before the connection was lost.
    pub fn drop_requests(&mut self) {
        match &mut self.inner {
            Library::V5(l) => {
                l.clean();
                l.pending.clear();
            }
            Library::V311(l) => {
                l.clean();
                l.pending.clear();
            }
        }
    }

    /// Waits for the next event; connects when there is no connection. All events of a connection
    /// come before the error that reports its loss.
    ///
    /// # Errors
    /// The connection is lost or cannot be made, in words; poll again after a pause.
    pub async fn poll(&mut self) -> Result<Event, String> {
        if let Some(event) = self.before_loss.pop_front() {
            return Ok(event);
        }
        if let Some(reason) = self.loss.take() {
            return Err(reason);
        }
        if !self.is_connected {
            self.sign_in().map_err(|e| e.to_string())?;
        }
        let polled = match &mut self.inner {
            Library::V5(l) => l.poll().await.map(v5_event).map_err(|e| e.to_string()),
            Library::V311(l) => l.poll().await.map(v311_event).map_err(|e| e.to_string()),
        };
        match polled {
            Ok(event) => {
                self.is_connected |= matches!(event, Event::Connected { .. });
                Ok(event)
            }
            Err(reason) => {
                self.is_connected = false;
                // The library keeps what it had read when the connection broke, and would return it
                // after the next ConnAck.
                match &mut self.inner {
                    Library::V5(l) => self.before_loss.extend(l.state.events.drain(..).map(v5_event)),
                    Library::V311(l) => self.before_loss.extend(l.state.events.drain(..).map(v311_event)),
                }
                let failure = self.tunnel.as_ref().and_then(Tunnel::take_failure);
                self.loss = Some(failure.unwrap_or(reason));
                Box::pin(self.poll()).await
            }
        }
    }

    /// Until when the certificates of the connection are valid, the earliest; `None`: there are none.
    pub fn certified_until(&self) -> Option<UtcMicros> {
        self.tunnel.as_ref().and_then(Tunnel::valid_until)
    }

    fn sign_in(&mut self) -> Result<(), LoginError> {
        if let Some((username, password)) = self.login.credentials()? {
            match &mut self.inner {
                Library::V5(l) => {
                    l.options.set_credentials(username, password);
                }
                Library::V311(l) => {
                    l.mqtt_options.set_credentials(username, password);
                }
            }
        }
        Ok(())
    }
}

fn v5_event(event: v5::Event) -> Event {
    use v5::mqttbytes::v5::{Packet, PubRecReason, SubscribeReasonCode};
    match event {
        v5::Event::Incoming(Packet::Publish(p)) => Event::Message {
            topic: p.topic,
            payload: p.payload,
            qos: p.qos as u8,
            retain: p.retain,
            packet_id: p.pkid,
        },
        v5::Event::Incoming(Packet::ConnAck(ack)) => {
            Event::Connected { session_present: ack.session_present }
        }
        v5::Event::Incoming(Packet::SubAck(ack)) => {
            let granted = match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(*qos as u8),
                Some(code) => Err(format!("{code:?}")),
                None => Err("no reason given".into()),
            };
            Event::Subscribed { granted }
        }
        v5::Event::Incoming(Packet::PubAck(ack)) => {
            use v5::mqttbytes::v5::PubAckReason::{NoMatchingSubscribers, Success};
            let is_taken = matches!(ack.reason, Success | NoMatchingSubscribers);
            let accepted =
                if is_taken { Ok(()) } else { Err(format!("it refused the message: {:?}", ack.reason)) };
            Event::Published { accepted }
        }
        // Of QoS 2: a refusal ends the exchange, else it ends with PUBCOMP.
        v5::Event::Incoming(Packet::PubRec(rec))
            if !matches!(rec.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers) =>
        {
            Event::Published { accepted: Err(format!("it refused the message: {:?}", rec.reason)) }
        }
        v5::Event::Incoming(Packet::PubComp(_)) => Event::Published { accepted: Ok(()) },
        v5::Event::Incoming(Packet::Disconnect(d)) => {
            Event::Dismissed { reason: format!("{:?}", d.reason_code) }
        }
        v5::Event::Incoming(Packet::UnsubAck(_)) => Event::Unsubscribed,
        v5::Event::Outgoing(rumqttc::Outgoing::Publish(_)) => Event::Sent,
        v5::Event::Outgoing(rumqttc::Outgoing::Disconnect) => Event::Left,
        _ => Event::Other,
    }
}

fn v311_event(event: rumqttc::Event) -> Event {
    use rumqttc::{Packet, SubscribeReasonCode};
    match event {
        rumqttc::Event::Incoming(Packet::Publish(p)) => Event::Message {
            topic: Bytes::from(p.topic),
            payload: p.payload,
            qos: p.qos as u8,
            retain: p.retain,
            packet_id: p.pkid,
        },
        rumqttc::Event::Incoming(Packet::ConnAck(ack)) => {
            Event::Connected { session_present: ack.session_present }
        }
        rumqttc::Event::Incoming(Packet::SubAck(ack)) => {
            let granted = match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(*qos as u8),
                _ => Err("the broker refused it".into()),
            };
            Event::Subscribed { granted }
        }
        rumqttc::Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => {
            Event::Published { accepted: Ok(()) }
        }
        rumqttc::Event::Incoming(Packet::Disconnect) => Event::Dismissed { reason: "no reason given".into() },
        rumqttc::Event::Incoming(Packet::UnsubAck(_)) => Event::Unsubscribed,
        rumqttc::Event::Outgoing(rumqttc::Outgoing::Publish(_)) => Event::Sent,
        rumqttc::Event::Outgoing(rumqttc::Outgoing::Disconnect) => Event::Left,
        _ => Event::Other,
    }
}
