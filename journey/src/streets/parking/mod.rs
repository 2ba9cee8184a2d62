//! Parking in OpenStreetMap, and its links to the streets.

mod extract;
mod link;
mod outline;

use serde::{Deserialize, Serialize};

use super::osm::Coord;

pub(super) use extract::extract;
pub use link::{LinkedBy, Links, ParkingShape, link_bay, link_osm, link_place};

/// What is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Cars.
    Car,
    /// Bicycles.
    Bike,
}

/// Why a parking place is not offered, as a sentence for drivers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unlinked {
    /// The sentence.
    pub reason: String,
}

/// How a car park is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Build {
    /// On open ground.
    Surface,
    /// Along a street.
    StreetSide,
    /// A building, or garages.
    MultiStorey,
    /// Below ground.
    Underground,
    /// On a roof.
    Rooftop,
    /// Not known.
    Unknown,
}

/// A parking place in OpenStreetMap (`amenity=parking`, `amenity=bicycle_parking`, `park_ride=*`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OsmParking {
    /// `node/…`, `way/…` or `relation/…`.
    pub id: String,
    /// What is parked there.
    pub purpose: Purpose,
    /// How it is built.
    pub build: Build,
    /// Whether it is for park-and-ride.
    pub park_and_ride: bool,
    /// `name=*`.
    pub name: Option<String>,
    /// `operator=*`.
    pub operator: Option<String>,
    /// Spaces.
    pub capacity: Option<u32>,
    /// Spaces for people with disabilities.
    pub capacity_disabled: Option<u32>,
    /// `access=*` as it stands there.
    pub access: Option<String>,
    /// `fee=*`.
    pub fee: Option<String>,
    /// Greatest height of a vehicle, metres.
    pub max_height_m: Option<f32>,
    /// `opening_hours=*`.
    pub opening_hours: Option<String>,
    /// `maxstay=*`, minutes.
    pub max_stay_min: Option<f32>,
    /// A point, a line, or a ring whose first point is its last one.
    pub outline: Vec<Coord>,
    /// Entrances that a relation ties to it, as positions in
    /// [`Streets::parking_entrances`](super::Streets::parking_entrances).
    pub entrances: Vec<u32>,
}

impl OsmParking {
    /// Whether anyone may park there, customers included.
    pub fn is_public(&self) -> bool {
        !matches!(
            self.access.as_deref(),
            Some("private" | "no" | "residents" | "employees" | "staff" | "permit" | "military" | "delivery")
        )
    }

    /// Whether it is a building, not open ground.
    pub fn is_roofed(&self) -> bool {
        matches!(self.build, Build::MultiStorey | Build::Underground | Build::Rooftop)
    }
}

/// `amenity=parking_entrance`: where vehicles drive in, or people walk in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OsmEntrance {
    /// Id of the node.
    pub node: i64,
    /// Its position.
    pub at: Coord,
    /// Whether vehicles may use it.
    pub vehicles: bool,
    /// Whether people on foot may use it.
    pub people: bool,
}
