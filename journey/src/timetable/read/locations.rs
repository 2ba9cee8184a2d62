//! `locations.geojson`, `location_groups.txt`, `location_group_stops.txt`: where rides on demand begin and end.

use std::io::Read;

use domain::rental::{MAX_POINTS, Shape};
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Table, fault};
use crate::timetable::FeedProblems;
use crate::timetable::areas::{AreaPlace, Group, Zone};

const FILE: &str = "locations.geojson";

/// The largest file of zones, bytes: it is held in memory as a whole.
const MAX_BYTES: u64 = 64 << 20;

/// A ring closed: three corners, and the first once more.
const LEAST_RING: usize = 4;

/// Reads zones and groups.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    zones(source, draft, problems)?;
    groups(source, draft, problems)?;
    group_stops(source, draft, problems)
}

fn zones(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let file = format!("{}/{FILE}", source.name);
    let Some(opened) = source.file(FILE)? else { return Ok(()) };
    let mut text = Vec::new();
    let read = opened.take(MAX_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| ReadError::File { file: file.clone(), error })?;
    if text.len() as u64 > MAX_BYTES {
        problems.note(&file, "it is larger than 64 MiB; the zones are left out");
        return Ok(());
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    let value: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(error) => {
            let reason = format!("it is no GeoJSON ({error}); the zones are left out");
            problems.add(&file, error.line() as u64, "", "", reason);
            return Ok(());
        }
    };
    let Some(features) = value.get("features").and_then(Value::as_array) else {
        problems.add(
            &file,
            1,
            "features",
            "",
            "it is missing; a FeatureCollection has it; the zones are left out",
        );
        return Ok(());
    };
    let lines = Lines::of(text);
    for (number, feature) in features.iter().enumerate() {
        let id = feature.get("id").map(plain).unwrap_or_default();
        let line = lines.of_id(&id);
        let mut left_out = |field, value: &str, reason: String| {
            problems.add(&file, line, field, value, format!("{reason}; the zone is left out"));
        };
        if id.is_empty() {
            left_out("id", "", format!("feature {} has none; stop_times.txt names zones by it", number + 1));
            continue;
        }
        if let Some(other) = taken(draft, id.as_bytes()) {
            left_out(
                "id",
                &id,
                format!("a {other} has this id already; ids of stops, groups and zones are one list"),
            );
            continue;
        }
        match shape(feature.get("geometry").unwrap_or(&Value::Null)) {
            Ok(shape) => {
                let name = ["stop_name", "name"]
                    .iter()
                    .find_map(|key| feature.get("properties")?.get(key)?.as_str());
                let zone = draft.areas.zones.len() as u32;
                draft.feed.areas.insert(id.as_bytes().into(), AreaPlace::Zone(zone));
                let name = name.unwrap_or_default().to_owned();
                draft.areas.zones.push(Zone { id, name, shape, stops: Vec::new() });
            }
            Err(reason) => left_out("geometry", &id, reason),
        }
    }
    Ok(())
}

/// A text or a number as it is written.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What of the feed has an id already.
fn taken(draft: &Draft, id: &[u8]) -> Option<&'static str> {
    match draft.feed.areas.get(id) {
        Some(AreaPlace::Group(_)) => Some("group"),
        Some(_) => Some("zone"),
        None => draft.feed.stops.contains_key(id).then_some("stop"),
    }
}

/// A polygon or several.
fn shape(geometry: &Value) -> Result<Shape, String> {
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    let kind = geometry.get("type").and_then(Value::as_str).unwrap_or_default();
    let polygons = match kind {
        "Polygon" => rings(coordinates).map(|rings| vec![rings]),
        "MultiPolygon" => coordinates.as_array().and_then(|all| all.iter().map(rings).collect()),
        _ => return Err(format!("its type is '{kind}', not Polygon or MultiPolygon")),
    };
    let polygons: Option<Vec<_>> = polygons.filter(|polygons| !polygons.is_empty());
    let polygons = polygons
        .ok_or("its coordinates are no closed rings of [longitude, latitude], four or more in each")?;
    let points: usize = polygons.iter().flatten().map(Vec::len).sum();
    if points > MAX_POINTS {
        return Err(format!("it has {points} corners, more than {MAX_POINTS}: simplify it"));
    }
    Ok(Shape::from(polygons))
}

/// Rings of `[lon, lat]`; `None`: they are none.
fn rings(polygon: &Value) -> Option<Vec<Vec<[f64; 2]>>> {
    let corner = |corner: &Value| {
        let [lon, lat] = [corner.get(0)?.as_f64()?, corner.get(1)?.as_f64()?];
        domain::geo::LatLon::new(lat, lon).map(|at| [at.lon, at.lat])
    };
    let ring = |ring: &Value| {
        let mut ring: Vec<[f64; 2]> = ring.as_array()?.iter().map(corner).collect::<Option<_>>()?;
        if ring.len() + 1 >= LEAST_RING && ring.first() != ring.last() {
            ring.push(*ring.first()?);
        }
        (ring.len() >= LEAST_RING).then_some(ring)
    };
    let rings: Vec<_> = polygon.as_array()?.iter().map(ring).collect::<Option<_>>()?;
    (!rings.is_empty()).then_some(rings)
}

/// Where ids stand in a text of GeoJSON.
struct Lines<'t>(FxHashMap<&'t [u8], u64>);

impl<'t> Lines<'t> {
    /// The first line of each value of an `id`.
    fn of(text: &'t [u8]) -> Self {
        let mut lines = FxHashMap::default();
        for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let mut rest = bytes;
            while let Some(at) = rest.windows(4).position(|four| four == b"\"id\"") {
                rest = &rest[at + 4..];
                let value = rest.trim_ascii_start();
                let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii_start();
                let value = value.strip_prefix(b"\"").unwrap_or(value);
                let end = value.iter().position(|byte| b"\",}".contains(byte)).unwrap_or(value.len());
                lines.entry(&value[..end]).or_insert(line);
            }
        }
        Lines(lines)
    }

    /// 0 when it is not found.
    fn of_id(&self, id: &str) -> u64 {
        self.0.get(id.as_bytes()).copied().unwrap_or(0)
    }
}

/// Groups by name. A draft of GTFS-Flex has their stops here, too, a row for each.
fn groups(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let header = "location_group_id,location_group_name,location_id,stop_id";
    let Some(mut table) = Table::open(source, "location_groups.txt", 1, header)? else { return Ok(()) };
    let [id, name, member, stop] = table.columns();
    let member = if table.has(stop) { stop } else { member };
    while table.next()? {
        let key = table.bytes(id);
        let known = draft.feed.areas.get(key).copied();
        let group = match (known, taken(draft, key)) {
            (Some(AreaPlace::Group(group)), _) if table.has(member) => group,
            (_, Some(other)) => {
                let what = "ids of stops, groups and zones are one list, stops of groups stand in location_group_stops.txt";
                table.fault(
                    problems,
                    id,
                    format!("a {other} has this id already; {what}; the row is left out"),
                );
                continue;
            }
            _ if key.is_empty() => {
                table.fault(problems, id, "it is empty; the row is left out");
                continue;
            }
            _ => {
                let group = draft.areas.groups.len() as u32;
                draft.feed.areas.insert(key.into(), AreaPlace::Group(group));
                draft.areas.groups.push(Group {
                    id: table.text(id),
                    name: table.text(name),
                    stops: Vec::new(),
                });
                group
            }
        };
        if !table.bytes(member).is_empty() {
            add_stop(&table, member, group, draft, problems);
        }
    }
    Ok(())
}

fn group_stops(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let header = "location_group_id,stop_id";
    let Some(mut table) = Table::open(source, "location_group_stops.txt", 2, header)? else { return Ok(()) };
    let [id, stop] = table.columns();
    while table.next()? {
        match draft.feed.areas.get(table.bytes(id)) {
            Some(AreaPlace::Group(group)) => add_stop(&table, stop, *group, draft, problems),
            _ => table.fault(problems, id, "location_groups.txt has no such group; the row is left out"),
        }
    }
    Ok(())
}

fn add_stop(table: &Table<'_>, column: usize, group: u32, draft: &mut Draft, problems: &mut FeedProblems) {
    let stop = table.id(column, &draft.feed.stops, "stop; the group is read without it");
    if let Some(stop) = table.read(problems, stop) {
        let stops = &mut draft.areas.groups[group as usize].stops;
        if !stops.contains(&stop) {
            stops.push(stop);
        }
    }
}

/// The place of a row of `stop_times.txt`. A draft of GTFS-Flex has zones and groups in `stop_id`; no stop shares an id with them.
pub fn place(
    table: &Table<'_>,
    [stop, zone, group]: [usize; 3],
    draft: &Draft,
) -> Result<AreaPlace, super::table::Fault> {
    let given: Vec<usize> =
        [zone, group, stop].into_iter().filter(|column| !table.bytes(*column).is_empty()).collect();
    let &[column] = given.as_slice() else {
        let reason = "one of stop_id, location_group_id and location_id is needed, and no more";
        return Err(fault(given.first().copied().unwrap_or(stop), reason));
    };
    let area = draft.feed.areas.get(table.bytes(column)).copied();
    let found = match area {
        Some(AreaPlace::Zone(_)) if column != group => area,
        Some(AreaPlace::Group(_)) if column != zone => area,
        _ if column == stop => draft.feed.stops.get(table.bytes(stop)).copied().map(AreaPlace::Stop),
        _ => None,
    };
    let reason = match column {
        _ if column == zone => "locations.geojson has no such zone that can be used",
        _ if column == group => "location_groups.txt has no such group",
        _ => "there is no such stop, group or zone (areas.txt has none of them: its areas are for fares)",
    };
    let found = found.ok_or_else(|| fault(column, reason))?;
    match found {
        AreaPlace::Group(number) if draft.areas.groups[number as usize].stops.is_empty() => {
            Err(fault(column, "the group has no stops: list them in location_group_stops.txt"))
        }
        _ => Ok(found),
    }
}
