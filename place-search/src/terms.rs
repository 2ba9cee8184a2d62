//! Which words of the index a word of a question may mean.

use std::cmp::Reverse;
use std::sync::OnceLock;

use fst::automaton::Str;
use fst::{Automaton, IntoStreamer, Streamer};
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};

use crate::fold::{self, letters};
use crate::house::Number;
use crate::index::Index;

/// Shorter words are taken as they are typed: with a letter changed they would be others.
const SHORTEST_WITH_TYPO: u16 = 4;

/// Words of a question that count. Nobody types more.
pub(crate) const MOST_WORDS: usize = 8;

/// A word of a question.
#[derive(Debug)]
pub(crate) struct Word {
    /// How it may be spelt.
    forms: Vec<String>,
    /// Whether it may be a number of a house.
    pub number: Option<Number>,
    /// Whether more of it may follow.
    is_last: bool,
}

/// The words of a question.
pub(crate) fn words_of(text: &str) -> Vec<Word> {
    let words = fold::words(text);
    let last = words.len().min(MOST_WORDS);
    let word = |(at, word): (usize, String)| Word {
        number: Number::parse(&word),
        forms: fold::forms(&word),
        // Nobody means 48 with a 4.
        is_last: at + 1 == last && !word.starts_with(|first: char| first.is_ascii_digit()),
    };
    words.into_iter().take(last).enumerate().map(word).collect()
}

/// A word of the index that a word of a question may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// Number of the word.
    pub word: u32,
    /// How many of its letters were typed.
    pub letters: u16,
    /// How many of them are wrong.
    pub typos: u8,
}

/// Words within one typo: a letter more, less, another one, or two exchanged.
struct OneTypo(DFA);

impl Automaton for OneTypo {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}

/// Makes automata; made once, since it costs more than a question.
fn automata() -> &'static LevenshteinAutomatonBuilder {
    static BUILDER: OnceLock<LevenshteinAutomatonBuilder> = OnceLock::new();
    BUILDER.get_or_init(|| LevenshteinAutomatonBuilder::new(1, true))
}

impl Index {
    /// The words that `word` may mean, the best first, each once.
    pub(crate) fn terms(&self, word: &Word) -> Vec<Term> {
        let mut terms = Vec::new();
        for form in &word.forms {
            let length = letters(form);
            let exact = self.words.get(form).map(|found| found as u32);
            terms.extend(exact.map(|word| Term { word, letters: length, typos: 0 }));
            let may_have_typo = length >= SHORTEST_WITH_TYPO && !form.contains(|c: char| c.is_numeric());
            if may_have_typo {
                let dfa =
                    if word.is_last { automata().build_prefix_dfa(form) } else { automata().build_dfa(form) };
                let near = OneTypo(dfa);
                let mut stream = self.words.search_with_state(&near).into_stream();
                while let Some((_, found, state)) = stream.next() {
                    let distance = near.0.distance(state).to_u8();
                    terms.push(Term {
                        word: found as u32,
                        letters: length - u16::from(distance),
                        typos: distance,
                    });
                }
            } else if word.is_last {
                let mut stream = self.words.search(Str::new(form).starts_with()).into_stream();
                while let Some((_, found)) = stream.next() {
                    terms.push(Term { word: found as u32, letters: length, typos: 0 });
                }
            }
        }
        terms.sort_unstable_by_key(|term| (term.word, term.typos, Reverse(term.letters)));
        terms.dedup_by_key(|term| term.word);
        terms.sort_unstable_by_key(|term| (term.typos, Reverse(term.letters), term.word));
        terms
    }
}
