//! Devices of which nothing is stored: what they are like follows from their kept messages.

use super::watched::Watched;
use super::{DeviceKey, Message, TICK_EVERY_S, Watch, local, part};
use crate::ids::SensorId;
use crate::time::UtcMicros;

/// Devices whose messages are read together: they are neighbours.
const AT_ONCE: usize = 100;

impl Watch {
    /// How many devices' kept messages are still to be read.
    pub fn unknown(&self) -> usize {
        self.devices.values().filter(|watched| !watched.is_known).count()
    }

    /// The sensors whose messages are to be read next, some of one group.
    pub fn next_unknown(&self) -> Vec<SensorId> {
        let unknown = || self.devices.iter().filter(|(_, watched)| !watched.is_known);
        let Some(group) = unknown().map(|(_, watched)| watched.group).min() else { return Vec::new() };
        let of_group = unknown().filter(|(_, watched)| watched.group == group);
        let mut next: Vec<SensorId> = of_group.map(|(key, _)| SensorId(key.source.0)).collect();
        next.sort_unstable();
        next.truncate(AT_ONCE);
        next
    }

    /// Makes these sensors what they are after `messages`, theirs in the order of receipt, which is all that is kept of them up
    /// to now. What counted sites said at the time is not known any more: where they lie shows later.
    pub fn read(&mut self, sensors: &[SensorId], messages: &[(SensorId, Message)]) {
        let registry = self.registry.clone();
        let mut group = None;
        for sensor in sensors {
            let key = DeviceKey::sensor(*sensor);
            let Some(watched) = self.devices.get_mut(&key) else { continue };
            watched.is_known = true;
            group = Some(watched.group);
            let first = messages.iter().find(|(of, _)| of == sensor);
            if let Some((_, message)) = first {
                let fresh = Watched::new(watched.spot, message.received_at);
                watched.state.device = fresh.state.device;
            }
            self.parts[part::of_device(key)].has_changed = true;
        }
        let (Some(group), Some((_, first))) = (group, messages.first()) else { return };
        let group = &mut self.groups.all[group];
        // What neighbours have learned already they must not learn twice.
        let mut known = group.neighbours.clone();
        let neighbours = if group.is_new { &mut group.neighbours } else { &mut known };
        let none = Default::default();
        let mut hour = first.received_at;
        for (sensor, message) in messages {
            while hour.plus_s(TICK_EVERY_S) <= message.received_at {
                hour = hour.plus_s(TICK_EVERY_S);
                for sensor in sensors {
                    if let Some(watched) = self.devices.get_mut(&DeviceKey::sensor(*sensor)) {
                        let at = local(&registry, &mut self.hours, watched.spot.town, hour);
                        let unheard = self.outages.of(watched.spot.feed);
                        watched.judge(hour, at, None, neighbours, &none, unheard);
                    }
                }
            }
            let key = DeviceKey::sensor(*sensor);
            if let Some(watched) = self.devices.get_mut(&key) {
                let at = local(&registry, &mut self.hours, watched.spot.town, message.received_at);
                let unheard = self.outages.of(watched.spot.feed);
                watched.judge(message.received_at, at, Some(message), neighbours, &none, unheard);
            }
        }
        group.is_new = false;
        self.parts[part::of_group(group.key)].has_changed = true;
        for sensor in sensors {
            let key = DeviceKey::sensor(*sensor);
            let last = messages.iter().rev().find(|(of, _)| of == sensor);
            if let Some(watched) = self.devices.get_mut(&key) {
                watched.state.read_until = last.map_or(UtcMicros::EPOCH, |(_, message)| message.received_at);
                if watched.is_ailing() {
                    self.ailing.insert(key);
                }
            }
        }
    }
}
