//! A counted site: the newest absolute count, moved by the entries and exits after it.
//!
//! The result is a function of the *set* of counts: the anchor is the largest absolute count by
//! instant (at one instant: each source's highest `seq`, then the fullest), and the net flow is
//! the sum of all flows observed after it. In/out mean nothing until a first anchor.

use serde::{Deserialize, Serialize};

use crate::feed::is_ahead;
use crate::ids::{FeedId, SensorId, SourceKey};
use crate::observation::{CountValue, Provenance, SiteCount, SiteStatus};
use crate::time::UtcMicros;

/// The counted state of one site (or of one audience's spaces in it).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountState {
    /// The absolute count that holds.
    pub anchor: Option<Anchor>,
    /// Entries minus exits observed after the anchor.
    pub net: i64,
    /// Newest flow ever seen, after the anchor or not.
    pub last_flow_at: Option<UtcMicros>,
    /// Whether it lets cars in, and since when that is stated.
    pub status: Option<(UtcMicros, SiteStatus)>,
    /// Capacity as the supplier last stated it.
    pub capacity: Option<(UtcMicros, i32)>,
    /// Newest statement that carried a count or a status.
    pub observed_at: Option<UtcMicros>,
    /// Who made it: decides how long it stays fresh.
    pub heard_from: Option<(FeedId, Option<SensorId>)>,
}

/// An absolute count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// When it was so.
    pub at: UtcMicros,
    /// What was counted.
    pub value: Absolute,
}

/// An absolute count's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absolute {
    /// So many spaces are occupied.
    Occupied(i32),
    /// So many spaces are vacant.
    Vacant(i32),
}

/// What must be read back from the store to complete a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recount {
    /// Two absolute counts share this instant: decide among all of them with
    /// [`decide_absolute`].
    pub tie_at: Option<UtcMicros>,
    /// The anchor lies before a flow that is already stored: sum the flows after it again.
    pub flows: bool,
}

impl CountState {
    /// Applies counts that are *new to the store* (a duplicate must not be passed: flows add up).
    /// Returns what has to be read back; see [`CountState::set_tie`] and
    /// [`CountState::set_net`].
    pub fn apply<'a>(&mut self, counts: impl IntoIterator<Item = &'a SiteCount>) -> Recount {
        let mut counts: Vec<&SiteCount> = counts.into_iter().collect();
        counts.sort_by_key(|c| c.observed_at);
        let mut recount = Recount::default();
        for c in counts {
            self.note(c);
            let value = match c.value {
                CountValue::Occupied(n) => Absolute::Occupied(n),
                CountValue::Vacant(n) => Absolute::Vacant(n),
                CountValue::Flow { entries, exits } => {
                    if self.anchor.is_some_and(|a| c.observed_at > a.at) {
                        self.net += i64::from(entries) - i64::from(exits);
                    }
                    self.last_flow_at = self.last_flow_at.max(Some(c.observed_at));
                    continue;
                }
                CountValue::None => continue,
            };
            match self.anchor {
                Some(held) if held.at > c.observed_at => {}
                Some(held) if held.at == c.observed_at => recount.tie_at = Some(held.at),
                _ => {
                    self.anchor = Some(Anchor { at: c.observed_at, value });
                    self.net = 0;
                    recount.tie_at = None;
                    recount.flows = self.last_flow_at.is_some_and(|f| f > c.observed_at);
                }
            }
        }
        recount
    }

    fn note(&mut self, c: &SiteCount) {
        if let Some(status) = c.status {
            let candidate = (c.observed_at, status);
            self.status = self.status.max(Some(candidate));
        }
        if let Some(capacity) = c.capacity {
            self.capacity = self.capacity.max(Some((c.observed_at, capacity)));
        }
        let source = (c.provenance.feed, c.provenance.sensor);
        if (self.observed_at, self.heard_from) < (Some(c.observed_at), Some(source)) {
            self.observed_at = Some(c.observed_at);
            self.heard_from = Some(source);
        }
    }

    /// Whether any part of it lies ahead of `now` ([`is_ahead`]): it was made while a clock was wrong.
    pub fn has_ahead(&self, now: UtcMicros) -> bool {
        *self != self.clone().without_ahead(now)
    }

    /// What is left of it without what lies ahead of `now` ([`is_ahead`]). A number that depends on it is dropped: the value
    /// before it is known to the store only.
    pub(crate) fn without_ahead(mut self, now: UtcMicros) -> Self {
        let is_known = |at: UtcMicros| !is_ahead(at, now);
        let is_sound = self.anchor.is_none_or(|a| is_known(a.at)) && self.last_flow_at.is_none_or(is_known);
        if !is_sound {
            (self.anchor, self.net) = (None, 0);
        }
        self.last_flow_at = self.last_flow_at.filter(|at| is_known(*at));
        self.status = self.status.filter(|(at, _)| is_known(*at));
        self.capacity = self.capacity.filter(|(at, _)| is_known(*at));
        self.observed_at = self.observed_at.filter(|at| is_known(*at));
        self.heard_from = self.heard_from.filter(|_| self.observed_at.is_some());
        self
    }

    /// The winner among all absolute counts of the anchor's instant.
    pub fn set_tie(&mut self, value: Absolute) {
        if let Some(anchor) = &mut self.anchor {
            anchor.value = value;
        }
    }

    /// Entries minus exits of all stored flows after the anchor.
    pub fn set_net(&mut self, net: i64) {
        self.net = net;
    }

    /// Occupied spaces of `capacity`, if a first absolute count has been seen. May lie outside
    /// `0..=capacity` when gates drift.
    pub fn occupied(&self, capacity: i64) -> Option<i64> {
        self.anchor.map(|a| match a.value {
            Absolute::Occupied(n) => i64::from(n) + self.net,
            Absolute::Vacant(n) => capacity - i64::from(n) + self.net,
        })
    }
}

/// An absolute count with its source, as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAbsolute {
    /// Who counted: feed, sensor, the supplier's name.
    pub source: String,
    /// The source's sequence number.
    pub seq: Option<i64>,
    /// What was counted.
    pub value: Absolute,
}

impl SourceAbsolute {
    /// The absolute count in `count`, if it is one. Its source is the feed, the sensor and the supplier's name.
    pub fn of(count: &SiteCount) -> Option<Self> {
        let value = match count.value {
            CountValue::Occupied(n) => Absolute::Occupied(n),
            CountValue::Vacant(n) => Absolute::Vacant(n),
            CountValue::Flow { .. } | CountValue::None => return None,
        };
        let Provenance { feed, sensor, .. } = count.provenance;
        let name = count.source.as_deref().unwrap_or_default();
        let source = format!("{}/{}/{name}", feed.0, SourceKey::of(feed, sensor).0);
        Some(SourceAbsolute { source, seq: count.seq, value })
    }
}

/// Decides among the absolute counts of one instant: of each source the highest `seq`, then the
/// fullest (occupied over vacant).
pub fn decide_absolute(counts: &[SourceAbsolute], capacity: i64) -> Option<Absolute> {
    let fullness = |a: Absolute| match a {
        Absolute::Occupied(n) => i64::from(n),
        Absolute::Vacant(n) => capacity - i64::from(n),
    };
    counts
        .iter()
        .filter(|count| {
            let rank = |c: &SourceAbsolute| (c.seq, fullness(c.value));
            !counts.iter().any(|other| other.source == count.source && rank(other) > rank(count))
        })
        .map(|count| count.value)
        .max_by_key(|v| (fullness(*v), matches!(v, Absolute::Occupied(_))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{MunicipalityId, SiteId};
    use crate::observation::Provenance;

    fn count(at: i64, seq: i64, value: CountValue) -> SiteCount {
        SiteCount {
            provenance: Provenance {
                municipality: MunicipalityId(1),
                feed: FeedId(1),
                sensor: None,
                received_at: UtcMicros(0),
                clock_corrected: false,
            },
            site: SiteId(1),
            observed_at: UtcMicros(at),
            digest: 0,
            audience: None,
            value,
            status: None,
            capacity: None,
            source: None,
            seq: Some(seq),
            counter: None,
        }
    }

    /// The store in small: everything applied so far, asked for what `apply` wants read back.
    fn run(batches: &[Vec<SiteCount>]) -> CountState {
        let mut state = CountState::default();
        let mut stored: Vec<SiteCount> = Vec::new();
        for batch in batches {
            let fresh: Vec<SiteCount> =
                batch.iter().filter(|c| !stored.contains(c)).cloned().fold(Vec::new(), |mut v, c| {
                    if !v.contains(&c) {
                        v.push(c);
                    }
                    v
                });
            stored.extend(fresh.iter().cloned());
            let recount = state.apply(&fresh);
            if let Some(at) = recount.tie_at {
                let all: Vec<SourceAbsolute> = stored
                    .iter()
                    .filter(|c| c.observed_at == at)
                    .filter_map(|c| {
                        let value = match c.value {
                            CountValue::Occupied(n) => Absolute::Occupied(n),
                            CountValue::Vacant(n) => Absolute::Vacant(n),
                            _ => return None,
                        };
                        Some(SourceAbsolute { source: String::new(), seq: c.seq, value })
                    })
                    .collect();
                state.set_tie(decide_absolute(&all, 100).unwrap());
            }
            if recount.flows {
                let anchor = state.anchor.unwrap().at;
                state.set_net(
                    stored
                        .iter()
                        .filter(|c| c.observed_at > anchor)
                        .map(|c| match c.value {
                            CountValue::Flow { entries, exits } => i64::from(entries - exits),
                            _ => 0,
                        })
                        .sum(),
                );
            }
        }
        state
    }

    proptest! {
        #[test]
        fn any_order_and_grouping_gives_the_same_count(
            (counts, shuffled, cut) in proptest::collection::vec((0..6i64, 0..3i64, 0..3u8, 0..50i32), 1..14)
                .prop_map(|v| v.into_iter().map(|(at, seq, kind, n)| count(at, seq, match kind {
                    0 => CountValue::Occupied(n),
                    1 => CountValue::Vacant(n),
                    _ => CountValue::Flow { entries: n, exits: 7 },
                })).collect::<Vec<_>>())
                .prop_flat_map(|v| {
                    let twice = [v.clone(), v.clone()].concat();
                    let n = twice.len();
                    (Just(v), Just(twice).prop_shuffle(), 0..n)
                })
        ) {
            let whole = run(&[counts]);
            let (a, b) = shuffled.split_at(cut);
            let singles: Vec<Vec<SiteCount>> = a.iter().map(|c| vec![c.clone()]).chain([b.to_vec()]).collect();
            prop_assert_eq!(whole.occupied(100), run(&singles).occupied(100));
        }
    }

    #[test]
    fn flows_mean_nothing_before_an_anchor() {
        let s = run(&[vec![count(1, 0, CountValue::Flow { entries: 5, exits: 0 })]]);
        assert_eq!(s.occupied(100), None);
    }
}
