//! GeoJSON FeatureCollections, with the line on which each feature begins.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cell::{Complaint, Notation, Parsed, shown};
use crate::geometry::MAX_CORNERS;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::record::{Fields, Record, unknown_field_remedy};
use crate::schema::Schema;
use crate::text_file::Lines;

/// Bytes of the largest feature, some three times those of the finest polygon that is accepted; once it is parsed, it is
/// twenty times as large.
const MAX_FEATURE_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Feature {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// GeoJSON's own place for an identifier (RFC 7946, 3.2).
    id: Option<Value>,
    properties: Option<OnceEach>,
    geometry: Option<Value>,
}

/// Properties, and which of them stand more than once with which values: parsers disagree on what holds
/// then (RFC 8259, 4).
#[derive(Default)]
struct OnceEach {
    fields: Fields,
    repeated: Vec<(String, String)>,
}

impl<'de> Deserialize<'de> for OnceEach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OnceEach::default())
    }
}

impl<'de> Visitor<'de> for OnceEach {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("properties in { }")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if let Some(first) = self.fields.get(&name) {
                self.repeated.push((name, format!("{} and {}", shown(first), shown(&value))));
            } else {
                self.fields.insert(name, value);
            }
        }
        Ok(self)
    }
}

/// Findings in a file beside its features.
pub(crate) struct Findings<'p> {
    pub problems: &'p mut FileProblems,
    /// Notes: maps carry properties of their own.
    pub notes: &'p mut FileProblems,
}

/// Adds what `parse` makes of the properties and the geometry of every feature, which `geometry` reads, to `into`.
pub(crate) fn read_features<T, G>(
    file: &Arc<Path>,
    text: &str,
    schema: &Schema,
    found: Findings,
    geometry: impl Fn(&Value) -> Parsed<G>,
    parse: impl Fn(Record, Option<G>) -> Option<T>,
    into: &mut Vec<Located<T>>,
) {
    let Findings { problems, notes } = found;
    let Some(features) = features_of(file, text, problems) else { return };
    let lines = Lines::of(text);
    let mut ignored: BTreeMap<String, (Location, usize)> = BTreeMap::new();
    for raw in features {
        // `raw` borrows from `text`: the difference of the addresses is its offset.
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let at = Location { file: file.clone(), line: lines.line_at(offset) };
        if raw.get().len() > MAX_FEATURE_BYTES {
            problems.push(too_large(&at, raw.get()));
            continue;
        }
        let feature: Feature = match serde_json::from_str(raw.get()) {
            Ok(feature) => feature,
            Err(e) => {
                let line = at.line + (e.line() as u32).saturating_sub(1);
                let remedy = "write {\"type\": \"Feature\", \"properties\": {...}, \"geometry\": {...}}";
                // Its own position counts from the beginning of the feature.
                let reason = e.to_string();
                let reason = reason.split(" at line ").next().unwrap_or_default();
                let message = format!("is not a GeoJSON feature: {reason}");
                problems.push(FileProblem::at(&at, message, remedy).line(line));
                continue;
            }
        };
        if feature.kind.as_deref() != Some("Feature") {
            problems.push(FileProblem::at(&at, "is not a GeoJSON feature", "write \"type\": \"Feature\""));
            continue;
        }
        let geometry = match geometry(&feature.geometry.unwrap_or_default()) {
            Ok(geometry) => Some(geometry),
            Err(Complaint { message, remedy }) => {
                problems.push(FileProblem::at(&at, message, remedy).field("geometry"));
                None
            }
        };
        let OnceEach { mut fields, repeated } = feature.properties.unwrap_or_default();
        problems.extend(repeated.into_iter().map(|(name, values)| {
            let problem = FileProblem::at(&at, "stands twice in the properties", "keep one of the two");
            problem.field(name).value(values)
        }));
        if let Some(id) = feature.id.filter(|_| fields.get("id").is_none_or(Value::is_null)) {
            fields.insert("id".to_owned(), id);
        }
        let record = Record::new(at.clone(), Notation::Typed, fields, problems);
        for name in record.unknown_fields(schema) {
            ignored.entry(name).or_insert_with(|| (at.clone(), 0)).1 += 1;
        }
        into.extend(parse(record, geometry).map(|value| Located { value, at }));
    }
    notes.extend(ignored.into_iter().map(|(name, (at, count))| {
        let message = format!("is not a known property of {}: ignored in {count} feature(s)", schema.what);
        FileProblem::at(&at, message, unknown_field_remedy(&name, schema)).field(name)
    }));
}

fn too_large(at: &Location, feature: &str) -> FileProblem {
    let (kib, positions) = (feature.len() >> 10, feature.matches('[').count());
    let remedy = match positions > MAX_CORNERS {
        true => "simplify its geometry (QGIS: Vector > Geometry Tools > Simplify)",
        false => "shorten its properties: those that are known take some hundred characters",
    };
    let message = format!(
        "a feature of {kib} KiB with some {positions} positions; {} KiB are taken",
        MAX_FEATURE_BYTES >> 10
    );
    FileProblem::at(at, message, remedy)
}

fn features_of<'a>(file: &Path, text: &'a str, problems: &mut FileProblems) -> Option<Vec<&'a RawValue>> {
    let remedy = "write {\"type\": \"FeatureCollection\", \"features\": [...]}";
    problems.push(match serde_json::from_str::<Collection>(text) {
        Ok(Collection { kind: Some(kind), features: Some(features) }) if kind == "FeatureCollection" => {
            return Some(features);
        }
        Ok(_) => FileProblem::of_file(file, "is not a GeoJSON FeatureCollection", remedy),
        Err(e) if e.is_data() => {
            let message = format!("is not a GeoJSON FeatureCollection: {e}");
            FileProblem::of_file(file, message, remedy).line(e.line() as u32)
        }
        Err(e) => {
            let remedy =
                "correct the JSON there; a missing or spare comma, quote or bracket is the usual cause";
            FileProblem::of_file(file, format!("is not JSON: {e}"), remedy).line(e.line() as u32)
        }
    });
    None
}
