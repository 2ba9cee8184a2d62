//! The net and what lies on it as OpenStreetMap elements.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{County, Site};
use super::country::railways;
use super::lots::{Lot, access};
use super::net::Net;
use super::pbf::{Extract, Member, Node, Relation, Tags, Way};
use super::plane::{Point, distance};
use super::restrictions::no_left_turns;
use super::sketch::Sketch;

/// A bus stop's pole stands so far from the middle of the street, degrees of latitude (4 m).
const POLE_DEG: f64 = 0.000_036;
/// Tolerance for things that lie on a street, metres.
const ON_STREET_M: f64 = 2.0;

/// Builds the extract.
pub(super) fn extract(county: &County, sketch: &Sketch, net: &Net, lots: &[Lot]) -> Extract {
    let mut map = Map { sketch, extract: Extract::default(), node_ids: BTreeMap::new() };
    map.streets(net, county.seed);
    map.stops(county);
    for (line, course) in railways(county) {
        let nodes = course.into_iter().map(|at| map.node(at, &[])).collect();
        let tags = tags(&[("railway", "rail"), ("usage", "branch"), ("gauge", "1435"), ("ref", line)]);
        map.extract.ways.push(Way { nodes, tags });
    }
    for lot in lots {
        map.lot(lot, &county.sites[lot.site]);
    }
    for (number, town) in county.municipalities.iter().enumerate().skip(1) {
        let place = if number == 1 { "town" } else { "village" };
        map.node([town.lon, town.lat], &[("place", place), ("name", town.name)]);
    }
    map.extract
}

struct Map<'a> {
    sketch: &'a Sketch,
    extract: Extract,
    /// Ids of the points of the net that are used.
    node_ids: BTreeMap<usize, i64>,
}

impl Map<'_> {
    fn node(&mut self, at: [f64; 2], with: &[(&str, &str)]) -> i64 {
        self.extract.nodes.push(Node { at, tags: tags(with) });
        self.extract.nodes.len() as i64
    }

    fn net_node(&mut self, net: &Net, point: usize) -> i64 {
        if let Some(id) = self.node_ids.get(&point) {
            return *id;
        }
        let id = self.node(self.sketch.plane.degrees(net.points[point]), &[]);
        self.node_ids.insert(point, id);
        id
    }

    /// Ways go on as long as nothing changes, and end where a turn is forbidden.
    fn streets(&mut self, net: &Net, seed: u64) {
        let turns = no_left_turns(net, seed);
        let vias: BTreeSet<usize> = turns.iter().map(|turn| turn.via).collect();
        let mut way_of = vec![0; net.edges.len()];
        let goes_on = |a: &super::net::Edge, b: &super::net::Edge| {
            (a.way, a.kind, a.oneway, a.in_town, a.to) == (b.way, b.kind, b.oneway, b.in_town, b.from)
                && !vias.contains(&a.to)
        };
        let mut edge = 0;
        for run in net.edges.chunk_by(goes_on) {
            let mut nodes = vec![self.net_node(net, run[0].from)];
            nodes.extend(run.iter().map(|edge| self.net_node(net, edge.to)));
            let drawn = &self.sketch.ways[run[0].way];
            let mut tags = tags(run[0].kind.tags(run[0].in_town));
            let name_key = if run[0].kind.is_street() && !run[0].in_town { "ref" } else { "name" };
            tags.extend(drawn.name.iter().map(|name| (name_key.to_owned(), name.clone())));
            tags.extend(run[0].oneway.then(|| ("oneway".to_owned(), "yes".to_owned())));
            tags.extend(drawn.access.map(|access| ("access".to_owned(), access.to_owned())));
            self.extract.ways.push(Way { nodes, tags });
            for _ in run {
                way_of[edge] = self.extract.ways.len() as i64;
                edge += 1;
            }
        }
        for turn in turns {
            let via = self.net_node(net, turn.via);
            self.extract.relations.push(Relation {
                members: vec![
                    (Member::Way(way_of[turn.from]), "from"),
                    (Member::Node(via), "via"),
                    (Member::Way(way_of[turn.to]), "to"),
                ],
                tags: tags(&[("type", "restriction"), ("restriction", "no_left_turn")]),
            });
        }
    }

    fn stops(&mut self, county: &County) {
        for stop in &county.stops {
            let at = [stop.lon, stop.lat];
            if stop.platform {
                self.node(
                    at,
                    &[("railway", "station"), ("public_transport", "station"), ("name", stop.name)],
                );
                continue;
            }
            self.mark(at, &[("public_transport", "stop_position"), ("bus", "yes"), ("name", stop.name)]);
            let pole = [stop.lon, stop.lat + POLE_DEG];
            let kind = [("highway", "bus_stop"), ("public_transport", "platform"), ("bus", "yes")];
            let named = [("name", stop.name), ("ref:IFOPT", stop.id.as_str())];
            self.node(pole, &[kind.as_slice(), &named].concat());
        }
    }

    /// Adds tags to the node of the net that lies at `at`.
    fn mark(&mut self, at: [f64; 2], with: &[(&str, &str)]) {
        let here = self.sketch.plane.point(at);
        let away = |node: i64| {
            let node = &self.extract.nodes[node as usize - 1];
            distance(here, self.sketch.plane.point(node.at))
        };
        let nearest = self.node_ids.values().copied().min_by(|a, b| away(*a).total_cmp(&away(*b)));
        if let Some(node) = nearest.filter(|node| away(*node) < ON_STREET_M) {
            self.extract.nodes[node as usize - 1].tags.extend(tags(with));
        }
    }

    fn lot(&mut self, lot: &Lot, site: &Site) {
        let degrees = |p: &Point| self.sketch.plane.degrees(*p);
        let corners: Vec<[f64; 2]> = lot.outline.iter().skip(1).map(degrees).collect();
        let entrance = lot.entrance.map(|p| self.sketch.plane.degrees(p));
        let mut nodes: Vec<i64> = corners.into_iter().map(|at| self.node(at, &[])).collect();
        nodes.extend(nodes.first().copied());
        let tags = parking_tags(site);
        if let Some(at) = entrance.filter(|_| site.purpose != "bike") {
            let kind = parking_kind(site);
            self.mark(at, &[("amenity", "parking_entrance"), ("parking", kind), ("name", site.name)]);
        }
        self.extract.ways.push(Way { nodes, tags });
    }
}

fn parking_kind(site: &Site) -> &'static str {
    match site.kind {
        "on_street" => "street_side",
        "car_park" => "multi-storey",
        "underground" => "underground",
        _ => "surface",
    }
}

fn parking_tags(site: &Site) -> Tags {
    let capacity = site.capacity.to_string();
    let kept = |audience: &str| {
        site.restrictions.iter().find(|r| r.audience == Some(audience)).and_then(|r| r.capacity)
    };
    let mut tags = tags(&[
        ("amenity", if site.purpose == "bike" { "bicycle_parking" } else { "parking" }),
        ("name", site.name),
        ("capacity", &capacity),
        ("access", access(site).unwrap_or("yes")),
        ("fee", if site.fee.is_some_and(|(_, en)| en.contains("EUR")) { "yes" } else { "no" }),
        ("ref", &site.id),
    ]);
    let mut add = |key: &str, value: Option<String>| {
        tags.extend(value.map(|value| (key.to_owned(), value)));
    };
    add("parking", (site.purpose != "bike").then(|| parking_kind(site).to_owned()));
    add("park_ride", (site.kind == "park_and_ride").then(|| "yes".to_owned()));
    add("capacity:disabled", kept("disabled").map(|n| n.to_string()));
    add("capacity:charging", kept("charging").map(|n| n.to_string()));
    add("opening_hours", site.opening_hours.map(str::to_owned));
    add("maxheight", site.max_height_m.map(|m| m.to_string()));
    tags
}

fn tags(of: &[(&str, &str)]) -> Tags {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
