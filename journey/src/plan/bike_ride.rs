//! By bike to a stop, then by transit.

use super::places::stops_in;
use super::street::{EndTree, budget};
use super::{End, Modes, Planning, StreetLeg};
use crate::streets::{Direction, Mode, Workspace};
use crate::timetable::StopIx;

/// Longest bike ride to a stop, seconds.
const MAX_BIKE_S: f64 = 900.0;
/// The distance in that time, metres.
const MAX_BIKE_M: f64 = 4_500.0;
/// Finding a stand and locking the bike, seconds.
const LOCK_S: i32 = 90;

impl Planning<'_, '_> {
    /// Adds itineraries by bike to a stop, and on by transit.
    pub fn bike_ride(&mut self, workspace: &mut Workspace) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let Some(end) = self.ends.from_bike else { return };
        let budget = budget(request);
        let tree = EndTree::new(area, workspace, Mode::Bike, end, Direction::Forward, MAX_BIKE_S, budget);
        self.plan.cut |= tree.is_cut();
        let mut origins = stops_in(area, Mode::Bike, request.from, MAX_BIKE_M, |to| tree.seconds(to));
        // Nobody takes a bus from where one walks to the destination.
        let foot = area.stops.of(Mode::Foot);
        origins.retain(|(stop, _)| foot[*stop as usize].is_none_or(|link| feet.to.seconds(&link).is_none()));
        for (_, seconds) in &mut origins {
            *seconds += LOCK_S;
        }
        let links = area.stops.of(Mode::Bike);
        let begin = |stop: StopIx, start: i64| {
            let path = tree.path(&links[stop as usize]?)?;
            Some(vec![StreetLeg::along(Mode::Bike, End::Origin, End::Stop(stop), path, start)])
        };
        self.ride(Modes::BIKE_RIDE, &origins, 1.0, &begin);
    }
}
