//! With shared vehicles: alone, to a stop, and from a stop.
//!
//! Of each type of vehicle within a walk of an end the spots are compared that cost least, where a vehicle or a dock that is
//! missing costs the way to another one. A ride keeps to the streets, the range and the ends that its type allows.

mod direct;
mod ends;
mod miles;

use domain::rental::{System, TypeIndex};
use rustc_hash::FxHashMap;

use super::street::Feet;
use super::{End, Leg, Planning, StreetLeg, When};
use crate::rental::{Fleet, Forms, Linked, SpotNumber};
use crate::streets::{Budget, Closed, Link, Path, Workspace};

use ends::{DropOff, PickUp};
use miles::Walks;

/// Unlocking a vehicle, seconds (own estimate).
const UNLOCK_S: f64 = 60.0;
/// Parking and locking it, seconds (own estimate).
const RETURN_S: f64 = 60.0;
/// Cost of finding no vehicle, seconds: the way to another one.
const NO_VEHICLE_S: f64 = 600.0;
/// Cost of finding no dock, seconds: the ride to another station, and the way back.
const NO_DOCK_S: f64 = 420.0;
/// A vehicle or a dock with less chance than this is not worth going to.
const MIN_CHANCE: f64 = 0.2;
/// Assumed chance where nothing is known.
const UNKNOWN_P: f64 = super::risk::UNKNOWN_P;

/// What is asked about shared vehicles.
#[derive(Clone, Copy)]
pub struct Rentals<'a> {
    /// All systems.
    pub systems: &'a [&'a Linked],
    /// Which forms of vehicles are wanted.
    pub forms: Forms,
    /// Whom to ask for vehicles and docks.
    pub stocks: &'a dyn Stocks,
}

/// Predicts what a rider finds. Systems by their number in [`Rentals::systems`], times in seconds since 1970.
pub trait Stocks: Sync {
    /// The chance of a vehicle at a station (at its spot) for who comes at a time; `None`: nothing is known.
    fn vehicle(&self, system: usize, spot: SpotNumber, vehicle_type: TypeIndex, arrive_s: i64)
    -> Option<f64>;

    /// The chance of a dock at a station.
    fn dock(&self, system: usize, station: u32, vehicle_type: TypeIndex, arrive_s: i64) -> Option<f64>;

    /// Whether nothing is known any more of where the vehicles of a system stand.
    fn is_stale(&self, system: usize) -> bool;

    /// The time of the answer: what geofencing allows then holds.
    fn now(&self) -> domain::UtcMicros;
}

/// The vehicle of a leg.
#[derive(Debug, Clone)]
pub struct Rented {
    /// Number of the system.
    pub system: usize,
    /// What it is.
    pub vehicle_type: TypeIndex,
    /// Where it is taken.
    pub from: SpotNumber,
    /// The station where it is returned; `None`: away from stations.
    pub to: Option<u32>,
    /// Chance that it is there; `None`: not known.
    pub vehicle_p: Option<f64>,
    /// Chance of a dock; `None`: not known, or none is needed.
    pub dock_p: Option<f64>,
    /// How far it goes, metres; `None`: not known, or not limited.
    pub range_m: Option<f64>,
}

impl Rented {
    /// Chance that it works as planned.
    pub fn certainty(&self) -> f64 {
        let dock_p = if self.to.is_some() { self.dock_p.unwrap_or(UNKNOWN_P) } else { 1.0 };
        self.vehicle_p.unwrap_or(UNKNOWN_P) * dock_p
    }

    /// What missing the vehicle or the dock costs on average, seconds.
    fn risk_s(&self) -> f64 {
        let dock_s = self.to.map_or(0.0, |_| (1.0 - self.dock_p.unwrap_or(UNKNOWN_P)) * NO_DOCK_S);
        (1.0 - self.vehicle_p.unwrap_or(UNKNOWN_P)) * NO_VEHICLE_S + dock_s
    }
}

/// Shared vehicles near an end that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LostRental {
    /// Number of the system.
    pub system: usize,
    /// What was looked for.
    pub vehicle_type: TypeIndex,
    /// Where; `None`: at no single spot.
    pub spot: Option<SpotNumber>,
    /// Why not.
    pub why: NoRental,
}

/// Why shared vehicles cannot be used; of several the first is the one to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoRental {
    /// None is there, or hardly any when one comes.
    NoVehicle,
    /// Too much time has passed since the operator knew where they stand.
    Stale,
    /// There is no dock, or hardly any when one comes.
    NoDock,
    /// The ride is longer than what is in the battery or tank.
    Range,
    /// No way leads there that keeps to the streets on which it may be ridden.
    NoRideZone,
    /// It must not be left near the destination.
    NoReturnZone,
    /// It must be brought back to where it was taken.
    RoundTrip,
}

/// A type of vehicle of a system.
type Key = (usize, TypeIndex);

/// A request's shared vehicles.
struct Renting<'a> {
    asked: Rentals<'a>,
    /// What is closed for each type that has streets of its own closed.
    closed: FxHashMap<Key, Closed>,
    /// Of each type the most telling reason.
    lost: FxHashMap<Key, LostRental>,
}

impl<'a> Renting<'a> {
    fn linked(&self, key: Key) -> &'a Linked {
        self.asked.systems[key.0]
    }

    fn system(&self, key: Key) -> &'a System {
        &self.linked(key).system
    }

    fn fleet(&self, key: Key) -> Option<&'a Fleet> {
        self.linked(key).fleet(key.1)
    }

    /// Types of vehicles that are wanted, of the systems near a place.
    fn types(&self, system: usize) -> impl Iterator<Item = Key> + use<'a> {
        let Rentals { systems, forms, .. } = self.asked;
        let linked = systems[system];
        let types = (0..linked.system.types.len() as u16).map(TypeIndex);
        let is_wanted = move |t: &TypeIndex| linked.fleet(*t).is_some_and(|fleet| forms.has(fleet.form));
        types.filter(is_wanted).map(move |t| (system, t))
    }

    fn lose(&mut self, key: Key, spot: Option<SpotNumber>, why: NoRental) {
        let lost = LostRental { system: key.0, vehicle_type: key.1, spot, why };
        let held = self.lost.entry(key).or_insert(lost);
        if why < held.why {
            *held = lost;
        }
    }

    /// Notes what is closed for the types of these spots.
    fn close(&mut self, closed: Option<&Closed>, keys: impl Iterator<Item = Key>) {
        for key in keys {
            let Some(own) = self.fleet(key).and_then(|fleet| fleet.closed.as_ref()) else { continue };
            self.closed.entry(key).or_insert_with(|| closed.map_or_else(|| own.clone(), |all| all.with(own)));
        }
    }

    /// The ride along `path`, with unlocking and returning; `None`: there is probably no vehicle, or no dock.
    fn leg(&self, key: Key, [from, to]: [End; 2], path: Path, start: i64) -> Option<StreetLeg> {
        let (fleet, stocks) = (self.fleet(key)?, self.asked.stocks);
        let End::Rental { spot, .. } = from else { return None };
        let seconds = UNLOCK_S + fleet.ride_s(path.duration_s, path.distance_m) + RETURN_S;
        let mut leg = StreetLeg::along(fleet.mode, from, to, path, start);
        leg.end = start + seconds.round() as i64;
        let station = match to {
            End::Rental { spot: SpotNumber::Station(station), .. } => Some(station),
            _ => None,
        };
        let rented = Rented {
            system: key.0,
            vehicle_type: key.1,
            from: spot,
            to: station,
            vehicle_p: stocks.vehicle(key.0, spot, key.1, start),
            dock_p: station.and_then(|station| stocks.dock(key.0, station, key.1, leg.end)),
            range_m: range_m(self.system(key), key.1, spot),
        };
        let is_likely = |p: Option<f64>| p.is_none_or(|p| p >= MIN_CHANCE);
        let is_in_range = rented.range_m.is_none_or(|range_m| leg.distance_m <= range_m);
        (is_likely(rented.vehicle_p) && is_likely(rented.dock_p) && is_in_range).then(|| {
            leg.rental = Some(Box::new(rented));
            leg
        })
    }

    /// What is searched where: as `budget`, on streets that are for this type.
    fn budget<'b>(&'b self, budget: Budget<'b>, key: Key) -> Budget<'b> {
        match self.closed.get(&key) {
            Some(closed) => Budget { closed: Some(closed), ..budget },
            None => budget,
        }
    }
}

impl<'a> Planning<'_, 'a> {
    /// Adds itineraries with shared vehicles; `alone`: those without transit as well.
    pub fn rental(&mut self, [first, second, third]: &mut [Workspace; 3], alone: bool) {
        let Some(asked) = self.request.rentals.filter(|_| !self.request.access.is_wheelchair()) else {
            return;
        };
        let mut renting = Renting { asked, closed: FxHashMap::default(), lost: FxHashMap::default() };
        let ups = self.pick_ups(&mut renting);
        let offs = self.drop_offs(&mut renting, &ups);
        renting.close(self.request.closed, ups.iter().map(|up| up.key).chain(offs.iter().map(|off| off.key)));
        let before = self.plan.itineraries.len();
        if alone {
            self.rent_all_the_way(&mut renting, &ups, &offs);
        }
        let walks = Walks::new(self.area, self.request, third);
        self.rent_to_stops(&renting, &ups, [&mut *first, &mut *second], &walks);
        self.rent_from_stops(&renting, &offs, [first, second], &walks);
        for itinerary in &mut self.plan.itineraries[before..] {
            let rented = itinerary.legs.iter().filter_map(Leg::rented);
            itinerary.expected_end += rented.map(Rented::risk_s).sum::<f64>();
        }
        let mut lost: Vec<LostRental> = renting.lost.into_values().collect();
        lost.sort_by_key(|lost| (lost.system, lost.why, lost.vehicle_type));
        lost.dedup_by_key(|lost| lost.system);
        self.plan.lost_rentals = lost;
    }

    /// What is used after all is not lost.
    pub fn drop_used_rentals(&mut self) {
        let rentals = self.plan.itineraries.iter().flat_map(super::Itinerary::rentals);
        let used: Vec<usize> = rentals.map(|(rented, _)| rented.system).collect();
        self.plan.lost_rentals.retain(|lost| !used.contains(&lost.system));
    }

    /// When somebody is at a place who gets there in `seconds`, as long as no more is known of the journey.
    fn about_s(&self, seconds: f64) -> i64 {
        match self.request.when {
            When::DepartAt(time) => time + seconds as i64,
            When::ArriveBy(time) => time,
        }
    }
}

/// How far a vehicle goes: what is in it where that is known, else with a full battery or tank.
fn range_m(system: &System, vehicle_type: TypeIndex, spot: SpotNumber) -> Option<f64> {
    let of_type = || system.vehicle_type(vehicle_type)?.max_range_m;
    match spot {
        SpotNumber::Vehicle(vehicle) => system.vehicles[vehicle as usize].range_m,
        SpotNumber::Station(_) => of_type(),
    }
}

/// A walk between the origin and a spot, or a spot and the destination.
fn walk(feet: &Feet<'_>, [from, to]: [End; 2], link: &Link, start: i64) -> Option<StreetLeg> {
    let tree = if from == End::Origin { &feet.from } else { &feet.to };
    Some(StreetLeg::along(feet.mode, from, to, tree.path(link)?, start))
}
