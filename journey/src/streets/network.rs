//! Streets ready to be searched: routes between two places, and trees from one place to all.

use domain::geo::LatLon;

use super::condition::Closed;
use super::graph::{Graph, NONE, States};
use super::search::{Budget, Direction, Workspace};
use super::snap::{EdgeIndex, End, Link};
use super::tree::{MS_PER_S, Tree};
use super::{Mode, Streets, bound::LowerBound, component, component::Main};

/// Streets with all that searches need. Immutable: share it in an `Arc`.
#[derive(Debug)]
pub struct Network {
    streets: Streets,
    graphs: Vec<Graph>,
    index: EdgeIndex,
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
        let usually_closed = Closed::new(&streets, |_| false);
        Network { streets, graphs, index, usually_closed }
    }

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
        self.index.snap(
            &self.streets,
            &End { mode, direction: Some(direction), closed },
            point,
            limit_m,
            most,
        )
    }

    /// The edges near a point, of any mode, with the place on each that is nearest.
    pub fn edges_near(&self, mode: Mode, point: LatLon, radius_m: f64) -> impl Iterator<Item = Link> + '_ {
        self.index
            .around(point, radius_m)
            .map(move |edge| self.index.project(&self.streets, mode, None, point, edge))
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
        let graph = self.graph(mode);
        let closed = budget.closed.unwrap_or(&self.usually_closed);
        workspace.begin(graph.states());
        let seed = |state, ms, _| workspace.offer(state, ms, NONE, || 0);
        let arcs = match direction {
            Direction::Forward => {
                self.starts(graph, closed, &origin, seed);
                &graph.forward
            }
            Direction::Backward => {
                self.ends(graph, closed, &origin, seed);
                &graph.backward
            }
        };
        let limit_ms = (limit_s.max(0.0) * MS_PER_S).round() as u32;
        let limit = limit_ms.min(NONE - 1);
        let cut = match closed.is_empty() {
            true => workspace.run(arcs, limit, budget, |_| false, |_| 0, |_, _| NONE),
            false => workspace.run(arcs, limit, budget, |code| closed.has(code >> 1), |_| 0, |_, _| NONE),
        };
        Tree { network: self, graph, closed, workspace, origin, direction, limit_ms, cut }
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
        let graph = self.graph(mode);
        let closed = budget.closed.unwrap_or(&self.usually_closed);
        workspace.begin(graph.states());
        let bound = LowerBound::to(&self.streets, graph, to);
        let mut goals: Vec<(u32, u32)> = Vec::new();
        self.ends(graph, closed, to, |state, ms, _| goals.push((state, ms)));
        let mut best = self.beside(graph, closed, &from, to).map_or(NONE - 1, |(ms, ..)| ms);
        let better = |state: u32, ms: u32| {
            let here = goals.iter().filter(|(goal, _)| *goal == state);
            here.map(|(_, rest)| ms.saturating_add(*rest)).min().unwrap_or(NONE)
        };
        self.starts(graph, closed, &from, |state, ms, _| {
            workspace.offer(state, ms, NONE, || bound.ms(state));
            best = best.min(better(state, ms));
        });
        let rest = |state| bound.ms(state);
        let cut = match closed.is_empty() {
            true => workspace.run(&graph.forward, best, budget, |_| false, rest, better),
            false => workspace.run(&graph.forward, best, budget, |code| closed.has(code >> 1), rest, better),
        };
        Tree {
            network: self,
            graph,
            closed,
            workspace,
            origin: from,
            direction: Direction::Forward,
            limit_ms: NONE,
            cut,
        }
    }

    pub(super) fn graph(&self, mode: Mode) -> &Graph {
        &self.graphs[mode as usize]
    }

    /// The directed edges of a link that may be travelled: code, time to the link, time after it.
    fn directions<'a>(
        &self,
        graph: &'a Graph,
        closed: &Closed,
        link: &Link,
    ) -> impl Iterator<Item = (u32, u32, u32)> + use<'a> {
        let length_dm = self.streets.edges.get(link.edge as usize).map_or(1, |edge| edge.length_dm);
        // Of edges beside each other that in force; nobody travels on one that is closed.
        let in_force = || self.streets.beside(link.edge).find(|edge| !closed.has(*edge));
        let edge = if closed.has(link.edge) { in_force() } else { Some(link.edge) };
        let (edge, along) = (edge.unwrap_or(NONE >> 1), link.along_dm.min(length_dm));
        [(edge << 1, along), (edge << 1 | 1, length_dm - along)].into_iter().filter_map(
            move |(code, part_dm)| {
                let full = *graph.edge_ms.get(code as usize)?;
                let part = (u64::from(full) * u64::from(part_dm) / u64::from(length_dm)) as u32;
                (full != NONE).then_some((code, part, full - part))
            },
        )
    }

    /// States that are reached first from a link: state, time to it, code of the first edge.
    pub(super) fn starts(
        &self,
        graph: &Graph,
        closed: &Closed,
        link: &Link,
        mut found: impl FnMut(u32, u32, u32),
    ) {
        for (code, _, after) in self.directions(graph, closed, link) {
            match &graph.states {
                States::Junctions { zones, .. } => {
                    let head = self.streets.ends(code).1;
                    let zone = zones.get(&head).filter(|_| graph.zone[(code >> 1) as usize]);
                    found(zone.map_or(head, |zone| zone.start), after, code);
                }
                States::Turns { entered, .. } => {
                    let arcs = graph.forward.of(entered[code as usize]).iter();
                    for arc in arcs.filter(|arc| !closed.has(arc.code >> 1)) {
                        found(arc.head, after.saturating_add(arc.ms), code);
                    }
                }
            }
        }
    }

    /// States from which a link is reached next: state, time from it, code of the last edge.
    pub(super) fn ends(
        &self,
        graph: &Graph,
        closed: &Closed,
        link: &Link,
        mut found: impl FnMut(u32, u32, u32),
    ) {
        for (code, part, after) in self.directions(graph, closed, link) {
            match &graph.states {
                States::Junctions { zones, .. } => {
                    let tail = self.streets.ends(code).0;
                    if graph.blocked[tail as usize] {
                        continue;
                    }
                    found(tail, part, code);
                    if let Some(zone) = zones.get(&tail).filter(|_| graph.zone[(code >> 1) as usize]) {
                        found(zone.start, part, code);
                        found(zone.end, part, code);
                    }
                }
                States::Turns { entered, further, .. } => {
                    let more = further.get(&code).map_or(&[][..], Vec::as_slice);
                    for &state in [entered[code as usize]].iter().chain(more) {
                        for arc in graph.backward.of(state) {
                            found(arc.head, arc.ms - after, code);
                        }
                    }
                }
            }
        }
    }

    /// The path between two links that passes no state: along one edge, or by one turn between two
    /// edges. Time, code of the first edge, code of the last edge.
    pub(super) fn beside(
        &self,
        graph: &Graph,
        closed: &Closed,
        from: &Link,
        to: &Link,
    ) -> Option<(u32, u32, u32)> {
        let mut best: Option<(u32, u32, u32)> = None;
        let mut offer = |ms: u32, first: u32, last: u32| {
            if best.is_none_or(|(least, ..)| ms < least) {
                best = Some((ms, first, last));
            }
        };
        for (code, part, after) in self.directions(graph, closed, from) {
            for (last, last_part, last_after) in self.directions(graph, closed, to) {
                if code == last && part <= last_part {
                    offer(last_part - part, code, last);
                }
                if let States::Turns { entered, codes, .. } = &graph.states {
                    let arcs = graph.forward.of(entered[code as usize]).iter();
                    for arc in arcs.filter(|arc| codes[arc.head as usize] == last) {
                        offer(after.saturating_add(arc.ms) - last_after, code, last);
                    }
                }
            }
        }
        best
    }
}
