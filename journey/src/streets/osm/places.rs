//! What has a name or a house number and is no street: addresses, points of interest, towns and their borders.

use osmpbf::RelMemberType;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Coord, OsmWay, Tags};

/// Keys of addresses and names.
const KEYS: &[&str] = &[
    "name",
    "alt_name",
    "short_name",
    "official_name",
    "old_name",
    "place",
    "boundary",
    "admin_level",
    "is_in",
    "is_in:city",
    "addr:city",
    "addr:street",
    "addr:place",
    "addr:housenumber",
    "addr:postcode",
];

/// Keys that say what a point of interest is, the most telling first.
pub const POI_KEYS: [&str; 10] = [
    "amenity",
    "healthcare",
    "office",
    "tourism",
    "leisure",
    "shop",
    "craft",
    "historic",
    "railway",
    "aeroway",
];

/// Values of them that nobody looks for by name.
const NO_POI: [&str; 16] = [
    "information",
    "parking_space",
    "parking_entrance",
    "bench",
    "waste_basket",
    "vending_machine",
    "recycling",
    "hunting_stand",
    "no",
    "abandoned",
    "disused",
    "razed",
    "rail",
    "platform",
    "tram_stop",
    "vacant",
];

/// Kinds of places that people name.
const PLACES: [&str; 10] = [
    "city",
    "town",
    "municipality",
    "village",
    "borough",
    "suburb",
    "quarter",
    "neighbourhood",
    "hamlet",
    "isolated_dwelling",
];

/// An element with a name or a house number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OsmPlace {
    /// `node/1`, `way/2` or `relation/3`.
    pub id: String,
    /// Its tags, as far as they matter.
    pub tags: Tags,
    /// Its point, line or rings.
    pub lines: Vec<Vec<Coord>>,
}

/// What a point of interest is: the value of its key.
pub fn poi_kind(tags: &Tags) -> Option<&str> {
    tags.first(&POI_KEYS).filter(|value| !NO_POI.contains(value))
}

/// The border of a municipality may have it.
pub fn is_border(tags: &Tags) -> bool {
    tags.is("boundary", "administrative") && matches!(tags.get("admin_level"), Some("6" | "8"))
}

/// Whether it is a town, a village, or part of one.
pub fn is_settlement(tags: &Tags) -> bool {
    tags.get("place").is_some_and(|place| PLACES.contains(&place))
}

fn is_address(tags: &Tags) -> bool {
    tags.get("addr:housenumber").is_some() && tags.first(&["addr:street", "addr:place"]).is_some()
}

fn is_wanted(tags: &Tags) -> bool {
    let is_named = || is_border(tags) || is_settlement(tags) || poi_kind(tags).is_some();
    is_address(tags) || tags.get("name").is_some() && is_named()
}

/// The tags that matter; `None`: the element does not.
fn wanted<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Tags> {
    let tags = Tags::new(tags.filter(|(key, _)| KEYS.contains(key) || POI_KEYS.contains(key)));
    is_wanted(&tags).then_some(tags)
}

/// Which lines an element has.
enum Lines {
    Nodes(Vec<i64>),
    /// Ids of ways that make its rings.
    Ways(Vec<i64>),
}

/// Collects them: ways and relations in the first pass over an extract, nodes in the second.
#[derive(Default)]
pub(super) struct Reader {
    found: FxHashMap<String, (Tags, Lines)>,
    /// Ways of borders, by id.
    borders: FxHashMap<i64, Vec<i64>>,
    points: FxHashMap<i64, Coord>,
    needed: FxHashSet<i64>,
}

impl Reader {
    pub fn way(&mut self, way: &osmpbf::Way<'_>) {
        if way.tags().any(|(key, value)| (key, value) == ("boundary", "administrative")) {
            self.borders.insert(way.id(), way.refs().collect());
        }
        if let Some(tags) = wanted(way.tags()) {
            // Streets are read by themselves.
            let is_street = way.tags().any(|(key, _)| key == "highway");
            if !is_street {
                self.found.insert(format!("way/{}", way.id()), (tags, Lines::Nodes(way.refs().collect())));
            }
        }
    }

    pub fn relation(&mut self, relation: &osmpbf::Relation<'_>) {
        let is_shape =
            |(key, value): (&str, &str)| key == "type" && matches!(value, "multipolygon" | "boundary");
        if !relation.tags().any(is_shape) {
            return;
        }
        if let Some(tags) = wanted(relation.tags()) {
            let outer = relation.members().filter(|member| {
                member.member_type == RelMemberType::Way && member.role().is_ok_and(|role| role != "inner")
            });
            let ways = outer.map(|member| member.member_id).collect();
            self.found.insert(format!("relation/{}", relation.id()), (tags, Lines::Ways(ways)));
        }
    }

    /// Ends the first pass. `ways` are those that were read otherwise.
    pub fn look_for_nodes(&mut self, ways: &FxHashMap<i64, OsmWay>) {
        let borders = &self.borders;
        let nodes_of = |way: &i64| ways.get(way).map(|way| &way.nodes).or_else(|| borders.get(way));
        for (_, lines) in self.found.values() {
            match lines {
                Lines::Nodes(nodes) => self.needed.extend(nodes),
                Lines::Ways(members) => self.needed.extend(members.iter().filter_map(nodes_of).flatten()),
            }
        }
    }

    /// A node; `tags` are all of its own. One outside of the earth is none.
    pub fn node<'a>(
        &mut self,
        id: i64,
        at: Option<Coord>,
        tags: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    ) {
        let Some(at) = at else { return };
        if self.needed.contains(&id) {
            self.points.insert(id, at);
        }
        if tags.len() > 0
            && let Some(tags) = wanted(tags)
        {
            self.points.insert(id, at);
            self.found.insert(format!("node/{id}"), (tags, Lines::Nodes(vec![id])));
        }
    }

    /// All of them by id. Where an extract has cut them off, rings stay open and points are missing.
    pub fn finish(self, ways: &FxHashMap<i64, OsmWay>) -> Vec<OsmPlace> {
        let points = |nodes: &[i64]| nodes.iter().filter_map(|node| self.points.get(node).copied()).collect();
        let nodes_of = |way: &i64| ways.get(way).map(|way| &way.nodes).or_else(|| self.borders.get(way));
        let place = |(id, (tags, lines)): (&String, &(Tags, Lines))| {
            let lines: Vec<Vec<Coord>> = match lines {
                Lines::Nodes(nodes) => vec![points(nodes)],
                Lines::Ways(members) => {
                    let known: Option<Vec<Vec<i64>>> =
                        members.iter().map(|way| nodes_of(way).cloned()).collect();
                    let known = known.unwrap_or_default();
                    super::rings::joined(known).iter().map(|ring| points(ring)).collect()
                }
            };
            OsmPlace { id: id.clone(), tags: tags.clone(), lines }
        };
        let mut places: Vec<OsmPlace> = self.found.iter().map(place).collect();
        places.retain(|place| place.lines.iter().any(|line| !line.is_empty()));
        places.sort_by(|a, b| a.id.cmp(&b.id));
        places
    }
}
