//! Closures of places and days of towns: imported, and read back for live state, export and
//! analysis.

use std::collections::BTreeMap;

use domain::closure::Spans;
use domain::{CalendarDay, Closure, MunicipalityId, PlaceId, UtcMicros};
use serde::Serialize;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::report::{ImportCounts, Missing, import_counts};
use crate::{Result, Ts};

/// Statements that import spans of time. $1: those of the file, as JSON; $2: now.
struct Statements {
    /// Inserts new ones and updates others.
    upsert: &'static str,
    /// The beginning of a query that has, as `gone`, those of the file's municipalities that are not over and that it no
    /// longer mentions.
    gone: &'static str,
    /// Their names, and when they begin.
    names: &'static str,
    /// Deletes those that have not begun, then ends the others now.
    close: [&'static str; 2],
}

/// Closures, by place and beginning.
const CLOSURES: Statements = Statements {
    upsert: "INSERT INTO closure AS held (municipality, place, from_utc, until_utc, reason)
         SELECT p.municipality, p.id, t.\"from\", coalesce(t.until, 'infinity'), t.reason
         FROM jsonb_to_recordset($1)
             AS t(kind text, place text, \"from\" timestamptz, until timestamptz, reason text)
         JOIN place p ON p.kind = CASE t.kind WHEN 'site' THEN 1 ELSE 2 END AND p.key = t.place
         ON CONFLICT (municipality, place, from_utc)
         DO UPDATE SET until_utc = excluded.until_utc, reason = excluded.reason
         WHERE (held.until_utc, held.reason) IS DISTINCT FROM (excluded.until_utc, excluded.reason)
         RETURNING xmax = 0",
    gone: "WITH given AS (
             SELECT p.municipality, p.id, t.\"from\"
             FROM jsonb_to_recordset($1) AS t(kind text, place text, \"from\" timestamptz)
             JOIN place p ON p.kind = CASE t.kind WHEN 'site' THEN 1 ELSE 2 END AND p.key = t.place),
         gone AS (
             SELECT p.key, c.place, c.from_utc FROM closure c JOIN place p ON p.id = c.place
             WHERE c.municipality IN (SELECT municipality FROM given) AND c.until_utc > greatest(c.from_utc, $2)
               AND NOT EXISTS (SELECT FROM given g WHERE g.id = c.place AND g.\"from\" = c.from_utc))",
    names: "SELECT key || ' from ', from_utc FROM gone ORDER BY key COLLATE \"C\", from_utc",
    close: [
        "DELETE FROM closure c USING gone g WHERE c.place = g.place AND c.from_utc = g.from_utc AND c.from_utc >= $2",
        "UPDATE closure c SET until_utc = $2 FROM gone g WHERE c.place = g.place AND c.from_utc = g.from_utc",
    ],
};

/// Days of calendars, by all but their last day. What is missing ends by the days of the town: one of today stays for today.
const CALENDAR: Statements = Statements {
    upsert: "INSERT INTO calendar_day AS held (municipality, day, until_day, kind, name)
         SELECT m.id, t.date, t.until, t.kind, t.name
         FROM jsonb_to_recordset($1) AS t(municipality text, date date, until date, kind text, name text)
         JOIN municipality m ON m.slug = t.municipality
         ON CONFLICT (municipality, day, kind, name) DO UPDATE SET until_day = excluded.until_day
         WHERE held.until_day IS DISTINCT FROM excluded.until_day
         RETURNING xmax = 0",
    gone: "WITH given AS (
             SELECT m.id, t.date, t.kind, t.name
             FROM jsonb_to_recordset($1) AS t(municipality text, date date, kind text, name text)
             JOIN municipality m ON m.slug = t.municipality),
         gone AS (
             SELECT c.*, m.slug, today FROM calendar_day c JOIN municipality m ON m.id = c.municipality
             CROSS JOIN LATERAL (SELECT ($2 AT TIME ZONE (m.def ->> 'tz'))::date AS today) clock
             WHERE c.municipality IN (SELECT id FROM given) AND c.until_day > today
               AND NOT EXISTS (SELECT FROM given g
                               WHERE (g.id, g.date, g.kind, g.name) = (c.municipality, c.day, c.kind, c.name)))",
    names: "SELECT concat_ws(' ', slug, day, kind, name), NULL::timestamptz FROM gone
         ORDER BY slug COLLATE \"C\", day, kind, name COLLATE \"C\"",
    close: [
        "DELETE FROM calendar_day c USING gone g
         WHERE (c.municipality, c.day, c.kind, c.name) = (g.municipality, g.day, g.kind, g.name) AND g.day > g.today",
        "UPDATE calendar_day c SET until_day = g.today FROM gone g
         WHERE (c.municipality, c.day, c.kind, c.name) = (g.municipality, g.day, g.kind, g.name)",
    ],
};

/// Upserts closures. In the municipalities of the file, open closures that it no longer mentions are listed, or end now;
/// those that have not begun are deleted.
pub(super) async fn import_closures(
    conn: &mut PgConnection,
    new: &[Closure],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts> {
    import(conn, &CLOSURES, new, missing, now).await
}

/// Upserts the days of calendars. Missing ones are treated like closures.
pub(super) async fn import_calendar(
    conn: &mut PgConnection,
    new: &[CalendarDay],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts> {
    import(conn, &CALENDAR, new, missing, now).await
}

async fn import<T: Serialize>(
    conn: &mut PgConnection,
    statements: &Statements,
    new: &[T],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts> {
    let written = sqlx::query_as(statements.upsert).bind(Json(new)).fetch_all(&mut *conn).await?;
    let of_gone = |rest: &str| AssertSqlSafe(format!("{} {rest}", statements.gone));
    let names = sqlx::query_as(of_gone(statements.names)).bind(Json(new)).bind(Ts(now));
    let names: Vec<(String, Option<Ts>)> = names.fetch_all(&mut *conn).await?;
    if missing == Missing::Close {
        for change in statements.close {
            sqlx::query(of_gone(change)).bind(Json(new)).bind(Ts(now)).execute(&mut *conn).await?;
        }
    }
    let name =
        |(name, from): (String, Option<Ts>)| name + &from.map_or_else(String::new, |from| from.0.to_string());
    Ok(ImportCounts { missing: names.into_iter().map(name).collect(), ..import_counts(new.len(), written) })
}

/// All closures by text ids.
pub(super) async fn all_closures(conn: &mut PgConnection) -> Result<Vec<Closure>> {
    let sql = "SELECT jsonb_build_object('kind', CASE p.kind WHEN 1 THEN 'site' ELSE 'bay' END, 'place', p.key,
                   'from', c.from_utc, 'until', nullif(c.until_utc, 'infinity'), 'reason', c.reason)
               FROM closure c JOIN place p ON p.id = c.place ORDER BY p.key COLLATE \"C\", p.kind, c.from_utc";
    let closures: Vec<Json<Closure>> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    Ok(closures.into_iter().map(|closure| closure.0).collect())
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
    let days: Vec<Json<CalendarDay>> = sqlx::query_scalar(
        "SELECT jsonb_build_object('municipality', m.slug, 'date', c.day, 'until', c.until_day, 'kind', c.kind, 'name', c.name)
         FROM calendar_day c JOIN municipality m ON m.id = c.municipality
         WHERE $1::int IS NULL OR c.municipality = $1
         ORDER BY m.slug COLLATE \"C\", c.day, c.kind, c.name COLLATE \"C\"",
    )
    .bind(municipality.map(|m| m.0))
    .fetch_all(conn)
    .await?;
    Ok(days.into_iter().map(|day| day.0).collect())
}
