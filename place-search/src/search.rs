//! Places by what people type.

use std::cmp::Ordering;

use domain::geo::{LatLon, Ruler};

use crate::house::{self, Number};
use crate::index::{Entry, IN_TOWN, Index, Kind, Kinds};
use crate::rank::{Fit, HouseFit, distance_cost, text_cost};
use crate::terms::{MOST_WORDS, Term, Word, words_of};

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// What was typed; the last word may be incomplete.
    pub text: &'q str,
    /// Where it is likely to be.
    pub near: Option<LatLon>,
    /// What is wanted.
    pub kinds: Kinds,
    /// How many hits at most.
    pub limit: usize,
}

/// What became of the house number in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HouseFound<'i> {
    /// None was asked for.
    NotAsked,
    /// It is there.
    Is(&'i str),
    /// The nearest that there is instead.
    Nearest(&'i str),
    /// There is none near it: the street is the hit.
    None,
}

/// A place that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit<'i> {
    /// What it is.
    pub kind: Kind,
    /// Id of the place; of an address that of its street.
    pub id: &'i str,
    /// Name of the place; of an address that of its street.
    pub name: &'i str,
    /// Name of its municipality; empty: not known.
    pub town: &'i str,
    /// A word for what it is; may be empty.
    pub category: &'i str,
    /// Where it is.
    pub at: LatLon,
    /// Metres from the point that was asked about.
    pub distance_m: Option<f64>,
    /// What became of the house number.
    pub house: HouseFound<'i>,
    /// How badly it fits: to be compared between indexes.
    pub cost: f32,
}

/// How far a place fits: which words of the question its name has.
#[derive(Clone, Copy, Default)]
struct Slot {
    letters: u16,
    words: u8,
    typos: u8,
}

/// A number for each place or house that fits.
struct Candidate {
    cost: f32,
    entry: u32,
    house: HouseChoice,
}

#[derive(Clone, Copy)]
enum HouseChoice {
    NotAsked,
    Is(usize),
    Nearest(usize),
    None,
}

impl Index {
    /// Places that fit, the best first. All words must fit the name, the town or the number of a house; where nothing fits
    /// so, all but one.
    pub fn search(&self, question: &Question<'_>) -> Vec<Hit<'_>> {
        let words = words_of(question.text);
        if words.is_empty() || question.limit == 0 {
            return Vec::new();
        }
        let terms: Vec<Vec<Term>> = words.iter().map(|word| self.terms(word)).collect();
        let ruler = question.near.map(Ruler::at);
        let fits = self.fits(&terms);
        let most_missing = usize::from(words.len() > 1);
        let mut found = Vec::new();
        for missing in 0..=most_missing {
            found = self.candidates(&fits, &words, missing as u32, question, ruler.as_ref());
            if !found.is_empty() {
                break;
            }
        }
        found.iter().map(|candidate| self.hit(candidate, ruler.as_ref())).collect()
    }

    /// Of each place whose name has a word of the question, which ones.
    fn fits(&self, terms: &[Vec<Term>]) -> Fits {
        let mut slots = vec![Slot::default(); self.len()];
        let mut touched = Vec::new();
        let towns = terms.iter().map(|terms| self.towns_of(terms)).collect();
        for (bit, terms) in terms.iter().enumerate() {
            let bit = 1 << bit;
            // The best come first: what a word has found already it finds no worse.
            for term in terms {
                for named in self.named(term.word) {
                    let entry = named & !IN_TOWN;
                    let slot = &mut slots[entry as usize];
                    if slot.words & bit != 0 {
                        continue;
                    }
                    if slot.words == 0 {
                        touched.push(entry);
                    }
                    slot.words |= bit;
                    slot.typos += term.typos;
                    slot.letters =
                        slot.letters.saturating_add(if named & IN_TOWN == 0 { term.letters } else { 0 });
                }
            }
        }
        Fits { slots, touched, towns }
    }

    /// Places that have a word in their names.
    fn named(&self, word: u32) -> impl Iterator<Item = u32> + '_ {
        let of = &self.stored;
        let range = match of.named_starts.get(word as usize..=word as usize + 1) {
            Some([from, to]) => *from as usize..*to as usize,
            _ => 0..0,
        };
        of.named[range].iter().copied()
    }

    /// Towns that the words may stand for, sorted, with the fewest typos.
    fn towns_of(&self, terms: &[Term]) -> Vec<(u16, u8)> {
        let words = &self.stored.town_words;
        let of = |term: &Term| {
            let from = words.partition_point(|(word, _)| *word < term.word);
            let typos = term.typos;
            let own = words[from..].iter().take_while({
                let word = term.word;
                move |(of, _)| *of == word
            });
            own.map(move |(_, town)| (*town, typos))
        };
        let mut towns: Vec<(u16, u8)> = terms.iter().flat_map(of).collect();
        towns.sort_unstable();
        towns.dedup_by_key(|(town, _)| *town);
        towns
    }

    /// What fits but for `missing` words, the best first.
    fn candidates(
        &self,
        fits: &Fits,
        words: &[Word],
        missing: u32,
        question: &Question<'_>,
        ruler: Option<&Ruler>,
    ) -> Vec<Candidate> {
        let all = ((1u16 << words.len()) - 1) as u8;
        let mut best = Best { limit: question.limit, found: Vec::new(), worst: f32::INFINITY };
        for &number in &fits.touched {
            let slot = fits.slots[number as usize];
            let entry = &self.stored.entries[number as usize];
            let mut fit = Fit { letters: slot.letters, typos: slot.typos, missing: 0 };
            let not_in_name = all & !slot.words;
            let mut open = not_in_name;
            for (bit, towns) in fits.towns.iter().enumerate().filter(|(bit, _)| not_in_name & 1 << bit != 0) {
                if let Ok(at) = towns.binary_search_by_key(&entry.town, |(town, _)| *town) {
                    fit.typos += towns[at].1;
                    open &= !(1 << bit);
                }
            }
            let asked = asked_house(entry, words, &mut open);
            if open.count_ones() != missing {
                continue;
            }
            fit.missing = missing as u8;
            let house = self.house_choice(number, asked, question.kinds);
            if !question.kinds.has(kind_of(entry, house)) {
                continue;
            }
            let house_fit = match house {
                HouseChoice::NotAsked | HouseChoice::Is(_) => HouseFit::Good,
                HouseChoice::Nearest(_) => HouseFit::Other,
                HouseChoice::None => HouseFit::None,
            };
            let text_cost = text_cost(entry, fit, house_fit);
            // A letter fits a fifth of all names: most need not be measured.
            if text_cost <= best.worst {
                let cost = text_cost + distance_cost(ruler, self.at(entry, house));
                best.add(Candidate { cost, entry: number, house });
            }
        }
        best.sorted()
    }

    /// The house of a street that is asked for.
    fn house_choice(&self, entry: u32, asked: Option<&Number>, kinds: Kinds) -> HouseChoice {
        let Some(asked) = asked else { return HouseChoice::NotAsked };
        let range = self.houses_of(entry as usize);
        let first = range.start;
        let label = |at: usize| self.stored.house_labels.get(first + at);
        match house::nearest(&self.stored.houses[range], label, asked).filter(|_| kinds.has(Kind::Address)) {
            Some((at, true)) => HouseChoice::Is(first + at),
            Some((at, false)) => HouseChoice::Nearest(first + at),
            None => HouseChoice::None,
        }
    }

    fn at(&self, entry: &Entry, house: HouseChoice) -> LatLon {
        match house {
            HouseChoice::Is(house) | HouseChoice::Nearest(house) => self.stored.house_points[house].into(),
            HouseChoice::NotAsked | HouseChoice::None => entry.at.into(),
        }
    }

    fn hit(&self, candidate: &Candidate, ruler: Option<&Ruler>) -> Hit<'_> {
        let (number, of) = (candidate.entry as usize, &self.stored);
        let entry = &of.entries[number];
        let at = self.at(entry, candidate.house);
        let house = match candidate.house {
            HouseChoice::NotAsked => HouseFound::NotAsked,
            HouseChoice::Is(house) => HouseFound::Is(of.house_labels.get(house)),
            HouseChoice::Nearest(house) => HouseFound::Nearest(of.house_labels.get(house)),
            HouseChoice::None => HouseFound::None,
        };
        Hit {
            kind: kind_of(entry, candidate.house),
            house,
            at,
            distance_m: ruler.map(|ruler| ruler.distance_m(at)),
            cost: candidate.cost,
            ..self.plain_hit(number)
        }
    }

    /// A place as a hit, whatever was asked.
    pub(crate) fn plain_hit(&self, number: usize) -> Hit<'_> {
        let of = &self.stored;
        let entry = &of.entries[number];
        Hit {
            kind: entry.kind,
            id: of.ids.get(number),
            name: of.names.get(number),
            town: self.town_of(entry),
            category: of.categories.get(usize::from(entry.category)),
            at: entry.at.into(),
            distance_m: None,
            house: HouseFound::NotAsked,
            cost: 0.0,
        }
    }
}

/// What the words of a question fit.
struct Fits {
    /// By place.
    slots: Vec<Slot>,
    /// Places whose names have a word.
    touched: Vec<u32>,
    /// By word: the towns that it may stand for.
    towns: Vec<Vec<(u16, u8)>>,
}

const _: () = assert!(MOST_WORDS == u8::BITS as usize, "each word has a bit");

/// The number in a question that fits nothing else, if the place is a street. It is no open word then.
fn asked_house<'w>(entry: &Entry, words: &'w [Word], open: &mut u8) -> Option<&'w Number> {
    if entry.kind != Kind::Street {
        return None;
    }
    let (bit, number) = words.iter().enumerate().find_map(|(bit, word)| {
        let number = word.number.as_ref().filter(|_| *open & 1 << bit != 0)?;
        Some((bit, number))
    })?;
    *open &= !(1 << bit);
    Some(number)
}

fn kind_of(entry: &Entry, house: HouseChoice) -> Kind {
    match house {
        HouseChoice::Is(_) | HouseChoice::Nearest(_) => Kind::Address,
        HouseChoice::NotAsked | HouseChoice::None => entry.kind,
    }
}

/// The best candidates of many.
struct Best {
    limit: usize,
    /// Some more than the limit, in no order.
    found: Vec<Candidate>,
    /// What costs more is none of the best.
    worst: f32,
}

impl Best {
    fn add(&mut self, candidate: Candidate) {
        if candidate.cost > self.worst {
            return;
        }
        self.found.push(candidate);
        // Seldom enough that dropping the rest costs little.
        const SPARE: usize = 64;
        if self.found.len() >= self.limit.saturating_mul(2).saturating_add(SPARE) {
            self.found.select_nth_unstable_by(self.limit - 1, Candidate::order);
            self.found.truncate(self.limit);
            self.worst = self.found.last().map_or(f32::INFINITY, |last| last.cost);
        }
    }

    fn sorted(mut self) -> Vec<Candidate> {
        self.found.sort_unstable_by(Candidate::order);
        self.found.truncate(self.limit);
        self.found
    }
}

impl Candidate {
    fn order(&self, other: &Self) -> Ordering {
        self.cost.total_cmp(&other.cost).then(self.entry.cmp(&other.entry))
    }
}
