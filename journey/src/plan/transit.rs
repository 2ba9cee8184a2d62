//! Itineraries by transit, from stops around the origin to stops around the destination.

use super::places::stops_in;
use super::street::budget;
use super::{End, Itinerary, Leg, Lost, LostRide, Modes, Planning, Reached, RideLeg, StreetLeg, When};
use crate::booking::{Booked, BookedRides, RideBooking};
use crate::overlay::Runs;
use crate::raptor::{self, DepartureQuery, Journey, Query, Ride, Walk};
use crate::streets::Path;
use crate::timetable::shapes::PointE6;
use crate::timetable::{Access, Permission, StopIx};

/// Most rides of an itinerary.
const MAX_RIDES: u8 = 5;

/// The walking limit is searched in full and with this factor: some rather change than walk.
const SHORT_WALK: f64 = 0.4;

/// A way over the streets between two stops that is longer than so many times the straight line is not the one within their
/// station (own estimate).
const MAX_DETOUR: f64 = 2.0;

/// Most later departures of the first ride.
const NEXT_DEPARTURES: usize = 3;
/// How far ahead they are searched, seconds.
const NEXT_WITHIN_S: i32 = 4 * 3_600;

/// The legs from the origin to the first stop, the last of which ends at `start + seconds`.
pub(super) type Begin<'b> = dyn Fn(StopIx, i64) -> Option<Vec<StreetLeg>> + 'b;

impl Planning<'_, '_> {
    /// On foot to a stop, rides, on foot to the destination.
    pub fn transit(&mut self) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let mode = request.foot();
        let links = area.stops.of(mode);
        let begin = |stop: StopIx, start: i64| {
            let path = feet.from.path(&links[stop as usize]?)?;
            Some(vec![StreetLeg::along(feet.mode, End::Origin, End::Stop(stop), path, start)])
        };
        let origins = stops_in(area, mode, request.from, request.max_walk_m, |link| feet.from.seconds(link));
        for share in [1.0, SHORT_WALK] {
            let within: Reached =
                origins.iter().copied().filter(|(_, s)| f64::from(*s) <= feet.limit_s * share).collect();
            if share < 1.0 && within.len() == origins.len() {
                break;
            }
            self.ride(Modes::TRANSIT, &within, share, &begin);
        }
    }

    /// Searches from `origins` to the stops around the destination; `begin` makes the legs to the first stop.
    pub fn ride(&mut self, modes: Modes, origins: &[(StopIx, i32)], share: f64, begin: &Begin<'_>) {
        let (area, request) = (self.area, self.request);
        let limit_s = self.feet.limit_s * share;
        let within = |(_, s): &(StopIx, i32)| f64::from(*s) <= limit_s;
        let destinations: Reached = self.destinations.iter().copied().filter(within).collect();
        if origins.is_empty() || destinations.is_empty() {
            return;
        }
        let (day, midnight) = area.timetable.day_and_begin(request.when.time());
        let when = match request.when {
            When::DepartAt(time) => raptor::When::DepartAt((time - midnight) as i32),
            When::ArriveBy(time) => raptor::When::ArriveBy((time - midnight) as i32),
        };
        let query = Query {
            max_rides: request.max_transfers.map_or(MAX_RIDES, |most| MAX_RIDES.min(most.saturating_add(1))),
            access: request.access,
            min_change_s: request.min_transfer_s,
            // Within the limit of one walk.
            max_path_m: request.max_walk_m.clamp(0.0, f64::from(u16::MAX)) as u16,
            walk_at_ends: false,
            booked: Some(request.booked()),
            ..Query::new(origins, &destinations, day, when)
        };
        let answer = self.all_kinds(&query);
        self.plan.cut |= answer.cut;
        for journey in answer.journeys.iter().filter(|journey| journey.rides > 0) {
            let itinerary = self.itinerary(modes, journey, midnight, begin);
            self.plan.itineraries.extend(itinerary);
        }
        if modes == Modes::TRANSIT && share >= 1.0 {
            self.note_lost(&query, midnight);
            if answer.has_barred {
                self.note_barred(&query, midnight);
            }
            if query.access == Access::Wheelchair {
                self.note_unknown(&query, midnight);
            }
            self.keep_first_lost();
        }
    }

    /// What `query` finds, and what it hides: journeys without bookings, and those of which all is known to take wheelchairs.
    /// Only a journey that is found may hide another one.
    fn all_kinds(&mut self, query: &Query<'_>) -> raptor::Answer {
        let request = self.request;
        let mut answer = raptor::Answer::default();
        let mut waiting = vec![(request.access, request.booked)];
        let mut at = 0;
        while let Some(&(access, rides)) = waiting.get(at) {
            at += 1;
            let booked = Some(Booked { rides, ..request.booked() });
            let query = Query { access, booked, ..*query };
            let found = self.search.run_late(&query, self.overlay, &mut || (request.is_over)());
            answer.cut |= found.cut;
            answer.has_barred |= found.has_barred;
            let unbooked =
                found.journeys.iter().any(Journey::is_booked).then_some((access, BookedRides::None));
            let is_unknown =
                access == Access::WheelchairOrUnknown && found.journeys.iter().any(|j| self.is_unknown(j));
            let known = is_unknown.then_some((Access::Wheelchair, rides));
            for next in unbooked.into_iter().chain(known) {
                if !waiting.contains(&next) {
                    waiting.push(next);
                }
            }
            answer.journeys.extend(found.journeys);
        }
        answer
    }

    /// Whether nothing says of a ride of a journey whether it takes wheelchairs.
    fn is_unknown(&self, journey: &Journey) -> bool {
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        journey.vehicles().any(|ride| runs.wheelchair(ride.trip) == Permission::Unknown)
    }

    /// Notes the rides of what would be found if all of which nothing is known took wheelchairs.
    fn note_unknown(&mut self, query: &Query<'_>, midnight: i64) {
        let request = self.request;
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        let query = Query { access: Access::WheelchairOrUnknown, ..*query };
        let answer = self.search.run_late(&query, self.overlay, &mut || (request.is_over)());
        self.lose(&answer.journeys, midnight, |ride| {
            (runs.wheelchair(ride.trip) == Permission::Unknown).then_some(Lost::WheelchairUnknown)
        });
    }

    /// Notes the rides of what would be found if nothing were cancelled and no stop skipped.
    fn note_lost(&mut self, query: &Query<'_>, midnight: i64) {
        let days = query.days(&self.area.timetable, self.overlay);
        let Some(overlay) = self.overlay.filter(|overlay| overlay.has_losses(&days)) else { return };
        let request = self.request;
        let planned = Query { as_planned: true, ..*query };
        let answer = self.search.run_late(&planned, Some(overlay), &mut || (request.is_over)());
        self.lose(&answer.journeys, midnight, |ride| {
            let is_skipped = |at| overlay.is_skipped(ride.service_day, ride.trip, at);
            let is_cancelled = overlay.is_cancelled(ride.service_day, ride.trip);
            match is_cancelled {
                true => Some(Lost::Cancelled),
                false => (is_skipped(ride.board) || is_skipped(ride.alight)).then_some(Lost::Skipped),
            }
        });
    }

    /// Notes the rides of what would be found if everything could be booked.
    fn note_barred(&mut self, query: &Query<'_>, midnight: i64) {
        let request = self.request;
        let BookedRides::OpenAt(now) = request.booked else { return };
        let timetable = &self.area.timetable;
        let booked = Some(Booked { rides: BookedRides::All, ..request.booked() });
        let query = Query { booked, ..*query };
        let answer = self.search.run_late(&query, self.overlay, &mut || (request.is_over)());
        self.lose(&answer.journeys, midnight, |ride| {
            let is_closed =
                |ride: &RideBooking| request.bookings.is_open(timetable, ride, now) == Some(false);
            let booking = ride.booking.filter(is_closed)?;
            let is_early = booking.window.is_some_and(|window| window.from.is_some_and(|from| now < from));
            Some(if is_early { Lost::BookingNotOpen } else { Lost::BookingClosed })
        });
    }

    /// Notes those rides of `journeys` that cannot be taken.
    fn lose(&mut self, journeys: &[Journey], midnight: i64, why: impl Fn(&Ride) -> Option<Lost>) {
        let at = |s: i32| midnight + i64::from(s);
        let lost = journeys.iter().flat_map(Journey::vehicles).filter_map(|ride| {
            let (departure, arrival) = (at(ride.departure_s), at(ride.arrival_s));
            Some(LostRide { ride: ride.clone(), departure, arrival, why: why(ride)? })
        });
        self.plan.lost.extend(lost);
    }

    /// Keeps the first of each line.
    fn keep_first_lost(&mut self) {
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        let route = |lost: &LostRide| runs.route_number(lost.ride.trip);
        self.plan.lost.sort_by_key(|lost| (route(lost), lost.departure));
        self.plan.lost.dedup_by_key(|lost| route(lost));
    }

    fn itinerary(
        &mut self,
        modes: Modes,
        journey: &Journey,
        midnight: i64,
        begin: &Begin<'_>,
    ) -> Option<Itinerary> {
        let (area, feet) = (self.area, self.feet);
        let runs = Runs { timetable: &area.timetable, overlay: self.overlay };
        let (first, last) = (journey.vehicles().next()?, journey.vehicles().next_back()?);
        let at = |s: i32| midnight + i64::from(s);
        let start = at(journey.departure_s);
        let mut legs: Vec<Leg> = begin(first.from, start)?.into_iter().map(Leg::Street).collect();
        for leg in &journey.legs {
            legs.push(match leg {
                raptor::Leg::Ride(ride) => Leg::Ride(ride_leg(runs, ride, midnight, self.request.access)),
                raptor::Leg::Walk(walk) => Leg::Street(self.change(walk, midnight)?),
            });
        }
        let path = feet.to.path(&area.stops.of(self.request.foot())[last.to as usize]?)?;
        let (stop, alighted) = (End::Stop(last.to), at(last.arrival_s));
        let onward = StreetLeg::along(feet.mode, stop, End::Destination, path, alighted);
        let end = onward.end;
        legs.push(Leg::Street(onward));
        legs.retain(|leg| !matches!(leg, Leg::Street(s) if s.distance_m < 1.0 && s.parking.is_none()));
        Some(Itinerary { transfers: journey.rides - 1, ..Itinerary::new(modes, start, end, legs) })
    }

    /// Adds the later departures of the first ride to each itinerary.
    pub fn add_next_departures(&mut self) {
        let (day, midnight) = self.area.timetable.day_and_begin(self.request.when.time());
        for itinerary in &mut self.plan.itineraries {
            let Some(RideLeg { ride, .. }) = itinerary.rides().next() else { continue };
            let wanted = DepartureQuery {
                stop: ride.from,
                to: Some(ride.to),
                day,
                from_s: ride.departure_s + 1,
                within_s: NEXT_WITHIN_S,
                count: NEXT_DEPARTURES,
                booked: Some(self.request.booked()),
            };
            let next = self.search.departures(self.overlay, &wanted);
            itinerary.next_departures = next.iter().map(|d| midnight + i64::from(d.departure_s)).collect();
        }
    }

    /// The walk between two stops. A straight line where the feed has a footpath and the streets have none, or a detour that
    /// takes longer: within a station.
    fn change(&mut self, walk: &Walk, midnight: i64) -> Option<StreetLeg> {
        let (area, mode) = (self.area, self.feet.mode);
        let links = area.stops.of(self.request.foot());
        let path = links[walk.from as usize].zip(links[walk.to as usize]).and_then(|(from, to)| {
            area.network.route(self.between, mode, from, &to, budget(self.request)).path(&to)
        });
        let straight = || {
            let points = [walk.from, walk.to].map(|stop| area.timetable.stops.point(stop));
            let distance_m = points[0].distance_m(points[1]);
            Path { duration_s: 0.0, distance_m, points: points.into(), pieces: Vec::new() }
        };
        let (straight, allowed_s) = (straight(), f64::from(walk.arrival_s - walk.departure_s));
        let is_detour =
            |path: &Path| path.duration_s > allowed_s && path.distance_m > MAX_DETOUR * straight.distance_m;
        let path = path.filter(|path| !is_detour(path)).unwrap_or(straight);
        let start = midnight + i64::from(walk.departure_s);
        let leg = StreetLeg::along(mode, End::Stop(walk.from), End::Stop(walk.to), path, start);
        // What the timetable allows for a change is more than the walk.
        Some(StreetLeg { end: midnight + i64::from(walk.arrival_s), ..leg })
    }
}

fn ride_leg(runs: Runs<'_>, ride: &Ride, midnight: i64, access: Access) -> RideLeg {
    let points: Vec<_> = runs
        .geometry(ride.trip, usize::from(ride.board), usize::from(ride.alight))
        .into_iter()
        .map(PointE6::degrees)
        .collect();
    let at = |s: i32| midnight + i64::from(s);
    RideLeg {
        start: at(ride.departure_s),
        end: at(ride.arrival_s),
        scheduled_start: at(ride.scheduled_departure_s),
        scheduled_end: at(ride.scheduled_arrival_s),
        distance_m: points.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum(),
        points,
        is_access_unknown: access.is_wheelchair() && runs.wheelchair(ride.trip) == Permission::Unknown,
        ride: ride.clone(),
    }
}
