//! Runs by their number, whether the timetable has them or real time alone.

use super::{Overlay, OwnRun};
use crate::timetable::patterns::StopTime;
use crate::timetable::shapes::{NOWHERE, PointE6};
use crate::timetable::{NONE, Permission, Route, StopIx, Timetable, TripIx};

/// What is known of runs besides their times.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a> {
    /// The timetable.
    pub timetable: &'a Timetable,
    /// What real time changes of it.
    pub overlay: Option<&'a Overlay>,
}

impl<'a> Runs<'a> {
    /// A run that is not in the timetable.
    pub fn own(&self, trip: TripIx) -> Option<&'a OwnRun> {
        self.overlay?.own(trip)
    }

    /// The id that the timetable, or real time, gives its trip.
    pub fn trip_id(&self, trip: TripIx) -> &'a str {
        self.own(trip).map_or_else(|| self.timetable.trip_id(trip), |own| &own.trip_id)
    }

    /// Number of its line in [`Timetable::routes`]; [`NONE`]: not known.
    pub(crate) fn route_number(&self, trip: TripIx) -> u32 {
        match self.own(trip) {
            Some(own) => own.route,
            None => self.timetable.trips.get(trip as usize).map_or(NONE, |trip| trip.route),
        }
    }

    /// Its line.
    pub fn route(&self, trip: TripIx) -> Option<&'a Route> {
        self.timetable.routes.get(self.route_number(trip) as usize)
    }

    /// Whether somebody takes others along.
    pub fn is_carpool(&self, trip: TripIx) -> bool {
        self.route(trip).is_some_and(Route::is_carpool)
    }

    /// Its headsign when it leaves the stop at `position`; may be empty.
    pub fn headsign_at(&self, trip: TripIx, position: usize) -> &'a str {
        self.own(trip).map_or_else(|| self.timetable.headsign_at(trip, position), |own| &own.headsign)
    }

    /// When it is planned to be at the stop at `position`.
    pub(crate) fn planned(&self, trip: TripIx, position: usize) -> StopTime {
        match self.own(trip) {
            Some(own) => own.planned[position],
            None => self.timetable.patterns.trip(trip).time(position),
        }
    }

    /// Where it is planned to stop at a position.
    pub(crate) fn planned_stop(&self, trip: TripIx, position: usize) -> StopIx {
        match self.own(trip) {
            Some(own) => own.stops[position],
            None => {
                let stop = self.timetable.patterns.trip(trip).pattern.stops[position].stop();
                self.timetable.variants.stop(stop)
            }
        }
    }

    /// The trip of the timetable that it is, replaces, or is a copy of.
    pub fn like(&self, trip: TripIx) -> Option<TripIx> {
        self.own(trip).map_or(Some(trip), |own| own.of)
    }

    /// Whether it takes wheelchairs.
    pub fn wheelchair(&self, trip: TripIx) -> Permission {
        let like = self.like(trip).and_then(|trip| self.timetable.trips.get(trip as usize));
        like.map_or(Permission::Unknown, |trip| trip.wheelchair)
    }

    /// Its course between two of its stops, by their positions.
    pub fn geometry(&self, trip: TripIx, from: usize, to: usize) -> Vec<PointE6> {
        let Some(own) = self.own(trip) else { return self.timetable.geometry(trip, from, to) };
        let stops = own.stops.get(from..=to).unwrap_or_default();
        let points = stops.iter().map(|stop| self.timetable.stops.points[*stop as usize]);
        points.filter(|point| *point != NOWHERE).collect()
    }
}
