//! The same answers from going through all names one by one.

use proptest::prelude::*;
use strsim::osa_distance;

use super::{DUELMEN, ask};
use crate::fold::{forms, name_words, words};
use crate::{Index, Kind, Kinds, Place, Question};

fn fits_word(form: &str, word: &str, is_last: bool) -> bool {
    let may_have_typo = form.chars().count() >= 4 && !form.contains(|c: char| c.is_numeric());
    let within = |candidate: &str| {
        if may_have_typo { osa_distance(form, candidate) <= 1 } else { form == candidate }
    };
    let prefixes = word.char_indices().map(|(at, c)| &word[..at + c.len_utf8()]);
    within(word) || is_last && prefixes.into_iter().any(within)
}

/// Whether all words but `missing` fit the name or the town, one of them the name.
fn fits(place: &Place, text: &str, missing: usize) -> bool {
    let all = |name: &str| {
        let words = name_words(name);
        [words.parts, words.others].concat()
    };
    let (name, town) = (all(&place.name), all(&place.town));
    let typed = words(text);
    let last = typed.len() - 1;
    let any = |of: &[String], at: usize, word: &str| {
        forms(word).iter().any(|form| of.iter().any(|known| fits_word(form, known, at == last)))
    };
    let of_name = typed.iter().enumerate().filter(|(at, word)| any(&name, *at, word)).count();
    let open = typed
        .iter()
        .enumerate()
        .filter(|(at, word)| !any(&name, *at, word) && !any(&town, *at, word))
        .count();
    of_name > 0 && open == missing
}

fn naive(places: &[Place], text: &str) -> Vec<String> {
    let most = usize::from(words(text).len() > 1);
    let with = |missing| {
        let fitting = places.iter().filter(|place| fits(place, text, missing));
        let mut ids: Vec<String> = fitting.map(|place| place.id.clone()).collect();
        ids.sort();
        ids
    };
    (0..=most).map(with).find(|ids| !ids.is_empty()).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_finds_what_going_through_all_names_finds(
        names in prop::collection::vec("[abeu]{2,6}( [abeu]{1,5}| str| weg)?", 1..12),
        towns in prop::collection::vec("[abe]{3,5}", 1..4),
        typed in "[abeu]{1,6}( [abeu]{1,5}){0,2}",
    ) {
        let place = |(n, name): (usize, &String)| Place::new(
            [Kind::Poi, Kind::Stop, Kind::Town][n % 3], format!("p{n}"), name.as_str(), towns[n % towns.len()].as_str(), DUELMEN,
        );
        let places: Vec<Place> = names.iter().enumerate().map(place).collect();
        let index = Index::build(places.clone(), Vec::new());
        let hits = index.search(&Question { limit: 1_000, kinds: Kinds::ALL, ..ask(&typed) });
        let mut ids: Vec<String> = hits.iter().map(|hit| hit.id.to_owned()).collect();
        ids.sort();
        prop_assert_eq!(ids, naive(&places, &typed), "{}", typed);
        prop_assert!(hits.is_sorted_by(|a, b| a.cost <= b.cost));
    }
}
