//! What is wrong with a feed, as data.

use std::collections::BTreeMap;
use std::fmt;
use std::mem::{Discriminant, discriminant};

use domain::mistake::{Detail, Mistake, Quoted, Remedy, Spot};
use domain::{Lang, Reason};

use crate::FileKind;

/// Faults of one kind in one file that are described; more are counted.
const MAX_DESCRIBED: u64 = 3;

/// What a fault costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing: what is meant is clear.
    Taken,
    /// The value, which is not known then.
    Field,
    /// The station, vehicle, zone, rule or plan.
    Element,
    /// The file: what was read of it before stays.
    File,
}

impl Effect {
    /// As reports name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::Taken => "taken",
            Effect::Field => "field",
            Effect::Element => "element",
            Effect::File => "file",
        }
    }
}

/// What is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// In which file.
    pub file: FileKind,
    /// From the closed list.
    pub reason: Reason,
    /// The path within the file (`data.stations[3].lat`), the value and what would be right.
    pub detail: Detail,
    /// What the operator does about it; `None`: the reason's own remedy.
    pub remedy: Option<Remedy>,
    /// What it costs.
    pub effect: Effect,
}

impl Fault {
    /// A fault at `path`.
    pub(crate) fn new(file: FileKind, path: &str, effect: Effect, reason: Reason, mistake: Mistake) -> Self {
        let at = if path.is_empty() { Spot::Message } else { path.into() };
        Fault { file, reason, detail: Detail { element: None, at, mistake }, remedy: None, effect }
    }

    /// What to do: what is known of this fault in particular, else of its reason.
    pub fn advice(&self, lang: Lang) -> String {
        self.remedy.map_or_else(|| self.reason.remedy(lang).to_owned(), |remedy| remedy.sentence(lang))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { file, reason, detail, effect, .. } = self;
        write!(f, "{file}: {detail} ({reason}; costs: {})", effect.as_str())
    }
}

/// All faults of a file or feed: each is counted, the first of each kind are described.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    described: Vec<Fault>,
    /// There are some dozens of kinds.
    of_kind: Vec<(Kind, u64)>,
}

/// Of the same kind are faults that differ in place and value alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind(FileKind, Effect, Reason, Discriminant<Mistake>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        let kind = Kind(fault.file, fault.effect, fault.reason, discriminant(&fault.detail.mistake));
        if self.add(kind, 1) <= MAX_DESCRIBED {
            self.described.push(fault);
        }
    }

    /// How many of this kind there are with `more` of them.
    fn add(&mut self, kind: Kind, more: u64) -> u64 {
        let at = self.of_kind.iter().position(|(held, _)| *held == kind).unwrap_or_else(|| {
            self.of_kind.push((kind, 0));
            self.of_kind.len() - 1
        });
        self.of_kind[at].1 += more;
        self.of_kind[at].1
    }

    /// Adds those of another file, or of what joins files.
    pub fn extend(&mut self, other: Faults) {
        self.described.extend(other.described);
        for (kind, count) in other.of_kind {
            self.add(kind, count);
        }
    }

    /// The first of each kind, in their order.
    pub fn described(&self) -> &[Fault] {
        &self.described
    }

    /// How many there were, also of those that are not described.
    pub fn count(&self) -> u64 {
        self.of_kind.iter().map(|(_, count)| count).sum()
    }

    /// How many there were in each file, by what they cost and why.
    pub fn counts(&self) -> BTreeMap<(FileKind, Effect, Reason), u64> {
        let mut counts = BTreeMap::new();
        for (Kind(file, effect, reason, _), count) in &self.of_kind {
            *counts.entry((*file, *effect, *reason)).or_default() += count;
        }
        counts
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.of_kind.is_empty()
    }
}

/// As much of a JSON value as a fault shows.
pub(crate) fn shown(value: &serde_json::Value) -> Quoted {
    const SHOWN_CHARS: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}
