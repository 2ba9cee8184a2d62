//! By car to a place to park, then on foot.

use super::risk::{Candidate, expected};
use super::street::{EndTree, Ends, Feet, budget, drive};
use super::{End, Itinerary, LeftOut, Leg, Lot, Modes, Parking, Planning, Request, StreetLeg, When};
use crate::area::Area;
use crate::streets::{Direction, Link, Mode, Path, Workspace};

/// A lot with less chance than this is not worth driving to.
pub(super) const MIN_CHANCE: f64 = 0.2;

/// Most lots with an itinerary of their own; the others are alternatives.
const MAX_ITINERARIES_BY_CAR: usize = 4;

/// Lowest speed of a drive as the crow flies, m/s; it bounds the search.
const SLOWEST_MPS: f64 = 5.0;
/// Added to the longest drive that is searched, seconds.
const DRIVE_MARGIN_S: f64 = 300.0;

/// Drives from the origin.
pub(super) enum Drive<'a> {
    /// As far as a place to park may be.
    To(EndTree<'a>),
    /// Where none is known: to the destination.
    Through(Option<Path>),
}

impl<'a> Drive<'a> {
    /// Searches them.
    pub fn new(
        area: &'a Area,
        request: &'a Request<'_>,
        ends: &Ends,
        workspace: &'a mut Workspace,
    ) -> Drive<'a> {
        if request.lots.is_empty() && request.park_ride.is_empty() {
            let is_wanted = request.modes.has(Modes::CAR);
            return Drive::Through(is_wanted.then(|| drive(area, request, ends, workspace)).flatten());
        }
        tree(area, request, ends, workspace).map_or(Drive::Through(None), Drive::To)
    }
}

/// All drives from the origin, as far as a lot may be.
fn tree<'a>(
    area: &'a Area,
    request: &'a Request<'_>,
    ends: &Ends,
    workspace: &'a mut Workspace,
) -> Option<EndTree<'a>> {
    let lots = request.lots.iter().chain(request.park_ride);
    let farthest_m = lots.map(|lot| request.from.distance_m(lot.at)).reduce(f64::max)?;
    let limit_s = farthest_m / SLOWEST_MPS + DRIVE_MARGIN_S;
    let (end, direction) = (ends.from_car?, Direction::Forward);
    Some(EndTree::new(area, workspace, Mode::Car, end, direction, limit_s, budget(request)))
}

/// A lot that can be reached.
struct Within<'a> {
    lot: &'a Lot<'a>,
    drive_s: f64,
    gate: Link,
    walk_s: f64,
    door: Link,
}

impl Planning<'_, '_> {
    /// Adds itineraries by car to each lot near the destination, and on foot from there.
    pub fn car(&mut self, drive: &EndTree<'_>) {
        let (request, feet) = (self.request, self.feet);
        let mut reached = Vec::new();
        for lot in request.lots {
            match drive.nearest(&lot.links.vehicle).zip(feet.to.nearest(request.doors(lot))) {
                Some(((drive_s, gate), (walk_s, door))) => {
                    reached.push(Within { lot, drive_s, gate, walk_s, door });
                }
                None => self.plan.left_out.push((lot.id, LeftOut::OutOfReach)),
            }
        }
        let candidate = |within: &Within<'_>| {
            let arrival = match request.when {
                When::DepartAt(time) => time + within.drive_s as i64,
                When::ArriveBy(time) => time - within.walk_s as i64,
            };
            let Lot { id, at, .. } = *within.lot;
            let availability = request.predictor.availability(id, arrival);
            Candidate { id, at, availability, onward_s: within.walk_s }
        };
        let (offered, full): (Vec<_>, Vec<_>) = (reached.iter().map(|within| (within, candidate(within))))
            .partition(|(_, c)| c.availability.p().is_none_or(|p| p >= MIN_CHANCE));
        self.plan.left_out.extend(
            full.iter().map(|(_, c)| (c.id, LeftOut::ProbablyFull { p: c.availability.p().unwrap_or(0.0) })),
        );
        let candidates: Vec<Candidate> = offered.iter().map(|(_, candidate)| *candidate).collect();
        let mut by_value: Vec<_> = (offered.iter().enumerate())
            .map(|(number, (within, candidate))| {
                let (from_gate_s, alternatives) = expected(&candidates, number);
                (within.drive_s + from_gate_s, within, candidate, alternatives)
            })
            .collect();
        by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Of lots that are no better in any respect only the first gets an itinerary.
        let mut shown: Vec<(f64, f64)> = Vec::new();
        for (expected_s, within, candidate, alternatives) in by_value {
            let (walk_s, p) = (within.walk_s, candidate.p());
            if shown.len() == MAX_ITINERARIES_BY_CAR
                || shown.iter().any(|(walk, chance)| *walk <= walk_s && *chance >= p)
            {
                continue;
            }
            shown.push((walk_s, p));
            let parking = Parking { lot: candidate.id, availability: candidate.availability, alternatives };
            self.plan.itineraries.extend(itinerary(request, drive, feet, within, parking, expected_s));
        }
    }
}

fn itinerary(
    request: &Request<'_>,
    drive: &EndTree<'_>,
    feet: &Feet<'_>,
    within: &Within<'_>,
    parking: Parking,
    expected_s: f64,
) -> Option<Itinerary> {
    let (drive, walk) = (drive.path(&within.gate)?, feet.to.path(&within.door)?);
    let search_s = parking.availability.search_s.round() as i64;
    let lot = End::Lot(within.lot.id);
    let start = match request.when {
        When::DepartAt(time) => time,
        // Arriving in time includes the risk.
        When::ArriveBy(time) => time - expected_s.ceil() as i64,
    };
    let mut car = StreetLeg::along(Mode::Car, End::Origin, lot, drive, start);
    let walk = StreetLeg::along(feet.mode, lot, End::Destination, walk, car.end + search_s);
    car.parking = Some(parking);
    let itinerary = Itinerary::new(Modes::CAR, start, walk.end, vec![Leg::Street(car), Leg::Street(walk)]);
    Some(Itinerary { expected_end: start as f64 + expected_s, ..itinerary })
}
