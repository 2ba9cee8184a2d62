//! One device with what surrounds it.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::gates::Gates;
use super::spot::Spot;
use crate::closure::Spans;
use crate::health::code::Finding;
use crate::health::device::Device;
use crate::health::message::{Message, WeekHour};
use crate::health::neighbours::Neighbours;
use crate::health::passages::Passages;
use crate::health::surroundings::{Counted, MOST_SITES, Surroundings};
use crate::ids::{BayId, SiteId};
use crate::sensor::Target;
use crate::time::UtcMicros;

/// What is stored of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceState {
    pub(super) device: Device,
    /// What it watched when it was last judged.
    target: Option<Target>,
    /// Since when it watches nothing.
    idle_since: Option<UtcMicros>,
    /// The counted sites that it may lie in, its own site first: each keeps its place while the device keeps its own.
    candidates: SmallVec<[SiteId; 2]>,
    /// Messages received up to then are in the state already: they were read from the store.
    pub(super) read_until: UtcMicros,
}

/// A reason that is stored and has not ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Open {
    pub(super) finding: Finding,
    pub(super) bay: Option<BayId>,
    pub(super) stored_at: UtcMicros,
}

#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) state: DeviceState,
    pub(super) spot: Spot,
    /// Of its neighbours.
    pub(super) group: usize,
    /// Of its candidates.
    gates: SmallVec<[u32; 4]>,
    /// The reasons that are stored.
    pub(super) open: SmallVec<[Open; 1]>,
    /// Its kept messages have been read, or there are none.
    pub(super) is_known: bool,
}

impl Watched {
    pub(super) fn new(spot: Spot, now: UtcMicros) -> Self {
        let state = DeviceState {
            device: Device::new(now),
            target: spot.target,
            idle_since: None,
            candidates: SmallVec::new(),
            read_until: UtcMicros::EPOCH,
        };
        Watched { is_known: false, ..Watched::of(state, spot) }
    }

    /// One that was stored.
    pub(super) fn of(state: DeviceState, spot: Spot) -> Self {
        Watched { state, spot, group: 0, gates: SmallVec::new(), open: SmallVec::new(), is_known: true }
    }

    /// It is here by the files. Whether it was elsewhere before.
    pub(super) fn move_to(&mut self, spot: Spot, now: UtcMicros) -> bool {
        self.spot = spot;
        let state = &mut self.state;
        if spot.target == state.target {
            return false;
        }
        state.target = spot.target;
        state.candidates.clear();
        match (spot.target, state.idle_since.take()) {
            (None, _) => state.idle_since = Some(now),
            (Some(_), idle_since) => {
                state.device.rebind(now);
                state.device.pause(idle_since.map_or(0, |since| now.age_s(since)));
            }
        }
        true
    }

    /// Its neighbours, and the sites that are counted near it, nearest first.
    pub(super) fn surround(&mut self, near: &[SiteId], group: usize, index: impl Fn(SiteId) -> usize) {
        self.group = group;
        let candidates = &mut self.state.candidates;
        for site in self.spot.site.iter().chain(near) {
            if candidates.len() < MOST_SITES && !candidates.contains(site) {
                candidates.push(*site);
            }
        }
        self.gates = candidates.iter().map(|site| index(*site) as u32).collect();
    }

    /// Takes a message, or the time. `unheard`: when nobody could have heard it. `false`: it changes nothing.
    pub(super) fn judge(
        &mut self,
        now: UtcMicros,
        at: WeekHour,
        message: Option<&Message>,
        neighbours: &mut Neighbours,
        gates: &Gates,
        unheard: &Spans,
    ) -> bool {
        let is_read = message.is_some_and(|message| message.received_at <= self.state.read_until);
        // Of one whose kept messages are still to be read, this will be one of them.
        if is_read || !self.is_known || (message.is_none() && self.state.target.is_none()) {
            return false;
        }
        let sites: SmallVec<[&Passages; MOST_SITES]> =
            self.gates.iter().map(|index| gates.passages(*index as usize)).collect();
        // Its own site comes first.
        let is_counted = self.spot.site.is_some()
            && self.gates.first().is_some_and(|index| gates.is_prompt(*index as usize));
        let mut around = Surroundings {
            at,
            neighbours,
            counted: Counted { sites: &sites, own: is_counted.then_some(0) },
            promise: self.spot.promise,
            unheard,
        };
        match message {
            Some(message) => self.state.device.message(message, &mut around),
            None => self.state.device.tick(now, &mut around),
        }
        true
    }

    /// Of a reason that is stored, that it lies elsewhere than here, the evidence is not kept: it is believed for now.
    pub(super) fn believe_place(&mut self) {
        for open in self.open.iter().filter(|open| open.bay == self.spot.bay()) {
            self.state.device.believe_place(open.finding);
        }
    }

    pub(super) fn is_ailing(&self) -> bool {
        !self.open.is_empty() || self.state.device.findings().next().is_some()
    }
}
