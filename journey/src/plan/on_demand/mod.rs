//! Rides on demand: from door to door, and before and after transit.
//!
//! Of the street network one tree for each place where one can be picked up at the origin, and one for each where one can be set down
//! at the destination, give all drives. What can be set out on at certain times only the search of the timetable knows as
//! [`Spans`]: it is exact with them.

mod ends;
mod miles;

use rustc_hash::{FxHashMap, FxHashSet};

use self::ends::Mouth;
use self::miles::Mile;
use super::street::budget;
use super::{AreaLeg, End, Itinerary, Leg, LostArea, Modes, Planning, StreetLeg, When, Which};
use crate::areas::{AreaRide, Asked, OnDay, Pair, WhyNot};
use crate::booking::{Booked, BookedRides};
use crate::overlay::Runs;
use crate::raptor::{HORIZON_S, Journey, Query, Spans, Walk, Window};
use crate::streets::{Direction, Link, Mode, Workspace};
use crate::timetable::StopIx;

/// Longest drive, seconds: who goes farther changes into a train.
const MAX_DRIVE_S: f64 = 3_600.0;
/// Lowest speed of a drive as the crow flies, m/s; it bounds the search.
const SLOWEST_MPS: f64 = 5.0;
/// Added to the longest drive that is searched, seconds.
const DRIVE_MARGIN_S: f64 = 300.0;

/// Most rides by the timetable before or after one on demand.
const MAX_RIDES: u8 = 4;

/// Only what is best at the time asked about.
const NOW: Window = Window { length_s: 0, enough: 1 };

/// What is known of the areas around both ends.
struct Around<'a> {
    asked: Asked<'a>,
    /// Where one may get on near the origin, and off near the destination.
    on: Vec<Mouth>,
    off: Vec<Mouth>,
    days: FxHashMap<Pair, Vec<OnDay>>,
    /// Drives of pairs of rows, seconds: from end to end, else the shortest one to a stop.
    direct_s: FxHashMap<Pair, f64>,
    mile_s: FxHashMap<Pair, f64>,
}

impl Around<'_> {
    /// The days of a pair of rows.
    fn days_of(&mut self, pair: Pair) -> &[OnDay] {
        let Around { asked, days, .. } = self;
        days.entry(pair).or_insert_with(|| asked.days(pair))
    }
}

/// A ride from door to door, or between stops near both.
struct Direct {
    ride: AreaRide,
    on: usize,
    off: usize,
}

impl Planning<'_, '_> {
    /// Adds itineraries with rides on demand, and what of them cannot be booked.
    pub fn on_demand(&mut self, workspace: &mut Workspace) {
        let (area, request) = (self.area, self.request);
        let timetable = &*area.timetable;
        if request.bookings.areas(timetable).is_empty() || request.booked == BookedRides::None {
            return;
        }
        let horizon = i64::from(HORIZON_S);
        let (from, until) = match request.when {
            When::DepartAt(time) => (time, time + horizon),
            When::ArriveBy(time) => (time - horizon, time),
        };
        let asked = Asked { timetable, booked: request.booked(), access: request.access, from, until };
        let on = self.mouths(&asked, Which::From);
        let off = self.mouths(&asked, Which::To);
        if on.is_empty() && off.is_empty() {
            return;
        }
        let mut around = Around {
            asked,
            on,
            off,
            days: FxHashMap::default(),
            direct_s: FxHashMap::default(),
            mile_s: FxHashMap::default(),
        };
        let before = self.plan.itineraries.len();
        let (access, direct) = self.first_miles(&mut around, workspace);
        let egress = self.last_miles(&mut around, workspace);
        self.add_direct_rides(&around, &direct);
        self.ride_with(&around, &access, &egress);
        if let Some(chosen) = request.chosen {
            let runs = Runs { timetable, overlay: self.overlay };
            let mut number = 0;
            self.plan.itineraries.retain(|itinerary| {
                number += 1;
                let own = itinerary.legs.iter().filter_map(|leg| match leg {
                    Leg::Ride(leg) => Some((runs.trip_id(leg.ride.trip), leg.ride.service_day)),
                    Leg::Area(leg) => Some((around.asked.trip(leg.pair.trip).id.as_str(), leg.day)),
                    Leg::Street(_) => None,
                });
                number <= before || own.eq(chosen.iter().map(|one| (one.trip_id.as_str(), one.service_day)))
            });
        }
        self.note_lost_areas(&mut around, before);
    }

    /// Of each line the best direct ride.
    fn add_direct_rides(&mut self, around: &Around<'_>, direct: &[Direct]) {
        let when = self.request.when;
        let mut best: FxHashMap<u32, (i64, i64, &Direct)> = FxHashMap::default();
        for one in direct {
            let (before_s, after_s) = (around.on[one.on].walk_s, around.off[one.off].walk_s);
            let (goal, pickup) = match when {
                When::DepartAt(time) => {
                    let Some(pickup) = one.ride.pickup_after(time + i64::from(before_s)) else { continue };
                    (pickup + i64::from(one.ride.longest_s + after_s), pickup)
                }
                When::ArriveBy(time) => {
                    let Some(pickup) = one.ride.pickup_before(time - i64::from(after_s)) else { continue };
                    (i64::from(before_s) - pickup, pickup)
                }
            };
            let route = around.asked.trip(one.ride.on_day.pair.trip).route;
            let held = best.entry(route).or_insert((goal, pickup, one));
            if goal < held.0 {
                *held = (goal, pickup, one);
            }
        }
        let mut best: Vec<_> = best.into_iter().collect();
        best.sort_unstable_by_key(|(route, _)| *route);
        for (_, (_, pickup, Direct { ride, on, off })) in best {
            let (on, off) = (&around.on[*on], &around.off[*off]);
            let Some(leg) = self.area_leg(around, ride, [on.at, off.at], [on.link, off.link], pickup) else {
                continue;
            };
            let Some(mut legs) = self.walk_to(on, pickup) else { continue };
            let ended = leg.end;
            legs.push(Leg::Area(Box::new(leg)));
            let Some(walk) = self.walk_from(off, ended) else { continue };
            legs.extend(walk);
            self.add_on_demand(legs, 0);
        }
    }

    fn add_on_demand(&mut self, legs: Vec<Leg>, transfers: u8) {
        let Some((first, last)) = legs.first().zip(legs.last()) else { return };
        let (start, end) = (first.start(), last.end());
        let ahead_s = match self.request.when {
            When::DepartAt(time) => start - time,
            When::ArriveBy(time) => time - end,
        };
        let itinerary = Itinerary::new(Modes::ON_DEMAND, start, end, legs);
        self.plan.itineraries.push(Itinerary { transfers, ahead_s, ..itinerary });
    }

    /// The ride between two places that begins at `pickup`.
    fn area_leg(
        &mut self,
        around: &Around<'_>,
        ride: &AreaRide,
        [from, to]: [End; 2],
        [first, last]: [Link; 2],
        pickup: i64,
    ) -> Option<AreaLeg> {
        let network = &self.area.network;
        let drive = network.route(self.between, Mode::Car, first, &last, budget(self.request)).path(&last)?;
        let pair = ride.on_day.pair;
        Some(AreaLeg {
            pair,
            day: ride.on_day.day,
            from,
            to,
            start: pickup,
            end: pickup + i64::from(ride.expected_s),
            window: ride.on_day.window,
            duration_max_s: ride.longest_s,
            distance_m: drive.distance_m,
            points: drive.points,
            booking: around.asked.booking(pair, pickup),
        })
    }

    /// The walk to where one is picked up, which ends at `pickup`.
    fn walk_to(&self, mouth: &Mouth, pickup: i64) -> Option<Vec<Leg>> {
        let End::Stop(stop) = mouth.at else { return Some(Vec::new()) };
        let path = self.feet.from.path(&self.area.stops.of(self.request.foot())[stop as usize]?)?;
        let start = pickup - i64::from(mouth.walk_s);
        let walk = StreetLeg::along(self.feet.mode, End::Origin, End::Stop(stop), path, start);
        Some(if walk.distance_m < 1.0 { Vec::new() } else { vec![Leg::Street(walk)] })
    }

    /// The walk from where one is set down.
    fn walk_from(&self, mouth: &Mouth, start: i64) -> Option<Vec<Leg>> {
        let End::Stop(stop) = mouth.at else { return Some(Vec::new()) };
        let path = self.feet.to.path(&self.area.stops.of(self.request.foot())[stop as usize]?)?;
        let walk = StreetLeg::along(self.feet.mode, End::Stop(stop), End::Destination, path, start);
        Some(if walk.distance_m < 1.0 { Vec::new() } else { vec![Leg::Street(walk)] })
    }

    /// Transit with a ride on demand before it, after it, or both.
    fn ride_with(&mut self, around: &Around<'_>, access: &[Mile], egress: &[Mile]) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let (day, midnight, when) = self.day_and_when();
        let spans = |miles: &[Mile]| {
            let mut spans = Spans::default();
            for mile in miles {
                spans.add(mile.stop, mile.span(midnight));
            }
            spans
        };
        let (before, after) = (spans(access), spans(egress));
        let (before_stops, after_stops) = (before.stops(), after.stops());
        let foot = request.foot();
        let mut walk = super::places::stops_in(area, foot, request.from, request.max_walk_m, |link| {
            feet.from.seconds(link)
        });
        super::places::add_platforms(area, request.from_stop, &mut walk);
        let destinations = self.destinations.clone();
        let kinds: [(&[_], Option<&Spans>, &[_], Option<&Spans>); 3] = [
            (&before_stops, Some(&before), &destinations, None),
            (&walk, None, &after_stops, Some(&after)),
            (&before_stops, Some(&before), &after_stops, Some(&after)),
        ];
        for (origins, origin_spans, destinations, destination_spans) in kinds {
            if origins.is_empty() || destinations.is_empty() {
                continue;
            }
            let areas = u8::from(origin_spans.is_some()) + u8::from(destination_spans.is_some());
            let most = request
                .max_transfers
                .map_or(MAX_RIDES, |most| MAX_RIDES.min((most + 1).saturating_sub(areas)));
            let query = Query {
                origin_spans,
                destination_spans,
                max_rides: most,
                access: request.access,
                min_change_s: request.min_transfer_s,
                max_path_m: request.max_walk_m.clamp(0.0, f64::from(u16::MAX)) as u16,
                walk_at_ends: false,
                // One can count on these.
                booked: Some(Booked { carpools: false, ..request.booked() }),
                ..Query::new(origins, destinations, day, when)
            };
            let found = self.search.run_window(&query, NOW, self.overlay, &mut || (request.is_over)());
            self.plan.cut |= found.cut;
            for journey in &found.journeys {
                let ends = [origin_spans.map(|_| access), destination_spans.map(|_| egress)];
                if let Some(legs) = self.with_miles(around, journey, midnight, ends) {
                    self.add_on_demand(legs, (journey.rides + areas).saturating_sub(1));
                }
            }
        }
    }

    /// The legs of a journey with rides on demand at its ends; `None` of an end: one walks there.
    fn with_miles(
        &mut self,
        around: &Around<'_>,
        journey: &Journey,
        midnight: i64,
        [access, egress]: [Option<&[Mile]>; 2],
    ) -> Option<Vec<Leg>> {
        let (first, last) = (journey.vehicles().next()?, journey.vehicles().next_back()?);
        let (left, reached) = (midnight + i64::from(first.departure_s), midnight + i64::from(last.arrival_s));
        let links = self.area.stops.of(self.request.foot());
        let timetable = &self.area.timetable;
        let mut legs = match access {
            Some(miles) => {
                let own = miles.iter().filter(|mile| mile.stop == first.from);
                let latest = own.filter_map(|mile| Some((mile.pickup_before(left)?, mile)));
                let (pickup, mile) = latest.max_by_key(|(pickup, mile)| pickup - i64::from(mile.before_s))?;
                let mouth = &around.on[mile.mouth];
                let to = [mouth.at, End::Stop(mile.via)];
                let leg = self.area_leg(around, &mile.ride, to, [mouth.link, mile.link], pickup)?;
                let mut legs = self.walk_to(mouth, pickup)?;
                let ended = leg.end;
                legs.push(Leg::Area(Box::new(leg)));
                if mile.via != mile.stop {
                    legs.push(Leg::Street(self.path_between(
                        [mile.via, mile.stop],
                        ended,
                        mile.path_s,
                        midnight,
                    )?));
                }
                legs
            }
            None if timetable.is_platform_of(first.from, self.request.from_stop) => Vec::new(),
            None => {
                let path = self.feet.from.path(&links[first.from as usize]?)?;
                let start = midnight + i64::from(journey.departure_s);
                vec![Leg::Street(StreetLeg::along(
                    self.feet.mode,
                    End::Origin,
                    End::Stop(first.from),
                    path,
                    start,
                ))]
            }
        };
        legs.extend(self.ride_legs(journey, midnight)?);
        match egress {
            Some(miles) => {
                let own = miles.iter().filter(|mile| mile.stop == last.to);
                let earliest = own.filter_map(|mile| Some((mile.pickup_after(reached)?, mile)));
                let (pickup, mile) = earliest
                    .min_by_key(|(pickup, mile)| pickup + i64::from(mile.ride.longest_s + mile.after_s))?;
                if mile.via != mile.stop {
                    legs.push(Leg::Street(self.path_between(
                        [mile.stop, mile.via],
                        reached,
                        mile.path_s,
                        midnight,
                    )?));
                }
                let mouth = &around.off[mile.mouth];
                let to = [End::Stop(mile.via), mouth.at];
                let leg = self.area_leg(around, &mile.ride, to, [mile.link, mouth.link], pickup)?;
                let ended = leg.end;
                legs.push(Leg::Area(Box::new(leg)));
                legs.extend(self.walk_from(mouth, ended)?);
            }
            None if timetable.is_platform_of(last.to, self.request.to_stop) => {}
            None => {
                let path = self.feet.to.path(&links[last.to as usize]?)?;
                let stop = End::Stop(last.to);
                legs.push(Leg::Street(StreetLeg::along(
                    self.feet.mode,
                    stop,
                    End::Destination,
                    path,
                    reached,
                )));
            }
        }
        legs.retain(|leg| !matches!(leg, Leg::Street(walk) if walk.distance_m < 1.0));
        Some(legs)
    }

    fn path_between(
        &mut self,
        [from, to]: [StopIx; 2],
        start: i64,
        seconds: i32,
        midnight: i64,
    ) -> Option<StreetLeg> {
        let departure_s = (start - midnight) as i32;
        self.change(&Walk { from, to, departure_s, arrival_s: departure_s + seconds }, midnight)
    }

    /// Of each line without any itinerary why not; and what of it cannot be booked, whatever else can.
    fn note_lost_areas(&mut self, around: &mut Around<'_>, before: usize) {
        let asked = around.asked;
        let areas = asked.areas();
        let legs = self.plan.itineraries[before..].iter().flat_map(|itinerary| &itinerary.legs);
        let used: FxHashSet<u32> =
            legs.filter_map(|leg| leg.area()).map(|leg| asked.trip(leg.pair.trip).route).collect();
        let mut lost: FxHashMap<u32, LostArea> = FxHashMap::default();
        let mut note = |one: LostArea| {
            let route = asked.trip(one.trip).route;
            let key = |lost: &LostArea| (lost.why, lost.departure);
            let is_new = one.why <= WhyNot::BookingNotOpen || !used.contains(&route);
            let is_better = |held: &LostArea| key(&one) < key(held);
            if is_new && lost.get(&route).is_none_or(is_better) {
                lost.insert(route, one);
            }
        };
        let mouths = [(true, around.on.clone()), (false, around.off.clone())];
        for (is_on, mouths) in mouths {
            let others: FxHashSet<u32> =
                if is_on { &around.off } else { &around.on }.iter().map(|mouth| mouth.row.trip).collect();
            for mouth in &mouths {
                let trip = mouth.row.trip;
                let pairs: Vec<Pair> = (0..areas.trips[trip as usize].rows.len() as u16)
                    .filter_map(|row| {
                        let other = crate::timetable::areas::RowAt { trip, row };
                        if is_on { asked.pair(mouth.row, other) } else { asked.pair(other, mouth.row) }
                    })
                    .collect();
                let of_pair = |pair: Pair, why, departure, booking| LostArea {
                    trip,
                    row: pair.board,
                    why,
                    departure,
                    booking,
                };
                for pair in &pairs {
                    let days = around.days_of(*pair).to_vec();
                    let drive_s = around.direct_s.get(pair).or(around.mile_s.get(pair));
                    if let Some(missed) = drive_s.and_then(|drive_s| asked.missed(&days, *drive_s)) {
                        note(of_pair(*pair, missed.why, Some(missed.ride.first), Some(missed.booking)));
                    } else if days.is_empty() {
                        note(of_pair(*pair, WhyNot::NotInService, None, None));
                    }
                }
                if let Some(pair) = pairs.first().filter(|_| !others.contains(&trip)) {
                    note(of_pair(*pair, WhyNot::OutsideArea, None, None));
                }
            }
        }
        let mut lost: Vec<LostArea> = lost.into_values().collect();
        lost.sort_by_key(|lost| (lost.why, lost.trip));
        self.plan.lost_areas = lost;
    }
}

/// Which way a tree of drives goes.
fn direction(which: Which) -> Direction {
    match which {
        Which::From => Direction::Forward,
        Which::To => Direction::Backward,
    }
}
