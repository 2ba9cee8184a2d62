//! House numbers, at the streets that they name.

use place_search::House;
use rustc_hash::FxHashSet;

use super::middle;
use super::streets::Streets;
use super::towns::Towns;
use crate::streets::osm::places::OsmPlace;

/// A house is no farther from its street, metres.
const STREET_WITHIN_M: f64 = 500.0;

/// Adds the houses to their streets; a street or hamlet that only addresses name is added as well. Gives the postcodes that
/// stand in the addresses of each town.
pub(super) fn add(places: &[OsmPlace], towns: &Towns, streets: &mut Streets) -> Vec<(String, String)> {
    let mut postcodes: FxHashSet<(String, String)> = FxHashSet::default();
    for place in places {
        let tags = &place.tags;
        let named = tags.get("addr:housenumber").zip(tags.first(&["addr:street", "addr:place"]));
        let Some(((numbers, street), at)) = named.zip(middle(place.lines.iter().flatten().copied())) else {
            continue;
        };
        let town = towns.of(at, Some(tags));
        if let Some(postcode) = tags.get("addr:postcode").filter(|_| !town.is_empty()) {
            postcodes.insert((town.to_owned(), postcode.to_owned()));
        }
        let houses = numbers.split([';', ',']).map(|label| House { label: label.trim().to_owned(), at });
        match streets.find(street, town, at, STREET_WITHIN_M) {
            Some(street) => street.houses.extend(houses),
            None => streets.at(street, town, || place.id.clone()).houses.extend(houses),
        }
    }
    let mut postcodes: Vec<_> = postcodes.into_iter().collect();
    postcodes.sort_unstable();
    postcodes
}
