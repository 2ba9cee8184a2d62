//! The sketch: ways as they are drawn, before it is known where they meet.

use rstar::RTree;
use rstar::primitives::Line;

use super::super::Frame;
use super::geometry::{Point, between, distance, is_inside};
use super::kind::Kind;

/// A way is tested for car parks at points so far from each other, metres.
const STEP_M: f64 = 6.0;

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

    /// Its straight pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Line<Point>> {
        self.points.windows(2).map(|pair| Line::new(pair[0], pair[1]))
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
    /// Of the whole map.
    pub(super) frame: Frame,
    pub(super) towns: Vec<Town>,
    pub(super) ways: Vec<Way>,
    /// Pieces of its streets.
    pub(super) streets: RTree<Line<Point>>,
    /// Outlines of car parks: no street is built through them.
    pub(super) lots: Vec<Vec<Point>>,
}

impl Sketch {
    pub(super) fn new(frame: Frame, towns: Vec<Town>) -> Self {
        Self { frame, towns, ways: Vec::new(), streets: RTree::new(), lots: Vec::new() }
    }

    /// Whether a place is built up, so that one drives slowly.
    pub(super) fn in_town(&self, p: Point) -> bool {
        self.towns.iter().any(|town| distance(town.center, p) < town.radius_m)
    }

    pub(super) fn add(&mut self, way: Way) {
        if way.kind.is_street() {
            way.pieces().for_each(|piece| self.streets.insert(piece));
        }
        self.ways.push(way);
    }

    /// The point of the nearest street to `p`; `p` itself when there is none.
    pub(super) fn nearest_street(&self, p: Point) -> Point {
        self.streets.nearest_neighbor(&p).map_or(p, |street| street.nearest_point(&p))
    }

    /// Adds a way, except where it would cross a car park.
    pub(super) fn build_around_lots(&mut self, way: Way) {
        let is_blocked = |piece: Line<Point>| {
            let steps = (distance(piece.from, piece.to) / STEP_M).ceil().max(1.0);
            (0..=steps as usize).any(|i| {
                let p = between(piece.from, piece.to, i as f64 / steps);
                self.lots.iter().any(|lot| is_inside(p, lot))
            })
        };
        let blocked: Vec<bool> = way.pieces().map(is_blocked).collect();
        let mut first = 0;
        for run in blocked.chunk_by(|a, b| a == b) {
            if !run[0] {
                self.add(Way { points: way.points[first..=first + run.len()].to_vec(), ..way.clone() });
            }
            first += run.len();
        }
    }
}
