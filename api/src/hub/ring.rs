//! The last events, rendered once for all clients.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::filter::{Filter, Topic};
use super::snapshot::Covered;

/// Events kept for clients that lag or come back. At about 350 bytes each some 12 MB when full;
/// at 10,000 events a second three seconds, in a usual county many minutes.
pub const RING_EVENTS: usize = 32_768;

/// Events looked at in one go, so that a client that catches up does not hold the ring for long.
const READ_EVENTS: usize = 1_024;

/// A rendered event.
pub(super) struct Event {
    /// Its position in this process's stream of events, from 1.
    pub position: u64,
    pub topic: Topic,
    /// The text id of what it is about.
    pub key: Box<str>,
    pub bytes: Bytes,
    /// Of what moved: the event for clients whose box holds only the old position.
    pub left: Option<(Topic, Bytes)>,
}

pub(super) struct Ring {
    events: VecDeque<Event>,
    capacity: usize,
    /// Position of the newest event that is no longer kept.
    forgotten: u64,
}

/// What a client gets to read.
#[derive(Debug, PartialEq)]
pub enum Read {
    /// Events up to a position; the bytes are empty when none was for this client.
    Events(Bytes, u64),
    /// The client has fallen too far behind.
    FellOut,
}

impl Ring {
    /// Keeps so many events.
    pub fn new(capacity: usize) -> Self {
        Ring { events: VecDeque::new(), capacity, forgotten: 0 }
    }

    /// Adds the newest event.
    pub fn push(&mut self, event: Event) {
        if self.events.len() == self.capacity
            && let Some(oldest) = self.events.pop_front()
        {
            self.forgotten = oldest.position;
        }
        self.events.push_back(event);
    }

    /// Whether a client that has seen everything up to `position` can go on from there.
    pub fn reaches(&self, position: u64) -> bool {
        let newest = self.events.back().map_or(self.forgotten, |e| e.position);
        (self.forgotten..=newest).contains(&position)
    }

    /// What comes after `position` for a client that was shown what `seen` covers.
    pub fn read_after(&self, position: u64, filter: &Filter, seen: &Covered) -> Read {
        if position < self.forgotten {
            return Read::FellOut;
        }
        let start = self.events.partition_point(|e| e.position <= position);
        let mut out = BytesMut::new();
        let mut reached = position;
        for event in self.events.iter().skip(start).take(READ_EVENTS) {
            reached = event.position;
            if seen.has(event.topic.kind, &event.key, event.position) {
                continue;
            }
            if filter.admits(&event.topic) {
                out.extend_from_slice(&event.bytes);
            } else if let Some((_, bytes)) = event.left.as_ref().filter(|(topic, _)| filter.admits(topic)) {
                out.extend_from_slice(bytes);
            }
        }
        Read::Events(out.freeze(), reached)
    }
}
