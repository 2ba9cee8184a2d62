//! By bike to a stop, then by transit: without the bike, or with it to another stop, and on.

use rustc_hash::{FxHashMap, FxHashSet};

use super::places::stops_in;
use super::street::{EndTree, budget};
use super::transit::{Begin, MAX_RIDES};
use super::{End, Lost, Modes, Planning, Reached, StreetLeg, WhichPage};
use crate::overlay::Runs;
use crate::raptor::{Query, Ride};
use crate::streets::{Direction, Mode, Workspace};
use crate::timetable::{Access, Permission, StopIx};

/// Longest bike ride to a stop, seconds.
const MAX_BIKE_S: f64 = 900.0;
/// The distance in that time, metres.
const MAX_BIKE_M: f64 = 4_500.0;
/// Finding a stand and locking the bike, seconds.
const LOCK_S: i32 = 90;

impl Planning<'_, '_> {
    /// Adds itineraries by bike to a stop, and on by transit: without the bike where `leave` holds, with it where `take` holds.
    pub fn bike_ride(&mut self, leave: bool, take: bool, [from, to]: [&mut Workspace; 2]) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let Some(end) = self.ends.from_bike else { return };
        let budget = budget(request);
        let tree = EndTree::new(area, from, Mode::Bike, end, Direction::Forward, MAX_BIKE_S, budget);
        self.plan.cut |= tree.is_cut();
        let mut origins = stops_in(area, Mode::Bike, request.from, MAX_BIKE_M, |to| tree.seconds(to));
        // Nobody takes a bus from where one walks to the destination.
        let foot = area.stops.of(Mode::Foot);
        origins.retain(|(stop, _)| foot[*stop as usize].is_none_or(|link| feet.to.seconds(&link).is_none()));
        let links = area.stops.of(Mode::Bike);
        let begin = |stop: StopIx, start: i64| {
            // Who starts at the stop needs no bicycle to get there.
            let path = tree.path(&links[stop as usize]?).filter(|path| path.distance_m >= 1.0)?;
            Some(vec![StreetLeg::along(Mode::Bike, End::Origin, End::Stop(stop), path, start)])
        };
        if take {
            self.bike_on_board(&origins, &begin, to);
        }
        if leave {
            for (_, seconds) in &mut origins {
                *seconds += LOCK_S;
            }
            self.ride(Modes::BIKE_RIDE, &origins, 1.0, &begin);
        }
    }

    /// On by transit with the bike, and by bike from the last stop.
    fn bike_on_board(&mut self, origins: &Reached, begin: &Begin<'_>, workspace: &mut Workspace) {
        let (area, request) = (self.area, self.request);
        let Some(end) = self.ends.to_bike else { return };
        let budget = budget(request);
        let tree = EndTree::new(area, workspace, Mode::Bike, end, Direction::Backward, MAX_BIKE_S, budget);
        self.plan.cut |= tree.is_cut();
        let mut destinations = stops_in(area, Mode::Bike, request.to, MAX_BIKE_M, |from| tree.seconds(from));
        // A stop that both rides reach belongs to the end that is nearer: who rides all the way needs no bus.
        let seconds: FxHashMap<StopIx, i32> = origins.iter().copied().collect();
        destinations.retain(|(stop, after_s)| seconds.get(stop).is_none_or(|before_s| after_s < before_s));
        let taken: FxHashSet<StopIx> = destinations.iter().map(|(stop, _)| *stop).collect();
        let origins: Reached = origins.iter().copied().filter(|(stop, _)| !taken.contains(stop)).collect();
        let links = area.stops.of(Mode::Bike);
        let finish = |stop: StopIx, start: i64| {
            let path = tree.path(&links[stop as usize]?)?;
            Some(vec![StreetLeg::along(Mode::Bike, End::Stop(stop), End::Destination, path, start)])
        };
        let before = self.plan.itineraries.len();
        self.ride_between(Modes::BIKE_ON_BOARD, [&origins, &destinations], false, begin, &finish);
        // Who asks for transit as well sees what there is without the bike.
        let is_first = !matches!(request.page.which, WhichPage::Back);
        let found = self.plan.itineraries.len() > before;
        if is_first && !found && !request.modes.has(Modes::TRANSIT) && request.chosen.is_none() {
            self.note_without_bikes(&origins, &destinations);
        }
    }

    /// Notes the rides of what would be found if all vehicles took bicycles.
    fn note_without_bikes(&mut self, origins: &Reached, destinations: &Reached) {
        let (area, request) = (self.area, self.request);
        let (day, midnight, when) = self.day_and_when();
        let query = Query {
            max_rides: MAX_RIDES,
            min_change_s: request.min_transfer_s,
            walk_at_ends: false,
            booked: Some(request.booked()),
            ..Query::new(origins, destinations, day, when)
        };
        let answer = self.search.run_late(&query, self.overlay, &mut || (request.is_over)());
        let runs = Runs { timetable: &area.timetable, overlay: self.overlay };
        let takes_none = |ride: &Ride| {
            let trip = runs.like(ride.trip).and_then(|trip| area.timetable.trips.get(trip as usize));
            let is_known = trip.is_some_and(|trip| trip.bikes == Permission::Possible);
            (!is_known).then_some(Lost::BikesNotAllowed)
        };
        self.lose(&answer.journeys, midnight, takes_none);
        self.keep_first_lost();
    }

    /// Who boards vehicles.
    pub(super) fn access_of(&self, modes: Modes) -> Access {
        if modes == Modes::BIKE_ON_BOARD { Access::WithBike } else { self.request.access }
    }
}
