//! The net and what lies on it as OpenStreetMap elements.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lines_table::HAMLETS;
use super::super::{County, Frame, Site, Stop};
use super::country::railways;
use super::geometry::{Point, between, distance};
use super::lots::{Lot, access};
use super::net::{Edge, Net};
use super::pbf::{Extract, Node, Restriction, Tags, Way, tags};
use super::restrictions::no_left_turns;
use super::sketch::Sketch;

/// A bus stop's pole stands so far from the middle of the street, degrees of latitude (4 m).
const POLE_DEG: f64 = 0.000_036;
/// Houses stand so far apart along a street, and so far from its middle, metres.
const HOUSE_EVERY_M: f64 = 35.0;
const HOUSE_ASIDE_M: f64 = 14.0;
/// Tolerance for things that lie on a street, metres.
const ON_STREET_M: f64 = 2.0;

/// Builds the extract.
pub(super) fn extract(county: &County, sketch: &Sketch, net: &Net, lots: &[Lot]) -> Extract {
    let mut map =
        Map { sketch, net, extract: Extract::default(), node_ids: BTreeMap::new(), houses: BTreeMap::new() };
    map.streets(county);
    county.stops.iter().for_each(|stop| map.stop(stop));
    for (line, course) in railways(county) {
        let nodes = course.iter().map(|at| map.node(*at, Tags::new())).collect();
        let tags = with(tags("railway=rail usage=branch gauge=1435"), "ref", line);
        map.extract.ways.push(Way { nodes, tags });
    }
    lots.iter().for_each(|lot| map.lot(lot));
    for (number, town) in county.municipalities.iter().enumerate().skip(1) {
        let place = tags(if number == 1 { "place=town" } else { "place=village" });
        map.node([town.lon, town.lat], with(place, "name", town.name));
    }
    for (name, town, east_m, north_m) in HAMLETS {
        let town = &county.municipalities[*town];
        let at = Frame::new(town.lat, town.lon, 0.0).at(*east_m, *north_m);
        map.node(at, with(tags("place=hamlet"), "name", name));
    }
    map.extract
}

struct Map<'a> {
    sketch: &'a Sketch,
    net: &'a Net,
    extract: Extract,
    /// Ids of the points of the net that are used.
    node_ids: BTreeMap<usize, i64>,
    /// How many houses a street of a town has on each side.
    houses: BTreeMap<(&'static str, String), u32>,
}

impl Map<'_> {
    fn node(&mut self, at: [f64; 2], tags: Tags) -> i64 {
        self.extract.nodes.push(Node { at, tags });
        self.extract.nodes.len() as i64
    }

    fn net_node(&mut self, point: usize) -> i64 {
        if let Some(id) = self.node_ids.get(&point) {
            return *id;
        }
        let id = self.node(self.degrees(self.net.points[point]), Tags::new());
        self.node_ids.insert(point, id);
        id
    }

    fn degrees(&self, p: Point) -> [f64; 2] {
        self.sketch.frame.at(p[0], p[1])
    }

    /// Ways go on as long as nothing changes, and end where a turn is forbidden.
    fn streets(&mut self, county: &County) {
        let turns = no_left_turns(self.net, county.seed);
        let vias: BTreeSet<usize> = turns.iter().map(|turn| turn.via).collect();
        let goes_on = |a: &Edge, b: &Edge| {
            (a.way, a.kind, a.oneway, a.in_town, a.to) == (b.way, b.kind, b.oneway, b.in_town, b.from)
                && !vias.contains(&a.to)
        };
        let mut way_of: Vec<i64> = Vec::new();
        for run in self.net.edges.chunk_by(goes_on) {
            let points = std::iter::once(run[0].from).chain(run.iter().map(|edge| edge.to));
            let points: Vec<usize> = points.collect();
            let nodes = points.iter().map(|point| self.net_node(*point)).collect();
            let Edge { way, kind, oneway, in_town, .. } = run[0];
            let drawn = &self.sketch.ways[way];
            let mut tags = tags(kind.tags(in_town));
            let name_key = if kind.is_street() && !in_town { "ref" } else { "name" };
            tags.extend(drawn.name.iter().map(|name| (name_key, name.clone())));
            tags.extend(oneway.then(|| ("oneway", "yes".to_owned())));
            tags.extend(drawn.access.map(|access| ("access", access.to_owned())));
            self.extract.ways.push(Way { nodes, tags });
            way_of.extend(run.iter().map(|_| self.extract.ways.len() as i64));
            if let Some(name) = drawn.name.as_ref().filter(|_| kind.is_street() && in_town) {
                self.houses(county, name, &points);
            }
        }
        for turn in turns {
            let via = self.net_node(turn.via);
            let (from, to) = (way_of[turn.from], way_of[turn.to]);
            self.extract.restrictions.push(Restriction { from, via, to });
        }
    }

    /// Houses on both sides, odd numbers on one.
    fn houses(&mut self, county: &County, street: &str, points: &[usize]) {
        let line: Vec<Point> = points.iter().map(|point| self.net.points[*point]).collect();
        for pair in line.windows(2) {
            let length_m = distance(pair[0], pair[1]);
            let aside =
                [pair[0][1] - pair[1][1], pair[1][0] - pair[0][0]].map(|m| m / length_m * HOUSE_ASIDE_M);
            for step in 0..(length_m / HOUSE_EVERY_M) as u32 {
                let at = between(pair[0], pair[1], (f64::from(step) + 0.5) * HOUSE_EVERY_M / length_m);
                let town = self.town_of(county, at);
                let before = self.houses.entry((town, street.to_owned())).or_default();
                let first = *before * 2 + 1;
                *before += 1;
                for (number, side) in [(first, 1.0), (first + 1, -1.0)] {
                    let house = self.degrees([at[0] + side * aside[0], at[1] + side * aside[1]]);
                    let number = with(Tags::new(), "addr:housenumber", &number.to_string());
                    self.node(house, with(with(number, "addr:street", street), "addr:city", town));
                }
            }
        }
    }

    fn town_of(&self, county: &County, at: Point) -> &'static str {
        let towns = county.municipalities.iter().skip(1);
        let away_m =
            |town: &&super::super::Municipality| distance(self.sketch.frame.point([town.lon, town.lat]), at);
        towns.min_by(|a, b| away_m(a).total_cmp(&away_m(b))).map_or("", |town| town.name)
    }

    fn stop(&mut self, stop: &Stop) {
        let at = [stop.lon, stop.lat];
        if stop.platform {
            self.node(at, with(tags("railway=station public_transport=station"), "name", stop.name));
            return;
        }
        self.mark(at, with(tags("public_transport=stop_position bus=yes"), "name", stop.name));
        let pole = with(tags("highway=bus_stop public_transport=platform bus=yes"), "name", stop.name);
        self.node([stop.lon, stop.lat + POLE_DEG], with(pole, "ref:IFOPT", &stop.id));
    }

    /// Adds tags to the node of the net that lies at `at`.
    fn mark(&mut self, at: [f64; 2], tags: Tags) {
        let here = self.sketch.frame.point(at);
        let away_m = |point: &usize| distance(here, self.net.points[*point]);
        let nearest = self.node_ids.keys().copied().min_by(|a, b| away_m(a).total_cmp(&away_m(b)));
        if let Some(point) = nearest.filter(|point| away_m(point) < ON_STREET_M) {
            let node = self.net_node(point) as usize;
            self.extract.nodes[node - 1].tags.extend(tags);
        }
    }

    fn lot(&mut self, lot: &Lot) {
        let corners: Vec<[f64; 2]> = lot.outline.iter().skip(1).map(|p| self.degrees(*p)).collect();
        let mut nodes: Vec<i64> = corners.into_iter().map(|at| self.node(at, Tags::new())).collect();
        nodes.extend(nodes.first().copied());
        if let Some(entrance) = lot.entrance.filter(|_| lot.site.purpose != "bike") {
            let kind = with(tags("amenity=parking_entrance"), "parking", parking_kind(lot.site));
            self.mark(self.degrees(entrance), with(kind, "name", lot.site.name));
        }
        self.extract.ways.push(Way { nodes, tags: parking_tags(lot.site) });
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
    let is_bike = site.purpose == "bike";
    let reserved = |audience: &str| {
        let restriction = site.restrictions.iter().find(|r| r.audience == Some(audience));
        restriction.and_then(|r| r.capacity).map(|n| n.to_string())
    };
    let is_charged = site.fee.is_some_and(|fee| fee.en.contains("EUR"));
    let all = [
        ("amenity", Some(if is_bike { "bicycle_parking" } else { "parking" }.to_owned())),
        ("name", Some(site.name.to_owned())),
        ("capacity", Some(site.capacity.to_string())),
        ("access", Some(access(site).unwrap_or("yes").to_owned())),
        ("fee", Some(if is_charged { "yes" } else { "no" }.to_owned())),
        ("ref", Some(site.id.clone())),
        ("parking", (!is_bike).then(|| parking_kind(site).to_owned())),
        ("park_ride", (site.kind == "park_and_ride").then(|| "yes".to_owned())),
        ("capacity:disabled", reserved("disabled")),
        ("capacity:charging", reserved("charging")),
        ("opening_hours", site.opening_hours.map(str::to_owned)),
        ("maxheight", site.max_height_m.map(|m| m.to_string())),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn with(mut tags: Tags, key: &'static str, value: &str) -> Tags {
    tags.push((key, value.to_owned()));
    tags
}
