//! The latest state of each source of each bay.

use std::collections::BTreeSet;

use domain::UtcMicros;
use domain::live::Change;
use sqlx::{FromRow, PgConnection};

use crate::bay_row::BayRow;
use crate::bind::BindRows;
use crate::search_spans::{SearchSpan, last, spans};
use crate::writer::bay_states::{BayStateKey, Latest};
use crate::{Result, Ts};

#[derive(FromRow)]
struct StoredState {
    #[sqlx(flatten)]
    key: BayStateKey,
    received_at: Ts,
    #[sqlx(flatten)]
    row: BayRow,
}

/// Replaces states that lie ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64> {
    // Deleted first: then earlier statements move the state forward as usual. Locked in the key's order, as writers do: no
    // deadlocks.
    let ahead: Vec<BayStateKey> = sqlx::query_as(
        "DELETE FROM bay_state s USING (
             SELECT municipality, bay, source FROM bay_state WHERE observed_at > $1
             ORDER BY municipality, bay, source FOR UPDATE) a
         WHERE s.municipality = a.municipality AND s.bay = a.bay AND s.source = a.source AND s.observed_at > $1
         RETURNING s.municipality, s.bay, s.source",
    )
    .bind(last(now))
    .fetch_all(&mut *conn)
    .await?;
    let mut missing: BTreeSet<BayStateKey> = ahead.iter().copied().collect();
    let mut latest = Latest::default();
    for within in spans(now) {
        if missing.is_empty() {
            break;
        }
        for StoredState { key, received_at, row } in newest(conn, &missing, within).await? {
            missing.remove(&key);
            latest.add(key.municipality, key.bay, row.reading(), received_at.0);
            changes.push(Change::Bay { bay: key.bay, reading: row.reading() });
        }
    }
    latest.write(conn).await?;
    Ok(ahead.len() as u64)
}

/// The newest statement of each within a span, by the rule of `domain::bay_state`.
async fn newest(
    conn: &mut PgConnection,
    keys: &BTreeSet<BayStateKey>,
    within: SearchSpan,
) -> Result<Vec<StoredState>> {
    let sql = "SELECT DISTINCT ON (k.municipality, k.bay, k.source) k.municipality, k.bay, k.source, o.feed, o.sensor,
                o.observed_at, o.received_at, o.seq, o.state
         FROM unnest($1, $2, $3) AS k(municipality, bay, source)
         JOIN bay_observation o ON o.municipality = k.municipality AND o.bay = k.bay
              AND coalesce(o.sensor, -o.feed) = k.source
         WHERE o.observed_at > $4 AND o.observed_at <= $5
         ORDER BY k.municipality, k.bay, k.source, o.observed_at DESC, coalesce(o.seq, -9223372036854775808) DESC,
                  o.state DESC";
    Ok(sqlx::query_as(sql)
        .bind_rows(keys.iter().map(|key| (key.municipality.0, key.bay.0, key.source.0)))
        .bind(within.after)
        .bind(within.until)
        .fetch_all(conn)
        .await?)
}
