//! Published messages go to the ingest first, then to other subscribers.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ingest::inlet::{Admission, Inlet, OnStored};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::{BrokerEventHandler, ClientPublishEvent, PublishAction, RetainedSetEvent};
use mqtt5::packet::publish::PublishPacket;
use tokio::sync::mpsc;

use super::clients::{Clients, Connection};
use super::metrics::{BrokerMetrics, Refusal};
use super::retained::Retained;

/// Receives the topic of every published message, granted or not, that no feed reads.
pub type OnUnread = Arc<dyn Fn(&str) + Send + Sync>;

/// What the broker library waits for.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// See the module's description.
#[derive(Clone)]
pub struct Intake {
    pub inlet: Arc<Inlet>,
    pub clients: Arc<Clients>,
    pub on_unread: OnUnread,
    pub retained: Arc<Retained>,
    pub meters: Arc<BrokerMetrics>,
}

/// An acknowledgement that is held back, until it is released.
#[derive(Clone)]
struct Held {
    connections: Vec<Arc<Connection>>,
    /// None with QoS 0.
    packet_id: Option<u16>,
}

impl Held {
    fn new(connections: Vec<Arc<Connection>>, packet_id: Option<u16>) -> Self {
        if let Some(id) = packet_id {
            connections.iter().for_each(|connection| connection.hold(id));
        }
        Held { connections, packet_id }
    }

    fn release(&self) {
        if let Some(id) = self.packet_id {
            self.connections.iter().for_each(|connection| connection.release(id));
        }
    }
}

impl Intake {
    /// The message as it is delivered and not retained, where it is too large, or there are as many as there may be. Of its
    /// properties only those of a request are known here.
    async fn unless_retained(&self, event: &ClientPublishEvent) -> Option<PublishPacket> {
        let user = event.user_id.as_deref();
        let is_to_be_kept = event.retain && !event.payload.is_empty();
        if !is_to_be_kept || self.retained.claim(user, &event.topic, event.payload.len()).await {
            return None;
        }
        if let Some(connection) = self.clients.by_id(&event.client_id).last() {
            self.meters.refused(Refusal::TooManyRetained, connection.address);
        }
        let mut packet = PublishPacket::new(&*event.topic, event.payload.clone(), event.qos);
        packet.packet_id = event.packet_id;
        if let Some(topic) = &event.response_topic {
            packet.properties.set_response_topic(topic.to_string());
        }
        if let Some(data) = &event.correlation_data {
            packet.properties.set_correlation_data(data.clone());
        }
        packet.properties.inject_sender(user);
        packet.properties.inject_client_id(Some(&event.client_id));
        Some(packet)
    }

    async fn publish(&self, event: ClientPublishEvent) {
        // On all of them: which one the acknowledgement takes is not known here.
        let connections = self.clients.by_id(&event.client_id);
        let last = connections.last().cloned();
        let held = Held::new(connections, event.packet_id);
        let bytes = event.payload.len();
        let on_stored: OnStored = Box::new({
            let held = held.clone();
            move || held.release()
        });
        match self.inlet.take(&event.topic, event.payload, event.qos as u8, on_stored).await {
            Admission::Accepted => {}
            Admission::Rejected => {
                if let Some(pace) = last.as_ref().and_then(|connection| connection.pace.as_ref()) {
                    pace.rejected(bytes);
                }
            }
            Admission::Unread => {
                (self.on_unread)(&event.topic);
                held.release();
            }
        }
    }
}

impl BrokerEventHandler for Intake {
    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> BoxFuture<'a, PublishAction> {
        Box::pin(async move {
            let delivered = self.unless_retained(&event).await;
            self.publish(event).await;
            delivered.map_or(PublishAction::Continue, PublishAction::Transform)
        })
    }

    fn on_retained_set<'a>(&'a self, event: RetainedSetEvent) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.retained.noted(&event.topic, event.cleared).await })
    }
}

/// Offers retained messages to feeds that are new, as a broker does at a subscription, until the ingest ends.
pub async fn offer_retained(
    inlet: Arc<Inlet>,
    router: Arc<MessageRouter>,
    mut filters: mpsc::UnboundedReceiver<String>,
) {
    while let Some(filter) = filters.recv().await {
        for message in router.get_retained_messages(&filter).await {
            let payload = Bytes::copy_from_slice(&message.payload);
            inlet.take(&message.topic_name, payload, 0, Box::new(|| ())).await;
        }
    }
}
