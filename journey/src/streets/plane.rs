//! A plane that touches the earth at a point.

use domain::geo::LatLon;

use super::Coord;

/// Turns positions into metres east and north of a point, and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    origin: LatLon,
    east_m: f64,
    north_m: f64,
}

/// Metres east and north of the plane's origin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct OnPlane {
    pub east: f64,
    pub north: f64,
}

impl Plane {
    /// The plane that touches the earth at `origin`.
    pub fn at(origin: LatLon) -> Self {
        /// Metres in a degree of latitude (mean earth radius).
        const M_PER_DEGREE: f64 = 111_195.08;
        // At the poles there is no east; the floor keeps the plane invertible.
        let narrowing = origin.lat.to_radians().cos().max(1e-6);
        Plane { origin, east_m: M_PER_DEGREE * narrowing, north_m: M_PER_DEGREE }
    }

    /// A place on the plane.
    pub fn metres(&self, place: Coord) -> OnPlane {
        let place = place.degrees();
        let east = (place.lon - self.origin.lon) * self.east_m;
        OnPlane { east, north: (place.lat - self.origin.lat) * self.north_m }
    }

    /// The place of a point of the plane.
    pub fn coord(&self, at: OnPlane) -> Coord {
        let lat = self.origin.lat + at.north / self.north_m;
        Coord::from_degrees(lat, self.origin.lon + at.east / self.east_m)
    }
}

impl OnPlane {
    /// The distance of two points, metres.
    pub fn distance_m(self, other: OnPlane) -> f64 {
        (other.east - self.east).hypot(other.north - self.north)
    }

    /// The nearest point of the line from `a` to `b`, and its share of the way.
    pub fn nearest_on(self, a: OnPlane, b: OnPlane) -> (OnPlane, f64) {
        let (east, north) = (b.east - a.east, b.north - a.north);
        let square = a.distance_m(b).powi(2);
        let along = (self.east - a.east) * east + (self.north - a.north) * north;
        let share = if square > 0.0 { (along / square).clamp(0.0, 1.0) } else { 0.0 };
        (OnPlane { east: a.east + share * east, north: a.north + share * north }, share)
    }

    /// Whether it lies to the left of the line from `a` to `b` (positive) or to the right.
    pub fn side_of(self, a: OnPlane, b: OnPlane) -> f64 {
        (b.east - a.east) * (self.north - a.north) - (b.north - a.north) * (self.east - a.east)
    }
}
