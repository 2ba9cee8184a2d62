//! Imported counts: appended once, derived, and shown live only where they are newer.

use crate::support::Database;
use domain::Registry;
use domain::observation::CountValue;
use domain::{FeedId, MunicipalityId, SiteCount, SiteId, UtcMicros};
use sqlx::types::Json;
use store::history::{Appended, HistoryWriter};
use testing::observed;

/// 2024-06-30T22:00:00Z: the chunk lies in two partitions.
const T0: UtcMicros = UtcMicros(1_719_784_800_000_000);
/// When everything was written: months later.
const NOW: UtcMicros = UtcMicros(T0.0 + 10_000_000 * domain::time::MICROS_PER_S);
const SITE: SiteId = SiteId(1);

fn counts(municipality: MunicipalityId, quarters: std::ops::Range<i64>) -> Vec<SiteCount> {
    quarters
        .map(|i| {
            let of = observed::provenance(municipality, FeedId(9), NOW);
            let count = observed::count(of, SITE, None, CountValue::Vacant(i as i32));
            let count = SiteCount { observed_at: T0.plus_s(i * 900), capacity: Some(100), ..count };
            SiteCount { digest: count.digest_of(), ..count }
        })
        .collect()
}

#[tokio::test]
async fn counts_are_appended_once_and_live_state_follows_the_newest() {
    let database = Database::start().await;
    let (pool, town) = (database.pool.clone(), database.municipality);
    let options = store::pool::options(&database.url).unwrap();
    let mut writer = HistoryWriter::connect(&options).await.unwrap();
    let write = async |writer: &mut HistoryWriter, quarters| {
        writer.write(&counts(town, quarters), &Registry::default(), NOW).await.unwrap()
    };
    assert_eq!(write(&mut writer, 0..20).await, [Appended { site: SITE, new: 20 }]);
    assert_eq!(write(&mut writer, 10..30).await, [Appended { site: SITE, new: 10 }]);
    assert_eq!(write(&mut writer, 0..30).await, []);

    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM site_count").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 30);
    // Each span of new counts once: nothing for what was there.
    let wanted: Vec<(i32, String, String)> = sqlx::query_as(
        "SELECT site, (from_utc AT TIME ZONE 'UTC')::text, (until_utc AT TIME ZONE 'UTC')::text FROM derive_wanted ORDER BY id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let span = |from: &str, until: &str| (1, format!("2024-{from}:00"), format!("2024-{until}:00"));
    assert_eq!(wanted, [span("06-30 22:00", "07-01 02:45"), span("07-01 03:00", "07-01 05:15")]);

    let state = async || {
        let sql = "SELECT count #>> '{anchor,value,Vacant}', version FROM site_state";
        sqlx::query_as::<_, (Option<String>, i64)>(sql).fetch_one(&pool).await.unwrap()
    };
    assert_eq!(state().await.0.as_deref(), Some("29"));
    // What is live is newer: older counts fill the past and leave it alone.
    sqlx::query("UPDATE site_state SET count = jsonb_set(count, '{anchor}', $1)")
        .bind(Json(serde_json::json!({"at": T0.plus_s(1_000_000).to_string(), "value": {"Occupied": 60}})))
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(write(&mut writer, 30..40).await, [Appended { site: SITE, new: 10 }]);
    let occupied: String = sqlx::query_scalar("SELECT count #>> '{anchor,value,Occupied}' FROM site_state")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(occupied, "60");
    let logged: i64 = sqlx::query_scalar("SELECT count(*) FROM change").fetch_one(&pool).await.unwrap();
    assert_eq!(logged, 3, "each transaction that stored something is in the log");
}
