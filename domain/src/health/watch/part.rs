//! The parts in which the state is stored.

use serde::{Deserialize, Serialize};

use super::gates::Gate;
use super::groups::GroupKey;
use super::spot::Spot;
use super::watched::{DeviceState, Watched};
use super::{DeviceKey, FeedId, Watch};
use crate::health::device::Device;
use crate::health::neighbours::Neighbours;
use crate::ids::{SensorId, SiteId};
use crate::time::UtcMicros;

/// Parts in which the state is stored.
pub const PARTS: usize = 240;

/// What is stored together: some devices, and some of what surrounds devices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    devices: Vec<(DeviceKey, DeviceState)>,
    groups: Vec<(GroupKey, Neighbours)>,
    gates: Vec<(SiteId, Gate)>,
    /// When nothing ran here, in the first part.
    pauses: Vec<(UtcMicros, UtcMicros)>,
}

/// The part with what belongs to nobody.
pub(super) const COMMON: usize = 0;

impl Part {
    /// Of the serialized form.
    pub const VERSION: u8 = Device::VERSION;

    /// One of each kind: as bytes it differs from version to version of the program where the form does.
    pub fn specimen(now: UtcMicros) -> Self {
        let spot = Spot::nowhere();
        let key = DeviceKey { source: crate::ids::SourceKey(1), bay: None };
        Part {
            devices: vec![(key, Watched::new(spot, now).state)],
            groups: vec![(GroupKey::Site(SiteId(1)), Neighbours::default())],
            gates: vec![(SiteId(1), Gate::default())],
            pauses: vec![(now, now)],
        }
    }
}

fn of(n: i32, m: i32) -> usize {
    let mixed = (n as u32).wrapping_mul(0x9e37_79b1) ^ (m as u32).wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as usize % PARTS
}

pub(super) fn of_device(key: DeviceKey) -> usize {
    of(key.source.0, key.bay.map_or(0, |bay| bay.0))
}

pub(super) fn of_group(key: GroupKey) -> usize {
    match key {
        GroupKey::Site(site) => of_site(site),
        GroupKey::Town(town) => of(town.0, 1),
    }
}

pub(super) fn of_site(site: SiteId) -> usize {
    of(site.0, 2)
}

impl Watch {
    /// Takes over what was stored, last at `at`. Whoever is not in the files any more is left out; [`Watch::place`] comes before.
    pub fn restore(&mut self, part: Part, at: UtcMicros) {
        for (key, state) in part.devices {
            let spot = match (key.bay, self.registry.sensor(SensorId(key.source.0))) {
                (Some(bay), _) => Spot::of_native(&self.registry, FeedId(-key.source.0), bay, at),
                (None, sensor) => sensor.map(|sensor| Spot::of_sensor(&self.registry, sensor, at)),
            };
            let Some(spot) = spot else { continue };
            if !self.devices.contains_key(&key) {
                self.parts[of_device(key)].devices.push(key);
            }
            let watched = Watched::of(state, spot);
            if watched.is_ailing() {
                self.ailing.insert(key);
            }
            self.devices.insert(key, watched);
        }
        part.groups.into_iter().for_each(|(key, neighbours)| self.groups.put(key, neighbours));
        part.gates.into_iter().for_each(|(site, gate)| self.gates.put(site, gate));
        self.outages.pause(part.pauses);
    }

    /// The parts that have changed since they were last asked for, with their numbers. They are taken for stored from then on.
    pub fn changed_parts(&mut self) -> Vec<(usize, Part)> {
        let changed: Vec<usize> = (0..PARTS).filter(|part| self.parts[*part].has_changed).collect();
        let mut parts: Vec<(usize, Part)> = changed.iter().map(|part| (*part, Part::default())).collect();
        let mut slot = [None; PARTS];
        changed.iter().enumerate().for_each(|(at, part)| slot[*part] = Some(at));
        for part in &changed {
            self.parts[*part].has_changed = false;
            let Some(at) = slot[*part] else { continue };
            for key in &self.parts[*part].devices {
                // One whose kept messages are still to be read is as good as not known.
                if let Some(watched) = self.devices.get(key).filter(|watched| watched.is_known) {
                    parts[at].1.devices.push((*key, watched.state.clone()));
                }
            }
        }
        if let Some(at) = slot[COMMON] {
            parts[at].1.pauses = self.outages.pauses().to_vec();
        }
        for group in &self.groups.all {
            if let Some(at) = slot[of_group(group.key)] {
                parts[at].1.groups.push((group.key, group.neighbours.clone()));
            }
        }
        for (site, gate) in self.gates.iter() {
            if let Some(at) = slot[of_site(site)] {
                parts[at].1.gates.push((site, gate.clone()));
            }
        }
        parts
    }
}
