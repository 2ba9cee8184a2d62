//! What of a ride alerts can be about.

use crate::overlay::{OwnKind, Runs};
use crate::timetable::areas::AreaTrip;
use crate::timetable::services::Day;
use crate::timetable::{NONE, StopIx, Timetable, TripIx};

/// A ride on a run between two of its stops, or a departure from one.
#[derive(Debug, Clone)]
pub struct Ride<'a> {
    /// Index into the timetable's agencies, else [`NONE`].
    pub agency: u32,
    /// Index into the timetable's routes, else [`NONE`].
    pub route: u32,
    /// As in GTFS.
    pub route_type: Option<u16>,
    /// GTFS's `direction_id`.
    pub direction: Option<u8>,
    /// Text number of the id of its trip in the timetable; `None`: the run is none of the timetable's.
    pub trip: Option<u32>,
    /// The id that real time gives a run that is none of the timetable's, or that of a trip on demand.
    pub own_trip: Option<&'a str>,
    /// The day on which the run began.
    pub day: Day,
    /// When the run leaves its first stop by the timetable, seconds after the begin of its day.
    pub start_s: i32,
    /// From where one gets on to where one gets off, as planned and as it is.
    pub stops: Vec<StopIx>,
    /// When it begins, seconds since 1970.
    pub from: i64,
    /// When it ends, seconds since 1970.
    pub until: i64,
}

impl<'a> Ride<'a> {
    /// A ride on `trip` of the service day `day`; times are seconds since 1970.
    pub fn new(
        runs: Runs<'a>,
        trip: TripIx,
        day: Day,
        stops: Vec<StopIx>,
        (from, until): (i64, i64),
    ) -> Self {
        let route = runs.route_number(trip);
        // A copy of a trip is another run; one that replaces a trip is that trip.
        let own = runs.own(trip).filter(|own| own.kind != OwnKind::Replaced);
        let like = runs.like(trip).and_then(|trip| runs.timetable.trips.get(trip as usize));
        Ride {
            agency: runs.route(trip).map_or(NONE, |route| route.agency),
            route,
            route_type: runs.route(trip).map(|route| route.kind),
            direction: like.and_then(|trip| trip.direction),
            trip: like.filter(|_| own.is_none()).map(|trip| trip.id),
            own_trip: own.map(|own| own.trip_id.as_str()),
            day,
            start_s: match runs.like(trip).filter(|_| own.is_none()) {
                Some(trip) => runs.timetable.first_departure(trip),
                None => runs.planned(trip, 0).departure,
            },
            stops,
            from,
            until,
        }
    }

    /// A ride on demand, between these of its stops; one from door to door has none.
    pub fn on_demand(
        timetable: &Timetable,
        trip: &'a AreaTrip,
        day: Day,
        stops: Vec<StopIx>,
        (from, until): (i64, i64),
    ) -> Self {
        // Nothing of the timetable is like an area that a county draws.
        let route = timetable.routes.get(trip.route as usize);
        // A line that leaves its way on demand has stops with minutes, too.
        let timed = route.and_then(|route| timetable.trips_of(&trip.id, Some(route.feed)).first());
        Ride {
            agency: route.map_or(NONE, |route| route.agency),
            route: route.map_or(NONE, |_| trip.route),
            route_type: route.map(|route| route.kind),
            direction: None,
            trip: timed.and_then(|timed| Some(timetable.trips.get(*timed as usize)?.id)),
            own_trip: route.filter(|_| timed.is_none()).map(|_| trip.id.as_str()),
            day,
            start_s: trip.rows.first().map_or(0, |row| row.start_s),
            stops,
            from,
            until,
        }
    }
}
