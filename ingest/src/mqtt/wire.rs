//! The client library, for both versions of the protocol.

use std::time::Duration;

use bytes::Bytes;
use domain::MqttVersion;
use rumqttc::{TlsConfiguration, Transport, v5};

use super::{Login, LoginError};

/// Unacknowledged messages that a broker may send us: at least twice a full batch, so that the
/// next one fills while one is being stored.
pub const RECEIVE_MAXIMUM: u16 = 20_000;

/// Requests (acks, subscriptions) that may wait for the event loop: well above the window, so
/// that an ack never finds it full.
const REQUESTS: usize = 100_000;

/// Above every limit of the contract: a broker drops larger messages silently, and no rejection
/// would appear.
const MAX_PACKET_BYTES: u32 = 16 << 20;

/// How long the broker keeps our session, with what it holds for us, while we are away: a week.
const SESSION_EXPIRY_S: u32 = 7 * 86_400;

const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Sends requests to the event loop.
#[derive(Debug, Clone)]
pub enum Client {
    V5(v5::AsyncClient),
    V311(rumqttc::AsyncClient),
}

/// Owns the connection; must be polled without pause.
pub enum EventLoop {
    V5(Box<v5::EventLoop>),
    V311(Box<rumqttc::EventLoop>),
}

/// What happens on a connection.
#[derive(Debug)]
pub enum Event {
    /// Connected; whether the broker still had our session.
    Connected {
        session_present: bool,
    },
    Message {
        topic: Bytes,
        payload: Bytes,
        qos: u8,
        packet_id: u16,
    },
    /// A subscription left under this packet id (in the order in which they were asked for).
    Subscribing {
        packet_id: u16,
    },
    /// The broker's answer: the granted QoS, or why not.
    Subscribed {
        packet_id: u16,
        granted: Result<u8, String>,
    },
    /// Our good-bye is on its way, and all acks before it.
    Left,
    /// The broker ended the connection on purpose.
    Dismissed {
        reason: String,
    },
    Other,
}

/// Prepares a connection; it is made when the event loop is polled.
///
/// # Errors
/// A certificate or key cannot be read.
pub fn connect(login: &Login) -> Result<(Client, EventLoop), LoginError> {
    let transport = transport(login)?;
    Ok(match login.version {
        MqttVersion::V5 => {
            let mut o = v5::MqttOptions::new(&login.client_id, &login.host, login.port);
            o.set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_start(false)
                .set_manual_acks(true)
                .set_connect_properties(v5::mqttbytes::v5::ConnectProperties {
                    session_expiry_interval: Some(SESSION_EXPIRY_S),
                    receive_maximum: Some(RECEIVE_MAXIMUM),
                    max_packet_size: Some(MAX_PACKET_BYTES),
                    ..v5::mqttbytes::v5::ConnectProperties::new()
                });
            if let Some(username) = &login.username {
                o.set_credentials(username, login.password.as_deref().unwrap_or(""));
            }
            o.set_network_options(network());
            let (client, event_loop) = v5::AsyncClient::new(o, REQUESTS);
            (Client::V5(client), EventLoop::V5(Box::new(event_loop)))
        }
        MqttVersion::V311 => {
            let mut o = rumqttc::MqttOptions::new(&login.client_id, &login.host, login.port);
            o.set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_session(false)
                .set_manual_acks(true)
                .set_max_packet_size(MAX_PACKET_BYTES as usize, MAX_PACKET_BYTES as usize);
            if let Some(username) = &login.username {
                o.set_credentials(username, login.password.as_deref().unwrap_or(""));
            }
            let (client, mut event_loop) = rumqttc::AsyncClient::new(o, REQUESTS);
            event_loop.set_network_options(network());
            (Client::V311(client), EventLoop::V311(Box::new(event_loop)))
        }
    })
}

/// An ack must not wait for more to send (Nagle): it opens the broker's window.
fn network() -> rumqttc::NetworkOptions {
    let mut options = rumqttc::NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

fn transport(login: &Login) -> Result<Transport, LoginError> {
    if !login.tls {
        return Ok(Transport::tcp());
    }
    let read = |field: &'static str, path: &str| {
        std::fs::read(path).map_err(|e| LoginError {
            broker: login.broker.clone(),
            field,
            message: format!("{path} cannot be read: {e}"),
        })
    };
    let client_auth = match (&login.cert_file, &login.key_file) {
        (Some(cert), Some(key)) => Some((read("cert_file", cert)?, read("key_file", key)?)),
        (None, None) => None,
        _ => {
            return Err(LoginError {
                broker: login.broker.clone(),
                field: "cert_file",
                message: "cert_file and key_file are only used together".into(),
            });
        }
    };
    let configuration = match (&login.ca_file, client_auth) {
        (Some(ca), client_auth) => {
            TlsConfiguration::Simple { ca: read("ca_file", ca)?, alpn: None, client_auth }
        }
        (None, None) => TlsConfiguration::default(),
        (None, Some(_)) => {
            return Err(LoginError {
                broker: login.broker.clone(),
                field: "ca_file",
                message: "a client certificate needs ca_file, the authority of the broker's own".into(),
            });
        }
    };
    Ok(Transport::tls_with_config(configuration))
}

impl Client {
    /// Asks for a subscription; whether there was room for the request.
    pub fn try_subscribe(&self, filter: &str, qos: u8) -> bool {
        match self {
            Client::V5(c) => {
                let qos =
                    if qos == 0 { v5::mqttbytes::QoS::AtMostOnce } else { v5::mqttbytes::QoS::AtLeastOnce };
                c.try_subscribe(filter, qos).is_ok()
            }
            Client::V311(c) => {
                let qos = if qos == 0 { rumqttc::QoS::AtMostOnce } else { rumqttc::QoS::AtLeastOnce };
                c.try_subscribe(filter, qos).is_ok()
            }
        }
    }

    /// Ends a subscription; whether there was room for the request.
    pub fn try_unsubscribe(&self, filter: &str) -> bool {
        match self {
            Client::V5(c) => c.try_unsubscribe(filter).is_ok(),
            Client::V311(c) => c.try_unsubscribe(filter).is_ok(),
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

    /// Says good-bye; the session and what it holds stay at the broker.
    pub fn try_disconnect(&self) -> bool {
        match self {
            Client::V5(c) => c.try_disconnect().is_ok(),
            Client::V311(c) => c.try_disconnect().is_ok(),
        }
    }
}

impl EventLoop {
    /// Takes back the acks that were asked for and have not left.
    pub fn drop_acks(&mut self) {
        match self {
            EventLoop::V5(l) => l.clean(),
            EventLoop::V311(l) => l.clean(),
        }
    }

    /// Waits for the next event; connects when there is no connection.
    ///
    /// # Errors
    /// The connection is lost or cannot be made, in words; poll again after a pause.
    pub async fn poll(&mut self) -> Result<Event, String> {
        match self {
            EventLoop::V5(l) => l.poll().await.map(v5_event).map_err(|e| e.to_string()),
            EventLoop::V311(l) => l.poll().await.map(v311_event).map_err(|e| e.to_string()),
        }
    }
}

fn v5_event(event: v5::Event) -> Event {
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    match event {
        v5::Event::Incoming(Packet::Publish(p)) => {
            Event::Message { topic: p.topic, payload: p.payload, qos: p.qos as u8, packet_id: p.pkid }
        }
        v5::Event::Incoming(Packet::ConnAck(ack)) => {
            Event::Connected { session_present: ack.session_present }
        }
        v5::Event::Incoming(Packet::SubAck(ack)) => {
            let granted = match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(*qos as u8),
                Some(code) => Err(format!("{code:?}")),
                None => Err("no reason given".into()),
            };
            Event::Subscribed { packet_id: ack.pkid, granted }
        }
        v5::Event::Incoming(Packet::Disconnect(d)) => {
            Event::Dismissed { reason: format!("{:?}", d.reason_code) }
        }
        v5::Event::Outgoing(rumqttc::Outgoing::Subscribe(packet_id)) => Event::Subscribing { packet_id },
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
            Event::Subscribed { packet_id: ack.pkid, granted }
        }
        rumqttc::Event::Incoming(Packet::Disconnect) => Event::Dismissed { reason: "no reason given".into() },
        rumqttc::Event::Outgoing(rumqttc::Outgoing::Subscribe(packet_id)) => Event::Subscribing { packet_id },
        rumqttc::Event::Outgoing(rumqttc::Outgoing::Disconnect) => Event::Left,
        _ => Event::Other,
    }
}
