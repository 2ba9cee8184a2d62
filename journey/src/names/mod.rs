//! Names of an area: towns, streets with their houses, and points of interest of the extract, stops of the timetable.

mod houses;
mod pois;
mod stops;
mod streets;
mod towns;

#[cfg(test)]
mod tests;

use domain::geo::LatLon;
use place_search::{Index, Place};

use crate::streets::osm::{Coord, OsmData};
use crate::timetable::Timetable;
use towns::Towns;

/// The index of all names.
pub fn index(data: &OsmData, timetable: &Timetable) -> Index {
    let towns = Towns::new(&data.places);
    let mut places: Vec<Place> = towns.settlements(&data.places);
    let mut streets = streets::of(data, &towns);
    let postcodes = houses::add(&data.places, &towns, &mut streets);
    places.extend(streets.finish());
    places.extend(pois::of(&data.places, &towns, timetable.stop_count() > 0));
    places.extend(stops::of(timetable, &towns));
    Index::build(places, postcodes)
}

/// The middle of points.
fn middle(points: impl IntoIterator<Item = Coord>) -> Option<LatLon> {
    let (mut lat, mut lon, mut count) = (0.0, 0.0, 0.0);
    for at in points {
        let at = at.degrees();
        (lat, lon, count) = (lat + at.lat, lon + at.lon, count + 1.0);
    }
    (count > 0.0).then(|| LatLon { lat: lat / count, lon: lon / count })
}
