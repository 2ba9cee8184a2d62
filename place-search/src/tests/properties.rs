//! Whatever is in the index is found by its name, however it is spelt.

use domain::geo::LatLon;
use proptest::prelude::*;
use proptest::sample::{Index as Pick, select};

use super::{DUELMEN, ask, east};
use crate::fold::words;
use crate::{Index, Kind, Place, Question, folded};

const FIRST: [&str; 12] = [
    "Münster",
    "Lüdinghauser",
    "Coesfelder",
    "Große",
    "Nähe",
    "Buer",
    "Schöne",
    "Weiße",
    "Öl",
    "Café",
    "Neue",
    "Bauern",
];
const SECOND: [&str; 10] =
    ["straße", "weg", " Straße", " Platz", "markt", "hof", " Bf", " Allee", "-Schule", " 12"];
const TOWNS: [&str; 4] = ["Dülmen", "Lüdinghausen", "Coesfeld", "Nottuln"];

fn county(numbers: &[(usize, usize, usize)]) -> Vec<Place> {
    let place = |(n, (first, second, town)): (usize, &(usize, usize, usize))| {
        let name = format!("{}{}", FIRST[first % FIRST.len()], SECOND[second % SECOND.len()]);
        let kind = [Kind::Street, Kind::Poi, Kind::Stop][n % 3];
        Place::new(kind, format!("p{n}"), name, TOWNS[town % TOWNS.len()], east(DUELMEN, n as f64 * 150.0))
    };
    numbers.iter().enumerate().map(place).collect()
}

/// A letter more, less, another one, or two exchanged.
fn with_typo(word: &str, at: &Pick, kind: usize, letter: char) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at.index(letters.len());
    match kind {
        0 => letters.insert(at, letter),
        1 => drop(letters.remove(at)),
        2 => letters[at] = letter,
        _ => letters.swap(at, (at + 1) % word.chars().count()),
    }
    // Those at the ends are exchanged for no neighbours.
    if kind == 3 && at + 1 == word.chars().count() { word.to_owned() } else { letters.into_iter().collect() }
}

/// Whether a place is among the first hits near itself.
fn is_found(index: &Index, place: &Place, text: &str) -> bool {
    let near: Option<LatLon> = Some(place.at);
    index.search(&Question { near, limit: 5, ..ask(text) }).iter().any(|hit| hit.id == place.id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_place_is_found_by_its_name_folded_and_with_a_typo(
        numbers in prop::collection::vec((0usize..12, 0usize..10, 0usize..4), 1..60),
        which: Pick, at: Pick, word: Pick, kind in 0usize..4, letter in select(vec!['a', 'e', 'x', 'n']),
    ) {
        let places = county(&numbers);
        let index = Index::build(places.clone(), Vec::new());
        let place = &places[which.index(places.len())];
        let full = format!("{} {}", place.name, place.town);
        for text in [place.name.clone(), folded(&place.name), full.to_uppercase(), folded(&full)] {
            prop_assert!(is_found(&index, place, &text), "{} by {}", place.name, text);
        }
        let typed = words(&place.name);
        let long: Vec<&String> = typed.iter().filter(|word| word.chars().count() >= 5).collect();
        if !long.is_empty() {
            let right = long[word.index(long.len())];
            let wrong = with_typo(right, &at, kind, letter);
            let text: Vec<&str> = typed.iter().map(|word| if word == right { wrong.as_str() } else { word }).collect();
            prop_assert!(is_found(&index, place, &text.join(" ")), "{} by {}", place.name, text.join(" "));
        }
    }
}
