//! By car to a place to park, then on foot.

use domain::availability::Availability;
use domain::geo::LatLon;

use super::risk::{Candidate, expected};
use super::street::{Ends, Feet, budget, gap_s, with_gaps};
use super::{End, Itinerary, LeftOut, Leg, Lot, Modes, Parking, PlanResult, Request, StreetLeg, When};
use crate::area::Area;
use crate::streets::{Direction, Link, Mode, Path, Tree, Workspace};

/// A lot with less chance than this is not worth driving to.
pub(super) const MIN_CHANCE: f64 = 0.2;

/// Most lots with an itinerary of their own; the others are alternatives.
const MAX_ITINERARIES_BY_CAR: usize = 4;

/// Lowest speed of a drive as the crow flies, m/s; it bounds the search.
const SLOWEST_MPS: f64 = 5.0;
/// Added to the longest drive that is searched, seconds.
const DRIVE_MARGIN_S: f64 = 300.0;

/// All drives from the origin, as far as a lot may be.
pub(super) fn tree<'a>(
    area: &'a Area,
    request: &'a Request<'_>,
    ends: &Ends,
    workspace: &'a mut Workspace,
) -> Option<Drive<'a>> {
    let lots = request.lots.iter().chain(request.park_ride);
    let farthest_m = lots.map(|lot| request.from.distance_m(lot.at)).reduce(f64::max)?;
    let limit_s = farthest_m / SLOWEST_MPS + DRIVE_MARGIN_S;
    let begin = ends.from_car?;
    let tree = area.network.tree(workspace, Mode::Car, begin, Direction::Forward, limit_s, budget(request));
    Some(Drive { tree, from: request.from, begin })
}

/// All drives from the origin.
pub(super) struct Drive<'a> {
    tree: Tree<'a>,
    from: LatLon,
    begin: Link,
}

impl Drive<'_> {
    pub fn is_cut(&self) -> bool {
        self.tree.cut
    }

    /// The quickest of several links: seconds and the link.
    pub fn nearest(&self, links: &[Link]) -> Option<(f64, Link)> {
        nearest(links, |link| Some(self.tree.duration_s(link)? + gap_s(&self.begin)))
    }

    /// The path to a link.
    pub fn path(&self, link: &Link) -> Option<Path> {
        Some(with_gaps(self.tree.path(link)?, Some((self.from, &self.begin)), None))
    }
}

fn nearest(links: &[Link], duration_s: impl Fn(&Link) -> Option<f64>) -> Option<(f64, Link)> {
    let reached = links.iter().filter_map(|link| Some((duration_s(link)?, *link)));
    reached.min_by(|a, b| a.0.total_cmp(&b.0))
}

/// A lot that can be reached.
struct Within<'a> {
    lot: &'a Lot<'a>,
    drive_s: f64,
    gate: Link,
    walk_s: f64,
    door: Link,
}

pub(super) fn plan(request: &Request<'_>, drive: &Drive<'_>, feet: &Feet<'_>, plan: &mut PlanResult) {
    let mut reached = Vec::new();
    for lot in request.lots {
        match drive.nearest(&lot.links.vehicle).zip(nearest(request.doors(lot), |link| feet.in_s(link))) {
            Some(((drive_s, gate), (walk_s, door))) => {
                reached.push(Within { lot, drive_s, gate, walk_s, door });
            }
            None => plan.left_out.push((lot.id, LeftOut::OutOfReach)),
        }
    }
    let availability = |within: &Within<'_>| -> Availability {
        let arrival = match request.when {
            When::DepartAt(time) => time + within.drive_s as i64,
            When::ArriveBy(time) => time - within.walk_s as i64,
        };
        request.predictor.availability(within.lot.id, arrival)
    };
    let candidates: Vec<Candidate> = reached
        .iter()
        .map(|w| Candidate { id: w.lot.id, at: w.lot.at, availability: availability(w), onward_s: w.walk_s })
        .collect();
    let is_offered = |c: &Candidate| c.availability.p().is_none_or(|p| p >= MIN_CHANCE);
    let offered: Vec<usize> = (0..candidates.len()).filter(|i| is_offered(&candidates[*i])).collect();
    for c in candidates.iter().filter(|c| !is_offered(c)) {
        plan.left_out.push((c.id, LeftOut::ProbablyFull { p: c.availability.p().unwrap_or(0.0) }));
    }
    let kept: Vec<Candidate> = offered.iter().map(|i| candidates[*i]).collect();
    let mut options_by_value: Vec<_> = (offered.iter().enumerate())
        .map(|(number, i)| {
            let (from_gate_s, alternatives) = expected(&kept, number);
            (reached[*i].drive_s + from_gate_s, *i, alternatives)
        })
        .collect();
    options_by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Of lots that are no better in any respect only the first gets an itinerary.
    let mut offered_lots: Vec<(f64, f64)> = Vec::new();
    for (expected_s, i, alternatives) in options_by_value {
        let (walk_s, p) =
            (reached[i].walk_s, candidates[i].availability.p().unwrap_or(super::risk::UNKNOWN_P));
        if offered_lots.len() == MAX_ITINERARIES_BY_CAR
            || offered_lots.iter().any(|(walk, chance)| *walk <= walk_s && *chance >= p)
        {
            continue;
        }
        offered_lots.push((walk_s, p));
        let parking =
            Parking { lot: reached[i].lot.id, availability: candidates[i].availability, alternatives };
        plan.itineraries.extend(itinerary(request, drive, feet, &reached[i], parking, expected_s));
    }
}

fn itinerary(
    request: &Request<'_>,
    drive: &Drive<'_>,
    feet: &Feet<'_>,
    within: &Within<'_>,
    parking: Parking,
    expected_s: f64,
) -> Option<Itinerary> {
    let (drive, walk) = (drive.path(&within.gate)?, feet.path_in(&within.door)?);
    let search_s = parking.availability.search_s.round() as i64;
    let lot = End::Lot(within.lot.id);
    let start = match request.when {
        When::DepartAt(time) => time,
        // Arriving in time includes the risk.
        When::ArriveBy(time) => time - expected_s.ceil() as i64,
    };
    let mut car = StreetLeg::along(Mode::Car, (End::Origin, lot), drive, start);
    let walk = StreetLeg::along(feet.mode, (lot, End::Destination), walk, car.end + search_s);
    car.parking = Some(parking);
    Some(Itinerary {
        modes: Modes::CAR,
        start,
        end: walk.end,
        expected_end: start as f64 + expected_s,
        transfers: 0,
        legs: vec![Leg::Street(car), Leg::Street(walk)],
        next_departures: Vec::new(),
    })
}
