//! Time-dependent rules: `motor_vehicle:conditional=no @ (Mo-Fr 07:00-09:00)`.
//!
//! After the OpenStreetMap wiki, "Conditional restrictions". A way whose tags change with time becomes
//! several edges beside each other, one for each set of tags ([`variants`]), of which one is in force at
//! a time. So whatever a tag may say (who may go, one-ways, speeds, no through traffic) can change, and
//! a search only needs to know which edges are [`Closed`]. The tags that hold when a journey begins
//! (ends, if its arrival is given) hold for all of it.
//!
//! Conditions that are no times (weight, `wet`, `delivery`) never hold: what stands there without
//! condition does.

use domain::locality::Locality;
use domain::opening::Hours;
use domain::time::UtcMicros;
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::osm::Tags;
use super::{Profile, Streets};
use crate::bits;

/// Ways with more different times than this keep the first ones: each makes twice as many variants.
pub(super) const MAX_TIMES: usize = 4;

/// One of several edges beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Number of the edge.
    pub edge: u32,
    /// The first of them; the others follow.
    pub first: u32,
    /// The times that decide, numbers in [`Streets::times`].
    pub times: Vec<u32>,
    /// In which cases it is in force: bit `n`, where bit `i` of `n` says whether the `i`-th of `times`
    /// is now.
    pub cases: u16,
}

/// The numbers of profiles and times of an area.
#[derive(Default)]
pub(super) struct Numbers {
    pub profiles: IndexSet<Profile, FxBuildHasher>,
    /// Opening hours.
    pub times: IndexSet<String, FxBuildHasher>,
}

/// What a way is like, by the times that decide.
pub(super) struct Variants {
    pub times: Vec<u32>,
    /// Each with the cases it stands for, see [`Variant::cases`]. That of the case 0 is the first, if
    /// anybody may ever use it then.
    pub profiles: Vec<(u32, u16)>,
}

/// One part of a conditional value: `value @ time`.
struct Clause<'a> {
    key: &'a str,
    value: &'a str,
    time: usize,
}

/// What a way's tags say at all times (see [`Profile::of`]), kept apart also by `turn_times`: those of
/// bans of turns that leave it. `None`: nobody may ever use it.
pub(super) fn variants(
    tags: &Tags,
    length_m: f64,
    turn_times: &[String],
    numbers: &mut Numbers,
) -> Option<Variants> {
    const SUFFIX: &str = ":conditional";
    let mut times: Vec<String> = turn_times.iter().take(MAX_TIMES).cloned().collect();
    let for_turns = (1u16 << times.len()) - 1;
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for (key, text) in tags.iter().filter_map(|(key, text)| Some((key.strip_suffix(SUFFIX)?, text))) {
        for (value, time) in split(text) {
            let known = times.iter().position(|known| *known == time);
            let time = known.or_else(|| {
                let is_new = times.len() < MAX_TIMES && is_time(&time);
                is_new.then(|| times.push(time)).map(|()| times.len() - 1)
            });
            clauses.extend(time.map(|time| Clause { key, value, time }));
        }
    }
    let mut profiles: Vec<(u32, u16)> = Vec::new();
    for case in 0..1u16 << times.len() {
        // Of several that hold the last one counts.
        let holding = clauses.iter().rev().filter(|clause| case & 1 << clause.time != 0);
        let now = Tags::new(holding.map(|clause| (clause.key, clause.value)).chain(tags.iter()));
        let Some(profile) = Profile::of(&now, length_m) else { continue };
        let profile = numbers.profiles.insert_full(profile).0 as u32;
        let is_same = |cases: u16| cases.trailing_zeros() as u16 & for_turns == case & for_turns;
        match profiles.iter_mut().find(|(known, cases)| *known == profile && is_same(*cases)) {
            Some((_, cases)) => *cases |= 1 << case,
            None => profiles.push((profile, 1 << case)),
        }
    }
    let numbered = || times.into_iter().map(|time| numbers.times.insert_full(time).0 as u32).collect();
    (!profiles.is_empty()).then(|| Variants { times: numbered(), profiles })
}

/// The value of a conditional tag, with its times.
pub(super) fn timed(text: &str) -> Vec<(&str, String)> {
    split(text).into_iter().filter(|(_, time)| is_time(time)).collect()
}

/// The parts of a conditional value, with their times: `no @ (Mo-Fr 07:00-09:00); destination @ (PH)`.
fn split(text: &str) -> Vec<(&str, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((value, after)) = rest.split_once('@') {
        let after = after.trim_start();
        let (time, next) = match after.strip_prefix('(') {
            Some(inside) => {
                let mut depth = 1;
                let end = inside.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0
                });
                let end = end.unwrap_or(inside.len());
                (&inside[..end], inside.get(end + 1..).unwrap_or_default())
            }
            None => after.split_once(';').unwrap_or((after, "")),
        };
        // Often written with blanks, which the syntax of opening hours does not have.
        parts.push((value.trim_matches([' ', ';']), time.trim().replace(" - ", "-")));
        rest = next;
    }
    parts
}

/// Whether a condition is a time, not a weight or a purpose.
fn is_time(text: &str) -> bool {
    // A comment in quotes is in the syntax of opening hours, and says nothing.
    !text.contains('"') && !text.is_empty() && Hours::parse(text, &Locality::new("UTC", "", [])).is_ok()
}

/// Edges that are closed at some moment.
#[derive(Debug, Clone, Default)]
pub struct Closed {
    /// A bit for each edge; none at all where none is closed.
    bits: Vec<u64>,
}

impl Closed {
    #[inline]
    pub(super) fn has(&self, edge: u32) -> bool {
        (edge as usize) < self.bits.len() * 64 && bits::has(&self.bits, edge as usize)
    }

    /// Closes all of `count` edges, or none.
    pub(crate) fn filled(count: usize, is_closed: bool) -> Self {
        Closed { bits: vec![if is_closed { u64::MAX } else { 0 }; bits::words(count)] }
    }

    /// Closes or opens an edge of a set that was [filled](Self::filled).
    pub(crate) fn set(&mut self, edge: u32, is_closed: bool) {
        let change = if is_closed { bits::set } else { bits::unset };
        change(&mut self.bits, edge as usize);
    }

    /// Whether any edge is closed.
    pub(crate) fn is_any(&self) -> bool {
        self.bits.iter().any(|word| *word != 0)
    }

    /// What is closed here or there.
    #[must_use]
    pub(crate) fn with(&self, other: &Closed) -> Closed {
        let (long, short) = if self.bits.len() < other.bits.len() { (other, self) } else { (self, other) };
        let mut bits = long.bits.clone();
        bits.iter_mut().zip(&short.bits).for_each(|(bits, others)| *bits |= others);
        Closed { bits }
    }

    /// Closes all variants but those in force, by what `is_now` says of the times.
    pub(super) fn new(streets: &Streets, is_now: impl Fn(u32) -> bool) -> Self {
        let mut bits =
            if streets.variants.is_empty() { vec![] } else { vec![0; bits::words(streets.edges.len())] };
        for variant in &streets.variants {
            let case = variant.times.iter().enumerate();
            let case = case.fold(0, |case, (bit, time)| case | u16::from(is_now(*time)) << bit);
            if variant.cases >> case & 1 == 0 {
                bits::set(&mut bits, variant.edge as usize);
            }
        }
        Closed { bits }
    }
}

/// The times of an area's streets, ready to be evaluated.
#[derive(Debug, Default)]
pub struct Times(Vec<Option<Hours>>);

impl Times {
    /// Reads the times of `streets` as those of `locality`.
    pub fn new(streets: &Streets, locality: &Locality) -> Self {
        Times(streets.times.iter().map(|text| Hours::parse(text, locality).ok()).collect())
    }

    /// The edges that are closed at a moment. Each time is evaluated once.
    pub fn closed_at(&self, streets: &Streets, at: UtcMicros) -> Closed {
        if streets.variants.is_empty() {
            return Closed::default();
        }
        let is_now = |hours: &Option<Hours>| hours.as_ref().is_some_and(|h| h.at(at).is_open == Some(true));
        let now: Vec<bool> = self.0.iter().map(is_now).collect();
        Closed::new(streets, |time| now.get(time as usize).copied().unwrap_or_default())
    }
}
