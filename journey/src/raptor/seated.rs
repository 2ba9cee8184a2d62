//! In-seat transfers: riders stay in a vehicle that continues as another trip, without a change or a further ride.
//!
//! Whoever can catch a trip of a pattern can catch all later ones where that one was entered, and
//! each may go on as another trip; so all of them are followed, each once in a search.

use rustc_hash::FxHashMap;

use super::labels::{RideLabel, SEATED};
use super::layers::{Layer, Network, Networks};
use super::line::Line;
use super::scan::Scan;
use crate::bits;
use crate::timetable::TripIx;
use crate::timetable::in_seat::InSeat;

/// What riders have stayed seated into, in one search. A key's parts are network, layer, number.
#[derive(Debug, Default)]
pub struct Seated {
    /// By trip: the ride before, of the same round.
    came: FxHashMap<(u8, u8, u32), RideLabel>,
    /// By pattern: the first trip that was followed.
    followed: FxHashMap<(u8, u8, u32), usize>,
    /// By pattern: the first trip gone on as: what comes behind it is nowhere earlier.
    first: FxHashMap<(u8, u8, u32), usize>,
    waiting: Vec<RideLabel>,
}

impl Seated {
    pub fn clear(&mut self) {
        self.came.clear();
        self.followed.clear();
        self.first.clear();
    }

    /// The ride that one stayed seated after, to ride as `label`.
    pub fn before(&self, label: RideLabel) -> Option<RideLabel> {
        self.came.get(&(label.network, label.layer, label.trip)).copied()
    }

    /// Follows all trips of a pattern that can be caught where `label` says, from its own on.
    pub fn follow<const BACK: bool>(
        &mut self,
        in_seat: &InSeat,
        networks: &Networks<'_>,
        scan: &mut Scan<'_>,
        pattern: usize,
        label: RideLabel,
    ) {
        let network = &networks[usize::from(label.network)];
        let layer = &network.layers[usize::from(label.layer)];
        let stops = network.patterns.pattern(pattern);
        let line = Line::<BACK>::new(stops, layer.shift);
        let held = label.trip as usize - stops.first_trip;
        let key = (label.network, label.layer, pattern as u32);
        let until = self.followed.insert(key, held);
        // Those from there on have been followed.
        let until = match until {
            Some(until) if !Line::<BACK>::is_ahead(held, until) => {
                self.followed.insert(key, until);
                return;
            }
            until => until,
        };
        let mut trip = held;
        while trip < stops.trips && until.is_none_or(|until| Line::<BACK>::is_ahead(trip, until)) {
            if line.leave(trip, line.len() - 1) >= *scan.bound {
                break;
            }
            let own = stops.first_trip + trip;
            let runs = bits::has(&layer.trips.running, own) && !bits::has(layer.removed, own);
            if runs && network.goes_on::<BACK>(in_seat, own as u32).is_some() {
                self.waiting.push(RideLabel { trip: own as u32, ..label });
                self.go_on::<BACK>(in_seat, networks, scan);
            }
            // Beyond the first one backwards: no trip has this number.
            trip = if BACK { trip.wrapping_sub(1) } else { trip + 1 };
        }
    }

    fn go_on<const BACK: bool>(&mut self, in_seat: &InSeat, networks: &Networks<'_>, scan: &mut Scan<'_>) {
        while let Some(label) = self.waiting.pop() {
            let network = &networks[usize::from(label.network)];
            let layer = &network.layers[usize::from(label.layer)];
            let at = End { network, layer, own: label.trip };
            let Some(trip) = network.goes_on::<BACK>(in_seat, label.trip) else { continue };
            for next in in_seat.of::<BACK>(trip) {
                let Some((number, layer_number)) = find(networks, next, layer.day) else { continue };
                let key = (number, layer_number, next_own(&networks[usize::from(number)], next));
                let to_network = &networks[usize::from(number)];
                let to = End {
                    network: to_network,
                    layer: &to_network.layers[usize::from(layer_number)],
                    own: key.2,
                };
                let (earlier, later) = if BACK { (&to, &at) } else { (&at, &to) };
                if earlier.arrival() > later.departure() || self.came.contains_key(&key) {
                    continue;
                }
                self.came.insert(key, label);
                let pattern = to_network.patterns.pattern_of(key.2);
                let stops = to_network.patterns.pattern(pattern);
                let trip = key.2 as usize - stops.first_trip;
                let label = RideLabel { trip: key.2, entered: SEATED, network: number, layer: layer_number };
                let first = self.first.entry((number, layer_number, pattern as u32)).or_insert(usize::MAX);
                if *first == usize::MAX || Line::<BACK>::is_ahead(trip, *first) {
                    *first = trip;
                    scan.seated(Line::<BACK>::new(stops, to.layer.shift), trip, label);
                }
                self.waiting.push(label);
            }
        }
    }
}

/// A trip on its day.
struct End<'a, 'n> {
    network: &'a Network<'n>,
    layer: &'a Layer<'n>,
    own: u32,
}

impl End<'_, '_> {
    fn departure(&self) -> i32 {
        let pattern = self.network.patterns.pattern(self.network.patterns.pattern_of(self.own));
        pattern.departure(self.own as usize - pattern.first_trip, 0) + self.layer.shift
    }

    fn arrival(&self) -> i32 {
        let pattern = self.network.patterns.pattern(self.network.patterns.pattern_of(self.own));
        pattern.arrival(self.own as usize - pattern.first_trip, pattern.stops.len() - 1) + self.layer.shift
    }
}

fn next_own(network: &Network<'_>, trip: TripIx) -> u32 {
    network.changed.and_then(|day| day.own(trip)).unwrap_or(trip)
}

/// The network and layer in which a trip of the timetable runs on a day.
fn find(networks: &Networks<'_>, trip: TripIx, day: crate::timetable::services::Day) -> Option<(u8, u8)> {
    for (number, network) in networks.iter().enumerate() {
        let own = network.changed.map_or(Some(trip), |changed| changed.own(trip));
        let Some(own) = own else { continue };
        for (layer_number, layer) in network.layers.iter().enumerate().filter(|(_, layer)| layer.day == day) {
            let own = own as usize;
            if bits::has(&layer.trips.running, own) && !bits::has(layer.removed, own) {
                return Some((number as u8, layer_number as u8));
            }
        }
    }
    None
}
