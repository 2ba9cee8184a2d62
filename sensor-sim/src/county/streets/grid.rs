//! Finding what is near: pieces of ways by the squares of the map that they touch.

use std::collections::HashMap;

use super::plane::{Point, distance, nearest};

/// Size of the squares, metres: about as long as a piece of a street.
const CELL_M: f64 = 120.0;
/// No street is searched for farther away than so many squares.
const FARTHEST: i64 = 100;

/// A straight piece of a way.
pub(super) type Piece = (Point, Point);

/// Things (by number) in the squares that they touch.
#[derive(Debug, Default)]
pub(super) struct Grid {
    cells: HashMap<[i64; 2], Vec<usize>>,
}

fn cell(v: f64) -> i64 {
    (v / CELL_M).floor() as i64
}

impl Grid {
    /// Enters thing `number`, which lies around a piece by up to `around_m`.
    pub(super) fn add(&mut self, number: usize, (a, b): Piece, around_m: f64) {
        let range = |axis: usize| {
            let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
            cell(low - around_m)..=cell(high + around_m)
        };
        for x in range(0) {
            for y in range(1) {
                self.cells.entry([x, y]).or_default().push(number);
            }
        }
    }

    /// Pairs of things that share a square, each once.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let of_cell = |there: &Vec<usize>| -> Vec<(usize, usize)> {
            let with = |(i, a): (usize, &usize)| there[i + 1..].iter().map(|b| (*a, *b)).collect::<Vec<_>>();
            there.iter().enumerate().flat_map(with).collect()
        };
        let mut pairs: Vec<(usize, usize)> = self.cells.values().flat_map(of_cell).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// The nearest point to `p` on the pieces that were entered; `None` when they are far away.
    pub(super) fn nearest(&self, p: Point, pieces: &[Piece]) -> Option<Point> {
        let home = p.map(cell);
        let mut best: Option<Point> = None;
        for ring in 0..FARTHEST {
            // Whatever is in this ring of squares is at least so far away.
            let at_least_m = (ring - 1) as f64 * CELL_M;
            if best.is_some_and(|found| distance(p, found) <= at_least_m) {
                break;
            }
            let span = -ring..=ring;
            let squares = span.clone().flat_map(|x| span.clone().map(move |y| [x, y]));
            for [x, y] in squares.filter(|[x, y]| x.abs().max(y.abs()) == ring) {
                for number in self.cells.get(&[home[0] + x, home[1] + y]).into_iter().flatten() {
                    let found = nearest(p, pieces[*number].0, pieces[*number].1);
                    if best.is_none_or(|best| distance(p, found) < distance(p, best)) {
                        best = Some(found);
                    }
                }
            }
        }
        best
    }
}
