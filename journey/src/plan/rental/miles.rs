//! A shared vehicle to a stop, or from one.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::super::places::stops_in;
use super::super::street::{EndTree, budget};
use super::super::transit::{walk_from_stop, walk_to_stop};
use super::super::{End, Modes, Planning, Reached, Request, StreetLeg};
use super::ends::is_of;
use super::{
    DropOff, Key, MIN_CHANCE, NO_DOCK_S, NO_VEHICLE_S, PickUp, RETURN_S, Rentals, Renting, UNKNOWN_P,
    UNLOCK_S, range_m, walk,
};
use crate::area::Area;
use crate::rental::SpotNumber;
use crate::streets::{Direction, Link, Mode, Path, Tree, Workspace};
use crate::timetable::StopIx;

/// Longest way to or from a stop with the risks on it, seconds.
const MAX_COST_S: f64 = 1_500.0;
/// Longest ride to or from a stop as the crow flies, metres.
const MAX_RIDE_M: f64 = 4_500.0;
/// Assumed time from the departure to the ride from a stop, seconds.
const ASSUMED_BEFORE_S: f64 = 1_800.0;

/// How one gets from the origin to a stop, or from a stop to the destination.
#[derive(Clone, Copy)]
struct Way {
    /// Number of the tree.
    tree: usize,
    /// Where the vehicle is returned (taken).
    end: End,
    street: Link,
    /// Without the risk at the origin of the tree.
    seconds: f64,
    /// With it, and that of the other end.
    cost_s: f64,
}

/// Of each stop the way that costs least.
type Ways = FxHashMap<StopIx, Way>;

fn offer(ways: &mut Ways, stop: StopIx, way: Way) {
    let held = ways.entry(stop).or_insert(way);
    if way.cost_s < held.cost_s {
        *held = way;
    }
}

/// Spots of one type of vehicle, and the rides from (to) the best of them.
struct Rides<'s, 't, S> {
    spots: Vec<&'s S>,
    key: Key,
    tree: Tree<'t>,
}

impl<'a> Planning<'_, 'a> {
    /// Adds itineraries with a shared vehicle to a stop, and on by transit.
    pub(super) fn rent_to_stops(
        &mut self,
        renting: &Renting<'a>,
        ups: &[PickUp],
        workspaces: [&mut Workspace; 2],
        walks: &Walks<'_>,
    ) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let begins = |up: &PickUp| (up.key, up.street, up.cost_s);
        let all = rides(area, request, renting, (ups, begins), Direction::Forward, workspaces);
        self.plan.cut |= all.iter().any(|rides| rides.tree.cut);
        let mut ways = Ways::default();
        for (number, rides) in all.iter().enumerate() {
            self.ways_to_stations(renting, rides, number, &mut ways);
            self.ways_to_bare_stops(renting, rides, number, &mut ways);
        }
        let foot = area.stops.of(request.foot());
        keep_useful(&mut ways, foot, [&feet.from, &feet.to]);
        let mut origins = Reached::new();
        ways.retain(|stop, way| {
            let rides = &all[way.tree];
            let Some(up) = rides.tree.origin_of(&way.street).map(|origin| rides.spots[origin]) else {
                return false;
            };
            let goes = range_m(renting.system(up.key), up.key.1, up.spot).unwrap_or(f64::INFINITY);
            let is_far = || rides.tree.reach(&way.street).is_none_or(|reach| reach.distance_m > goes);
            if goes < 2.0 * MAX_RIDE_M && is_far() {
                return false;
            }
            origins.push((*stop, (way.seconds - (up.cost_s - up.walk_s)).ceil() as i32));
            true
        });
        origins.sort_unstable();
        let begin = |stop: StopIx, start: i64| {
            let way = ways.get(&stop)?;
            let rides = &all[way.tree];
            let (origin, path) = rides.tree.path_of(&way.street)?;
            let up = rides.spots[origin];
            let from = End::Rental { system: up.key.0, spot: up.spot };
            let first = walk(feet, [End::Origin, from], &up.foot, start)?;
            let ride = renting.leg(up.key, [from, way.end], path, first.end)?;
            let ended = ride.end;
            let mut legs = vec![first, ride];
            if let End::Rental { spot, .. } = way.end {
                let path = walks.between(renting.linked(up.key).spot(spot).foot, foot[stop as usize])?;
                legs.push(StreetLeg::along(feet.mode, way.end, End::Stop(stop), path, ended));
            }
            Some(legs)
        };
        let destinations = self.destinations.clone();
        let finish = walk_from_stop(area, request, feet);
        self.ride_between(Modes::RENTAL, [&origins, &destinations], false, &begin, &finish);
    }

    /// To stations from which one walks to a stop.
    fn ways_to_stations(
        &self,
        renting: &Renting<'_>,
        rides: &Rides<'_, '_, PickUp>,
        number: usize,
        ways: &mut Ways,
    ) {
        let Rides { key, tree, .. } = rides;
        let linked = renting.linked(*key);
        let Some(fleet) = renting.fleet(*key).filter(|fleet| fleet.returns_to_stations()) else { return };
        for spot in linked.around(self.request.from, MAX_RIDE_M) {
            let SpotNumber::Station(station) = spot else { continue };
            let there = linked.spot(spot);
            let Some(street) = there.street(fleet.mode).filter(|_| !there.stops.is_empty()) else { continue };
            let Some(ridden_s) = tree.duration_s(&street) else { continue };
            let seconds = ridden_s + UNLOCK_S + RETURN_S;
            let dock_p = renting.asked.stocks.dock(key.0, station, key.1, self.about_s(seconds));
            if dock_p.is_some_and(|p| p < MIN_CHANCE) {
                continue;
            }
            let risk_s = (1.0 - dock_p.unwrap_or(UNKNOWN_P)) * NO_DOCK_S;
            let end = End::Rental { system: key.0, spot };
            for (stop, walk_s) in &there.stops {
                let seconds = seconds + f64::from(*walk_s);
                let cost_s = seconds + risk_s;
                offer(ways, *stop, Way { tree: number, end, street, seconds, cost_s });
            }
        }
    }

    /// To stops at which the vehicle may be left.
    fn ways_to_bare_stops(
        &self,
        renting: &Renting<'_>,
        rides: &Rides<'_, '_, PickUp>,
        number: usize,
        ways: &mut Ways,
    ) {
        let (area, request) = (self.area, self.request);
        let Rides { key, tree, .. } = rides;
        let linked = renting.linked(*key);
        let Some(fleet) = renting.fleet(*key).filter(|fleet| fleet.returns_anywhere()) else { return };
        let links = area.stops.of(Mode::Bike);
        let reached = stops_in(area, Mode::Bike, request.from, MAX_RIDE_M, |link| tree.duration_s(link));
        for (stop, ridden_s) in reached {
            let is_allowed = fleet.may_leave_at(stop) && linked.is_used_at(area.timetable.stops.point(stop));
            let Some(street) = links[stop as usize].filter(|_| is_allowed) else { continue };
            let seconds = f64::from(ridden_s) + UNLOCK_S + RETURN_S;
            let end = End::Stop(stop);
            offer(ways, stop, Way { tree: number, end, street, seconds, cost_s: seconds });
        }
    }

    /// Adds itineraries by transit, with a shared vehicle from the last stop on.
    pub(super) fn rent_from_stops(
        &mut self,
        renting: &Renting<'a>,
        offs: &[DropOff],
        workspaces: [&mut Workspace; 2],
        walks: &Walks<'_>,
    ) {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let begins = |off: &DropOff| (off.key, off.street, off.cost_s);
        let all = rides(area, request, renting, (offs, begins), Direction::Backward, workspaces);
        self.plan.cut |= all.iter().any(|rides| rides.tree.cut);
        let mut ways = Ways::default();
        for (number, rides) in all.iter().enumerate() {
            self.ways_from_spots(renting, rides, number, &mut ways);
        }
        let foot = area.stops.of(request.foot());
        keep_useful(&mut ways, foot, [&feet.to, &feet.from]);
        let mut destinations = Reached::new();
        ways.retain(|stop, way| {
            let rides = &all[way.tree];
            let Some(off) = rides.tree.origin_of(&way.street).map(|origin| rides.spots[origin]) else {
                return false;
            };
            destinations.push((*stop, (way.seconds - (off.cost_s - off.walk_s)).ceil() as i32));
            true
        });
        destinations.sort_unstable();
        let finish = |stop: StopIx, start: i64| {
            let way = ways.get(&stop)?;
            let rides = &all[way.tree];
            let (origin, path) = rides.tree.path_of(&way.street)?;
            let off = rides.spots[origin];
            let path = off.to_the_end(path);
            let End::Rental { spot, .. } = way.end else { return None };
            let way_to = walks.between(foot[stop as usize], renting.linked(off.key).spot(spot).foot)?;
            let first = StreetLeg::along(feet.mode, End::Stop(stop), way.end, way_to, start);
            let ride = renting.leg(off.key, [way.end, off.end], path, first.end)?;
            let ended = ride.end;
            let mut legs = vec![first, ride];
            if let Some(foot) = off.foot {
                legs.push(walk(feet, [off.end, End::Destination], &foot, ended)?);
            }
            Some(legs)
        };
        let origins = if destinations.is_empty() { Reached::new() } else { self.walks_to_stops() };
        let begin = walk_to_stop(area, request, feet);
        self.ride_between(Modes::RENTAL, [&origins, &destinations], false, &begin, &finish);
    }

    /// From stops to spots near them, and on.
    fn ways_from_spots(
        &self,
        renting: &Renting<'_>,
        rides: &Rides<'_, '_, DropOff>,
        number: usize,
        ways: &mut Ways,
    ) {
        let Rides { key, tree, .. } = rides;
        let Rentals { stocks, .. } = renting.asked;
        let linked = renting.linked(*key);
        let Some(fleet) = renting.fleet(*key) else { return };
        let is_stale = stocks.is_stale(key.0);
        for spot in linked.around(self.request.to, MAX_RIDE_M) {
            let there = linked.spot(spot);
            let is_lost = is_stale && matches!(spot, SpotNumber::Vehicle(_));
            if is_lost || there.stops.is_empty() || !is_of(renting.asked, *key, spot) {
                continue;
            }
            let Some(street) = there.street(fleet.mode) else { continue };
            let Some(ridden_s) = tree.duration_s(&street) else { continue };
            let goes = range_m(renting.system(*key), key.1, spot).unwrap_or(f64::INFINITY);
            let is_far = || tree.reach(&street).is_none_or(|reach| reach.distance_m > goes);
            if goes < 2.0 * MAX_RIDE_M && is_far() {
                continue;
            }
            let p = stocks.vehicle(key.0, spot, key.1, self.about_s(ASSUMED_BEFORE_S));
            if p.is_some_and(|p| p < MIN_CHANCE) {
                continue;
            }
            let risk_s = (1.0 - p.unwrap_or(UNKNOWN_P)) * NO_VEHICLE_S;
            let end = End::Rental { system: key.0, spot };
            for (stop, walk_s) in &there.stops {
                let seconds = f64::from(*walk_s) + UNLOCK_S + ridden_s + RETURN_S;
                let cost_s = seconds + risk_s;
                offer(ways, *stop, Way { tree: number, end, street, seconds, cost_s });
            }
        }
    }
}

/// The rides from (to) the spots of each type, of as many types as there are workspaces. `begins`: the type of a spot, its
/// street, and the cost at which a ride begins there.
fn rides<'s, 't, S>(
    area: &'t Area,
    request: &'t Request<'_>,
    renting: &'t Renting<'_>,
    (spots, begins): (&'s [S], impl Fn(&S) -> (Key, Link, f64)),
    direction: Direction,
    workspaces: [&'t mut Workspace; 2],
) -> Vec<Rides<'s, 't, S>> {
    let types = by_type(spots, |spot| begins(spot).0, renting).into_iter().zip(workspaces);
    let of_type = types.map(|(spots, workspace)| {
        let (key, ..) = begins(spots[0]);
        let origins = spots.iter().map(|spot| begins(spot)).map(|(_, street, cost_s)| (street, cost_s));
        let budget = renting.budget(budget(request), key);
        let tree = area.network.tree_of_many(workspace, Mode::Bike, origins, direction, MAX_COST_S, budget);
        Rides { spots, key, tree }
    });
    of_type.collect()
}

/// Drops ways to where one walks as fast from `here`, and stops from which one walks to the other end of the journey: nobody
/// takes a bus there.
fn keep_useful(ways: &mut Ways, foot: &[Option<Link>], [here, there]: [&EndTree<'_>; 2]) {
    ways.retain(|stop, way| {
        let Some(link) = foot[*stop as usize] else { return true };
        there.seconds(&link).is_none() && here.seconds(&link).is_none_or(|walk_s| way.cost_s < walk_s)
    });
}

/// Spots of the types that are ridden like bicycles, the type first whose best spot costs least: with others nobody goes to a
/// bus.
fn by_type<'s, S>(spots: &'s [S], key: impl Fn(&S) -> Key, renting: &Renting<'_>) -> Vec<Vec<&'s S>> {
    let mut types: Vec<Vec<&S>> = Vec::new();
    for spot in spots {
        let key_of = key(spot);
        if renting.fleet(key_of).is_none_or(|fleet| fleet.mode != Mode::Bike) {
            continue;
        }
        match types.iter_mut().find(|held| key(held[0]) == key_of) {
            Some(held) => held.push(spot),
            None => types.push(vec![spot]),
        }
    }
    types
}

/// Finds walks between spots and stops, of those journeys alone that are found.
pub(super) struct Walks<'w> {
    area: &'w Area,
    request: &'w Request<'w>,
    workspace: RefCell<&'w mut Workspace>,
}

impl<'w> Walks<'w> {
    /// With a workspace of their own.
    pub fn new(area: &'w Area, request: &'w Request<'w>, workspace: &'w mut Workspace) -> Self {
        Walks { area, request, workspace: RefCell::new(workspace) }
    }

    fn between(&self, from: Option<Link>, to: Option<Link>) -> Option<Path> {
        let (from, to) = from.zip(to)?;
        let workspace = &mut **self.workspace.borrow_mut();
        self.area.network.route(workspace, Mode::Foot, from, &to, budget(self.request)).path(&to)
    }
}
