//! Where a device is by the files of now.

use std::sync::Arc;

use crate::geo::LatLon;
use crate::health::message::Promise;
use crate::ids::{BayId, FeedId, MunicipalityId, SiteId};
use crate::registry::Registry;
use crate::sensor::{Sensor, Target};
use crate::time::UtcMicros;

use super::groups::GroupKey;

/// See the module's description.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// Whose source it is.
    pub(super) municipality: MunicipalityId,
    /// By which it is heard.
    pub(super) feed: FeedId,
    /// What it watches; `None`: it waits for a place.
    pub(super) target: Option<Target>,
    /// Where its clock is, and whose counted sites it may lie in.
    pub(super) town: MunicipalityId,
    pub(super) site: Option<SiteId>,
    pub(super) position: Option<LatLon>,
    pub(super) promise: Promise,
}

impl Spot {
    pub(super) fn of_sensor(registry: &Arc<Registry>, sensor: &Sensor, now: UtcMicros) -> Self {
        let binding = sensor.binding_at(now);
        let target = binding.and_then(|binding| binding.target);
        let heartbeat_s = binding.and_then(|binding| binding.heartbeat_s).or_else(|| {
            let feed = registry.feed(sensor.feed)?;
            Some(feed.def.heartbeat_s())
        });
        let mut promise = Promise::of_heartbeat(heartbeat_s.unwrap_or(crate::feed::DEFAULT_HEARTBEAT_S));
        if let Some(target) = target {
            promise.stale_after_s = registry.stale_after_s(sensor.feed, Some(sensor.id), target, now);
        }
        Spot::at(registry, (sensor.municipality, sensor.feed), target, promise)
    }

    /// `None`: the feed or the bay is gone.
    pub(super) fn of_native(
        registry: &Arc<Registry>,
        feed: FeedId,
        bay: BayId,
        now: UtcMicros,
    ) -> Option<Self> {
        registry.bay(bay)?;
        let municipality = registry.feed(feed)?.municipality;
        let target = Target::Bay(bay);
        let stale_after_s = registry.stale_after_s(feed, None, target, now);
        let promise = Promise { heartbeat_s: (f64::from(stale_after_s) / 2.2).round() as u32, stale_after_s };
        Some(Spot::at(registry, (municipality, feed), Some(target), promise))
    }

    fn at(
        registry: &Registry,
        (municipality, feed): (MunicipalityId, FeedId),
        target: Option<Target>,
        promise: Promise,
    ) -> Self {
        let bay = match target {
            Some(Target::Bay(bay)) => registry.bay(bay),
            _ => None,
        };
        let site = match target {
            Some(Target::Site(site)) => registry.site(site),
            _ => bay.and_then(|bay| registry.site_by_key(bay.def.site.as_deref()?)),
        };
        let town = bay.map(|bay| bay.municipality).or(site.map(|site| site.municipality));
        let position = bay.map(|bay| bay.def.position()).or(site.map(|site| site.def.position()));
        let (town, site) = (town.unwrap_or(municipality), site.map(|site| site.id));
        Spot { municipality, feed, target, town, site, position, promise }
    }

    /// Of nobody.
    pub(super) fn nowhere() -> Self {
        let promise = Promise::of_heartbeat(crate::feed::DEFAULT_HEARTBEAT_S);
        Spot::at(&Registry::default(), (MunicipalityId(0), FeedId(0)), None, promise)
    }

    pub(super) fn bay(&self) -> Option<BayId> {
        match self.target {
            Some(Target::Bay(bay)) => Some(bay),
            _ => None,
        }
    }

    pub(super) fn group(&self) -> GroupKey {
        self.site.map_or(GroupKey::Town(self.town), GroupKey::Site)
    }
}
