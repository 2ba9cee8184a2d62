//! What is derived while observations come in any order, twice, late, and while places change, equals what is
//! derived from nothing.

use crate::support::town::{HOUR, NOW, T0, Town, bind, places_changed};
use domain::Registry;
use domain::UtcMicros;
use store::derive::Deriver;
use store::writer::Batch;
use testing::Numbers;

#[tokio::test]
async fn whatever_comes_in_whatever_order_it_is_as_if_derived_from_nothing() {
    let town = Town::build().await;
    let mut numbers = Numbers(7);
    let mut writers = [town.writer().await, town.writer().await];
    let mut deriver = town.deriver().await;
    assert!(Deriver::connect(&town.database.url, NOW).await.unwrap().is_none(), "one at a time");

    let mut batches = town.observations(&mut numbers, 700);
    batches.extend(batches.clone());
    numbers.shuffle(&mut batches);
    for (i, batch) in batches.chunks(23).enumerate() {
        let mut all = Batch::default();
        for one in batch {
            all.bays.extend(one.bays.clone());
            all.sites.extend(one.sites.clone());
        }
        writers[i % 2].write(&all, &Registry::default(), NOW).await.unwrap();
        // Hours are closed while some of their observations are still to come.
        let now = UtcMicros(T0 + 4 * i as i64 * HOUR).min(NOW);
        match numbers.below(4) {
            0 => drop(deriver.step(now).await.unwrap()),
            1 => while !deriver.step(now).await.unwrap().is_idle() {},
            // Another process takes over.
            2 => {
                drop(deriver);
                deriver = loop {
                    if let Some(d) = Deriver::connect(&town.database.url, NOW).await.unwrap() {
                        break d;
                    }
                };
            }
            _ => {}
        }
    }
    town.assert_as_from_nothing(&mut deriver, NOW, "observations").await;

    // The sensor was removed earlier than stated, and bound to another bay.
    let pool = &town.database.pool;
    sqlx::query("DELETE FROM sensor_binding").execute(pool).await.unwrap();
    bind(pool, town.municipality, town.sensor, town.bays[0], T0 + 10 * HOUR, T0 + 30 * HOUR, 7_200).await;
    bind(pool, town.municipality, town.sensor, town.bays[5], T0 + 30 * HOUR, i64::MAX, 600).await;
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "another binding").await;

    // A bay is rebuilt for somebody else, another ceases to be.
    sqlx::query(
        "WITH old AS (UPDATE place_version SET until_utc = $2 WHERE place = $1 RETURNING *)
         INSERT INTO place_version (municipality, place, from_utc, def)
         SELECT municipality, place, $2, def || '{\"restrictions\": [{\"for\": \"charging\"}]}' FROM old",
    )
    .bind(town.bays[1])
    .bind(store::Ts(UtcMicros(T0 + 20 * HOUR + 17)))
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("UPDATE place_version SET def = def || '{\"valid_until\": \"2026-06-02T05:30:00Z\"}' WHERE place = $1")
        .bind(town.bays[2])
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "other places").await;

    // A counted site has fewer spaces from some day on; then it turns out how many it had before, and since.
    let house = "INSERT INTO place_version (municipality, place, from_utc, def)
                 SELECT municipality, id, $2, def || '{\"capacity\": 30}' FROM place WHERE id = $1";
    sqlx::query("UPDATE place_version SET until_utc = $2 WHERE place = $1")
        .bind(town.counted)
        .bind(store::Ts(UtcMicros(T0 + 25 * HOUR + 7)))
        .execute(pool)
        .await
        .unwrap();
    sqlx::query(house)
        .bind(town.counted)
        .bind(store::Ts(UtcMicros(T0 + 25 * HOUR + 7)))
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "fewer spaces").await;
    for (open, capacity) in [(true, 40), (false, 70)] {
        let corrected = "UPDATE place_version SET def = def || jsonb_build_object('capacity', $2::int)
                         WHERE place = $1 AND (until_utc IS NULL) = $3";
        sqlx::query(corrected).bind(town.counted).bind(capacity).bind(open).execute(pool).await.unwrap();
        places_changed(&town).await;
        town.assert_as_from_nothing(&mut deriver, NOW, "a corrected capacity").await;
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
        sqlx::query(sql).bind(id).bind(store::Ts(UtcMicros(T0 + 31 * HOUR))).execute(pool).await.unwrap();
    }
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "bikes").await;

    // The feed promises another heartbeat.
    sqlx::query("UPDATE feed SET def = def || '{\"heartbeat_s\": 900}'").execute(pool).await.unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "another heartbeat").await;
    // One was closed for some hours.
    sqlx::query("INSERT INTO closure (municipality, place, from_utc, until_utc) VALUES ($1, $2, $3, $4)")
        .bind(town.municipality)
        .bind(town.bays[4])
        .bind(store::Ts(UtcMicros(T0 + 12 * HOUR + 99)))
        .bind(store::Ts(UtcMicros(T0 + 18 * HOUR)))
        .execute(pool)
        .await
        .unwrap();
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "a closure").await;

    // Residents get the lot: none of its bays is shown, so all count. Later one is open to everyone again: it alone counts.
    for (bays, from_h, publish) in [(&town.bays[..8], 33, "site_only"), (&town.bays[7..8], 40, "public")] {
        sqlx::query(
            "WITH old AS (UPDATE place_version SET until_utc = $2 WHERE place = ANY($1) AND until_utc IS NULL RETURNING *)
             INSERT INTO place_version (municipality, place, from_utc, def)
             SELECT municipality, place, $2, def || jsonb_build_object('publish', $3::text) FROM old",
        )
        .bind(bays)
        .bind(store::Ts(UtcMicros(T0 + from_h * HOUR)))
        .bind(publish)
        .execute(pool)
        .await
        .unwrap();
    }
    places_changed(&town).await;
    town.assert_as_from_nothing(&mut deriver, NOW, "residents").await;
    let most = |from_h: i64, until_h: i64| {
        let sql = "SELECT coalesce(max(h.observed_us), 0) / 3600000000.0::float8
             FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope
             WHERE s.kind = 1 AND s.basis = 1 AND s.audience = '' AND h.hour >= $1 AND h.hour < $2";
        let [from, until] = [from_h, until_h].map(|h| store::Ts(UtcMicros(T0 + h * HOUR)));
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
    town.assert_as_from_nothing(&mut deriver, NOW, "a hidden site").await;
    assert_eq!(of_site().await, 0);
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
            writer.write(&shifted(batch, weeks * 7 * 24), &Registry::default(), NOW).await.unwrap();
        }
    }
    const LATER: UtcMicros = UtcMicros(T0 + 40 * 24 * HOUR);
    let settled = async |deriver: &mut Deriver| while !deriver.step(LATER).await.unwrap().is_idle() {};
    settled(&mut deriver).await;
    town.database.execute("UPDATE bay_interval SET state = 1 - state").await;
    town.database.execute("UPDATE site_interval SET occupied = 0, entries = 7").await;
    store::derive::request_all(&town.database.pool).await.unwrap();
    let mut stretches = 0;
    deriver.set_bay_days(70);
    for batch in later {
        let weeks_on = numbers.below(4) as i64;
        writer.write(&shifted(batch, weeks_on * 7 * 24), &Registry::default(), NOW).await.unwrap();
        stretches += deriver.step(LATER).await.unwrap().stretches;
        if numbers.below(3) == 0 {
            drop(deriver);
            deriver = loop {
                if let Some(d) = Deriver::connect(&town.database.url, NOW).await.unwrap() {
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
        town.database.execute(forget).await;
    }
    store::derive::request_all(&town.database.pool).await.unwrap();
    settled(&mut deriver).await;
    assert_eq!(kept, town.derived().await);
    assert!(kept.values().all(|rows| rows.len() > 20));
    // What is no longer stored leaves what was derived of it.
    let cut = store::Ts(UtcMicros(T0 + 8 * 24 * HOUR + HOUR / 3));
    for forget in [
        "DELETE FROM bay_observation WHERE observed_at < $1",
        "DELETE FROM site_count WHERE observed_at < $1",
    ] {
        let gone = sqlx::query(forget).bind(cut).execute(&town.database.pool).await.unwrap();
        assert!(gone.rows_affected() > 20);
    }
    store::derive::request_all(&town.database.pool).await.unwrap();
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
        writer.write(batch, &Registry::default(), NOW).await.unwrap();
        let step = deriver.step(UtcMicros(T0 + i as i64 * HOUR / 10)).await.unwrap();
        assert!(step.log_rows > 0);
        hours += step.hours;
    }
    assert_eq!(hours, 5);
}
