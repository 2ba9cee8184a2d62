//! What was stored while the clock was ahead gives way to the first word after it, in any order of the rest.

use crate::support::Database;
use domain::Registry;
use domain::observation::{Provenance, VehicleFix};
use domain::{
    BayId, BayObservation, BayState, FeedId, TripObservation, TripReport, TripUpdate, UtcMicros, VehicleId,
    VehiclePosition,
};
use store::writer::{Batch, Keyed, Writer};

/// Statements about one bay, vehicle, run and passage at `at`, numbered.
fn batch_at(db: &Database, at: UtcMicros, number: i32) -> Batch {
    let provenance = Provenance {
        municipality: db.municipality,
        feed: FeedId(1),
        sensor: None,
        received_at: at,
        clock_corrected: true,
    };
    let bay = BayObservation {
        provenance,
        bay: BayId(1),
        observed_at: at,
        digest: number.into(),
        state: BayState::Occupied,
        seq: Some(number.into()),
        battery_v: None,
        rssi_dbm: None,
        temperature_c: None,
    };
    let fix = VehicleFix {
        trip_id: Some("t".into()),
        stop_id: Some("s".into()),
        start_date: None,
        delay_s: Some(number),
        ..VehicleFix::default()
    };
    let vehicle =
        VehiclePosition { provenance, vehicle: VehicleId(1), observed_at: at, digest: number.into(), fix };
    let update = TripUpdate { trip_id: "t".into(), delay_s: Some(number), ..TripUpdate::default() };
    let report =
        TripReport { observed_at: at, confirmed_at: at, digest: number.into(), update: Box::new(update) };
    Batch {
        bays: vec![Keyed { observation: bay, idempotency_key: None }],
        vehicles: vec![Keyed { observation: vehicle, idempotency_key: None }],
        trips: vec![TripObservation { provenance, report, passed: Vec::new() }],
        ..Batch::default()
    }
}

#[tokio::test]
async fn the_newest_is_the_newest_that_is_not_ahead() {
    let db = Database::start_with(false).await;
    let now: i64 = sqlx::query_scalar(
        "SELECT (extract(epoch FROM date_trunc('day', now()) + interval '0 hours') * 1e6)::bigint",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    let now = UtcMicros(now);
    let options = store::pool::options(&db.url).unwrap();
    let mut writer = Writer::connect(&options).await.unwrap();
    // Seconds from now, and which statement holds after it.
    let ahead_s = 400 * 86_400;
    for (number, (s, holds)) in
        [(ahead_s, 0), (ahead_s + 10, 1), (-600, 2), (-300, 3), (-500, 3), (ahead_s + 20, 3), (-100, 6)]
            .into_iter()
            .enumerate()
    {
        let batch = batch_at(&db, now.plus_s(s), number as i32);
        writer.write(&batch, &Registry::default(), now).await.unwrap();
        let held: (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT seq FROM bay_state), (SELECT max(digest) FROM vehicle_state), (SELECT digest FROM trip_state)",
        )
        .fetch_one(&db.pool)
        .await
        .unwrap();
        assert_eq!(held, (holds, holds, holds), "after {s} s");
    }
    drop(writer);
    db.stop().await;
}
