//! Trip updates by MQTT are there for every process that loads, whatever their order and however
//! often they come, and after a `kill -9`.

use domain::TripReport;
use domain::live::Change;
use sensor_sim::encode::gtfs_rt::{
    FeedEntity, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, full_dataset,
};

use crate::support::{Instance, eventually, port_of, publish};

/// A feed made at `made_at` (Unix time, seconds) with the delay of each trip.
fn feed(made_at: i64, trips: &[(&str, i32)]) -> (String, Vec<u8>) {
    let entity = |(trip, delay_s): &(&str, i32)| {
        let trip = TripDescriptor {
            trip_id: Some((*trip).into()),
            start_date: Some("20261124".into()),
            ..TripDescriptor::default()
        };
        let arrival = Some(StopTimeEvent { delay: Some(*delay_s), time: None });
        let stop = StopTimeUpdate { stop_sequence: Some(1), arrival, ..StopTimeUpdate::default() };
        let update = TripUpdate { trip, stop_time_update: vec![stop], ..TripUpdate::default() };
        FeedEntity { id: "e".into(), trip_update: Some(update), ..FeedEntity::default() }
    };
    ("rt/bus".to_owned(), full_dataset(made_at as u64, trips.iter().map(entity).collect()).to_vec())
}

/// The trips that a new process loads, once `last` is among them.
async fn loaded(pool: &store::Pool, last: &str) -> Vec<TripReport> {
    eventually("the last trip is stored", || async {
        let states = store::live::load(pool).await.unwrap().states;
        let trip = |change| match change {
            Change::Trip { report, .. } => Some(report),
            _ => None,
        };
        let mut trips: Vec<TripReport> = states.into_iter().filter_map(trip).collect();
        trips.sort_by(|a, b| a.update.trip_id.cmp(&b.update.trip_id));
        trips.iter().any(|t| t.update.trip_id == last).then_some(trips)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_trip_update_survives_disorder_duplicates_and_a_kill() {
    let mut instance = Instance::serve(&["--timescaledb", "false"]).await;
    let folder = instance.dir.path().join("places");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("municipalities.csv"), "slug,name,ags\nkreis,Kreis,05999\n").unwrap();
    let feeds = "[[feed]]\nid = \"rt\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\ntopic = \"rt/bus\"\n";
    std::fs::write(folder.join("feeds.toml"), feeds).unwrap();
    instance.import(&folder);
    instance.subscriptions(1).await;

    let now = jiff::Timestamp::now().as_second();
    let (old, new) = (feed(now - 40, &[("t1", 60), ("t2", 0)]), feed(now - 10, &[("t1", 120)]));
    let messages = vec![new.clone(), old.clone(), new.clone(), feed(now - 5, &[("z1", 0)])];
    publish(port_of(&instance.text("mqtt")), messages).await;
    let pool = instance.pool().await;
    let before = loaded(&pool, "z1").await;
    pool.close().await;
    assert_eq!(before.iter().map(|t| t.update.trip_id.as_str()).collect::<Vec<_>>(), ["t1", "t2", "z1"]);
    assert_eq!(before[0].digest, before[0].update.digest_of());
    assert_eq!(before[0].observed_at.seconds_since(before[1].observed_at), 30.0);

    instance.kill().await;
    instance.restart().await;
    instance.subscriptions(1).await;
    publish(port_of(&instance.text("mqtt")), vec![old, new, feed(now - 5, &[("z2", 0)])]).await;
    let pool = instance.pool().await;
    let after = loaded(&pool, "z2").await;
    assert_eq!(after[..3], before[..]);
    pool.close().await;
    instance.stop().await;
}
