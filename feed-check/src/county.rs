//! The places of a county, from its files: who may speak, and who should.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::catalogue::Catalogue;
use domain::feed::topic_matches;
use domain::registry::{Contents, Entry};
use domain::sensor::SensorRow;
use domain::{
    Binding, Broker, Decoder, Feed, FeedFormat, FeedId, MunicipalityId, Registry, Sensor, SensorId, Target,
    UtcMicros, Vehicle,
};

/// Problems of files that are shown.
const SHOWN: usize = 10;

/// Why a county cannot be used: the problems of its files.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CountyError(String);

/// See the module's description.
#[derive(Debug)]
pub struct County {
    registry: Registry,
    rows: Vec<SensorRow>,
    vehicles: Vec<Vehicle>,
}

impl County {
    /// Reads and checks the files as an import would at `now`.
    ///
    /// # Errors
    /// They cannot be read, or contradict each other.
    pub fn read(paths: &[PathBuf], now: UtcMicros) -> Result<Self, CountyError> {
        let problems = |all: &places::FileProblems| {
            let shown: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = all.count().saturating_sub(shown.len() as u64);
            let more = if more > 0 { format!("\n... and {more} problems more") } else { String::new() };
            CountyError(format!("{}{more}", shown.join("\n")))
        };
        let mut files = places::read(paths).map_err(|all| problems(&all))?;
        let known = Catalogue::default();
        places::settle(&mut files, &known);
        let found = places::validate(&files, &known, now);
        if found.count() > 0 {
            return Err(problems(&found));
        }
        Ok(County::new(files.into_catalogue()))
    }

    fn new(all: Catalogue) -> Self {
        let vehicles = all.vehicles.clone();
        let towns: BTreeMap<String, MunicipalityId> = (1..)
            .zip(&all.municipalities)
            .map(|(id, town)| (town.slug.clone(), MunicipalityId(id)))
            .collect();
        let town = |slug: &str| towns.get(slug).copied().unwrap_or(MunicipalityId(0));
        let contents = Contents {
            sites: entries(all.sites, |site| town(&site.municipality)),
            bays: entries(all.bays, |bay| town(&bay.municipality)),
            vehicles: entries(all.vehicles, |vehicle| town(&vehicle.owner)),
            feeds: entries(all.feeds, |feed| town(&feed.municipality)),
            municipalities: (1..).map(MunicipalityId).zip(all.municipalities).collect(),
            brokers: all.brokers,
            ..Contents::default()
        };
        let sensors = sensors(&all.sensors, &Registry::new(contents.clone()));
        County { registry: Registry::new(Contents { sensors, ..contents }), rows: all.sensors, vehicles }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How the bytes of a device are read.
    pub fn decoder_of(&self, device: &str) -> Option<Decoder> {
        self.registry.sensor_by_key(device)?.decoder
    }

    /// The feed whose filter matches `topic`.
    pub(crate) fn feed_of(&self, topic: &str) -> Option<&Entry<FeedId, Feed>> {
        self.registry.feeds().filter(|f| f.def.is_subscribed()).find(|f| topic_matches(&f.def.topic, topic))
    }

    /// The feed `id` with the broker that it names.
    pub fn feed(&self, id: &str) -> Option<(&Feed, Option<&Broker>)> {
        let feed = &self.registry.feeds().find(|f| f.def.id == id)?.def;
        let broker =
            feed.broker.as_deref().and_then(|id| self.registry.brokers().iter().find(|b| b.id == id));
        Some((feed, broker))
    }

    /// Ids of the devices and places that should speak over these feeds: their sensors that are bound to a place; without sensors the
    /// bays and sites (native) or vehicles (transit) of the feed's municipality.
    pub(crate) fn expected(&self, feeds: &BTreeSet<FeedId>) -> BTreeSet<String> {
        feeds
            .iter()
            .filter_map(|id| self.registry.feed(*id))
            .flat_map(|feed| self.expected_of(feed))
            .collect()
    }

    fn expected_of(&self, feed: &Entry<FeedId, Feed>) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.feed == feed.def.id);
        let bound: Vec<&SensorRow> =
            rows.filter(|row| row.bound_until.is_none() && row.target().is_some()).collect();
        let is_native = feed.def.format == FeedFormat::Native;
        if !bound.is_empty() {
            // Native topics name the place, others the device.
            let named = |row: &&SensorRow| match row.target() {
                Some((_, place)) if is_native => place.to_owned(),
                _ => row.id.clone(),
            };
            return bound.iter().map(named).collect();
        }
        let own = feed.municipality;
        match feed.def.format {
            FeedFormat::Native => {
                let elsewhere: BTreeSet<&str> =
                    self.rows.iter().filter_map(|row| row.bay.as_deref()).collect();
                let bays = self.registry.bays().filter(|b| b.municipality == own);
                let bays = bays.map(|b| b.def.id.clone()).filter(|id| !elsewhere.contains(id.as_str()));
                let with_bays: BTreeSet<&str> =
                    self.registry.bays().filter_map(|bay| bay.def.site.as_deref()).collect();
                let sites = self.registry.sites().filter(|s| s.municipality == own);
                let sites = sites.map(|s| s.def.id.clone()).filter(|id| !with_bays.contains(id.as_str()));
                bays.chain(sites).collect()
            }
            FeedFormat::Hfp | FeedFormat::GtfsRt => {
                let own = self.vehicles.iter().filter(|v| v.owner == feed.def.municipality);
                own.map(|v| v.id.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn entries<I: From<i32>, T>(defs: Vec<T>, town: impl Fn(&T) -> MunicipalityId) -> Vec<Entry<I, T>> {
    (1..).zip(defs).map(|(id, def)| Entry { id: I::from(id), municipality: town(&def), def }).collect()
}

/// Devices with their bindings: a row is one binding.
fn sensors(rows: &[SensorRow], places: &Registry) -> Vec<Sensor> {
    let feeds: BTreeMap<&str, (FeedId, MunicipalityId)> =
        places.feeds().map(|f| (f.def.id.as_str(), (f.id, f.municipality))).collect();
    let mut sensors: BTreeMap<&str, Sensor> = BTreeMap::new();
    for row in rows {
        let Some((feed, municipality)) = feeds.get(row.feed.as_str()).copied() else { continue };
        let id = SensorId(sensors.len() as i32 + 1);
        let sensor = sensors.entry(&row.id).or_insert_with(|| Sensor {
            id,
            key: row.id.clone(),
            feed,
            municipality,
            decoder: row.decoder,
            bindings: Vec::new(),
        });
        let target = match row.target() {
            Some(("bay", key)) => places.bay_by_key(key).map(|bay| Target::Bay(bay.id)),
            Some(("site", key)) => places.site_by_key(key).map(|site| Target::Site(site.id)),
            Some((_, key)) => places.vehicle_by_key(key).map(|vehicle| Target::Vehicle(vehicle.id)),
            None => None,
        };
        sensor.bindings.push(Binding {
            target,
            direction: row.direction,
            from: row.bound_from,
            until: row.bound_until,
            heartbeat_s: row.heartbeat_s,
            stale_after_s: row.stale_after_s,
            threshold_mm: row.threshold_mm,
        });
    }
    sensors.into_values().collect()
}
