//! The shape of a parking place: what lies in it, what is how far from it.

use domain::geo::LatLon;

use super::Unlinked;
use crate::streets::osm::Coord;
use crate::streets::plane::{OnPlane, Plane};

/// A point, line or ring on a plane through its middle.
pub(super) struct Outline {
    pub middle: LatLon,
    plane: Plane,
    points: Vec<OnPlane>,
}

impl Outline {
    /// # Errors
    /// There is no point.
    pub fn new(points: &[Coord]) -> Result<Self, Unlinked> {
        Self::around(points).ok_or_else(|| Unlinked { reason: "it has no position".into() })
    }

    fn around(points: &[Coord]) -> Option<Self> {
        let closed = points.len() > 1 && points.first() == points.last();
        let corners = &points[..points.len() - usize::from(closed)];
        let count = corners.len() as f64;
        let first = corners.first()?.degrees();
        let (mut lat, mut lon) = (0.0, 0.0);
        for corner in corners.iter().map(|corner| corner.degrees()) {
            (lat, lon) = (lat + corner.lat - first.lat, lon + corner.lon - first.lon);
        }
        let middle = LatLon::new(first.lat + lat / count, first.lon + lon / count)?;
        let plane = Plane::at(middle);
        Some(Outline { middle, plane, points: points.iter().map(|point| plane.metres(*point)).collect() })
    }

    fn is_area(&self) -> bool {
        const LEAST_RING: usize = 4;
        self.points.len() >= LEAST_RING && self.points.first() == self.points.last()
    }

    /// Distance of its farthest point from the middle, metres.
    pub fn radius_m(&self) -> f64 {
        self.points.iter().map(|point| point.distance_m(OnPlane::default())).fold(0.0, f64::max)
    }

    /// Whether a position lies inside the ring (even-odd rule).
    pub fn contains(&self, place: Coord) -> bool {
        let at = self.plane.metres(place);
        self.is_area()
            && self.points.windows(2).fold(false, |inside, pair| {
                let (a, b) = (pair[0], pair[1]);
                let east = || (b.east - a.east) * (at.north - a.north) / (b.north - a.north) + a.east;
                inside != ((a.north > at.north) != (b.north > at.north) && at.east < east())
            })
    }

    /// Distance to a position, metres; 0 inside.
    pub fn distance_m(&self, place: Coord) -> f64 {
        if self.contains(place) {
            return 0.0;
        }
        let at = self.plane.metres(place);
        let to_point = self.points.iter().map(|point| point.distance_m(at));
        let to_sides = self.points.windows(2).map(|pair| at.nearest_on(pair[0], pair[1]).0.distance_m(at));
        to_point.chain(to_sides).fold(f64::INFINITY, f64::min)
    }

    /// Whether a line of points enters the ring or crosses its side.
    pub fn is_entered_by(&self, mut line: impl Iterator<Item = Coord>) -> bool {
        let mut last = None;
        self.is_area()
            && line.any(|place| {
                let here = self.plane.metres(place);
                let crosses =
                    |from: OnPlane| self.points.windows(2).any(|side| cross(from, here, side[0], side[1]));
                self.contains(place) || last.replace(here).is_some_and(crosses)
            })
    }

    /// Positions to look for streets from: the middle and up to `most` corners.
    pub fn lookouts(&self, most: usize) -> impl Iterator<Item = LatLon> + '_ {
        let step = self.points.len().div_ceil(most.max(1)).max(1);
        let corners = self.points.iter().step_by(step).map(|point| self.plane.coord(*point).degrees());
        std::iter::once(self.middle).chain(corners)
    }
}

/// Whether two stretches have a point in common, each in the other's inside.
fn cross(a: OnPlane, b: OnPlane, c: OnPlane, d: OnPlane) -> bool {
    c.side_of(a, b) * d.side_of(a, b) < 0.0 && a.side_of(c, d) * b.side_of(c, d) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Outline {
        let corner = |lat, lon| Coord::from_degrees(lat, lon);
        let ring = [(50.0, 8.0), (50.001, 8.0), (50.001, 8.001), (50.0, 8.001), (50.0, 8.0)];
        Outline::new(&ring.map(|(lat, lon)| corner(lat, lon))).unwrap()
    }

    #[test]
    fn distinguishes_inside_from_outside() {
        let square = square();
        assert!(square.contains(Coord::from_degrees(50.0005, 8.0005)));
        assert!(!square.contains(Coord::from_degrees(50.0015, 8.0005)));
        assert_eq!(square.distance_m(Coord::from_degrees(50.0005, 8.0005)), 0.0);
        let north_m = square.distance_m(Coord::from_degrees(50.002, 8.0005));
        assert!((north_m - 111.2).abs() < 0.5, "{north_m}");
    }

    #[test]
    fn sees_a_line_that_only_crosses() {
        let line = [Coord::from_degrees(50.0005, 7.999), Coord::from_degrees(50.0005, 8.002)];
        assert!(square().is_entered_by(line.into_iter()));
        let beside = [Coord::from_degrees(50.002, 7.999), Coord::from_degrees(50.002, 8.002)];
        assert!(!square().is_entered_by(beside.into_iter()));
    }

    #[test]
    fn a_point_is_no_area() {
        let point = Outline::new(&[Coord::from_degrees(50.0, 8.0)]).unwrap();
        assert!(!point.contains(Coord::from_degrees(50.0, 8.0)));
        assert!(Outline::new(&[]).is_err());
    }
}
