//! Live state in memory: what is vacant now, where the vehicles are.
//!
//! Can be thrown away and rebuilt from the store at any moment. Applying changes is idempotent
//! and order-free: bays by [`crate::bay_state`], site counts by their version, vehicles by
//! `(observed_at, digest)`. No state is given out without its age.

mod class;
mod site;
mod view;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};
use serde::{Deserialize, Serialize};

use crate::bay_state::{BayReading, BayReadings, BayState};
use crate::geo::{Bbox, LatLon};
use crate::ids::{BayId, FeedId, SiteId, VehicleId};
use crate::observation::{Digest, VehicleFix};
use crate::place::{Audience, Publish, is_valid_at};
use crate::registry::Registry;
use crate::sensor::Target;
use crate::site_count::CountState;
use crate::time::UtcMicros;

pub use class::Tally;
use class::{ClassId, Classes};
use site::SiteCell;
pub use view::{Basis, BayView, ByRestriction, Offer, OfferBasis, SiteView, VehicleView};

/// One thing that changed, as the store's change log carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    Bay {
        bay: BayId,
        reading: BayReading,
    },
    Site {
        site: SiteId,
        audience: Option<Audience>,
        version: i64,
        count: CountState,
    },
    Vehicle {
        vehicle: VehicleId,
        feed: FeedId,
        observed_at: UtcMicros,
        digest: Digest,
        fix: VehicleFix,
    },
    /// Places, sensors or feeds were imported: load the registry again.
    Places,
}

/// Why an event is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventReason {
    /// The state or the number is another one.
    Changed,
    /// The same state, observed again: its age begins anew.
    Confirmed,
    /// Nothing was heard for longer than promised.
    Stale,
    /// An import changed the place.
    Places,
}

impl EventReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventReason::Changed => "changed",
            EventReason::Confirmed => "confirmed",
            EventReason::Stale => "stale",
            EventReason::Places => "places",
        }
    }
}

/// Something that those who look should be told. Read the subject's view for its values, except
/// a bay's statement, which is told as it was made.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    Bay { bay: BayId, state: BayState, observed_at: UtcMicros, stale: bool, reason: EventReason },
    Site { site: SiteId, reason: EventReason },
    Vehicle { vehicle: VehicleId },
    RemovedBay { key: String },
    RemovedSite { key: String },
}

/// Any place on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceRef {
    Bay(BayId),
    Site(SiteId),
}

struct BayCell {
    readings: BayReadings,
    /// When the current reading goes stale.
    stale_at: UtcMicros,
    /// What the site's tally holds for this bay.
    counted: BayState,
    queued_at: UtcMicros,
    placed: Option<BayPlace>,
}

/// What the registry says of a bay that is valid now.
struct BayPlace {
    site: Option<SiteId>,
    class: ClassId,
    position: LatLon,
    is_public: bool,
    counts_in_site: bool,
}

struct VehicleCell {
    feed: FeedId,
    observed_at: UtcMicros,
    digest: Digest,
    fix: VehicleFix,
}

/// See the module's description.
pub struct LiveMap {
    registry: Arc<Registry>,
    bays: HashMap<BayId, BayCell>,
    sites: HashMap<SiteId, SiteCell>,
    vehicles: HashMap<VehicleId, VehicleCell>,
    classes: Classes,
    index: RTree<GeomWithData<[f64; 2], PlaceRef>>,
    bay_keys: Vec<(String, BayId)>,
    site_keys: Vec<(String, SiteId)>,
    bounds: Option<Bbox>,
    timers: BinaryHeap<Reverse<(UtcMicros, PlaceRef)>>,
    /// The next instant at which some place begins or ceases to be valid.
    next_validity_change: Option<UtcMicros>,
}

impl LiveMap {
    /// An empty map of the registry's places; `now` decides which are valid.
    pub fn new(registry: Arc<Registry>, now: UtcMicros) -> Self {
        let mut map = LiveMap {
            registry: Arc::new(Registry::default()),
            bays: HashMap::new(),
            sites: HashMap::new(),
            vehicles: HashMap::new(),
            classes: Classes::default(),
            index: RTree::new(),
            bay_keys: Vec::new(),
            site_keys: Vec::new(),
            bounds: None,
            timers: BinaryHeap::new(),
            next_validity_change: None,
        };
        map.place(registry, now);
        map
    }

    /// The places as they are known here.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The box of all visible places.
    pub fn bounds(&self) -> Option<Bbox> {
        self.bounds
    }

    /// Takes in new places; states are kept. Tells what appeared, changed or vanished.
    pub fn replace_registry(&mut self, registry: Arc<Registry>, now: UtcMicros) -> Vec<LiveEvent> {
        let bays_before: HashMap<BayId, String> = self.public_bays().collect();
        let sites_before: HashMap<SiteId, String> = self.public_sites().collect();
        self.place(registry, now);
        let bays_now: HashMap<BayId, String> = self.public_bays().collect();
        let sites_now: HashMap<SiteId, String> = self.public_sites().collect();

        let mut events = Vec::new();
        for (id, key) in &bays_before {
            if !bays_now.contains_key(id) {
                events.push(LiveEvent::RemovedBay { key: key.clone() });
            }
        }
        for (id, key) in &sites_before {
            if !sites_now.contains_key(id) {
                events.push(LiveEvent::RemovedSite { key: key.clone() });
            }
        }
        for bay in bays_now.keys().filter(|id| !bays_before.contains_key(id)) {
            if let Some(event) = self.bay_event(*bay, now, EventReason::Places) {
                events.push(event);
            }
        }
        events.extend(
            sites_now.keys().map(|site| LiveEvent::Site { site: *site, reason: EventReason::Places }),
        );
        events
    }

    /// Applies changes and tells what is worth telling: every bay statement that holds, each
    /// touched site once.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>, now: UtcMicros) -> Vec<LiveEvent> {
        let mut events = Vec::new();
        let mut sites = BTreeSet::new();
        for change in changes {
            match change {
                Change::Bay { bay, reading } => self.apply_bay(bay, reading, now, &mut events, &mut sites),
                Change::Site { site, audience, version, count } => {
                    if self.apply_count(site, audience, version, count) {
                        sites.insert(site);
                    }
                }
                Change::Vehicle { vehicle, feed, observed_at, digest, fix } => {
                    let held = self.vehicles.get(&vehicle).map(|v| (v.observed_at, v.digest));
                    if held < Some((observed_at, digest)) {
                        self.vehicles.insert(vehicle, VehicleCell { feed, observed_at, digest, fix });
                        events.push(LiveEvent::Vehicle { vehicle });
                    }
                }
                Change::Places => {}
            }
        }
        events.extend(sites.into_iter().map(|site| LiveEvent::Site { site, reason: EventReason::Changed }));
        events
    }

    fn apply_bay(
        &mut self,
        bay: BayId,
        reading: BayReading,
        now: UtcMicros,
        events: &mut Vec<LiveEvent>,
        sites: &mut BTreeSet<SiteId>,
    ) {
        let cell = self.bays.entry(bay).or_insert_with(BayCell::empty);
        let before = cell.readings.current().copied();
        if !cell.readings.apply(reading) {
            return;
        }
        self.renew(bay, now);
        if let Some(site) = self.recount(bay, now) {
            sites.insert(site);
        }
        let same = before.is_some_and(|b| b.state == reading.state);
        let reason = if same { EventReason::Confirmed } else { EventReason::Changed };
        if let Some(event) = self.bay_event(bay, now, reason) {
            events.push(event);
        }
    }

    fn apply_count(
        &mut self,
        site: SiteId,
        audience: Option<Audience>,
        version: i64,
        count: CountState,
    ) -> bool {
        let stale_at = count.observed_at.zip(count.heard_from).map(|(at, (feed, sensor))| {
            at.plus_s(self.registry.stale_after_s(feed, sensor, Target::Site(site)).into())
        });
        let cell = self.sites.entry(site).or_default();
        if !cell.apply_count(audience, version, count, stale_at) {
            return false;
        }
        if let Some(at) = stale_at {
            self.timers.push(Reverse((at, PlaceRef::Site(site))));
        }
        true
    }

    /// What has gone stale, opened or closed by `now`. Call it at least once a second.
    pub fn tick(&mut self, now: UtcMicros) -> Vec<LiveEvent> {
        if self.next_validity_change.is_some_and(|at| at <= now) {
            return self.replace_registry(self.registry.clone(), now);
        }
        let mut events = Vec::new();
        let mut sites = BTreeSet::new();
        while let Some(Reverse((at, place))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match place {
                PlaceRef::Bay(bay) => {
                    if let Some(cell) = self.bays.get_mut(&bay) {
                        cell.queued_at = UtcMicros(i64::MAX);
                        if cell.stale_at > now {
                            self.queue(bay);
                            continue;
                        }
                    }
                    if let Some(site) = self.recount(bay, now) {
                        sites.insert(site);
                    }
                    events.extend(self.bay_event(bay, now, EventReason::Stale));
                }
                PlaceRef::Site(site) => {
                    if self.sites.get(&site).is_some_and(|s| s.count_goes_stale_at(at)) {
                        sites.insert(site);
                    }
                }
            }
        }
        events.extend(sites.into_iter().map(|site| LiveEvent::Site { site, reason: EventReason::Stale }));
        let reopened = self.classes.tick(now);
        for (id, cell) in &mut self.sites {
            if cell.tick_opening(now) || (reopened && cell.has_classes()) {
                events.push(LiveEvent::Site { site: *id, reason: EventReason::Changed });
            }
        }
        events
    }

    /// Recomputes when the bay's current reading goes stale.
    fn renew(&mut self, bay: BayId, _now: UtcMicros) {
        let Some(cell) = self.bays.get_mut(&bay) else { return };
        let Some(reading) = cell.readings.current() else { return };
        let stale_after_s = self.registry.stale_after_s(reading.feed, reading.sensor, Target::Bay(bay));
        cell.stale_at = reading.observed_at.plus_s(stale_after_s.into());
        self.queue(bay);
    }

    /// One timer per bay at most, unless it must fire earlier than the queued one.
    fn queue(&mut self, bay: BayId) {
        if let Some(cell) = self.bays.get_mut(&bay)
            && cell.stale_at < cell.queued_at
        {
            cell.queued_at = cell.stale_at;
            self.timers.push(Reverse((cell.stale_at, PlaceRef::Bay(bay))));
        }
    }

    /// Brings the site's tally in line with the bay; returns the site when it changed.
    fn recount(&mut self, bay: BayId, now: UtcMicros) -> Option<SiteId> {
        let cell = self.bays.get_mut(&bay)?;
        let state = cell.state_at(now);
        let place = cell.placed.as_ref()?;
        let site = place.site.filter(|_| place.counts_in_site)?;
        let observed_at = cell.readings.current().map(|r| r.observed_at);
        let site_cell = self.sites.get_mut(&site)?;
        site_cell.note_bay_observed(observed_at);
        if cell.counted == state {
            return None;
        }
        site_cell.move_bay(place.class, cell.counted, state);
        cell.counted = state;
        Some(site)
    }

    fn bay_event(&self, bay: BayId, now: UtcMicros, reason: EventReason) -> Option<LiveEvent> {
        let cell = self.bays.get(&bay)?;
        let reading = cell.readings.current()?;
        Some(LiveEvent::Bay {
            bay,
            state: cell.state_at(now),
            observed_at: reading.observed_at,
            stale: now >= cell.stale_at,
            reason,
        })
    }

    /// Lays out the places of `registry` that are valid at `now`; keeps all states.
    fn place(&mut self, registry: Arc<Registry>, now: UtcMicros) {
        self.registry = registry.clone();
        self.classes = Classes::default();
        self.next_validity_change = None;
        let mut points = Vec::new();
        let mut next_change: Option<UtcMicros> = None;
        let mut valid = |from: Option<UtcMicros>, until: Option<UtcMicros>| {
            for edge in [from, until].into_iter().flatten().filter(|edge| *edge > now) {
                next_change = Some(next_change.map_or(edge, |n| n.min(edge)));
            }
            is_valid_at(from, until, now)
        };

        for cell in self.sites.values_mut() {
            cell.unplace();
        }
        self.site_keys.clear();
        for entry in registry.sites() {
            let site = &entry.def;
            if !valid(site.valid_from, site.valid_until) {
                continue;
            }
            let tz = registry.municipality(entry.municipality).map_or("UTC", |m| m.tz.as_str());
            let restrictions = self.classes.intern(&site.restrictions, tz, now);
            let is_public = site.publish != Publish::None;
            self.sites.entry(entry.id).or_default().place(site, restrictions, tz, is_public, now);
            if is_public {
                points.push(point(site.position(), PlaceRef::Site(entry.id)));
                self.site_keys.push((site.id.clone(), entry.id));
            }
        }

        for cell in self.bays.values_mut() {
            cell.placed = None;
            cell.counted = BayState::Unknown;
        }
        self.bay_keys.clear();
        for entry in registry.bays() {
            let bay = &entry.def;
            if !valid(bay.valid_from, bay.valid_until) {
                continue;
            }
            let tz = registry.municipality(entry.municipality).map_or("UTC", |m| m.tz.as_str());
            let site = bay.site.as_deref().and_then(|key| registry.site_by_key(key));
            let site_is_shown = site.is_none_or(|s| s.def.publish != Publish::None);
            let publish = bay.publish();
            let place = BayPlace {
                site: site.map(|s| s.id),
                class: self.classes.intern(&bay.restrictions, tz, now),
                position: bay.position(),
                is_public: publish == Publish::Public && site_is_shown,
                counts_in_site: publish != Publish::None,
            };
            if place.is_public {
                points.push(point(place.position, PlaceRef::Bay(entry.id)));
                self.bay_keys.push((bay.id.clone(), entry.id));
            }
            if let Some(site) = place.site.filter(|_| place.counts_in_site)
                && let Some(cell) = self.sites.get_mut(&site)
            {
                cell.add_bay(place.class, place.is_public);
            }
            self.bays.entry(entry.id).or_insert_with(BayCell::empty).placed = Some(place);
        }
        self.next_validity_change = next_change;
        self.bay_keys.sort_unstable();
        self.site_keys.sort_unstable();
        self.bounds = points.iter().fold(None, |b: Option<Bbox>, p| {
            let [lon, lat] = *p.geom();
            let p = LatLon { lat, lon };
            Some(b.map_or(Bbox::of(p), |b| b.extended(p)))
        });
        self.index = RTree::bulk_load(points);

        let bays: Vec<BayId> = self.bays.keys().copied().collect();
        for bay in bays {
            self.renew(bay, now);
            self.recount(bay, now);
        }
        let sites: Vec<SiteId> = self.sites.keys().copied().collect();
        for site in sites {
            let registry = self.registry.clone();
            if let Some(cell) = self.sites.get_mut(&site) {
                let renewed = cell
                    .renew_counts(|feed, sensor| registry.stale_after_s(feed, sensor, Target::Site(site)));
                self.timers.extend(renewed.into_iter().map(|at| Reverse((at, PlaceRef::Site(site)))));
            }
        }
    }

    /// Visible bays and sites inside `bbox`, in no order.
    pub fn within(&self, bbox: Bbox) -> impl Iterator<Item = (PlaceRef, LatLon)> + '_ {
        let envelope = AABB::from_corners([bbox.west, bbox.south], [bbox.east, bbox.north]);
        self.index.locate_in_envelope(envelope).map(|p| {
            let [lon, lat] = *p.geom();
            (p.data, LatLon { lat, lon })
        })
    }

    /// Visible bays in the order of their text ids, those after `after`.
    pub fn bays_after<'a>(&'a self, after: Option<&str>) -> impl Iterator<Item = BayId> + use<'a> {
        keys_after(&self.bay_keys, after)
    }

    /// Visible sites in the order of their text ids, those after `after`.
    pub fn sites_after<'a>(&'a self, after: Option<&str>) -> impl Iterator<Item = SiteId> + use<'a> {
        keys_after(&self.site_keys, after)
    }

    fn public_bays(&self) -> impl Iterator<Item = (BayId, String)> + '_ {
        self.bay_keys.iter().map(|(key, id)| (*id, key.clone()))
    }

    fn public_sites(&self) -> impl Iterator<Item = (SiteId, String)> + '_ {
        self.site_keys.iter().map(|(key, id)| (*id, key.clone()))
    }
}

impl BayCell {
    fn empty() -> Self {
        BayCell {
            readings: BayReadings::default(),
            stale_at: UtcMicros(i64::MIN),
            counted: BayState::Unknown,
            queued_at: UtcMicros(i64::MAX),
            placed: None,
        }
    }

    fn state_at(&self, now: UtcMicros) -> BayState {
        match self.readings.current() {
            Some(reading) if now < self.stale_at => reading.state,
            _ => BayState::Unknown,
        }
    }
}

fn point(position: LatLon, place: PlaceRef) -> GeomWithData<[f64; 2], PlaceRef> {
    GeomWithData::new([position.lon, position.lat], place)
}

fn keys_after<'a, I: Copy>(
    keys: &'a [(String, I)],
    after: Option<&str>,
) -> impl Iterator<Item = I> + use<'a, I> {
    let start = after.map_or(0, |after| keys.partition_point(|(key, _)| key.as_str() <= after));
    keys[start..].iter().map(|(_, id)| *id)
}
