//! A short visit to a broker, to listen or to publish. No session stays behind: a broker would hold messages for it.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::task::AbortOnDropHandle;

use super::wire::OUTGOING;
use super::{Client, Event, EventLoop, Login, SessionKind, connect};

/// Messages that may wait for whoever listens; the largest have 16 MiB.
const WAITING: usize = 16;

/// A broker delivers with the lower one of a message's own and the subscription's.
const HIGHEST_QOS: u8 = 2;

/// How long a broker may take to let us in, and to answer a subscription.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_secs(1);

/// How long a broker may take to acknowledge a message.
const ACKNOWLEDGES_WITHIN: Duration = Duration::from_secs(30);

/// Why a visit ended, or did not begin: the reason in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// What is to be listened to is none.
    #[error("'{0}' is no topic filter: '+' and '#' stand alone between slashes, and '#' at the end only")]
    Filter(String),
    /// It is not reached, or lets nobody in.
    #[error("no connection to {0}: {1}")]
    Connection(String, String),
    /// It does not let us listen.
    #[error("{0} refuses the subscription to '{1}': {2}")]
    Subscription(String, String, String),
    /// It does not take a message.
    #[error("{0} did not take a message on '{1}': {2}")]
    Message(String, String, String),
}

/// A message as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The topic.
    pub topic: Bytes,
    /// The bytes as they came.
    pub payload: Bytes,
    /// Quality of service with which it was delivered.
    pub qos: u8,
    /// The broker had kept it from before the subscription.
    pub retain: bool,
}

/// What a listener gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A message.
    Message(Heard),
    /// The connection was lost, for this reason; it is being made again. What is published meanwhile is not heard.
    Lost(String),
}

/// Listens on one topic filter.
pub struct Listener {
    incidents: async_channel::Receiver<Incident>,
    _task: AbortOnDropHandle<()>,
}

impl Listener {
    /// Connects and subscribes, with QoS 2, so that each message comes with its own. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// `filter` is none; the broker is not reached within 15 s, or refuses.
    pub async fn open(login: Login, filter: &str) -> Result<Self, VisitError> {
        if !rumqttc::valid_filter(filter) {
            return Err(VisitError::Filter(filter.to_owned()));
        }
        let name = format!("{login:?}");
        let failed = |reason: String| VisitError::Connection(name.clone(), reason);
        let (client, mut events) = connect(login, SessionKind::Passing).map_err(|e| failed(e.to_string()))?;
        let first = async {
            loop {
                match events.poll().await.map_err(failed)? {
                    Event::Connected { .. } => {
                        client.try_subscribe(filter, HIGHEST_QOS);
                    }
                    Event::Subscribed { granted: Ok(_) } => return Ok(()),
                    Event::Subscribed { granted: Err(reason) } => {
                        return Err(VisitError::Subscription(name.clone(), filter.to_owned(), reason));
                    }
                    Event::Dismissed { reason } => return Err(failed(reason)),
                    _ => {}
                }
            }
        };
        within(ANSWERS_WITHIN, first)
            .await
            .unwrap_or_else(|| Err(failed("it does not answer".to_owned())))?;
        let (sender, incidents) = async_channel::bounded(WAITING);
        let task = listen(client, events, filter.to_owned(), sender);
        Ok(Listener { incidents, _task: AbortOnDropHandle::new(tokio::spawn(task)) })
    }

    /// Waits for the next message. Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Incident {
        self.incidents.recv().await.unwrap_or_else(|_| Incident::Lost("it is over".to_owned()))
    }
}

async fn listen(client: Client, mut events: EventLoop, filter: String, to: async_channel::Sender<Incident>) {
    let mut is_lost = false;
    loop {
        let incident = match events.poll().await {
            Ok(Event::Message { topic, payload, qos, retain, .. }) => {
                Incident::Message(Heard { topic, payload, qos, retain })
            }
            Ok(Event::Connected { .. }) => {
                is_lost = false;
                client.try_subscribe(&filter, HIGHEST_QOS);
                continue;
            }
            Ok(_) => continue,
            Err(reason) => {
                events.drop_requests();
                let is_news = !std::mem::replace(&mut is_lost, true);
                if is_news && to.send(Incident::Lost(reason)).await.is_err() {
                    return;
                }
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        if to.send(incident).await.is_err() {
            return;
        }
    }
}

/// Publishes messages, one after the other, at most 16 without acknowledgement.
pub struct Publisher {
    name: String,
    client: Client,
    events: async_channel::Receiver<Result<Event, String>>,
    /// Messages that the broker has not acknowledged yet.
    owed: u16,
    _task: AbortOnDropHandle<()>,
}

impl Publisher {
    /// Connects. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The broker is not reached within 15 s, or lets nobody in.
    pub async fn open(login: Login) -> Result<Self, VisitError> {
        let name = format!("{login:?}");
        let failed = |reason: String| VisitError::Connection(name.clone(), reason);
        let (client, mut events) = connect(login, SessionKind::Passing).map_err(|e| failed(e.to_string()))?;
        let first = async {
            while !matches!(events.poll().await.map_err(failed)?, Event::Connected { .. }) {}
            Ok(())
        };
        within(ANSWERS_WITHIN, first)
            .await
            .unwrap_or_else(|| Err(failed("it does not answer".to_owned())))?;
        // The connection must be served while nobody publishes.
        let (sender, receiver) = async_channel::bounded(WAITING);
        let task = async move {
            loop {
                let event = events.poll().await;
                let is_over = event.is_err() || matches!(event, Ok(Event::Left));
                let is_wanted = !matches!(event, Ok(Event::Other));
                if (is_wanted && sender.send(event).await.is_err()) || is_over {
                    return;
                }
            }
        };
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        Ok(Publisher { name, client, events: receiver, owed: 0, _task: task })
    }

    /// Sends a message: returns when it has left, and fewer than 16 wait for their acknowledgement.
    ///
    /// # Errors
    /// The connection is lost, or the broker refuses the message or an earlier one.
    pub async fn publish(
        &mut self,
        topic: &str,
        payload: Bytes,
        qos: u8,
        retain: bool,
    ) -> Result<(), VisitError> {
        if !self.client.try_publish(topic, payload, qos, retain) {
            return Err(self.refused(topic, "the topic has wildcards, or is empty"));
        }
        self.owed += u16::from(qos > 0);
        let mut has_left = false;
        while !has_left || self.owed >= OUTGOING {
            has_left |= self.event(topic).await?;
        }
        Ok(())
    }

    /// Waits until all is acknowledged, and leaves.
    ///
    /// # Errors
    /// As for [`Publisher::publish`].
    pub async fn finish(mut self) -> Result<(), VisitError> {
        while self.owed > 0 {
            self.event("").await?;
        }
        self.client.try_disconnect();
        while let Some(Ok(Ok(event))) = within(ANSWERS_WITHIN, self.events.recv()).await {
            if matches!(event, Event::Left) {
                break;
            }
        }
        Ok(())
    }

    /// Takes in what happened next; whether a message has left.
    async fn event(&mut self, topic: &str) -> Result<bool, VisitError> {
        let lost = |reason: String| VisitError::Connection(self.name.clone(), reason);
        let Some(event) = within(ACKNOWLEDGES_WITHIN, self.events.recv()).await else {
            return Err(self.refused(topic, "no acknowledgement comes"));
        };
        match event.unwrap_or_else(|_| Err("it is over".to_owned())).map_err(lost)? {
            Event::Sent => return Ok(true),
            Event::Published { accepted } => {
                accepted.map_err(|reason| self.refused(topic, &reason))?;
                self.owed = self.owed.saturating_sub(1);
            }
            Event::Dismissed { reason } => return Err(lost(reason)),
            _ => {}
        }
        Ok(false)
    }

    fn refused(&self, topic: &str, reason: &str) -> VisitError {
        VisitError::Message(self.name.clone(), topic.to_owned(), reason.to_owned())
    }
}

/// `None`: it takes longer.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_topic_filter_is_named_and_nobody_is_connected_to() {
        let nobody = Login::from_url("b", "mqtt://127.0.0.1:1", "id").unwrap();
        for filter in ["a/#/b", "a+", "a/b#", ""] {
            let error = Listener::open(nobody.clone(), filter).await.err().unwrap();
            assert_eq!(error, VisitError::Filter(filter.to_owned()));
        }
        assert!(matches!(Listener::open(nobody, "a/+/#").await.err(), Some(VisitError::Connection(..))));
    }
}
