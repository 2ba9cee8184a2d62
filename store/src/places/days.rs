//! Closures of places and days of towns: imported, and read back for live state, export and
//! analysis.

use std::collections::BTreeMap;

use domain::closure::{NEVER, Spans};
use domain::{CalendarDay, Closure, MunicipalityId, PlaceId, UtcMicros};
use sqlx::error::BoxDynError;
use sqlx::{AssertSqlSafe, PgConnection};

use super::kind::KindCode;
use super::report::{ImportCounts, Missing, import_counts};
use crate::{Result, Ts};

/// Upserts closures by place and beginning. In the municipalities of the file, open
/// closures that it no longer mentions are listed, or end now; those that have not begun are
/// deleted.
pub(super) async fn import_closures(
    conn: &mut PgConnection,
    new: &[Closure],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts> {
    let kinds: Vec<KindCode> = new.iter().map(|c| KindCode::from(c.kind)).collect();
    let keys: Vec<&str> = new.iter().map(|c| c.place.as_str()).collect();
    let froms: Vec<Ts> = new.iter().map(|c| Ts(c.from)).collect();
    let written = sqlx::query_as(
        "INSERT INTO closure AS held (municipality, place, from_utc, until_utc, reason)
         SELECT p.municipality, p.id, t.f, coalesce(t.u, 'infinity'), t.reason
         FROM unnest($1, $2, $3, $4, $5) AS t(kind, key, f, u, reason)
         JOIN place p ON p.kind = t.kind AND p.key = t.key
         ON CONFLICT (municipality, place, from_utc)
         DO UPDATE SET until_utc = excluded.until_utc, reason = excluded.reason
         WHERE (held.until_utc, held.reason) IS DISTINCT FROM (excluded.until_utc, excluded.reason)
         RETURNING xmax = 0",
    )
    .bind(&kinds)
    .bind(&keys)
    .bind(&froms)
    .bind(new.iter().map(|c| c.until.map(Ts)).collect::<Vec<_>>())
    .bind(new.iter().map(|c| c.reason.as_deref()).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let gone = "WITH given AS (
             SELECT p.municipality, p.id, t.f
             FROM unnest($1, $2, $3) AS t(kind, key, f) JOIN place p ON p.kind = t.kind AND p.key = t.key),
         gone AS (
             SELECT p.key, c.place, c.from_utc FROM closure c JOIN place p ON p.id = c.place
             WHERE c.municipality IN (SELECT municipality FROM given) AND c.until_utc > greatest(c.from_utc, $4)
               AND NOT EXISTS (SELECT FROM given g WHERE g.id = c.place AND g.f = c.from_utc))";
    let query = |rest: &str| {
        let sql = AssertSqlSafe(format!("{gone} {rest}"));
        sqlx::query_as(sql).bind(&kinds).bind(&keys).bind(&froms).bind(Ts(now))
    };
    let missing_spans: Vec<(String, Ts)> =
        query("SELECT key, from_utc FROM gone ORDER BY key COLLATE \"C\", from_utc")
            .fetch_all(&mut *conn)
            .await?;
    if missing == Missing::Close {
        for change in [
            "DELETE FROM closure c USING gone g WHERE c.place = g.place AND c.from_utc = g.from_utc
               AND c.from_utc >= $4 RETURNING '', c.from_utc",
            "UPDATE closure c SET until_utc = $4 FROM gone g WHERE c.place = g.place AND c.from_utc = g.from_utc
             RETURNING '', c.from_utc",
        ] {
            query(change).fetch_all(&mut *conn).await?;
        }
    }
    let names = missing_spans.iter().map(|(key, from)| format!("{key} from {}", from.0)).collect();
    Ok(ImportCounts { missing: names, ..import_counts(new.len(), written) })
}

/// Upserts the days of calendars. Missing ones are treated like closures, by the days of the
/// town: one of today stays for today.
pub(super) async fn import_calendar(
    conn: &mut PgConnection,
    new: &[CalendarDay],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts> {
    let slugs: Vec<&str> = new.iter().map(|d| d.municipality.as_str()).collect();
    let days: Vec<String> = new.iter().map(|d| d.date.to_string()).collect();
    let kinds: Vec<&str> = new.iter().map(|d| d.kind.as_str()).collect();
    let names: Vec<&str> = new.iter().map(|d| d.name.as_str()).collect();
    let written = sqlx::query_as(
        "INSERT INTO calendar_day AS held (municipality, day, until_day, kind, name)
         SELECT m.id, t.day::date, t.until::date, t.kind, t.name
         FROM unnest($1, $2, $3, $4, $5) AS t(slug, day, kind, name, until)
         JOIN municipality m ON m.slug = t.slug
         ON CONFLICT (municipality, day, kind, name) DO UPDATE SET until_day = excluded.until_day
         WHERE held.until_day IS DISTINCT FROM excluded.until_day
         RETURNING xmax = 0",
    )
    .bind(&slugs)
    .bind(&days)
    .bind(&kinds)
    .bind(&names)
    .bind(new.iter().map(|d| d.until.to_string()).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let gone = "WITH given AS (
             SELECT m.id, t.day::date AS day, t.kind, t.name
             FROM unnest($1, $2, $3, $4) AS t(slug, day, kind, name)
             JOIN municipality m ON m.slug = t.slug),
         gone AS (
             SELECT c.*, m.slug, today FROM calendar_day c JOIN municipality m ON m.id = c.municipality
             CROSS JOIN LATERAL (SELECT ($5 AT TIME ZONE (m.def ->> 'tz'))::date AS today) clock
             WHERE c.municipality IN (SELECT id FROM given) AND c.until_day > today
               AND NOT EXISTS (SELECT FROM given g
                               WHERE (g.id, g.day, g.kind, g.name) = (c.municipality, c.day, c.kind, c.name)))";
    let query = |rest: &str| {
        let sql = AssertSqlSafe(format!("{gone} {rest}"));
        sqlx::query_scalar(sql).bind(&slugs).bind(&days).bind(&kinds).bind(&names).bind(Ts(now))
    };
    let missing_days: Vec<String> = query(
        "SELECT concat_ws(' ', slug, day, kind, name) FROM gone
         ORDER BY slug COLLATE \"C\", day, kind, name COLLATE \"C\"",
    )
    .fetch_all(&mut *conn)
    .await?;
    if missing == Missing::Close {
        for change in [
            "DELETE FROM calendar_day c USING gone g
             WHERE (c.municipality, c.day, c.kind, c.name) = (g.municipality, g.day, g.kind, g.name)
               AND g.day > g.today RETURNING ''",
            "UPDATE calendar_day c SET until_day = g.today FROM gone g
             WHERE (c.municipality, c.day, c.kind, c.name) = (g.municipality, g.day, g.kind, g.name) RETURNING ''",
        ] {
            let _: Vec<String> = query(change).fetch_all(&mut *conn).await?;
        }
    }
    Ok(ImportCounts { missing: missing_days, ..import_counts(new.len(), written) })
}

/// All closures by text ids.
pub(super) async fn all_closures(conn: &mut PgConnection) -> Result<Vec<Closure>> {
    let rows: Vec<(KindCode, String, Ts, Ts, Option<String>)> = sqlx::query_as(
        "SELECT p.kind, p.key, c.from_utc, c.until_utc, c.reason FROM closure c JOIN place p ON p.id = c.place
         ORDER BY p.key COLLATE \"C\", p.kind, c.from_utc",
    )
    .fetch_all(conn)
    .await?;
    let closure = |(kind, place, from, until, reason): (KindCode, String, Ts, Ts, _)| Closure {
        kind: kind.into(),
        place,
        from: from.0,
        until: (until.0 != NEVER).then_some(until.0),
        reason,
    };
    Ok(rows.into_iter().map(closure).collect())
}

/// When places are closed, of all municipalities and times.
pub(crate) async fn ever_closed(conn: &mut PgConnection) -> Result<Vec<(PlaceId, Spans)>> {
    Ok(spans(sqlx::query_as("SELECT place, from_utc, until_utc FROM closure").fetch_all(conn).await?))
}

fn spans(rows: Vec<(i32, Ts, Ts)>) -> Vec<(PlaceId, Spans)> {
    let mut by_place: BTreeMap<PlaceId, Vec<(UtcMicros, UtcMicros)>> = BTreeMap::new();
    for (place, from, until) in rows {
        by_place.entry(PlaceId(place)).or_default().push((from.0, until.0));
    }
    by_place.into_iter().map(|(place, spans)| (place, Spans::union(spans))).collect()
}

/// The calendar of a municipality (`None`: of all): every entry, whenever.
///
/// # Errors
/// The database is not available.
pub async fn calendar(
    conn: &mut PgConnection,
    municipality: Option<MunicipalityId>,
) -> Result<Vec<CalendarDay>> {
    let rows: Vec<(String, String, String, String, String)> = sqlx::query_as(
        "SELECT m.slug, c.day::text, c.until_day::text, c.kind, c.name
         FROM calendar_day c JOIN municipality m ON m.id = c.municipality
         WHERE $1::int IS NULL OR c.municipality = $1
         ORDER BY m.slug COLLATE \"C\", c.day, c.kind, c.name COLLATE \"C\"",
    )
    .bind(municipality.map(|m| m.0))
    .fetch_all(conn)
    .await?;
    let day = |(municipality, date, until, kind, name): (_, String, String, String, _)| {
        Ok(CalendarDay {
            municipality,
            date: date.parse()?,
            until: until.parse()?,
            kind: kind.parse()?,
            name,
        })
    };
    let days: Result<_, BoxDynError> = rows.into_iter().map(day).collect();
    Ok(days.map_err(sqlx::Error::Decode)?)
}
