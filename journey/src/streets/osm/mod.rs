//! OpenStreetMap data as the street builder takes it: plain vectors, from a file or made by hand.

mod pbf;
pub mod places;
mod rings;

use domain::geo::LatLon;
use rustc_hash::FxHashMap;

pub use pbf::{check, read};

/// A position in units of 1e-7 degrees, as OpenStreetMap stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Coord {
    /// Latitude.
    pub lat: i32,
    /// Longitude.
    pub lon: i32,
}

/// Units of [`Coord`] in one degree.
const UNITS_PER_DEGREE: f64 = 1e7;

impl Coord {
    /// The nearest representable position. Values outside the earth are clamped to it.
    pub fn from_degrees(lat: f64, lon: f64) -> Self {
        let scaled = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
        Coord { lat: scaled(lat.clamp(-90.0, 90.0)), lon: scaled(lon.clamp(-180.0, 180.0)) }
    }

    /// The position in degrees.
    pub fn degrees(self) -> LatLon {
        let degrees = |units: i32| f64::from(units) / UNITS_PER_DEGREE;
        LatLon { lat: degrees(self.lat), lon: degrees(self.lon) }
    }

    /// Great-circle distance, metres.
    pub fn distance_m(self, other: Coord) -> f64 {
        self.degrees().distance_m(other.degrees())
    }
}

impl From<LatLon> for Coord {
    fn from(at: LatLon) -> Self {
        Coord::from_degrees(at.lat, at.lon)
    }
}

/// The tags of one element, only the keys that streets and parking need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    /// Keeps all `pairs`.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Tags(pairs.into_iter().map(|(key, value)| (key.into(), value.trim().into())).collect())
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| &**have == key).map(|(_, value)| &**value)
    }

    /// Whether `key` has `value`.
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The first value among `keys`, the most special first.
    pub fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }
}

/// A way.
#[derive(Debug, Clone, Default)]
pub struct OsmWay {
    /// Its id.
    pub id: i64,
    /// Ids of its nodes, in order.
    pub nodes: Vec<i64>,
    /// Its tags.
    pub tags: Tags,
}

/// What a member of a relation is.
pub use osmpbf::RelMemberType as MemberKind;

/// A member of a relation.
#[derive(Debug, Clone)]
pub struct OsmMember {
    /// What it is.
    pub kind: MemberKind,
    /// Its id.
    pub id: i64,
    /// Its role; often empty.
    pub role: Box<str>,
}

/// A relation.
#[derive(Debug, Clone, Default)]
pub struct OsmRelation {
    /// Its id.
    pub id: i64,
    /// Its members, in order.
    pub members: Vec<OsmMember>,
    /// Its tags.
    pub tags: Tags,
}

/// What was read: the ways and relations that matter, and the nodes they need.
#[derive(Debug, Clone, Default)]
pub struct OsmData {
    /// Positions of nodes, by id.
    pub nodes: FxHashMap<i64, Coord>,
    /// Of nodes that have any that matter.
    pub node_tags: FxHashMap<i64, Tags>,
    /// By id.
    pub ways: Vec<OsmWay>,
    /// By id.
    pub relations: Vec<OsmRelation>,
    /// What has a name or a house number and is no street, by id.
    pub places: Vec<places::OsmPlace>,
    /// Problems of the data, as sentences.
    pub problems: Vec<String>,
}

/// Whether streets or parking may be made of a way (or of a multipolygon).
pub(super) fn way_matters(tags: &Tags) -> bool {
    tags.get("highway").is_some()
        || tags.is("route", "ferry")
        // Of a crossing whose relation says that it is a ferry.
        || tags.is("seamark:type", "ferry_route")
        || tags.is("railway", "platform")
        || tags.is("public_transport", "platform")
        || tags.is("man_made", "pier")
        || is_parking(tags)
}

/// Whether it is a place to leave a car or a bicycle.
pub(super) fn is_parking(tags: &Tags) -> bool {
    matches!(tags.get("amenity"), Some("parking" | "bicycle_parking"))
        || tags.get("park_ride").is_some_and(|value| value != "no") && tags.get("highway").is_none()
}

pub(super) fn relation_matters(tags: &Tags) -> bool {
    match tags.get("type") {
        Some("restriction") => true,
        Some(kind) if kind.starts_with("restriction:") => true,
        Some("multipolygon") => is_parking(tags) || tags.get("highway").is_some(),
        Some("route") => tags.is("route", "ferry"),
        Some("site") => is_parking(tags) || tags.is("site", "parking"),
        _ => false,
    }
}
