//! Streets: one for each name in a town, however many ways it is cut into.

use std::collections::BTreeMap;

use domain::geo::{LatLon, Ruler};
use place_search::{House, Kind, Place, folded};
use rustc_hash::FxHashMap;

use super::middle;
use super::towns::Towns;
use crate::streets::osm::{Coord, OsmData};

/// Points along a street are at most so far apart, metres.
const SPACING_M: f64 = 50.0;

/// Values of `highway` that are no street, or none any more.
const NO_STREET: [&str; 7] =
    ["platform", "proposed", "construction", "razed", "abandoned", "rest_area", "services"];

/// A street, as it grows.
pub(super) struct Street {
    id: String,
    name: String,
    town: String,
    course: Vec<LatLon>,
    pub houses: Vec<House>,
}

/// Streets by folded name and town.
#[derive(Default)]
pub(super) struct Streets {
    all: Vec<Street>,
    by_name: FxHashMap<String, BTreeMap<String, usize>>,
}

/// The named streets of an extract.
pub(super) fn of(data: &OsmData, towns: &Towns) -> Streets {
    let mut streets = Streets::default();
    // Ways come by id: a street has the id of its first one.
    for way in &data.ways {
        let is_street = way.tags.get("highway").is_some_and(|kind| !NO_STREET.contains(&kind));
        let Some(name) = way.tags.get("name").filter(|name| is_street && !folded(name).is_empty()) else {
            continue;
        };
        let points: Vec<Coord> = way.nodes.iter().filter_map(|node| data.nodes.get(node).copied()).collect();
        let halves = [points.len().saturating_sub(1) / 2, points.len() / 2];
        let Some(at) = middle(halves.iter().filter_map(|half| points.get(*half).copied())) else { continue };
        let town = towns.of(at, None);
        let street = streets.at(name, town, || format!("way/{}", way.id));
        street.course.extend(spaced(&points));
    }
    streets
}

impl Streets {
    /// The street of this name in a town; made if it is not there.
    pub fn at(&mut self, name: &str, town: &str, id: impl FnOnce() -> String) -> &mut Street {
        let next = self.all.len();
        let number = *self.by_name.entry(folded(name)).or_default().entry(town.to_owned()).or_insert(next);
        if number == next {
            let (name, town) = (name.to_owned(), town.to_owned());
            self.all.push(Street { id: id(), name, town, course: Vec::new(), houses: Vec::new() });
        }
        &mut self.all[number]
    }

    /// The street of this name in a town, or the one that passes within `within_m` of a point: borders and addresses may
    /// contradict each other.
    pub fn find(&mut self, name: &str, town: &str, at: LatLon, within_m: f64) -> Option<&mut Street> {
        let same = self.by_name.get(&folded(name))?;
        let away_m = |number: usize| {
            let ruler = Ruler::at(at);
            self.all[number].course.iter().map(|point| ruler.distance_m(*point)).fold(f64::INFINITY, f64::min)
        };
        let near = || same.values().copied().min_by(|a, b| away_m(*a).total_cmp(&away_m(*b)));
        let number =
            same.get(town).copied().or_else(|| near().filter(|number| away_m(*number) <= within_m))?;
        self.all.get_mut(number)
    }

    /// All of them as places.
    pub fn finish(self) -> impl Iterator<Item = Place> {
        self.all.into_iter().filter_map(|street| {
            let all = street.course.iter().copied().chain(street.houses.iter().map(|house| house.at));
            let centre = middle(all.clone().map(Coord::from))?;
            // A point on the street, not one between its bends.
            let at = all.min_by(|a, b| a.distance_m(centre).total_cmp(&b.distance_m(centre)))?;
            Some(Place {
                houses: street.houses,
                course: street.course,
                ..Place::new(Kind::Street, street.id, street.name, street.town, at)
            })
        })
    }
}

/// Points along a line, as far apart as they may be.
fn spaced(line: &[Coord]) -> Vec<LatLon> {
    let mut points: Vec<LatLon> = line.first().map(|at| at.degrees()).into_iter().collect();
    for pair in line.windows(2) {
        let (from, to) = (pair[0].degrees(), pair[1].degrees());
        let away_m = points.last().map_or(0.0, |last| last.distance_m(to));
        if away_m < SPACING_M / 2.0 {
            continue;
        }
        let pieces = (from.distance_m(to) / SPACING_M).ceil().max(1.0);
        let step = |n: u32| {
            let share = f64::from(n) / pieces;
            LatLon {
                lat: from.lat + (to.lat - from.lat) * share,
                lon: from.lon + (to.lon - from.lon) * share,
            }
        };
        points.extend((1..=pieces as u32).map(step));
    }
    points
}
