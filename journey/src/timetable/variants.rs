//! Change times of single lines or trips.
//!
//! Where `transfers.txt` has a row for a line or trip at a stop, its vehicles stop at a variant of the stop. Footpaths
//! between variants, and between them and the stop itself, hold the change times, or that there is no change: to a search
//! they are stops like others, and it stays exact.
//! Variants have the numbers after the last stop; nobody outside the search sees them.

use serde::{Deserialize, Serialize};

use super::footpaths::{Footpaths, Path};
use super::{NO_CHANGE, StopIx};

/// Which stops have variants, and the rules between them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Variants {
    /// How many stops there are; the first variant has this number.
    pub(super) stops: usize,
    /// The stop of each variant, sorted.
    pub(super) of: Vec<StopIx>,
    /// Sorted; at least one of the two nodes is a variant.
    pub(super) rules: Vec<ChangeRule>,
}

/// How one changes between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ChangeRule {
    pub from: StopIx,
    pub to: StopIx,
    /// `None`: not at all.
    pub seconds: Option<i32>,
}

impl Variants {
    /// Stops and variants together: what a search runs over.
    pub fn nodes(&self) -> usize {
        self.stops + self.of.len()
    }

    /// Whether no stop has any.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The stop that `node` is, or is a variant of.
    #[inline]
    pub fn stop(&self, node: StopIx) -> StopIx {
        match (node as usize).checked_sub(self.stops) {
            Some(at) => self.of.get(at).copied().unwrap_or(node),
            None => node,
        }
    }

    /// The variants of a stop.
    pub fn variants(&self, stop: StopIx) -> impl Iterator<Item = StopIx> + Clone + use<> {
        let from = self.of.partition_point(|of| *of < stop);
        let until = self.of.partition_point(|of| *of <= stop);
        (self.stops + from..self.stops + until).map(|node| node as StopIx)
    }

    /// A stop and its variants.
    pub fn nodes_of(&self, stop: StopIx) -> impl Iterator<Item = StopIx> + Clone + use<> {
        std::iter::once(stop).chain(self.variants(stop))
    }

    fn rule(&self, from: StopIx, to: StopIx) -> Option<Option<i32>> {
        let at = self.rules.binary_search_by_key(&(from, to), |rule| (rule.from, rule.to)).ok()?;
        Some(self.rules[at].seconds)
    }

    /// How long changing on the spot takes at each node, from that at each stop.
    pub(super) fn change_s(&self, mut change_s: Vec<i32>) -> Vec<i32> {
        for (at, stop) in self.of.iter().enumerate() {
            let node = (self.stops + at) as StopIx;
            let own = self.rule(node, node).map(|seconds| seconds.unwrap_or(NO_CHANGE));
            change_s.push(own.unwrap_or(change_s[*stop as usize]));
        }
        change_s
    }

    /// The footpaths between all nodes, from those between stops and the change times at stops. Rules of the feed for single
    /// lines take precedence over `paths` on foot; with `only_known` (wheelchairs) only where there is a path at all.
    pub(crate) fn expanded(&self, paths: Vec<Path>, change_s: &[i32], only_known: bool) -> Footpaths {
        if self.is_empty() {
            return Footpaths::new(self.stops, paths);
        }
        let mut expanded = Vec::with_capacity(paths.len());
        let mut known = rustc_hash::FxHashMap::default();
        for path in paths {
            known.insert((path.from, path.to), path.metres);
            for from in self.nodes_of(path.from) {
                for to in self.nodes_of(path.to).filter(|to| self.rule(from, *to).is_none()) {
                    expanded.push(Path { from, to, ..path });
                }
            }
        }
        let mut with_variants = self.of.clone();
        with_variants.dedup();
        for stop in with_variants {
            let seconds = change_s[stop as usize];
            for from in self.nodes_of(stop) {
                let others = self.nodes_of(stop).filter(|to| *to != from && seconds < NO_CHANGE);
                for to in others.filter(|to| self.rule(from, *to).is_none()) {
                    expanded.push(Path { from, to, seconds, metres: 0 });
                }
            }
        }
        for &ChangeRule { from, to, seconds } in &self.rules {
            let pair = (self.stop(from), self.stop(to));
            let metres = known.get(&pair).copied().or((pair.0 == pair.1).then_some(0));
            let metres = if only_known { metres } else { Some(metres.unwrap_or_default()) };
            if let Some((seconds, metres)) = seconds.zip(metres) {
                expanded.push(Path { from, to, seconds, metres });
            }
        }
        Footpaths::new(self.nodes(), expanded)
    }
}
