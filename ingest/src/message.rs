//! A message, and what became of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{Reason, UtcMicros};

use crate::decode::Dropped;

/// A message as it arrived. The bytes are those of the network buffer.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The topic.
    pub topic: Bytes,
    /// The bytes as they came.
    pub payload: Bytes,
    /// Quality of service: 0, or 1 for more.
    pub qos: u8,
    /// When it reached us.
    pub received_at: UtcMicros,
}

impl Arrived {
    /// Its topic; what is no UTF-8 in it is replaced.
    pub(crate) fn topic(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.topic)
    }

    /// Itself, with what [`Arrived::topic`] returned.
    pub(crate) fn with<'a>(&'a self, topic: &'a str) -> Message<'a> {
        Message { topic, payload: &self.payload, qos: self.qos, received_at: self.received_at }
    }

    /// Its size, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// Whether `other` is this very message, not an equal one.
    pub(crate) fn is(&self, other: &Arrived) -> bool {
        self.payload.as_ptr() == other.payload.as_ptr() && self.topic.as_ptr() == other.topic.as_ptr()
    }
}

/// A received message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The bytes as they came.
    pub payload: &'a [u8],
    /// Quality of service: 0, or 1 for more.
    pub qos: u8,
    /// When it reached us.
    pub received_at: UtcMicros,
}

/// The result of a message, for the counters.
#[derive(Debug, Default, PartialEq)]
pub struct Received {
    /// The numbers of rejected elements, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Fields without which it was accepted.
    pub dropped: Vec<Dropped>,
    /// It carries nothing for us and is no fault: e.g. a command to the network server.
    pub is_ignored: bool,
    /// Reports of trips that say nothing new.
    pub unchanged_trips: usize,
    /// Alerts that are as they were.
    pub unchanged_alerts: usize,
    /// Fields that are known and not read.
    pub ignored_fields: Vec<&'static str>,
}
