//! What vehicles did, for planners: delays, and passengers of runs. Rows come as they are read.

use domain::holidays::DayKind;
use domain::{FeedId, MunicipalityId, UtcMicros};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::{Executor, FromRow, Row};

use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

/// What the rows of an answer stand for in time. Hours, days and weeks are the town's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    Hour,
    Day,
    /// From Monday on.
    Week,
    HourOfWeek,
    /// The whole period.
    All,
}

impl Bucket {
    const fn name(self) -> &'static str {
        match self {
            Bucket::Hour => "hour",
            Bucket::Day => "day",
            Bucket::Week => "week",
            Bucket::HourOfWeek => "hour_of_week",
            Bucket::All => "all",
        }
    }
}

/// Which part of a municipality's history is asked for, and how it is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub municipality: MunicipalityId,
    /// IANA name of the town's zone.
    pub tz: String,
    /// `[from, until)`
    pub from: UtcMicros,
    pub until: UtcMicros,
    pub bucket: Bucket,
    pub route: Option<String>,
    pub stop: Option<String>,
    pub by_route: bool,
    pub by_stop: bool,
    /// `None`: all.
    pub days: Option<Vec<DayKind>>,
    /// Dates that are holidays, `YYYY-MM-DD`: looked at with `days` only.
    pub holidays: Vec<String>,
    /// Minutes of the town's day, `[from, until)`; over midnight when `until` is not the greater.
    pub minutes: Option<(i32, i32)>,
}

/// What one figure is about: a bucket of time, a line, a stop. What the answer is not divided by is
/// `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    pub bucket: Option<UtcMicros>,
    /// 1 = Monday.
    pub weekday: Option<i32>,
    /// 0 to 23.
    pub hour: Option<i32>,
    pub route: Option<String>,
    pub stop: Option<String>,
}

impl<'r> FromRow<'r, PgRow> for Group {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Group {
            bucket: row.try_get::<Option<Ts>, _>("bucket")?.map(|at| at.0),
            weekday: row.try_get("weekday")?,
            hour: row.try_get("hour")?,
            route: row.try_get("route")?,
            stop: row.try_get("stop")?,
        })
    }
}

/// So many passages of a group had the same delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayCount {
    pub group: Group,
    pub feed: FeedId,
    pub delay_s: i32,
    pub n: i64,
}

/// How often each delay occurred; the rows of a group follow one another.
pub fn delays(pool: &Pool, window: &Window) -> BoxStream<'static, Result<DelayCount, StoreError>> {
    let query = sqlx::query(
        "SELECT bucket, weekday, hour, route, stop, feed, delay_s, count(*) AS n
         FROM (SELECT CASE WHEN $12 IN ('hour', 'day', 'week') THEN date_trunc($12, passed_at, $2) END AS bucket,
                   CASE WHEN $12 = 'hour_of_week' THEN extract(isodow FROM local)::int END AS weekday,
                   CASE WHEN $12 = 'hour_of_week' THEN extract(hour FROM local)::int END AS hour,
                   CASE WHEN $5 THEN route_id END AS route,
                   CASE WHEN $6 THEN stop_id END AS stop,
                   feed, delay_s
               FROM stop_passage
               CROSS JOIN LATERAL (SELECT passed_at AT TIME ZONE $2 AS local) AS town
               CROSS JOIN LATERAL (SELECT (extract(hour FROM local) * 60 + extract(minute FROM local))::int AS minute)
                   AS clock
               WHERE municipality = $1 AND passed_at >= $3 AND passed_at < $4
                 -- The key begins with the date; a run may begin the day before, and be late.
                 AND service_date BETWEEN ($3 AT TIME ZONE $2)::date - 2 AND ($4 AT TIME ZONE $2)::date + 1
                 AND ($7::text IS NULL OR route_id = $7) AND ($8::text IS NULL OR stop_id = $8)
                 AND ($9::int[] IS NULL OR CASE WHEN local::date = ANY ($10::text[]::date[]) THEN 4
                        ELSE greatest(extract(isodow FROM local)::int - 4, 1) END = ANY ($9))
                 AND ($11::int[] IS NULL OR CASE WHEN $11[1] < $11[2] THEN minute >= $11[1] AND minute < $11[2]
                        ELSE minute >= $11[1] OR minute < $11[2] END)) AS passage
         GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 7",
    );
    let query = query
        .bind(window.municipality.0)
        .bind(window.tz.clone())
        .bind(Ts(window.from))
        .bind(Ts(window.until))
        .bind(window.by_route)
        .bind(window.by_stop)
        .bind(window.route.clone())
        .bind(window.stop.clone())
        .bind(window.days.as_ref().map(|days| days.iter().map(|d| d.code()).collect::<Vec<_>>()))
        .bind(window.holidays.clone())
        .bind(window.minutes.map(|(from, until)| vec![from, until]))
        .bind(window.bucket.name());
    let count = |row: PgRow| {
        Ok(DelayCount {
            group: Group::from_row(&row)?,
            feed: FeedId(row.try_get("feed")?),
            delay_s: row.try_get("delay_s")?,
            n: row.try_get("n")?,
        })
    };
    pool.fetch(query)
        .map_err(StoreError::from)
        .map(move |row| row.and_then(|row| count(row).map_err(|e: sqlx::Error| e.into())))
        .boxed()
}
