//! Positions are near their municipality: else they are swapped, mistyped, or of another layer.
//!
//! Where a municipality lies is known from its own `lat, lon`, else from most of its places, and from the Land
//! that its key begins with.

use std::collections::HashMap;

use domain::geo::{Bbox, LatLon};
use domain::holidays::Land;
use domain::place::Municipality;

use super::lands::extent;
use super::view::View;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

/// Largest distance of a place from the centre of its municipality, metres.
const MAX_DISTANCE_M: f64 = 300_000.0;

/// Farther than this is worth a look, metres: of a town, of a county.
const FAR_M: [f64; 2] = [30_000.0, 100_000.0];

/// How far outside of its Land a county may have a park-and-ride site, metres.
const OUTSIDE_M: f64 = 50_000.0;

/// Number of places from which their median is used.
const MIN_PLACES: usize = 3;

/// The location of a municipality.
struct Expected<'a> {
    municipality: &'a Municipality,
    /// Its own `lat, lon`.
    own: Option<LatLon>,
    /// The middle of its places, coordinate by coordinate: a few wrong ones do not move it.
    median: Option<LatLon>,
    land: Option<Bbox>,
}

/// Reports swapped and impossible positions.
pub(super) fn check(files: &PlaceFiles, view: &View, problems: &mut FileProblems) {
    let expected = expected(view);
    for Located { value, at } in &files.municipalities {
        let Some(of) = expected.get(value.slug.as_str()) else { continue };
        let Some(own) = of.own.filter(|own| of.is_outside_land(*own)) else { continue };
        if swapped(own).is_some_and(|p| !of.is_outside_land(p)) {
            let message = format!("lies {}, and lat and lon swapped lie in it", of.away_from_land(own));
            let remedy = format!("write lat {} and lon {}", own.lon, own.lat);
            problems.push(FileProblem::at(at, message, remedy).field("lat, lon"));
        }
    }
    for (position, slug, at) in places(files) {
        let Some(of) = expected.get(slug) else { continue };
        let name = view.municipality_name(slug);
        problems.extend(of.wrong(position, &name, at));
    }
}

/// Positions that are possible and unlikely.
pub(super) fn remarks(files: &PlaceFiles, view: &View, remarks: &mut FileProblems) {
    let expected = expected(view);
    for Located { value, at } in &files.municipalities {
        let Some(of) = expected.get(value.slug.as_str()) else { continue };
        if let Some(own) = of.own.filter(|own| of.is_outside_land(*own)) {
            let message = format!("lies {}", of.away_from_land(own));
            remarks.push(FileProblem::at(at, message, "correct lat and lon, or the key").field("lat, lon"));
        }
    }
    for (position, slug, at) in places(files) {
        let Some(of) = expected.get(slug) else { continue };
        let name = view.municipality_name(slug);
        remarks.extend(of.unlikely(position, &name).map(|message| {
            let remedy = format!(
                "look whether the position, and 'municipality', are right; '{slug}' may state lat and lon"
            );
            FileProblem::at(at, message, remedy).field("geometry")
        }));
    }
}

fn places(files: &PlaceFiles) -> impl Iterator<Item = (LatLon, &str, &Location)> {
    let sites = files.sites.iter().map(|s| (s.value.position(), &*s.value.municipality, &s.at));
    let areas = files
        .on_demand_areas
        .iter()
        .filter_map(|a| Some((a.value.position()?, &*a.value.municipality, &a.at)));
    sites.chain(files.bays.iter().map(|b| (b.value.position(), &*b.value.municipality, &b.at))).chain(areas)
}

fn expected<'a>(view: &View<'a>) -> HashMap<&'a str, Expected<'a>> {
    let mut positions: HashMap<&str, Vec<LatLon>> = HashMap::new();
    let sites = view.sites.values().map(|s| (&*s.municipality, s.position()));
    for (slug, position) in sites.chain(view.bays.values().map(|b| (&*b.municipality, b.position()))) {
        positions.entry(slug).or_default().push(position);
    }
    let of = |(slug, municipality): (&&'a str, &&'a Municipality)| {
        let own = municipality.lat.zip(municipality.lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
        let places = positions.get(slug).filter(|places| places.len() >= MIN_PLACES);
        let land = Land::of_ags(&municipality.ags).map(extent);
        (*slug, Expected { municipality, own, median: places.map(|p| median(p)), land })
    };
    view.municipalities.iter().map(of).collect()
}

fn median(places: &[LatLon]) -> LatLon {
    let middle = |coordinate: fn(&LatLon) -> f64| {
        let mut values: Vec<f64> = places.iter().map(coordinate).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    LatLon { lat: middle(|p| p.lat), lon: middle(|p| p.lon) }
}

fn swapped(p: LatLon) -> Option<LatLon> {
    LatLon::new(p.lon, p.lat)
}

/// The nearest point of the box.
fn clamped(p: LatLon, to: Bbox) -> LatLon {
    LatLon { lat: p.lat.clamp(to.south, to.north), lon: p.lon.clamp(to.west, to.east) }
}

impl Expected<'_> {
    fn outside_land_m(&self, p: LatLon) -> f64 {
        self.land.map_or(0.0, |land| p.distance_m(clamped(p, land)))
    }

    fn is_outside_land(&self, p: LatLon) -> bool {
        self.outside_land_m(p) > OUTSIDE_M
    }

    fn away_from_land(&self, p: LatLon) -> String {
        let key = self.municipality.ags.get(..2).unwrap_or_default();
        format!("{:.0} km outside of the Land of key {key}", self.outside_land_m(p) / 1000.0)
    }

    fn wrong(&self, position: LatLon, name: &str, at: &Location) -> Option<FileProblem> {
        let too_far = |p: LatLon| match self.own.or(self.median) {
            Some(middle) => p.distance_m(middle) > MAX_DISTANCE_M,
            None => self.is_outside_land(p),
        };
        let is_swapped = || {
            let swapped = swapped(position);
            // A whole file of swapped positions has its middle in the wrong place.
            let by_land = self.is_outside_land(position) && swapped.is_some_and(|p| !self.is_outside_land(p));
            by_land && self.own.is_none() || too_far(position) && swapped.is_some_and(|p| !too_far(p))
        };
        let slug = &self.municipality.slug;
        let remedy = if is_swapped() {
            "longitude and latitude are swapped: GeoJSON is [lon, lat]".to_owned()
        } else if self.own.is_some() && too_far(position) {
            format!("correct the position, or lat and lon of '{slug}' in municipalities.csv")
        } else {
            return None;
        };
        let away = match self.own {
            Some(own) => format!("{:.0} km away from {name}", position.distance_m(own) / 1000.0),
            None if self.is_outside_land(position) => {
                format!("{}, where {name} is", self.away_from_land(position))
            }
            None => format!("far from the other places of {name}"),
        };
        let message = format!("[{}, {}] lies {away}", position.lon, position.lat);
        Some(FileProblem::at(at, message, remedy).field("geometry"))
    }

    fn unlikely(&self, position: LatLon, name: &str) -> Option<String> {
        let far_m = FAR_M[usize::from(self.municipality.is_county())];
        let [lon, lat] = [position.lon, position.lat];
        if let Some(middle) = self.own.or(self.median) {
            let away_m = position.distance_m(middle);
            let from = if self.own.is_some() { name.to_owned() } else { format!("most places of {name}") };
            return (away_m > far_m)
                .then(|| format!("[{lon}, {lat}] lies {:.0} km away from {from}", away_m / 1000.0));
        }
        self.is_outside_land(position)
            .then(|| format!("[{lon}, {lat}] lies {}, where {name} is", self.away_from_land(position)))
    }
}
