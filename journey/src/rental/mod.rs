//! Shared vehicles tied to the streets: where they are taken and left, and which streets are not for them.
//!
//! A system is linked again as a whole when its operator's files change; what did not move or change is taken over from
//! before. A search reads it and nothing else.

mod fleet;
mod spot;

use std::sync::Arc;

use domain::geo::{Bbox, LatLon};
use domain::rental::{FormFactor, System};
use domain::time::UtcMicros;
use rustc_hash::FxHashMap;

use crate::area::Area;
use crate::streets::{BoxIndex, Coord, Workspace};

pub use fleet::Fleet;
pub(crate) use fleet::may_end;
pub use spot::Spot;

/// How far beyond its stations, vehicles and zones a system is taken to be used, metres (own estimate): few operators say
/// where their area ends.
const SURROUNDINGS_M: f64 = 1_000.0;

/// A place of a system where a vehicle is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpotNumber {
    /// A station, by its number in [`System::stations`].
    Station(u32),
    /// Where a vehicle stands, by its number in [`System::vehicles`].
    Vehicle(u32),
}

/// A system with its ties to the streets.
#[derive(Debug)]
pub struct Linked {
    /// The system.
    pub system: Arc<System>,
    /// By number in [`System::stations`].
    stations: Vec<Arc<Spot>>,
    /// By number in [`System::vehicles`].
    vehicles: Vec<Arc<Spot>>,
    /// By number in [`System::types`]; `None`: nobody rides it in the streets.
    fleets: Arc<Vec<Option<Fleet>>>,
    /// Where it is used; `None`: it has neither stations, nor vehicles, nor zones.
    bounds: Option<Bbox>,
    /// Stations, then vehicles.
    places: BoxIndex,
}

impl Linked {
    /// Ties a system to the streets of `area`; `before`: the same system as it was, tied to the same area.
    pub fn new(
        area: &Area,
        workspace: &mut Workspace,
        system: Arc<System>,
        before: Option<&Linked>,
        now: UtcMicros,
    ) -> Self {
        let known = before.into_iter().flat_map(|before| before.stations.iter().chain(&before.vehicles));
        let mut known: FxHashMap<Coord, Arc<Spot>> =
            known.map(|spot| (Coord::from(spot.at), spot.clone())).collect();
        let mut spot = |at: LatLon| {
            let new = || Arc::new(Spot::new(area, workspace, at));
            known.entry(Coord::from(at)).or_insert_with(new).clone()
        };
        let stations: Vec<Arc<Spot>> = system.stations.iter().map(|station| spot(station.at)).collect();
        let vehicles: Vec<Arc<Spot>> = system.vehicles.iter().map(|vehicle| spot(vehicle.at)).collect();
        let same = before.filter(|before| {
            let of = &before.system;
            of.types == system.types
                && of.geofencing == system.geofencing
                && of.stations.is_empty() == system.stations.is_empty()
                && !system.geofencing.changes()
        });
        let fleets = match same {
            Some(before) => before.fleets.clone(),
            None => Arc::new(fleet::fleets(area, &system, now)),
        };
        let points = stations.iter().chain(&vehicles).map(|spot| std::iter::once(Coord::from(spot.at)));
        let places = BoxIndex::new((0..).zip(points));
        Linked { bounds: bounds(&system), system, stations, vehicles, fleets, places }
    }

    /// Whether vehicles of it may be used within `radius_m` of `at`.
    pub fn is_near(&self, at: LatLon, radius_m: f64) -> bool {
        self.bounds.is_some_and(|bounds| bounds.touches(at.around(radius_m)))
    }

    /// Whether `at` is where its vehicles are used.
    pub fn is_used_at(&self, at: LatLon) -> bool {
        self.bounds.is_some_and(|bounds| bounds.contains(at))
    }

    /// Stations and vehicles about as near to `at`, in order.
    pub fn around(&self, at: LatLon, radius_m: f64) -> Vec<SpotNumber> {
        let stations = self.stations.len() as u32;
        let number = |place: u32| match place.checked_sub(stations) {
            None => SpotNumber::Station(place),
            Some(vehicle) => SpotNumber::Vehicle(vehicle),
        };
        let mut near: Vec<SpotNumber> = self.places.around(at, radius_m).map(number).collect();
        near.sort_unstable();
        near
    }

    /// A place of it.
    pub fn spot(&self, number: SpotNumber) -> &Spot {
        match number {
            SpotNumber::Station(station) => &self.stations[station as usize],
            SpotNumber::Vehicle(vehicle) => &self.vehicles[vehicle as usize],
        }
    }

    /// What of the streets a type of vehicle uses; `None`: it is not for the streets.
    pub fn fleet(&self, vehicle_type: domain::rental::TypeIndex) -> Option<&Fleet> {
        self.fleets.get(usize::from(vehicle_type.0))?.as_ref()
    }
}

/// Where a system is used: around all that is known of it.
fn bounds(system: &System) -> Option<Bbox> {
    let zones = system.geofencing.zones.iter().filter_map(|zone| zone.shape.bounds());
    let corners = zones.flat_map(|zone| {
        [LatLon { lat: zone.south, lon: zone.west }, LatLon { lat: zone.north, lon: zone.east }]
    });
    let stations = system.stations.iter().map(|station| station.at);
    let vehicles = system.vehicles.iter().map(|vehicle| vehicle.at);
    let all = corners.chain(stations).chain(vehicles).fold(None, |bounds: Option<Bbox>, at| {
        Some(bounds.map_or(Bbox::of(at), |bounds| bounds.extended(at)))
    })?;
    let corner = |lat: f64, lon: f64| LatLon { lat, lon }.around(SURROUNDINGS_M);
    let (low, high) = (corner(all.south, all.west), corner(all.north, all.east));
    Some(Bbox { west: low.west, south: low.south, east: high.east, north: high.north })
}

/// A set of forms of vehicles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms(u8);

impl Forms {
    /// Every form.
    pub const ALL: Forms = Forms(u8::MAX);

    /// These.
    pub fn of(forms: &[FormFactor]) -> Forms {
        Forms(forms.iter().fold(0, |set, form| set | 1 << *form as u8))
    }

    /// Whether `form` is among them.
    pub fn has(self, form: FormFactor) -> bool {
        self.0 & 1 << form as u8 != 0
    }
}
