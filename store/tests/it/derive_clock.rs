//! A clock that was ahead leaves nothing in what is derived: neither hours that have not been nor times to come.

use crate::support::town::{HOUR, NOW, T0, Town, settle};
use domain::Registry;
use domain::{MunicipalityId, UtcMicros};
use store::complete::Waiting;
use store::derive::Deriver;
use store::writer::{Batch, Writer};
use testing::Numbers;

/// So far the clock was ahead.
const JUMP: i64 = 400 * 24 * HOUR;

fn shifted(batch: &Batch, us: i64) -> Batch {
    let mut batch = batch.clone();
    batch.bays.iter_mut().for_each(|b| b.observation.observed_at.0 += us);
    batch.sites.iter_mut().for_each(|s| s.observation.observed_at.0 += us);
    batch
}

async fn write(writer: &mut Writer, batches: &[Batch], us: i64) {
    for batch in batches {
        writer.write(&shifted(batch, us), &Registry::default(), UtcMicros(NOW.0 + us)).await.unwrap();
    }
}

/// What is derived of the time before `now`, without the ends of what is believed beyond it.
async fn until(town: &Town, now: UtcMicros) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "SELECT concat_ws(' ', bay, from_utc, least(until_utc, $1), least(last_at, $1), state) FROM bay_interval
         WHERE from_utc <= $1 ORDER BY bay, from_utc",
        "SELECT concat_ws(' ', site, from_utc, least(until_utc, $1), occupied, capacity, is_closed, is_anchored, entries, exits)
         FROM site_interval WHERE from_utc <= $1 ORDER BY site, audience, from_utc",
        // Nothing of a time to come.
        "SELECT concat_ws(' ', s.kind, s.site, s.zone, s.audience, s.basis, h.hour, h.occupied_us, h.observed_us, h.arrivals,
             h.departures, md5(h.detail))
         FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope
         WHERE $1 IS NOT NULL ORDER BY s.kind, s.site, s.zone, s.audience, s.basis, h.hour",
    ] {
        let rows: Vec<String> =
            sqlx::query_scalar(sql).bind(store::Ts(now)).fetch_all(&town.database.pool).await.unwrap();
        assert!(rows.len() > 20, "{} rows: {sql}", rows.len());
        all.extend(rows);
    }
    all
}

async fn complete_until(town: &Town, now: UtcMicros) -> UtcMicros {
    let mut conn = town.database.pool.acquire().await.unwrap();
    let id = MunicipalityId(town.municipality);
    let waiting = Waiting::read(&mut conn, |_| Some(id)).await.unwrap();
    waiting.complete_until(&mut conn, id, now, |_| true).await.unwrap()
}

async fn hours_until(town: &Town) -> UtcMicros {
    store::analysis::hours_until(&mut town.database.pool.acquire().await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_that_was_ahead_left_changes_no_figure() {
    let mut numbers = Numbers(17);
    // In the last of these hours a statement is believed for longer than until now.
    let now = UtcMicros(T0 + 61 * HOUR + HOUR / 2);
    let plain = Town::build().await;
    let batches = plain.observations(&mut numbers, 400);
    let (before, after) = batches.split_at(250);
    {
        let mut writer = plain.writer().await;
        let mut deriver = plain.deriver().await;
        write(&mut writer, &batches, 0).await;
        settle(&mut deriver, now).await;
    }
    let expected = until(&plain, now).await;

    let town = Town::build().await;
    let mut writer = town.writer().await;
    let mut deriver = town.deriver().await;
    write(&mut writer, before, 0).await;
    settle(&mut deriver, UtcMicros(T0 + 50 * HOUR)).await;
    // It jumps; hours are closed; some come that are near, others far.
    let batches = town.observations(&mut numbers, 120);
    write(&mut writer, &batches[..60], JUMP).await;
    write(&mut writer, &batches[60..], 62 * HOUR).await;
    assert_eq!(complete_until(&town, now).await, now, "what waits lies ahead");
    settle(&mut deriver, UtcMicros(now.0 + JUMP)).await;
    assert!(hours_until(&town).await > now);
    // It is right again, perhaps in another process.
    drop(deriver);
    let mut deriver = Deriver::connect(&town.database.url, now).await.unwrap().unwrap();
    write(&mut writer, after, 0).await;
    settle(&mut deriver, now).await;
    assert_eq!(hours_until(&town).await, UtcMicros(T0 + 61 * HOUR));
    assert_eq!(complete_until(&town, now).await, now);
    assert_eq!(until(&town, now).await, expected);
    town.assert_as_from_nothing(&mut deriver, now, "a clock that was ahead").await;
    assert_eq!(until(&town, now).await, expected);
    // When those times have come, what was observed at them counts like all else.
    let later = UtcMicros(now.0 + JUMP + 24 * HOUR);
    settle(&mut deriver, later).await;
    assert!(hours_until(&town).await > UtcMicros(now.0 + JUMP));
    town.assert_as_from_nothing(&mut deriver, later, "those times").await;
    let summed_later: i64 = sqlx::query_scalar("SELECT count(*) FROM occupancy_hour WHERE hour > $1")
        .bind(store::Ts(UtcMicros(T0 + JUMP)))
        .fetch_one(&town.database.pool)
        .await
        .unwrap();
    assert!(summed_later > 20);
}
