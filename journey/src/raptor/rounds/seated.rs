//! In-seat transfers: riders stay in a vehicle that continues as another trip, without a change or a further ride.
//!
//! Whoever can catch a trip of a pattern can catch all later ones where that one was entered, and
//! each may go on as another trip; so all of them are followed, each once in a search.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::Task;
use super::labels::{RideLabel, SEATED};
use super::scan::Scan;
use crate::raptor::layers::{DatedTrip, LayerIx, Network};
use crate::raptor::line::{Line, Permit};
use crate::raptor::permits::{Group, Permits, Unrestricted};
use crate::timetable::TripIx;
use crate::timetable::services::Day;

/// Trips of a pattern among which the first one that can be caught serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trips {
    pub pattern: usize,
    /// Number of their group, where rides must be booked (see `permits.rs`).
    pub group: Option<usize>,
}

/// What riders have stayed seated into, in one search.
#[derive(Debug, Default)]
pub struct Seated {
    /// By trip: the ride before, of the same round.
    came: FxHashMap<(LayerIx, u32), RideLabel>,
    /// The first trip that was followed.
    followed: FxHashMap<(LayerIx, Trips), usize>,
    /// The first trip gone on as: what comes behind it is nowhere earlier.
    first: FxHashMap<(LayerIx, Trips), usize>,
    waiting: Vec<RideLabel>,
}

impl Seated {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.came.clear();
        self.followed.clear();
        self.first.clear();
    }

    /// The ride that one stayed seated after, to ride as `label`.
    pub fn before(&self, label: RideLabel) -> Option<RideLabel> {
        self.came.get(&(label.layer, label.trip)).copied().filter(|_| label.entered == SEATED)
    }

    /// Follows all of `trips` that can be caught where `label` says, from its own on.
    pub fn follow<const BACK: bool>(
        &mut self,
        task: &Task<'_>,
        scan: &mut Scan<'_>,
        permits: &mut Option<Permits<'_>>,
        trips: Trips,
        label: RideLabel,
    ) {
        let in_seat = &task.timetable.in_seat;
        let DatedTrip { network, layer, times, .. } = DatedTrip::new(task.networks, label.layer, label.trip);
        let line = Line::<BACK>::new(times.pattern, layer.shift);
        let key = (label.layer, trips);
        let groups = groups(permits, label.layer, trips.pattern);
        let group = groups.as_deref().zip(trips.group).map(|(groups, number)| &groups[number]);
        // Those from there on have been followed.
        let until = self.followed.get(&key).copied();
        if until.is_some_and(|until| !Line::<BACK>::is_ahead(times.at, until)) {
            return;
        }
        self.followed.insert(key, times.at);
        let mut trip = times.at;
        while trip < times.pattern.trips && until.is_none_or(|until| Line::<BACK>::is_ahead(trip, until)) {
            if line.leave(trip, line.len() - 1) >= *scan.bound {
                break;
            }
            let own = times.pattern.first_trip + trip;
            let is_one = group.is_none_or(|group| Permit::<BACK>::has(group, trip));
            if is_one && layer.runs(own) && network.goes_on(in_seat, own as u32, BACK).is_some() {
                self.waiting.push(RideLabel { trip: own as u32, ..label });
                self.go_on::<BACK>(task, scan, permits);
            }
            // Beyond the first one backwards: no trip has this number.
            trip = if BACK { trip.wrapping_sub(1) } else { trip + 1 };
        }
    }

    fn go_on<const BACK: bool>(
        &mut self,
        task: &Task<'_>,
        scan: &mut Scan<'_>,
        permits: &mut Option<Permits<'_>>,
    ) {
        let in_seat = &task.timetable.in_seat;
        while let Some(label) = self.waiting.pop() {
            let at = DatedTrip::new(task.networks, label.layer, label.trip);
            let Some(trip) = at.network.goes_on(in_seat, label.trip, BACK) else { continue };
            for next in in_seat.of(trip, BACK) {
                let Some((layer, own)) = find(task.networks, next, at.layer.day) else { continue };
                let to = DatedTrip::new(task.networks, layer, own);
                let (earlier, later) = if BACK { (&to, &at) } else { (&at, &to) };
                if earlier.arrival(earlier.times.last()) > later.departure(0)
                    || self.came.contains_key(&(layer, own))
                {
                    continue;
                }
                let pattern = to.network.patterns.pattern_of(own);
                let trip = to.times.at;
                let (groups, group) = group_of::<BACK>(permits, layer, pattern, trip);
                let group = groups.as_deref().zip(group).map(|(groups, number)| (number, &groups[number]));
                // Who stays seated rides the later of the two without getting on.
                let takes_seated = |group: &Group| group.takes_seated;
                let is_taken = match BACK {
                    false => group.is_none_or(|(_, group)| takes_seated(group)),
                    true => {
                        let pattern = at.network.patterns.pattern_of(label.trip);
                        let (groups, number) = group_of::<BACK>(permits, label.layer, pattern, at.times.at);
                        groups.zip(number).is_none_or(|(groups, number)| takes_seated(&groups[number]))
                    }
                };
                if !is_taken {
                    continue;
                }
                self.came.insert((layer, own), label);
                let label = RideLabel { trip: own, entered: SEATED, layer };
                let trips = Trips { pattern, group: group.map(|(number, _)| number) };
                let first = self.first.entry((layer, trips)).or_insert(usize::MAX);
                if *first == usize::MAX || Line::<BACK>::is_ahead(trip, *first) {
                    *first = trip;
                    let line = Line::<BACK>::new(to.times.pattern, to.layer.shift);
                    match group {
                        Some((_, group)) => scan.seated(line, trip, label, group),
                        None => scan.seated(line, trip, label, &Unrestricted),
                    }
                }
                self.waiting.push(label);
            }
        }
    }
}

/// The groups of a pattern; `None`: no trip of it has to be booked.
fn groups(permits: &mut Option<Permits<'_>>, at: LayerIx, pattern: usize) -> Option<Rc<[Group]>> {
    permits.as_mut()?.groups(at, pattern)
}

/// The groups of a pattern, and which of them a trip is in.
fn group_of<const BACK: bool>(
    permits: &mut Option<Permits<'_>>,
    at: LayerIx,
    pattern: usize,
    trip: usize,
) -> (Option<Rc<[Group]>>, Option<usize>) {
    let groups = groups(permits, at, pattern);
    let number =
        groups.as_deref().and_then(|groups| groups.iter().position(|g| Permit::<BACK>::has(g, trip)));
    (groups, number)
}

/// The layer in which a trip of the timetable runs on a day, and its number in the network.
fn find(networks: &[Network<'_>], trip: TripIx, day: Day) -> Option<(LayerIx, u32)> {
    networks.iter().enumerate().find_map(|(number, network)| {
        let own = network.own(trip)?;
        let layer = network.layers.iter().position(|layer| layer.day == day && layer.runs(own as usize))?;
        Some((LayerIx { network: number as u8, layer: layer as u8 }, own))
    })
}
