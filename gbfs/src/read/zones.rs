//! `geofencing_zones`: where vehicles may be ridden and left; and areas of GeoJSON.

use domain::mistake::{Expected, Mistake, Remedy};
use domain::rental::{MAX_POINTS, Rule, Shape};
use domain::{LatLon, Reason, UtcMicros};
use serde_json::Value;

use crate::fault::{Effect, shown};
use crate::json::{self, Context, Element};
use crate::version::Raw;

/// Corners of all areas of a file that are read.
const MAX_ALL_POINTS: usize = 400_000;

/// A ring of three corners is closed by the fourth.
const MIN_RING: usize = 4;

/// Corners that may still be read of a file.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Budget(MAX_ALL_POINTS)
    }
}

/// A rule, with types by their ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleOfIds {
    pub types: Option<Vec<String>>,
    pub rule: Rule,
    /// Where in the file.
    pub path: String,
}

/// A zone, with types by their ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ZoneOfIds {
    pub shape: Shape,
    pub from: Option<UtcMicros>,
    pub until: Option<UtcMicros>,
    pub rules: Vec<RuleOfIds>,
}

/// Zones and global rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Zones {
    pub zones: Vec<ZoneOfIds>,
    pub global_rules: Vec<RuleOfIds>,
}

pub(crate) fn read(ctx: &mut Context<'_>, data: &Raw<'_>) -> Zones {
    let mut zones = Zones::default();
    let mut budget = Budget::default();
    let collection = data.get("geofencing_zones").map(|raw| serde_json::from_str::<Raw<'_>>(raw.get()));
    let path = "data.geofencing_zones.features";
    match collection.as_ref().and_then(|read| read.as_ref().ok()?.get("features")) {
        Some(features) => {
            ctx.list(features.get(), path, Effect::File, &mut |ctx, feature| {
                zones.zones.extend(zone(ctx, &feature, &mut budget));
            });
        }
        None => {
            ctx.fault(path, Effect::File, Reason::Malformed, Mistake::Missing(Some(Expected::List)), None)
        }
    }
    if let Some(rules) = data.get("global_rules").filter(|raw| raw.get() != "null") {
        ctx.list(rules.get(), "data.global_rules", Effect::Field, &mut |ctx, element| {
            zones.global_rules.extend(rule(ctx, &element));
        });
    }
    zones
}

fn zone(ctx: &mut Context<'_>, feature: &Element<'_>, budget: &mut Budget) -> Option<ZoneOfIds> {
    let properties = feature.object(ctx, "properties")?;
    let rules = properties.objects(ctx, "rules");
    let rules: Vec<RuleOfIds> = rules.iter().filter_map(|element| rule(ctx, element)).collect();
    // Of a zone without rules there is nothing to know, of a zone without times everything.
    if rules.is_empty() {
        return None;
    }
    let has = |name| properties.value(name).is_some();
    let (has_from, has_until) = (has("start"), has("end"));
    let from = properties.optional(ctx, "start", json::instant);
    let until = properties.optional(ctx, "end", json::instant);
    if has_from != from.is_some() || has_until != until.is_some() {
        return None;
    }
    if feature.value("geometry").is_none() {
        let mistake = Mistake::Missing(Some(Expected::Polygon));
        ctx.fault(&feature.at("geometry"), Effect::Element, Reason::Malformed, mistake, None);
        return None;
    }
    let geometry = feature.object(ctx, "geometry")?;
    let shape = shape(ctx, &geometry, budget)?;
    Some(ZoneOfIds { shape, from, until, rules })
}

/// `None`: it is no rule, or says nothing.
fn rule(ctx: &mut Context<'_>, element: &Element<'_>) -> Option<RuleOfIds> {
    let name = element.renamed(ctx, "vehicle_type_ids", "vehicle_type_id");
    let names = [name, "vehicle_type_ids"];
    let types = match names.iter().find(|name| element.value(name).is_some()) {
        // A rule for types that cannot be read is for nobody.
        Some(name) => Some(element.required(ctx, name, json::ids)?),
        None => None,
    };
    let mut flag = |name| element.optional(ctx, name, json::flag);
    let (start, end) = match (flag("ride_start_allowed"), flag("ride_end_allowed")) {
        (None, None) => {
            let both = flag("ride_allowed");
            (both, both)
        }
        stated => stated,
    };
    let through = flag("ride_through_allowed");
    let station_parking = flag("station_parking");
    let is_of_third =
        ["ride_start_allowed", "ride_end_allowed"].iter().any(|name| element.value(name).is_some());
    let is_of_second = element.value("ride_allowed").is_some();
    if if ctx.version.is_third() { is_of_second && !is_of_third } else { is_of_third } {
        ctx.other_version(&element.path);
    }
    let speed =
        element.optional(ctx, "maximum_speed_kph", |value, version| json::whole_in(value, version, 0..=200));
    let speed_kmh = speed.and_then(|speed| u16::try_from(speed).ok());
    let rule = Rule { types: None, start, end, through, speed_kmh, station_parking };
    if rule == Rule::default() {
        ctx.fault(&element.path, Effect::Element, Reason::Malformed, Mistake::OneNeeded, None);
        return None;
    }
    Some(RuleOfIds { types, rule, path: element.path.clone() })
}

/// A polygon or multipolygon; `None`: it is none, or too large, and the fault is noted.
pub(crate) fn shape(ctx: &mut Context<'_>, geometry: &Element<'_>, budget: &mut Budget) -> Option<Shape> {
    let coordinates = geometry.value("coordinates").unwrap_or(&Value::Null);
    let kind = geometry.value("type").and_then(Value::as_str).unwrap_or_default();
    let polygons: Option<Vec<&Value>> = match kind {
        "Polygon" => Some(vec![coordinates]),
        "MultiPolygon" => coordinates.as_array().map(|polygons| polygons.iter().collect()),
        _ => None,
    };
    let polygons: Option<Vec<_>> = polygons.and_then(|all| all.into_iter().map(rings).collect());
    let path = geometry.at("coordinates");
    let Some(polygons) = polygons.filter(|polygons| !polygons.is_empty()) else {
        let mistake = Mistake::IsNot(shown(coordinates), Expected::Polygon);
        ctx.fault(&path, Effect::Element, Reason::Malformed, mistake, None);
        return None;
    };
    let points = polygons.iter().flatten().map(Vec::len).sum();
    let most = MAX_POINTS.min(budget.0);
    if points > most {
        let mistake = Mistake::TooManyEntities(points, most);
        ctx.fault(&path, Effect::Element, Reason::TooLarge, mistake, Some(Remedy::Fewer));
        return None;
    }
    budget.0 -= points;
    Some(Shape::from(polygons))
}

/// The rings of a polygon; one that is not closed is closed.
fn rings(polygon: &Value) -> Option<Vec<Vec<[f64; 2]>>> {
    let ring = |ring: &Value| {
        let mut corners: Vec<[f64; 2]> = ring.as_array()?.iter().map(corner).collect::<Option<_>>()?;
        if corners.first() != corners.last() {
            corners.push(*corners.first()?);
        }
        (corners.len() >= MIN_RING).then_some(corners)
    };
    polygon.as_array().filter(|rings| !rings.is_empty())?.iter().map(ring).collect()
}

fn corner(position: &Value) -> Option<[f64; 2]> {
    let [lon, lat, ..] = position.as_array()?.as_slice() else { return None };
    let at = LatLon::new(lat.as_f64()?, lon.as_f64()?)?;
    Some([at.lon, at.lat])
}
