//! From drawn ways to a net: where ways cross, they meet, and every place can be reached.

use rstar::primitives::{GeomWithData, Line};
use rstar::{AABB, PointDistance, RTree};

use super::geometry::{Point, between, crossing, distance};
use super::kind::Kind;
use super::sketch::Sketch;

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
    /// Its place among all pieces.
    order: usize,
}

impl Edge {
    /// The end that is not `point`.
    pub(super) fn other(&self, point: usize) -> usize {
        if self.from == point { self.to } else { self.from }
    }

    fn ends(&self) -> (usize, usize) {
        (self.from.min(self.to), self.from.max(self.to))
    }
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
        let ways = sketch.ways.iter().enumerate();
        let pieces: Vec<(usize, Line<Point>)> =
            ways.flat_map(|(number, way)| way.pieces().map(move |piece| (number, piece))).collect();
        let numbered = pieces.iter().enumerate();
        let index = RTree::bulk_load(numbered.map(|(i, (_, piece))| GeomWithData::new(*piece, i)).collect());
        let mut points = Points { list: Vec::new(), index: RTree::new() };
        let mut edges: Vec<Edge> = Vec::new();
        for (this, (way, piece)) in pieces.iter().enumerate() {
            let near = AABB::from_corners(piece.from, piece.to);
            let [low, high] = [near.lower().map(|v| v - SAME_M), near.upper().map(|v| v + SAME_M)];
            let near = index.locate_in_envelope_intersecting(&AABB::from_corners(low, high));
            let others = near.filter(|other| other.data != this);
            let mut on_it: Vec<Point> = others.flat_map(|other| meetings(piece, other.geom())).collect();
            on_it.extend([piece.from, piece.to]);
            on_it.sort_by(|p, q| piece.from.distance_2(p).total_cmp(&piece.from.distance_2(q)));
            let mut nodes: Vec<usize> = on_it.into_iter().map(|p| points.number(p)).collect();
            nodes.dedup();
            for pair in nodes.windows(2) {
                let [from, to] = [pair[0], pair[1]];
                let in_town = sketch.in_town(between(points.list[from], points.list[to], 0.5));
                let drawn = &sketch.ways[*way];
                let (kind, oneway, order) = (drawn.kind, drawn.oneway, edges.len());
                edges.push(Edge { from, to, way: *way, kind, oneway, in_town, order });
            }
        }
        edges.sort_by_key(|edge| (edge.ends(), edge.kind, edge.order));
        edges.dedup_by_key(|edge| edge.ends());
        edges.sort_by_key(|edge| edge.order);
        Self { points: points.list, edges }
    }

    /// Keeps what hangs together with the first way: every street for cars can be reached and left again,
    /// and every footway too.
    pub(super) fn connected(mut self) -> Self {
        let cars = self.reached_by_cars();
        // A one-way street that leads nowhere is opened.
        for edge in &mut self.edges {
            edge.oneway &= cars[edge.from] && cars[edge.to];
        }
        let cars = self.reached_by_cars();
        self.edges.retain(|edge| !edge.kind.for_cars() || (cars[edge.from] && cars[edge.to]));
        let feet = self.reached(|_, _| true);
        self.edges.retain(|edge| feet[edge.from]);
        self
    }

    /// By point: whether cars come there and back.
    fn reached_by_cars(&self) -> Vec<bool> {
        let there = self.reached(|edge, at| edge.kind.for_cars() && (!edge.oneway || edge.from == at));
        let back = self.reached(|edge, at| edge.kind.for_cars() && (!edge.oneway || edge.to == at));
        there.into_iter().zip(back).map(|(there, back)| there && back).collect()
    }

    /// By point: whether it is reached from the first one over edges that are `usable` from a point.
    fn reached(&self, usable: impl Fn(&Edge, usize) -> bool) -> Vec<bool> {
        let at_points = self.at_points();
        let mut reached = vec![false; self.points.len()];
        let mut open: Vec<usize> = self.edges.first().map(|edge| edge.from).into_iter().collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                let edges = at_points[at].iter().map(|edge| &self.edges[*edge]);
                open.extend(edges.filter(|edge| usable(edge, at)).map(|edge| edge.other(at)));
            }
        }
        reached
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
struct Points {
    list: Vec<Point>,
    index: RTree<GeomWithData<Point, usize>>,
}

impl Points {
    fn number(&mut self, p: Point) -> usize {
        let nearest = self.index.nearest_neighbor(&p).filter(|found| distance(*found.geom(), p) < SAME_M);
        nearest.map(|found| found.data).unwrap_or_else(|| {
            let number = self.list.len();
            self.index.insert(GeomWithData::new(p, number));
            self.list.push(p);
            number
        })
    }
}

/// Where two pieces meet: at an end of one that lies on the other, else where they cross.
fn meetings(a: &Line<Point>, b: &Line<Point>) -> Vec<Point> {
    let on = |p: &Point, piece: &Line<Point>| piece.distance_2(p) < SAME_M * SAME_M;
    let of_a = [a.from, a.to].into_iter().filter(|p| on(p, b));
    let of_b = [b.from, b.to].into_iter().filter(|p| on(p, a));
    let ends: Vec<Point> = of_a.chain(of_b).collect();
    if ends.is_empty() { crossing(a, b).into_iter().collect() } else { ends }
}
