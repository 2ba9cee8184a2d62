//! Groups trips into patterns in which no trip overtakes another.

use rustc_hash::FxHashMap;

use super::StopIx;
use super::patterns::{PatternStop, Patterns, StopTime};

/// Collects trips by their stops.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    numbers: FxHashMap<Box<[PatternStop]>, usize>,
    groups: Vec<Group>,
}

#[derive(Debug, Default)]
struct Group {
    /// What the caller knows each trip by.
    keys: Vec<u32>,
    /// Of each stop, trip after trip.
    times: Vec<StopTime>,
}

impl Grouping {
    /// Adds a trip. `times` never fall; there are as many as stops.
    pub fn add(&mut self, key: u32, stops: &[PatternStop], times: &[StopTime]) {
        debug_assert_eq!(stops.len(), times.len());
        let number = self.numbers.get(stops).copied().unwrap_or_else(|| {
            self.numbers.insert(stops.into(), self.groups.len());
            self.groups.push(Group::default());
            self.groups.len() - 1
        });
        let group = &mut self.groups[number];
        group.keys.push(key);
        group.times.extend_from_slice(times);
    }

    /// The patterns over `stops` stops, and the keys in the order of their trips.
    pub fn finish(self, stops: usize) -> (Patterns, Vec<u32>) {
        let (mut patterns, keys) = self.into_patterns();
        patterns.index_stops(stops);
        (patterns, keys)
    }

    /// As [`Grouping::finish`], with stops renumbered in the order in which patterns pass them:
    /// what a ride touches one after the other then lies side by side. `variants` are the stops of
    /// the variants, whose numbers come after those of all stops, in the order of their stops. The
    /// third part gives each stop's new number, then each variant's.
    pub fn finish_renumbered(self, stops: usize, variants: &[StopIx]) -> (Patterns, Vec<u32>, Vec<StopIx>) {
        let (mut patterns, keys) = self.into_patterns();
        let variant = |node: StopIx| node.checked_sub(PatternStop::FIRST_VARIANT);
        let mut order = vec![StopIx::MAX; stops];
        let mut next = 0;
        let passed = patterns.all_stops().iter().map(|s| s.stop());
        let passed = passed.map(|node| variant(node).map_or(node, |number| variants[number as usize]));
        for old in passed.chain(0..stops as StopIx) {
            if order[old as usize] == StopIx::MAX {
                order[old as usize] = next;
                next += 1;
            }
        }
        let mut by_stop: Vec<usize> = (0..variants.len()).collect();
        by_stop.sort_by_key(|number| (order[variants[*number] as usize], *number));
        order.resize(stops + variants.len(), 0);
        for (at, number) in by_stop.into_iter().enumerate() {
            order[stops + number] = (stops + at) as StopIx;
        }
        let place = |node: StopIx| variant(node).map_or(node as usize, |number| stops + number as usize);
        patterns.renumber_stops(|node| order[place(node)]);
        patterns.index_stops(order.len());
        (patterns, keys, order)
    }

    fn into_patterns(self) -> (Patterns, Vec<u32>) {
        let mut patterns = Patterns::empty();
        let mut keys = Vec::new();
        let mut stops: Vec<(Box<[PatternStop]>, usize)> = self.numbers.into_iter().collect();
        stops.sort_unstable_by_key(|(_, number)| *number);
        for ((stops, _), group) in stops.into_iter().zip(self.groups) {
            for chain in group.chains(stops.len()) {
                let trips: Vec<&[StopTime]> =
                    chain.iter().map(|trip| group.trip(*trip, stops.len())).collect();
                patterns.push(&stops, &trips);
                keys.extend(chain.iter().map(|trip| group.keys[*trip]));
            }
        }
        (patterns, keys)
    }
}

impl Group {
    fn trip(&self, trip: usize, stops: usize) -> &[StopTime] {
        &self.times[trip * stops..(trip + 1) * stops]
    }

    /// Splits the trips so that within a chain none overtakes: each goes to the first chain whose
    /// last trip is nowhere later.
    fn chains(&self, stops: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        let departure = |trip: usize| self.times[trip * stops].departure;
        order.sort_by(|a, b| {
            departure(*a).cmp(&departure(*b)).then_with(|| self.trip(*a, stops).cmp(self.trip(*b, stops)))
        });
        let mut chains: Vec<Vec<usize>> = Vec::new();
        for trip in order {
            let follows = |last: usize| {
                let pairs = self.trip(last, stops).iter().zip(self.trip(trip, stops));
                pairs.into_iter().all(|(before, after)| {
                    before.arrival <= after.arrival && before.departure <= after.departure
                })
            };
            match chains.iter_mut().find(|chain| chain.last().is_some_and(|last| follows(*last))) {
                Some(chain) => chain.push(trip),
                None => chains.push(vec![trip]),
            }
        }
        chains
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::timetable::patterns::Boarding;

    fn stops(n: u32) -> Vec<PatternStop> {
        (0..n).map(|s| PatternStop::new(s, Boarding::Scheduled, Boarding::Scheduled)).collect()
    }

    fn times(pairs: [(i32, i32); 2]) -> [StopTime; 2] {
        pairs.map(|(arrival, departure)| StopTime { arrival, departure })
    }

    #[test]
    fn overtaking_trips_are_split() {
        let mut grouping = Grouping::default();
        grouping.add(0, &stops(2), &times([(0, 10), (100, 100)]));
        grouping.add(1, &stops(2), &times([(0, 20), (50, 50)]));
        grouping.add(2, &stops(2), &times([(0, 30), (100, 100)]));
        let (patterns, keys) = grouping.finish(2);
        assert_eq!(patterns.len(), 2);
        assert_eq!(keys, [0, 2, 1]);
        let first = patterns.pattern(0);
        assert_eq!(first.departures, [10, 30, 100, 100]);
        assert_eq!(first.arrivals, [0, 100, 0, 100]);
        assert_eq!((patterns.pattern_of(1), patterns.pattern_of(2)), (0, 1));
        assert_eq!(patterns.passing(1).len(), 2);
    }

    #[test]
    fn stops_are_renumbered_as_passed() {
        let mut grouping = Grouping::default();
        let off = |s| if s == 1 { Boarding::None } else { Boarding::Book };
        let passed = [3, 1].map(|s| PatternStop::new(s, Boarding::AskDriver, off(s)));
        grouping.add(0, &passed, &times([(0, 0), (9, 9)]));
        let (patterns, _, order) = grouping.finish_renumbered(4, &[]);
        assert_eq!(order, [2, 1, 3, 0]);
        let renumbered = patterns.pattern(0).stops;
        assert_eq!(renumbered.iter().map(|s| s.stop()).collect::<Vec<_>>(), [0, 1]);
        assert!(renumbered.iter().map(|s| s.can_alight()).eq([true, false]));
        assert_eq!((renumbered[0].pickup(), renumbered[0].drop_off()), (Boarding::AskDriver, Boarding::Book));
    }
}
