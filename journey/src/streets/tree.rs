//! The result of a search, for any link.

use domain::geo::LatLon;

use super::condition::Closed;
use super::graph::{Graph, NONE, States};
use super::network::Network;
use super::search::{Direction, Workspace};
use super::snap::Link;
use super::{Coord, cost};

/// How far and how long it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    pub duration_s: f64,
    pub distance_m: f64,
}

/// A path from one place to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub duration_s: f64,
    pub distance_m: f64,
    /// Its course, in the direction of travel.
    pub points: Vec<LatLon>,
}

pub(super) const MS_PER_S: f64 = 1000.0;
const DM_PER_M: f64 = 10.0;

/// The result of a search: durations, distances and courses between its origin and any link.
pub struct Tree<'a> {
    pub(super) network: &'a Network,
    pub(super) graph: &'a Graph,
    pub(super) closed: &'a Closed,
    pub(super) workspace: &'a Workspace,
    pub(super) origin: Link,
    pub(super) direction: Direction,
    pub(super) limit_ms: u32,
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

    /// Cost between the origin and `link`, seconds: by bike no less than [`Path::duration_s`]. `None` when it is out of reach or of the limit.
    pub fn duration_s(&self, link: &Link) -> Option<f64> {
        self.joint(link).map(|joint| f64::from(joint.ms) / MS_PER_S)
    }

    /// Seconds and metres between the origin and `link`.
    pub fn reach(&self, link: &Link) -> Option<Reach> {
        let joint = self.joint(link)?;
        let (mut distance_dm, mut felt_ms) = (0u64, 0.0);
        self.pieces(link, &joint, |edge, from, to| {
            distance_dm += u64::from(from.abs_diff(to));
            felt_ms += self.felt_ms(edge, from, to);
        });
        let duration_s = (f64::from(joint.ms) - felt_ms) / MS_PER_S;
        Some(Reach { duration_s, distance_m: distance_dm as f64 / DM_PER_M })
    }

    /// The path between the origin and `link`, in the direction of travel.
    pub fn path(&self, link: &Link) -> Option<Path> {
        let joint = self.joint(link)?;
        let mut pieces = Vec::new();
        self.pieces(link, &joint, |edge, from, to| pieces.push((edge, from, to)));
        if self.direction == Direction::Forward {
            pieces.reverse();
        }
        let distance_dm: u64 = pieces.iter().map(|(_, from, to)| u64::from(from.abs_diff(*to))).sum();
        let felt_ms: f64 = pieces.iter().map(|(edge, from, to)| self.felt_ms(*edge, *from, *to)).sum();
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
            duration_s: (f64::from(joint.ms) - felt_ms) / MS_PER_S,
            distance_m: distance_dm as f64 / DM_PER_M,
            points,
        })
    }

    /// The part of a stretch's cost that is not travel time, milliseconds.
    fn felt_ms(&self, edge: u32, from_dm: u32, to_dm: u32) -> f64 {
        let streets = self.network.streets();
        let share = cost::felt_share(streets.profile(edge), self.graph.mode);
        let code = (edge << 1 | u32::from(from_dm > to_dm)) as usize;
        if share <= 0.0 || self.graph.edge_ms[code] == NONE {
            return 0.0;
        }
        let part =
            f64::from(from_dm.abs_diff(to_dm)) / f64::from(streets.edges[edge as usize].length_dm.max(1));
        f64::from(self.graph.edge_ms[code]) * part * share
    }

    fn joint(&self, link: &Link) -> Option<Joint> {
        let forward = self.direction == Direction::Forward;
        let (from, to) = if forward { (&self.origin, link) } else { (link, &self.origin) };
        let mut best = self.network.beside(self.graph, self.closed, from, to).map(|(ms, first, last)| {
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
            self.network.ends(self.graph, self.closed, link, meet);
        } else {
            self.network.starts(self.graph, self.closed, link, meet);
        }
        best.filter(|best| best.ms <= self.limit_ms)
    }

    /// Calls `piece(edge, from_dm, to_dm)` for each stretch, from the link towards the origin. The
    /// two distances are in the direction of travel.
    fn pieces(&self, link: &Link, joint: &Joint, mut piece: impl FnMut(u32, u32, u32)) {
        let (network, graph) = (self.network, self.graph);
        let forward = self.direction == Direction::Forward;
        let length = |code: u32| network.streets().edges[(code >> 1) as usize].length_dm;
        let whole = |code: u32| if code & 1 == 0 { (0, length(code)) } else { (length(code), 0) };
        let mut state = match joint.meets {
            Err(far)
                if far == joint.near
                    && self.network.streets().beside(link.edge).contains(&(far >> 1))
                    && self.passes_directly(link, far) =>
            {
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
            match &graph.states {
                States::Turns { codes, .. } => {
                    let code = codes[state as usize];
                    let (from, to) = whole(code);
                    piece(code >> 1, from, to);
                }
                States::Junctions { .. } if next != NONE => {
                    let (tail, head) = if forward { (next, state) } else { (state, next) };
                    let arcs = graph.forward.of(tail).iter().filter(|arc| arc.head == head);
                    let arcs = arcs.filter(|arc| !self.closed.has(arc.code >> 1));
                    if let Some(arc) = arcs.min_by_key(|arc| arc.ms).filter(|arc| arc.code != NONE) {
                        let (from, to) = whole(arc.code);
                        piece(arc.code >> 1, from, to);
                    }
                }
                States::Junctions { .. } => {}
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
            network.starts(graph, self.closed, &self.origin, seed);
        } else {
            network.ends(graph, self.closed, &self.origin, seed);
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
        let beside = self.network.streets().beside(link.edge);
        beside.contains(&self.origin.edge) && if forward { origin <= there } else { origin >= there }
    }
}

impl Network {
    /// The points of an edge from one distance along it to another.
    fn draw(&self, edge: u32, from_dm: u32, to_dm: u32, mut point: impl FnMut(Coord)) {
        let reverse = from_dm > to_dm;
        let (low, high) = (from_dm.min(to_dm), from_dm.max(to_dm));
        let length_dm = f64::from(self.streets().edges[edge as usize].length_dm);
        let places: Vec<Coord> = self.streets().points(edge).collect();
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
