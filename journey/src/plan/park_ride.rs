//! By car to a park-and-ride site, then by transit.

use domain::availability::Availability;
use rustc_hash::FxHashMap;

use super::car::MIN_CHANCE;
use super::risk::{Alternative, Candidate, UNKNOWN_P, expected};
use super::street::EndTree;
use super::{End, LeftOut, Lot, Modes, Parking, Planning, Reached, StreetLeg, When};
use crate::area::StopWalk;
use crate::streets::{Link, Mode};
use crate::timetable::StopIx;

/// Cost of finding no space, seconds: the drive to the next lot, the wait for the next train.
const MISSED_S: f64 = 1_800.0;

/// Assumed time from parking to the arrival while the ride is not known, seconds.
const ASSUMED_RIDE_S: i64 = 2_400;
/// Speed of a ride as the crow flies, m/s, to compare lots by before the ride is known (30 km/h).
const ASSUMED_RIDE_MPS: f64 = 30.0 / 3.6;

/// Most lots per stop: the quickest, and slower ones that are more certain.
const MAX_LOTS_PER_STOP: usize = 3;
/// Smaller differences in certainty do not count.
const SAME_CERTAINTY: f64 = 0.05;

/// A lot that can be reached, with its availability.
struct Within<'a> {
    lot: &'a Lot<'a>,
    drive_s: f64,
    gate: Link,
    availability: Availability,
    alternatives: Vec<Alternative>,
}

/// The drive to a lot and the walk to a stop.
#[derive(Clone, Copy)]
struct Begins<'w, 'a> {
    within: &'w Within<'a>,
    walk: &'a StopWalk,
}

impl Begins<'_, '_> {
    fn seconds(&self) -> f64 {
        self.within.drive_s + self.within.availability.search_s + self.walk.path.duration_s
    }

    fn p(&self) -> f64 {
        self.within.availability.p().unwrap_or(UNKNOWN_P)
    }
}

impl<'a> Planning<'_, 'a> {
    /// Adds itineraries by car to a lot at a stop, and on by transit.
    pub fn park_ride(&mut self, drive: &EndTree<'_>) {
        let (request, mode) = (self.request, self.feet.mode);
        let lots = self.lots_within(drive);
        let by_stop = choices(&lots);
        let before = self.plan.itineraries.len();
        for rank in 0..MAX_LOTS_PER_STOP {
            let begins: FxHashMap<StopIx, Begins<'_, '_>> =
                by_stop.iter().filter_map(|(stop, choices)| Some((*stop, *choices.get(rank)?))).collect();
            if begins.is_empty() {
                break;
            }
            let mut origins: Reached =
                begins.iter().map(|(stop, b)| (*stop, b.seconds().ceil() as i32)).collect();
            origins.sort_unstable();
            let begin = |stop: StopIx, start: i64| {
                let Begins { within, walk } = begins.get(&stop)?;
                let lot = End::Lot(within.lot.id);
                let mut car = StreetLeg::along(Mode::Car, End::Origin, lot, drive.path(&within.gate)?, start);
                // The chance was estimated for a drive at once; the ride says when the car gets there.
                let availability = request.predictor.availability(within.lot.id, car.end);
                if availability.p().is_some_and(|p| p < MIN_CHANCE) {
                    return None;
                }
                let parked = car.end + within.availability.search_s.round() as i64;
                let walk = StreetLeg::along(mode, lot, End::Stop(stop), walk.path.clone(), parked);
                let alternatives = within.alternatives.clone();
                car.parking = Some(Parking { lot: within.lot.id, availability, alternatives });
                Some(vec![car, walk])
            };
            self.ride(Modes::PARK_RIDE, &origins, 1.0, &begin);
        }
        for itinerary in &mut self.plan.itineraries[before..] {
            itinerary.expected_end += (1.0 - itinerary.certainty()) * MISSED_S;
        }
    }

    /// Lots that one can drive to and that may have a space.
    fn lots_within(&mut self, drive: &EndTree<'_>) -> Vec<Within<'a>> {
        let (request, feet) = (self.request, self.feet);
        // From where one walks to the destination nobody takes a bus: those are places to park there.
        let is_there = |lot: &Lot<'_>| feet.to.nearest(request.doors(lot)).is_some();
        let mut lots: Vec<Within<'a>> = Vec::new();
        for lot in request.park_ride.iter().filter(|lot| !is_there(lot)) {
            let Some((drive_s, gate)) = drive.nearest(&lot.links.vehicle).filter(|_| !lot.stops.is_empty())
            else {
                self.plan.left_out.push((lot.id, LeftOut::OutOfReach));
                continue;
            };
            // When one must set out to arrive in time is not known yet: as if at once.
            let arrival = match request.when {
                When::DepartAt(time) => time + drive_s as i64,
                When::ArriveBy(time) => time - ASSUMED_RIDE_S,
            };
            let availability = request.predictor.availability(lot.id, arrival);
            if let Some(p) = availability.p().filter(|p| *p < MIN_CHANCE) {
                self.plan.left_out.push((lot.id, LeftOut::ProbablyFull { p }));
                continue;
            }
            lots.push(Within { lot, drive_s, gate, availability, alternatives: Vec::new() });
        }
        let candidates: Vec<Candidate> = lots
            .iter()
            .map(|Within { lot, availability, .. }| {
                let walk_s = lot.stops.iter().map(|walk| walk.path.duration_s).reduce(f64::min);
                let ride_s = lot.at.distance_m(request.to) / ASSUMED_RIDE_MPS;
                let onward_s = walk_s.unwrap_or(0.0) + ride_s;
                Candidate { id: lot.id, at: lot.at, availability: *availability, onward_s }
            })
            .collect();
        for (number, lot) in lots.iter_mut().enumerate() {
            lot.alternatives = expected(&candidates, number).1;
        }
        lots
    }
}

/// Of each stop the lots to come from: the quickest first, each further one more certain.
fn choices<'w, 'a>(lots: &'w [Within<'a>]) -> FxHashMap<StopIx, Vec<Begins<'w, 'a>>> {
    let mut by_stop: FxHashMap<StopIx, Vec<Begins<'w, 'a>>> = FxHashMap::default();
    for within in lots {
        for walk in within.lot.stops {
            by_stop.entry(walk.stop).or_default().push(Begins { within, walk });
        }
    }
    for choices in by_stop.values_mut() {
        choices.sort_by(|a, b| a.seconds().total_cmp(&b.seconds()));
        let mut most_certain = f64::NEG_INFINITY;
        choices.retain(|choice| {
            let is_better = choice.p() >= most_certain + SAME_CERTAINTY;
            most_certain = if is_better { choice.p() } else { most_certain };
            is_better
        });
    }
    by_stop
}
