//! The index: what is stored, and what is made of it when it is read.

use std::fmt;
use std::sync::OnceLock;

use domain::geo::LatLon;
use fst::Map;
use rstar::RTree;
use serde::{Deserialize, Serialize};

use crate::fold;
use crate::house::Span;
use crate::point::{Point, Spot};
use crate::texts::Texts;

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// A municipality, or a village or quarter in one.
    Town,
    /// A station, or a stop that belongs to none.
    Stop,
    /// A parking site.
    Site,
    /// A house in a street; made of a street and a number, never an entry of its own.
    Address,
    /// A street, square or hamlet that houses are numbered in.
    Street,
    /// A point of interest.
    Poi,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [Kind::Address, Kind::Street, Kind::Stop, Kind::Site, Kind::Town, Kind::Poi];

    /// Its word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Town => "town",
            Kind::Stop => "stop",
            Kind::Site => "site",
            Kind::Address => "address",
            Kind::Street => "street",
            Kind::Poi => "poi",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Kinds = Kinds(u8::MAX);

    /// Whether a kind is among them.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Kinds(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as u8))
    }
}

/// No town is known.
pub(crate) const NO_TOWN: u16 = u16::MAX;

/// Where the houses and the course of an entry begin; they end where those of the next begin.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Starts {
    pub houses: u32,
    pub course: u32,
}

/// A place.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub kind: Kind,
    /// How well known it is, from 0.
    pub rank: u8,
    /// Letters of its name, without those of its town.
    pub letters: u8,
    pub town: u16,
    pub category: u16,
    pub at: Point,
}

/// Places by name and position. Immutable: share it in an `Arc`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Index {
    pub(crate) stored: Stored,
    /// The words, each with its number.
    pub(crate) words: Map<Vec<u8>>,
    /// Made when it is first used.
    pub(crate) spots: OnceLock<RTree<Spot>>,
}

/// What is stored of an index.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The words, sorted, as an `fst`.
    pub words: Vec<u8>,
    /// By word: where the places that have it in their names begin in `named`, and one more.
    pub named_starts: Vec<u32>,
    /// Numbers of places, see [`IN_TOWN`].
    pub named: Vec<u32>,
    /// Words that stand for a town: its name, its postcodes; sorted.
    pub town_words: Vec<(u32, u16)>,
    pub towns: Texts,
    pub categories: Texts,
    pub entries: Vec<Entry>,
    pub names: Texts,
    pub ids: Texts,
    /// By entry, and one more.
    pub starts: Vec<Starts>,
    pub houses: Vec<Span>,
    pub house_labels: Texts,
    pub house_points: Vec<Point>,
    /// Points of streets, near enough to each other to say how far off a street is.
    pub course: Vec<Point>,
}

/// In [`Stored::named`]: the word belongs to the name of the place's own town, and its letters do not count.
pub(crate) const IN_TOWN: u32 = 1 << 31;

impl TryFrom<Stored> for Index {
    type Error = &'static str;

    fn try_from(mut stored: Stored) -> Result<Self, Self::Error> {
        let words = Map::new(std::mem::take(&mut stored.words)).map_err(|_| "the words are damaged")?;
        if !stored.is_sound(words.len()) {
            return Err("its parts contradict each other");
        }
        Ok(Index { stored, words, spots: OnceLock::new() })
    }
}

impl From<Index> for Stored {
    fn from(index: Index) -> Self {
        Stored { words: index.words.into_fst().into_inner(), ..index.stored }
    }
}

impl Stored {
    /// Whether all numbers point to something.
    fn is_sound(&self, words: usize) -> bool {
        let entries = self.entries.len();
        let ends = self.starts.last().is_some_and(|last| {
            last.houses as usize == self.houses.len() && last.course as usize == self.course.len()
        });
        self.named_starts.len() == words + 1
            && self.named_starts.is_sorted()
            && self.named_starts.last().is_some_and(|end| *end as usize == self.named.len())
            && self.named.iter().all(|named| ((named & !IN_TOWN) as usize) < entries)
            && self.town_words.is_sorted()
            && self.town_words.iter().all(|(_, town)| usize::from(*town) < self.towns.len())
            && self.names.len() == entries
            && self.ids.len() == entries
            && self.starts.len() == entries + 1
            && self.starts.is_sorted_by_key(|starts| starts.houses)
            && self.starts.is_sorted_by_key(|starts| starts.course)
            && ends
            && self.house_labels.len() == self.houses.len()
            && self.house_points.len() == self.houses.len()
            && self.entries.iter().all(|entry| {
                entry.kind != Kind::Address
                    && (entry.town == NO_TOWN || usize::from(entry.town) < self.towns.len())
            })
    }
}

impl Default for Index {
    fn default() -> Self {
        Index::build(Vec::new(), Vec::new())
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index of {} places and {} houses", self.len(), self.houses())
    }
}

impl Index {
    /// How many places there are, without houses.
    pub fn len(&self) -> usize {
        self.stored.entries.len()
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.stored.entries.is_empty()
    }

    /// How many houses have a number.
    pub fn houses(&self) -> usize {
        self.stored.houses.len()
    }

    /// How many words there are.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// How many places are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.stored.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// Bytes in memory, with the index by position if it was used.
    pub fn bytes(&self) -> usize {
        let of = &self.stored;
        let spots = self.spots.get().map_or(0, RTree::size);
        self.words.as_fst().as_bytes().len()
            + size_of_val(&of.named_starts[..])
            + size_of_val(&of.named[..])
            + size_of_val(&of.town_words[..])
            + size_of_val(&of.entries[..])
            + size_of_val(&of.starts[..])
            + size_of_val(&of.houses[..])
            + size_of_val(&of.house_points[..])
            + size_of_val(&of.course[..])
            + [&of.towns, &of.categories, &of.names, &of.ids, &of.house_labels]
                .map(Texts::bytes)
                .iter()
                .sum::<usize>()
            + spots * rstar_bytes_per_spot()
    }

    /// Where the town with this name is; names are compared folded.
    pub fn town_at(&self, name: &str) -> Option<LatLon> {
        let wanted = fold::folded(name);
        let towns = self.stored.entries.iter().enumerate().filter(|(_, entry)| entry.kind == Kind::Town);
        let named = towns.filter(|(number, _)| fold::folded(self.stored.names.get(*number)) == wanted);
        named.max_by_key(|(_, entry)| entry.rank).map(|(_, entry)| entry.at.into())
    }

    /// Everything by position.
    pub(crate) fn spots(&self) -> &RTree<Spot> {
        self.spots.get_or_init(|| self.indexed_spots())
    }

    /// Name of a place's town; empty: not known.
    pub(crate) fn town_of(&self, entry: &Entry) -> &str {
        self.stored.towns.get(usize::from(entry.town))
    }

    /// Numbers of an entry's houses.
    pub(crate) fn houses_of(&self, number: usize) -> std::ops::Range<usize> {
        match self.stored.starts.get(number..=number + 1) {
            Some([from, to]) => from.houses as usize..to.houses as usize,
            _ => 0..0,
        }
    }
}

/// A tree of points keeps each in a node as large as its inner ones.
const fn rstar_bytes_per_spot() -> usize {
    const INNER_BYTES: usize = size_of::<rstar::AABB<[f32; 2]>>() + size_of::<Vec<Spot>>();
    INNER_BYTES + INNER_BYTES / 6
}
