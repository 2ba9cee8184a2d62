//! In which municipality a point lies.

use domain::geo::{Bbox, LatLon};
use place_search::{Kind, Place};
use rstar::RTree;
use rstar::primitives::GeomWithData;
use rustc_hash::{FxHashMap, FxHashSet};

use super::middle;
use crate::streets::osm::places::{OsmPlace, is_border, is_settlement};
use crate::streets::osm::{Coord, Tags};

/// A ring has at least three corners, and ends where it begins.
const LEAST_RING: usize = 4;

/// The border of a municipality.
struct Border {
    name: String,
    rings: Vec<Vec<Coord>>,
    bounds: Bbox,
}

impl Border {
    /// `None`: the extract has cut it off.
    fn new(place: &OsmPlace) -> Option<Border> {
        let is_ring = |ring: &Vec<Coord>| ring.len() >= LEAST_RING && ring.first() == ring.last();
        let first = place.lines.first()?.first()?.degrees();
        let all = place.lines.iter().flatten();
        place.lines.iter().all(is_ring).then(|| Border {
            name: place.tags.get("name").unwrap_or_default().to_owned(),
            rings: place.lines.clone(),
            bounds: all.fold(Bbox::of(first), |bounds, at| bounds.extended(at.degrees())),
        })
    }

    /// Whether a point lies inside (even-odd rule over all rings).
    fn contains(&self, at: LatLon) -> bool {
        if !self.bounds.contains(at) {
            return false;
        }
        let at = Coord::from(at);
        let (lat, lon) = (i64::from(at.lat), i64::from(at.lon));
        let crosses = |pair: &&[Coord]| {
            let [a, b] = [pair[0], pair[1]].map(|c| (i64::from(c.lat), i64::from(c.lon)));
            let side =
                |(a, b): ((i64, i64), (i64, i64))| (lon - a.1) * (b.0 - a.0) < (b.1 - a.1) * (lat - a.0);
            (a.0 > lat) != (b.0 > lat) && side(if a.0 < b.0 { (a, b) } else { (b, a) })
        };
        self.rings.iter().flat_map(|ring| ring.windows(2)).filter(crosses).count() % 2 == 1
    }
}

/// A point whose town is known, in units of [`Coord`] on a plane.
type Witness = GeomWithData<[f64; 2], u32>;

/// See the module's description.
pub(super) struct Towns {
    borders: Vec<Border>,
    /// Towns and villages, and addresses that name their town.
    witnesses: RTree<Witness>,
    names: Vec<String>,
}

impl Towns {
    pub fn new(places: &[OsmPlace]) -> Towns {
        let towns = places.iter().filter(|place| is_town(&place.tags));
        let called: FxHashSet<&str> = towns.clone().filter_map(|town| town.tags.get("name")).collect();
        // A city that is a county of its own has no border of a municipality.
        let is_own = |place: &&OsmPlace| {
            is_border(&place.tags)
                && (place.tags.is("admin_level", "8")
                    || place.tags.get("name").is_some_and(|name| called.contains(name)))
        };
        let mut borders: Vec<&OsmPlace> = places.iter().filter(is_own).collect();
        borders.sort_by_key(|border| border.tags.is("admin_level", "6"));
        let borders: Vec<Border> = borders.into_iter().filter_map(Border::new).collect();
        let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
        let mut witnesses = Vec::new();
        for place in places {
            let stated = stated_town(&place.tags).filter(|_| place.tags.get("addr:housenumber").is_some());
            let own = place.tags.get("name").filter(|_| is_town(&place.tags));
            let at = middle(place.lines.iter().flatten().copied());
            if let Some((name, at)) = own.or(stated).zip(at) {
                let next = numbers.len() as u32;
                witnesses.push(GeomWithData::new(on_plane(at), *numbers.entry(name).or_insert(next)));
            }
        }
        let mut names: Vec<(u32, &str)> = numbers.into_iter().map(|(name, number)| (number, name)).collect();
        names.sort_unstable();
        let names = names.into_iter().map(|(_, name)| name.to_owned()).collect();
        Towns { borders, witnesses: RTree::bulk_load(witnesses), names }
    }

    /// The town of a point: by the borders, else what the element itself says, else the nearest one that is known.
    /// Empty: nothing is known of any town.
    pub fn of<'a>(&'a self, at: LatLon, tags: Option<&'a Tags>) -> &'a str {
        let inside =
            self.borders.iter().find(|border| border.contains(at)).map(|border| border.name.as_str());
        let nearest = || {
            let witness = self.witnesses.nearest_neighbor(&on_plane(at))?;
            self.names.get(witness.data as usize).map(String::as_str)
        };
        inside.or_else(|| stated_town(tags?)).or_else(nearest).unwrap_or_default()
    }

    /// Municipalities and the villages and quarters in them, each name once in its municipality.
    pub fn settlements(&self, places: &[OsmPlace]) -> Vec<Place> {
        let mut found: FxHashMap<(String, String), Place> = FxHashMap::default();
        let named = places.iter().filter(|place| is_settlement(&place.tags) || is_border(&place.tags));
        for place in named {
            let Some((name, at)) = place.tags.get("name").zip(middle(place.lines.iter().flatten().copied()))
            else {
                continue;
            };
            let is_municipality =
                self.borders.iter().any(|border| border.name == name && border.contains(at));
            if is_border(&place.tags) && !is_municipality {
                continue;
            }
            let town = if is_municipality { name } else { self.of(at, None) };
            let town = if town.is_empty() { name } else { town };
            let (category, rank) = match place.tags.get("place") {
                _ if is_municipality => ("municipality", 3),
                Some("city" | "town" | "municipality") => ("town", 3),
                Some("village") => ("village", 2),
                Some("hamlet" | "isolated_dwelling") => ("hamlet", 0),
                _ => ("quarter", 1),
            };
            let new = Place {
                category: category.to_owned(),
                rank,
                also: other_names(&place.tags),
                ..Place::new(Kind::Town, &*place.id, name, town, at)
            };
            // Where it is shown is better known of the point than of the border.
            let known =
                found.entry((place_search::folded(name), town.to_owned())).or_insert_with(|| new.clone());
            if place.id.starts_with("node/") && !known.id.starts_with("node/") {
                *known = new;
            }
        }
        let mut found: Vec<Place> = found.into_values().collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }
}

/// A place that others may be said to lie in.
fn is_town(tags: &Tags) -> bool {
    matches!(tags.get("place"), Some("city" | "town" | "municipality" | "village"))
}

/// The town that an element names itself.
fn stated_town(tags: &Tags) -> Option<&str> {
    let is_in = || tags.get("is_in").and_then(|list| list.split([',', ';']).next());
    tags.first(&["addr:city", "is_in:city"]).or_else(is_in).map(str::trim).filter(|name| !name.is_empty())
}

/// Other names of an element.
pub(super) fn other_names(tags: &Tags) -> Vec<String> {
    let keys = ["alt_name", "short_name", "official_name", "old_name"];
    let values = keys.iter().filter_map(|key| tags.get(key));
    values.flat_map(|value| value.split(';')).map(|name| name.trim().to_owned()).collect()
}

/// Degrees, of equal length in both directions at the latitude of the point.
fn on_plane(at: LatLon) -> [f64; 2] {
    [at.lat, at.lon * at.lat.to_radians().cos()]
}
