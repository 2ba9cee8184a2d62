//! By bike to a stop, then by transit.

use super::places::stops_in;
use super::street::{Ends, Feet, budget, gap_s, with_gaps};
use super::transit::Riding;
use super::{End, Modes, PlanResult, StreetLeg};
use crate::area::Access;
use crate::streets::{Direction, Mode, Workspace};
use crate::timetable::StopIx;

/// Longest bike ride to a stop, seconds.
const MAX_BIKE_S: f64 = 900.0;
/// The distance in that time, metres.
const MAX_BIKE_M: f64 = 4_500.0;
/// Finding a stand and locking the bike, seconds.
const LOCK_S: i32 = 90;

pub(super) fn plan(
    riding: &mut Riding<'_, '_>,
    ends: &Ends,
    feet: &Feet<'_>,
    workspace: &mut Workspace,
    plan: &mut PlanResult,
) {
    let (area, request) = (riding.area, riding.request);
    let Some(link) = ends.from_bike else { return };
    let network = &area.network;
    let tree = network.tree(workspace, Mode::Bike, link, Direction::Forward, MAX_BIKE_S, budget(request));
    plan.cut |= tree.cut;
    let mut origins = stops_in(area, Access::Bike, (request.from, MAX_BIKE_M), |to| {
        Some(tree.duration_s(to)? + gap_s(&link))
    });
    // Nobody takes a bus from where one walks to the destination.
    let foot = area.stops.of(Access::Foot);
    origins.retain(|(stop, _)| foot[*stop as usize].is_none_or(|link| feet.in_s(&link).is_none()));
    for (_, seconds) in &mut origins {
        *seconds += LOCK_S;
    }
    let links = area.stops.of(Access::Bike);
    let begin = |stop: StopIx, start: i64| {
        let path = with_gaps(tree.path(&links[stop as usize]?)?, Some((request.from, &link)), None);
        Some(vec![StreetLeg::along(Mode::Bike, (End::Origin, End::Stop(stop)), path, start)])
    };
    riding.run(Modes::BIKE_RIDE, &origins, feet, 1.0, &begin, plan);
}
