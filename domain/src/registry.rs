//! All known places, devices and feeds at one moment, looked up by id and by name.
//!
//! Immutable: an import builds a new one and swaps it in whole.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::booking::{OnDemandArea, OnDemandLine};
use crate::calendar::CalendarDay;
use crate::closure::Spans;
use crate::fare::FareList;
use crate::feed::{Broker, Feed, topic_matches};
use crate::geo::{Bbox, LatLon};
use crate::ids::SourceKey;
use crate::ids::{BayId, FeedId, MunicipalityId, PlaceId, SensorId, SiteId, VehicleId};
use crate::locality::Locality;
use crate::place::Audience;
use crate::place::{Bay, Municipality, Purpose, Site, Vehicle};
use crate::sensor::{Sensor, Target, stale_after_s};
use crate::taxi::Taxi;
use crate::time::UtcMicros;

/// A place or feed with its surrogate id and the municipality it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<I, T> {
    /// Its surrogate id.
    pub id: I,
    /// Whose it is.
    pub municipality: MunicipalityId,
    /// What the files say of it.
    pub def: T,
}

/// See the module's description. Fill with [`Registry::new`].
#[derive(Debug, Default)]
pub struct Registry {
    generation: i64,
    municipalities: FxHashMap<MunicipalityId, Municipality>,
    municipality_by_slug: HashMap<String, MunicipalityId>,
    sites: FxHashMap<SiteId, Entry<SiteId, Site>>,
    site_by_key: HashMap<String, SiteId>,
    bays: FxHashMap<BayId, Entry<BayId, Bay>>,
    bay_by_key: HashMap<String, BayId>,
    vehicles: FxHashMap<VehicleId, Entry<VehicleId, Vehicle>>,
    vehicle_by_key: HashMap<String, VehicleId>,
    sensors: FxHashMap<SensorId, Sensor>,
    sensor_by_key: HashMap<String, SensorId>,
    brokers: Vec<Broker>,
    feeds: FxHashMap<FeedId, Entry<FeedId, Feed>>,
    /// The sensors of a feed that are or were bound to a place, for messages that name the place itself.
    bound: FxHashMap<(FeedId, Target), Vec<SensorId>>,
    closures: FxHashMap<PlaceId, Spans>,
    public_since: FxHashMap<PlaceId, UtcMicros>,
    distrusted: FxHashMap<BaySource, Spans>,
    on_demand: Arc<[OnDemandLine]>,
    on_demand_areas: Arc<[OnDemandArea]>,
    fares: Arc<FareList>,
    taxis: Arc<[Taxi]>,
    localities: FxHashMap<MunicipalityId, Arc<Locality>>,
    nowhere: Arc<Locality>,
}

/// A source of statements about one bay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BaySource {
    /// Who makes them.
    pub source: SourceKey,
    /// What they are about.
    pub bay: BayId,
}

/// What a [`Registry`] is made of.
#[derive(Debug, Default, Clone)]
pub struct Contents {
    /// The number of the import that made it so; it grows with each.
    pub generation: i64,
    /// Towns and counties.
    pub municipalities: Vec<(MunicipalityId, Municipality)>,
    /// Parking sites.
    pub sites: Vec<Entry<SiteId, Site>>,
    /// Single spaces.
    pub bays: Vec<Entry<BayId, Bay>>,
    /// Buses, trains and others.
    pub vehicles: Vec<Entry<VehicleId, Vehicle>>,
    /// Devices with their bindings.
    pub sensors: Vec<Sensor>,
    /// MQTT servers.
    pub brokers: Vec<Broker>,
    /// Streams of suppliers.
    pub feeds: Vec<Entry<FeedId, Feed>>,
    /// Of the places that have closures.
    pub closures: Vec<(PlaceId, Spans)>,
    /// Since when places are public that were hidden before.
    pub public_since: Vec<(PlaceId, UtcMicros)>,
    /// When sources are not believed, because a fault was found in them.
    pub distrusted: Vec<(BaySource, Spans)>,
    /// The calendars of towns.
    pub calendar: Vec<CalendarDay>,
    /// Rules for lines that run on request, in the order of their files.
    pub on_demand: Vec<OnDemandLine>,
    /// Areas in which vehicles come on demand.
    pub on_demand_areas: Vec<OnDemandArea>,
    /// What rides cost.
    pub fares: FareList,
    /// Taxis to call.
    pub taxis: Vec<Taxi>,
}

impl Registry {
    /// Indexes `contents`.
    pub fn new(mut c: Contents) -> Self {
        c.on_demand.sort_by_key(|rule| rule.municipality.is_none());
        let mut bound: FxHashMap<(FeedId, Target), Vec<SensorId>> = FxHashMap::default();
        for (sensor, binding) in c.sensors.iter().flat_map(|s| s.bindings.iter().map(move |b| (s, b))) {
            if let Some(target) = binding.target {
                bound.entry((sensor.feed, target)).or_default().push(sensor.id);
            }
        }
        let localities = localities(&c);
        Registry {
            bound,
            localities,
            nowhere: Arc::default(),
            generation: c.generation,
            municipality_by_slug: c.municipalities.iter().map(|(id, m)| (m.slug.clone(), *id)).collect(),
            municipalities: c.municipalities.into_iter().collect(),
            site_by_key: c.sites.iter().map(|s| (s.def.id.clone(), s.id)).collect(),
            sites: c.sites.into_iter().map(|s| (s.id, s)).collect(),
            bay_by_key: c.bays.iter().map(|b| (b.def.id.clone(), b.id)).collect(),
            bays: c.bays.into_iter().map(|b| (b.id, b)).collect(),
            vehicle_by_key: c.vehicles.iter().map(|v| (v.def.id.clone(), v.id)).collect(),
            vehicles: c.vehicles.into_iter().map(|v| (v.id, v)).collect(),
            sensor_by_key: c.sensors.iter().map(|s| (s.key.clone(), s.id)).collect(),
            sensors: c.sensors.into_iter().map(|s| (s.id, s)).collect(),
            brokers: c.brokers,
            feeds: c.feeds.into_iter().map(|f| (f.id, f)).collect(),
            closures: c.closures.into_iter().collect(),
            public_since: c.public_since.into_iter().collect(),
            distrusted: c.distrusted.into_iter().collect(),
            on_demand: c.on_demand.into(),
            on_demand_areas: c.on_demand_areas.into(),
            fares: Arc::new(c.fares),
            taxis: c.taxis.into(),
        }
    }

    /// The number of the import that made it so.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// The context of opening hours in a municipality.
    pub fn locality(&self, id: MunicipalityId) -> &Arc<Locality> {
        self.localities.get(&id).unwrap_or(&self.nowhere)
    }

    /// A municipality.
    pub fn municipality(&self, id: MunicipalityId) -> Option<&Municipality> {
        self.municipalities.get(&id)
    }

    /// A municipality by its slug.
    pub fn municipality_id(&self, slug: &str) -> Option<MunicipalityId> {
        self.municipality_by_slug.get(slug).copied()
    }

    /// All municipalities, in no order.
    pub fn municipalities(&self) -> impl Iterator<Item = (MunicipalityId, &Municipality)> {
        self.municipalities.iter().map(|(id, m)| (*id, m))
    }

    /// The slugs of all municipalities in their order, for error texts: `a, b, c`.
    pub fn slugs(&self) -> String {
        let mut slugs: Vec<&str> = self.municipalities().map(|(_, m)| m.slug.as_str()).collect();
        slugs.sort_unstable();
        slugs.join(", ")
    }

    /// A site.
    pub fn site(&self, id: SiteId) -> Option<&Entry<SiteId, Site>> {
        self.sites.get(&id)
    }

    /// A site by its text id.
    pub fn site_by_key(&self, key: &str) -> Option<&Entry<SiteId, Site>> {
        self.sites.get(self.site_by_key.get(key)?)
    }

    /// The usable capacity of a site, or of one audience's spaces in it; 0 where it is not known.
    pub fn capacity(&self, site: SiteId, audience: Option<Audience>) -> i64 {
        self.site(site).map_or(0, |site| match audience {
            None => site.def.capacity.into(),
            Some(audience) => site.def.capacity_for(audience).map_or(0, i64::from),
        })
    }

    /// All sites, in no order.
    pub fn sites(&self) -> impl Iterator<Item = &Entry<SiteId, Site>> {
        self.sites.values()
    }

    /// A bay.
    pub fn bay(&self, id: BayId) -> Option<&Entry<BayId, Bay>> {
        self.bays.get(&id)
    }

    /// A bay by its text id.
    pub fn bay_by_key(&self, key: &str) -> Option<&Entry<BayId, Bay>> {
        self.bays.get(self.bay_by_key.get(key)?)
    }

    /// What is parked in a bay: what its site is for; a car where it belongs to none.
    pub fn purpose_of(&self, bay: &Bay) -> Purpose {
        let site = bay.site.as_deref().and_then(|key| self.site_by_key(key));
        site.map_or(Purpose::Car, |site| site.def.purpose)
    }

    /// All bays, in no order.
    pub fn bays(&self) -> impl Iterator<Item = &Entry<BayId, Bay>> {
        self.bays.values()
    }

    /// A vehicle.
    pub fn vehicle(&self, id: VehicleId) -> Option<&Entry<VehicleId, Vehicle>> {
        self.vehicles.get(&id)
    }

    /// A vehicle by its text id.
    pub fn vehicle_by_key(&self, key: &str) -> Option<&Entry<VehicleId, Vehicle>> {
        self.vehicles.get(self.vehicle_by_key.get(key)?)
    }

    /// All vehicles, in no order.
    pub fn vehicles(&self) -> impl Iterator<Item = &Entry<VehicleId, Vehicle>> {
        self.vehicles.values()
    }

    /// A sensor.
    pub fn sensor(&self, id: SensorId) -> Option<&Sensor> {
        self.sensors.get(&id)
    }

    /// A sensor by its DevEUI or the supplier's id.
    pub fn sensor_by_key(&self, key: &str) -> Option<&Sensor> {
        self.sensors.get(self.sensor_by_key.get(key)?)
    }

    /// All sensors, in no order.
    pub fn sensors(&self) -> impl Iterator<Item = &Sensor> {
        self.sensors.values()
    }

    /// The sensor of `feed` that is bound to a target at `at`.
    pub fn sensor_at(&self, feed: FeedId, target: Target, at: UtcMicros) -> Option<&Sensor> {
        let sensors = self.bound.get(&(feed, target)).into_iter().flatten().filter_map(|id| self.sensor(*id));
        sensors.into_iter().find(|s| s.binding_at(at).is_some_and(|b| b.target == Some(target)))
    }

    /// All brokers.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// A feed.
    pub fn feed(&self, id: FeedId) -> Option<&Entry<FeedId, Feed>> {
        self.feeds.get(&id)
    }

    /// Whether a feed of `broker` (`None`: the instance's own) reads `topic`.
    pub fn reads(&self, broker: Option<&str>, topic: &str) -> bool {
        let of_broker = self.feeds.values().map(|f| &f.def).filter(|f| f.broker.as_deref() == broker);
        of_broker.filter(|f| f.is_subscribed()).any(|f| topic_matches(&f.topic, topic))
    }

    /// All feeds, in no order.
    pub fn feeds(&self) -> impl Iterator<Item = &Entry<FeedId, Feed>> {
        self.feeds.values()
    }

    /// When a place is closed whatever its opening hours say; `None` = never.
    pub fn closures(&self, place: impl Into<PlaceId>) -> Option<&Spans> {
        self.closures.get(&place.into())
    }

    /// Since when the public may see a place's state, where that was not always so. Earlier observations are not shown.
    pub fn public_since(&self, place: impl Into<PlaceId>) -> Option<UtcMicros> {
        self.public_since.get(&place.into()).copied()
    }

    /// Whether what `source` states of a bay at `at` is not believed, because a fault was found in it.
    pub fn is_distrusted(&self, source: SourceKey, bay: BayId, at: UtcMicros) -> bool {
        self.distrusted.get(&BaySource { source, bay }).is_some_and(|spans| spans.covers(at))
    }

    /// The places that are closed at `at` whatever their opening hours say.
    pub fn closed_at(&self, at: UtcMicros) -> impl Iterator<Item = PlaceId> + '_ {
        self.closures.iter().filter(move |(_, spans)| spans.covers(at)).map(|(place, _)| *place)
    }

    /// Whether `feed` may name places of `owner`: see [`Municipality::may_name`].
    pub fn may_name(&self, feed: &Entry<FeedId, Feed>, owner: MunicipalityId) -> bool {
        let both = || self.municipality(feed.municipality).zip(self.municipality(owner));
        feed.municipality == owner || both().is_some_and(|(feed_owner, owner)| feed_owner.may_name(owner))
    }

    /// How long a statement of this source at `at` stays fresh, seconds: as the binding of that time says, else
    /// 2.2 x its heartbeat, else 2.2 x the feed's heartbeat. Where the message named the place itself
    /// (`sensor` is `None`), the binding is that of the feed's sensor at the place, if there is one.
    pub fn stale_after_s(
        &self,
        feed: FeedId,
        sensor: Option<SensorId>,
        target: Target,
        at: UtcMicros,
    ) -> u32 {
        let at_place = || self.bound.get(&(feed, target)).map_or(&[][..], Vec::as_slice);
        let sensors = sensor.as_ref().map_or_else(at_place, std::slice::from_ref);
        let bindings = sensors.iter().filter_map(|id| self.sensor(*id)).flat_map(|s| &s.bindings);
        let binding = bindings.filter(|b| b.target == Some(target)).find(|b| b.covers(at));
        if let Some(seconds) = binding.and_then(|b| b.stale_after_s) {
            return seconds;
        }
        let heartbeat_s = binding
            .and_then(|b| b.heartbeat_s)
            .or_else(|| self.feed(feed).map(|f| f.def.heartbeat_s()))
            .unwrap_or(crate::feed::DEFAULT_HEARTBEAT_S);
        stale_after_s(heartbeat_s)
    }

    /// Rules for lines that run on request, in the order in which they count: those of municipalities before those of the
    /// county, then as they stand in their files.
    pub fn on_demand(&self) -> &Arc<[OnDemandLine]> {
        &self.on_demand
    }

    /// Areas in which vehicles come on demand, as counties and towns draw them.
    pub fn on_demand_areas(&self) -> &Arc<[OnDemandArea]> {
        &self.on_demand_areas
    }

    /// What rides cost, as the county lists it.
    pub fn fares(&self) -> &Arc<FareList> {
        &self.fares
    }

    /// Taxis to call, in the order of their file.
    pub fn taxis(&self) -> &Arc<[Taxi]> {
        &self.taxis
    }

    /// The box of all sites and bays, `None` when there are none.
    pub fn bounds(&self) -> Option<Bbox> {
        let sites = self.sites.values().map(|s| s.def.position());
        let bays = self.bays.values().map(|b| b.def.position());
        sites.chain(bays).fold(None, |b: Option<Bbox>, p| Some(b.map_or(Bbox::of(p), |b| b.extended(p))))
    }
}

/// Of each municipality, with the sun over it: over one of its places where it has no position.
fn localities(contents: &Contents) -> FxHashMap<MunicipalityId, Arc<Locality>> {
    let place_in = |id: MunicipalityId| {
        let mut sites = contents.sites.iter().filter(|site| site.municipality == id);
        sites.next().map(|site| site.def.position())
    };
    let of = |(id, town): &(MunicipalityId, Municipality)| {
        let calendar = contents.calendar.iter().filter(|day| day.municipality == town.slug);
        let locality = Locality::new(&town.tz, &town.ags, calendar);
        let position = town.lat.zip(town.lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
        let position = position.or_else(|| place_in(*id));
        (*id, Arc::new(position.map_or_else(|| locality.clone(), |position| locality.at(position))))
    };
    contents.municipalities.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MunicipalityId;
    use crate::sensor::Binding;

    /// A bay of a feed that names its bays itself, with a sensor row from 100 to 200 s.
    fn registry(stale_after_s: Option<u32>) -> Registry {
        let def: Feed = serde_json::from_value(serde_json::json!({
            "id": "f", "municipality": "m", "format": "native", "topic": "t", "qos": 1, "use_server_decoder": false,
            "heartbeat_s": 1_000,
        }))
        .unwrap();
        let binding = Binding {
            target: Some(Target::Bay(BayId(5))),
            direction: None,
            from: Some(UtcMicros::EPOCH.plus_s(100)),
            until: Some(UtcMicros::EPOCH.plus_s(200)),
            heartbeat_s: Some(10),
            stale_after_s,
            threshold_mm: None,
        };
        let sensor = |id, feed| Sensor {
            id: SensorId(id),
            key: id.to_string(),
            feed: FeedId(feed),
            municipality: MunicipalityId(1),
            decoder: None,
            bindings: vec![binding.clone()],
        };
        Registry::new(Contents {
            feeds: vec![Entry { id: FeedId(1), municipality: MunicipalityId(1), def }],
            sensors: vec![sensor(7, 1), sensor(8, 2)],
            ..Contents::default()
        })
    }

    #[test]
    fn a_place_named_by_its_feed_is_held_as_its_sensor_row_says_while_that_holds() {
        for (row, expected) in [(Some(77), 77), (None, 22)] {
            let registry = registry(row);
            let stale_after_s = |feed, bay, at| {
                let at = UtcMicros::EPOCH.plus_s(at);
                registry.stale_after_s(FeedId(feed), None, Target::Bay(BayId(bay)), at)
            };
            assert_eq!(stale_after_s(1, 5, 150), expected);
            assert_eq!(stale_after_s(1, 5, 200), 2_200, "the binding is over");
            assert_eq!(stale_after_s(1, 6, 150), 2_200, "another bay");
        }
    }
}
