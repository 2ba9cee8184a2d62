//! The result of a search, for any link.

use domain::geo::LatLon;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::open_graph::{Next, OpenGraph};
use super::search::{Direction, Workspace};
use super::snap::Link;
use super::states::{NONE, States};
use super::{code, cost};

/// How far and how long it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Travel time, seconds.
    pub duration_s: f64,
    /// Metres along the streets.
    pub distance_m: f64,
}

/// A path from one place to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Travel time, seconds.
    pub duration_s: f64,
    /// Metres along the streets.
    pub distance_m: f64,
    /// Its course, in the direction of travel.
    pub points: Vec<LatLon>,
    /// The pieces of street that it takes, in the direction of travel; none where it follows no street.
    pub pieces: Vec<Piece>,
}

pub(super) const MS_PER_S: f64 = 1000.0;
const DM_PER_M: f64 = 10.0;

/// Where a search begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub link: Link,
    /// The cost at which it does.
    pub ms: u32,
}

/// Most searches begin at one place.
pub(super) type Origins = SmallVec<[Origin; 1]>;

/// Of several origins the one from which a state is reached first.
#[derive(Default)]
pub(super) struct Seeds(FxHashMap<u32, (u32, usize)>);

impl Seeds {
    pub fn offer(&mut self, state: u32, ms: u32, origin: usize) {
        let held = self.0.entry(state).or_insert((ms, origin));
        *held = (*held).min((ms, origin));
    }
}

/// The result of a search: durations, distances and courses between its origin and any link, or the best of several origins.
pub struct Tree<'a> {
    pub(super) open: OpenGraph<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) origins: Origins,
    pub(super) seeds: Seeds,
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
    /// The state where it meets the tree, or the number of the origin and the code of the partial edge there.
    meets: Result<u32, (usize, u32)>,
}

/// A stretch of an edge, in the direction of travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Number of the edge.
    pub edge: u32,
    /// Where it begins: how far along the edge from its beginning, decimetres.
    pub from_dm: u32,
    /// Where it ends; before where it begins, if it is travelled against the direction of its way.
    pub to_dm: u32,
}

impl Tree<'_> {
    /// Cost between the origin and `link`, seconds, with that at which the origin begins: by bike no less than
    /// [`Path::duration_s`]. `None` when it is out of reach or of the limit.
    pub fn duration_s(&self, link: &Link) -> Option<f64> {
        self.joint(link).map(|joint| f64::from(joint.ms) / MS_PER_S)
    }

    /// Seconds and metres between the origin and `link`.
    pub fn reach(&self, link: &Link) -> Option<Reach> {
        let joint = self.joint(link)?;
        let (origin, pieces) = self.pieces(link, &joint);
        Some(self.reach_along(&joint, origin, &pieces))
    }

    /// The path between the origin and `link`, in the direction of travel.
    pub fn path(&self, link: &Link) -> Option<Path> {
        Some(self.path_of(link)?.1)
    }

    /// The path between `link` and the best of the origins, with the number of that one.
    pub fn path_of(&self, link: &Link) -> Option<(usize, Path)> {
        let joint = self.joint(link)?;
        let (origin, mut pieces) = self.pieces(link, &joint);
        let Reach { duration_s, distance_m } = self.reach_along(&joint, origin, &pieces);
        if self.direction == Direction::Forward {
            pieces.reverse();
        }
        let mut points: Vec<LatLon> = Vec::new();
        for &Piece { edge, from_dm, to_dm } in &pieces {
            points.extend(self.open.streets.course(edge, from_dm, to_dm).iter().map(|point| point.degrees()));
        }
        points.dedup();
        Some((origin, Path { duration_s, distance_m, points, pieces }))
    }

    fn reach_along(&self, joint: &Joint, origin: usize, pieces: &[Piece]) -> Reach {
        let distance_dm: u64 =
            pieces.iter().map(|piece| u64::from(piece.from_dm.abs_diff(piece.to_dm))).sum();
        let felt_ms: f64 = pieces.iter().map(|piece| self.felt_ms(piece)).sum();
        let ms = joint.ms - self.origins[origin].ms;
        let duration_s = (f64::from(ms) - felt_ms) / MS_PER_S;
        Reach { duration_s, distance_m: distance_dm as f64 / DM_PER_M }
    }

    /// The part of a stretch's cost that is not travel time, milliseconds.
    fn felt_ms(&self, piece: &Piece) -> f64 {
        let OpenGraph { streets, graph, .. } = self.open;
        let Piece { edge, from_dm, to_dm } = *piece;
        let share = cost::felt_share(streets.profile(edge), graph.mode);
        let edge_ms = graph.edge_ms[code(edge, from_dm > to_dm) as usize];
        if share <= 0.0 || edge_ms == NONE {
            return 0.0;
        }
        let length_dm = streets.edges[edge as usize].length_dm.max(1);
        f64::from(edge_ms) * (f64::from(from_dm.abs_diff(to_dm)) / f64::from(length_dm)) * share
    }

    fn joint(&self, link: &Link) -> Option<Joint> {
        let forward = self.direction == Direction::Forward;
        let mut best: Option<Joint> = None;
        let is_simple = matches!(self.open.graph.states, States::NodeBased { .. });
        let beside = self.open.streets.beside(link.edge);
        for (number, origin) in self.origins.iter().enumerate() {
            if is_simple && !beside.contains(&origin.link.edge) {
                continue;
            }
            let (from, to) = if forward { (&origin.link, link) } else { (link, &origin.link) };
            let Some(direct) = self.open.direct(from, to) else { continue };
            let (near, far) = if forward { (direct.last, direct.first) } else { (direct.first, direct.last) };
            let ms = origin.ms.saturating_add(direct.ms);
            if best.as_ref().is_none_or(|best| ms < best.ms) {
                best = Some(Joint { ms, near, meets: Err((number, far)) });
            }
        }
        for next in if forward { self.open.ends(link) } else { self.open.starts(link) } {
            let Some(label) = self.workspace.ms(next.state) else { continue };
            let ms = label.saturating_add(next.ms);
            if best.as_ref().is_none_or(|best| ms < best.ms) {
                best = Some(Joint { ms, near: next.code, meets: Ok(next.state) });
            }
        }
        best.filter(|best| best.ms <= self.limit_ms)
    }

    /// The number of the origin, and the stretches from the link towards it.
    fn pieces(&self, link: &Link, joint: &Joint) -> (usize, Vec<Piece>) {
        let OpenGraph { streets, graph, closed } = self.open;
        let forward = self.direction == Direction::Forward;
        let whole = |code: u32| {
            let length_dm = streets.edges[(code >> 1) as usize].length_dm;
            let (from_dm, to_dm) = if code & 1 == 0 { (0, length_dm) } else { (length_dm, 0) };
            Piece { edge: code >> 1, from_dm, to_dm }
        };
        let mut state = match joint.meets {
            Err((number, far))
                if far == joint.near
                    && streets.beside(link.edge).contains(&(far >> 1))
                    && self.passes_directly(&self.origins[number].link, link, far) =>
            {
                let origin = &self.origins[number].link;
                let (from, to) = if forward { (origin, link) } else { (link, origin) };
                return (number, vec![Piece { edge: link.edge, from_dm: from.along_dm, to_dm: to.along_dm }]);
            }
            Err(_) => NONE,
            Ok(state) => state,
        };
        // A part of an edge at its beginning or its end.
        let to_link = |code, link: &Link| Piece { edge: link.edge, to_dm: link.along_dm, ..whole(code) };
        let from_link = |code, link: &Link| Piece { edge: link.edge, from_dm: link.along_dm, ..whole(code) };
        let mut pieces = vec![if forward { to_link(joint.near, link) } else { from_link(joint.near, link) }];
        let mut first = state;
        while state != NONE {
            first = state;
            let next = self.workspace.parent(state);
            match &graph.states {
                States::EdgeBased { codes, .. } => pieces.push(whole(codes[state as usize])),
                States::NodeBased { .. } if next != NONE => {
                    let (tail, head) = if forward { (next, state) } else { (state, next) };
                    let arcs = graph.forward.get(tail as usize).iter().filter(|arc| arc.head == head);
                    let arcs = arcs.filter(|arc| !closed.has(arc.code >> 1));
                    let arc = arcs.min_by_key(|arc| arc.ms).filter(|arc| arc.code != NONE);
                    pieces.extend(arc.map(|arc| whole(arc.code)));
                }
                States::NodeBased { .. } => {}
            }
            state = next;
        }
        let far = match joint.meets {
            Err(far) => Some(far),
            Ok(_) => self.seed(first),
        };
        if let Some((number, far)) = far {
            let origin = &self.origins[number].link;
            pieces.push(if forward { from_link(far, origin) } else { to_link(far, origin) });
        }
        (far.map_or(0, |(number, _)| number), pieces)
    }

    /// The origin from which a state was reached first, and the code of the partial edge there.
    fn seed(&self, state: u32) -> Option<(usize, u32)> {
        let label = (state != NONE).then(|| self.workspace.ms(state)).flatten()?;
        let number = self.seeds.0.get(&state).map_or(0, |(_, origin)| *origin);
        let origin = &self.origins[number];
        let seeds = match self.direction {
            Direction::Forward => self.open.starts(&origin.link),
            Direction::Backward => self.open.ends(&origin.link),
        };
        let is_seed = |seed: &&Next| seed.state == state && origin.ms.saturating_add(seed.ms) == label;
        Some((number, seeds.iter().rev().find(is_seed)?.code))
    }

    /// The number of the origin to which (from which) `link` belongs.
    pub fn origin_of(&self, link: &Link) -> Option<usize> {
        match self.joint(link)?.meets {
            Err((number, _)) => Some(number),
            Ok(mut state) => {
                while self.workspace.parent(state) != NONE {
                    state = self.workspace.parent(state);
                }
                Some(self.seeds.0.get(&state).map_or(0, |(_, origin)| *origin))
            }
        }
    }

    /// Whether the origin and the link lie on one edge in the right order for `code`.
    fn passes_directly(&self, origin: &Link, link: &Link, code: u32) -> bool {
        let forward = (self.direction == Direction::Forward) == (code & 1 == 0);
        let (begin, there) = (origin.along_dm, link.along_dm);
        let beside = self.open.streets.beside(link.edge);
        beside.contains(&origin.edge) && if forward { begin <= there } else { begin >= there }
    }
}
