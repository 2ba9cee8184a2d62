//! Devices of which nothing is stored: what they are like follows from what is kept of them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::watched::Watched;
use super::{DeviceKey, Message, TICK_EVERY_S, Watch, local, part};
use crate::time::UtcMicros;

/// Sensors that are read together: they are neighbours.
const SENSORS_AT_ONCE: usize = 100;

/// Bays that feeds name are read by town, since their observations lie there side by side.
const NATIVES_AT_ONCE: usize = 500;

impl Watch {
    /// Bays that feeds have named. Of those that are not known what is kept is to be read.
    pub fn expect(&mut self, natives: impl IntoIterator<Item = DeviceKey>, now: UtcMicros) {
        for key in natives.into_iter().filter(|key| key.bay.is_some()) {
            if let (false, Some(spot)) = (self.devices.contains_key(&key), self.native_spot(key, now)) {
                self.add_native(key, Watched::new(spot, now));
            }
        }
    }

    /// How many devices are not known yet: what is kept of them is to be read.
    pub fn unknown(&self) -> usize {
        self.devices.values().filter(|watched| !watched.is_known).count()
    }

    /// The devices that are to be read next: some sensors of one group, or else some bays of one town.
    pub fn next_unknown(&self) -> Vec<DeviceKey> {
        let unknown = |is_native: bool| {
            let of_kind = self.devices.iter().filter(move |(key, _)| key.bay.is_some() == is_native);
            of_kind.filter(|(_, watched)| !watched.is_known)
        };
        let mut next: Vec<DeviceKey> = Vec::new();
        if let Some(group) = unknown(false).map(|(_, watched)| watched.group).min() {
            next.extend(unknown(false).filter(|(_, watched)| watched.group == group).map(|(key, _)| *key));
            next.sort_unstable();
            next.truncate(SENSORS_AT_ONCE);
        } else if let Some(town) = unknown(true).map(|(_, watched)| watched.spot.town).min() {
            let of_town = unknown(true).filter(|(_, watched)| watched.spot.town == town);
            let mut by_group: Vec<_> = of_town.map(|(key, watched)| (watched.group, *key)).collect();
            by_group.sort_unstable();
            next.extend(by_group.into_iter().map(|(_, key)| key).take(NATIVES_AT_ONCE));
        }
        next
    }

    /// Makes these devices what they are after `messages`, theirs in the order of receipt, which is all that is kept of them up
    /// to now. What counted sites said at the time is not known any more: that a device lies elsewhere is taken from the
    /// reasons that are held, until as much was heard as it takes to find it.
    pub fn read(&mut self, devices: &[DeviceKey], messages: &[(DeviceKey, Message)]) {
        let mut groups: BTreeMap<usize, Vec<DeviceKey>> = BTreeMap::new();
        let mut group_of: FxHashMap<DeviceKey, usize> = FxHashMap::default();
        for key in devices {
            let Some(watched) = self.devices.get(key) else { continue };
            group_of.insert(*key, watched.group);
            groups.entry(watched.group).or_default().push(*key);
        }
        let mut of_groups: FxHashMap<usize, Vec<&(DeviceKey, Message)>> = FxHashMap::default();
        for message in messages {
            if let Some(group) = group_of.get(&message.0) {
                of_groups.entry(*group).or_default().push(message);
            }
        }
        for (group, devices) in groups {
            let messages = of_groups.remove(&group).unwrap_or_default();
            self.read_group(group, &devices, &messages);
        }
    }

    fn read_group(&mut self, group: usize, devices: &[DeviceKey], messages: &[&(DeviceKey, Message)]) {
        let registry = self.registry.clone();
        // The receipt of the first and of the last message.
        let mut spans: FxHashMap<DeviceKey, (UtcMicros, UtcMicros)> = FxHashMap::default();
        for (key, message) in messages {
            let at = message.received_at;
            spans.entry(*key).or_insert((at, at)).1 = at;
        }
        for key in devices {
            let Some(watched) = self.devices.get_mut(key) else { continue };
            watched.is_known = true;
            if let Some((first, _)) = spans.get(key) {
                let fresh = Watched::new(watched.spot, *first);
                watched.state.device = fresh.state.device;
            }
            self.parts[part::of_device(*key)].has_changed = true;
        }
        let group = &mut self.groups.all[group];
        // What neighbours have learned already they must not learn twice.
        let mut known = group.neighbours.clone();
        let neighbours = if group.is_new { &mut group.neighbours } else { &mut known };
        let none = Default::default();
        let mut hour = messages.first().map_or(UtcMicros::EPOCH, |(_, first)| first.received_at);
        for (key, message) in messages {
            while hour.plus_s(TICK_EVERY_S) <= message.received_at {
                hour = hour.plus_s(TICK_EVERY_S);
                for key in devices {
                    if let Some(watched) = self.devices.get_mut(key) {
                        let at = local(&registry, &mut self.hours, watched.spot.town, hour);
                        let unheard = self.outages.of(watched.spot.feed);
                        watched.judge(hour, at, None, neighbours, &none, unheard);
                    }
                }
            }
            if let Some(watched) = self.devices.get_mut(key) {
                let at = local(&registry, &mut self.hours, watched.spot.town, message.received_at);
                let unheard = self.outages.of(watched.spot.feed);
                watched.judge(message.received_at, at, Some(message), neighbours, &none, unheard);
            }
        }
        if !messages.is_empty() {
            group.is_new = false;
            self.parts[part::of_group(group.key)].has_changed = true;
        }
        for key in devices {
            if let Some(watched) = self.devices.get_mut(key) {
                watched.state.read_until = spans.get(key).map_or(UtcMicros::EPOCH, |(_, last)| *last);
                watched.believe_place();
                if watched.is_ailing() {
                    self.ailing.insert(*key);
                }
            }
        }
    }
}
