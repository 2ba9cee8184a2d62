//! Itineraries by transit, from stops around the origin to stops around the destination.

use super::page::WhichPage;
use super::places::{add_platforms, stops_in};
use super::street::{Feet, budget};
use super::{
    End, Itinerary, Leg, Lost, LostRide, Modes, Planning, Reached, Request, RideLeg, StreetLeg, When, Which,
};
use crate::area::Area;
use crate::booking::{Booked, BookedRides, RideBooking};
use crate::overlay::Runs;
use crate::raptor::{self, DepartureQuery, HORIZON_S, Journey, Query, Ride, Walk, Window};
use crate::streets::Path;
use crate::timetable::services::Day;
use crate::timetable::{Access, Permission, StopIx};

/// Most rides of an itinerary.
pub(super) const MAX_RIDES: u8 = 5;

/// The walking limit is searched in full and with this factor: some rather change than walk.
const SHORT_WALK: f64 = 0.4;

/// A way over the streets between two stops that is longer than so many times the straight line is not the one within their
/// station (own estimate).
const MAX_DETOUR: f64 = 2.0;

/// Only what is best at the time asked about.
const NOW: Window = Window { length_s: 0, enough: 1 };

/// How much longer a window gets in which there is no journey.
const GROWTH: i32 = 4;

/// How many days ahead the next journey is looked for, where there is none within [`HORIZON_S`].
const DAYS_AHEAD: i32 = 14;

/// Journeys, whether each is best at the time of the query, and as in [`raptor::InWindow`].
#[derive(Default)]
struct Found {
    journeys: Vec<(Journey, bool)>,
    complete_s: i32,
    cut: bool,
    has_barred: bool,
}

/// Most later departures of the first ride.
const NEXT_DEPARTURES: usize = 3;
/// How far ahead they are searched, seconds.
const NEXT_WITHIN_S: i32 = 4 * 3_600;

/// The legs from the origin to the first stop, the last of which ends at `start + seconds`.
pub(super) type Begin<'b> = dyn Fn(StopIx, i64) -> Option<Vec<StreetLeg>> + 'b;
/// The legs from the last stop to the destination, of which the first begins at the time or later.
pub(super) type Finish<'b> = dyn Fn(StopIx, i64) -> Option<Vec<StreetLeg>> + 'b;

/// The walk from the origin to a stop.
pub(super) fn walk_to_stop<'a>(
    area: &'a Area,
    request: &'a Request<'_>,
    feet: &'a Feet<'_>,
) -> impl Fn(StopIx, i64) -> Option<Vec<StreetLeg>> + 'a {
    let links = area.stops.of(request.foot());
    move |stop: StopIx, start: i64| {
        if area.timetable.is_platform_of(stop, request.from_stop) {
            return Some(Vec::new());
        }
        let path = feet.from.path(&links[stop as usize]?)?;
        Some(vec![StreetLeg::along(feet.mode, End::Origin, End::Stop(stop), path, start)])
    }
}

/// The walk from a stop to the destination.
pub(super) fn walk_from_stop<'a>(
    area: &'a Area,
    request: &'a Request<'_>,
    feet: &'a Feet<'_>,
) -> impl Fn(StopIx, i64) -> Option<Vec<StreetLeg>> + 'a {
    let links = area.stops.of(request.foot());
    move |stop: StopIx, start: i64| {
        if area.timetable.is_platform_of(stop, request.to_stop) {
            return Some(Vec::new());
        }
        let path = feet.to.path(&links[stop as usize]?)?;
        Some(vec![StreetLeg::along(feet.mode, End::Stop(stop), End::Destination, path, start)])
    }
}

impl Planning<'_, '_> {
    /// On foot to a stop, rides, on foot to the destination.
    pub fn transit(&mut self) {
        let feet = self.feet;
        let begin = walk_to_stop(self.area, self.request, feet);
        let origins = self.walks_to_stops();
        self.plan.beyond.without_stops = match (origins.is_empty(), self.destinations.is_empty()) {
            (true, _) => Some(Which::From),
            (false, true) => Some(Which::To),
            (false, false) => None,
        };
        let short_s = feet.limit_s * SHORT_WALK;
        let seconds = |stops: &[(StopIx, i32)], stop: StopIx| {
            stops.iter().find(|(one, _)| *one == stop).map_or(0.0, |(_, s)| f64::from(*s))
        };
        let used = self.ride(Modes::TRANSIT, &origins, 1.0, &begin);
        // Where no walk is longer, a search with shorter ones finds the same.
        let is_long = |(from, to): &(StopIx, StopIx)| {
            seconds(&origins, *from) > short_s || seconds(&self.destinations, *to) > short_s
        };
        if used.iter().any(is_long) {
            let within: Reached = origins.iter().copied().filter(|(_, s)| f64::from(*s) <= short_s).collect();
            self.ride(Modes::TRANSIT, &within, SHORT_WALK, &begin);
        }
    }

    /// The service day of the request, its begin (seconds since 1970), and the time of the request on it.
    pub(super) fn day_and_when(&self) -> (Day, i64, raptor::When) {
        let when = self.request.when;
        let (day, midnight) = self.area.timetable.day_and_begin(when.time());
        let at_s = (when.time() - midnight) as i32;
        let when = match when {
            When::DepartAt(_) => raptor::When::DepartAt(at_s),
            When::ArriveBy(_) => raptor::When::ArriveBy(at_s),
        };
        (day, midnight, when)
    }

    /// Stops to which one walks from the origin.
    pub(super) fn walks_to_stops(&self) -> Reached {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let mut origins =
            stops_in(area, request.foot(), request.from, request.max_walk_m, |link| feet.from.seconds(link));
        add_platforms(area, request.from_stop, &mut origins);
        origins
    }

    /// Searches from `origins` to the stops around the destination, on foot no farther than a share of the limit; `begin` makes
    /// the legs to the first stop. Returns the stops at which journeys begin and end.
    pub fn ride(
        &mut self,
        modes: Modes,
        origins: &[(StopIx, i32)],
        share: f64,
        begin: &Begin<'_>,
    ) -> Vec<(StopIx, StopIx)> {
        let limit_s = self.feet.limit_s * share;
        let within = |(_, s): &(StopIx, i32)| f64::from(*s) <= limit_s;
        let destinations: Reached = self.destinations.iter().copied().filter(within).collect();
        let finish = walk_from_stop(self.area, self.request, self.feet);
        let is_whole = modes == Modes::TRANSIT && share >= 1.0;
        self.ride_between(modes, [origins, &destinations], is_whole, begin, &finish)
    }

    /// Searches between stops; `begin` and `finish` make the legs to the first and from the last one. `is_whole`: it is the
    /// search by transit without anything else, which says what cannot be taken. Returns the stops at which journeys begin
    /// and end.
    pub(super) fn ride_between(
        &mut self,
        modes: Modes,
        [origins, destinations]: [&[(StopIx, i32)]; 2],
        is_whole: bool,
        begin: &Begin<'_>,
        finish: &Finish<'_>,
    ) -> Vec<(StopIx, StopIx)> {
        let request = self.request;
        if origins.is_empty() || destinations.is_empty() {
            return Vec::new();
        }
        let (day, midnight, when) = self.day_and_when();
        let access = self.access_of(modes);
        let query = Query {
            max_rides: request.max_transfers.map_or(MAX_RIDES, |most| MAX_RIDES.min(most.saturating_add(1))),
            access,
            min_change_s: request.min_transfer_s,
            // Within the limit of one walk.
            max_path_m: request.max_walk_m.clamp(0.0, f64::from(u16::MAX)) as u16,
            walk_at_ends: false,
            booked: Some(request.booked()),
            ..Query::new(origins, destinations, day, when)
        };
        if let Some(chosen) = request.chosen {
            let journey = self.again(&query, chosen);
            let itinerary =
                journey.and_then(|journey| self.itinerary(modes, &journey, midnight, [begin, finish]));
            self.plan.itineraries.extend(itinerary);
            return Vec::new();
        }
        let found = match (modes, request.page.which) {
            (Modes::TRANSIT, WhichPage::Back) => self.before(&query),
            (Modes::TRANSIT, _) => {
                let length_s = self.complete_s.map_or(request.page.window_s, |s| s as i32);
                let enough = if is_whole { request.page.limit } else { usize::MAX };
                self.all_kinds(
                    &query,
                    if request.page.window_s > 0 { Window { length_s, enough } } else { NOW },
                )
            }
            _ => self.all_kinds(&query, NOW),
        };
        if modes == Modes::TRANSIT {
            let complete_s = i64::from(found.complete_s);
            self.complete_s = Some(self.complete_s.map_or(complete_s, |before| before.min(complete_s)));
        }
        self.plan.cut |= found.cut;
        for (journey, is_best) in &found.journeys {
            let itinerary = self.itinerary(modes, journey, midnight, [begin, finish]);
            let ahead_s = i64::from(when.ahead_s(journey));
            let itinerary = itinerary.map(|itinerary| Itinerary { ahead_s, is_best: *is_best, ..itinerary });
            self.plan.itineraries.extend(itinerary);
        }
        if is_whole && !matches!(request.page.which, WhichPage::Back) {
            let window = Window { length_s: found.complete_s, enough: usize::MAX };
            let window = if request.page.window_s > 0 { window } else { NOW };
            self.note_lost(&query, window, midnight);
            if found.has_barred {
                self.note_barred(&query, window, midnight);
            }
            if query.access == Access::Wheelchair {
                self.note_unknown(&query, window, midnight);
            }
            self.keep_first_lost();
            if found.journeys.is_empty() && !found.cut {
                self.plan.beyond.found_nothing = true;
                self.plan.beyond.next_at = self.next_departure(&query).map(|s| midnight + i64::from(s));
            }
        }
        let ends = |(journey, _): &(Journey, bool)| {
            Some((journey.vehicles().next()?.from, journey.vehicles().next_back()?.to))
        };
        found.journeys.iter().filter_map(ends).collect()
    }

    /// What `query` finds in `window`, and what it hides: journeys without bookings, those without carpools, and those of which
    /// all is known to take wheelchairs. Only a journey that is found may hide another one.
    fn all_kinds(&mut self, query: &Query<'_>, window: Window) -> Found {
        let request = self.request;
        let mut all = Found::default();
        let mut waiting = vec![(query.access, request.booked, request.booked().carpools)];
        let mut at = 0;
        while let Some(&(access, rides, carpools)) = waiting.get(at) {
            let booked = Some(Booked { rides, carpools, ..request.booked() });
            let query = Query { access, booked, ..*query };
            let window = match at {
                0 => window,
                _ if window == NOW => NOW,
                _ => Window { length_s: all.complete_s, enough: usize::MAX },
            };
            at += 1;
            let found = self.search.run_window(&query, window, self.overlay, &mut || (request.is_over)());
            all.complete_s = if at == 1 { found.complete_s } else { all.complete_s.min(found.complete_s) };
            all.cut |= found.cut;
            all.has_barred |= found.has_barred;
            let has = |is: &dyn Fn(&Journey) -> bool| found.journeys.iter().any(is);
            let unbooked = has(&Journey::is_booked).then_some((access, BookedRides::None, carpools));
            let counted_on = has(&|j| self.has_carpool(j)).then_some((access, rides, false));
            let is_unknown = access == Access::WheelchairOrUnknown && has(&|j| self.is_unknown(j));
            let known = is_unknown.then_some((Access::Wheelchair, rides, carpools));
            for next in [unbooked, counted_on, known].into_iter().flatten() {
                if !waiting.contains(&next) {
                    waiting.push(next);
                }
            }
            let best = found.best;
            all.journeys
                .extend(found.journeys.into_iter().enumerate().map(|(number, one)| (one, number < best)));
        }
        all
    }

    /// What there is before the time of `query`, in its direction: in a window that grows until it holds a journey.
    fn before(&mut self, query: &Query<'_>) -> Found {
        let mut length_s = self.complete_s.map_or(self.request.page.window_s.max(1), |s| s as i32);
        loop {
            let earlier = Query { when: query.when.on(-length_s), ..*query };
            let mut found = self.all_kinds(&earlier, Window { length_s, enough: usize::MAX });
            found.journeys.retain(|(journey, _)| query.when.ahead_s(journey) < 0);
            found.complete_s = length_s;
            if !found.journeys.is_empty() || found.cut || length_s >= HORIZON_S || self.complete_s.is_some() {
                return found;
            }
            length_s = length_s.saturating_mul(GROWTH).min(HORIZON_S);
        }
    }

    /// When the next journey leaves that `query` does not reach.
    fn next_departure(&mut self, query: &Query<'_>) -> Option<i32> {
        let request = self.request;
        let (raptor::When::DepartAt(time) | raptor::When::ArriveBy(time)) = query.when;
        (0..DAYS_AHEAD).find_map(|day| {
            // Each search reaches to where the next one begins, and as far again: none falls between two.
            let when = raptor::When::DepartAt(time.saturating_add(day * HORIZON_S));
            let query = Query { when, horizon_s: 2 * HORIZON_S, ..*query };
            let found = self.search.run_late(&query, self.overlay, &mut || (request.is_over)());
            found.journeys.iter().map(|journey| journey.departure_s).min()
        })
    }

    fn has_carpool(&self, journey: &Journey) -> bool {
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        journey.vehicles().any(|ride| runs.is_carpool(ride.trip))
    }

    /// Whether nothing says of a ride of a journey whether it takes wheelchairs.
    fn is_unknown(&self, journey: &Journey) -> bool {
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        journey.vehicles().any(|ride| runs.wheelchair(ride.trip) == Permission::Unknown)
    }

    /// Notes the rides of what would be found if all of which nothing is known took wheelchairs.
    fn note_unknown(&mut self, query: &Query<'_>, window: Window, midnight: i64) {
        let request = self.request;
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        let query = Query { access: Access::WheelchairOrUnknown, ..*query };
        let answer = self.search.run_window(&query, window, self.overlay, &mut || (request.is_over)());
        self.lose(&answer.journeys, midnight, |ride| {
            (runs.wheelchair(ride.trip) == Permission::Unknown).then_some(Lost::WheelchairUnknown)
        });
    }

    /// Notes the rides of what would be found if nothing were cancelled and no stop skipped.
    fn note_lost(&mut self, query: &Query<'_>, window: Window, midnight: i64) {
        let days = query.days(&self.area.timetable, self.overlay);
        let Some(overlay) = self.overlay.filter(|overlay| overlay.has_losses(&days)) else { return };
        let request = self.request;
        let planned = Query { as_planned: true, ..*query };
        let answer = self.search.run_window(&planned, window, Some(overlay), &mut || (request.is_over)());
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
    fn note_barred(&mut self, query: &Query<'_>, window: Window, midnight: i64) {
        let request = self.request;
        let BookedRides::OpenAt(now) = request.booked else { return };
        let timetable = &self.area.timetable;
        let booked = Some(Booked { rides: BookedRides::All, ..request.booked() });
        let query = Query { booked, ..*query };
        let answer = self.search.run_window(&query, window, self.overlay, &mut || (request.is_over)());
        self.lose(&answer.journeys, midnight, |ride| {
            let is_closed =
                |ride: &RideBooking| request.bookings.is_open(timetable, ride, now) == Some(false);
            let booking = ride.booking.filter(is_closed)?;
            let is_early = booking.window.is_some_and(|window| window.from.is_some_and(|from| now < from));
            Some(if is_early { Lost::BookingNotOpen } else { Lost::BookingClosed })
        });
    }

    /// Notes those rides of `journeys` that cannot be taken.
    pub(super) fn lose(&mut self, journeys: &[Journey], midnight: i64, why: impl Fn(&Ride) -> Option<Lost>) {
        let at = |s: i32| midnight + i64::from(s);
        let lost = journeys.iter().flat_map(Journey::vehicles).filter_map(|ride| {
            let (departure, arrival) = (at(ride.departure_s), at(ride.arrival_s));
            Some(LostRide { ride: ride.clone(), departure, arrival, why: why(ride)? })
        });
        self.plan.lost.extend(lost);
    }

    /// Keeps the first of each line.
    pub(super) fn keep_first_lost(&mut self) {
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
        [begin, finish]: [&Begin<'_>; 2],
    ) -> Option<Itinerary> {
        let (first, last) = (journey.vehicles().next()?, journey.vehicles().next_back()?);
        let at = |s: i32| midnight + i64::from(s);
        let start = at(journey.departure_s);
        let mut legs: Vec<Leg> = begin(first.from, start)?.into_iter().map(Leg::Street).collect();
        legs.extend(self.ride_legs(journey, midnight)?);
        let alighted = at(last.arrival_s);
        let onward = finish(last.to, alighted)?;
        let end = onward.last().map_or(alighted, |leg| leg.end);
        legs.extend(onward.into_iter().map(Leg::Street));
        legs.retain(|leg| !matches!(leg, Leg::Street(s) if s.distance_m < 1.0 && s.parking.is_none() && s.rental.is_none()));
        Some(Itinerary {
            transfers: journey.rides.saturating_sub(1),
            ..Itinerary::new(modes, start, end, legs)
        })
    }

    /// The rides of a journey, and the walks between them.
    pub(super) fn ride_legs(&mut self, journey: &Journey, midnight: i64) -> Option<Vec<Leg>> {
        let runs = Runs { timetable: &self.area.timetable, overlay: self.overlay };
        let access = self.request.access;
        let leg = |leg: &raptor::Leg| {
            Some(match leg {
                raptor::Leg::Ride(ride) => Leg::Ride(RideLeg::new(runs, ride, midnight, access)),
                raptor::Leg::Walk(walk) => Leg::Street(self.change(walk, midnight)?),
            })
        };
        journey.legs.iter().map(leg).collect()
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
    pub(super) fn change(&mut self, walk: &Walk, midnight: i64) -> Option<StreetLeg> {
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
