//! What was stored while the clock was ahead gives way to the first word after it, in any order of the rest.

use crate::support::Database;
use domain::Registry;
use domain::observation::VehicleFix;
use domain::{BayId, BayObservation, BayState, FeedId, TripUpdate, UtcMicros, VehicleId, VehiclePosition};
use store::writer::Batch;
use testing::observed::{self, dated};

/// Statements about one bay, vehicle, run and passage at `at`, numbered.
fn batch_at(db: &Database, at: UtcMicros, number: i32) -> Batch {
    let provenance = observed::provenance(db.municipality, FeedId(1), at);
    let bay = observed::bay(provenance, BayId(1), Some(number.into()), BayState::Occupied);
    let fix = VehicleFix {
        trip_id: Some("t".into()),
        stop_id: Some("s".into()),
        start_date: None,
        delay_s: Some(number),
        ..VehicleFix::default()
    };
    let vehicle = observed::vehicle(provenance, VehicleId(1), fix);
    let update = TripUpdate { trip_id: "t".into(), delay_s: Some(number), ..TripUpdate::default() };
    let mut trip = observed::trip(provenance, update);
    trip.report.digest = number.into();
    Batch {
        bays: dated([BayObservation { digest: number.into(), ..bay }]),
        vehicles: dated([VehiclePosition { digest: number.into(), ..vehicle }]),
        trips: vec![trip],
        ..Batch::default()
    }
}

#[tokio::test]
async fn the_newest_is_the_newest_that_is_not_ahead() {
    let db = Database::start_with(false).await;
    let now: i64 = db
        .scalar("SELECT (extract(epoch FROM date_trunc('day', now()) + interval '0 hours') * 1e6)::bigint")
        .await;
    let now = UtcMicros(now);
    let mut writer = db.writer().await;
    // Seconds from now, and which statement holds after it.
    let ahead_s = 400 * 86_400;
    for (number, (s, holds)) in
        [(ahead_s, 0), (ahead_s + 10, 1), (-600, 2), (-300, 3), (-500, 3), (ahead_s + 20, 3), (-100, 6)]
            .into_iter()
            .enumerate()
    {
        let batch = batch_at(&db, now.plus_s(s), number as i32);
        writer.write(&batch, &Registry::default(), now).await.unwrap();
        let held: (i64, i64, i64) = db.row("SELECT (SELECT seq FROM bay_state), (SELECT max(digest) FROM vehicle_state), (SELECT digest FROM trip_state)").await;
        assert_eq!(held, (holds, holds, holds), "after {s} s");
    }
}
