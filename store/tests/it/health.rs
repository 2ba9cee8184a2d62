//! Sources that are not believed count nowhere, and only while they are not.

use domain::ids::SourceKey;
use domain::{BayId, MunicipalityId, Registry, UtcMicros};
use store::health::Reason;
use testing::Numbers;

use crate::support::town::{HOUR, NOW, T0, Town, settle};

async fn record(town: &Town, reasons: &[Reason]) -> i64 {
    let mut tx = town.database.pool.begin().await.unwrap();
    store::health::record(&mut tx, reasons, NOW).await.unwrap();
    tx.commit().await.unwrap();
    town.database.scalar("SELECT generation FROM place_generation").await
}

#[tokio::test]
async fn what_a_distrusted_source_states_is_as_if_it_had_not_been_stored() {
    let town = Town::build().await;
    let mut writer = town.writer().await;
    let mut deriver = town.deriver().await;
    let batches = town.observations(&mut Numbers(23), 500);
    let (in_time, late) = batches.split_at(400);
    for batch in in_time {
        writer.write(batch, &Registry::default(), NOW).await.unwrap();
    }
    settle(&mut deriver, NOW).await;
    let believed = town.derived().await;

    let stuck = Reason {
        municipality: MunicipalityId(town.municipality),
        source: SourceKey(town.sensor),
        bay: Some(BayId(town.bays[0])),
        code: "stuck",
        hides: true,
        since: UtcMicros(T0 + 20 * HOUR),
        until: None,
        value: Some(1e-7),
        limit: Some(1e-6),
    };
    let of_feed = Reason {
        source: SourceKey(-town.feed),
        bay: Some(BayId(town.bays[1])),
        since: UtcMicros(T0 + 10 * HOUR),
        until: Some(UtcMicros(T0 + 15 * HOUR + 1)),
        ..stuck.clone()
    };
    let weak = Reason { code: "battery", hides: false, ..stuck.clone() };
    let before = record(&town, std::slice::from_ref(&weak)).await;
    let recorded = record(&town, &[stuck.clone(), of_feed.clone(), weak]).await;
    assert_eq!(recorded, before + 1, "a reason that hides nothing changes no place");
    assert_eq!(record(&town, std::slice::from_ref(&stuck)).await, recorded, "the same again changes nothing");
    let learned: i64 = town.database.scalar("SELECT generation FROM forecast_again").await;
    assert_eq!(learned, recorded);
    settle(&mut deriver, NOW).await;
    for batch in late {
        writer.write(batch, &Registry::default(), NOW).await.unwrap();
    }
    town.assert_as_from_nothing(&mut deriver, NOW, "sources that are not believed").await;
    let distrusted = town.derived().await;

    sqlx::query(
        "CREATE TABLE set_aside AS SELECT * FROM bay_observation
         WHERE (sensor = $1 AND bay = $2 AND observed_at >= $3)
            OR (sensor IS NULL AND bay = $4 AND observed_at >= $5 AND observed_at < $6)",
    )
    .bind(town.sensor)
    .bind(town.bays[0])
    .bind(store::Ts(stuck.since))
    .bind(town.bays[1])
    .bind(store::Ts(of_feed.since))
    .bind(of_feed.until.map(store::Ts))
    .execute(&town.database.pool)
    .await
    .unwrap();
    assert!(town.database.scalar::<i64>("SELECT count(*) FROM set_aside").await > 9);
    town.database
        .execute(
            "DELETE FROM bay_observation o USING set_aside s
             WHERE (o.bay, o.observed_at, o.digest) = (s.bay, s.observed_at, s.digest)",
        )
        .await;
    town.assert_as_from_nothing(&mut deriver, NOW, "never stored").await;
    assert_eq!(town.derived().await, distrusted);

    // It turned out that both were right all the time.
    town.database.execute("INSERT INTO bay_observation SELECT * FROM set_aside").await;
    let never = [&stuck, &of_feed].map(|r| Reason { until: Some(r.since), ..r.clone() });
    record(&town, &never).await;
    settle(&mut deriver, NOW).await;
    assert_ne!(town.derived().await, distrusted);
    town.assert_as_from_nothing(&mut deriver, NOW, "believed again").await;
    assert_ne!(town.derived().await, believed, "the late ones");
}
