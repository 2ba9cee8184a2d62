//! When nobody could have heard a device, whatever it sent: nothing ran here, or its feed did not come through.

use rustc_hash::FxHashMap;

use crate::closure::{NEVER, Spans};
use crate::ids::FeedId;
use crate::time::UtcMicros;

/// Pauses of our own that are kept, the newest.
const MOST_PAUSES: usize = 100;

/// Of a feed with fewer devices its silence is theirs: one that dies is the feed that falls silent.
const FEWEST_DEVICES: usize = 2;

/// A span in which nothing of a feed came through, by its [state](crate::feed_health::FeedState).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Which feed.
    pub feed: FeedId,
    /// Since when: its last message, or the end of the connection.
    pub from: UtcMicros,
    /// Until when; `None`: it lasts.
    pub until: Option<UtcMicros>,
    /// The connection stood, and the feed was silent.
    pub is_connected: bool,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// When nothing ran here.
    pauses: Vec<(UtcMicros, UtcMicros)>,
    of_feeds: Vec<Outage>,
    everywhere: Spans,
    /// Of feeds that had any.
    by_feed: FxHashMap<FeedId, Spans>,
}

impl Outages {
    /// When nobody could have heard a device of this feed.
    pub(super) fn of(&self, feed: FeedId) -> &Spans {
        self.by_feed.get(&feed).unwrap_or(&self.everywhere)
    }

    pub(super) fn pauses(&self) -> &[(UtcMicros, UtcMicros)] {
        &self.pauses
    }

    /// Nothing ran here then.
    pub(super) fn pause(&mut self, pauses: impl IntoIterator<Item = (UtcMicros, UtcMicros)>) {
        self.pauses.extend(pauses);
        let excess = self.pauses.len().saturating_sub(MOST_PAUSES);
        self.pauses.drain(..excess);
    }

    /// The clock was ahead: no pause lasts beyond `now`.
    pub(super) fn end_by(&mut self, now: UtcMicros) {
        self.pauses.iter_mut().for_each(|(_, until)| *until = now.min(*until));
    }

    /// Takes over the outages of all feeds. Whether any is news.
    pub(super) fn set(&mut self, of_feeds: Vec<Outage>) -> bool {
        let is_news = of_feeds != self.of_feeds;
        self.of_feeds = of_feeds;
        is_news
    }

    /// Sums up what is known, of feeds with so many devices.
    pub(super) fn sum_up(&mut self, devices: &FxHashMap<FeedId, usize>) {
        self.everywhere = Spans::union(self.pauses.iter().copied());
        let mut by_feed: FxHashMap<FeedId, Vec<(UtcMicros, UtcMicros)>> = FxHashMap::default();
        for outage in &self.of_feeds {
            let devices = devices.get(&outage.feed).copied().unwrap_or(0);
            if !outage.is_connected || devices >= FEWEST_DEVICES {
                let span = (outage.from, outage.until.unwrap_or(NEVER));
                by_feed.entry(outage.feed).or_default().push(span);
            }
        }
        let with_pauses = |spans: Vec<_>| Spans::union(spans.into_iter().chain(self.pauses.iter().copied()));
        self.by_feed = by_feed.into_iter().map(|(feed, spans)| (feed, with_pauses(spans))).collect();
    }
}
