//! Native observations: each a message of its own, or collected into the feed's `batch`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::county::County;
use crate::encode::native::{self, Element, Observation};
use crate::message::{Message, Statement};

/// A feed that collects its observations sends them so often; or when there are so many.
const BATCH_EVERY: SignedDuration = SignedDuration::from_secs(2);
const BATCH_ELEMENTS: usize = 500;

/// What feeds have collected, by feed.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: BTreeMap<usize, Batch>,
}

#[derive(Debug)]
struct Batch {
    due: Timestamp,
    elements: Vec<Element>,
    says: Vec<Statement>,
}

impl Batches {
    /// Sends an observation, or keeps it for the feed's next batch.
    pub(super) fn take(
        &mut self,
        county: &County,
        feed: usize,
        at: Timestamp,
        element: Element,
        says: Statement,
    ) -> Option<Message> {
        let entry = &county.feeds[feed];
        if !entry.batch {
            let (topic, payload) = native::single(&entry.id, &element);
            return Some(Message { topic, payload, intended_utc: at, says: vec![says] });
        }
        let due = at.checked_add(BATCH_EVERY).unwrap_or(at);
        let batch =
            self.open.entry(feed).or_insert_with(|| Batch { due, elements: Vec::new(), says: Vec::new() });
        batch.elements.push(element);
        batch.says.push(says);
        if batch.elements.len() < BATCH_ELEMENTS {
            return None;
        }
        self.open.remove(&feed).map(|batch| batch.message(&entry.id, at))
    }

    /// The batches whose time has come.
    pub(super) fn due(&mut self, county: &County, at: Timestamp) -> Vec<Message> {
        let due: Vec<usize> = self.open.iter().filter(|(_, b)| b.due <= at).map(|(feed, _)| *feed).collect();
        due.into_iter()
            .filter_map(|feed| Some(self.open.remove(&feed)?.message(&county.feeds[feed].id, at)))
            .collect()
    }

    /// All batches, due or not.
    pub(super) fn all(&mut self, county: &County, at: Timestamp) -> Vec<Message> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|(feed, batch)| batch.message(&county.feeds[feed].id, at)).collect()
    }
}

impl Batch {
    fn message(self, feed: &str, at: Timestamp) -> Message {
        let (topic, payload) = native::batch(feed, &self.elements);
        Message { topic, payload, intended_utc: at, says: self.says }
    }
}

/// An observation with the end of its topic.
pub(super) fn element(kind: &str, id: &str, observation: Observation) -> Element {
    Element { topic: format!("{kind}/{id}"), observation }
}
