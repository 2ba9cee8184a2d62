//! Selectors of alerts with the timetable's numbers.

use domain::alert::Selector;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Ride, with_parents};
use crate::timetable::read::parse_time;
use crate::timetable::services::{Day, parse_day};
use crate::timetable::{FeedIx, NONE, StopIx, Timetable};

/// What all has to apply to a ride.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub agency: Option<u32>,
    pub route: Option<u32>,
    pub route_type: Option<u16>,
    pub direction: Option<u8>,
    pub stop: Option<StopIx>,
    pub trip: Option<TripWanted>,
}

/// Which trips.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TripWanted {
    /// Text number of its id in the timetable.
    pub trip: Option<u32>,
    /// The id of a run that the timetable does not have with minutes: real time may, or it runs on demand.
    pub own: Option<String>,
    pub day: Option<Day>,
    pub start_s: Option<i32>,
}

impl Condition {
    /// Whether all of it applies to a ride, of whatever time.
    pub fn applies(&self, timetable: &Timetable, ride: &Ride<'_>) -> bool {
        fn is<T: PartialEq>(wanted: Option<T>, own: Option<T>) -> bool {
            wanted.is_none() || wanted == own
        }
        let is_there =
            |stop: StopIx| ride.stops.iter().any(|own| with_parents(timetable, *own).any(|own| own == stop));
        is(self.agency, Some(ride.agency))
            && is(self.route, Some(ride.route))
            && is(self.route_type, ride.route_type)
            && is(self.direction, ride.direction)
            && self.stop.is_none_or(is_there)
            && self.trip.as_ref().is_none_or(|trip| {
                is(trip.trip, ride.trip)
                    && is(trip.own.as_deref(), ride.own_trip)
                    && is(trip.day, Some(ride.day))
                    && is(trip.start_s, Some(ride.start_s))
            })
    }

    /// Whether it is about all lines of an agency, or of a kind.
    pub fn is_of_a_network(&self) -> bool {
        self.stop.is_none() && self.route.is_none() && self.trip.is_none()
    }

    /// Whether it is about a stop, whatever stops there.
    pub fn is_of_a_stop_alone(&self) -> bool {
        *self == Condition { stop: self.stop, ..Condition::default() }
    }
}

/// Finds what selectors name.
pub(super) struct Names<'t> {
    timetable: &'t Timetable,
    routes: FxHashMap<&'t str, Vec<u32>>,
    /// Agencies by id, with the files that have lines of them.
    agencies: FxHashMap<&'t str, Vec<(u32, FeedIx)>>,
    /// Ids of trips on demand.
    on_demand: FxHashSet<&'t str>,
}

impl<'t> Names<'t> {
    pub fn new(timetable: &'t Timetable) -> Self {
        let on_demand = timetable.areas.trips.iter().map(|trip| trip.id.as_str()).collect();
        let (routes, agencies) = (FxHashMap::default(), FxHashMap::default());
        let mut names = Names { timetable, routes, agencies, on_demand };
        for (number, route) in (0..).zip(&timetable.routes) {
            names.routes.entry(&route.id).or_default().push(number);
            let Some(agency) = timetable.agencies.get(route.agency as usize) else { continue };
            let known = names.agencies.entry(&agency.id).or_default();
            let entry = (route.agency, route.feed);
            if !known.contains(&entry) {
                known.push(entry);
            }
        }
        names
    }

    /// What a selector of a feed means.
    ///
    /// # Errors
    /// What it names and the timetable does not have, or has more than once: it applies to nothing.
    pub fn resolve(&self, selector: &Selector, feed: Option<FeedIx>) -> Result<Condition, String> {
        let Selector { agency_id, route_id, route_type, direction, stop_id, trip } = selector;
        let unknown = |field: &str, value: &dyn std::fmt::Display| format!("{field}={value}");
        let mut condition = Condition { direction: *direction, ..Condition::default() };
        if let Some(id) = agency_id {
            condition.agency = Some(self.agency(id, feed).ok_or_else(|| unknown("agency_id", id))?);
        }
        let route = |id: &String| self.route(id, feed).ok_or_else(|| unknown("route_id", id));
        if let Some(id) = route_id {
            condition.route = Some(route(id)?);
        }
        if let Some(kind) = route_type {
            condition.route_type = Some(u16::try_from(*kind).map_err(|_| unknown("route_type", kind))?);
        }
        if let Some(id) = stop_id {
            let stop = self.timetable.stop_of(id, feed).ok_or_else(|| unknown("stop_id", id))?;
            condition.stop = Some(stop);
        }
        if let Some(trip) = trip {
            let mut wanted = TripWanted::default();
            // Both mean the line of the ride; two different ones apply to nothing.
            if let Some(id) = &trip.route_id {
                let route = route(id)?;
                if condition.route.is_some_and(|own| own != route) {
                    return Err(unknown("trip.route_id", id));
                }
                condition.route = Some(route);
            }
            if let Some(direction) = trip.direction {
                if condition.direction.is_some_and(|own| own != direction) {
                    return Err(unknown("trip.direction_id", &direction));
                }
                condition.direction = Some(direction);
            }
            if let Some(date) = &trip.start_date {
                wanted.day = Some(parse_day(date).ok_or_else(|| unknown("trip.start_date", date))?);
            }
            if let Some(time) = &trip.start_time {
                let start_s = parse_time(time.as_bytes()).ok_or_else(|| unknown("trip.start_time", time))?;
                wanted.start_s = Some(start_s);
            }
            if let Some(id) = &trip.trip_id {
                match self.timetable.trips_of(id, feed).first() {
                    Some(trip) => wanted.trip = self.timetable.trips.get(*trip as usize).map(|trip| trip.id),
                    None => wanted.own = Some(id.clone()),
                }
            }
            condition.trip = Some(wanted);
        }
        let has_trip = condition.trip.as_ref().is_some_and(|trip| trip.trip.is_some() || trip.own.is_some());
        let has_place = condition.stop.is_some() || condition.route.is_some();
        let has_kind = condition.agency.is_some() || condition.route_type.is_some();
        if has_trip || has_place || has_kind {
            Ok(condition)
        } else {
            Err("a direction or a start without its line".to_owned())
        }
    }

    /// Whether a trip of this id runs on demand.
    pub fn runs_on_demand(&self, trip: &str) -> bool {
        self.on_demand.contains(trip)
    }

    /// The line of this id, if there is one only.
    fn route(&self, id: &str, feed: Option<FeedIx>) -> Option<u32> {
        let of = |route: &&u32| feed.is_none_or(|feed| self.timetable.routes[**route as usize].feed == feed);
        single(self.routes.get(id)?.iter().filter(of).copied())
    }

    /// The agency of this id, if there is one only.
    fn agency(&self, id: &str, feed: Option<FeedIx>) -> Option<u32> {
        let of = |(_, own): &&(u32, FeedIx)| feed.is_none_or(|feed| *own == feed);
        let mut found: Vec<u32> =
            self.agencies.get(id)?.iter().filter(of).map(|(agency, _)| *agency).collect();
        found.sort_unstable();
        found.dedup();
        single(found.into_iter()).filter(|agency| *agency != NONE)
    }
}

fn single(mut found: impl Iterator<Item = u32>) -> Option<u32> {
    found.next().filter(|_| found.next().is_none())
}
