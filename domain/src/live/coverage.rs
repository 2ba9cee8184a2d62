//! Of how many places each feed should speak, and of how many it does.

use std::collections::HashMap;

use rustc_hash::FxHashSet;

use super::{LiveMap, PlaceRef};
use crate::ids::FeedId;
use crate::sensor::Target;
use crate::time::UtcMicros;

/// Places of one feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Bays and sites that its sensors are bound to, and those that it has named itself.
    pub expected: u32,
    /// Of these, those of which its statement is fresh.
    pub fresh: u32,
}

impl LiveMap {
    /// The places of each feed at `now`, whatever the public may see; those that are not valid now are none. Looks at all
    /// places once.
    pub fn coverage(&self, now: UtcMicros) -> HashMap<FeedId, Coverage> {
        let mut expected: FxHashSet<(FeedId, PlaceRef)> = FxHashSet::default();
        for sensor in self.registry.sensors() {
            let target = sensor.bindings.iter().find(|b| b.covers(now)).and_then(|b| b.target);
            let place = match target {
                Some(Target::Bay(bay)) => PlaceRef::Bay(bay),
                Some(Target::Site(site)) => PlaceRef::Site(site),
                Some(Target::Vehicle(_)) | None => continue,
            };
            expected.insert((sensor.feed, place));
        }
        let mut fresh: FxHashSet<(FeedId, PlaceRef)> = FxHashSet::default();
        let mut heard = |feed, has_sensor: bool, place, stale_at| {
            if !has_sensor {
                expected.insert((feed, place));
            }
            if now < stale_at {
                fresh.insert((feed, place));
            }
        };
        for (id, cell) in self.bays.iter().filter(|(_, cell)| cell.placed.is_some()) {
            if let Some(reading) = cell.readings.current() {
                heard(reading.feed, reading.sensor.is_some(), PlaceRef::Bay(*id), cell.stale_at);
            }
        }
        for (id, cell) in &self.sites {
            for count in cell.all_counts() {
                if let Some((feed, sensor)) = count.count.heard_from {
                    heard(feed, sensor.is_some(), PlaceRef::Site(*id), count.stale_at);
                }
            }
        }
        let is_valid = |place: &PlaceRef| match place {
            PlaceRef::Bay(bay) => self.bays.get(bay).is_some_and(|cell| cell.placed.is_some()),
            PlaceRef::Site(site) => self.sites.get(site).is_some_and(|cell| cell.is_placed()),
        };
        let mut coverage: HashMap<FeedId, Coverage> = HashMap::new();
        for (feed, place) in expected.iter().filter(|(_, place)| is_valid(place)) {
            let of_feed = coverage.entry(*feed).or_default();
            of_feed.expected += 1;
            of_feed.fresh += u32::from(fresh.contains(&(*feed, *place)));
        }
        coverage
    }
}
