//! What is too old goes, on plain PostgreSQL and on TimescaleDB; of positions something coarse remains.

use std::time::Duration;

use crate::support::Database;
use domain::UtcMicros;
use store::StoreError;
use store::migrate::{Partitioning, partitioning};
use store::partitions::{Partitions, Table};
use store::retention::{Class, Due, Retention, Trust, due, enforce};

const DAY: Duration = Duration::from_secs(86_400);

/// Plain and, where it is there, TimescaleDB.
async fn databases() -> Vec<(Database, Partitioning)> {
    let mut databases = vec![(Database::start_with(false).await, Partitioning::Plain)];
    if std::path::Path::new("/usr/lib/postgresql/15/lib/timescaledb.so").exists() {
        let database = Database::start_with(true).await;
        let found = partitioning(&mut database.pool.acquire().await.unwrap()).await.unwrap();
        assert_eq!(found, Partitioning::Hypertables);
        databases.push((database, found));
    } else {
        eprintln!("SKIPPED: TimescaleDB is not installed");
    }
    databases
}

/// Positions at these instants, two metres apart, on route 1: 5 and 15 m/s in turns, a minute late.
async fn positions(db: &Database, of: Partitioning, at: &[UtcMicros]) {
    let mut conn = db.pool.acquire().await.unwrap();
    Partitions::default().ensure(&mut conn, of, Table::VehiclePosition, at.iter().copied()).await.unwrap();
    for (n, at) in at.iter().enumerate() {
        sqlx::query(
            "INSERT INTO vehicle_position (municipality, observed_at, vehicle, digest, received_at, stored_at, feed, lat,
                 lon, speed_mps, delay_s, route_id, trip_id, clock_corrected)
             VALUES ($1, to_timestamp($2::float8 / 1e6), 7, $3, now(), now(), 1, 51.9001, 7.2001, $4, 60, '1', 't', false)",
        )
        .bind(db.municipality.0)
        .bind(at.0 as f64)
        .bind(n as i64)
        .bind(if n % 2 == 0 { 5.0_f32 } else { 15.0 })
        .execute(&mut *conn)
        .await
        .unwrap();
    }
}

async fn count(db: &Database, sql: &'static str) -> i64 {
    db.scalar(sql).await
}

/// Number, mean speed and mean delay of what remains.
async fn coarse(db: &Database) -> Vec<(i64, f64, f64)> {
    db.rows("SELECT n, speed_mean_mps, delay_mean_s FROM v_vehicle_position_coarse ORDER BY hour").await
}

fn of(class: Class, all: &[Due]) -> Vec<&Due> {
    all.iter().filter(|d| d.class == class).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_old_positions_something_coarse_remains_and_counts_once() {
    for (db, partitioning) in databases().await {
        let hour = 3_600;
        // The middle of an hour twenty days ago, and now.
        let old = UtcMicros(db.now().await.0.div_euclid(3_600_000_000) * 3_600_000_000).plus_s(-20 * 86_400);
        positions(&db, partitioning, &[old, old.plus_s(10), old.plus_s(20), old.plus_s(30), db.now().await])
            .await;
        let keep = Retention::default();
        let would = due(&db.pool, &keep).await.unwrap();
        assert_eq!(of(Class::VehiclePositions, &would).len(), 1, "{would:?}");
        assert!(would[0].bytes.is_some_and(|bytes| bytes > 0));
        assert_eq!(count(&db, "SELECT count(*) FROM vehicle_position").await, 5, "a dry run drops nothing");

        let mut steps = Vec::new();
        let went = enforce(&db.pool, &keep, Trust::Earned, |due| steps.push(due.what.clone())).await.unwrap();
        assert_eq!(steps, went.iter().map(|d| d.what.clone()).collect::<Vec<_>>());
        let names = |all: &[Due]| all.iter().map(|d| d.what.clone()).collect::<Vec<_>>();
        assert_eq!(names(&went), names(&would));
        assert_eq!(count(&db, "SELECT count(*) FROM vehicle_position").await, 1);
        assert_eq!(coarse(&db).await, [(4, 10.0, 60.0)]);
        assert_eq!(
            enforce(&db.pool, &keep, Trust::Earned, |_| {}).await.unwrap(),
            [],
            "nothing is left to do"
        );

        // Late ones add to what remains, each once.
        positions(&db, partitioning, &[old.plus_s(40), old.plus_s(hour)]).await;
        enforce(&db.pool, &keep, Trust::Earned, |_| {}).await.unwrap();
        enforce(&db.pool, &keep, Trust::Earned, |_| {}).await.unwrap();
        assert_eq!(coarse(&db).await, [(5, 9.0, 60.0), (1, 15.0, 60.0)]);

        let forgetting = Retention { aggregates: Some(DAY), ..keep };
        enforce(&db.pool, &forgetting, Trust::Earned, |_| {}).await.unwrap();
        assert_eq!(coarse(&db).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_class_has_its_own_time() {
    for (db, partitioning) in databases().await {
        let mut conn = db.pool.acquire().await.unwrap();
        let four_years = db.now().await.plus_s(-4 * 365 * 86_400);
        let times = [four_years, db.now().await];
        Partitions::default()
            .ensure(&mut conn, partitioning, Table::BayObservation, times.into_iter())
            .await
            .unwrap();
        for sql in [
            "INSERT INTO bay_observation (municipality, observed_at, bay, digest, received_at, stored_at, feed, state,
                 clock_corrected)
             SELECT $1, now() - age, 1, 1, now(), now(), 1, 1, false
             FROM unnest(ARRAY['1 second', '1460 days']::interval[]) AS age",
            "INSERT INTO place (municipality, kind, key, def)
             SELECT $1, 2, n::text, '{}' FROM generate_series(1, 3) AS n",
            "INSERT INTO bay_interval (municipality, bay, from_utc, until_utc, last_at, state)
             SELECT $1, id, now() - age, now() - age + interval '1 hour', now() - age, 1
             FROM place, unnest(ARRAY['1 day', '1460 days']::interval[]) AS age",
            "INSERT INTO feed (municipality, key, def) VALUES ($1, 'f', '{}')",
            "INSERT INTO rental_forecast (feed, system, until_utc, body)
             SELECT id, age::text, now() - age, '' FROM feed, unnest(ARRAY['1 day', '1460 days']::interval[]) AS age
             WHERE municipality = $1",
            "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos)
             SELECT $1, (SELECT id FROM feed), 'malformed', '', now() + interval '50 seconds' - (13001 - n) * interval '100 seconds', '', '', 1
             FROM generate_series(1, 13000) AS n",
            "INSERT INTO stop_passage (municipality, service_date, trip_id, stop_id, feed, vehicle, passed_at, said_at,
                 delay_s, digest)
             SELECT $1, (now() - age)::date, 't', 's', 1, 7, now() - age, now() - age, 60, 1
             FROM unnest(ARRAY['1 day', '20 days', '1460 days']::interval[]) AS age",
            "INSERT INTO uplink (municipality, device, dedup_id, feed, event, received_at, gateways, qos, outcome)
             SELECT $1, 'd', age::text, 1, 'up', now() - age, '{}', 1, 'stored'
             FROM unnest(ARRAY['89 days', '91 days']::interval[]) AS age",
            // Where a tracker was goes with the positions.
            "INSERT INTO sensor (municipality, feed, key, decoder)
             VALUES ($1, (SELECT id FROM feed), 'tracker', 'digital-matter-oyster')",
            "INSERT INTO uplink (municipality, device, dedup_id, feed, event, received_at, gateways, qos, outcome)
             SELECT $1, 'tracker', age::text, 1, 'up', now() - age, '{}', 1, 'stored'
             FROM unnest(ARRAY['13 days', '15 days', '16 days']::interval[]) AS age",
        ] {
            sqlx::query(sql).bind(db.municipality.0).execute(&mut *conn).await.unwrap();
        }
        drop(conn);
        let keep = Retention::default();
        let would = due(&db.pool, &keep).await.unwrap();
        enforce(&db.pool, &keep, Trust::Earned, |_| {}).await.unwrap();
        let rows =
            |what: &str| would.iter().filter(|d| d.what.contains(what)).map(|d| d.rows).collect::<Vec<_>>();
        assert_eq!(
            (rows("bay_interval"), rows("stop_passage"), rows("uplink")),
            (vec![3], vec![1], vec![1, 2])
        );
        // Older than 14 days are those up to number 904.
        assert_eq!(rows("rejection"), [904]);
        for (sql, left) in [
            ("SELECT count(*) FROM bay_observation", 1),
            ("SELECT count(*) FROM bay_interval", 3),
            ("SELECT count(*) FROM stop_passage", 2),
            ("SELECT count(vehicle) FROM stop_passage", 1),
            ("SELECT count(*) FROM uplink", 2),
            ("SELECT count(*) FROM rental_forecast", 1),
            ("SELECT count(*) FROM rejection", 12_096),
            ("SELECT rows FROM quarantine", 12_096),
        ] {
            assert_eq!(count(&db, sql).await, left, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_on_while_a_partition_goes_and_a_crash_is_made_good() {
    let db = Database::start_with(false).await;
    let old = db.now().await.plus_s(-20 * 86_400);
    positions(&db, Partitioning::Plain, &[old]).await;
    let mut long_reader = db.pool.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM vehicle_position").execute(&mut *long_reader).await.unwrap();
    let pool = db.pool.clone();
    let run = tokio::spawn(async move {
        enforce(&pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap().len()
    });
    while count(&db, "SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await == 0 {
        tokio::task::yield_now().await;
    }
    // It waits for the long reader; others do not wait for it.
    let mut reader = db.pool.begin().await.unwrap();
    sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *reader).await.unwrap();
    sqlx::query("SELECT count(*) FROM vehicle_position").execute(&mut *reader).await.unwrap();
    reader.commit().await.unwrap();
    assert!(!run.is_finished());
    long_reader.commit().await.unwrap();
    assert_eq!(run.await.unwrap(), 1);
    assert_eq!(coarse(&db).await.len(), 1);

    // A run that was interrupted after it had detached: the next one counts what is left and drops it.
    positions(&db, Partitioning::Plain, &[old]).await;
    let name: String = db
        .scalar(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'vehicle_position'::regclass",
        )
        .await;
    let detach = format!("ALTER TABLE vehicle_position DETACH PARTITION {name}");
    sqlx::query(sqlx::AssertSqlSafe(detach.clone())).execute(&db.pool).await.unwrap();
    assert_eq!(enforce(&db.pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap().len(), 1);
    assert_eq!(coarse(&db).await, [(2, 5.0, 60.0)]);

    // The same, but something late comes first: the partition takes it, and goes with the next run.
    positions(&db, Partitioning::Plain, &[old]).await;
    sqlx::query(sqlx::AssertSqlSafe(detach)).execute(&db.pool).await.unwrap();
    positions(&db, Partitioning::Plain, &[old.plus_s(1)]).await;
    assert_eq!(count(&db, "SELECT count(*) FROM vehicle_position").await, 2);
    enforce(&db.pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap();
    assert_eq!(coarse(&db).await.iter().map(|c| c.0).sum::<i64>(), 4);
    // A writer that does not know that the partition is gone gets an error that says to retry, not that the row is wrong.
    let orphan = sqlx::query(
        "INSERT INTO vehicle_position (municipality, observed_at, vehicle, digest, received_at, stored_at, feed,
             clock_corrected) VALUES (1, now() - interval '20 days', 7, 1, now(), now(), 1, false)",
    );
    let refused = orphan.execute(&db.pool).await.unwrap_err();
    assert!(matches!(StoreError::from(refused), StoreError::Unavailable(_)));
    let left = "SELECT count(*) FROM pg_class WHERE relname ~ '^vehicle_position_[0-9]+$'";
    assert_eq!(count(&db, left).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_keeps_none_of_the_others_from_being_done() {
    let db = Database::start_with(false).await;
    let mut conn = db.pool.acquire().await.unwrap();
    for sql in [
        "INSERT INTO change (writer, seq, body, deferred, committed_at) VALUES (7, 1, '', false, now() - interval '1 day')",
        "INSERT INTO derive_position (writer, seq) VALUES (7, 1)",
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos)
         VALUES (1, 1, 'malformed', '', now() - interval '20 days', '', '', 1)",
        "INSERT INTO stop_passage (municipality, service_date, trip_id, stop_id, feed, vehicle, passed_at, said_at, delay_s,
             digest)
         VALUES (1, (now() - interval '20 days')::date, 't', 's', 1, 7, now(), now(), 60, 1)",
        "ALTER TABLE uplink RENAME TO elsewhere",
    ] {
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
    }
    drop(conn);
    let failed = enforce(&db.pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap_err();
    assert!(failed.to_string().contains("uplink"), "{failed}");
    for sql in [
        "SELECT count(*) FROM change",
        "SELECT count(*) FROM rejection",
        "SELECT count(*) FROM stop_passage WHERE vehicle IS NOT NULL",
    ] {
        assert_eq!(count(&db, sql).await, 0, "{sql}");
    }
}

/// Tables of which single rows go, with many that stay and ten that go.
#[tokio::test(flavor = "multi_thread")]
async fn no_step_reads_more_than_it_deletes() {
    const TABLES: [&str; 5] = ["stop_passage", "site_interval", "bay_interval", "trip_state", "rejection"];
    let db = Database::start_with(false).await;
    let mut conn = db.pool.acquire().await.unwrap();
    for sql in [
        "INSERT INTO place (municipality, kind, key, def) SELECT 1, 1 + n % 2, n::text, '{}' FROM generate_series(1, 20) n",
        "INSERT INTO derived_place (municipality, place, audience, by_feed, layout)
         SELECT 1, id, '', false, '' FROM place",
        "INSERT INTO stop_passage (municipality, service_date, trip_id, stop_id, feed, vehicle, passed_at, said_at, delay_s,
             digest)
         SELECT 1, CURRENT_DATE - CASE WHEN n <= 10 THEN 20 ELSE 1 END, n::text, 's', 1, 7, now(), now(), 60, 1
         FROM generate_series(1, 30000) n",
        "INSERT INTO site_interval (municipality, site, audience, from_utc, until_utc, capacity, is_closed, is_anchored,
             entries, exits)
         SELECT 1, id, '', now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '1 minute', 1, false,
             false, 0, 0
         FROM place, generate_series(1, 3000) n WHERE kind = 1",
        "INSERT INTO bay_interval (municipality, bay, from_utc, until_utc, last_at, state)
         SELECT 1, id, now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '1 minute', now(), 1
         FROM place, generate_series(1, 3000) n WHERE kind = 2",
        "INSERT INTO trip_state (municipality, feed, trip_id, start_date, start_time, observed_at, confirmed_at, digest, body)
         SELECT 1, 1, n::text, to_char(t, 'YYYYMMDD'), '', t, t, 1, ''
         FROM generate_series(1, 30000) n, LATERAL (SELECT now() - CASE WHEN n <= 10 THEN 20 ELSE 1 END * interval '1 day') x(t)",
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos)
         SELECT 1, 1, 'malformed', '', now() - CASE WHEN n <= 10 THEN 20 ELSE 1 END * interval '1 day', '', '', 1
         FROM generate_series(1, 10000) n",
        "ANALYZE",
    ] {
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
    }
    let read = "SELECT relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables";
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut *conn).await.unwrap();
    let before: std::collections::HashMap<String, i64> =
        sqlx::query_as(read).fetch_all(&mut *conn).await.unwrap().into_iter().collect();
    // Its connection is its own, and says what it read when it closes.
    enforce(&db.pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap();
    let after: Vec<(String, i64)> = sqlx::query_as(read).fetch_all(&mut *conn).await.unwrap();
    for (table, rows) in after.into_iter().filter(|(table, _)| TABLES.contains(&table.as_str())) {
        let rows = rows - before[&table];
        assert!(rows <= 100, "{table}: {rows} rows were read");
    }
}

/// The run before was so long ago, as if it were the clock that jumped.
async fn last_run(db: &Database, ago: Duration) {
    sqlx::query(
        "INSERT INTO retention_clock (trusted_at, seen_at) SELECT now() - age, now() - age
         FROM (SELECT $1::interval AS age) x
         ON CONFLICT (only_row) DO UPDATE SET trusted_at = excluded.trusted_at, seen_at = excluded.seen_at,
             doubted_since = NULL",
    )
    .bind(sqlx::postgres::types::PgInterval::try_from(ago).unwrap())
    .execute(&db.pool)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_deletes_nothing_until_it_has_proved_itself() {
    for (db, partitioning) in databases().await {
        let old = db.now().await.plus_s(-20 * 86_400);
        positions(&db, partitioning, &[old]).await;
        let rows = async || count(&db, "SELECT count(*) FROM vehicle_position").await;
        let run = async |trust| enforce(&db.pool, &Retention::default(), trust, |_| {}).await.unwrap().len();
        // There was no run yet, and the database is older than a day.
        db.execute("UPDATE schema_migrations SET installed_on = installed_on - interval '25 hours'").await;
        assert_eq!((run(Trust::Earned).await, rows().await), (0, 1));
        last_run(&db, 42 * DAY).await;
        for _ in 0..3 {
            assert_eq!((run(Trust::Earned).await, rows().await), (0, 1));
        }
        // It came back: the run before was an hour ago.
        last_run(&db, DAY / 24).await;
        assert_eq!((run(Trust::Earned).await, rows().await), (1, 0));
        // Somebody who looks at the clock need not wait.
        positions(&db, partitioning, &[old]).await;
        last_run(&db, 42 * DAY).await;
        assert_eq!((run(Trust::Given).await, rows().await), (1, 0));
    }
}

/// TimescaleDB's own jobs go by the clock as it is: none of them deletes, not even one that an earlier version made.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_deletes() {
    const DELETING: &str = "SELECT count(*) FROM timescaledb_information.jobs
        WHERE hypertable_name IS NOT NULL AND proc_name <> 'policy_compression'";
    for (db, partitioning) in databases().await {
        if partitioning == Partitioning::Plain {
            continue;
        }
        assert_eq!(count(&db, DELETING).await, 0);
        for sql in [
            "SELECT add_retention_policy('bay_observation', interval '1095 days')",
            "SELECT add_retention_policy('site_count', interval '1095 days')",
            "SELECT add_retention_policy('passenger_count', interval '1095 days')",
            "DELETE FROM schema_migrations_timescaledb WHERE version > 1",
        ] {
            db.execute(sql).await;
        }
        assert_eq!(count(&db, DELETING).await, 3);
        store::migrate::migrate(&db.pool, true).await.unwrap();
        assert_eq!(count(&db, DELETING).await, 0);
        last_run(&db, Duration::ZERO).await;
        enforce(&db.pool, &Retention::default(), Trust::Earned, |_| {}).await.unwrap();
        assert_eq!(count(&db, DELETING).await, 0);
    }
}
