//! Reasons why a source of statements is not well, and when they held. Those that hide the state change what is shown, derived
//! and learned. [`Watcher`] finds them.

mod natives;
mod states;
mod unjudged;
mod watcher;

use std::collections::HashMap;

use domain::closure::Spans;
use domain::health::Code;
pub use domain::health::Reason;
use domain::ids::SourceKey;
use domain::live::Change;
use domain::registry::BaySource;
use domain::{BayId, MunicipalityId, UtcMicros};
use sqlx::PgConnection;

pub use self::unjudged::pass_over;
pub use self::watcher::{Kept, KeptMessage, Step, Watcher};

use crate::{Result, Ts, changes, forecast, ingest_process};

/// Stores `reasons`, which were noticed at `now`. Where they change which statements are believed, readers load places again,
/// what was derived is derived again, and forecasts learn again.
///
/// # Errors
/// The database is not available.
pub async fn record(conn: &mut PgConnection, reasons: &[Reason], now: UtcMicros) -> Result<()> {
    let rows: Vec<(i32, i32, Option<i32>, bool, bool, bool)> = sqlx::query_as(
        "WITH given AS (
             SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::bool[], $6::timestamptz[],
                                  $7::timestamptz[], $8::float8[], $9::float8[])
                 AS t(m, source, place, code, hides, since, until, value, limit_value)),
         held AS (
             SELECT g.*, r.until_utc AS was FROM given g
             LEFT JOIN health_reason r ON r.municipality = g.m AND r.source = g.source
                 AND coalesce(r.place, 0) = coalesce(g.place, 0) AND r.code = g.code AND r.from_utc = g.since),
         stored AS (
             INSERT INTO health_reason AS r (municipality, source, place, code, hides, from_utc, until_utc, noticed_at, value, limit_value)
             SELECT m, source, place, code, hides, since, until, $10, value, limit_value FROM given
             ON CONFLICT (municipality, source, coalesce(place, 0), code, from_utc) DO UPDATE
             SET until_utc = excluded.until_utc, value = excluded.value, limit_value = excluded.limit_value)
         SELECT m, source, place, was IS DISTINCT FROM until, hides AND was IS DISTINCT FROM until, since < $10 - interval '1 hour' FROM held",
    )
    .bind(reasons.iter().map(|r| r.municipality.0).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.source.0).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.bay.map(|bay| bay.0)).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.code).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.hides).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| Ts(r.since)).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| Ts(r.until.unwrap_or(UtcMicros(i64::MAX)))).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.value).collect::<Vec<_>>())
    .bind(reasons.iter().map(|r| r.limit).collect::<Vec<_>>())
    .bind(Ts(now))
    .fetch_all(&mut *conn)
    .await?;
    let changed = rows.iter().filter(|(.., is_changed, _, _)| *is_changed);
    let mut changes: Vec<Change> = changed
        .map(|(m, source, place, ..)| Change::Judged {
            municipality: MunicipalityId(*m),
            source: SourceKey(*source),
            bay: place.map(BayId),
        })
        .collect();
    if rows.iter().any(|(.., changes_belief, _)| *changes_belief) {
        let generation = ingest_process::next_generation(conn).await?;
        let learned = rows.iter().filter(|(.., changes_belief, is_old)| *changes_belief && *is_old);
        forecast::learn_again(conn, learned.map(|row| MunicipalityId(row.0)), generation).await?;
        changes.insert(0, Change::Places);
    }
    if changes.is_empty() { Ok(()) } else { changes::append_alone(conn, &changes).await }
}

/// The reasons that hold.
async fn open(conn: &mut PgConnection) -> Result<Vec<Reason>> {
    type Row = (i32, i32, Option<i32>, String, bool, Ts, Option<f64>, Option<f64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT municipality, source, place, code, hides, from_utc, value, limit_value FROM health_reason
         WHERE until_utc = 'infinity' ORDER BY source, place, code",
    )
    .fetch_all(conn)
    .await?;
    let reason = |(municipality, source, place, code, hides, since, value, limit): Row| {
        // One that only a newer version knows is that version's.
        let code = code.parse::<Code>().ok()?.as_str();
        Some(Reason {
            municipality: MunicipalityId(municipality),
            source: SourceKey(source),
            bay: place.map(BayId),
            code,
            hides,
            since: since.0,
            until: None,
            value,
            limit,
        })
    };
    Ok(rows.into_iter().filter_map(reason).collect())
}

/// When sources are not believed.
pub(crate) async fn distrusted(conn: &mut PgConnection) -> Result<HashMap<BaySource, Spans>> {
    let rows: Vec<(i32, i32, Ts, Ts)> = sqlx::query_as(
        "SELECT source, place, from_utc, until_utc FROM health_reason WHERE hides AND place IS NOT NULL",
    )
    .fetch_all(conn)
    .await?;
    let mut spans: HashMap<BaySource, Vec<(UtcMicros, UtcMicros)>> = HashMap::default();
    for (source, bay, from, until) in rows {
        let key = BaySource { source: SourceKey(source), bay: BayId(bay) };
        spans.entry(key).or_default().push((from.0, until.0));
    }
    Ok(spans.into_iter().map(|(key, spans)| (key, Spans::union(spans))).collect())
}
