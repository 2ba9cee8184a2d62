use std::collections::{HashMap, HashSet};

use osmpbf::{Element, ElementReader, RelMemberType};

use super::geometry::{Point, distance};
use super::*;

/// Id, kind and role.
type Member = (i64, RelMemberType, String);

/// The extract as a reader finds it.
#[derive(Default)]
struct Read {
    nodes: HashMap<i64, Point>,
    ways: Vec<(i64, Vec<i64>, HashMap<String, String>)>,
    relations: Vec<(Vec<Member>, HashMap<String, String>)>,
    entrances: usize,
}

fn owned<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> HashMap<String, String> {
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn read(county: &County) -> Read {
    let frame = county.frame();
    let mut read = Read::default();
    let mut ids = HashSet::new();
    let mut element = |element: Element| match element {
        Element::DenseNode(node) => {
            assert!(ids.insert(('n', node.id())));
            read.nodes.insert(node.id(), frame.point([node.lon(), node.lat()]));
            read.entrances += usize::from(node.tags().any(|tag| tag == ("amenity", "parking_entrance")));
        }
        Element::Way(way) => {
            assert!(ids.insert(('w', way.id())));
            read.ways.push((way.id(), way.refs().collect(), owned(way.tags())));
        }
        Element::Relation(relation) => {
            let members = relation.members().map(|m| {
                let role = m.role().unwrap().to_owned();
                (m.member_id, m.member_type, role)
            });
            read.relations.push((members.collect(), owned(relation.tags())));
        }
        Element::Node(_) => panic!("nodes are dense"),
    };
    ElementReader::new(county.streets().unwrap().as_slice()).for_each(&mut element).unwrap();
    read
}

impl Read {
    fn ways_for<'a>(
        &'a self,
        kinds: &'a [&str],
    ) -> impl Iterator<Item = &'a (i64, Vec<i64>, HashMap<String, String>)> {
        let is = move |tags: &HashMap<String, String>| {
            tags.get("highway").is_some_and(|kind| kinds.contains(&kind.as_str()))
                || tags.get("railway").is_some_and(|kind| kinds.contains(&kind.as_str()))
        };
        self.ways.iter().filter(move |way| is(&way.2))
    }

    /// What can be reached from anywhere: its nodes, when every node can.
    fn reached(&self, kinds: &[&str], backwards: bool, directed: bool) -> HashSet<i64> {
        let mut next: HashMap<i64, Vec<i64>> = HashMap::new();
        for (_, refs, tags) in self.ways_for(kinds) {
            for pair in refs.windows(2) {
                let (a, b) = if backwards { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
                next.entry(a).or_default().push(b);
                let there = next.entry(b).or_default();
                if !(directed && tags.contains_key("oneway")) {
                    there.push(a);
                }
            }
        }
        let start = *next.keys().min().unwrap();
        let (mut reached, mut open) = (HashSet::from([start]), vec![start]);
        while let Some(at) = open.pop() {
            open.extend(next[&at].iter().filter(|to| reached.insert(**to)));
        }
        assert_eq!(reached.len(), next.len(), "{kinds:?} hang together");
        reached
    }

    fn pieces(&self, kinds: &[&str]) -> Vec<[Point; 2]> {
        let of = |refs: &[i64]| -> Vec<[Point; 2]> {
            refs.windows(2).map(|pair| [self.nodes[&pair[0]], self.nodes[&pair[1]]]).collect()
        };
        self.ways_for(kinds).flat_map(|way| of(&way.1)).collect()
    }
}

/// Metres from `p` to the nearest piece, when it is within a kilometre.
fn away(p: Point, pieces: &[[Point; 2]]) -> f64 {
    let near =
        pieces.iter().filter(|piece| (piece[0][0] - p[0]).abs() + (piece[0][1] - p[1]).abs() < 1_000.0);
    near.map(|[a, b]| distance(p, Line::new(*a, *b).nearest_point(&p))).fold(f64::MAX, f64::min)
}

const CARS: [&str; 6] = ["primary", "secondary", "tertiary", "residential", "living_street", "service"];
const FEET: [&str; 11] = [
    "primary",
    "secondary",
    "tertiary",
    "residential",
    "living_street",
    "service",
    "pedestrian",
    "path",
    "footway",
    "steps",
    "platform",
];

#[test]
fn streets_hang_together_and_reach_every_place() {
    for seed in [1, 5] {
        let county = County::sample(seed);
        let read = read(&county);
        assert!((4_000..60_000).contains(&read.nodes.len()), "{} nodes", read.nodes.len());
        for (_, refs, _) in &read.ways {
            assert!(refs.len() > 1 && refs.iter().all(|node| read.nodes.contains_key(node)));
        }
        read.reached(&CARS, false, true);
        read.reached(&CARS, true, true);
        read.reached(&FEET, false, false);

        let frame = county.frame();
        let (cars, feet) = (read.pieces(&CARS), read.pieces(&FEET));
        for stop in &county.stops {
            let here = frame.point([stop.lon, stop.lat]);
            assert!(away(here, &feet) < 1.0, "{}", stop.name);
            assert!(stop.platform || away(here, &cars) < 1.0, "{}", stop.name);
        }
        for site in county.sites.iter().filter(|site| site.counted.is_some()) {
            let pieces = if site.purpose == "bike" { &feet } else { &cars };
            let away = away(frame.point(site.geometry.center()), pieces);
            assert!(away < 1.5, "{} lies {away} m from a street", site.id);
        }
        for bay in &county.bays {
            let away = away(frame.point(bay.geometry.center()), &cars);
            assert!(away < 8.0, "{} lies {away} m from a street", bay.id);
        }
    }
}

#[test]
fn parking_and_turns_are_as_a_router_wants_them() {
    let county = County::sample(1);
    let read = read(&county);
    let parking: Vec<_> = read.ways.iter().filter(|way| way.2.contains_key("amenity")).collect();
    assert_eq!(parking.len(), county.sites.len());
    for (_, refs, tags) in &parking {
        assert_eq!(refs.first(), refs.last(), "{tags:?} is an area");
        let site = county.sites.iter().find(|site| site.id == tags["ref"]).unwrap();
        assert_eq!((&tags["name"], &tags["capacity"]), (&site.name.to_owned(), &site.capacity.to_string()));
        assert_eq!(tags.contains_key("park_ride"), site.kind == "park_and_ride");
    }
    let off_street = county.sites.iter().filter(|site| site.kind != "on_street" && site.purpose == "car");
    assert_eq!(read.entrances, off_street.count());

    let ways: HashMap<i64, &Vec<i64>> = read.ways.iter().map(|(id, refs, _)| (*id, refs)).collect();
    assert!(read.relations.len() > 10);
    for (members, tags) in &read.relations {
        assert_eq!(tags["restriction"], "no_left_turn");
        let member = |role: &str| members.iter().find(|m| m.2 == role).unwrap();
        let via = member("via").0;
        assert_eq!(member("via").1, RelMemberType::Node);
        for role in ["from", "to"] {
            let refs = ways[&member(role).0];
            assert!(refs.first() == Some(&via) || refs.last() == Some(&via), "a way ends at the crossing");
        }
    }
    for kind in ["pedestrian", "steps", "path", "footway", "rail"] {
        assert!(read.ways_for(&[kind]).next().is_some(), "{kind}");
    }
    assert!(read.ways.iter().filter(|way| way.2.contains_key("oneway")).count() > 20);
}
