//! Where vehicles are taken near the origin, and returned near the destination.

use domain::geo::{LatLon, Ruler};

use super::super::street::gap_s;
use super::super::{End, Planning, SNAP_LIMIT_M};
use super::{Key, MIN_CHANCE, NO_DOCK_S, NO_VEHICLE_S, NoRental, Rentals, Renting, UNKNOWN_P};
use crate::rental::{SpotNumber, may_end};
use crate::streets::{Coord, Direction, Link, Mode, Path};

/// Where a vehicle is left that must not be left at the destination: on rings of these radii around it, metres.
const RINGS_M: [f64; 5] = [75.0, 150.0, 250.0, 400.0, 600.0];
/// Points on a ring.
const ON_RING: u32 = 12;

/// A spot where a vehicle is taken.
pub(super) struct PickUp {
    pub key: Key,
    pub spot: SpotNumber,
    pub at: LatLon,
    pub walk_s: f64,
    /// With the risk of finding no vehicle.
    pub cost_s: f64,
    pub foot: Link,
    pub street: Link,
}

/// A place where a vehicle is returned.
pub(super) struct DropOff {
    pub key: Key,
    pub end: End,
    pub at: LatLon,
    /// Where the vehicle goes to the destination itself: between it and its street.
    pub walk_s: f64,
    /// With the risk of finding no dock.
    pub cost_s: f64,
    /// `None`: the destination itself.
    pub foot: Option<Link>,
    pub street: Link,
}

impl<'a> Planning<'_, 'a> {
    /// The spots near the origin, those first that cost least.
    pub(super) fn pick_ups(&self, renting: &mut Renting<'a>) -> Vec<PickUp> {
        let (from, radius_m) = (self.request.from, self.request.max_walk_m);
        let asked = renting.asked;
        let mut ups: Vec<PickUp> = Vec::new();
        for (system, linked) in asked.systems.iter().enumerate() {
            if !linked.is_near(from, radius_m) {
                continue;
            }
            let walk = |spot: &SpotNumber| {
                let foot = linked.spot(*spot).foot?;
                Some((self.feet.from.seconds(&foot)?, *spot, foot))
            };
            let mut near: Vec<(f64, SpotNumber, Link)> =
                linked.around(from, radius_m).iter().filter_map(walk).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            for key in renting.types(system) {
                let Some(fleet) = renting.fleet(key) else { continue };
                let is_one_way = fleet.returns_to_stations() || fleet.returns_anywhere();
                let own = near.iter().filter(|(_, spot, _)| is_of(asked, key, *spot));
                for &(walk_s, spot, foot) in own {
                    let is_stale = matches!(spot, SpotNumber::Vehicle(_)) && asked.stocks.is_stale(system);
                    if !is_one_way {
                        renting.lose(key, Some(spot), NoRental::RoundTrip);
                        break;
                    }
                    if is_stale {
                        renting.lose(key, Some(spot), NoRental::Stale);
                        continue;
                    }
                    let Some(street) = linked.spot(spot).street(fleet.mode) else { continue };
                    let p = asked.stocks.vehicle(system, spot, key.1, self.about_s(walk_s));
                    if p.is_some_and(|p| p < MIN_CHANCE) {
                        renting.lose(key, Some(spot), NoRental::NoVehicle);
                        continue;
                    }
                    let cost_s = walk_s + (1.0 - p.unwrap_or(UNKNOWN_P)) * NO_VEHICLE_S;
                    let at = linked.spot(spot).at;
                    ups.push(PickUp { key, spot, at, walk_s, cost_s, foot, street });
                }
            }
        }
        ups.sort_by(|a, b| a.cost_s.total_cmp(&b.cost_s));
        ups
    }

    /// The places near the destination, those first that cost least. Where none is of a type that is near the origin, why.
    pub(super) fn drop_offs(&self, renting: &mut Renting<'a>, ups: &[PickUp]) -> Vec<DropOff> {
        let (to, radius_m) = (self.request.to, self.request.max_walk_m);
        let mut offs: Vec<DropOff> = Vec::new();
        for (system, linked) in renting.asked.systems.iter().enumerate() {
            if !linked.is_near(to, radius_m) {
                continue;
            }
            let walk = |spot: &SpotNumber| {
                let SpotNumber::Station(station) = *spot else { return None };
                let foot = linked.spot(*spot).foot?;
                Some((self.feet.to.seconds(&foot)?, station, foot))
            };
            let mut near: Vec<(f64, u32, Link)> =
                linked.around(to, radius_m).iter().filter_map(walk).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            for key in renting.types(system) {
                let Some(fleet) = renting.fleet(key) else { continue };
                let is_wanted = ups.iter().any(|up| up.key == key);
                let stations = near.iter().filter(|_| fleet.returns_to_stations());
                for &(walk_s, station, foot) in stations {
                    let spot = SpotNumber::Station(station);
                    let Some(street) = linked.spot(spot).street(fleet.mode) else { continue };
                    let p = renting.asked.stocks.dock(system, station, key.1, self.about_s(0.0));
                    if p.is_some_and(|p| p < MIN_CHANCE) {
                        if is_wanted {
                            renting.lose(key, Some(spot), NoRental::NoDock);
                        }
                        continue;
                    }
                    let cost_s = walk_s + (1.0 - p.unwrap_or(UNKNOWN_P)) * NO_DOCK_S;
                    let (end, at) = (End::Rental { system, spot }, linked.spot(spot).at);
                    offs.push(DropOff { key, end, at, walk_s, cost_s, foot: Some(foot), street });
                }
                if fleet.returns_anywhere() {
                    match self.free_end(renting, key) {
                        Some(off) => offs.push(off),
                        None if is_wanted && linked.is_used_at(to) => {
                            renting.lose(key, None, NoRental::NoReturnZone);
                        }
                        None => {}
                    }
                }
            }
        }
        offs.sort_by(|a, b| a.cost_s.total_cmp(&b.cost_s));
        offs
    }

    /// The destination, or where a vehicle may be left near it: on the smallest ring where that is anywhere, nearest to
    /// where one comes from.
    fn free_end(&self, renting: &Renting<'_>, key: Key) -> Option<DropOff> {
        let (request, linked) = (self.request, renting.linked(key));
        let mode = renting.fleet(key)?.mode;
        let now = renting.asked.stocks.now();
        let may_end = |at: LatLon| linked.is_used_at(at) && may_end(&linked.system, key.1, at, now);
        if may_end(request.to) {
            let links = self.area.network.snap_end(
                mode,
                Direction::Backward,
                request.closed,
                request.to,
                SNAP_LIMIT_M,
                1,
            );
            let street = *links.first()?;
            let (end, at, walk_s) = (End::Destination, request.to, gap_s(&street));
            return Some(DropOff { key, end, at, walk_s, cost_s: walk_s, foot: None, street });
        }
        let ruler = Ruler::at(request.from);
        RINGS_M.iter().filter(|radius_m| **radius_m <= request.max_walk_m).find_map(|radius_m| {
            let ring = ring(request.to, *radius_m).filter(|at| may_end(*at));
            let reached = ring.filter_map(|at| {
                let link = |mode: Mode| self.area.network.snap(mode, at, radius_m / 2.0, 1).first().copied();
                let (foot, street) = link(self.feet.mode).zip(link(mode))?;
                // Where it is left is the street, not the point beside it.
                let at = street.at.degrees();
                let walk_s = self.feet.to.seconds(&foot).filter(|_| may_end(at))?;
                let end = End::Street(Coord::from(at));
                Some(DropOff { key, end, at, walk_s, cost_s: walk_s, foot: Some(foot), street })
            });
            reached.min_by(|a, b| {
                let far_m = |off: &DropOff| ruler.distance_m(off.at);
                far_m(a).total_cmp(&far_m(b))
            })
        })
    }
}

/// Whether a type of vehicle may be taken at a spot.
pub(super) fn is_of(asked: Rentals<'_>, key: Key, spot: SpotNumber) -> bool {
    let system = &asked.systems[key.0].system;
    match spot {
        SpotNumber::Station(station) => {
            let status = system.stations[station as usize].status.as_ref();
            let by_type = status.map(|status| &status.by_type).filter(|by_type| !by_type.is_empty());
            by_type.is_none_or(|by_type| by_type.iter().any(|(t, _)| *t == key.1))
        }
        SpotNumber::Vehicle(number) => {
            let vehicle = &system.vehicles[number as usize];
            let now = asked.stocks.now();
            vehicle.vehicle_type == key.1
                && vehicle.is_usable()
                && system.permissions(vehicle.at, key.1, now).start
        }
    }
}

impl DropOff {
    /// The ride to its street, and on to the destination where it goes there.
    pub fn to_the_end(&self, mut path: Path) -> Path {
        if self.foot.is_none() {
            path.duration_s += self.walk_s;
            path.distance_m += f64::from(self.street.gap_m);
            path.points.push(self.at);
        }
        path
    }
}

/// Points on a circle.
fn ring(center: LatLon, radius_m: f64) -> impl Iterator<Item = LatLon> {
    let bounds = center.around(radius_m);
    let (height, width) = ((bounds.north - bounds.south) / 2.0, (bounds.east - bounds.west) / 2.0);
    (0..ON_RING).map(move |step| {
        let angle = f64::from(step) / f64::from(ON_RING) * std::f64::consts::TAU;
        LatLon { lat: center.lat + angle.sin() * height, lon: center.lon + angle.cos() * width }
    })
}
