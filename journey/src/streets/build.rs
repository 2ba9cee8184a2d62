//! From OpenStreetMap's ways to [`Streets`]: cut at junctions, number along a Hilbert curve.

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::condition::{Numbers, Variants};
use super::osm::{Coord, MemberKind, OsmData, OsmWay, Tags};
use super::restriction::{self, WayEdges};
use super::{Edge, KEYED, SIGNALS, Streets, StreetsError, Variant};
use super::{access, condition, hilbert, maxspeed, parking};
use crate::strings::Strings;

/// Directed edges are numbered in 32 bits with room to spare for the states of a search.
const MAX_EDGES: usize = 1 << 29;

/// Builds the streets; what is wrong with the data is added to [`OsmData::problems`].
///
/// # Errors
/// There is no street, or there are too many.
pub fn build(data: &mut OsmData) -> Result<Streets, StreetsError> {
    let way_at: FxHashMap<i64, usize> = data.ways.iter().enumerate().map(|(at, way)| (way.id, at)).collect();
    add_area_outlines(data, &way_at);
    add_ferries(data, &way_at);
    let mut draft = Draft::default();
    let uses = draft.count_uses(data);
    for way in &data.ways {
        draft.cut(way, data, &uses);
    }
    if draft.edges.is_empty() {
        return Err(StreetsError::NoStreets);
    }
    if draft.edges.len() > MAX_EDGES {
        return Err(StreetsError::TooMany { limit: MAX_EDGES });
    }
    if draft.incomplete > 0 {
        data.problems.push(format!(
            "{} ways lack some of their nodes (first: way {}): they end where the data ends",
            draft.incomplete, draft.first_incomplete
        ));
    }
    let (mut streets, way_edges, junction_of) = draft.number(data);
    streets.banned = restriction::read(data, &streets, &way_edges, &junction_of);
    parking::extract(data, &mut streets);
    Ok(streets)
}

/// Squares that are mapped as multipolygons are walked along their outlines.
fn add_area_outlines(data: &mut OsmData, way_at: &FxHashMap<i64, usize>) {
    for relation in &data.relations {
        if relation.tags.get("highway").is_none() || !relation.tags.is("type", "multipolygon") {
            continue;
        }
        let tags = ["highway", "name", "access", "foot", "bicycle", "wheelchair", "surface"]
            .iter()
            .filter_map(|key| relation.tags.get(key).map(|value| (*key, value)));
        let tags = Tags::new(tags.chain([("area", "yes")]));
        for member in relation.members.iter().filter(|member| member.kind == MemberKind::Way) {
            if let Some(&at) = way_at.get(&member.id)
                && data.ways[at].tags.get("highway").is_none()
            {
                data.ways[at].tags = tags.clone();
            }
        }
    }
}

/// Ferries whose tags stand on a relation: what its ways do not say themselves. The relation's duration
/// is that of the whole crossing, so each way gets its share by length.
fn add_ferries(data: &mut OsmData, way_at: &FxHashMap<i64, usize>) {
    for relation in &data.relations {
        if !relation.tags.is("route", "ferry") {
            continue;
        }
        let ways = relation.members.iter().filter(|member| member.kind == MemberKind::Way);
        let crossing: Vec<usize> = ways
            .filter_map(|member| way_at.get(&member.id).copied())
            .filter(|&at| data.ways[at].tags.get("highway").is_none())
            .collect();
        let lengths: Vec<f64> = crossing.iter().map(|&at| length_m(&data.ways[at], data)).collect();
        let whole_m: f64 = lengths.iter().sum();
        let duration_s = relation.tags.get("duration").and_then(maxspeed::duration_s);
        for (&at, length_m) in crossing.iter().zip(lengths) {
            let way = &mut data.ways[at];
            let share = duration_s.filter(|_| whole_m > 0.0).map(|s| (s * length_m / whole_m).round());
            let share = share.map(|s| format!("0:0:{s}"));
            let stated = FERRY_KEYS.iter().filter_map(|key| match (*key, &share) {
                ("duration", share) => Some((*key, share.as_deref()?)),
                _ => Some((*key, relation.tags.get(key)?)),
            });
            let missing: Vec<(&str, &str)> = stated.filter(|(key, _)| way.tags.get(key).is_none()).collect();
            way.tags = Tags::new(way.tags.iter().chain(missing));
        }
    }
}

/// What a relation of a ferry may say for its ways.
const FERRY_KEYS: &[&str] = &[
    "route",
    "name",
    "duration",
    "access",
    "foot",
    "bicycle",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "wheelchair",
];

fn length_m(way: &OsmWay, data: &OsmData) -> f64 {
    let places = way.nodes.iter().filter_map(|node| data.nodes.get(node));
    places.clone().zip(places.skip(1)).map(|(a, b)| a.distance_m(*b)).sum()
}

#[derive(Default)]
struct Draft {
    numbers: Numbers,
    way_variants: FxHashMap<i64, Variants>,
    /// See [`Streets::names`].
    names: IndexSet<Box<str>, FxBuildHasher>,
    edges: Vec<DraftEdge>,
    incomplete: usize,
    first_incomplete: i64,
}

struct DraftEdge {
    way: i64,
    /// Number of its name.
    name: u32,
    from: i64,
    to: i64,
    length_m: f64,
    bends: Vec<Coord>,
}

impl Draft {
    /// Finds the ways that are streets, and how often each node is used by them: a node that is used
    /// twice is a junction.
    fn count_uses(&mut self, data: &OsmData) -> FxHashMap<i64, u8> {
        let mut uses: FxHashMap<i64, u8> = FxHashMap::default();
        let turn_times = restriction::times_by_way(&data.relations);
        for way in &data.ways {
            let turn_times = turn_times.get(&way.id).map_or(&[][..], Vec::as_slice);
            let length_m = length_m(way, data);
            let found = condition::variants(&way.tags, length_m, turn_times, &mut self.numbers);
            let Some(variants) = found else { continue };
            self.way_variants.insert(way.id, variants);
            for node in &way.nodes {
                let count = uses.entry(*node).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (node, tags) in &data.node_tags {
            if flags(tags) != 0
                && let Some(count) = uses.get_mut(node)
            {
                *count = count.saturating_add(1);
            }
        }
        uses
    }

    /// Cuts a way into edges, at junctions and where nodes are missing.
    fn cut(&mut self, way: &OsmWay, data: &OsmData, uses: &FxHashMap<i64, u8>) {
        if !self.way_variants.contains_key(&way.id) {
            return;
        }
        let name = self.names.insert_full(name(&way.tags).into()).0 as u32;
        let mut open: Option<DraftEdge> = None;
        let mut last: Option<(i64, Coord)> = None;
        let mut complete = true;
        for (position, node) in way.nodes.iter().enumerate() {
            let Some(&place) = data.nodes.get(node) else {
                complete = false;
                self.close(open.take(), last);
                last = None;
                continue;
            };
            let Some((last_node, last_place)) = last.replace((*node, place)) else {
                open = Some(DraftEdge::start(way.id, name, *node));
                continue;
            };
            if last_node == *node {
                continue;
            }
            let edge = open.get_or_insert_with(|| DraftEdge::start(way.id, name, last_node));
            edge.length_m += last_place.distance_m(place);
            let end = position + 1 == way.nodes.len();
            if end || uses.get(node).is_some_and(|count| *count > 1) {
                self.close(open.take(), last);
            } else {
                edge.bends.push(place);
            }
        }
        self.close(open.take(), last);
        if !complete {
            self.incomplete += 1;
            self.first_incomplete = if self.incomplete == 1 { way.id } else { self.first_incomplete };
        }
    }

    /// Ends an edge at the `last` node; one that has no length yet is dropped.
    fn close(&mut self, edge: Option<DraftEdge>, last: Option<(i64, Coord)>) {
        let (Some(mut edge), Some((node, place))) = (edge, last) else { return };
        if edge.bends.is_empty() && edge.from == node {
            return;
        }
        // At missing nodes the last bend has become the end.
        if edge.bends.last() == Some(&place) {
            edge.bends.pop();
        }
        edge.to = node;
        self.edges.push(edge);
    }

    /// Numbers junctions and edges.
    fn number(mut self, data: &OsmData) -> (Streets, WayEdges, FxHashMap<i64, u32>) {
        let along = |place: Coord| hilbert::index(place.lon as u32 ^ 1 << 31, place.lat as u32 ^ 1 << 31);
        let mut nodes: Vec<(u64, i64)> = (self.edges.iter().flat_map(|edge| [edge.from, edge.to]))
            .map(|node| (along(data.nodes[&node]), node))
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        let junction_of: FxHashMap<i64, u32> =
            nodes.iter().enumerate().map(|(number, (_, node))| (*node, number as u32)).collect();
        let mut streets = Streets {
            junctions: nodes.iter().map(|(_, node)| data.nodes[node]).collect(),
            junction_flags: nodes.iter().map(|(_, node)| data.node_tags.get(node).map_or(0, flags)).collect(),
            profiles: std::mem::take(&mut self.numbers.profiles).into_iter().collect(),
            times: std::mem::take(&mut self.numbers.times).into_iter().collect(),
            names: Strings::of(&self.names),
            ..Streets::default()
        };
        // The sort is stable: the edges of a way keep their order among equals.
        self.edges.sort_by_key(|edge| (junction_of[&edge.from], junction_of[&edge.to]));
        let mut way_edges = WayEdges::default();
        for draft in &self.edges {
            const DM_PER_M: f64 = 10.0;
            let first = streets.edges.len() as u32;
            way_edges.entry(draft.way).or_default().push(first);
            let variants = &self.way_variants[&draft.way];
            let always = (1u32 << (1u32 << variants.times.len())) - 1;
            for &(profile, cases) in &variants.profiles {
                if u32::from(cases) != always {
                    let (edge, times) = (streets.edges.len() as u32, variants.times.clone());
                    streets.variants.push(Variant { edge, first, times, cases });
                }
                streets.edges.push(Edge {
                    from: junction_of[&draft.from],
                    to: junction_of[&draft.to],
                    length_dm: ((draft.length_m * DM_PER_M).round() as u32).max(1),
                    bends: streets.bends.len() as u32,
                    profile,
                });
                streets.edge_names.push(draft.name);
                streets.bends.extend_from_slice(&draft.bends);
            }
        }
        (streets, way_edges, junction_of)
    }
}

impl DraftEdge {
    fn start(way: i64, name: u32, from: i64) -> Self {
        DraftEdge { way, name, from, to: from, length_m: 0.0, bends: Vec::new() }
    }
}

/// What a way is called: its name, else the number of its road; empty: neither.
fn name(tags: &Tags) -> String {
    let number = || tags.get("ref").filter(|_| tags.get("highway").is_some());
    let name = tags.get("name").filter(|name| !name.is_empty()).or_else(number);
    // A road with two numbers has them in one tag.
    name.unwrap_or_default().split(';').map(str::trim).collect::<Vec<_>>().join(" / ")
}

/// Flags of a junction from a node's tags.
fn flags(tags: &Tags) -> u8 {
    let (blocked, keyed) = access::blocked_by_node(tags);
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    blocked | flag(keyed, KEYED) | flag(tags.is("highway", "traffic_signals"), SIGNALS)
}
