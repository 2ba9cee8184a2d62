//! Streets ready to be searched: routes between two places, and trees from one place to all.

use domain::geo::LatLon;

use super::graph::{Graph, Layout, NONE};
use super::search::{Budget, Direction, Workspace};
use super::snap::{EdgeIndex, Link, Plane};
use super::walk::blocks;
use super::{Coord, Mode, Streets, component};

/// Streets with all that searches need. Immutable: share it in an `Arc`.
#[derive(Debug)]
pub struct Network {
    streets: Streets,
    graphs: Vec<Graph>,
    index: EdgeIndex,
}

/// How far and how long it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    pub duration_s: f64,
    pub distance_m: f64,
}

/// A way from one place to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub duration_s: f64,
    pub distance_m: f64,
    /// Its course, in the direction of travel.
    pub points: Vec<LatLon>,
}

const MS_PER_S: f64 = 1000.0;
const DM_PER_M: f64 = 10.0;

/// Beyond this distance the flat lower bound of A* may exceed the true distance; it is then zero.
const FLAT_BOUND_M: f64 = 500_000.0;
/// Keeps the flat lower bound below the true one within [`FLAT_BOUND_M`].
const FLAT_BOUND_FACTOR: f64 = 0.998;

impl Network {
    /// Prepares `streets`, which must be [sound](Streets::is_sound).
    pub fn new(streets: Streets) -> Self {
        let graphs: Vec<Graph> = Mode::ALL.into_iter().map(|mode| Graph::new(&streets, mode)).collect();
        let mut main = vec![0; streets.edges.len()];
        for graph in &graphs {
            component::mark(&streets, graph, &mut main);
        }
        let index = EdgeIndex::new(&streets, main);
        Network { streets, graphs, index }
    }

    pub fn streets(&self) -> &Streets {
        &self.streets
    }

    /// The streets that `mode` may use within `limit_m` metres of `point`, at most `most`: those of
    /// large networks first, then the nearest. Looks no further than until one of a large network is
    /// found. Ferries and islands in reach of a large network are not the first choice.
    pub fn snap(&self, mode: Mode, point: LatLon, limit_m: f64, most: usize) -> Vec<Link> {
        self.index.snap(&self.streets, mode, point, limit_m, most)
    }

    /// The edges near a point, of any mode, with the place on each that is nearest.
    pub fn edges_near(&self, mode: Mode, point: LatLon, radius_m: f64) -> impl Iterator<Item = Link> + '_ {
        self.index
            .around(point, radius_m)
            .map(move |edge| self.index.project(&self.streets, mode, point, edge))
    }

    /// The quickest ways from `origin` (forward) or to it (backward), as far as `limit_s` seconds.
    pub fn tree<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        origin: Link,
        direction: Direction,
        limit_s: f64,
        budget: Budget<'_>,
    ) -> Tree<'a> {
        let graph = self.graph(mode);
        workspace.begin(graph.states());
        let seed = |state, ms, _| workspace.offer(state, ms, NONE, || 0);
        let arcs = match direction {
            Direction::Forward => {
                self.starts(graph, &origin, seed);
                &graph.forward
            }
            Direction::Backward => {
                self.ends(graph, &origin, seed);
                &graph.backward
            }
        };
        let limit_ms = (limit_s.max(0.0) * MS_PER_S).round() as u32;
        let cut = workspace.run(arcs, limit_ms.min(NONE - 1), budget, |_| 0, |_, _| NONE);
        Tree { network: self, graph, workspace, origin, direction, limit_ms, cut }
    }

    /// The quickest way from `from` to `to`: a tree that goes for its goal (A*) and knows the way
    /// to `to` only.
    pub fn route<'a>(
        &'a self,
        workspace: &'a mut Workspace,
        mode: Mode,
        from: Link,
        to: &Link,
        budget: Budget<'_>,
    ) -> Tree<'a> {
        let graph = self.graph(mode);
        workspace.begin(graph.states());
        let bound = LowerBound::to(&self.streets, graph, to);
        let mut goals: Vec<(u32, u32)> = Vec::new();
        self.ends(graph, to, |state, ms, _| goals.push((state, ms)));
        let mut best = self.beside(graph, &from, to).map_or(NONE - 1, |(ms, ..)| ms);
        let better = |state: u32, ms: u32| {
            let here = goals.iter().filter(|(goal, _)| *goal == state);
            here.map(|(_, rest)| ms.saturating_add(*rest)).min().unwrap_or(NONE)
        };
        self.starts(graph, &from, |state, ms, _| {
            workspace.offer(state, ms, NONE, || bound.ms(state));
            best = best.min(better(state, ms));
        });
        let cut = workspace.run(&graph.forward, best, budget, |state| bound.ms(state), better);
        Tree {
            network: self,
            graph,
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
        link: &Link,
    ) -> impl Iterator<Item = (u32, u32, u32)> + use<'a> {
        let length_dm = self.streets.edges.get(link.edge as usize).map_or(1, |edge| edge.length_dm);
        let (edge, along) = (link.edge, link.along_dm.min(length_dm));
        [(edge << 1, along), (edge << 1 | 1, length_dm - along)].into_iter().filter_map(
            move |(code, part_dm)| {
                let full = *graph.edge_ms.get(code as usize)?;
                let part = (u64::from(full) * u64::from(part_dm) / u64::from(length_dm)) as u32;
                (full != NONE).then_some((code, part, full - part))
            },
        )
    }

    /// States that are reached first from a link: state, time to it, code of the first edge.
    fn starts(&self, graph: &Graph, link: &Link, mut found: impl FnMut(u32, u32, u32)) {
        for (code, _, after) in self.directions(graph, link) {
            match &graph.layout {
                Layout::Junctions { zones } => {
                    let head = self.streets.ends(code).1;
                    let zone = zones.get(&head).filter(|_| graph.zone[(code >> 1) as usize]);
                    found(zone.map_or(head, |zone| zone.start), after, code);
                }
                Layout::Turns { entered, .. } => {
                    for arc in graph.forward.of(entered[code as usize]) {
                        found(arc.head, after.saturating_add(arc.ms), code);
                    }
                }
            }
        }
    }

    /// States from which a link is reached next: state, time from it, code of the last edge.
    fn ends(&self, graph: &Graph, link: &Link, mut found: impl FnMut(u32, u32, u32)) {
        for (code, part, after) in self.directions(graph, link) {
            match &graph.layout {
                Layout::Junctions { zones } => {
                    let tail = self.streets.ends(code).0;
                    if blocks(&self.streets, tail, graph.mode) {
                        continue;
                    }
                    found(tail, part, code);
                    if let Some(zone) = zones.get(&tail).filter(|_| graph.zone[(code >> 1) as usize]) {
                        found(zone.start, part, code);
                        found(zone.end, part, code);
                    }
                }
                Layout::Turns { entered, further, .. } => {
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

    /// The way between two links that passes no state: along one edge, or by one turn between two
    /// edges. Time, code of the first edge, code of the last edge.
    fn beside(&self, graph: &Graph, from: &Link, to: &Link) -> Option<(u32, u32, u32)> {
        let mut best: Option<(u32, u32, u32)> = None;
        let mut offer = |ms: u32, first: u32, last: u32| {
            if best.is_none_or(|(least, ..)| ms < least) {
                best = Some((ms, first, last));
            }
        };
        for (code, part, after) in self.directions(graph, from) {
            for (last, last_part, last_after) in self.directions(graph, to) {
                if code == last && part <= last_part {
                    offer(last_part - part, code, last);
                }
                if let Layout::Turns { entered, codes, .. } = &graph.layout {
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

/// Time to a goal as the crow flies at the highest speed.
struct LowerBound<'a> {
    streets: &'a Streets,
    graph: &'a Graph,
    plane: Plane,
    goal_lat: f64,
}

impl<'a> LowerBound<'a> {
    fn to(streets: &'a Streets, graph: &'a Graph, link: &Link) -> Self {
        let goal = link.at.degrees();
        LowerBound { streets, graph, plane: Plane::at(goal), goal_lat: goal.lat.abs() }
    }

    fn ms(&self, state: u32) -> u32 {
        let junction = match &self.graph.layout {
            // States of zones are beyond the junctions: no bound is right, if not sharp.
            Layout::Junctions { .. } if state as usize >= self.streets.junctions.len() => return 0,
            Layout::Junctions { .. } => state,
            Layout::Turns { codes, .. } => self.streets.ends(codes[state as usize]).1,
        };
        let place = self.streets.junctions[junction as usize];
        let (mut east, north) = self.plane.metres(place);
        // Meridians converge: the narrower of the two latitudes keeps the bound below the truth.
        let lat = place.degrees().lat.abs();
        if lat > self.goal_lat {
            east *= lat.to_radians().cos() / self.goal_lat.to_radians().cos().max(1e-6);
        }
        let distance_m = east.hypot(north);
        if distance_m > FLAT_BOUND_M {
            return 0;
        }
        (distance_m * FLAT_BOUND_FACTOR * self.graph.least_ms_per_m) as u32
    }
}

/// The result of a search: durations, distances and courses between its origin and any link.
pub struct Tree<'a> {
    network: &'a Network,
    graph: &'a Graph,
    workspace: &'a Workspace,
    origin: Link,
    direction: Direction,
    limit_ms: u32,
    /// Whether the budget ended the search before its time: what is missing may exist.
    pub cut: bool,
}

/// The best connection of a link with the tree.
struct Joint {
    ms: u32,
    /// Code of the partial edge at the link.
    near: u32,
    /// The state where it meets the tree, or the code of the partial edge at the origin.
    meets: Result<u32, u32>,
}

impl Tree<'_> {
    /// States settled by the search.
    pub fn settled(&self) -> u32 {
        self.workspace.settled
    }

    /// Seconds between the origin and `link`; `None` when it is out of reach or of the limit.
    pub fn duration_s(&self, link: &Link) -> Option<f64> {
        self.joint(link).map(|joint| f64::from(joint.ms) / MS_PER_S)
    }

    /// Seconds and metres between the origin and `link`.
    pub fn reach(&self, link: &Link) -> Option<Reach> {
        let joint = self.joint(link)?;
        let mut distance_dm = 0u64;
        self.pieces(link, &joint, |_, from, to| distance_dm += u64::from(from.abs_diff(to)));
        Some(Reach { duration_s: f64::from(joint.ms) / MS_PER_S, distance_m: distance_dm as f64 / DM_PER_M })
    }

    /// The way between the origin and `link`, in the direction of travel.
    pub fn path(&self, link: &Link) -> Option<Path> {
        let joint = self.joint(link)?;
        let mut pieces = Vec::new();
        self.pieces(link, &joint, |edge, from, to| pieces.push((edge, from, to)));
        if self.direction == Direction::Forward {
            pieces.reverse();
        }
        let distance_dm: u64 = pieces.iter().map(|(_, from, to)| u64::from(from.abs_diff(*to))).sum();
        let mut points: Vec<LatLon> = Vec::new();
        for (edge, from, to) in pieces {
            self.network.draw(edge, from, to, |point| {
                let point = point.degrees();
                if points.last() != Some(&point) {
                    points.push(point);
                }
            });
        }
        Some(Path {
            duration_s: f64::from(joint.ms) / MS_PER_S,
            distance_m: distance_dm as f64 / DM_PER_M,
            points,
        })
    }

    fn joint(&self, link: &Link) -> Option<Joint> {
        let forward = self.direction == Direction::Forward;
        let (from, to) = if forward { (&self.origin, link) } else { (link, &self.origin) };
        let mut best = self.network.beside(self.graph, from, to).map(|(ms, first, last)| {
            let (near, far) = if forward { (last, first) } else { (first, last) };
            Joint { ms, near, meets: Err(far) }
        });
        let meet = |state: u32, ms: u32, near: u32| {
            let Some(label) = self.workspace.ms(state) else { return };
            let ms = label.saturating_add(ms);
            if best.as_ref().is_none_or(|best| ms < best.ms) {
                best = Some(Joint { ms, near, meets: Ok(state) });
            }
        };
        if forward {
            self.network.ends(self.graph, link, meet);
        } else {
            self.network.starts(self.graph, link, meet);
        }
        best.filter(|best| best.ms <= self.limit_ms)
    }

    /// Calls `piece(edge, from_dm, to_dm)` for each stretch, from the link towards the origin. The
    /// two distances are in the direction of travel.
    fn pieces(&self, link: &Link, joint: &Joint, mut piece: impl FnMut(u32, u32, u32)) {
        let (network, graph) = (self.network, self.graph);
        let forward = self.direction == Direction::Forward;
        let length = |code: u32| network.streets.edges[(code >> 1) as usize].length_dm;
        let whole = |code: u32| if code & 1 == 0 { (0, length(code)) } else { (length(code), 0) };
        let mut state = match joint.meets {
            Err(far) if far == joint.near && far >> 1 == link.edge && self.passes_directly(link, far) => {
                let (from, to) = if forward { (&self.origin, link) } else { (link, &self.origin) };
                return piece(link.edge, from.along_dm, to.along_dm);
            }
            Err(_) => NONE,
            Ok(state) => state,
        };
        let (near_from, near_to) = whole(joint.near);
        match forward {
            true => piece(link.edge, near_from, link.along_dm),
            false => piece(link.edge, link.along_dm, near_to),
        }
        let mut first = state;
        while state != NONE {
            first = state;
            let next = self.workspace.parent(state);
            match &graph.layout {
                Layout::Turns { codes, .. } => {
                    let code = codes[state as usize];
                    let (from, to) = whole(code);
                    piece(code >> 1, from, to);
                }
                Layout::Junctions { .. } if next != NONE => {
                    let (tail, head) = if forward { (next, state) } else { (state, next) };
                    let arcs = graph.forward.of(tail).iter().filter(|arc| arc.head == head);
                    if let Some(arc) = arcs.min_by_key(|arc| arc.ms).filter(|arc| arc.code != NONE) {
                        let (from, to) = whole(arc.code);
                        piece(arc.code >> 1, from, to);
                    }
                }
                Layout::Junctions { .. } => {}
            }
            state = next;
        }
        let mut far = joint.meets.err();
        let label = (first != NONE).then(|| self.workspace.ms(first)).flatten();
        let seed = |state: u32, ms: u32, code: u32| {
            if state == first && Some(ms) == label {
                far = Some(code);
            }
        };
        if forward {
            network.starts(graph, &self.origin, seed);
        } else {
            network.ends(graph, &self.origin, seed);
        }
        let Some(far) = far else { return };
        let (far_from, far_to) = whole(far);
        match forward {
            true => piece(self.origin.edge, self.origin.along_dm, far_to),
            false => piece(self.origin.edge, far_from, self.origin.along_dm),
        }
    }

    /// Whether the origin and the link lie on one edge in the right order for `code`.
    fn passes_directly(&self, link: &Link, code: u32) -> bool {
        let forward = (self.direction == Direction::Forward) == (code & 1 == 0);
        let (origin, there) = (self.origin.along_dm, link.along_dm);
        self.origin.edge == link.edge && if forward { origin <= there } else { origin >= there }
    }
}

impl Network {
    /// The points of an edge from one distance along it to another.
    fn draw(&self, edge: u32, from_dm: u32, to_dm: u32, mut point: impl FnMut(Coord)) {
        let reverse = from_dm > to_dm;
        let (low, high) = (from_dm.min(to_dm), from_dm.max(to_dm));
        let length_dm = f64::from(self.streets.edges[edge as usize].length_dm);
        let places: Vec<Coord> = self.streets.points(edge).collect();
        let steps: Vec<f64> = places.windows(2).map(|pair| pair[0].distance_m(pair[1])).collect();
        let scale = length_dm / steps.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let (low, high) = (f64::from(low), f64::from(high));
        let mut inside = Vec::with_capacity(places.len());
        let mut along = 0.0;
        for (pair, step) in places.windows(2).zip(&steps) {
            let next = along + step * scale;
            let between = |at: f64| {
                let share = if next > along { ((at - along) / (next - along)).clamp(0.0, 1.0) } else { 0.0 };
                let mix =
                    |a: i32, b: i32| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as i32;
                Coord { lat: mix(pair[0].lat, pair[1].lat), lon: mix(pair[0].lon, pair[1].lon) }
            };
            if next >= low && along <= high {
                inside.push(between(low.max(along)));
                inside.push(between(high.min(next)));
            }
            along = next;
        }
        if reverse {
            inside.reverse();
        }
        inside.into_iter().for_each(&mut point);
    }
}
