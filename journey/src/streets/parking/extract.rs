//! Finding parking in OpenStreetMap.

use rustc_hash::FxHashMap;

use super::{Build, OsmEntrance, OsmParking, Purpose};
use crate::streets::Streets;
use crate::streets::class::tagged;
use crate::streets::osm::{Coord, MemberKind, OsmData, OsmRelation, Tags, is_parking};

/// Fills `parking` and `parking_entrances` of the streets.
pub(in crate::streets) fn extract(data: &OsmData, streets: &mut Streets) {
    let mut entrance_of: FxHashMap<i64, u32> = FxHashMap::default();
    let mut nodes: Vec<(&i64, &Tags)> = data.node_tags.iter().collect();
    nodes.sort_by_key(|(id, _)| **id);
    for (&id, tags) in nodes {
        let Some(&at) = data.nodes.get(&id) else { continue };
        if tags.is("amenity", "parking_entrance") {
            entrance_of.insert(id, streets.parking_entrances.len() as u32);
            streets.parking_entrances.push(entrance(id, at, tags));
        } else if is_parking(tags) {
            streets.parking.extend(parking(format!("node/{id}"), tags, vec![at]));
        }
    }
    for way in data.ways.iter().filter(|way| is_parking(&way.tags)) {
        let outline: Vec<Coord> = way.nodes.iter().filter_map(|node| data.nodes.get(node).copied()).collect();
        streets.parking.extend(parking(format!("way/{}", way.id), &way.tags, outline));
    }
    let ways: FxHashMap<i64, &[i64]> = data.ways.iter().map(|way| (way.id, way.nodes.as_slice())).collect();
    let number: FxHashMap<String, usize> =
        streets.parking.iter().enumerate().map(|(at, parking)| (parking.id.clone(), at)).collect();
    for relation in &data.relations {
        let members = relation.members.iter().filter(|member| member.kind == MemberKind::Node);
        let entrances: Vec<u32> = members.filter_map(|member| entrance_of.get(&member.id).copied()).collect();
        if is_parking(&relation.tags) {
            let outline = longest_ring(relation, &ways, &data.nodes);
            if let Some(mut parking) = parking(format!("relation/{}", relation.id), &relation.tags, outline) {
                parking.entrances = entrances;
                streets.parking.push(parking);
            }
        } else if relation.tags.is("type", "site") {
            let parts = relation.members.iter().filter(|member| member.kind != MemberKind::Relation);
            for part in parts {
                let kind = if part.kind == MemberKind::Way { "way" } else { "node" };
                if let Some(&at) = number.get(&format!("{kind}/{}", part.id)) {
                    streets.parking[at].entrances.extend(&entrances);
                }
            }
        }
    }
}

fn entrance(node: i64, at: Coord, tags: &Tags) -> OsmEntrance {
    let no = |key: &str| matches!(tags.get(key), Some("no" | "private"));
    OsmEntrance {
        node,
        at,
        vehicles: !["access", "vehicle", "motor_vehicle", "motorcar"].iter().any(|key| no(key)),
        people: !no("foot"),
    }
}

/// Values of `parking`.
const BUILDS: [(Build, &str); 5] = [
    (Build::Surface, "surface carports sheds yes"),
    (Build::StreetSide, "street_side lane on_kerb half_on_kerb layby"),
    (Build::MultiStorey, "multi-storey garage garage_boxes"),
    (Build::Underground, "underground"),
    (Build::Rooftop, "rooftop"),
];

/// `None` without any position.
fn parking(id: String, tags: &Tags, outline: Vec<Coord>) -> Option<OsmParking> {
    if outline.is_empty() {
        return None;
    }
    let text = |key: &str| tags.get(key).map(str::to_owned);
    let number = |key: &str| tags.get(key).and_then(|value| value.parse().ok());
    // Of lorries, buses, motorcycles: no car may be left there.
    let car = tags.first(&["motorcar", "motor_vehicle", "vehicle"]);
    let is_for_others = ["hgv", "bus", "motorcycle"].iter().any(|key| tags.is(key, "designated"));
    let takes_cars = match car {
        Some(value) => !matches!(value, "no" | "private"),
        None => !is_for_others,
    };
    if tags.is("amenity", "parking") && !takes_cars {
        return None;
    }
    let purpose = if tags.is("amenity", "bicycle_parking") { Purpose::Bike } else { Purpose::Car };
    Some(OsmParking {
        id,
        purpose,
        build: tags.get("parking").and_then(|value| tagged(&BUILDS, value)).unwrap_or(Build::Unknown),
        park_and_ride: tags.get("park_ride").is_some_and(|value| value != "no"),
        name: text("name"),
        operator: text("operator"),
        capacity: number("capacity"),
        capacity_disabled: number("capacity:disabled"),
        access: text("access"),
        fee: text("fee"),
        max_height_m: tags.get("maxheight").and_then(metres),
        opening_hours: text("opening_hours"),
        max_stay_min: tags.get("maxstay").and_then(minutes),
        outline,
        entrances: Vec::new(),
    })
}

fn metres(value: &str) -> Option<f32> {
    let number = value.trim_end_matches('m').trim().replace(',', ".");
    number.parse::<f32>().ok().filter(|metres| metres.is_finite() && *metres > 0.0)
}

/// `2 hours`, `2 h`, `90 min`, `1 day`, `30` (minutes), `01:30`; `no` and what is not a time are no limit.
fn minutes(value: &str) -> Option<f32> {
    if let Some((hours, minutes)) = value.split_once(':') {
        let (hours, minutes): (f32, f32) = (hours.parse().ok()?, minutes.parse().ok()?);
        return Some(hours * 60.0 + minutes);
    }
    let digits = value.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let number: f32 = number.replace(',', ".").parse().ok()?;
    let unit_min = match unit.trim() {
        "" | "m" | "min" | "mins" | "minute" | "minutes" => 1.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60.0,
        "d" | "day" | "days" => 1_440.0,
        "week" | "weeks" => 10_080.0,
        _ => return None,
    };
    Some(number * unit_min).filter(|minutes| *minutes > 0.0)
}

/// Joins the outer ways of a multipolygon; of several rings the one with the most points.
fn longest_ring(
    relation: &OsmRelation,
    ways: &FxHashMap<i64, &[i64]>,
    places: &FxHashMap<i64, Coord>,
) -> Vec<Coord> {
    let outer = relation.members.iter().filter(|m| m.kind == MemberKind::Way && &*m.role != "inner");
    let mut left: Vec<Vec<i64>> =
        outer.filter_map(|member| ways.get(&member.id)).map(|way| way.to_vec()).collect();
    let mut longest: Vec<i64> = Vec::new();
    while let Some(mut ring) = left.pop() {
        while ring.first() != ring.last() {
            let end = ring.last().copied();
            let next = left.iter().position(|way| way.first().copied() == end || way.last().copied() == end);
            let Some(next) = next else { break };
            let mut way = left.swap_remove(next);
            if way.first().copied() != end {
                way.reverse();
            }
            ring.extend(way.into_iter().skip(1));
        }
        if ring.len() > longest.len() {
            longest = ring;
        }
    }
    longest.iter().filter_map(|node| places.get(node).copied()).collect()
}
