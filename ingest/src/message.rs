//! A message, and what became of it.

use std::collections::BTreeMap;

use domain::{Reason, UtcMicros};

use crate::decode::Dropped;

/// A received message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: u8,
    pub received_at: UtcMicros,
}

/// The result of a message, for the counters.
#[derive(Debug, Default, PartialEq)]
pub struct Received {
    /// The numbers of rejected elements, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Fields without which it was taken.
    pub dropped: Vec<Dropped>,
    /// It carries nothing for us and is no fault: e.g. a command to the network server.
    pub is_ignored: bool,
}
