//! Kinds of access: bays and sites with equal restrictions share one class, so that a site needs
//! one tally per kind and not one per bay, and opening hours are evaluated once per change.

use smallvec::SmallVec;

use crate::bay_state::BayState;
use crate::opening::Hours;
use crate::place::{Audience, Restriction};
use crate::time::UtcMicros;

/// Index into [`Classes`].
pub(super) type ClassId = u32;

/// How many bays are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub vacant: u32,
    pub occupied: u32,
    pub unknown: u32,
}

impl Tally {
    /// The counter of `state`.
    pub fn of(&mut self, state: BayState) -> &mut u32 {
        match state {
            BayState::Vacant => &mut self.vacant,
            BayState::Occupied => &mut self.occupied,
            BayState::Unknown => &mut self.unknown,
        }
    }

    /// All bays.
    pub fn total(&self) -> u32 {
        self.vacant + self.occupied + self.unknown
    }

    /// Adds another tally.
    pub fn add(&mut self, other: Tally) {
        self.vacant += other.vacant;
        self.occupied += other.occupied;
        self.unknown += other.unknown;
    }
}

pub(super) struct Class {
    tz: String,
    pub restrictions: Vec<Restriction>,
    rules: SmallVec<[Rule; 1]>,
}

struct Rule {
    audience: Option<Audience>,
    hours: Option<Hours>,
    in_force: bool,
    until: Option<UtcMicros>,
}

#[derive(Default)]
pub(super) struct Classes(Vec<Class>);

impl Classes {
    pub fn intern(&mut self, restrictions: &[Restriction], tz: &str, now: UtcMicros) -> ClassId {
        let same = |c: &Class| c.restrictions == restrictions && (restrictions.is_empty() || c.tz == tz);
        if let Some(i) = self.0.iter().position(same) {
            return i as ClassId;
        }
        let rules = restrictions
            .iter()
            .map(|r| {
                let hours = r.hours.as_deref().and_then(|text| Hours::parse(text, tz).ok());
                let mut rule = Rule { audience: r.audience, hours, in_force: true, until: None };
                rule.evaluate(now);
                rule
            })
            .collect();
        self.0.push(Class { tz: tz.to_owned(), restrictions: restrictions.to_vec(), rules });
        (self.0.len() - 1) as ClassId
    }

    pub fn get(&self, id: ClassId) -> &Class {
        &self.0[id as usize]
    }

    /// Re-evaluates hours that ended by `now`; whether any rule came into or went out of force.
    pub fn tick(&mut self, now: UtcMicros) -> bool {
        let mut changed = false;
        for rule in self.0.iter_mut().flat_map(|c| &mut c.rules) {
            if rule.until.is_some_and(|until| until <= now) {
                changed |= rule.evaluate(now);
            }
        }
        changed
    }
}

impl Class {
    /// Whether a driver who belongs to `audiences` (nobody special: empty) may park here now.
    pub fn admits(&self, audiences: &[Audience]) -> bool {
        let mut kept = self.audiences_in_force().peekable();
        kept.peek().is_none() || kept.any(|a| !a.is_personal() && audiences.contains(&a))
    }

    /// For whom the spaces are kept at this moment.
    pub fn audiences_in_force(&self) -> impl Iterator<Item = Audience> + '_ {
        self.rules.iter().filter(|r| r.in_force).filter_map(|r| r.audience)
    }
}

impl Rule {
    fn evaluate(&mut self, now: UtcMicros) -> bool {
        let before = self.in_force;
        if let Some(hours) = &self.hours {
            let opening = hours.at(now);
            // Hours that cannot be decided keep the space for whom it is meant.
            self.in_force = opening.is_open.unwrap_or(true);
            self.until = opening.until;
        }
        before != self.in_force
    }
}
