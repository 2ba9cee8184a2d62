//! Small counties, built step by step: in memory with ids that count from one, or imported into a database.

use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::geo::Geometry;
use domain::registry::{Contents, Entry};
use domain::sensor::SensorRow;
use domain::{
    Bay, BayId, Binding, Feed, FeedId, LatLon, Municipality, MunicipalityId, Registry, Sensor, SensorId,
    Site, SiteId, Target, UtcMicros, Vehicle, VehicleId,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::Pool;
use store::places::{Holds, Import, Missing};

/// Towns and what they have: `World::town("markt").feed("f").site("lot", 20).bays(12)`. What is added belongs to the newest
/// town, and has nothing special about it until a method `with_...` changes it.
#[derive(Debug, Clone)]
pub struct World {
    pub contents: Contents,
    /// Index of the town that gets what is added.
    town: usize,
    north_m: f64,
    next_place: i32,
}

impl World {
    /// One town. Its feed, sensors and vehicles count from one, and so do sites and bays, which share their numbers.
    pub fn town(slug: &str) -> Self {
        World::from(Contents::default()).and_town(slug)
    }

    /// One town more, named as its slug is.
    pub fn and_town(mut self, slug: &str) -> Self {
        let number = self.contents.municipalities.len() as i32 + 1;
        let town = from_json(json!({
            "slug": slug, "name": slug[..1].to_uppercase() + &slug[1..], "ags": format!("05570{number:03}"),
            "tz": "Europe/Berlin", "public_planning": false,
        }));
        self.contents.municipalities.push((MunicipalityId(number), town));
        self.in_town(slug)
    }

    /// What is added from now on belongs to this town.
    pub fn in_town(mut self, slug: &str) -> Self {
        let mut towns = self.contents.municipalities.iter();
        self.town = towns.position(|(_, town)| town.slug == slug).expect("a town of that slug");
        self.north_m(0.0)
    }

    pub fn with_town(mut self, change: impl FnOnce(&mut Municipality)) -> Self {
        change(&mut self.contents.municipalities[self.town].1);
        self
    }

    /// Where the town lies, and what is added to it from now on.
    pub fn at(self, middle: LatLon) -> Self {
        self.with_town(|town| (town.lat, town.lon) = (Some(middle.lat), Some(middle.lon)))
    }

    /// Places that are added from now on lie so far north of their town's middle.
    pub fn north_m(mut self, north_m: f64) -> Self {
        self.north_m = north_m;
        self
    }

    /// Sites and bays that are added from now on count from `id`.
    pub fn place_ids_from(mut self, id: i32) -> Self {
        self.next_place = id;
        self
    }

    /// A native feed with the topics `kv/1/{key}/#`.
    pub fn feed(mut self, key: &str) -> Self {
        let feed = json!({
            "id": key, "municipality": self.slug(), "format": "native", "topic": format!("kv/1/{key}/#"), "qos": 1,
            "use_server_decoder": false,
        });
        let entry = self.entry(FeedId(self.contents.feeds.len() as i32 + 1), feed);
        self.contents.feeds.push(entry);
        self
    }

    pub fn with_feed(mut self, change: impl FnOnce(&mut Feed)) -> Self {
        change(&mut newest(&mut self.contents.feeds).def);
        self
    }

    /// A public car park.
    pub fn site(mut self, key: &str, capacity: u32) -> Self {
        let site = json!({
            "id": key, "municipality": self.slug(), "name": format!("Site {key}"), "kind": "lot", "capacity": capacity,
            "purpose": "car", "publish": "public", "geometry": self.position(),
        });
        let id = SiteId(self.next_place_id());
        let entry = self.entry(id, site);
        self.contents.sites.push(entry);
        self
    }

    pub fn with_site(mut self, change: impl FnOnce(&mut Site)) -> Self {
        change(&mut newest(&mut self.contents.sites).def);
        self
    }

    /// So many bays of the newest site: `{site}-1`, `{site}-2`, ...
    pub fn bays(self, n: usize) -> Self {
        let site = self.contents.sites.last().expect("bays of a site need one").def.id.clone();
        (1..=n).fold(self, |world, i| world.bay_in(&site, &format!("{site}-{i}")))
    }

    /// A bay that belongs to no site.
    pub fn bay(self, key: &str) -> Self {
        self.add_bay(None, key)
    }

    pub fn bay_in(self, site: &str, key: &str) -> Self {
        self.add_bay(Some(site), key)
    }

    fn add_bay(mut self, site: Option<&str>, key: &str) -> Self {
        let bay =
            json!({ "id": key, "municipality": self.slug(), "site": site, "geometry": self.position() });
        let id = BayId(self.next_place_id());
        let entry = self.entry(id, bay);
        self.contents.bays.push(entry);
        self
    }

    pub fn with_bay(mut self, change: impl FnOnce(&mut Bay)) -> Self {
        change(&mut newest(&mut self.contents.bays).def);
        self
    }

    pub fn vehicle(mut self, key: &str) -> Self {
        let entry = self.entry(
            VehicleId(self.contents.vehicles.len() as i32 + 1),
            json!({ "id": key, "owner": self.slug() }),
        );
        self.contents.vehicles.push(entry);
        self
    }

    pub fn with_vehicle(mut self, change: impl FnOnce(&mut Vehicle)) -> Self {
        change(&mut newest(&mut self.contents.vehicles).def);
        self
    }

    /// A device of `feed`, bound to the bay at all times.
    pub fn sensor(mut self, key: &str, feed: &str, bay: &str) -> Self {
        let bay = self.contents.bays.iter().find(|b| b.def.id == bay).expect("a bay of that id").id;
        let feed = self.contents.feeds.iter().find(|f| f.def.id == feed).expect("a feed of that id");
        let binding = Binding {
            target: Some(Target::Bay(bay)),
            direction: None,
            from: None,
            until: None,
            heartbeat_s: None,
            stale_after_s: None,
            threshold_mm: None,
        };
        self.contents.sensors.push(Sensor {
            id: SensorId(self.contents.sensors.len() as i32 + 1),
            key: key.into(),
            feed: feed.id,
            municipality: feed.municipality,
            decoder: None,
            bindings: vec![binding],
        });
        self
    }

    pub fn with_sensor(mut self, change: impl FnOnce(&mut Sensor)) -> Self {
        change(newest(&mut self.contents.sensors));
        self
    }

    pub fn registry(&self) -> Arc<Registry> {
        Arc::new(Registry::new(self.contents.clone()))
    }

    fn slug(&self) -> &str {
        &self.contents.municipalities[self.town].1.slug
    }

    fn position(&self) -> Geometry {
        let town = &self.contents.municipalities[self.town].1;
        let middle = LatLon { lat: town.lat.unwrap_or(51.9), lon: town.lon.unwrap_or(7.2) };
        north_of(middle, self.north_m)
    }

    fn next_place_id(&mut self) -> i32 {
        self.next_place += 1;
        self.next_place - 1
    }

    fn entry<I, T: DeserializeOwned>(&self, id: I, def: Value) -> Entry<I, T> {
        let municipality = self.contents.municipalities[self.town].0;
        Entry { id, municipality, def: from_json(def) }
    }
}

impl From<Contents> for World {
    /// To add more.
    fn from(contents: Contents) -> Self {
        World { contents, town: 0, north_m: 0.0, next_place: 1 }
    }
}

/// The point so far north of `from`.
pub fn north_of(from: LatLon, north_m: f64) -> Geometry {
    Geometry::Point([from.lon, from.lat + north_m / 111_195.0])
}

/// Imports all that files define, but for closures: what is there then, with the ids that the database gave.
pub async fn import(contents: &Contents, pool: &Pool) -> Arc<Registry> {
    let mut import = Import::begin(pool).await.unwrap();
    let new = catalogue(contents);
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
    import.commit(&report, "test").await.unwrap();
    Arc::new(store::places::registry(&mut pool.acquire().await.unwrap()).await.unwrap())
}

fn catalogue(contents: &Contents) -> Catalogue {
    fn defs<I, T: Clone>(entries: &[Entry<I, T>]) -> Vec<T> {
        entries.iter().map(|entry| entry.def.clone()).collect()
    }
    let registry = Registry::new(contents.clone());
    let row = |sensor: &Sensor, binding: &Binding| {
        let mut row = SensorRow {
            id: sensor.key.clone(),
            feed: registry.feed(sensor.feed).unwrap().def.id.clone(),
            decoder: sensor.decoder,
            bay: None,
            site: None,
            vehicle: None,
            direction: binding.direction,
            bound_from: binding.from,
            bound_until: binding.until,
            heartbeat_s: binding.heartbeat_s,
            stale_after_s: binding.stale_after_s,
            threshold_mm: binding.threshold_mm,
        };
        match binding.target {
            Some(Target::Bay(id)) => row.bay = Some(registry.bay(id).unwrap().def.id.clone()),
            Some(Target::Site(id)) => row.site = Some(registry.site(id).unwrap().def.id.clone()),
            Some(Target::Vehicle(id)) => row.vehicle = Some(registry.vehicle(id).unwrap().def.id.clone()),
            None => {}
        }
        row
    };
    Catalogue {
        municipalities: contents.municipalities.iter().map(|(_, town)| town.clone()).collect(),
        sites: defs(&contents.sites),
        bays: defs(&contents.bays),
        vehicles: defs(&contents.vehicles),
        brokers: contents.brokers.clone(),
        feeds: defs(&contents.feeds),
        sensors: contents.sensors.iter().flat_map(|s| s.bindings.iter().map(|b| row(s, b))).collect(),
        closures: Vec::new(),
        commissioned: Default::default(),
        calendar: contents.calendar.clone(),
        notices: Vec::new(),
        on_demand: Some(contents.on_demand.clone()),
        on_demand_areas: Some(contents.on_demand_areas.clone()),
        fares: Some(contents.fares.clone()),
        taxis: Some(contents.taxis.clone()),
    }
}

/// The id of the feed `key`.
pub fn feed_id(registry: &Registry, key: &str) -> FeedId {
    registry.feeds().find(|feed| feed.def.id == key).expect("a feed of that id").id
}

fn newest<T>(items: &mut [T]) -> &mut T {
    items.last_mut().expect("there is one to change")
}

fn from_json<T: DeserializeOwned>(def: Value) -> T {
    serde_json::from_value(def).unwrap()
}
