//! The sketch: ways as they are drawn, before it is known where they meet.

use super::grid::{Grid, Piece};
use super::kind::Kind;
use super::net::Net;
use super::plane::{Plane, Point, between, distance};

/// One way as it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) points: Vec<Point>,
    /// Cars drive in the order of its points only.
    pub(super) oneway: bool,
    /// The tag of who may use it, if not everyone.
    pub(super) access: Option<&'static str>,
}

impl Way {
    pub(super) fn new(kind: Kind, points: Vec<Point>) -> Self {
        Self { kind, name: None, points, oneway: false, access: None }
    }

    pub(super) fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

/// A built-up area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Town {
    pub(super) center: Point,
    pub(super) radius_m: f64,
}

/// All ways of the county.
#[derive(Debug)]
pub(super) struct Sketch {
    pub(super) plane: Plane,
    pub(super) towns: Vec<Town>,
    pub(super) ways: Vec<Way>,
    /// The pieces of its streets, and where they are.
    streets: Vec<Piece>,
    grid: Grid,
    /// Outlines of car parks: no street is built through them.
    pub(super) lots: Vec<Vec<Point>>,
}

impl Sketch {
    /// An empty one.
    pub(super) fn new(plane: Plane, towns: Vec<Town>) -> Self {
        Self { plane, towns, ways: Vec::new(), streets: Vec::new(), grid: Grid::default(), lots: Vec::new() }
    }

    /// Whether a place is built up, so that one drives slowly.
    pub(super) fn in_town(&self, p: Point) -> bool {
        self.towns.iter().any(|town| distance(town.center, p) < town.radius_m)
    }

    /// Adds a way.
    pub(super) fn add(&mut self, way: Way) {
        if way.kind.is_street() {
            for piece in way.points.windows(2) {
                let piece = (piece[0], piece[1]);
                self.grid.add(self.streets.len(), piece, 0.0);
                self.streets.push(piece);
            }
        }
        self.ways.push(way);
    }

    /// From now on only streets of `net` are looked for.
    pub(super) fn keep_streets(&mut self, net: &Net) {
        (self.streets, self.grid) = (Vec::new(), Grid::default());
        for edge in net.edges.iter().filter(|edge| edge.kind.is_street()) {
            let piece = (net.points[edge.from], net.points[edge.to]);
            self.grid.add(self.streets.len(), piece, 0.0);
            self.streets.push(piece);
        }
    }

    /// The point of the nearest street to `p`; `p` itself when there is none.
    pub(super) fn nearest_street(&self, p: Point) -> Point {
        self.grid.nearest(p, &self.streets).unwrap_or(p)
    }

    /// Adds a way, except where it would cross a car park.
    pub(super) fn build_around_lots(&mut self, way: Way) {
        /// Points are tested so far from each other; and so far a street keeps from a car park.
        const STEP_M: f64 = 6.0;
        let blocked = |a: Point, b: Point| {
            let steps = (distance(a, b) / STEP_M).ceil().max(1.0) as usize;
            (0..=steps).any(|i| {
                let p = between(a, b, i as f64 / steps as f64);
                self.lots.iter().any(|lot| super::plane::is_inside(p, lot))
            })
        };
        let mut runs: Vec<Vec<Point>> = vec![Vec::new()];
        for piece in way.points.windows(2) {
            if blocked(piece[0], piece[1]) {
                runs.push(Vec::new());
            } else if let Some(run) = runs.last_mut() {
                if run.is_empty() {
                    run.push(piece[0]);
                }
                run.push(piece[1]);
            }
        }
        for points in runs.into_iter().filter(|run| run.len() > 1) {
            self.add(Way { points, ..way.clone() });
        }
    }
}
