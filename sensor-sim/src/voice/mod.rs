//! Who says what how: from what happens to the messages of the feed that reports it.

mod parking;
mod radio;
mod transit;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::county::{BaySource, County};
use crate::encode::FrameKind;
use crate::encode::native::{self, Element, Observation};
use crate::message::{Message, Statement};
use crate::world::{Cause, Event};
use radio::Radios;

/// A feed that collects its observations sends them so often, seconds; or when there are so many.
const BATCH_S: i64 = 2;
const BATCH_ELEMENTS: usize = 500;

/// Speaks for all feeds of a county: it keeps their counters and what they collect.
#[derive(Debug)]
pub struct Voice {
    county: Arc<County>,
    radios: Radios,
    /// The last `seq` of each native bay and of each site.
    bay_seq: Vec<u64>,
    site_seq: Vec<u64>,
    batches: BTreeMap<usize, Batch>,
}

#[derive(Debug)]
struct Batch {
    due: Timestamp,
    elements: Vec<Element>,
    says: Vec<Statement>,
}

impl Voice {
    /// `seed` decides what the county does not: radio noise, session keys, message ids.
    pub fn new(county: Arc<County>, seed: u64) -> Self {
        Self {
            radios: Radios::new(&county, seed),
            bay_seq: vec![0; county.bays.len()],
            site_seq: vec![0; county.sites.len()],
            batches: BTreeMap::new(),
            county,
        }
    }

    /// The messages that are due at `at`, when `event` happens.
    ///
    /// `stamp` is what the clock of the device shows: `at`, unless that clock is wrong.
    pub fn speak(&mut self, at: Timestamp, stamp: Timestamp, event: &Event) -> Vec<Message> {
        let mut messages = self.due_batches(at);
        match event {
            Event::Bay { bay, occupied, cause } => match self.county.bays[*bay].source {
                BaySource::Native(feed) => {
                    let (element, says) = self.native_bay(*bay, stamp, *occupied);
                    messages.extend(self.native(feed, at, element, says));
                }
                BaySource::Sensor(sensor) => {
                    let kind = match cause {
                        Cause::Change => FrameKind::Change,
                        Cause::Heartbeat => FrameKind::Heartbeat,
                        // Some were switched on just now, the others send a sign of life.
                        Cause::Start if sensor.is_multiple_of(10) => FrameKind::StartUp,
                        Cause::Start => FrameKind::Heartbeat,
                    };
                    messages.push(self.radios.state(&self.county, sensor, at, stamp, kind, *occupied));
                }
            },
            Event::Site { site, .. } | Event::Gate { site, .. } => {
                if let Some(counted) = &self.county.sites[*site].counted {
                    let (feed, style) = (counted.feed, counted.style);
                    let (element, says) = self.native_site(*site, style, stamp, event);
                    messages.extend(self.native(feed, at, element, says));
                }
            }
            Event::Vehicle(report) => messages.extend(self.vehicle(at, stamp, report)),
            Event::Passengers { report, doors } => messages.extend(self.passengers(at, stamp, report, doors)),
            Event::Device { sensor, what } => {
                messages.push(self.radios.device(&self.county, *sensor, at, stamp, *what));
            }
        }
        messages
    }

    /// What has been collected and not been sent, at the end.
    pub fn flush(&mut self, at: Timestamp) -> Vec<Message> {
        for batch in self.batches.values_mut() {
            batch.due = at;
        }
        self.due_batches(at)
    }

    /// Sends a native observation, or keeps it for the feed's next batch.
    fn native(&mut self, feed: usize, at: Timestamp, element: Element, says: Statement) -> Option<Message> {
        let entry = &self.county.feeds[feed];
        if !entry.batch {
            let (topic, payload) = native::single(&entry.id, &element);
            return Some(Message { topic, payload, intended_utc: at, says: vec![says] });
        }
        let due = at.checked_add(jiff::SignedDuration::from_secs(BATCH_S)).unwrap_or(at);
        let batch =
            self.batches.entry(feed).or_insert_with(|| Batch { due, elements: Vec::new(), says: Vec::new() });
        batch.elements.push(element);
        batch.says.push(says);
        if batch.elements.len() < BATCH_ELEMENTS {
            return None;
        }
        self.batches.remove(&feed).map(|batch| batch.message(&entry.id, at))
    }

    fn due_batches(&mut self, at: Timestamp) -> Vec<Message> {
        let due: Vec<usize> =
            self.batches.iter().filter(|(_, b)| b.due <= at).map(|(feed, _)| *feed).collect();
        due.into_iter()
            .filter_map(|feed| Some(self.batches.remove(&feed)?.message(&self.county.feeds[feed].id, at)))
            .collect()
    }
}

impl Batch {
    fn message(self, feed: &str, at: Timestamp) -> Message {
        let (topic, payload) = native::batch(feed, &self.elements);
        Message { topic, payload, intended_utc: at, says: self.says }
    }
}

fn element(kind: &str, id: &str, observation: Observation) -> Element {
    Element { topic: format!("{kind}/{id}"), observation }
}
