//! Rows that wait to be stored, with the messages that they come from: data that the database refuses goes
//! to quarantine as the original message, so that it can be replayed.

use std::sync::Arc;

use domain::{FeedId, Reason};
use store::writer::{Batch, Lens, Part};

use crate::message::Arrived;
use crate::tally::Tally;

/// A message that is kept until its rows are stored.
#[derive(Debug, Clone)]
pub struct Source {
    pub feed: FeedId,
    pub message: Arrived,
    /// Where it is counted what becomes of it; `None`: nobody asks.
    pub(crate) tally: Option<Arc<Tally>>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub struct Pending {
    pub batch: Batch,
    /// Messages in the order of their rows, each with where its rows end.
    sources: Vec<(Source, Lens)>,
}

impl Pending {
    /// Lets `fill` add the rows of a message.
    pub fn add<R>(&mut self, source: Option<Source>, fill: impl FnOnce(&mut Batch) -> R) -> R {
        let before = self.batch.len();
        let result = fill(&mut self.batch);
        if self.batch.len() > before
            && let Some(source) = source
        {
            self.sources.push((source, self.batch.lens()));
        }
        result
    }

    /// Moves the rows of `other` here.
    pub fn append(&mut self, other: &mut Pending) {
        let base = self.batch.lens();
        self.batch.append(&mut other.batch);
        let after = |ends: Lens| std::array::from_fn(|kind| base[kind] + ends[kind]);
        let moved = other.sources.drain(..).map(|(source, ends)| (source, after(ends)));
        self.sources.extend(moved);
    }

    /// The messages of which somebody asks what becomes of them, and where their rows are.
    pub(crate) fn tallied(&self) -> Vec<(&Tally, Part)> {
        let starts = std::iter::once(Lens::default()).chain(self.sources.iter().map(|(_, ends)| *ends));
        let parts = starts
            .zip(&self.sources)
            .filter_map(|(from, (source, ends))| Some((source.tally.as_deref()?, Part { from, to: *ends })));
        parts.collect()
    }

    /// The message of all rows, if they have one in common.
    pub fn source(&self) -> Option<&Source> {
        self.sources.first().map(|(source, _)| source)
    }

    /// Where all rows come from one message: marks its frame as rejected, since the database refuses
    /// a row.
    pub fn note_refusal(&mut self) {
        if self.sources.len() == 1 {
            let outcome = format!("rejected:{}", Reason::Malformed);
            self.batch.uplinks.iter_mut().for_each(|uplink| uplink.outcome.clone_from(&outcome));
        }
    }

    /// The second half: of the messages, or of the rows of the only one. `None` when there is just one
    /// row.
    pub fn split(&mut self) -> Option<Pending> {
        if self.sources.len() > 1 {
            let middle = self.sources.len() / 2;
            let at = self.sources[middle - 1].1;
            let batch = self.batch.split_off(at);
            let rest = self.sources.split_off(middle);
            let from = |ends: Lens| std::array::from_fn(|kind| ends[kind] - at[kind]);
            let sources = rest.into_iter().map(|(source, ends)| (source, from(ends))).collect();
            return Some(Pending { batch, sources });
        }
        if self.batch.len() < 2 {
            return None;
        }
        let at = first_half(self.batch.lens());
        let batch = self.batch.split_off(at);
        let sources = self.sources.iter().map(|(source, _)| (source.clone(), batch.lens())).collect();
        self.sources.iter_mut().for_each(|(_, ends)| *ends = at);
        Some(Pending { batch, sources })
    }
}

/// Rows that come from no message.
impl From<Batch> for Pending {
    fn from(batch: Batch) -> Self {
        Pending { batch, sources: Vec::new() }
    }
}

/// The first half of so many rows, in the order of the kinds.
fn first_half(lens: Lens) -> Lens {
    let mut left = lens.iter().sum::<usize>() / 2;
    lens.map(|n| {
        let part = n.min(left);
        left -= part;
        part
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::{MunicipalityId, Rejection, UtcMicros};
    use testing::observed::rejection;

    use super::*;

    fn row(message: usize) -> Rejection {
        let row = rejection(MunicipalityId(1), FeedId(1), Reason::Malformed, UtcMicros(0));
        Rejection { topic: message.to_string(), ..row }
    }

    fn source(message: usize) -> Source {
        let topic = message.to_string().into();
        let message = Arrived { topic, payload: Bytes::new(), qos: 1, received_at: UtcMicros(0) };
        Source { feed: FeedId(1), message, tally: None }
    }

    fn assert_rows_fit(pending: &Pending) {
        let mut begin = Batch::default().lens();
        for (source, ends) in &pending.sources {
            let rows = &pending.batch.rejections[begin[6]..ends[6]];
            assert!(!rows.is_empty() && rows.iter().all(|r| r.topic.as_bytes() == source.message.topic));
            begin = *ends;
        }
        assert_eq!(begin, pending.batch.lens());
    }

    #[test]
    fn every_row_stays_with_its_message_down_to_single_rows() {
        let (mut pending, mut second) = (Pending::default(), Pending::default());
        for message in 0..40 {
            let part = if message < 25 { &mut pending } else { &mut second };
            part.add(Some(source(message)), |b| b.rejections.extend((0..message % 5).map(|_| row(message))));
        }
        pending.append(&mut second);
        let (mut waiting, mut singles) = (vec![pending], Vec::new());
        while let Some(mut pending) = waiting.pop() {
            assert_rows_fit(&pending);
            match pending.split() {
                Some(rest) => waiting.extend([rest, pending]),
                None => singles.push(pending.batch.rejections[0].topic.clone()),
            }
        }
        let expected: Vec<String> = (0..40).flat_map(|m| vec![m.to_string(); m % 5]).collect();
        assert_eq!(singles, expected);
    }
}
