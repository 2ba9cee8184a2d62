//! From drawn ways to a net: where ways cross, they meet.

use std::collections::HashMap;

use super::grid::{Grid, Piece};
use super::kind::Kind;
use super::plane::{Point, crossing, distance, nearest, sub};
use super::sketch::{Sketch, Way};

/// What lies closer together is one point, metres.
const SAME_M: f64 = 1.0;

/// A straight piece of a way between two points of the net.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Index into the sketch's ways.
    pub(super) way: usize,
    pub(super) kind: Kind,
    pub(super) oneway: bool,
    pub(super) in_town: bool,
    /// Its place among the pieces of its way.
    order: usize,
}

/// Points and the pieces between them. Pieces of one way follow each other in its order.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) points: Vec<Point>,
    pub(super) edges: Vec<Edge>,
}

impl Net {
    /// The net of all ways. Of two pieces between the same points the greater street stays.
    pub(super) fn of(sketch: &Sketch) -> Self {
        let pieces: Vec<(usize, Point, Point)> = sketch
            .ways
            .iter()
            .enumerate()
            .flat_map(|(way, drawn)| drawn.points.windows(2).map(move |p| (way, p[0], p[1])))
            .collect();
        let mut stops: Vec<Vec<Point>> = pieces.iter().map(|(_, a, b)| vec![*a, *b]).collect();
        let mut grid = Grid::default();
        for (number, (_, a, b)) in pieces.iter().enumerate() {
            grid.add(number, (*a, *b), SAME_M);
        }
        for pair in grid.pairs() {
            let [(_, a, b), (_, c, d)] = [pieces[pair.0], pieces[pair.1]];
            for p in meetings((a, b), (c, d)) {
                stops[pair.0].push(p);
                stops[pair.1].push(p);
            }
        }
        let mut points = Points::default();
        let mut edges: Vec<Edge> = Vec::new();
        let mut between: HashMap<(usize, usize), usize> = HashMap::new();
        let mut order = 0;
        for ((way, a, _), mut on_it) in pieces.iter().zip(stops) {
            on_it.sort_by(|p, q| distance(*a, *p).total_cmp(&distance(*a, *q)));
            let mut nodes: Vec<usize> = on_it.into_iter().map(|p| points.number(p)).collect();
            nodes.dedup();
            for pair in nodes.windows(2) {
                let Way { kind, oneway, .. } = sketch.ways[*way];
                let middle = super::plane::between(points.list[pair[0]], points.list[pair[1]], 0.5);
                let in_town = sketch.in_town(middle);
                order += 1;
                let edge = Edge { from: pair[0], to: pair[1], way: *way, kind, oneway, in_town, order };
                let key = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                match between.get(&key) {
                    Some(&other) if edges[other].kind <= kind => {}
                    Some(&other) => edges[other] = edge,
                    None => {
                        between.insert(key, edges.len());
                        edges.push(edge);
                    }
                }
            }
        }
        edges.sort_unstable_by_key(|edge| edge.order);
        Self { points: points.list, edges }
    }

    /// The edges that touch each point.
    pub(super) fn at_points(&self) -> Vec<Vec<usize>> {
        let mut at = vec![Vec::new(); self.points.len()];
        for (number, edge) in self.edges.iter().enumerate() {
            at[edge.from].push(number);
            at[edge.to].push(number);
        }
        at
    }
}

/// The points of the net: those that lie together are one.
#[derive(Default)]
struct Points {
    list: Vec<Point>,
    by_cell: HashMap<[i64; 2], Vec<usize>>,
}

impl Points {
    fn number(&mut self, p: Point) -> usize {
        let cell = p.map(|v| (v / SAME_M).floor() as i64);
        for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))) {
            let there = self.by_cell.get(&[cell[0] + dx, cell[1] + dy]);
            let same = there.into_iter().flatten().find(|n| distance(self.list[**n], p) < SAME_M);
            if let Some(number) = same {
                return *number;
            }
        }
        self.by_cell.entry(cell).or_default().push(self.list.len());
        self.list.push(p);
        self.list.len() - 1
    }
}

/// Where two pieces meet: at an end of one that lies on the other, else where they cross.
fn meetings(a: Piece, b: Piece) -> Vec<Point> {
    let on = |p: Point, piece: Piece| distance(p, nearest(p, piece.0, piece.1)) < SAME_M;
    let mut found: Vec<Point> = [a.0, a.1].into_iter().filter(|p| on(*p, b)).collect();
    found.extend([b.0, b.1].into_iter().filter(|p| on(*p, a)));
    if found.is_empty() {
        found.extend(crossing(a, b));
    }
    found
}

/// How far one turns left (positive) or right between two edges that meet at `via`, radians.
pub(super) fn turn(from: Point, via: Point, to: Point) -> f64 {
    let (a, b) = (sub(via, from), sub(to, via));
    super::plane::cross(a, b).atan2(a[0] * b[0] + a[1] * b[1])
}
