//! The latest state of each source of each bay.

use std::collections::{BTreeMap, BTreeSet};

use domain::UtcMicros;
use domain::live::Change;
use sqlx::{FromRow, PgConnection};

use super::{last, spans};
use crate::StoreError;
use crate::bay_row::BayRow;
use crate::ts::Ts;

/// Municipality, bay, source.
type Key = (i32, i32, i32);

#[derive(FromRow)]
struct StoredState {
    municipality: i32,
    source: i32,
    received_at: Ts,
    #[sqlx(flatten)]
    row: BayRow,
}

/// Replaces states that lie ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64, StoreError> {
    let ahead: Vec<Key> =
        sqlx::query_as("SELECT municipality, bay, source FROM bay_state WHERE observed_at > $1")
            .bind(last(now))
            .fetch_all(&mut *conn)
            .await?;
    let mut missing: BTreeSet<Key> = ahead.iter().copied().collect();
    let mut found: BTreeMap<Key, StoredState> = BTreeMap::new();
    for span in spans(now) {
        if missing.is_empty() {
            break;
        }
        for stored in newest(conn, &missing, span).await? {
            let key = (stored.municipality, stored.row.bay, stored.source);
            missing.remove(&key);
            found.insert(key, stored);
        }
    }
    forget(conn, &missing, now).await?;
    write(conn, &found, now).await?;
    let restored = found.values().map(|s| Change::Bay { bay: s.row.bay(), reading: s.row.reading() });
    changes.extend(restored);
    Ok(ahead.len() as u64)
}

fn columns(keys: &BTreeSet<Key>) -> (Vec<i32>, Vec<i32>, Vec<i32>) {
    (
        keys.iter().map(|k| k.0).collect(),
        keys.iter().map(|k| k.1).collect(),
        keys.iter().map(|k| k.2).collect(),
    )
}

/// The newest statement of each within a span, by the rule of `domain::bay_state`.
async fn newest(
    conn: &mut PgConnection,
    keys: &BTreeSet<Key>,
    (after, until): (Ts, Ts),
) -> Result<Vec<StoredState>, StoreError> {
    let (municipalities, bays, sources) = columns(keys);
    let sql = "SELECT DISTINCT ON (k.municipality, k.bay, k.source) k.municipality, k.bay, k.source, o.feed, o.sensor,
                o.observed_at, o.received_at, o.seq, o.state
         FROM unnest($1::int[], $2::int[], $3::int[]) AS k(municipality, bay, source)
         JOIN bay_observation o ON o.municipality = k.municipality AND o.bay = k.bay
              AND coalesce(o.sensor, -o.feed) = k.source
         WHERE o.observed_at > $4 AND o.observed_at <= $5
         ORDER BY k.municipality, k.bay, k.source, o.observed_at DESC, coalesce(o.seq, -9223372036854775808) DESC,
                  o.state DESC";
    Ok(sqlx::query_as(sql)
        .bind(municipalities)
        .bind(bays)
        .bind(sources)
        .bind(after)
        .bind(until)
        .fetch_all(conn)
        .await?)
}

/// Deletes states without an earlier observation.
async fn forget(conn: &mut PgConnection, keys: &BTreeSet<Key>, now: UtcMicros) -> Result<(), StoreError> {
    let (municipalities, bays, sources) = columns(keys);
    sqlx::query(
        "DELETE FROM bay_state WHERE observed_at > $4
         AND (municipality, bay, source) IN (SELECT * FROM unnest($1::int[], $2::int[], $3::int[]))",
    )
    .bind(municipalities)
    .bind(bays)
    .bind(sources)
    .bind(last(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces states ahead of the clock by `found`; what came meanwhile is newer and stays.
async fn write(
    conn: &mut PgConnection,
    found: &BTreeMap<Key, StoredState>,
    now: UtcMicros,
) -> Result<(), StoreError> {
    // Locked in the key's order, as writers do: no deadlocks.
    sqlx::query(
        "UPDATE bay_state s
         SET feed = n.feed, sensor = n.sensor, observed_at = n.observed_at, received_at = n.received_at, seq = n.seq,
             state = n.state
         FROM (SELECT t.* FROM bay_state h
               JOIN unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::int[], $6::timestamptz[], $7::timestamptz[],
                           $8::bigint[], $9::smallint[])
                    AS t(municipality, bay, source, feed, sensor, observed_at, received_at, seq, state)
                    USING (municipality, bay, source)
               WHERE h.observed_at > $10 ORDER BY municipality, bay, source FOR UPDATE OF h) n
         WHERE s.municipality = n.municipality AND s.bay = n.bay AND s.source = n.source",
    )
    .bind(found.keys().map(|k| k.0).collect::<Vec<_>>())
    .bind(found.keys().map(|k| k.1).collect::<Vec<_>>())
    .bind(found.keys().map(|k| k.2).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.row.feed).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.row.sensor).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.row.observed_at).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.received_at).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.row.seq).collect::<Vec<_>>())
    .bind(found.values().map(|s| s.row.state).collect::<Vec<_>>())
    .bind(last(now))
    .execute(conn)
    .await?;
    Ok(())
}
