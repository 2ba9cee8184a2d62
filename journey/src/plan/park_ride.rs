//! By car to a park-and-ride site, then by transit.

use rustc_hash::FxHashMap;

use super::car::{Drive, MIN_CHANCE};
use super::places::StopWalk;
use super::street::Feet;
use super::transit::Riding;
use super::{End, LeftOut, Lot, Modes, Parking, Plan, Prospect, Reached, StreetLeg, When};
use crate::streets::{Link, Mode};
use crate::timetable::StopIx;

/// Who finds no space waits about so much longer: for the next lot and the next train, seconds.
const MISSED_S: f64 = 1_800.0;

struct Begins<'a> {
    lot: &'a Lot<'a>,
    drive_s: f64,
    gate: Link,
    prospect: Prospect,
    walk: &'a StopWalk,
}

impl Begins<'_> {
    fn seconds(&self) -> f64 {
        self.drive_s + self.prospect.search_s + self.walk.path.duration_s
    }
}

pub(super) fn plan(riding: &mut Riding<'_, '_>, drive: &Drive<'_>, feet: &Feet<'_>, plan: &mut Plan) {
    let request = riding.request;
    let mut begins: FxHashMap<StopIx, Begins<'_>> = FxHashMap::default();
    // From where one walks to the destination nobody takes a bus: those are places to park there.
    let is_there = |lot: &Lot<'_>| request.doors(lot).iter().any(|door| feet.in_s(door).is_some());
    for lot in request.park_ride.iter().filter(|lot| !is_there(lot)) {
        let Some((drive_s, gate)) = drive.nearest(&lot.links.vehicle).filter(|_| !lot.stops.is_empty())
        else {
            plan.left_out.push((lot.id, LeftOut::OutOfReach));
            continue;
        };
        // When one must set out to arrive in time is not known yet: as if at once.
        let arrival = match request.when {
            When::DepartAt(time) => time + drive_s as i64,
            When::ArriveBy(time) => time - ASSUMED_RIDE_S,
        };
        let prospect = (request.prospect)(lot.id, arrival);
        if let Some(p) = prospect.p.filter(|p| *p < MIN_CHANCE) {
            plan.left_out.push((lot.id, LeftOut::ProbablyFull { p }));
            continue;
        }
        for walk in lot.stops {
            let new = Begins { lot, drive_s, gate, prospect, walk };
            let held = begins.get(&walk.stop);
            if held.is_none_or(|held| new.seconds() < held.seconds()) {
                begins.insert(walk.stop, new);
            }
        }
    }
    let mut origins: Reached = begins.iter().map(|(stop, b)| (*stop, b.seconds().ceil() as i32)).collect();
    origins.sort_unstable();
    let begin = |stop: StopIx, start: i64| {
        let b = begins.get(&stop)?;
        let lot = End::Lot(b.lot.id);
        let mut car = StreetLeg::along(Mode::Car, (End::Origin, lot), drive.path(&b.gate)?, start);
        let parked = car.end + b.prospect.search_s.round() as i64;
        let walk = StreetLeg::along(feet.mode, (lot, End::Stop(stop)), b.walk.path.clone(), parked);
        car.parking = Some(Parking { lot: b.lot.id, prospect: b.prospect, alternatives: Vec::new() });
        Some(vec![car, walk])
    };
    let before = plan.itineraries.len();
    riding.run(Modes::PARK_RIDE, &origins, feet, 1.0, &begin, plan);
    for itinerary in &mut plan.itineraries[before..] {
        itinerary.expected_end += (1.0 - itinerary.certainty()) * MISSED_S;
    }
}

/// How long before the arrival one parks, seconds, as long as the ride is not known.
const ASSUMED_RIDE_S: i64 = 2_400;
