//! Ways between the platforms of stations, from `pathways.txt`.
//!
//! Pathways of a station are all that there are (GTFS: exhaustive) between the platforms that take part in them. What lies
//! outside of them (bus stops in the street, stops that a feed lists twice) has footpaths as anywhere else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{FeedProblems, NONE, StopIx};
use crate::rows::Rows;

/// A stop, or ([`FIRST_NODE`] and above) a generic node.
pub(crate) type Node = u32;

/// Generic nodes have this number and the following ones.
pub(crate) const FIRST_NODE: Node = 1 << 31;

/// Longest way within a station, seconds: nobody takes a longer one.
const MAX_S: u32 = 3_600;

/// Most platforms that hang together; the number of ways grows with the square.
const MAX_PLATFORMS: usize = 200;

/// A pathway, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pathway {
    pub from: Node,
    pub to: Node,
    pub seconds: u32,
    /// 0: not known.
    pub metres: u32,
    /// Whether wheelchairs can use it.
    pub is_step_free: bool,
}

/// All pathways, as they are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pathways {
    pub all: Vec<Pathway>,
    /// How many generic nodes there are.
    pub nodes: u32,
    /// Stops that are entrances.
    pub entrances: FxHashSet<StopIx>,
    /// Heights of nodes in levels, where they are given.
    pub levels: FxHashMap<Node, f64>,
}

/// How one comes from one platform to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Within the station.
    Inside {
        seconds: i32,
        /// 0: not known.
        metres: u16,
    },
    /// By an entrance out of the station, and in again.
    Outside {
        /// To the street and from it, without what lies between.
        seconds: i32,
        /// No less in all, says the feed.
        at_least_s: i32,
    },
    /// Not at all.
    Nowhere,
}

/// What pathways say of changes between platforms, on foot and in a wheelchair. Of pairs of stops that are not in here
/// they say nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ways([FxHashMap<(StopIx, StopIx), Way>; 2]);

impl Ways {
    /// The quickest ways between all platforms that take part in pathways; `id` is that of a stop, for problems.
    pub fn new<'n>(
        pathways: &Pathways,
        parents: &[StopIx],
        id: impl Fn(StopIx) -> &'n str,
        problems: &mut FeedProblems,
    ) -> Self {
        let mut ways = Ways::default();
        if pathways.all.is_empty() {
            return ways;
        }
        for station in stations(pathways, parents) {
            if station.platforms.len() > MAX_PLATFORMS {
                let reason = format!(
                    "more than {MAX_PLATFORMS} platforms hang together by pathways; no ways are made of them: remove those \
                     that join stations"
                );
                problems.note(id(station.platforms[0]), reason);
                continue;
            }
            for wheelchair in [false, true] {
                let graph = Graph::new(&station, pathways, wheelchair);
                graph.add_ways(&station, parents, &mut ways.0[usize::from(wheelchair)]);
            }
        }
        ways
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0[0].is_empty()
    }

    /// The way from one stop to another; `None`: pathways say nothing of these two.
    pub fn of(&self, wheelchair: bool, from: StopIx, to: StopIx) -> Option<Way> {
        self.0[usize::from(wheelchair)].get(&(from, to)).copied()
    }

    /// The pairs of stops of which they speak, on foot.
    pub fn pairs(&self) -> Vec<(StopIx, StopIx)> {
        self.0[0].keys().copied().collect()
    }

    /// Takes over that changing takes no less than some seconds; those of a row for these two stops alone hold on foot
    /// instead of pathways.
    pub fn limit(&mut self, (from, to): (StopIx, StopIx), seconds: i32, is_own: bool) {
        for ways in &mut self.0 {
            if let Some(Way::Outside { at_least_s, .. }) = ways.get_mut(&(from, to)) {
                *at_least_s = seconds;
            }
        }
        if is_own {
            self.0[0].remove(&(from, to));
        }
    }

    /// The same under other numbers of stops.
    pub fn renumbered(self, order: &[StopIx]) -> Self {
        let number = |stop: StopIx| order[stop as usize];
        Ways(self.0.map(|ways| {
            ways.into_iter().map(|((from, to), way)| ((number(from), number(to)), way)).collect()
        }))
    }
}

/// What hangs together, by pathways or as parts of one station.
#[derive(Default)]
struct Station {
    /// Platforms that take part in pathways, sorted.
    platforms: Vec<StopIx>,
    entrances: Vec<StopIx>,
    /// Numbers of its pathways.
    pathways: Vec<u32>,
}

fn stations(pathways: &Pathways, parents: &[StopIx]) -> Vec<Station> {
    let mut joined: FxHashMap<Node, Node> = FxHashMap::default();
    let mut nodes: FxHashSet<Node> = FxHashSet::default();
    for Pathway { from, to, .. } in &pathways.all {
        join(&mut joined, *from, *to);
        nodes.extend([*from, *to]);
    }
    let mut nodes: Vec<Node> = nodes.into_iter().filter(|node| *node < FIRST_NODE).collect();
    nodes.sort_unstable();
    for stop in &nodes {
        let parent = parents[*stop as usize];
        if parent != NONE {
            join(&mut joined, *stop, parent);
        }
    }
    let mut stations: FxHashMap<Node, Station> = FxHashMap::default();
    for stop in nodes {
        let station = stations.entry(root(&mut joined, stop)).or_default();
        let is_entrance = pathways.entrances.contains(&stop);
        if is_entrance { &mut station.entrances } else { &mut station.platforms }.push(stop);
    }
    for (number, pathway) in (0..).zip(&pathways.all) {
        if let Some(station) = stations.get_mut(&root(&mut joined, pathway.from)) {
            station.pathways.push(number);
        }
    }
    let mut stations: Vec<Station> = stations.into_values().filter(|s| !s.platforms.is_empty()).collect();
    stations.sort_unstable_by_key(|station| station.platforms[0]);
    stations
}

fn root(joined: &mut FxHashMap<Node, Node>, node: Node) -> Node {
    let mut at = node;
    while let Some(next) = joined.get(&at).copied().filter(|next| *next != at) {
        // Half of the way each time.
        let after = joined.get(&next).copied().unwrap_or(next);
        joined.insert(at, after);
        at = after;
    }
    at
}

fn join(joined: &mut FxHashMap<Node, Node>, a: Node, b: Node) {
    let (a, b) = (root(joined, a), root(joined, b));
    joined.insert(a.max(b), a.min(b));
}

/// The pathways of one station that someone can use.
struct Graph {
    /// By node: where it leads, with seconds and metres.
    out: Rows<(u32, u32, u32)>,
    numbers: FxHashMap<Node, u32>,
}

/// Seconds and metres by the node's number.
type Reached = Vec<Option<(u32, u32)>>;

impl Graph {
    fn new(station: &Station, pathways: &Pathways, wheelchair: bool) -> Self {
        let mut numbers: FxHashMap<Node, u32> = FxHashMap::default();
        for stop in station.platforms.iter().chain(&station.entrances) {
            let next = numbers.len() as u32;
            numbers.insert(*stop, next);
        }
        let own = station.pathways.iter().map(|number| &pathways.all[*number as usize]);
        let mut arcs = Vec::with_capacity(station.pathways.len());
        for pathway in own.filter(|pathway| pathway.is_step_free || !wheelchair) {
            let [from, to] = [pathway.from, pathway.to].map(|node| {
                let next = numbers.len() as u32;
                *numbers.entry(node).or_insert(next)
            });
            arcs.push((from, (to, pathway.seconds, pathway.metres)));
        }
        Graph { out: Rows::grouped(numbers.len(), &arcs), numbers }
    }

    /// The quickest way from the nearest of some stops to each node (Dijkstra).
    fn reached(&self, from: &[StopIx]) -> Reached {
        let mut best: Reached = vec![None; self.numbers.len()];
        let mut queue: BinaryHeap<Reverse<(u32, u32, u32)>> =
            from.iter().map(|stop| Reverse((0, 0, self.numbers[stop]))).collect();
        while let Some(Reverse((seconds, metres, node))) = queue.pop() {
            if best[node as usize].is_some() {
                continue;
            }
            best[node as usize] = Some((seconds, metres));
            for (to, more_s, more_m) in self.out.get(node as usize) {
                let seconds = seconds.saturating_add(*more_s);
                if seconds <= MAX_S && best[*to as usize].is_none() {
                    queue.push(Reverse((seconds, metres.saturating_add(*more_m), *to)));
                }
            }
        }
        best
    }

    fn add_ways(&self, station: &Station, parents: &[StopIx], ways: &mut FxHashMap<(StopIx, StopIx), Way>) {
        let of = |reached: &Reached, stop: &StopIx| reached[self.numbers[stop] as usize];
        let from_street = self.reached(&station.entrances);
        for from in &station.platforms {
            let reached = self.reached(std::slice::from_ref(from));
            let to_street = station.entrances.iter().filter_map(|entrance| of(&reached, entrance)).min();
            for to in station.platforms.iter().filter(|to| *to != from) {
                let way = match (of(&reached, to), to_street.zip(of(&from_street, to))) {
                    (Some((seconds, metres)), _) => Way::Inside {
                        seconds: seconds as i32,
                        metres: metres.min(u32::from(u16::MAX)) as u16,
                    },
                    // Two stations that no pathway joins are as far apart as the streets say.
                    (None, _) if !is_same(parents, *from, *to) => continue,
                    (None, Some((out, back))) => {
                        Way::Outside { seconds: (out.0 + back.0) as i32, at_least_s: 0 }
                    }
                    (None, None) => Way::Nowhere,
                };
                ways.insert((*from, *to), way);
            }
        }
    }
}

/// Whether two platforms belong to one station.
fn is_same(parents: &[StopIx], a: StopIx, b: StopIx) -> bool {
    let [a, b] = [a, b].map(|stop| parents[stop as usize]);
    a != NONE && a == b
}
