//! Reports of trips, stored and read back.

use domain::Registry;
use std::time::SystemTime;

use crate::support::Database;
use domain::live::Change;
use domain::{FeedId, TripUpdate, UtcMicros};
use store::writer::Batch;
use testing::observed;

#[tokio::test]
async fn runs_without_an_id_are_kept_apart_by_route_direction_and_start() {
    let database = Database::start().await;
    let mut writer = database.writer().await;
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = UtcMicros::from_unix_s(seconds as i64);
    let of = |route: &str, direction, start: &str, delay_s| TripUpdate {
        route_id: Some(route.into()),
        direction,
        start_date: Some("20261124".into()),
        start_time: Some(start.into()),
        delay_s: Some(delay_s),
        ..TripUpdate::default()
    };
    let updates = [
        of("R", Some(0), "08:00:00", 60),
        of("R", Some(1), "08:00:00", 120),
        of("R", None, "08:00:00", 180),
        of("S", Some(0), "08:00:00", 240),
        of("R", Some(0), "09:00:00", 300),
    ];
    let observation = |(update, age_s): (&TripUpdate, i64)| {
        let of = observed::provenance(database.municipality, FeedId(1), now.plus_s(-age_s));
        observed::trip(of, update.clone())
    };
    let older = TripUpdate { delay_s: Some(1), ..updates[1].clone() };
    let statements = updates.iter().zip(std::iter::repeat(10)).chain([(&older, 20)]);
    let batch = Batch { trips: statements.map(observation).collect(), ..Batch::default() };
    writer.write(&batch, &Registry::default(), now).await.unwrap();

    let states = store::live::load(&database.pool).await.unwrap().states;
    let mut kept: Vec<TripUpdate> = states
        .into_iter()
        .filter_map(|change| match change {
            Change::Trip { report, .. } => Some(*report.update),
            _ => None,
        })
        .collect();
    kept.sort_by_key(|update| update.delay_s);
    assert_eq!(kept, updates);
}
