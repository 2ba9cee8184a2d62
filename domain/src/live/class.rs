//! Kinds of access: bays and sites with equal restrictions share one class, so that a site needs
//! one count per kind and not one per bay, and opening hours are evaluated once per change.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::audience_set::AudienceSet;
use crate::bay_state::BayState;
use crate::locality::Locality;
use crate::opening::Hours;
use crate::place::{Audience, Restriction};
use crate::time::UtcMicros;

/// Index into [`Classes`].
pub(super) type ClassId = u32;

/// How many bays are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BayCounts {
    /// Bays that are vacant.
    pub vacant: u32,
    /// Bays that are occupied.
    pub occupied: u32,
    /// Bays whose state is not known.
    pub unknown: u32,
}

impl BayCounts {
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

    /// Bays whose state is known.
    pub fn known(&self) -> u32 {
        self.vacant + self.occupied
    }

    /// Adds other counts.
    pub fn add(&mut self, other: BayCounts) {
        self.vacant += other.vacant;
        self.occupied += other.occupied;
        self.unknown += other.unknown;
    }
}

/// For whom spaces are reserved at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reserved {
    pub audiences: AudienceSet,
    /// Those of them for whom no number of spaces is given: of a site, the whole of it.
    pub without_number: AudienceSet,
}

impl Reserved {
    /// Whether a driver of `audiences` may park in a space of this class.
    pub fn admits(self, audiences: AudienceSet) -> bool {
        self.audiences.is_empty() || self.audiences.intersects(audiences)
    }
}

pub(super) struct Class {
    locality: Arc<Locality>,
    restrictions: Vec<Restriction>,
    rules: SmallVec<[Rule; 1]>,
    /// At the moment of the last tick.
    pub reserved: Reserved,
    /// Whoever is named, in force or not.
    pub named: AudienceSet,
}

struct Rule {
    audience: Option<Audience>,
    /// How many spaces; `None`: all of the place.
    spaces: Option<u32>,
    hours: Option<Hours>,
    in_force: bool,
    until: Option<UtcMicros>,
}

#[derive(Default)]
pub(super) struct Classes(Vec<Class>);

impl Classes {
    /// The class of these restrictions in this town, new or not.
    pub fn intern(
        &mut self,
        restrictions: &[Restriction],
        locality: &Arc<Locality>,
        now: UtcMicros,
    ) -> ClassId {
        let same = |c: &Class| {
            c.restrictions == restrictions && (restrictions.is_empty() || Arc::ptr_eq(&c.locality, locality))
        };
        if let Some(i) = self.0.iter().position(same) {
            return i as ClassId;
        }
        let rules: SmallVec<[Rule; 1]> = restrictions.iter().map(|r| Rule::new(r, locality, now)).collect();
        self.0.push(Class {
            locality: locality.clone(),
            restrictions: restrictions.to_vec(),
            reserved: reserved(&rules, |r| r.in_force),
            named: rules.iter().filter_map(|r| r.audience).collect(),
            rules,
        });
        (self.0.len() - 1) as ClassId
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub fn get(&self, id: ClassId) -> &Class {
        &self.0[id as usize]
    }

    /// When next after `at`, which is not before the last tick, a rule of a class comes into or goes out
    /// of force; `None`: never.
    pub fn next_change(&self, id: ClassId, at: UtcMicros) -> Option<UtcMicros> {
        self.get(id).rules.iter().filter_map(|rule| rule.next_change(at)).min()
    }

    /// For whom spaces of a class are reserved at another moment than now.
    pub fn reserved_of(&self, id: ClassId, at: UtcMicros) -> Reserved {
        reserved(&self.get(id).rules, |r| r.holds_at(at))
    }

    /// How many spaces the rules of a class that hold at a moment keep for `audience`; `None`: no number is given.
    pub fn spaces_for(&self, id: ClassId, audience: Audience, at: UtcMicros) -> Option<i64> {
        let rules = self.get(id).rules.iter().filter(|r| r.audience == Some(audience) && r.holds_at(at));
        rules.filter_map(|r| r.spaces).map(i64::from).reduce(|a, b| a + b)
    }

    /// Re-evaluates hours that ended by `now`: the classes of which a rule came into or went out of force.
    pub fn tick(&mut self, now: UtcMicros) -> Vec<ClassId> {
        let mut changed = Vec::new();
        for (id, class) in self.0.iter_mut().enumerate() {
            let mut class_changed = false;
            for rule in class.rules.iter_mut().filter(|r| r.until.is_some_and(|until| until <= now)) {
                class_changed |= rule.evaluate(now);
            }
            if class_changed {
                class.reserved = reserved(&class.rules, |r| r.in_force);
                changed.push(id as ClassId);
            }
        }
        changed
    }
}

fn reserved(rules: &[Rule], in_force: impl Fn(&Rule) -> bool) -> Reserved {
    let mut reserved = Reserved::default();
    for rule in rules.iter().filter(|r| in_force(r)) {
        if let Some(audience) = rule.audience {
            reserved.audiences.insert(audience);
            if rule.spaces.is_none() {
                reserved.without_number.insert(audience);
            }
        }
    }
    reserved
}

impl Class {
    /// When the spaces of this class are reserved for `audience`; `None`: always, or the rules differ.
    pub fn hours_for(&self, audience: Audience) -> Option<&str> {
        let rules = self.restrictions.iter().filter(|restriction| restriction.audience == Some(audience));
        shared(rules.map(|restriction| restriction.hours.as_deref()))
    }
}

/// What all of them are; `None`: they differ, or one is not known.
pub(super) fn shared<'a>(mut all: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
    let first = all.next()??;
    all.all(|next| next == Some(first)).then_some(first)
}

impl Rule {
    fn new(restriction: &Restriction, locality: &Locality, now: UtcMicros) -> Self {
        let hours = restriction.hours.as_deref().and_then(|text| Hours::parse(text, locality).ok());
        let mut rule = Rule {
            audience: restriction.audience,
            spaces: restriction.capacity,
            hours,
            in_force: true,
            until: None,
        };
        rule.evaluate(now);
        rule
    }

    /// Hours that cannot be decided keep the space for whom it is meant.
    fn holds_at(&self, at: UtcMicros) -> bool {
        self.hours.as_ref().is_none_or(|h| h.at(at).is_open.unwrap_or(true))
    }

    fn next_change(&self, at: UtcMicros) -> Option<UtcMicros> {
        // Asked for every site of a search: what the last tick found mostly still holds.
        match self.until? {
            until if at < until => Some(until),
            _ => self.hours.as_ref()?.at(at).until,
        }
    }

    fn evaluate(&mut self, now: UtcMicros) -> bool {
        let before = self.in_force;
        if let Some(hours) = &self.hours {
            self.in_force = self.holds_at(now);
            self.until = hours.at(now).until;
        }
        before != self.in_force
    }
}
