//! Which trips may be entered and left where, as far as rides must be booked, or carpools do not count.
//!
//! Within a pattern no trip overtakes another, so the first one that can be caught serves. That fails where one trip can be
//! booked and the next cannot, or from its fifth stop on only. So the trips of such a pattern are searched in groups, each with the
//! same stops to get on and off at: within a group it holds again, and the search stays exact. All other patterns are
//! searched as if there were no bookings.

use std::rc::Rc;

use domain::booking::Bookable;
use rustc_hash::FxHashMap;

use super::layers::{Layer, LayerIx, Network};
use super::line::{Line, Permit, turned};
use crate::bits;
use crate::booking::{Booked, BookedRides, Requirement, RuleIx, RunBooking};
use crate::overlay::Runs;
use crate::timetable::ZoneIx;
use crate::timetable::patterns::PatternStop;

/// All trips of a pattern, of which none has to be booked.
pub struct Unrestricted;

impl<const BACK: bool> Permit<BACK> for Unrestricted {
    #[inline]
    fn can_enter(&self, stop: PatternStop, _: usize) -> bool {
        Line::<BACK>::can_enter(stop)
    }

    #[inline]
    fn can_leave(&self, stop: PatternStop, _: usize) -> bool {
        Line::<BACK>::can_leave(stop)
    }

    #[inline]
    fn has(&self, _: usize) -> bool {
        true
    }
}

/// Trips of a pattern that may be entered and left at the same stops. Positions are those of the pattern.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    stops: usize,
    board: Vec<u64>,
    alight: Vec<u64>,
    /// Whether riders may stay seated into them.
    pub takes_seated: bool,
    /// Numbers within the pattern.
    trips: Vec<u64>,
}

impl Group {
    fn is_like(&self, other: &Group) -> bool {
        (&self.board, &self.alight, self.takes_seated) == (&other.board, &other.alight, other.takes_seated)
    }
}

impl<const BACK: bool> Permit<BACK> for Group {
    fn can_enter(&self, _: PatternStop, position: usize) -> bool {
        bits::has(if BACK { &self.alight } else { &self.board }, turned::<BACK>(position, self.stops))
    }

    fn can_leave(&self, _: PatternStop, position: usize) -> bool {
        bits::has(if BACK { &self.board } else { &self.alight }, turned::<BACK>(position, self.stops))
    }

    fn has(&self, trip: usize) -> bool {
        bits::has(&self.trips, trip)
    }
}

/// The groups of the patterns that one search comes by.
pub struct Permits<'a> {
    booked: Booked<'a>,
    runs: Runs<'a>,
    networks: &'a [Network<'a>],
    /// Begin of the day that the search counts from, seconds since 1970.
    begins_at: i64,
    groups: FxHashMap<(LayerIx, usize), Rc<[Group]>>,
    bookable: FxHashMap<(RuleIx, ZoneIx), Option<Bookable>>,
    /// Whether a trip could not be booked somewhere.
    pub has_barred: bool,
}

impl<'a> Permits<'a> {
    /// `None`: nothing has to be booked, and carpools count.
    pub fn new(
        booked: Option<Booked<'a>>,
        runs: Runs<'a>,
        networks: &'a [Network<'a>],
        begins_at: i64,
    ) -> Option<Self> {
        let booked = booked.filter(|booked| booked.rides != BookedRides::All || !booked.carpools)?;
        let (groups, bookable) = (FxHashMap::default(), FxHashMap::default());
        Some(Permits { booked, runs, networks, begins_at, groups, bookable, has_barred: false })
    }

    /// The groups of a pattern; `None`: no trip of it has to be booked or is a carpool.
    pub fn groups(&mut self, at: LayerIx, pattern: usize) -> Option<Rc<[Group]>> {
        let network = &self.networks[usize::from(at.network)];
        if !self.may_concern(network, pattern) {
            return None;
        }
        if let Some(groups) = self.groups.get(&(at, pattern)) {
            return Some(groups.clone());
        }
        let groups: Rc<[Group]> =
            self.grouped(network, &network.layers[usize::from(at.layer)], pattern).into();
        self.groups.insert((at, pattern), groups.clone());
        Some(groups)
    }

    /// The group of a trip, if the search has come by it; else its number in its pattern does not matter.
    pub fn group_of(&self, at: LayerIx, pattern: usize, trip: usize) -> Option<&Group> {
        self.groups.get(&(at, pattern))?.iter().find(|group| bits::has(&group.trips, trip))
    }

    fn may_concern(&self, network: &Network<'_>, pattern: usize) -> bool {
        if network.changed.is_none() {
            return self.booked.bookings.may_concern(pattern);
        }
        let pattern = network.patterns.pattern(pattern);
        let mut trips = pattern.first_trip..pattern.first_trip + pattern.trips;
        pattern.stops.iter().any(|stop| stop.is_booked())
            || trips.any(|own| {
                let trip = network.trip(own as u32);
                self.booked.bookings.lists(self.runs.route_number(trip)) || self.runs.is_carpool(trip)
            })
    }

    fn grouped(&mut self, network: &Network<'_>, layer: &Layer<'_>, pattern: usize) -> Vec<Group> {
        let pattern = network.patterns.pattern(pattern);
        let begins_at = self.begins_at + i64::from(layer.shift);
        let stops = pattern.stops.len();
        let mut groups: Vec<Group> = Vec::new();
        for trip in (0..pattern.trips).filter(|trip| layer.runs(pattern.first_trip + trip)) {
            let own = network.trip((pattern.first_trip + trip) as u32);
            let run = RunBooking::new(self.booked, self.runs, own, layer.day, begins_at);
            let is_barred = !self.booked.carpools && self.runs.is_carpool(own);
            let empty = || vec![0; bits::words(stops)];
            let (mut board, mut alight) = (empty(), empty());
            for (position, stop) in pattern.stops.iter().enumerate().filter(|_| !is_barred) {
                if stop.can_board() && self.permits(&run, run.pickup(*stop, position)) {
                    bits::set(&mut board, position);
                }
                if stop.can_alight() && self.permits(&run, run.drop_off(*stop, position)) {
                    bits::set(&mut alight, position);
                }
            }
            let takes_seated = !is_barred && self.permits(&run, run.seated());
            let trips = vec![0; bits::words(pattern.trips)];
            let new = Group { stops, board, alight, takes_seated, trips };
            let at = groups.iter().position(|group| group.is_like(&new)).unwrap_or_else(|| {
                groups.push(new);
                groups.len() - 1
            });
            bits::set(&mut groups[at].trips, trip);
        }
        groups
    }

    fn permits(&mut self, run: &RunBooking<'_>, required: Option<Requirement>) -> bool {
        let Some(Requirement { rule, at }) = required else { return true };
        let is_permitted = match (self.booked.rides, rule) {
            (BookedRides::None, _) => return false,
            (BookedRides::All, _) | (_, None) => return true,
            (BookedRides::OpenAt(now), Some(rule)) => {
                let key = (rule, run.zone());
                let rides = self.bookable.entry(key).or_insert_with(|| run.bookable(rule, now));
                rides.is_some_and(|rides| rides.has(at))
            }
        };
        self.has_barred |= !is_permitted;
        is_permitted
    }
}
