//! An MQTT 5 publisher that loses nothing: QoS 1, and what was not acknowledged goes out again
//! after every reconnect.
//!
//! The client library forgets its queue when a session is new, so each connection gets a fresh
//! client and the outstanding messages are kept here.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, Outgoing};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Messages on the wire without an acknowledgement. Brokers commonly grant 20 to 65,535; the
/// library takes the smaller of both.
const MAX_IN_FLIGHT: u16 = 1_024;
/// Messages given to the library at a time: above the window, so that the window decides.
const MAX_OUTSTANDING: usize = 2 * MAX_IN_FLIGHT as usize;
/// Larger than any payload of the contract (8 MiB) with its topic.
const MAX_PACKET_BYTES: u32 = 16 << 20;
/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How long the last acknowledgements are waited for.
const DRAIN: Duration = Duration::from_secs(5);

/// Where a broker is and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, String)>,
}

/// Not the address of an MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the address of a broker; write mqtt://[USER:PASSWORD@]HOST[:PORT]")]
pub struct NotABroker(String);

impl std::str::FromStr for Broker {
    type Err = NotABroker;

    /// Reads `mqtt://[USER:PASSWORD@]HOST[:PORT]`; user and password are percent-decoded.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        // The password must not appear in the error.
        let shown = || NotABroker(url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned());
        let rest = url.strip_prefix("mqtt://").ok_or_else(shown)?.trim_end_matches('/');
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login.split_once(':').ok_or_else(shown)?), address),
            None => (None, rest),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| shown())?),
            _ => (address, 1883),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(shown());
        }
        let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(shown()),
        };
        let login = match login {
            Some((user, password)) => Some((decoded(user)?, decoded(password)?)),
            None => None,
        };
        Ok(Broker { host: host.to_owned(), port, login })
    }
}

/// A message and its sender's tag.
#[derive(Debug, Clone)]
pub(crate) struct Outbound<T> {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) tag: T,
}

/// The figures of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) acknowledged: u64,
    /// Refused by the reason code: not authorised, quota exceeded.
    pub(crate) refused: u64,
    /// Sent again after a reconnect.
    pub(crate) repeated: u64,
    pub(crate) reconnects: u64,
    /// Given up at the end without an acknowledgement.
    pub(crate) unacknowledged: u64,
}

/// One connection to a broker with everything it still owes.
pub(crate) struct Publisher<T> {
    broker: Broker,
    client_id: String,
    inbox: mpsc::Receiver<Outbound<T>>,
    /// Given to the library, not yet on the wire, in order.
    queued: VecDeque<Outbound<T>>,
    /// On the wire, by packet id, with the order in which they went.
    in_flight: HashMap<u16, (u64, Outbound<T>)>,
    sent: u64,
    result: Delivered,
    online: watch::Sender<bool>,
}

impl<T> Publisher<T> {
    pub(crate) fn new(broker: Broker, client_id: String, inbox: mpsc::Receiver<Outbound<T>>) -> Self {
        Self {
            broker,
            client_id,
            inbox,
            queued: VecDeque::new(),
            in_flight: HashMap::new(),
            sent: 0,
            result: Delivered::default(),
            online: watch::Sender::new(false),
        }
    }

    /// Whether the broker has ever accepted us.
    pub(crate) fn online(&self) -> watch::Receiver<bool> {
        self.online.subscribe()
    }

    /// Publishes what comes in until the inbox closes and all is acknowledged, or until `cancel`
    /// and the time to drain. `acknowledged` is called for every message at its PUBACK.
    pub(crate) async fn run(
        mut self,
        cancel: CancellationToken,
        mut acknowledged: impl FnMut(&T),
    ) -> Delivered {
        let give_up = async {
            cancel.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        let mut give_up = pin!(give_up);
        loop {
            let done = tokio::select! {
                done = self.connection(&cancel, &mut acknowledged) => done,
                () = &mut give_up => true,
            };
            if done {
                break;
            }
            self.result.reconnects += 1;
            tokio::select! {
                () = tokio::time::sleep(RECONNECT_PAUSE) => {}
                () = cancel.cancelled() => break,
            }
        }
        self.result.unacknowledged = (self.queued.len() + self.in_flight.len()) as u64;
        self.result
    }

    /// One connection; `false` when it broke, `true` when there is nothing more to do: everything is
    /// delivered, or it is over before the broker answered.
    async fn connection(&mut self, cancel: &CancellationToken, acknowledged: &mut impl FnMut(&T)) -> bool {
        let (client, mut events) = self.client();
        let mut connected = false;
        // `poll` must not be dropped half-way: it is one future until it gives an event.
        let mut poll = Box::pin(events.poll());
        loop {
            let is_open = !self.inbox.is_closed() || !self.inbox.is_empty();
            let outstanding = self.queued.len() + self.in_flight.len();
            if connected && !is_open && outstanding == 0 {
                if client.try_disconnect().is_ok() {
                    drop(poll);
                    while events.poll().await.is_ok_and(|e| e != Event::Outgoing(Outgoing::Disconnect)) {}
                }
                return true;
            }
            tokio::select! {
                event = &mut poll => {
                    drop(poll);
                    match event {
                        Ok(event) => connected |= self.on_event(event, &client, acknowledged),
                        Err(error) => {
                            tracing::warn!(broker = %self.broker.host, port = self.broker.port, %error, "connection to the broker lost or refused; trying again");
                            self.take_back();
                            return false;
                        }
                    }
                    poll = Box::pin(events.poll());
                }
                () = cancel.cancelled(), if !connected => return true,
                message = self.inbox.recv(), if connected && is_open && outstanding < MAX_OUTSTANDING => {
                    if let Some(message) = message {
                        self.hand_over(message, &client);
                    }
                }
            }
        }
    }

    fn client(&self) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(&self.client_id, &self.broker.host, self.broker.port);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_start(true);
        options.set_max_packet_size(Some(MAX_PACKET_BYTES));
        options.set_outgoing_inflight_upper_limit(MAX_IN_FLIGHT);
        // Without it the last messages of a burst wait 40 ms for the kernel.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        if let Some((user, password)) = &self.broker.login {
            options.set_credentials(user, password);
        }
        AsyncClient::new(options, MAX_OUTSTANDING + 1)
    }

    /// Returns whether the connection is established by this event.
    fn on_event(&mut self, event: Event, client: &AsyncClient, acknowledged: &mut impl FnMut(&T)) -> bool {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.online.send_replace(true);
                for message in std::mem::take(&mut self.queued) {
                    self.result.repeated += 1;
                    self.hand_over(message, client);
                }
                return true;
            }
            Event::Outgoing(Outgoing::Publish(packet_id)) => {
                if let Some(message) = self.queued.pop_front() {
                    self.sent += 1;
                    self.in_flight.insert(packet_id, (self.sent, message));
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                if let Some((_, message)) = self.in_flight.remove(&ack.pkid) {
                    if matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
                        self.result.acknowledged += 1;
                        acknowledged(&message.tag);
                    } else {
                        self.result.refused += 1;
                        tracing::warn!(topic = %message.topic, reason = ?ack.reason, "the broker refuses a message");
                    }
                }
            }
            _ => {}
        }
        false
    }

    fn hand_over(&mut self, message: Outbound<T>, client: &AsyncClient) {
        let (topic, payload) = (message.topic.clone(), message.payload.clone());
        // The library's queue is larger than what is outstanding; a wrong topic is our own mistake.
        match client.try_publish(topic, QoS::AtLeastOnce, false, payload) {
            Ok(()) => self.queued.push_back(message),
            Err(error) => {
                self.result.refused += 1;
                tracing::error!(topic = %message.topic, %error, "message cannot be published");
            }
        }
    }

    /// After a broken connection: everything without an acknowledgement is to be sent again, in
    /// the order in which it was sent.
    fn take_back(&mut self) {
        let mut again: Vec<(u64, Outbound<T>)> = self.in_flight.drain().map(|(_, m)| m).collect();
        again.sort_by_key(|(order, _)| *order);
        for (_, message) in again.into_iter().rev() {
            self.queued.push_front(message);
        }
    }
}

#[cfg(test)]
mod tests;
