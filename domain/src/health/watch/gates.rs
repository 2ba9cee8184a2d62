//! The counted sites, and which of them count each car as it passes.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::health::passages::Passages;
use crate::ids::SiteId;
use crate::observation::CountValue;
use crate::time::UtcMicros;

/// A count of one car weighs so much in the share of such counts.
const MEMORY: f32 = 1.0 / 20.0;
/// From this share on a site's counts are taken for passages. What is polled, or summed up over minutes, says nothing of when
/// a car passed: most of its counts are of none or of several.
const MOSTLY: f32 = 0.8;

/// The gates of one site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    passages: Passages,
    /// Share of counts of exactly one car.
    single: f32,
}

/// Those of all sites, by the order in which they were first heard.
#[derive(Debug, Clone)]
pub(super) struct Gates {
    /// The first one is that of sites without any.
    all: Vec<Gate>,
    by_site: FxHashMap<SiteId, usize>,
    nowhere: Passages,
}

impl Default for Gates {
    fn default() -> Self {
        Gates { all: vec![Gate::default()], by_site: FxHashMap::default(), nowhere: Passages::default() }
    }
}

impl Gates {
    /// Those of sites that are not counted.
    pub(super) const NONE: usize = 0;

    pub(super) fn put(&mut self, site: SiteId, gate: Gate) {
        let next = self.all.len();
        match *self.by_site.entry(site).or_insert(next) {
            at if at == next => self.all.push(gate),
            at => self.all[at] = gate,
        }
    }

    /// Takes a count. Whether it is the first one of its site.
    pub(super) fn count(&mut self, site: SiteId, at: UtcMicros, value: CountValue) -> bool {
        let is_new = !self.by_site.contains_key(&site);
        if is_new {
            self.put(site, Gate::default());
        }
        let gate = &mut self.all[self.by_site[&site]];
        let cars = gate.passages.count(at, value);
        gate.single += (f32::from(u8::from(cars == 1)) - gate.single) * MEMORY;
        is_new
    }

    pub(super) fn index(&self, site: SiteId) -> usize {
        self.by_site.get(&site).copied().unwrap_or(Self::NONE)
    }

    /// The passages of the site at this index; none where its counts are no passages.
    pub(super) fn passages(&self, index: usize) -> &Passages {
        match self.all.get(index) {
            Some(gate) if gate.single >= MOSTLY => &gate.passages,
            _ => &self.nowhere,
        }
    }

    pub(super) fn is_prompt(&self, index: usize) -> bool {
        self.all.get(index).is_some_and(|gate| gate.single >= MOSTLY)
    }

    pub(super) fn sites(&self) -> impl Iterator<Item = SiteId> + '_ {
        self.by_site.keys().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SiteId, &Gate)> {
        self.by_site.iter().map(|(site, index)| (*site, &self.all[*index]))
    }
}
