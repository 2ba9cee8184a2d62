//! House numbers: which one was asked for, and which of a street's is nearest to it.

use serde::{Deserialize, Serialize};

use crate::fold;

/// Numbers beyond that are no house numbers, but postcodes or worse.
const LARGEST: u16 = 9_999;

/// A house whose number is farther off is no help: the street is answered.
const FARTHEST: u16 = 20;

/// A house number, or a range of them. `12a` is 12 with the rest `a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// The first.
    pub from: u16,
    /// The last; of one number the same.
    pub to: u16,
    /// What follows the number.
    pub rest: String,
}

impl Number {
    /// Of a folded word; `None`: it is no house number.
    pub fn parse(word: &str) -> Option<Number> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (from, rest) = one(first)?;
        let (to, _) = one(last)?;
        Some(Number { from, to: to.max(from), rest: rest.to_owned() })
    }

    /// Whether a house with this number is the one asked for. A house of several numbers has those of its side.
    pub fn is(&self, asked: &Number) -> bool {
        let is_within = self.from < self.to
            && asked.from == asked.to
            && (self.from..=self.to).contains(&asked.from)
            && (asked.from - self.from).is_multiple_of(2)
            && asked.rest.is_empty();
        self == asked || is_within
    }
}

/// The number and what follows it.
fn one(text: &str) -> Option<(u16, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok().filter(|number| *number <= LARGEST)?;
    let rest = &text[digits..];
    (rest.chars().count() <= 1).then_some((number, rest))
}

/// The number of a label. Of `12a-c` and `3 (Hof)` the first word counts.
pub(crate) fn of_label(label: &str) -> Option<Number> {
    Number::parse(fold::words(label).first()?)
}

/// A house as the index has it: the span of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// The first number.
    pub from: u16,
    /// The last number.
    pub to: u16,
}

impl Span {
    /// How far off a house is, one across the street farther than one beside.
    fn distance(self, asked: u16) -> u16 {
        let away = self.from.saturating_sub(asked).max(asked.saturating_sub(self.to));
        away.saturating_add(away % 2)
    }
}

/// Which of a street's houses was asked for, or is nearest to it: its position, and whether it is the very one.
pub(crate) fn nearest<'a>(
    spans: &[Span],
    label: impl Fn(usize) -> &'a str,
    asked: &Number,
) -> Option<(usize, bool)> {
    let mut best: Option<(u16, usize)> = None;
    for (at, span) in spans.iter().enumerate() {
        let distance = span.distance(asked.from);
        if distance == 0 && of_label(label(at)).is_some_and(|number| number.is(asked)) {
            return Some((at, true));
        }
        if distance <= FARTHEST && best.is_none_or(|(known, _)| distance < known) {
            best = Some((distance, at));
        }
    }
    best.map(|(_, at)| (at, false))
}
