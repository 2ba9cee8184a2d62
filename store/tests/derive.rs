//! What is derived while observations come in any order, twice, late, and while places change, equals what is
//! derived from nothing.

mod support;

use std::collections::BTreeMap;

use domain::observation::{CountValue, Heard};
use domain::{
    BayId, BayObservation, BayState, FeedId, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros,
};
use sqlx::types::Json;
use store::Pool;
use store::derive::Deriver;
use store::writer::{Batch, Gated, Writer};
use support::{Database, NoSites};

const HOUR: i64 = 3_600_000_000;
/// 2026-06-01, a Monday.
const T0: i64 = 1_780_272_000_000_000;
const NOW: UtcMicros = UtcMicros(T0 + 200 * HOUR);

/// A small generator: the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

/// A town with a site of eight bays, two bays without a site in a zone, and a counted site.
struct Town {
    database: Database,
    municipality: i32,
    bays: Vec<i32>,
    counted: i32,
    feed: i32,
    sensor: i32,
}

impl Town {
    async fn build() -> Town {
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

    fn heard(&self, sensor: Option<i32>) -> Heard {
        Heard {
            municipality: MunicipalityId(self.municipality),
            feed: FeedId(self.feed),
            sensor: sensor.map(SensorId),
            received_at: NOW,
            clock_corrected: false,
        }
    }

    fn observations(&self, numbers: &mut Numbers, count: usize) -> Vec<Batch> {
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
                    heard: self.heard(None),
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
                batch.sites.push(Gated { observation, claim: None });
            } else {
                let bay = numbers.below(10) as usize;
                let sensor = (bay == 0 && numbers.below(2) == 0).then_some(self.sensor);
                let state = BayState::from_code(numbers.below(3) as i16);
                let seq = [None, Some(numbers.below(3) as i64)][numbers.below(2) as usize];
                let source = sensor.unwrap_or(-self.feed);
                let observation = BayObservation {
                    heard: self.heard(sensor),
                    bay: BayId(self.bays[bay]),
                    observed_at: at,
                    digest: BayObservation::digest_of(source, seq, state),
                    state,
                    seq,
                    battery_v: None,
                    rssi_dbm: None,
                    temperature_c: None,
                };
                batch.bays.push(Gated { observation, claim: None });
            }
            batches.push(batch);
        }
        batches
    }

    async fn writer(&self) -> Writer {
        Writer::connect(&store::pool::options(&self.database.server.url()).unwrap()).await.unwrap()
    }

    async fn deriver(&self) -> Deriver {
        Deriver::connect(&self.database.server.url(), UtcMicros(T0)).await.unwrap().expect("no other deriver")
    }

    /// All that is derived, in an order that does not depend on how.
    async fn derived(&self) -> BTreeMap<&'static str, Vec<String>> {
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

    async fn assert_as_from_nothing(&self, deriver: &mut Deriver, after: &str) {
        settle(deriver).await;
        let kept = self.derived().await;
        sqlx::query("UPDATE bay_interval SET state = 1 - state").execute(&self.database.pool).await.unwrap();
        sqlx::query("DELETE FROM occupancy_hour").execute(&self.database.pool).await.unwrap();
        store::derive::again(&self.database.pool).await.unwrap();
        settle(deriver).await;
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

async fn bind(pool: &Pool, municipality: i32, sensor: i32, bay: i32, from: i64, until: i64, stale_s: i32) {
    sqlx::query(
        "INSERT INTO sensor_binding (municipality, sensor, from_utc, until_utc, bay, stale_after_s)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(municipality)
    .bind(sensor)
    .bind(store::ts::Ts(UtcMicros(from)))
    .bind(store::ts::Ts(UtcMicros(until)))
    .bind(bay)
    .bind(stale_s)
    .execute(pool)
    .await
    .unwrap();
}

async fn settle(deriver: &mut Deriver) {
    while !deriver.step(NOW).await.unwrap().is_idle() {}
}

/// As an import does.
async fn places_changed(town: &Town) {
    let mut conn = town.database.pool.acquire().await.unwrap();
    let writer = store::changes::new_writer(&mut conn).await.unwrap();
    store::changes::append(&mut conn, writer, 1, &[domain::live::Change::Places], false).await.unwrap();
}

#[tokio::test]
async fn whatever_comes_in_whatever_order_it_is_as_if_derived_from_nothing() {
    let town = Town::build().await;
    let mut numbers = Numbers(7);
    let mut writers = [town.writer().await, town.writer().await];
    let mut deriver = town.deriver().await;
    assert!(Deriver::connect(&town.database.server.url(), NOW).await.unwrap().is_none(), "one at a time");

    let mut batches = town.observations(&mut numbers, 700);
    batches.extend(batches.clone());
    numbers.shuffle(&mut batches);
    for (i, batch) in batches.chunks(23).enumerate() {
        let mut all = Batch::default();
        for one in batch {
            all.bays.extend(one.bays.clone());
            all.sites.extend(one.sites.clone());
        }
        writers[i % 2].write(&all, &NoSites, NOW).await.unwrap();
        // Hours are closed while some of what is told of them is still to come.
        let now = UtcMicros(T0 + 4 * i as i64 * HOUR).min(NOW);
        match numbers.below(4) {
            0 => drop(deriver.step(now).await.unwrap()),
            1 => while !deriver.step(now).await.unwrap().is_idle() {},
            // Another process takes over.
            2 => {
                drop(deriver);
                deriver = loop {
                    if let Some(d) = Deriver::connect(&town.database.server.url(), NOW).await.unwrap() {
                        break d;
                    }
                };
            }
            _ => {}
        }
    }
    town.assert_as_from_nothing(&mut deriver, "observations").await;

    // The sensor was taken away earlier than was said, and another bay got it.
    let pool = &town.database.pool;
    sqlx::query("DELETE FROM sensor_binding").execute(pool).await.unwrap();
    bind(pool, town.municipality, town.sensor, town.bays[0], T0 + 10 * HOUR, T0 + 30 * HOUR, 7_200).await;
    bind(pool, town.municipality, town.sensor, town.bays[5], T0 + 30 * HOUR, i64::MAX, 600).await;
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "another binding").await;

    // A bay is rebuilt for somebody else, another ceases to be.
    sqlx::query(
        "WITH old AS (UPDATE place_version SET until_utc = $2 WHERE place = $1 RETURNING *)
         INSERT INTO place_version (municipality, place, from_utc, def)
         SELECT municipality, place, $2, def || '{\"restrictions\": [{\"for\": \"charging\"}]}' FROM old",
    )
    .bind(town.bays[1])
    .bind(store::ts::Ts(UtcMicros(T0 + 20 * HOUR + 17)))
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("UPDATE place_version SET def = def || '{\"valid_until\": \"2026-06-02T05:30:00Z\"}' WHERE place = $1")
        .bind(town.bays[2])
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "other places").await;

    // A counted site has fewer spaces from some day on; then it turns out how many it had before, and since.
    let house = "INSERT INTO place_version (municipality, place, from_utc, def)
                 SELECT municipality, id, $2, def || '{\"capacity\": 30}' FROM place WHERE id = $1";
    sqlx::query("UPDATE place_version SET until_utc = $2 WHERE place = $1")
        .bind(town.counted)
        .bind(store::ts::Ts(UtcMicros(T0 + 25 * HOUR + 7)))
        .execute(pool)
        .await
        .unwrap();
    sqlx::query(house)
        .bind(town.counted)
        .bind(store::ts::Ts(UtcMicros(T0 + 25 * HOUR + 7)))
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "fewer spaces").await;
    for (open, capacity) in [(true, 40), (false, 70)] {
        let corrected = "UPDATE place_version SET def = def || jsonb_build_object('capacity', $2::int)
                         WHERE place = $1 AND (until_utc IS NULL) = $3";
        sqlx::query(corrected).bind(town.counted).bind(capacity).bind(open).execute(pool).await.unwrap();
        places_changed(&town).await;
        town.assert_as_from_nothing(&mut deriver, "a corrected capacity").await;
    }

    // The lot was for bikes in its first days, the counted one is since some day.
    for (id, sql) in [
        (
            "lot",
            "WITH old AS (UPDATE place_version SET until_utc = $2, def = def || '{\"purpose\": \"bike\"}'
                              WHERE def ->> 'id' = $1 RETURNING *)
                 INSERT INTO place_version (municipality, place, from_utc, def)
                 SELECT municipality, place, $2, def || '{\"purpose\": \"car\"}' FROM old",
        ),
        (
            "house",
            "UPDATE place_version SET def = def || '{\"purpose\": \"bike\"}'
                   WHERE def ->> 'id' = $1 AND until_utc IS NULL AND from_utc < $2",
        ),
    ] {
        sqlx::query(sql).bind(id).bind(store::ts::Ts(UtcMicros(T0 + 31 * HOUR))).execute(pool).await.unwrap();
    }
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "bikes").await;

    // The feed promises another heartbeat.
    sqlx::query("UPDATE feed SET def = def || '{\"heartbeat_s\": 900}'").execute(pool).await.unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "another heartbeat").await;
    // One was closed for some hours.
    sqlx::query("INSERT INTO closure (municipality, place, from_utc, until_utc) VALUES ($1, $2, $3, $4)")
        .bind(town.municipality)
        .bind(town.bays[4])
        .bind(store::ts::Ts(UtcMicros(T0 + 12 * HOUR + 99)))
        .bind(store::ts::Ts(UtcMicros(T0 + 18 * HOUR)))
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "a closure").await;

    // Residents get the lot: none of its bays is shown, so all count. Later one is open to everyone again: it alone counts.
    for (bays, from_h, publish) in [(&town.bays[..8], 33, "site_only"), (&town.bays[7..8], 40, "public")] {
        sqlx::query(
            "WITH old AS (UPDATE place_version SET until_utc = $2 WHERE place = ANY($1) AND until_utc IS NULL RETURNING *)
             INSERT INTO place_version (municipality, place, from_utc, def)
             SELECT municipality, place, $2, def || jsonb_build_object('publish', $3::text) FROM old",
        )
        .bind(bays)
        .bind(store::ts::Ts(UtcMicros(T0 + from_h * HOUR)))
        .bind(publish)
        .execute(pool)
        .await
        .unwrap();
    }
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "residents").await;
    let most = |from_h: i64, until_h: i64| {
        let sql = "SELECT coalesce(max(h.observed_us), 0) / 3600000000.0::float8
             FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope
             WHERE s.kind = 1 AND s.basis = 1 AND s.audience = '' AND h.hour >= $1 AND h.hour < $2";
        let [from, until] = [from_h, until_h].map(|h| store::ts::Ts(UtcMicros(T0 + h * HOUR)));
        sqlx::query_scalar::<_, f64>(sql).bind(from).bind(until).fetch_one(pool)
    };
    assert!(most(33, 40).await.unwrap() > 1.0);
    let alone = most(40, 200).await.unwrap();
    assert!(0.0 < alone && alone <= 1.0, "{alone}");

    // A site is hidden: its bays count nowhere any more.
    let of_site = || async {
        let sql = "SELECT count(*) FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope WHERE s.kind = 1 AND s.basis = 1";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap()
    };
    assert!(of_site().await > 0);
    let hidden = "UPDATE place_version SET def = def || '{\"publish\": \"none\"}' WHERE def ->> 'id' = 'lot'";
    sqlx::query(hidden).execute(pool).await.unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, "a hidden site").await;
    assert_eq!(of_site().await, 0);
    drop((writers, deriver));
    town.database.stop().await;
}

/// Between two stretches that are derived again others store, and the process is killed.
#[tokio::test]
async fn deriving_again_goes_on_beside_what_comes_and_after_a_crash() {
    let town = Town::build().await;
    let mut numbers = Numbers(11);
    let mut writer = town.writer().await;
    let mut deriver = town.deriver().await;
    let batches = town.observations(&mut numbers, 600);
    let (now, later) = batches.split_at(400);
    let shifted = |batch: &Batch, hours: i64| {
        let mut batch = batch.clone();
        batch.bays.iter_mut().for_each(|b| b.observation.observed_at.0 += hours * HOUR);
        batch.sites.iter_mut().for_each(|s| s.observation.observed_at.0 += hours * HOUR);
        batch
    };
    // A month of it.
    for weeks in 0..4 {
        for batch in now.chunks(100).nth(weeks as usize).unwrap() {
            writer.write(&shifted(batch, weeks * 7 * 24), &NoSites, NOW).await.unwrap();
        }
    }
    const LATER: UtcMicros = UtcMicros(T0 + 40 * 24 * HOUR);
    let settled = async |deriver: &mut Deriver| while !deriver.step(LATER).await.unwrap().is_idle() {};
    settled(&mut deriver).await;
    sqlx::query("UPDATE bay_interval SET state = 1 - state").execute(&town.database.pool).await.unwrap();
    sqlx::query("UPDATE site_interval SET occupied = 0, entries = 7")
        .execute(&town.database.pool)
        .await
        .unwrap();
    store::derive::again(&town.database.pool).await.unwrap();
    let mut stretches = 0;
    deriver.set_bay_days(70);
    for batch in later {
        let weeks_on = numbers.below(4) as i64;
        writer.write(&shifted(batch, weeks_on * 7 * 24), &NoSites, NOW).await.unwrap();
        stretches += deriver.step(LATER).await.unwrap().stretches;
        if numbers.below(3) == 0 {
            drop(deriver);
            deriver = loop {
                if let Some(d) = Deriver::connect(&town.database.server.url(), NOW).await.unwrap() {
                    break d;
                }
            };
            deriver.set_bay_days(70);
        }
    }
    assert!(stretches >= 4, "{stretches}");
    settled(&mut deriver).await;
    let kept = town.derived().await;
    // From nothing.
    for forget in ["DELETE FROM bay_interval", "DELETE FROM site_interval", "DELETE FROM occupancy_hour"] {
        sqlx::query(forget).execute(&town.database.pool).await.unwrap();
    }
    store::derive::again(&town.database.pool).await.unwrap();
    settled(&mut deriver).await;
    assert_eq!(kept, town.derived().await);
    assert!(kept.values().all(|rows| rows.len() > 20));
    // What is no longer stored leaves what was derived of it.
    let cut = store::ts::Ts(UtcMicros(T0 + 8 * 24 * HOUR + HOUR / 3));
    for forget in [
        "DELETE FROM bay_observation WHERE observed_at < $1",
        "DELETE FROM site_count WHERE observed_at < $1",
    ] {
        let gone = sqlx::query(forget).bind(cut).execute(&town.database.pool).await.unwrap();
        assert!(gone.rows_affected() > 20);
    }
    store::derive::again(&town.database.pool).await.unwrap();
    settled(&mut deriver).await;
    assert_eq!(kept, town.derived().await);
}

/// Hours end while there is always something new.
#[tokio::test]
async fn hours_are_closed_under_a_load_without_a_pause() {
    let town = Town::build().await;
    let mut numbers = Numbers(3);
    let mut writer = town.writer().await;
    let mut deriver = town.deriver().await;
    let mut hours = 0;
    for (i, batch) in town.observations(&mut numbers, 60).iter().enumerate() {
        writer.write(batch, &NoSites, NOW).await.unwrap();
        let step = deriver.step(UtcMicros(T0 + i as i64 * HOUR / 10)).await.unwrap();
        assert!(step.log_rows > 0);
        hours += step.hours;
    }
    assert_eq!(hours, 5);
}
