//! Streets ready to be searched: routes between two places, and trees from one place to all.

use domain::geo::{Bbox, LatLon};
use smallvec::smallvec;

use super::component::{self, Main};
use super::condition::Closed;
use super::graph::Graph;
use super::index::BoxIndex;
use super::open_graph::OpenGraph;
use super::search::{Budget, Direction, Workspace};
use super::snap::{EdgeIndex, End, Link};
use super::states::NONE;
use super::tree::{MS_PER_S, Origin, Origins, Seeds, Tree};
use super::{Edge, Mode, Streets, bound::LowerBound};

/// Streets with all that searches need. Immutable: share it in an `Arc`.
#[derive(Debug)]
pub struct Network {
    streets: Streets,
    graphs: Vec<Graph>,
    index: EdgeIndex,
    /// The first corners of [`Streets::parking`].
    parking: BoxIndex,
    /// Edges that are closed where no time is given.
    usually_closed: Closed,
}

impl Network {
    /// Prepares `streets`, which must be [sound](Streets::is_sound).
    pub fn new(streets: Streets) -> Self {
        let graphs: Vec<Graph> = Mode::ALL.into_iter().map(|mode| Graph::new(&streets, mode)).collect();
        let mut main = Main::new(streets.edges.len());
        for graph in &graphs {
            component::mark(&streets, graph, &mut main);
        }
        let index = EdgeIndex::new(&streets, main);
        let corners = streets.parking.iter().map(|parking| parking.outline.iter().copied().take(1));
        let parking = BoxIndex::new((0..).zip(corners));
        let usually_closed = Closed::new(&streets, |_| false);
        Network { streets, graphs, index, parking, usually_closed }
    }

    /// The streets themselves.
    pub fn streets(&self) -> &Streets {
        &self.streets
    }

    /// The streets that `mode` may use within `limit_m` metres of `point`, at most `most`: those of
    /// large networks first, public ones before private ones that are hardly nearer, then the nearest.
    /// Looks no further than until a public one of a large network is found. Nobody starts on a ferry.
    pub fn snap(&self, mode: Mode, point: LatLon, limit_m: f64, most: usize) -> Vec<Link> {
        let way = End { mode, direction: None, closed: &Closed::default() };
        self.index.snap(&self.streets, &way, point, limit_m, most)
    }

    /// As [`Self::snap`], for the end of a way that is searched in this direction: the large network
    /// must be reached from there (forward), or the street from it (backward), not both. Streets that are
    /// `closed` do not count.
    pub fn snap_end(
        &self,
        mode: Mode,
        direction: Direction,
        closed: Option<&Closed>,
        point: LatLon,
        limit_m: f64,
        most: usize,
    ) -> Vec<Link> {
        let closed = closed.unwrap_or(&self.usually_closed);
        let way = End { mode, direction: Some(direction), closed };
        self.index.snap(&self.streets, &way, point, limit_m, most)
    }

    /// The edges near a point, of any mode, with the place on each that is nearest.
    pub(super) fn edges_near(
        &self,
        mode: Mode,
        point: LatLon,
        radius_m: f64,
    ) -> impl Iterator<Item = Link> + '_ {
        self.index
            .around(point, radius_m)
            .map(move |edge| self.index.project(&self.streets, mode, None, point, edge))
    }

    /// Numbers of the edges whose boxes touch `bounds`, in no order.
    pub(crate) fn edges_touching(&self, bounds: Bbox) -> impl Iterator<Item = u32> + '_ {
        self.index.touching(bounds)
    }

    /// The edges that meet at a junction, in no order.
    pub(super) fn arms(&self, junction: u32) -> impl Iterator<Item = u32> + '_ {
        /// Wider than the rounding of positions.
        const MARGIN_M: f64 = 0.5;
        let at = self.streets.junctions[junction as usize].degrees();
        let meets = move |edge: &u32| {
            let Edge { from, to, .. } = self.streets.edges[*edge as usize];
            from == junction || to == junction
        };
        self.index.around(at, MARGIN_M).filter(meets)
    }

    /// Numbers of the parking places in [`Streets::parking`] whose first corner is about as near to a point, in order.
    pub fn parking_near(&self, point: LatLon, radius_m: f64) -> Vec<u32> {
        let mut near: Vec<u32> = self.parking.around(point, radius_m).collect();
        near.sort_unstable();
        near
    }

    fn open_graph<'a>(&'a self, mode: Mode, budget: &Budget<'a>) -> OpenGraph<'a> {
        let closed = budget.closed.unwrap_or(&self.usually_closed);
        OpenGraph { streets: &self.streets, graph: self.graph(mode), closed }
    }

    /// The quickest paths from `origin` (forward) or to it (backward), within `limit_s` seconds.
    pub fn tree<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        origin: Link,
        direction: Direction,
        limit_s: f64,
        budget: Budget<'a>,
    ) -> Tree<'a> {
        self.tree_of(workspace, mode, smallvec![Origin { link: origin, ms: 0 }], direction, limit_s, budget)
    }

    /// The quickest paths from (to) the best of `origins`, each of which begins at a cost in seconds.
    pub fn tree_of_many<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        origins: impl Iterator<Item = (Link, f64)>,
        direction: Direction,
        limit_s: f64,
        budget: Budget<'a>,
    ) -> Tree<'a> {
        let origin = |(link, cost_s): (Link, f64)| Origin { link, ms: (cost_s.max(0.0) * MS_PER_S) as u32 };
        self.tree_of(workspace, mode, origins.map(origin).collect(), direction, limit_s, budget)
    }

    fn tree_of<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        origins: Origins,
        direction: Direction,
        limit_s: f64,
        budget: Budget<'a>,
    ) -> Tree<'a> {
        let open = self.open_graph(mode, &budget);
        workspace.begin(open.graph.count());
        let mut seeds = Seeds::default();
        for (number, origin) in origins.iter().enumerate() {
            let of_one = match direction {
                Direction::Forward => open.starts(&origin.link),
                Direction::Backward => open.ends(&origin.link),
            };
            for seed in of_one {
                let ms = origin.ms.saturating_add(seed.ms);
                workspace.offer(seed.state, ms, NONE, || 0);
                if origins.len() > 1 {
                    seeds.offer(seed.state, ms, number);
                }
            }
        }
        let arcs = match direction {
            Direction::Forward => &open.graph.forward,
            Direction::Backward => &open.graph.backward,
        };
        let limit_ms = (limit_s.max(0.0) * MS_PER_S).round() as u32;
        let cut = workspace.run(arcs, limit_ms.min(NONE - 1), budget, open.closed, |_| 0, |_, _| NONE);
        Tree { open, workspace, origins, seeds, direction, limit_ms, cut }
    }

    /// The quickest path from `from` to `to` (A*): a tree that contains the path to `to` only.
    pub fn route<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        from: Link,
        to: &Link,
        budget: Budget<'a>,
    ) -> Tree<'a> {
        let open = self.open_graph(mode, &budget);
        workspace.begin(open.graph.count());
        let bound = LowerBound::to(&self.streets, open.graph, to);
        let goals = open.ends(to);
        let better = |state: u32, ms: u32| {
            let here = goals.iter().filter(|goal| goal.state == state);
            here.map(|goal| ms.saturating_add(goal.ms)).min().unwrap_or(NONE)
        };
        let mut best = open.direct(&from, to).map_or(NONE - 1, |direct| direct.ms);
        for seed in open.starts(&from) {
            workspace.offer(seed.state, seed.ms, NONE, || bound.ms(seed.state));
            best = best.min(better(seed.state, seed.ms));
        }
        let rest = |state| bound.ms(state);
        let cut = workspace.run(&open.graph.forward, best, budget, open.closed, rest, better);
        let direction = Direction::Forward;
        let origins = smallvec![Origin { link: from, ms: 0 }];
        Tree { open, workspace, origins, seeds: Seeds::default(), direction, limit_ms: NONE, cut }
    }

    /// The highest speed of a mode on any street, metres per second: for lower bounds.
    pub(crate) fn fastest_mps(&self, mode: Mode) -> f64 {
        MS_PER_S / self.graph(mode).least_ms_per_m
    }

    pub(super) fn graph(&self, mode: Mode) -> &Graph {
        &self.graphs[mode as usize]
    }
}
