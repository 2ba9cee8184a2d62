//! A town whose places are observed in many ways, and what is derived of it.

use std::collections::BTreeMap;

use domain::observation::{CountValue, Provenance};
use domain::{BayId, BayState, FeedId, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros};
use sqlx::types::Json;
use store::Pool;
use store::derive::Deriver;
use store::writer::{Batch, Keyed, Writer};

use super::Database;

pub const HOUR: i64 = 3_600_000_000;
/// 2026-06-01, a Monday.
pub const T0: i64 = 1_780_272_000_000_000;
pub const NOW: UtcMicros = UtcMicros(T0 + 200 * HOUR);

/// A small generator: the same numbers each time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

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
        let (pool, municipality) = (&database.pool, database.municipality.0);
        let feed: i32 = sqlx::query_scalar("INSERT INTO feed (municipality, key, def) VALUES ($1, 'f', $2) RETURNING id")
            .bind(municipality)
            .bind(Json(serde_json::json!({"id": "f", "municipality": "n", "broker": null, "format": "native", "topic": "kv/1/f/#",
                "qos": 1, "clock": null, "on_bad_clock": null, "max_age_s": null, "max_message_bytes": null, "heartbeat_s": 3600,
                "use_server_decoder": false, "area": null, "licence": null, "attribution": null, "contact": null, "url": null, "every_s": null})))
            .fetch_one(pool)
            .await
            .unwrap();
        let geometry = serde_json::to_value(domain::geo::Geometry::Point([7.2, 51.9])).unwrap();
        let site = |id: &str, zone: Option<&str>, capacity: u32| {
            serde_json::json!({"id": id, "municipality": "n", "name": id, "kind": "lot", "capacity": capacity, "purpose": "car",
                "zone": zone, "opening_hours": null, "fee": null, "max_height_m": null, "publish": "public", "valid_from": null,
                "valid_until": null, "geometry": geometry})
        };
        let lot = place(pool, municipality, 1, "lot", site("lot", Some("centre"), 8)).await;
        let counted = place(pool, municipality, 1, "house", site("house", None, 50)).await;
        let mut bays = Vec::new();
        for n in 0..10 {
            let id = format!("b{n}");
            let for_all = serde_json::json!([]);
            let restricted = serde_json::json!([{"for": "disabled"}]);
            let def = serde_json::json!({"id": id, "municipality": "n", "site": (n < 8).then_some("lot"),
                "zone": (n >= 8).then_some("edge"), "restrictions": if n == 3 { restricted } else { for_all },
                "max_stay_min": null, "publish": null, "valid_from": null, "valid_until": null, "geometry": geometry});
            bays.push(place(pool, municipality, 2, &id, def).await);
        }
        let _ = lot;
        let sensor: i32 = sqlx::query_scalar(
            "INSERT INTO sensor (municipality, feed, key) VALUES ($1, $2, 's') RETURNING id",
        )
        .bind(municipality)
        .bind(feed)
        .fetch_one(pool)
        .await
        .unwrap();
        bind(pool, municipality, sensor, bays[0], T0 - 9 * HOUR, i64::MAX, 1_800).await;
        Town { municipality, database, bays, counted, feed, sensor }
    }

    fn provenance(&self, sensor: Option<i32>) -> Provenance {
        Provenance {
            municipality: MunicipalityId(self.municipality),
            feed: FeedId(self.feed),
            sensor: sensor.map(SensorId),
            received_at: NOW,
            clock_corrected: false,
        }
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
                let mut observation = SiteCount {
                    provenance: self.provenance(None),
                    site: SiteId(self.counted),
                    observed_at: at,
                    digest: 0,
                    audience: None,
                    value,
                    status: None,
                    capacity: (numbers.below(9) == 0).then(|| 45 + numbers.below(9) as i32),
                    source: None,
                    seq: Some(numbers.below(3) as i64),
                };
                observation.digest = observation.digest_of();
                batch.sites.push(Keyed { observation, idempotency_key: None });
            } else {
                let bay = numbers.below(10) as usize;
                let sensor = (bay == 0 && numbers.below(2) == 0).then_some(self.sensor);
                let state = BayState::from_code(numbers.below(3) as i16);
                let seq = [None, Some(numbers.below(3) as i64)][numbers.below(2) as usize];
                let observation =
                    super::of_bay(self.provenance(sensor), BayId(self.bays[bay]), at, seq, state);
                batch.bays.push(Keyed { observation, idempotency_key: None });
            }
            batches.push(batch);
        }
        batches
    }

    pub async fn writer(&self) -> Writer {
        Writer::connect(&store::pool::options(&self.database.url).unwrap()).await.unwrap()
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
            tables.insert(name, sqlx::query_scalar(sql).fetch_all(&self.database.pool).await.unwrap());
        }
        tables
    }

    pub async fn assert_as_from_nothing(&self, deriver: &mut Deriver, now: UtcMicros, after: &str) {
        settle(deriver, now).await;
        let kept = self.derived().await;
        sqlx::query("UPDATE bay_interval SET state = 1 - state").execute(&self.database.pool).await.unwrap();
        sqlx::query("DELETE FROM occupancy_hour").execute(&self.database.pool).await.unwrap();
        store::derive::request_all(&self.database.pool).await.unwrap();
        settle(deriver, now).await;
        let fresh = self.derived().await;
        for (table, rows) in &fresh {
            assert_eq!(&kept[table], rows, "{table} after {after}");
            assert!(rows.len() > 20, "{table}: {} rows", rows.len());
        }
    }
}

async fn place(pool: &Pool, municipality: i32, kind: i16, key: &str, def: serde_json::Value) -> i32 {
    sqlx::query_scalar(
        "WITH new AS (
            INSERT INTO place (municipality, kind, key, site, def)
            SELECT $1, $2, $3, (SELECT id FROM place WHERE kind = 1 AND key = $4 ->> 'site'), $4 RETURNING *),
         old AS (INSERT INTO place_version (municipality, place, from_utc, def)
                 SELECT municipality, id, '-infinity', def FROM new)
         SELECT id FROM new",
    )
    .bind(municipality)
    .bind(kind)
    .bind(key)
    .bind(def)
    .fetch_one(pool)
    .await
    .unwrap()
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
