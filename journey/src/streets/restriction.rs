//! Turn restrictions for cars: relations become sequences of directed edges that are banned.
//!
//! OpenStreetMap wiki, "Relation:restriction". `only_*` becomes a ban of everything else.

use rustc_hash::FxHashMap;

use super::osm::{MemberKind, OsmData, OsmRelation};
use super::{Mode, Streets, code, condition};

/// The edges that each way was cut into.
pub(super) type WayEdges = FxHashMap<i64, Vec<u32>>;

/// Via ways longer than this are not searched for: such relations are errors.
const MAX_VIA_EDGES: usize = 16;

/// Reads all restrictions that hold for cars, always or at times. Those of some time bind who comes by the
/// variant of an edge that is in force then.
pub(super) fn read(
    data: &mut OsmData,
    streets: &Streets,
    way_edges: &WayEdges,
    junction_of: &FxHashMap<i64, u32>,
) -> Vec<Vec<u32>> {
    let out = departures(streets);
    let map = Map { streets, way_edges, junction_of, out: &out };
    let mut banned = Vec::new();
    let (mut unusable, mut first) = (0usize, 0);
    for relation in &data.relations {
        let Some(rule) = rule_for_cars(relation) else { continue };
        for kind in rule.kinds() {
            let mut bans = Vec::new();
            if map.ban(relation, kind, &mut bans).is_none() {
                first = if unusable == 0 { relation.id } else { first };
                unusable += 1;
                break;
            }
            let bans = bans.iter().flat_map(|ban| by_variant(streets, ban));
            banned.extend(bans.filter(|ban| rule.at(streets, ban[0] >> 1) == Some(kind)));
        }
    }
    if unusable > 0 {
        data.problems.push(format!(
            "{unusable} turn restrictions cannot be used (first: relation {first}): members are missing, \
             or do not meet"
        ));
    }
    banned.sort_unstable();
    banned.dedup();
    banned
}

/// The same ban for all edges that lie beside its own.
fn by_variant(streets: &Streets, ban: &[u32]) -> Vec<Vec<u32>> {
    ban.iter().fold(vec![vec![]], |begun, &step| {
        let beside = streets.beside(step >> 1).map(|edge| code(edge, step & 1 == 1));
        beside.flat_map(|step| begun.iter().map(move |ban| [&ban[..], &[step]].concat())).collect()
    })
}

/// Directed edges that leave each junction and that cars may use; of those beside each other the first.
fn departures(streets: &Streets) -> FxHashMap<u32, Vec<u32>> {
    let mut out: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for code in 0..streets.edges.len() as u32 * 2 {
        let beside = streets.beside(code >> 1);
        let open = |edge| streets.profile(edge).modes(code & 1 == 1) & Mode::Car.bit() != 0;
        if beside.start == code >> 1 && beside.clone().any(open) {
            out.entry(streets.ends(code).0).or_default().push(code);
        }
    }
    out
}

/// The rule of a relation for cars: always, and at times.
struct Rule<'a> {
    always: Option<&'a str>,
    timed: Vec<(&'a str, String)>,
}

impl<'a> Rule<'a> {
    /// All rules that ever hold, each once.
    fn kinds(&self) -> Vec<&'a str> {
        let mut kinds: Vec<&str> = self
            .always
            .into_iter()
            .chain(self.timed.iter().map(|(kind, _)| *kind))
            .filter(|k| is_kind(k))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The rule for leaving an edge; of several times that hold the last one counts.
    fn at(&self, streets: &Streets, edge: u32) -> Option<&'a str> {
        let timed = self.timed.iter().rev();
        let now =
            timed.filter(|(_, time)| streets.holds(edge, time) == Some(true)).map(|(kind, _)| *kind).next();
        now.or(self.always)
    }
}

fn is_kind(kind: &str) -> bool {
    kind.starts_with("no_") || kind.starts_with("only_")
}

/// The times that decide about turns, by the way that one leaves.
pub(super) fn times_by_way(relations: &[OsmRelation]) -> FxHashMap<i64, Vec<String>> {
    let mut times: FxHashMap<i64, Vec<String>> = FxHashMap::default();
    for relation in relations {
        let Some(rule) = rule_for_cars(relation) else { continue };
        for from in relation.members.iter().filter(|m| &*m.role == "from" && m.kind == MemberKind::Way) {
            for (_, time) in &rule.timed {
                let known = times.entry(from.id).or_default();
                if !known.contains(time) {
                    known.push(time.clone());
                }
            }
        }
    }
    times
}

/// A rule for cars.
fn rule_for_cars(relation: &OsmRelation) -> Option<Rule<'_>> {
    let tags = &relation.tags;
    let types = ["restriction", "restriction:motorcar", "restriction:motor_vehicle"];
    if !tags.get("type").is_some_and(|kind| types.contains(&kind)) {
        return None;
    }
    let excepted = tags.get("except").is_some_and(|list| {
        list.split(';').any(|one| matches!(one.trim(), "motorcar" | "motor_vehicle" | "vehicle"))
    });
    let always = tags.first(&["restriction:motorcar", "restriction:motor_vehicle", "restriction"]);
    let timed = tags.first(&[
        "restriction:motorcar:conditional",
        "restriction:motor_vehicle:conditional",
        "restriction:conditional",
    ]);
    let rule =
        Rule { always: always.filter(|kind| is_kind(kind)), timed: timed.map_or(vec![], condition::timed) };
    (!excepted && !rule.kinds().is_empty()).then_some(rule)
}

struct Map<'a> {
    streets: &'a Streets,
    way_edges: &'a WayEdges,
    junction_of: &'a FxHashMap<i64, u32>,
    out: &'a FxHashMap<u32, Vec<u32>>,
}

impl Map<'_> {
    /// Adds what `relation` bans. `None` if it makes no sense here.
    fn ban(&self, relation: &OsmRelation, kind: &str, banned: &mut Vec<Vec<u32>>) -> Option<()> {
        let members = |role: &'static str, kind: MemberKind| {
            relation.members.iter().filter(move |m| &*m.role == role && m.kind == kind).map(|m| m.id)
        };
        let via_node = members("via", MemberKind::Node).next();
        let via_ways: Vec<i64> = members("via", MemberKind::Way).collect();
        let mut any = None;
        for from in members("from", MemberKind::Way) {
            let mut paths: Vec<(Vec<u32>, u32)> = Vec::new();
            match via_node {
                Some(node) => {
                    let at = *self.junction_of.get(&node)?;
                    paths.extend(self.arrivals(from, at).map(|code| (vec![code], at)));
                }
                None => paths.extend(self.along(from, &via_ways)),
            }
            for (path, at) in paths {
                let targets: Vec<u32> =
                    members("to", MemberKind::Way).flat_map(|to| self.departures_by(to, at)).collect();
                if targets.is_empty() {
                    continue;
                }
                let only = kind.starts_with("only_");
                let leave = self.out.get(&at).map_or(&[][..], Vec::as_slice);
                for &exit in leave.iter().filter(|exit| targets.contains(exit) != only) {
                    banned.push(path.iter().copied().chain([exit]).collect());
                }
                any = Some(());
            }
        }
        any
    }

    /// Directed edges of a way that end at a junction.
    fn arrivals(&self, way: i64, at: u32) -> impl Iterator<Item = u32> {
        self.directed(way).filter(move |&code| self.streets.ends(code).1 == at)
    }

    /// Directed edges of a way that begin at a junction.
    fn departures_by(&self, way: i64, at: u32) -> impl Iterator<Item = u32> {
        self.directed(way).filter(move |&code| self.streets.ends(code).0 == at)
    }

    fn directed(&self, way: i64) -> impl Iterator<Item = u32> {
        let edges = self.way_edges.get(&way).map_or(&[][..], Vec::as_slice);
        edges.iter().flat_map(|&edge| [code(edge, false), code(edge, true)])
    }

    /// The path that arrives by `from` and follows all of `vias`, with the junction where it ends.
    fn along(&self, from: i64, vias: &[i64]) -> Option<(Vec<u32>, u32)> {
        let first_via = *vias.first()?;
        let arrival = self.directed(from).find(|&arrival| {
            let end = self.streets.ends(arrival).1;
            self.departures_by(first_via, end).next().is_some()
        })?;
        let mut path = vec![arrival];
        let mut at = self.streets.ends(arrival).1;
        for &via in vias {
            let mut left: Vec<u32> = self.way_edges.get(&via)?.clone();
            if left.len() > MAX_VIA_EDGES {
                return None;
            }
            while !left.is_empty() {
                let next = left.iter().position(|&edge| {
                    [code(edge, false), code(edge, true)].iter().any(|&c| self.streets.ends(c).0 == at)
                })?;
                let edge = left.swap_remove(next);
                let step = code(edge, self.streets.ends(code(edge, false)).0 != at);
                path.push(step);
                at = self.streets.ends(step).1;
            }
        }
        Some((path, at))
    }
}
