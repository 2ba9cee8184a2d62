//! All devices of an instance: takes what the change log carries, lets time pass, and says which reasons began and ended.
//!
//! Its state is a function of what it was given, in that order; so whoever stores it together with how far the log was read
//! can go on from there, and counts nothing twice. It is stored in [`PARTS`] parts, of which only those that have changed are
//! written.

mod gates;
mod groups;
mod kept;
mod outages;
mod part;
mod reasons;
mod spot;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use self::gates::Gates;
use self::groups::Groups;
pub use self::outages::Outage;
use self::outages::Outages;
pub use self::part::{PARTS, Part};
use self::spot::Spot;
use self::watched::Watched;
use super::heard::{DeviceKey, Heard};
use super::message::{Message, WeekHour};
use super::reason::Reason;
use super::surroundings::MOST_SITES;
use crate::geo::LatLon;
use crate::ids::{FeedId, MunicipalityId, SensorId, SiteId};
use crate::registry::Registry;
use crate::sensor::Target;
use crate::time::{MICROS_PER_S, UtcMicros};

/// Each device is judged every so many seconds, message or not.
const TICK_EVERY_S: i64 = 3_600;
/// The devices of a part are judged together, and those of the next so many seconds later.
const STRIDE_S: i64 = TICK_EVERY_S / PARTS as i64;
/// Time passes so many seconds late: messages of before have been stored by then.
const LAG_S: i64 = 30;
/// When nothing ran for so many seconds, devices are not to blame for their silence in it.
const PAUSE_S: i64 = 900;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Watch {
    registry: Arc<Registry>,
    devices: FxHashMap<DeviceKey, Watched>,
    groups: Groups,
    gates: Gates,
    outages: Outages,
    /// The local time of towns by quarter of an hour, since looking it up costs more than judging a message.
    hours: FxHashMap<MunicipalityId, (i64, WeekHour)>,
    parts: Vec<Members>,
    /// The last stride that was judged, since 1970.
    stride: i64,
    /// The newest moment that it knows of.
    at: UtcMicros,
    /// Devices that have a reason, or had one when reasons were last asked for.
    ailing: FxHashSet<DeviceKey>,
    /// Reasons of devices that are gone.
    ended: Vec<Reason>,
    /// A site was counted for the first time, or somebody is new.
    has_new_gate: bool,
}

/// Who is stored together.
#[derive(Debug, Clone, Default)]
struct Members {
    devices: Vec<DeviceKey>,
    has_changed: bool,
}

impl Watch {
    /// Nobody is watched yet.
    pub fn new() -> Self {
        Watch { parts: vec![Members::default(); PARTS], ..Watch::default() }
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Up to when everybody was judged.
    pub fn at(&self) -> UtcMicros {
        self.at
    }

    /// Goes on from `at`, when it was stored.
    pub fn resume(&mut self, at: UtcMicros) {
        (self.at, self.stride) = (at, stride_of(at));
    }

    /// Takes the files as they are at `now`: who is new, who is gone, who watches another place.
    pub fn place(&mut self, registry: Arc<Registry>, now: UtcMicros) {
        self.registry = registry;
        let registry = self.registry.clone();
        for sensor in registry.sensors() {
            // Of other feeds the files have sensors for their heartbeats; who speaks is the feed.
            if !registry.feed(sensor.feed).is_some_and(|feed| feed.def.format.is_lorawan()) {
                continue;
            }
            let (key, spot) = (DeviceKey::sensor(sensor.id), Spot::of_sensor(&registry, sensor, now));
            match self.devices.get_mut(&key).map(|watched| watched.move_to(spot, now)) {
                Some(true) => self.touch(key),
                None if spot.target.is_some() => self.add(key, Watched::new(spot, now)),
                _ => {}
            }
        }
        let natives: Vec<DeviceKey> = self.devices.keys().filter(|key| key.bay.is_some()).copied().collect();
        for key in natives {
            if let (Some(spot), Some(watched)) = (self.native_spot(key, now), self.devices.get_mut(&key)) {
                watched.move_to(spot, now);
            }
        }
        let is_gone = |key: &&DeviceKey| match key.bay {
            Some(_) => self.native_spot(**key, now).is_none(),
            None => registry.sensor(SensorId(key.source.0)).is_none(),
        };
        let gone: Vec<DeviceKey> = self.devices.keys().filter(is_gone).copied().collect();
        gone.into_iter().for_each(|key| self.remove(key, now));
        self.surround();
    }

    fn native_spot(&self, key: DeviceKey, now: UtcMicros) -> Option<Spot> {
        Spot::of_native(&self.registry, FeedId(-key.source.0), key.bay?, now)
    }

    fn add_native(&mut self, key: DeviceKey, mut watched: Watched) {
        let group = self.groups.index(watched.spot.group());
        watched.surround(&[], group, |site| self.gates.index(site));
        self.add(key, watched);
        self.has_new_gate = true;
    }

    fn add(&mut self, key: DeviceKey, watched: Watched) {
        let part = part::of_device(key);
        self.parts[part].devices.push(key);
        self.parts[part].has_changed = true;
        self.devices.insert(key, watched);
    }

    fn remove(&mut self, key: DeviceKey, now: UtcMicros) {
        let members = &mut self.parts[part::of_device(key)];
        members.devices.retain(|other| *other != key);
        members.has_changed = true;
        self.ailing.remove(&key);
        if let Some(mut watched) = self.devices.remove(&key) {
            watched.end_all(key, now, &mut self.ended);
        }
    }

    fn touch(&mut self, key: DeviceKey) {
        self.parts[part::of_device(key)].has_changed = true;
    }

    /// Looks up each device's neighbours, and the counted sites that it may lie in.
    fn surround(&mut self) {
        self.has_new_gate = false;
        let registry = self.registry.clone();
        let counted: Vec<(MunicipalityId, LatLon, SiteId)> = (self.gates.sites())
            .filter_map(|site| registry.site(site))
            .map(|site| (site.municipality, site.def.position(), site.id))
            .collect();
        let mut nearest: FxHashMap<SiteId, Vec<SiteId>> = FxHashMap::default();
        let find = |town: MunicipalityId, from: LatLon| {
            let mut of_town: Vec<(i64, SiteId)> = (counted.iter().filter(|(of, ..)| *of == town))
                .map(|(_, position, site)| (position.distance_m(from) as i64, *site))
                .collect();
            of_town.sort_unstable();
            of_town.into_iter().map(|(_, site)| site).take(MOST_SITES).collect::<Vec<_>>()
        };
        for watched in self.devices.values_mut() {
            let spot = watched.spot;
            let around: &[SiteId] = match (spot.site, spot.position) {
                (_, None) => &[],
                (Some(site), Some(from)) => nearest.entry(site).or_insert_with(|| find(spot.town, from)),
                (None, Some(from)) => &find(spot.town, from),
            };
            watched.surround(around, self.groups.index(spot.group()), |site| self.gates.index(site));
        }
        self.sum_up_outages();
    }

    /// Takes something new. Whoever is not in the files costs nothing more than to be looked up.
    pub fn hear(&mut self, heard: &Heard) {
        if stride_of(heard.received_at()) > self.stride {
            self.tick(heard.received_at());
        }
        self.at = self.at.max(heard.received_at());
        match heard {
            Heard::Message { device, message } => {
                // What was never accepted may be somebody's mistake about a bay of others.
                if device.bay.is_some()
                    && message.rejected.is_none()
                    && !self.devices.contains_key(device)
                    && let Some(spot) = self.native_spot(*device, message.received_at)
                {
                    // It is new, and what is known of it begins here.
                    let mut new = Watched::new(spot, message.received_at);
                    new.is_known = true;
                    self.add_native(*device, new);
                }
                self.judge(*device, message.received_at, Some(message));
            }
            Heard::Count { site, observed_at, value, .. } => {
                self.has_new_gate |= self.gates.count(*site, *observed_at, *value);
                self.parts[part::of_site(*site)].has_changed = true;
            }
        }
    }

    fn judge(&mut self, key: DeviceKey, now: UtcMicros, message: Option<&Message>) {
        let Some(watched) = self.devices.get_mut(&key) else { return };
        let at = local(&self.registry, &mut self.hours, watched.spot.town, now);
        let group = &mut self.groups.all[watched.group];
        let unheard = self.outages.of(watched.spot.feed);
        if watched.judge(now, at, message, &mut group.neighbours, &self.gates, unheard) {
            self.parts[part::of_device(key)].has_changed = true;
            self.parts[part::of_group(group.key)].has_changed = true;
        }
        if watched.is_ailing() {
            self.ailing.insert(key);
        }
    }

    /// Lets the time pass until `now`, except for its last seconds. After an interruption nobody is to blame for silence in it.
    pub fn tick(&mut self, now: UtcMicros) {
        if self.has_new_gate {
            self.surround();
        }
        // A clock that was ahead must not stop the time.
        if self.at > now.plus_s(TICK_EVERY_S) {
            (self.at, self.stride) = (now, stride_of(now));
            self.outages.end_by(now);
            self.sum_up_outages();
        }
        if now.age_s(self.at) > PAUSE_S && self.at > UtcMicros::EPOCH {
            self.outages.pause([(self.at, now)]);
            self.parts[part::COMMON].has_changed = true;
            self.sum_up_outages();
        }
        self.at = self.at.max(now);
        let until = stride_of(now);
        // Once around is enough for all.
        for stride in (self.stride + 1).max(until - PARTS as i64 + 1)..=until {
            let at = UtcMicros::from_unix_s(stride * STRIDE_S);
            let part = stride.rem_euclid(PARTS as i64) as usize;
            let members = std::mem::take(&mut self.parts[part].devices);
            for key in &members {
                self.bind(*key, at);
                self.judge(*key, at, None);
            }
            self.parts[part].devices = members;
        }
        self.stride = self.stride.max(until);
    }

    /// Takes over when nothing of which feeds came through: all that is known of the last weeks.
    pub fn outages(&mut self, of_feeds: Vec<Outage>) {
        if !self.outages.set(of_feeds) {
            return;
        }
        self.sum_up_outages();
        // Some were found to be silent before it was known that their feed is.
        let ailing: Vec<DeviceKey> = self.ailing.iter().copied().collect();
        for key in BTreeSet::from_iter(ailing) {
            self.judge(key, self.at, None);
        }
    }

    fn sum_up_outages(&mut self) {
        let mut devices: FxHashMap<FeedId, usize> = FxHashMap::default();
        for watched in self.devices.values().filter(|watched| watched.spot.target.is_some()) {
            *devices.entry(watched.spot.feed).or_default() += 1;
        }
        self.outages.sum_up(&devices);
    }

    /// A binding may begin or end without a change of the files.
    fn bind(&mut self, key: DeviceKey, now: UtcMicros) {
        let Some(watched) = self.devices.get_mut(&key) else { return };
        let registry = &self.registry;
        let Some(sensor) = registry.sensor(SensorId(key.source.0)).filter(|_| key.bay.is_none()) else {
            return;
        };
        let target: Option<Target> = sensor.binding_at(now).and_then(|binding| binding.target);
        if target != watched.spot.target {
            watched.move_to(Spot::of_sensor(registry, sensor, now), now);
            let group = self.groups.index(watched.spot.group());
            watched.surround(&[], group, |site| self.gates.index(site));
            self.has_new_gate = true;
            self.touch(key);
        }
    }
}

/// The newest stride that is over at `now`.
fn stride_of(now: UtcMicros) -> i64 {
    now.plus_s(-LAG_S).0.div_euclid(STRIDE_S * MICROS_PER_S)
}

fn local(
    registry: &Registry,
    hours: &mut FxHashMap<MunicipalityId, (i64, WeekHour)>,
    town: MunicipalityId,
    now: UtcMicros,
) -> WeekHour {
    const QUARTER_US: i64 = 900 * MICROS_PER_S;
    let quarter = now.0.div_euclid(QUARTER_US);
    match hours.get(&town) {
        Some((held, at)) if *held == quarter => *at,
        _ => {
            let at = WeekHour::at(registry.locality(town), now);
            hours.insert(town, (quarter, at));
            at
        }
    }
}
