//! In-seat transfers: `transfer_type` 4 and 5, `block_id`.
//!
//! A block alone does not imply that riders may stay: they are assumed to only where the next trip begins at the last
//! stop of the one before, soon after.

use rustc_hash::{FxHashMap, FxHashSet};

use super::draft::Draft;
use crate::timetable::in_seat::InSeat;
use crate::timetable::patterns::Patterns;
use crate::timetable::services::Service;
use crate::timetable::variants::Variants;
use crate::timetable::{FeedProblems, StopIx, Trip, TripIx};

/// Longest wait within a block for which riders stay seated, seconds.
const BLOCK_WAIT_S: i32 = 600;
/// Longest wait of a vehicle with riders aboard, seconds.
const LINK_WAIT_S: i32 = 2 * 3_600;

/// A run with its ends.
#[derive(Clone, Copy)]
struct Run {
    trip: TripIx,
    service: u32,
    from: StopIx,
    begins_s: i32,
    to: StopIx,
    ends_s: i32,
}

/// Computes all pairs.
pub fn in_seat(
    draft: &Draft,
    patterns: &Patterns,
    variants: &Variants,
    trips: &[Trip],
    problems: &mut FeedProblems,
) -> InSeat {
    if draft.links.is_empty() && draft.blocks.is_empty() {
        return InSeat::default();
    }
    let mut runs: FxHashMap<u32, Vec<Run>> = FxHashMap::default();
    for number in 0..patterns.len() {
        let pattern = patterns.pattern(number);
        let last = pattern.stops.len() - 1;
        for at in 0..pattern.trips {
            let trip = &trips[pattern.first_trip + at];
            runs.entry(trip.id).or_default().push(Run {
                trip: (pattern.first_trip + at) as TripIx,
                service: trip.service,
                from: variants.stop(pattern.stops[0].stop()),
                begins_s: pattern.departure(at, 0),
                to: variants.stop(pattern.stops[last].stop()),
                ends_s: pattern.arrival(at, last),
            });
        }
    }
    let mut days = SharedDays { services: &draft.services, known: FxHashMap::default() };
    let of = |id: u32| runs.get(&id).map_or(&[][..], Vec::as_slice);
    let mut pairs = Vec::new();
    let (mut linked, mut parted) = (FxHashSet::default(), FxHashSet::default());
    for link in &draft.links {
        if !link.stays {
            parted.insert((link.from, link.to));
            continue;
        }
        linked.insert(link.from);
        let mut found = false;
        for from in of(link.from) {
            let follows = |to: &&Run| {
                (0..=LINK_WAIT_S).contains(&(to.begins_s - from.ends_s)) && days.any(from.service, to.service)
            };
            // Of a trip with a frequency the next run is meant.
            let next = of(link.to).iter().filter(follows).min_by_key(|to| to.begins_s);
            pairs.extend(next.map(|to| (from.trip, to.trip)));
            found |= next.is_some();
        }
        if !found {
            let reason =
                "the trips do not follow one another within two hours on one day; nobody stays seated";
            problems.add("transfers.txt", link.line, "from_trip_id", draft.trip_ids.get(link.from), reason);
        }
    }
    for block in draft.blocks.values() {
        let mut block: Vec<(u32, Run)> =
            block.iter().flat_map(|id| of(*id).iter().map(|run| (*id, *run))).collect();
        block.sort_by_key(|(_, run)| (run.begins_s, run.ends_s));
        for (id, from) in block.iter().filter(|(id, _)| !linked.contains(id)) {
            let first = block.partition_point(|(_, run)| run.begins_s < from.ends_s);
            let soon =
                block[first..].iter().take_while(|(_, run)| run.begins_s - from.ends_s <= BLOCK_WAIT_S);
            let mut earlier: Vec<Run> = Vec::new();
            for (next, to) in soon {
                if to.trip == from.trip || !days.any(from.service, to.service) {
                    continue;
                }
                // One vehicle runs one trip at a time.
                let mut overlaps =
                    |other: &Run| other.ends_s > to.begins_s && days.any(other.service, to.service);
                let is_next = !earlier.iter().any(&mut overlaps);
                earlier.push(*to);
                if is_next && to.from == from.to && !parted.contains(&(*id, *next)) {
                    pairs.push((from.trip, to.trip));
                }
            }
        }
    }
    InSeat::new(patterns, pairs)
}

/// Whether two services have a day in common, computed once per pair.
struct SharedDays<'a> {
    services: &'a [Service],
    known: FxHashMap<(u32, u32), bool>,
}

impl SharedDays<'_> {
    fn any(&mut self, a: u32, b: u32) -> bool {
        if a == b {
            return true;
        }
        let services = self.services;
        *self.known.entry((a.min(b), a.max(b))).or_insert_with(|| {
            let (a, b) = (&services[a as usize], &services[b as usize]);
            let both = a.span().zip(b.span());
            both.is_some_and(|(x, y)| {
                (x.0.max(y.0)..=x.1.min(y.1)).any(|day| a.runs_on(day) && b.runs_on(day))
            })
        })
    }
}
