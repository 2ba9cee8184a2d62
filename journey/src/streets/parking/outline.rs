//! The shape of a parking place: what lies in it, what is how far from it.

use domain::geo::LatLon;

use crate::streets::osm::Coord;
use crate::streets::snap::Plane;

/// A point, line or ring on a plane through its middle.
pub(super) struct Outline {
    pub middle: LatLon,
    plane: Plane,
    points: Vec<(f64, f64)>,
}

impl Outline {
    /// `None` without points.
    pub fn new(points: &[Coord]) -> Option<Self> {
        let closed = points.len() > 1 && points.first() == points.last();
        let corners = &points[..points.len() - usize::from(closed)];
        let count = corners.len() as f64;
        let first = corners.first()?.degrees();
        let sum = corners
            .iter()
            .map(|corner| corner.degrees())
            .fold((0.0, 0.0), |sum, corner| (sum.0 + corner.lat - first.lat, sum.1 + corner.lon - first.lon));
        let middle = LatLon::new(first.lat + sum.0 / count, first.lon + sum.1 / count)?;
        let plane = Plane::at(middle);
        Some(Outline { middle, plane, points: points.iter().map(|point| plane.metres(*point)).collect() })
    }

    fn is_area(&self) -> bool {
        const LEAST_RING: usize = 4;
        self.points.len() >= LEAST_RING && self.points.first() == self.points.last()
    }

    /// Distance of its farthest point from the middle, metres.
    pub fn radius_m(&self) -> f64 {
        self.points.iter().map(|(x, y)| x.hypot(*y)).fold(0.0, f64::max)
    }

    /// Whether a position lies inside the ring (even-odd rule).
    pub fn contains(&self, place: Coord) -> bool {
        let (x, y) = self.plane.metres(place);
        self.is_area()
            && self.points.windows(2).fold(false, |inside, pair| {
                let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
                let crosses = (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1;
                inside != crosses
            })
    }

    /// Distance to a position, metres; 0 inside.
    pub fn distance_m(&self, place: Coord) -> f64 {
        if self.contains(place) {
            return 0.0;
        }
        let (x, y) = self.plane.metres(place);
        let to_point = self.points.iter().map(|(px, py)| (px - x).hypot(py - y));
        let to_sides = self.points.windows(2).map(|pair| {
            let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
            let (dx, dy) = (x2 - x1, y2 - y1);
            let square = dx * dx + dy * dy;
            let share = if square > 0.0 { ((x - x1) * dx + (y - y1) * dy) / square } else { 0.0 };
            let share = share.clamp(0.0, 1.0);
            (x1 + share * dx - x).hypot(y1 + share * dy - y)
        });
        to_point.chain(to_sides).fold(f64::INFINITY, f64::min)
    }

    /// Whether a line of points enters the ring or crosses its side.
    pub fn is_entered_by(&self, line: impl Iterator<Item = Coord>) -> bool {
        if !self.is_area() {
            return false;
        }
        let mut last = None;
        for place in line {
            let here = self.plane.metres(place);
            if self.contains(place) {
                return true;
            }
            if let Some(last) = last
                && self.points.windows(2).any(|side| cross(last, here, side[0], side[1]))
            {
                return true;
            }
            last = Some(here);
        }
        false
    }

    /// Positions to look for streets from: the middle and up to `most` corners.
    pub fn lookouts(&self, most: usize) -> impl Iterator<Item = LatLon> + '_ {
        let step = self.points.len().div_ceil(most.max(1)).max(1);
        let corners = self.points.iter().step_by(step).map(|point| self.plane.coord(*point).degrees());
        std::iter::once(self.middle).chain(corners)
    }
}

type Point = (f64, f64);

/// Whether two stretches have a point in common, each in the other's inside.
fn cross(a: Point, b: Point, c: Point, d: Point) -> bool {
    let side = |p: Point, q: Point, r: Point| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
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
        assert!(Outline::new(&[]).is_none());
    }
}
