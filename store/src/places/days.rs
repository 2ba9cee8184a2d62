//! Closures of places and days of towns: imported, and read back for live state, export and
//! analysis.

use std::collections::BTreeMap;
use std::error::Error;

use domain::closure::{NEVER, Spans};
use domain::{CalendarDay, Closure, MunicipalityId, PlaceId, UtcMicros};
use sqlx::PgConnection;

use super::kind;
use super::report::{ImportCounts, Missing, import_counts};
use crate::StoreError;
use crate::ts::Ts;

/// Upserts closures by place and beginning. In the municipalities of the file, open
/// closures that it no longer mentions are listed, or end now; those that have not begun are
/// deleted.
pub(super) async fn import_closures(
    conn: &mut PgConnection,
    new: &[Closure],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts, StoreError> {
    let kinds: Vec<i16> = new.iter().map(|c| kind::code(c.kind)).collect();
    let keys: Vec<&str> = new.iter().map(|c| c.place.as_str()).collect();
    let froms: Vec<Ts> = new.iter().map(|c| Ts(c.from)).collect();
    let written = sqlx::query_as(
        "INSERT INTO closure AS held (municipality, place, from_utc, until_utc, reason)
         SELECT p.municipality, p.id, t.f, coalesce(t.u, 'infinity'), t.reason
         FROM unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[])
              AS t(kind, key, f, u, reason)
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
    let gone: Vec<(String, i32, Ts)> = sqlx::query_as(
        "WITH given AS (
             SELECT p.municipality, p.id, t.f
             FROM unnest($1::smallint[], $2::text[], $3::timestamptz[]) AS t(kind, key, f)
             JOIN place p ON p.kind = t.kind AND p.key = t.key)
         SELECT p.key, c.place, c.from_utc
         FROM closure c JOIN place p ON p.id = c.place
         WHERE c.municipality IN (SELECT municipality FROM given)
           AND c.until_utc > greatest(c.from_utc, $4)
           AND NOT EXISTS (SELECT FROM given g WHERE g.id = c.place AND g.f = c.from_utc)
         ORDER BY p.key COLLATE \"C\", c.from_utc",
    )
    .bind(&kinds)
    .bind(&keys)
    .bind(&froms)
    .bind(Ts(now))
    .fetch_all(&mut *conn)
    .await?;
    if missing == Missing::Close {
        let places: Vec<i32> = gone.iter().map(|(_, place, _)| *place).collect();
        let froms: Vec<Ts> = gone.iter().map(|(_, _, from)| *from).collect();
        for sql in [
            "DELETE FROM closure c USING unnest($1::int[], $2::timestamptz[]) AS t(place, f)
             WHERE c.place = t.place AND c.from_utc = t.f AND c.from_utc >= $3",
            "UPDATE closure c SET until_utc = $3 FROM unnest($1::int[], $2::timestamptz[]) AS t(place, f)
             WHERE c.place = t.place AND c.from_utc = t.f",
        ] {
            sqlx::query(sql).bind(&places).bind(&froms).bind(Ts(now)).execute(&mut *conn).await?;
        }
    }
    let names = gone.iter().map(|(key, _, from)| format!("{key} from {}", from.0)).collect();
    Ok(ImportCounts { missing: names, ..import_counts(new.len(), written) })
}

/// Upserts the days of calendars. Missing ones are treated like closures, by the days of the
/// town: one of today stays for today.
pub(super) async fn import_calendar(
    conn: &mut PgConnection,
    new: &[CalendarDay],
    missing: Missing,
    now: UtcMicros,
) -> Result<ImportCounts, StoreError> {
    let slugs: Vec<&str> = new.iter().map(|d| d.municipality.as_str()).collect();
    let days: Vec<String> = new.iter().map(|d| d.date.to_string()).collect();
    let kinds: Vec<&str> = new.iter().map(|d| d.kind.as_str()).collect();
    let names: Vec<&str> = new.iter().map(|d| d.name.as_str()).collect();
    let written = sqlx::query_as(
        "INSERT INTO calendar_day AS held (municipality, day, until_day, kind, name)
         SELECT m.id, t.day::date, t.until::date, t.kind, t.name
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS t(slug, day, kind, name, until)
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
    let gone: Vec<(i32, String, String, String, String)> = sqlx::query_as(
        "WITH given AS (
             SELECT m.id, t.day::date AS day, t.kind, t.name
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t(slug, day, kind, name)
             JOIN municipality m ON m.slug = t.slug)
         SELECT c.municipality, c.day::text, c.kind, c.name, m.slug
         FROM calendar_day c JOIN municipality m ON m.id = c.municipality
         WHERE c.municipality IN (SELECT id FROM given)
           AND c.until_day > ($5 AT TIME ZONE (m.def ->> 'tz'))::date
           AND NOT EXISTS (SELECT FROM given g
                           WHERE (g.id, g.day, g.kind, g.name) = (c.municipality, c.day, c.kind, c.name))
         ORDER BY m.slug COLLATE \"C\", c.day, c.kind, c.name COLLATE \"C\"",
    )
    .bind(&slugs)
    .bind(&days)
    .bind(&kinds)
    .bind(&names)
    .bind(Ts(now))
    .fetch_all(&mut *conn)
    .await?;
    if missing == Missing::Close {
        for sql in [
            "DELETE FROM calendar_day c USING municipality m,
                 unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS t(municipality, day, kind, name)
             WHERE (c.municipality, c.day, c.kind, c.name) = (t.municipality, t.day::date, t.kind, t.name)
               AND m.id = c.municipality AND c.day > ($5 AT TIME ZONE (m.def ->> 'tz'))::date",
            "UPDATE calendar_day c SET until_day = ($5 AT TIME ZONE (m.def ->> 'tz'))::date FROM municipality m,
                 unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS t(municipality, day, kind, name)
             WHERE (c.municipality, c.day, c.kind, c.name) = (t.municipality, t.day::date, t.kind, t.name)
               AND m.id = c.municipality",
        ] {
            sqlx::query(sql)
                .bind(gone.iter().map(|g| g.0).collect::<Vec<_>>())
                .bind(gone.iter().map(|g| g.1.as_str()).collect::<Vec<_>>())
                .bind(gone.iter().map(|g| g.2.as_str()).collect::<Vec<_>>())
                .bind(gone.iter().map(|g| g.3.as_str()).collect::<Vec<_>>())
                .bind(Ts(now))
                .execute(&mut *conn)
                .await?;
        }
    }
    let names = gone.iter().map(|(_, day, kind, name, slug)| format!("{slug} {day} {kind} {name}")).collect();
    Ok(ImportCounts { missing: names, ..import_counts(new.len(), written) })
}

/// All closures by text ids.
pub(super) async fn all_closures(conn: &mut PgConnection) -> Result<Vec<Closure>, StoreError> {
    let rows: Vec<(i16, String, Ts, Ts, Option<String>)> = sqlx::query_as(
        "SELECT p.kind, p.key, c.from_utc, c.until_utc, c.reason FROM closure c JOIN place p ON p.id = c.place
         ORDER BY p.key COLLATE \"C\", p.kind, c.from_utc",
    )
    .fetch_all(conn)
    .await?;
    let closure = |(kind, place, from, until, reason): (i16, String, Ts, Ts, Option<String>)| Closure {
        kind: kind::of_code(kind),
        place,
        from: from.0,
        until: (until.0 != NEVER).then_some(until.0),
        reason,
    };
    Ok(rows.into_iter().map(closure).collect())
}

/// When places are closed, of all municipalities and times.
pub(crate) async fn ever_closed(conn: &mut PgConnection) -> Result<Vec<(PlaceId, Spans)>, StoreError> {
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
) -> Result<Vec<CalendarDay>, StoreError> {
    let rows: Vec<(String, String, String, String, String)> = sqlx::query_as(
        "SELECT m.slug, c.day::text, c.until_day::text, c.kind, c.name
         FROM calendar_day c JOIN municipality m ON m.id = c.municipality
         WHERE $1::int IS NULL OR c.municipality = $1
         ORDER BY m.slug COLLATE \"C\", c.day, c.kind, c.name COLLATE \"C\"",
    )
    .bind(municipality.map(|m| m.0))
    .fetch_all(conn)
    .await?;
    fn day(
        row: (String, String, String, String, String),
    ) -> Result<CalendarDay, Box<dyn Error + Send + Sync>> {
        let (municipality, date, until, kind, name) = row;
        Ok(CalendarDay {
            municipality,
            date: date.parse()?,
            until: until.parse()?,
            kind: kind.parse()?,
            name,
        })
    }
    let days: Result<_, _> = rows.into_iter().map(day).collect();
    Ok(days.map_err(sqlx::Error::Decode)?)
}
