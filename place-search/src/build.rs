//! Makes an index of places.

use std::collections::BTreeMap;

use domain::geo::LatLon;
use fst::{Map, MapBuilder};
use rustc_hash::FxHashMap;

use crate::fold::{self, letters, name_words};
use crate::house::{Span, of_label};
use crate::index::{Entry, IN_TOWN, Index, Kind, NO_TOWN, Starts, Stored};

/// A place to be indexed.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// What it is; never [`Kind::Address`].
    pub kind: Kind,
    /// Its id for whoever asks.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Other names that it is found by.
    pub also: Vec<String>,
    /// Name of its municipality; empty: not known.
    pub town: String,
    /// A word for what it is, e.g. `pharmacy`.
    pub category: String,
    /// Where it is.
    pub at: LatLon,
    /// How well known it is, from 0: of two that fit as well the better known one comes first.
    pub rank: u8,
    /// Of a street: its houses.
    pub houses: Vec<House>,
    /// Of a street: points along it.
    pub course: Vec<LatLon>,
}

impl Place {
    /// A place of no special category, without houses and course.
    pub fn new(
        kind: Kind,
        id: impl Into<String>,
        name: impl Into<String>,
        town: impl Into<String>,
        at: LatLon,
    ) -> Self {
        Place {
            kind,
            id: id.into(),
            name: name.into(),
            also: Vec::new(),
            town: town.into(),
            category: String::new(),
            at,
            rank: 0,
            houses: Vec::new(),
            course: Vec::new(),
        }
    }
}

/// A house with a number.
#[derive(Debug, Clone, PartialEq)]
pub struct House {
    /// Its number as it is written.
    pub label: String,
    /// Where it is.
    pub at: LatLon,
}

/// Texts that get a number when they first come.
#[derive(Default)]
struct Numbers<'a>(FxHashMap<&'a str, u16>, Vec<&'a str>);

impl<'a> Numbers<'a> {
    /// The number of a text; [`NO_TOWN`] of the empty one, and where there are too many.
    fn of(&mut self, text: &'a str) -> u16 {
        if text.is_empty() {
            return NO_TOWN;
        }
        let next = u16::try_from(self.1.len()).unwrap_or(NO_TOWN);
        let number = *self.0.entry(text).or_insert(next);
        if number == next && next != NO_TOWN {
            self.1.push(text);
        }
        number
    }
}

impl Index {
    /// Indexes `places`. `town_words` are further words that stand for towns: name of the town, and its postcode or another
    /// name. A place without a name is left out.
    pub fn build(mut places: Vec<Place>, town_words: Vec<(String, String)>) -> Index {
        places.retain(|place| place.kind != Kind::Address && !fold::words(&place.name).is_empty());
        for place in &mut places {
            place.houses.retain(|house| of_label(&house.label).is_some());
            place.houses.sort_by_cached_key(|house| {
                (of_label(&house.label).map(|number| number.from), house.label.clone())
            });
            place.houses.dedup_by(|a, b| a.label == b.label);
        }
        let (mut towns, mut categories) = (Numbers::default(), Numbers::default());
        let mut words = Words::default();
        let mut stored = Stored::default();
        for (number, place) in (0..).zip(&places) {
            let town = towns.of(&place.town);
            let entry = Entry {
                kind: place.kind,
                rank: place.rank,
                letters: words.add(number, place),
                town,
                category: categories.of(&place.category),
                at: place.at.into(),
            };
            stored
                .starts
                .push(Starts { houses: stored.houses.len() as u32, course: stored.course.len() as u32 });
            stored.entries.push(entry);
            for house in &place.houses {
                let span = of_label(&house.label).map(|number| Span { from: number.from, to: number.to });
                stored.houses.extend(span);
                stored.house_points.push(house.at.into());
            }
            stored.course.extend(place.course.iter().map(|at| crate::point::Point::from(*at)));
        }
        stored.starts.push(Starts { houses: stored.houses.len() as u32, course: stored.course.len() as u32 });
        for (town, more) in &town_words {
            let number = towns.of(town);
            words.add_of_town(number, more);
        }
        for (number, town) in towns.1.iter().enumerate() {
            words.add_of_town(number as u16, town);
        }
        stored.house_labels =
            places.iter().flat_map(|place| &place.houses).map(|house| &house.label).collect();
        stored.names = places.iter().map(|place| &place.name).collect();
        stored.ids = places.iter().map(|place| &place.id).collect();
        stored.towns = towns.1.iter().collect();
        stored.categories = categories.1.iter().collect();
        words.finish(stored)
    }
}

/// Where each word stands.
#[derive(Default)]
struct Words {
    /// Word to the places that have it in their names.
    named: BTreeMap<String, Vec<u32>>,
    of_towns: BTreeMap<String, Vec<u16>>,
}

impl Words {
    /// Adds the names of a place; gives the letters of its main one.
    fn add(&mut self, number: u32, place: &Place) -> u8 {
        let own = name_words(&place.name);
        let town: Vec<String> = name_words(&place.town).parts;
        let is_of_town = |word: &String| town.contains(word);
        // The station of a town is called by its town alone at times.
        let is_all_town = own.parts.iter().all(is_of_town);
        let counted =
            own.parts.iter().filter(|word| is_all_town || !is_of_town(word)).map(|word| letters(word));
        let count = counted.fold(0u16, u16::saturating_add).clamp(1, u16::from(u8::MAX)) as u8;
        let also = place.also.iter().flat_map(|name| {
            let words = name_words(name);
            words.parts.into_iter().chain(words.others)
        });
        for word in own.parts.iter().cloned().chain(own.others).chain(also) {
            let flag = if !is_all_town && is_of_town(&word) { IN_TOWN } else { 0 };
            let places = self.named.entry(word).or_default();
            if places.last().is_none_or(|last| last & !IN_TOWN != number) {
                places.push(number | flag);
            }
        }
        count
    }

    fn add_of_town(&mut self, town: u16, name: &str) {
        if town == NO_TOWN {
            return;
        }
        let words = name_words(name);
        for word in words.parts.into_iter().chain(words.others) {
            self.of_towns.entry(word).or_default().push(town);
        }
    }

    fn finish(mut self, mut stored: Stored) -> Index {
        for word in self.of_towns.keys() {
            self.named.entry(word.clone()).or_default();
        }
        let mut map = MapBuilder::memory();
        for ((word, places), number) in self.named.iter().zip(0u32..) {
            // The words come sorted, each once: what could fail is writing to memory.
            if map.insert(word, u64::from(number)).is_err() {
                continue;
            }
            stored.named_starts.push(stored.named.len() as u32);
            stored.named.extend(places);
            let mut towns = self.of_towns.get(word).cloned().unwrap_or_default();
            towns.sort_unstable();
            towns.dedup();
            stored.town_words.extend(towns.into_iter().map(|town| (number, town)));
        }
        stored.named_starts.push(stored.named.len() as u32);
        stored.named_starts.shrink_to_fit();
        stored.named.shrink_to_fit();
        Index::of(stored, map.into_map())
    }
}

impl Index {
    fn of(stored: Stored, words: Map<Vec<u8>>) -> Index {
        Index { stored, words, spots: Default::default() }
    }
}
