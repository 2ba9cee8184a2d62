//! Points of interest: what has a name and is looked for by it.

use domain::geo::LatLon;
use place_search::{Kind, Place, folded};
use rustc_hash::FxHashMap;

use super::middle;
use super::towns::{Towns, other_names};
use crate::streets::osm::places::{OsmPlace, poi_kind};

/// Two of one name and kind within this distance are one, mapped twice, metres.
const SAME_WITHIN_M: f64 = 200.0;

/// What a town has few of, and most people look for.
const WELL_KNOWN: [&str; 7] =
    ["townhall", "hospital", "university", "station", "bus_station", "school", "library"];

/// The points of interest of an extract; stations only where no timetable has them.
pub(super) fn of(places: &[OsmPlace], towns: &Towns, has_stops: bool) -> Vec<Place> {
    let mut found: Vec<Place> = Vec::new();
    let mut known: FxHashMap<(String, String), Vec<LatLon>> = FxHashMap::default();
    for place in places {
        let tags = &place.tags;
        let Some((name, kind)) = tags.get("name").zip(poi_kind(tags)) else { continue };
        let is_stop = tags.get("railway").is_some() || kind == "bus_station";
        let at = middle(place.lines.iter().flatten().copied()).filter(|_| !(has_stops && is_stop));
        let Some(at) = at else { continue };
        let same = known.entry((folded(name), kind.to_owned())).or_default();
        if same.iter().any(|other| other.distance_m(at) < SAME_WITHIN_M) {
            continue;
        }
        same.push(at);
        found.push(Place {
            category: kind.to_owned(),
            rank: u8::from(WELL_KNOWN.contains(&kind)),
            also: other_names(tags),
            ..Place::new(Kind::Poi, &*place.id, name, towns.of(at, Some(tags)), at)
        });
    }
    found
}
