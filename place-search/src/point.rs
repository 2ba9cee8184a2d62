//! Positions as they are stored: 8 bytes each.

use domain::geo::LatLon;
use rstar::primitives::GeomWithData;
use serde::{Deserialize, Serialize};

/// Units in one degree: OpenStreetMap's.
const UNITS_PER_DEGREE: f64 = 1e7;

/// A position in units of 1e-7 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Point {
    lat: i32,
    lon: i32,
}

impl From<LatLon> for Point {
    fn from(at: LatLon) -> Self {
        let units = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
        Point { lat: units(at.lat), lon: units(at.lon) }
    }
}

impl From<Point> for LatLon {
    fn from(at: Point) -> Self {
        let degrees = |units: i32| f64::from(units) / UNITS_PER_DEGREE;
        LatLon { lat: degrees(at.lat), lon: degrees(at.lon) }
    }
}

/// A point of an entry or a house, metres east and north of the first entry.
pub(crate) type Spot = GeomWithData<[f32; 2], Which>;

/// Number of an entry, or with [`HOUSE`] of a house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Which(pub u32);

/// Mark of houses in [`Which`].
pub(crate) const HOUSE: u32 = 1 << 31;
