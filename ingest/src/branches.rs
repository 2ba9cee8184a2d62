//! From which branch of their feed's topics devices were last heard: whose silence explains theirs.

use std::collections::{BTreeMap, HashMap};

use domain::health::DeviceKey;
use domain::{BayObservation, Registry, Uplink};
use store::writer::Keyed;
use xxhash_rust::xxh3::xxh3_64;

/// Of one feed's devices.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    /// Hashes of their branches: whoever stays where it was costs one look-up.
    known: HashMap<DeviceKey, u64>,
    /// Those that are still to be stored.
    moved: BTreeMap<DeviceKey, String>,
}

impl Branches {
    /// A message of this branch named these devices.
    pub(crate) fn note(&mut self, branch: &str, devices: impl Iterator<Item = DeviceKey>) {
        let hash = xxh3_64(branch.as_bytes());
        for device in devices {
            if self.known.insert(device, hash) != Some(hash) {
                self.moved.insert(device, branch.to_owned());
            }
        }
    }

    /// Those that moved since it was last asked.
    pub(crate) fn take(&mut self) -> BTreeMap<DeviceKey, String> {
        std::mem::take(&mut self.moved)
    }

    /// They could not be stored: the next time, unless they have moved on.
    pub(crate) fn give_back(&mut self, moved: BTreeMap<DeviceKey, String>) {
        let newer = std::mem::replace(&mut self.moved, moved);
        self.moved.extend(newer);
    }
}

/// Whose rows these are: sensors of the files, and bays that the feed names itself.
pub(crate) fn devices<'a>(
    registry: &'a Registry,
    bays: &'a [Keyed<BayObservation>],
    uplinks: &'a [Uplink],
) -> impl Iterator<Item = DeviceKey> + 'a {
    let sensors = uplinks.iter().filter(|uplink| !uplink.is_stranger);
    let sensors = sensors.filter_map(|uplink| registry.sensor_by_key(&uplink.device));
    let natives = bays.iter().map(|bay| &bay.observation).filter(|bay| bay.provenance.sensor.is_none());
    let natives = natives.map(|bay| DeviceKey::native(bay.provenance.feed, bay.bay));
    sensors.map(|sensor| DeviceKey::sensor(sensor.id)).chain(natives)
}

#[cfg(test)]
mod tests {
    use domain::ids::{BayId, FeedId};

    use super::*;

    #[test]
    fn whoever_moves_is_stored_once_and_what_could_not_be_stored_comes_again() {
        let bay = |n| DeviceKey::native(FeedId(1), BayId(n));
        let mut branches = Branches::default();
        branches.note("a", [bay(1), bay(2)].into_iter());
        branches.note("a", [bay(1)].into_iter());
        let failed = branches.take();
        assert_eq!(failed.len(), 2);
        branches.note("b", [bay(2)].into_iter());
        branches.give_back(failed);
        assert_eq!(branches.take(), [(bay(1), "a".to_owned()), (bay(2), "b".to_owned())].into());
        branches.note("b", [bay(2)].into_iter());
        assert!(branches.take().is_empty());
    }
}
