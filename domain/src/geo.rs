//! Positions on the earth: WGS 84 degrees in, metres out.

pub mod polygon;
pub mod shape;

use serde::{Deserialize, Serialize};

/// Mean earth radius, metres (IUGG R1).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// How much longer a walk is than the straight line, until streets are known.
const WALK_DETOUR: f64 = 1.3;

/// Walking speed, metres per second, until streets are known.
const WALK_SPEED_MPS: f64 = 1.2;

/// Walking time over a straight line of `distance_m` in seconds: with a detour of [`WALK_DETOUR`], at [`WALK_SPEED_MPS`].
pub(crate) fn walk_s(distance_m: f64) -> f64 {
    distance_m * WALK_DETOUR / WALK_SPEED_MPS
}

/// Degrees of latitude per metre (for search boxes; degrees are not metres).
const DEG_PER_M: f64 = 180.0 / (std::f64::consts::PI * EARTH_RADIUS_M);

/// A position, WGS 84 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatLon {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lon: f64,
}

impl LatLon {
    /// `None` unless both are finite and inside the earth's range.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// Great-circle distance in metres (haversine).
    pub fn distance_m(self, other: LatLon) -> f64 {
        let (phi1, phi2) = (self.lat.to_radians(), other.lat.to_radians());
        let half_dphi = (phi2 - phi1) / 2.0;
        let half_dlambda = (other.lon - self.lon).to_radians() / 2.0;
        let a = half_dphi.sin().powi(2) + phi1.cos() * phi2.cos() * half_dlambda.sin().powi(2);
        2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
    }

    /// Walking time to `other` in seconds.
    pub fn walk_s(self, other: LatLon) -> f64 {
        walk_s(self.distance_m(other))
    }

    /// The box that holds every point within `radius_m` metres.
    pub fn around(self, radius_m: f64) -> Bbox {
        let dlat = radius_m * DEG_PER_M;
        let dlon = dlat / self.lat.to_radians().cos().max(0.01);
        Bbox { west: self.lon - dlon, south: self.lat - dlat, east: self.lon + dlon, north: self.lat + dlat }
    }
}

/// Measures distances from one point to many near it, without trigonometry for each.
///
/// On a plane through the point whose width follows the latitude in first order: within 10 km
/// the error is below 0.1 m up to 70 degrees of latitude.
#[derive(Debug, Clone, Copy)]
pub struct Ruler {
    from: LatLon,
    cos: f64,
    sin: f64,
}

impl Ruler {
    /// A ruler at `from`.
    pub fn at(from: LatLon) -> Self {
        let (sin, cos) = from.lat.to_radians().sin_cos();
        Ruler { from, cos, sin }
    }

    /// The distance to `to`, metres.
    pub fn distance_m(&self, to: LatLon) -> f64 {
        let north = (to.lat - self.from.lat).to_radians();
        let east = (to.lon - self.from.lon).to_radians() * (self.cos - self.sin * north / 2.0);
        EARTH_RADIUS_M * (north * north + east * east).sqrt()
    }
}

/// A box in WGS 84 degrees, edges included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bbox {
    /// The least longitude.
    pub west: f64,
    /// The least latitude.
    pub south: f64,
    /// The greatest longitude.
    pub east: f64,
    /// The greatest latitude.
    pub north: f64,
}

impl Bbox {
    /// `None` unless west <= east, south <= north and all are inside the earth's range.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Option<Self> {
        let inside = LatLon::new(south, west).is_some() && LatLon::new(north, east).is_some();
        (inside && west <= east && south <= north).then_some(Self { west, south, east, north })
    }

    /// Whether the two have a point in common.
    pub fn touches(&self, other: Bbox) -> bool {
        self.west <= other.east
            && other.west <= self.east
            && self.south <= other.north
            && other.south <= self.north
    }

    /// Whether `p` lies inside or on the edge.
    pub fn contains(&self, p: LatLon) -> bool {
        (self.west..=self.east).contains(&p.lon) && (self.south..=self.north).contains(&p.lat)
    }

    /// The smallest box that also holds `p`.
    pub fn extended(self, p: LatLon) -> Self {
        Bbox {
            west: self.west.min(p.lon),
            south: self.south.min(p.lat),
            east: self.east.max(p.lon),
            north: self.north.max(p.lat),
        }
    }

    /// The box of one point.
    pub fn of(p: LatLon) -> Self {
        Bbox { west: p.lon, south: p.lat, east: p.lon, north: p.lat }
    }
}

/// Where a place lies: GeoJSON coordinates, `[lon, lat]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "coordinates")]
pub enum Geometry {
    /// One position.
    Point([f64; 2]),
    /// Rings, the first one the outline; each closed (first position = last).
    Polygon(Vec<Vec<[f64; 2]>>),
}

impl Geometry {
    /// The point, or a point within the polygon: the centroid of its outline, unless that lies outside.
    pub fn center(&self) -> LatLon {
        match self {
            Geometry::Point([lon, lat]) => LatLon { lat: *lat, lon: *lon },
            Geometry::Polygon(rings) => polygon::center(rings),
        }
    }

    /// Metres from `at`, 0 within a polygon.
    pub fn distance_m(&self, at: LatLon) -> f64 {
        match self {
            Geometry::Point(_) => self.center().distance_m(at),
            Geometry::Polygon(rings) => polygon::distance_m(rings, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_latitude_is_111_km() {
        let d = LatLon { lat: 51.0, lon: 7.0 }.distance_m(LatLon { lat: 52.0, lon: 7.0 });
        assert!((d - 111_195.0).abs() < 1.0, "{d}");
    }

    #[test]
    fn a_ruler_measures_like_the_great_circle() {
        for lat in [0.0, 51.94, 70.0] {
            let from = LatLon { lat, lon: 7.17 };
            for (dlat, dlon) in [(0.05, 0.05), (-0.08, 0.02), (0.0, -0.1), (0.08, 0.0)] {
                let to = LatLon { lat: lat + dlat, lon: from.lon + dlon };
                let error = Ruler::at(from).distance_m(to) - from.distance_m(to);
                assert!(error.abs() < 0.1, "{error} m at {lat}");
            }
        }
    }

    #[test]
    fn the_box_around_holds_the_circle() {
        let c = LatLon { lat: 51.94, lon: 7.17 };
        let b = c.around(800.0);
        assert!(c.distance_m(LatLon { lat: b.north, lon: c.lon }) >= 799.9);
        assert!(c.distance_m(LatLon { lat: c.lat, lon: b.east }) >= 799.9);
    }

    #[test]
    fn the_distance_to_a_polygon_is_that_to_its_outline() {
        let square = Geometry::Polygon(vec![vec![
            [7.0, 51.0],
            [7.01, 51.0],
            [7.01, 51.01],
            [7.0, 51.01],
            [7.0, 51.0],
        ]]);
        let to = |lat, lon| square.distance_m(LatLon { lat, lon });
        assert_eq!(to(51.005, 7.005), 0.0);
        assert!((to(51.011, 7.005) - 111.2).abs() < 0.1, "{}", to(51.011, 7.005));
        let corner = LatLon { lat: 51.01, lon: 7.01 };
        let beyond = LatLon { lat: 51.011, lon: 7.011 };
        assert!((square.distance_m(beyond) - corner.distance_m(beyond)).abs() < 0.1);
    }

    #[test]
    fn centroid_of_a_square_is_its_middle() {
        let g =
            Geometry::Polygon(vec![vec![[7.0, 51.0], [7.2, 51.0], [7.2, 51.2], [7.0, 51.2], [7.0, 51.0]]]);
        let c = g.center();
        assert!((c.lat - 51.1).abs() < 1e-9 && (c.lon - 7.1).abs() < 1e-9);
    }
}
