//! A clock that was ahead is right again: the latest states are those that the observations before it make, as if what lies
//! ahead had never been stated.
//!
//! The database's own clock cannot be moved, so it is the one that is ahead: what is right lies before it.

use crate::support::Database;
use crate::support::town::settle;
use domain::Registry;
use domain::live::LiveMap;
use domain::observation::{CountValue, Provenance, SiteStatus, VehicleFix};
use domain::trip_update::Passed;
use domain::{
    BayId, BayState, FeedId, LatLon, SensorId, SiteCount, SiteId, TripUpdate, Uplink, UtcMicros, VehicleId,
};
use store::changes::{Follower, Positions};
use store::derive::Deriver;
use store::writer::Batch;
use testing::Numbers;
use testing::observed::{self, dated};

/// Below `below`, as most columns have it.
fn number(n: &mut Numbers, below: u64) -> i32 {
    n.below(below) as i32
}

/// Something about one of a few bays, sites, vehicles, runs and devices, at `at`.
fn word(db: &Database, n: &mut Numbers, at: UtcMicros, day: &str) -> Batch {
    let feed = FeedId(number(n, 2) + 1);
    let sensor = (n.below(3) == 0).then_some(SensorId(9));
    let provenance = Provenance { sensor, ..observed::provenance(db.municipality, feed, at) };
    let mut batch = Batch::default();
    match n.below(5) {
        0 => {
            let (state, seq) = (BayState::from_code(number(n, 3) as i16), Some(i64::from(number(n, 3))));
            batch.bays = dated([observed::bay(provenance, BayId(number(n, 3) + 1), seq, state)]);
        }
        1 => {
            let cars = number(n, 30);
            let value = match n.below(4) {
                0 => CountValue::Occupied(cars),
                1 => CountValue::Vacant(cars),
                2 => CountValue::Flow { entries: number(n, 4), exits: number(n, 4) },
                _ => CountValue::None,
            };
            let site = SiteId(number(n, 2) + 11);
            let status = (value == CountValue::None || n.below(5) == 0)
                .then(|| if n.below(2) == 0 { SiteStatus::Open } else { SiteStatus::Closed });
            let capacity = (n.below(5) == 0).then(|| 40 + number(n, 9));
            let count = observed::count(provenance, site, Some(number(n, 3).into()), value);
            let count = SiteCount { status, capacity, ..count };
            batch.sites = dated([SiteCount { digest: count.digest_of(), ..count }]);
        }
        2 => {
            let fix = VehicleFix {
                position: (n.below(2) == 0).then(|| LatLon { lat: 51.9, lon: 7.0 + f64::from(number(n, 9)) }),
                speed_mps: Some(7.5),
                trip_id: (n.below(2) == 0).then(|| format!("t{}", n.below(2))),
                start_date: (n.below(2) == 0).then(|| day.to_owned()),
                stop_id: (n.below(2) == 0).then(|| format!("s{}", n.below(2))),
                delay_s: (n.below(2) == 0).then(|| number(n, 500)),
                occupancy_pct: (n.below(3) == 0).then(|| number(n, 100) as f32),
                ..VehicleFix::default()
            };
            let provenance = Provenance { sensor: None, ..provenance };
            batch.vehicles = dated([observed::vehicle(provenance, VehicleId(number(n, 2) + 1), fix)]);
        }
        3 => {
            let update = TripUpdate {
                trip_id: format!("u{}", n.below(2)),
                start_date: Some(day.to_owned()),
                ..TripUpdate::default()
            };
            let passed = Passed { stop_id: "s".into(), passed_at: at.plus_s(-10), delay_s: number(n, 500) };
            let mut trip = observed::trip(provenance, update);
            (trip.passed, trip.report.digest) = (vec![passed], number(n, 1_000).into());
            batch.trips = vec![trip];
        }
        _ => {
            let device = format!("d{}", n.below(3));
            batch.uplinks = vec![Uplink {
                dedup_id: n.below(1 << 30).to_string(),
                outcome: "stored".into(),
                ..observed::uplink(db.municipality, feed, &device, at)
            }];
        }
    }
    batch
}

/// Everything that a reader begins with, and what devices and passages are called by their time. Trips are repeated and
/// again, so of them nothing need be there; what is there must not lie ahead.
async fn latest(db: &Database, now: UtcMicros) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "SELECT concat_ws(' ', bay, source, feed, sensor, observed_at, received_at, seq, state) FROM bay_state ORDER BY bay, source",
        "SELECT concat_ws(' ', site, audience, count) FROM site_state WHERE count ->> 'observed_at' IS NOT NULL ORDER BY site",
        "SELECT concat_ws(' ', vehicle, part, feed, observed_at, digest, fix) FROM vehicle_state ORDER BY vehicle, part",
        "SELECT concat_ws(' ', device, last_heard) FROM device_state ORDER BY device",
        "SELECT concat_ws(' ', service_date, trip_id, stop_id, vehicle, passed_at, said_at, delay_s, digest)
         FROM stop_passage WHERE vehicle IS NOT NULL ORDER BY service_date, trip_id, stop_id",
    ] {
        all.extend(db.scalars::<String>(sql).await);
    }
    let ahead: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM trip_state WHERE observed_at > $1) + (SELECT count(*) FROM stop_passage WHERE said_at > $1)",
    )
    .bind(store::Ts(now.plus_s(300)))
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(ahead, 0);
    all
}

async fn empty(db: &Database) {
    db.execute("TRUNCATE bay_observation, site_count, vehicle_position, uplink, bay_state, site_state, vehicle_state, trip_state,
             device_state, stop_passage, change, derive_position, derive_wanted, derive_state, bay_state_fold").await;
}

async fn deriver(db: &Database, now: UtcMicros) -> Deriver {
    loop {
        if let Some(deriver) = Deriver::connect(&db.url, now).await.unwrap() {
            return deriver;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_holds_again() {
    let db = Database::start_with(false).await;
    let wrong = db.now().await;
    for (round, jump_s) in [700, 7_200, 72_000, 40 * 86_400, 500 * 86_400].into_iter().enumerate() {
        let now = wrong.plus_s(-jump_s);
        let day = now.to_string()[..10].replace('-', "");
        let mut n = Numbers(round as u64 * 977 + 5);
        let behind: Vec<Batch> = (0..60)
            .map(|_| {
                // Most within minutes, some days ago.
                let age_s = if n.below(4) == 0 { n.below(45 * 86_400) } else { n.below(900) };
                word(&db, &mut n, now.plus_s(-(age_s as i64)), &day)
            })
            .collect();
        let ahead: Vec<Batch> = (0..40)
            .map(|_| {
                let s = n.below(300) as i64;
                word(&db, &mut n, wrong.plus_s(-s), &day)
            })
            .collect();
        let (before, after) = behind.split_at(n.below(60) as usize);

        let mut writer = db.writer().await;
        for batch in &behind {
            writer.write(batch, &Registry::default(), now).await.unwrap();
        }
        let expected = latest(&db, now).await;
        drop(writer);
        empty(&db).await;

        let mut writer = db.writer().await;
        let mut deriver = deriver(&db, now).await;
        settle(&mut deriver, now).await;
        for batch in before {
            writer.write(batch, &Registry::default(), now).await.unwrap();
        }
        for batch in &ahead {
            writer.write(batch, &Registry::default(), wrong).await.unwrap();
        }
        settle(&mut deriver, wrong).await;
        settle(&mut deriver, now).await;
        for batch in after {
            writer.write(batch, &Registry::default(), now).await.unwrap();
        }
        assert_eq!(latest(&db, now).await, expected, "round {round}, {jump_s} s ahead");

        // Who follows the log has seen the same as who loads.
        let loaded = store::live::load(&db.pool).await.unwrap();
        let mut follower = Follower::new(db.pool.clone(), Positions::new(), loaded.at);
        let mut log = Vec::new();
        loop {
            let new = follower.poll().await.unwrap();
            if new.is_empty() {
                break;
            }
            log.extend(new.into_iter().flat_map(|committed| committed.changes));
        }
        let mut maps = [LiveMap::new(Default::default(), now), LiveMap::new(Default::default(), now)];
        maps[0].apply(loaded.states, now);
        maps[1].apply(log, now);
        let bays =
            maps.each_ref().map(|map| (1..4).map(|id| map.reading(BayId(id)).copied()).collect::<Vec<_>>());
        assert_eq!(bays[0], bays[1], "round {round}");
        drop((writer, deriver));
        empty(&db).await;
    }
}

/// What is looked for now and then is found without reading years of passages.
#[tokio::test(flavor = "multi_thread")]
async fn looking_for_it_reads_no_years_of_passages() {
    let db = Database::start_with(false).await;
    let mut conn = db.pool.acquire().await.unwrap();
    for sql in [
        "INSERT INTO stop_passage (municipality, service_date, trip_id, stop_id, feed, vehicle, passed_at, said_at, delay_s,
             digest)
         SELECT 1, (now() - n * interval '1 hour')::date, n::text, 's', 1, 7, now() - n * interval '1 hour',
             now() - n * interval '1 hour', 60, 1
         FROM generate_series(1, 20000) n",
        "ANALYZE",
        "SELECT pg_stat_force_next_flush()",
    ] {
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
    }
    const READ: &str = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'stop_passage'";
    let before: i64 = sqlx::query_scalar(READ).fetch_one(&mut *conn).await.unwrap();
    let mut deriver = deriver(&db, UtcMicros::EPOCH).await;
    let now = db.now().await;
    settle(&mut deriver, now).await;
    // Its connection says what it read when it closes.
    drop(deriver);
    drop(self::deriver(&db, now).await);
    let after: i64 = sqlx::query_scalar(READ).fetch_one(&mut *conn).await.unwrap();
    assert!(after - before <= 400, "{} rows were read", after - before);
}

/// A bay, a site and a vehicle about which there is no statement from before the clock jumped are as if there never was one.
#[tokio::test(flavor = "multi_thread")]
async fn statements_ahead_of_the_clock_leave_nothing_behind() {
    let db = Database::start_with(false).await;
    let wrong = db.now().await;
    let now = wrong.plus_s(-90 * 86_400);
    let mut writer = db.writer().await;
    let mut n = Numbers(3);
    for _ in 0..40 {
        let at = wrong.plus_s(-(n.below(300) as i64));
        let batch = word(&db, &mut n, at, "20260801");
        writer.write(&batch, &Registry::default(), wrong).await.unwrap();
    }
    let mut deriver = deriver(&db, now).await;
    assert!(deriver.step(now).await.unwrap().has_corrected);
    assert_eq!(latest(&db, now).await, Vec::<String>::new());
    assert!(!deriver.step(now).await.unwrap().has_corrected, "once");
}
