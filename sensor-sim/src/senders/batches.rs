//! Native observations: each a message of its own, or collected into the feed's `batch`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::clock::later;
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
    statements: Vec<Statement>,
}

impl Batches {
    /// Sends an observation, or keeps it for the feed's next batch.
    pub(super) fn add(
        &mut self,
        county: &County,
        feed: usize,
        at: Timestamp,
        element: Element,
        statement: Statement,
    ) -> Option<Message> {
        let entry = &county.feeds[feed];
        if !entry.batch {
            let (topic, payload) = native::single(&entry.id, &element);
            return Some(Message { topic, payload, intended_utc: at, statements: vec![statement] });
        }
        let due = later(at, BATCH_EVERY);
        let batch = self.open.entry(feed).or_insert_with(|| Batch {
            due,
            elements: Vec::new(),
            statements: Vec::new(),
        });
        batch.elements.push(element);
        batch.statements.push(statement);
        let is_full = batch.elements.len() >= BATCH_ELEMENTS;
        is_full.then(|| self.close(county, feed, at)).flatten()
    }

    /// The batches that are due by `until`.
    pub(super) fn due(&mut self, county: &County, until: Timestamp, at: Timestamp) -> Vec<Message> {
        let due: Vec<usize> =
            self.open.iter().filter(|(_, b)| b.due <= until).map(|(feed, _)| *feed).collect();
        due.into_iter().filter_map(|feed| self.close(county, feed, at)).collect()
    }

    fn close(&mut self, county: &County, feed: usize, at: Timestamp) -> Option<Message> {
        let Batch { elements, statements, .. } = self.open.remove(&feed)?;
        let (topic, payload) = native::batch(&county.feeds[feed].id, &elements);
        Some(Message { topic, payload, intended_utc: at, statements })
    }
}

/// An observation with the end of its topic.
pub(super) fn element(kind: &str, id: &str, observation: Observation) -> Element {
    Element { topic: format!("{kind}/{id}"), observation }
}
