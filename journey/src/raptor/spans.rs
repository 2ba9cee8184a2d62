//! Ways between a stop and an end of the journey that can be set out on at certain times only: rides on demand.
//!
//! The earliest arrival grows with the time of setting out, so the search stays exact with them.

use rustc_hash::FxHashMap;

use crate::timetable::StopIx;

/// A way that takes `seconds`, whenever one sets out in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First time to set out, seconds after the begin of the requested service day.
    pub from_s: i32,
    /// Last time to set out.
    pub until_s: i32,
    /// How long it takes.
    pub seconds: i32,
}

/// The ways of stops.
#[derive(Debug, Default)]
pub struct Spans(FxHashMap<StopIx, Vec<Span>>);

impl Span {
    /// When one arrives who is ready at a time.
    pub fn arrival(&self, ready_s: i32) -> Option<i32> {
        (ready_s <= self.until_s).then(|| ready_s.max(self.from_s) + self.seconds)
    }

    /// When one must set out at the latest to arrive by a time.
    pub fn departure(&self, by_s: i32) -> Option<i32> {
        let latest = self.until_s.min(by_s - self.seconds);
        (latest >= self.from_s).then_some(latest)
    }
}

impl Spans {
    /// Adds a way between a stop and the end.
    pub fn add(&mut self, stop: StopIx, span: Span) {
        self.0.entry(stop).or_default().push(span);
    }

    /// The earliest arrival by the ways of a stop.
    pub fn arrival(&self, stop: StopIx, ready_s: i32) -> Option<i32> {
        self.of(stop).filter_map(|span| span.arrival(ready_s)).min()
    }

    /// The latest departure by the ways of a stop.
    pub fn departure(&self, stop: StopIx, by_s: i32) -> Option<i32> {
        self.of(stop).filter_map(|span| span.departure(by_s)).max()
    }

    /// Each stop with the seconds of its shortest way: the origins or destinations of a query.
    pub fn stops(&self) -> Vec<(StopIx, i32)> {
        let shortest = |(stop, spans): (&StopIx, &Vec<Span>)| {
            Some((*stop, spans.iter().map(|span| span.seconds).min()?))
        };
        let mut stops: Vec<_> = self.0.iter().filter_map(shortest).collect();
        stops.sort_unstable();
        stops
    }

    fn of(&self, stop: StopIx) -> impl Iterator<Item = &Span> {
        self.0.get(&stop).into_iter().flatten()
    }
}
