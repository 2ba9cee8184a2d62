//! Bay observations: COPY, and the latest state of each source.

use std::collections::HashMap;

use domain::live::Change;
use domain::{BayObservation, FeedId, UtcMicros};
use sqlx::PgConnection;

use super::{Gated, Known, NewByFeed, Road, by_feed};
use crate::StoreError;
use crate::copy::CopyRows;
use crate::ts::Ts;

const COLUMNS: &str = "municipality, observed_at, bay, digest, received_at, stored_at, feed, sensor, seq, state, \
                       clock_corrected, battery_v, rssi_dbm, temperature_c";

/// Bytes of one row in binary COPY, for the first allocation.
const ROW_BYTES: usize = 160;

type Key = (i32, i64, i32, i64);

fn key(o: &BayObservation) -> Key {
    (o.heard.municipality.0, o.observed_at.0, o.bay.0, o.digest)
}

/// Appends what is new; returns how many were, by feed.
pub(super) async fn write(
    conn: &mut PgConnection,
    rows: &[Gated<BayObservation>],
    known: &Known,
    stored_at: UtcMicros,
    road: Road,
    changes: &mut Vec<Change>,
) -> Result<NewByFeed, StoreError> {
    if rows.is_empty() {
        return Ok(NewByFeed::new());
    }
    let mut wanted: Vec<&BayObservation> = rows
        .iter()
        .filter(|g| !known.drops(g, g.observation.heard.municipality))
        .map(|g| &g.observation)
        .collect();
    // The key's order: quicker index inserts, and two writers never wait for each other crosswise.
    wanted.sort_by_key(|o| key(o));
    wanted.dedup_by_key(|o| key(o));
    if wanted.is_empty() {
        return Ok(NewByFeed::new());
    }
    let new = match road {
        Road::Straight => {
            copy(conn, "bay_observation", &wanted, stored_at).await?;
            by_feed(wanted.iter().map(|o| o.heard.feed))
        }
        Road::Staged => {
            sqlx::query("CREATE TEMP TABLE staged_bay (LIKE bay_observation) ON COMMIT DROP")
                .execute(&mut *conn)
                .await?;
            copy(conn, "staged_bay", &wanted, stored_at).await?;
            let feeds: Vec<i32> = sqlx::query_scalar(
                "INSERT INTO bay_observation SELECT * FROM staged_bay
                 ORDER BY municipality, observed_at, bay, digest ON CONFLICT DO NOTHING RETURNING feed",
            )
            .fetch_all(&mut *conn)
            .await?;
            by_feed(feeds.into_iter().map(FeedId))
        }
    };
    move_states(conn, &wanted).await?;
    changes.extend(wanted.iter().map(|o| Change::Bay { bay: o.bay, reading: o.reading() }));
    Ok(new)
}

async fn copy(
    conn: &mut PgConnection,
    table: &str,
    rows: &[&BayObservation],
    stored_at: UtcMicros,
) -> Result<(), StoreError> {
    let mut data = CopyRows::new(rows.len() * ROW_BYTES);
    for o in rows {
        data.row(14)
            .int4(o.heard.municipality.0)
            .timestamptz(o.observed_at)
            .int4(o.bay.0)
            .int8(o.digest)
            .timestamptz(o.heard.received_at)
            .timestamptz(stored_at)
            .int4(o.heard.feed.0)
            .int4(o.heard.sensor.map(|s| s.0))
            .int8(o.seq)
            .int2(o.state.code())
            .bool(o.heard.clock_corrected)
            .float4(o.battery_v)
            .float4(o.rssi_dbm)
            .float4(o.temperature_c);
    }
    let statement = format!("COPY {table} ({COLUMNS}) FROM STDIN (FORMAT binary)");
    let mut copy = conn.copy_in_raw(&statement).await?;
    copy.send(data.finish()).await?;
    copy.finish().await?;
    Ok(())
}

/// Moves the latest state of each source forward, never back: see `domain::bay_state`.
async fn move_states(conn: &mut PgConnection, rows: &[&BayObservation]) -> Result<(), StoreError> {
    let mut latest: HashMap<(i32, i32, i32), &BayObservation> = HashMap::with_capacity(rows.len());
    let rank = |o: &BayObservation| (o.observed_at, o.seq.unwrap_or(i64::MIN), o.state);
    for o in rows {
        let held = latest.entry((o.heard.municipality.0, o.bay.0, o.reading().source())).or_insert(o);
        if rank(held) < rank(o) {
            *held = o;
        }
    }
    let mut latest: Vec<_> = latest.into_iter().collect();
    latest.sort_unstable_by_key(|(key, _)| *key);

    let n = latest.len();
    let (mut municipalities, mut bays, mut sources) =
        (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let (mut feeds, mut sensors, mut observed, mut received) =
        (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let (mut seqs, mut states) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for ((municipality, bay, source), o) in latest {
        municipalities.push(municipality);
        bays.push(bay);
        sources.push(source);
        feeds.push(o.heard.feed.0);
        sensors.push(o.heard.sensor.map(|s| s.0));
        observed.push(Ts(o.observed_at));
        received.push(Ts(o.heard.received_at));
        seqs.push(o.seq);
        states.push(o.state.code());
    }
    sqlx::query(
        "INSERT INTO bay_state AS held
            (municipality, bay, source, feed, sensor, observed_at, received_at, seq, state)
         SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::int[],
                              $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::smallint[])
         ON CONFLICT (municipality, bay, source) DO UPDATE
         SET feed = excluded.feed, sensor = excluded.sensor, observed_at = excluded.observed_at,
             received_at = excluded.received_at, seq = excluded.seq, state = excluded.state
         WHERE (held.observed_at, coalesce(held.seq, -9223372036854775808), held.state)
             < (excluded.observed_at, coalesce(excluded.seq, -9223372036854775808), excluded.state)",
    )
    .bind(&municipalities)
    .bind(&bays)
    .bind(&sources)
    .bind(&feeds)
    .bind(&sensors)
    .bind(&observed)
    .bind(&received)
    .bind(&seqs)
    .bind(&states)
    .execute(conn)
    .await?;
    Ok(())
}
