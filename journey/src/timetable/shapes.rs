//! Shapes: the courses of vehicles.

use domain::LatLon;
use serde::{Deserialize, Serialize};

use crate::rows::Rows;

/// No shape.
pub(crate) const NO_SHAPE: u32 = u32::MAX;

/// A position in millionths of a degree (0.11 m).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointE6 {
    /// Latitude.
    pub lat: i32,
    /// Longitude.
    pub lon: i32,
}

impl PointE6 {
    /// The nearest one to a position.
    pub(crate) fn of(at: LatLon) -> Self {
        let e6 = |degrees: f64| (degrees * 1e6).round() as i32;
        PointE6 { lat: e6(at.lat), lon: e6(at.lon) }
    }

    /// The position in degrees.
    pub fn degrees(self) -> LatLon {
        LatLon { lat: f64::from(self.lat) / 1e6, lon: f64::from(self.lon) / 1e6 }
    }
}

/// The place of a stop that has none.
pub(crate) const NOWHERE: PointE6 = PointE6 { lat: 0, lon: 0 };

/// Lines by number.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Shapes(Rows<PointE6>);

impl Shapes {
    /// Adds a line and gives its number. A point equal to the one before is left out.
    pub(super) fn push(&mut self, points: impl Iterator<Item = PointE6>) -> u32 {
        let mut last = None;
        self.0.push(points.filter(|point| last.replace(*point) != Some(*point)))
    }

    /// The points of a line; none when there is no such.
    pub(super) fn points(&self, shape: u32) -> &[PointE6] {
        self.0.get(shape as usize)
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink();
    }
}

/// The part of `line` along `stops` (at least two), from the first to the last of them.
///
/// Each stop is put on the nearest point of the line that does not lie before the stop ahead of
/// it; the choice that costs the least in all is taken (a line may pass a place twice). Without a
/// line the stops themselves are joined.
pub(super) fn along(line: &[PointE6], stops: &[PointE6]) -> Vec<PointE6> {
    if line.len() < 2 || stops.len() < 2 {
        return stops.to_vec();
    }
    let (from, to) = ends(line, stops);
    let mut points = Vec::with_capacity(to - from + 3);
    points.push(stops[0]);
    points.extend_from_slice(&line[from..=to]);
    points.push(stops[stops.len() - 1]);
    points.dedup();
    points
}

/// Indices into `line` of the first and last stop. `cost[i]` = least sum of squared distances
/// with the present stop at point `i` or before; `began[i]` = where the first stop lies then. Of
/// equal choices the shorter part is taken: the last stop early, all others late.
fn ends(line: &[PointE6], stops: &[PointE6]) -> (usize, usize) {
    let scale = stops[0].degrees().lat.to_radians().cos();
    let square = |a: PointE6, b: PointE6| {
        let (dy, dx) = (f64::from(a.lat) - f64::from(b.lat), (f64::from(a.lon) - f64::from(b.lon)) * scale);
        dy * dy + dx * dx
    };
    let mut cost = vec![0.0f64; line.len()];
    let mut began: Vec<usize> = (0..line.len()).collect();
    let mut at_last = 0;
    for (number, stop) in stops.iter().enumerate() {
        let is_last = number == stops.len() - 1;
        let mut best = (f64::INFINITY, 0);
        for at in 0..line.len() {
            let here = cost[at] + square(line[at], *stop);
            if here < best.0 || (here == best.0 && !is_last) {
                best = (here, began[at]);
                at_last = at;
            }
            (cost[at], began[at]) = best;
        }
    }
    (began[at_last].min(at_last), at_last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points<const N: usize>(pairs: [(i32, i32); N]) -> [PointE6; N] {
        pairs.map(|(lat, lon)| PointE6 { lat, lon })
    }

    #[test]
    fn a_loop_is_followed_the_whole_way() {
        let line = points([(0, 0), (0, 10), (10, 10), (10, 0), (0, 0), (0, -10)]);
        let stops = points([(0, 1), (10, 9), (1, 0), (0, -9)]);
        assert_eq!(along(&line, &stops)[1..7], line[..]);
        assert_eq!(along(&line, &stops[..2]), points([(0, 1), (0, 0), (0, 10), (10, 10), (10, 9)]));
        assert_eq!(along(&line, &stops[2..]), points([(1, 0), (0, 0), (0, -10), (0, -9)]));
        assert_eq!(along(&[], &stops), stops);
    }

    #[test]
    fn shapes_keep_no_repeated_points() {
        let mut shapes = Shapes::default();
        let first = shapes.push(points([(1, 1), (1, 1), (2, 2)]).into_iter());
        let second = shapes.push(points([(2, 2), (3, 3)]).into_iter());
        assert_eq!(shapes.points(first), points([(1, 1), (2, 2)]));
        assert_eq!(shapes.points(second), points([(2, 2), (3, 3)]));
        assert!(shapes.points(NO_SHAPE).is_empty());
    }
}
