//! Shapes: the courses of vehicles.

use serde::{Deserialize, Serialize};

/// No shape.
pub const NO_SHAPE: u32 = u32::MAX;

/// A position as millionths of a degree (0.11 m): latitude, longitude.
pub type PointE6 = (i32, i32);

/// The place of a stop that has none.
pub const NOWHERE: PointE6 = (0, 0);

/// `degrees` as millionths.
pub fn e6(degrees: f64) -> i32 {
    (degrees * 1e6).round() as i32
}

/// Lines by number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shapes {
    starts: Vec<u32>,
    points: Vec<PointE6>,
}

impl Default for Shapes {
    fn default() -> Self {
        Shapes { starts: vec![0], points: Vec::new() }
    }
}

impl Shapes {
    /// Adds a line and gives its number. A point equal to the one before is left out.
    pub fn push(&mut self, points: impl Iterator<Item = PointE6>) -> u32 {
        let from = self.points.len();
        for point in points {
            if self.points.len() == from || self.points.last() != Some(&point) {
                self.points.push(point);
            }
        }
        self.starts.push(self.points.len() as u32);
        (self.starts.len() - 2) as u32
    }

    /// The points of a line; none when there is no such.
    pub fn points(&self, shape: u32) -> &[PointE6] {
        let at = shape as usize;
        match (self.starts.get(at), self.starts.get(at.saturating_add(1))) {
            (Some(from), Some(to)) => &self.points[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// How many points there are in all.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Gives back memory that is not used.
    pub fn shrink(&mut self) {
        self.points.shrink_to_fit();
    }
}

/// The part of `line` along `stops` (at least two), from the first to the last of them.
///
/// Each stop is put on the nearest point of the line that does not lie before the stop ahead of
/// it; the choice that costs the least in all is taken (a line may pass a place twice). Without a
/// line the stops themselves are joined.
pub fn along(line: &[PointE6], stops: &[PointE6]) -> Vec<PointE6> {
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
    let scale = (f64::from(stops[0].0) / 1e6).to_radians().cos();
    let square = |a: PointE6, b: PointE6| {
        let (dy, dx) = (f64::from(a.0) - f64::from(b.0), (f64::from(a.1) - f64::from(b.1)) * scale);
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

    #[test]
    fn a_loop_is_followed_the_whole_way() {
        let line = [(0, 0), (0, 10), (10, 10), (10, 0), (0, 0), (0, -10)];
        let stops = [(0, 1), (10, 9), (1, 0), (0, -9)];
        assert_eq!(along(&line, &stops)[1..7], line[..]);
        assert_eq!(along(&line, &stops[..2]), [(0, 1), (0, 0), (0, 10), (10, 10), (10, 9)]);
        assert_eq!(along(&line, &stops[2..]), [(1, 0), (0, 0), (0, -10), (0, -9)]);
        assert_eq!(along(&[], &stops), stops);
    }

    #[test]
    fn shapes_keep_no_repeated_points() {
        let mut shapes = Shapes::default();
        let first = shapes.push([(1, 1), (1, 1), (2, 2)].into_iter());
        let second = shapes.push([(2, 2), (3, 3)].into_iter());
        assert_eq!(shapes.points(first), [(1, 1), (2, 2)]);
        assert_eq!(shapes.points(second), [(2, 2), (3, 3)]);
        assert!(shapes.points(NO_SHAPE).is_empty());
    }
}
