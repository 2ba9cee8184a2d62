//! A town whose places are observed in many ways, and what is derived of it.

use std::collections::BTreeMap;

use domain::observation::{CountValue, Provenance};
use domain::{
    BayId, BayObservation, BayState, FeedId, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros,
};
use store::Pool;
use store::derive::Deriver;
use store::writer::{Batch, Writer};
use testing::observed::{self, dated};
use testing::world::feed_id;
use testing::{Numbers, World};

use super::Database;

pub const HOUR: i64 = 3_600_000_000;
/// 2026-06-01, a Monday.
pub const T0: i64 = 1_780_272_000_000_000;
pub const NOW: UtcMicros = UtcMicros(T0 + 200 * HOUR);

/// A town with a site of eight bays, two bays without a site in a zone, and a counted site.
pub struct Town {
    pub database: Database,
    pub municipality: i32,
    pub bays: Vec<i32>,
    pub counted: i32,
    pub feed: i32,
    pub sensor: i32,
}

impl Town {
    pub async fn build() -> Town {
        let database = Database::start().await;
        let mut world = World::town("n")
            .feed("f")
            .with_feed(|feed| feed.heartbeat_s = Some(3_600))
            .site("lot", 8)
            .with_site(|lot| lot.zone = Some("centre".into()))
            .site("house", 50);
        for n in 0..10 {
            let key = format!("b{n}");
            world = if n < 8 { world.bay_in("lot", &key) } else { world.bay(&key) };
            world = world.with_bay(|bay| {
                bay.zone = (n >= 8).then(|| "edge".into());
                if n == 3 {
                    bay.restrictions = serde_json::from_str(r#"[{"for": "disabled"}]"#).unwrap();
                }
            });
        }
        let world = world.sensor("s", "f", "b0").with_sensor(|sensor| {
            sensor.bindings[0].from = Some(UtcMicros(T0 - 9 * HOUR));
            sensor.bindings[0].stale_after_s = Some(1_800);
        });
        let registry = testing::world::import(&world.contents, &database.pool).await;
        Town {
            municipality: database.municipality.0,
            bays: (0..10).map(|n| registry.bay_by_key(&format!("b{n}")).unwrap().id.0).collect(),
            counted: registry.site_by_key("house").unwrap().id.0,
            feed: feed_id(&registry, "f").0,
            sensor: registry.sensor_by_key("s").unwrap().id.0,
            database,
        }
    }

    fn provenance(&self, sensor: Option<i32>) -> Provenance {
        let provenance = observed::provenance(MunicipalityId(self.municipality), FeedId(self.feed), NOW);
        Provenance { sensor: sensor.map(SensorId), ..provenance }
    }

    pub fn observations(&self, numbers: &mut Numbers, count: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        for _ in 0..count {
            // Rounded, so that instants are shared.
            let at = UtcMicros(T0 + numbers.below(60 * 12) as i64 * HOUR / 12);
            let mut batch = Batch::default();
            if numbers.below(5) == 0 {
                let value = match numbers.below(3) {
                    0 => CountValue::Occupied(numbers.below(50) as i32),
                    1 => CountValue::Vacant(numbers.below(50) as i32),
                    _ => {
                        CountValue::Flow { entries: numbers.below(4) as i32, exits: numbers.below(4) as i32 }
                    }
                };
                let capacity = (numbers.below(9) == 0).then(|| 45 + numbers.below(9) as i32);
                let seq = Some(numbers.below(3) as i64);
                let count = observed::count(self.provenance(None), SiteId(self.counted), seq, value);
                let count = SiteCount { observed_at: at, capacity, ..count };
                batch.sites = dated([SiteCount { digest: count.digest_of(), ..count }]);
            } else {
                let bay = numbers.below(10) as usize;
                let sensor = (bay == 0 && numbers.below(2) == 0).then_some(self.sensor);
                let state = BayState::from_code(numbers.below(3) as i16);
                let seq = [None, Some(numbers.below(3) as i64)][numbers.below(2) as usize];
                let bay = observed::bay(self.provenance(sensor), BayId(self.bays[bay]), seq, state);
                batch.bays = dated([BayObservation { observed_at: at, ..bay }]);
            }
            batches.push(batch);
        }
        batches
    }

    pub async fn writer(&self) -> Writer {
        self.database.writer().await
    }

    pub async fn deriver(&self) -> Deriver {
        Deriver::connect(&self.database.url, UtcMicros(T0)).await.unwrap().expect("no other deriver")
    }

    /// All that is derived, in an order that does not depend on how.
    pub async fn derived(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut tables = BTreeMap::new();
        for (name, sql) in [
            ("bays", "SELECT concat_ws(' ', bay, from_utc, until_utc, state) FROM bay_interval ORDER BY bay, from_utc"),
            ("sites", "SELECT concat_ws(' ', site, audience, from_utc, until_utc, occupied, capacity, is_anchored, entries,
                 exits) FROM site_interval ORDER BY site, audience, from_utc"),
            ("hours", "SELECT concat_ws(' ', s.kind, s.site, s.zone, s.audience, s.basis, s.purpose, h.hour, h.occupied_us, h.observed_us,
                 h.arrivals, h.departures, md5(h.detail)) FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope
                 ORDER BY s.id, h.hour"),
        ] {
            tables.insert(name, self.database.scalars(sql).await);
        }
        tables
    }

    pub async fn assert_as_from_nothing(&self, deriver: &mut Deriver, now: UtcMicros, after: &str) {
        settle(deriver, now).await;
        let kept = self.derived().await;
        self.database.execute("UPDATE bay_interval SET state = 1 - state").await;
        self.database.execute("DELETE FROM occupancy_hour").await;
        store::derive::request_all(&self.database.pool).await.unwrap();
        settle(deriver, now).await;
        let fresh = self.derived().await;
        for (table, rows) in &fresh {
            assert_eq!(&kept[table], rows, "{table} after {after}");
            assert!(rows.len() > 20, "{table}: {} rows", rows.len());
        }
    }
}

pub async fn bind(
    pool: &Pool,
    municipality: i32,
    sensor: i32,
    bay: i32,
    from: i64,
    until: i64,
    stale_s: i32,
) {
    sqlx::query(
        "INSERT INTO sensor_binding (municipality, sensor, from_utc, until_utc, bay, stale_after_s)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(municipality)
    .bind(sensor)
    .bind(store::Ts(UtcMicros(from)))
    .bind(store::Ts(UtcMicros(until)))
    .bind(bay)
    .bind(stale_s)
    .execute(pool)
    .await
    .unwrap();
}

pub async fn settle(deriver: &mut Deriver, now: UtcMicros) {
    while !deriver.step(now).await.unwrap().is_idle() {}
}

/// As an import does.
pub async fn places_changed(town: &Town) {
    let mut conn = town.database.pool.acquire().await.unwrap();
    let writer = store::changes::new_writer(&mut conn).await.unwrap();
    store::changes::append(&mut conn, writer, 1, &[domain::live::Change::Places], false).await.unwrap();
}
