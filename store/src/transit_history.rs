//! Delays and passenger counts of runs, for planners, as streams of rows.

use domain::occupancy::Bucket;
use domain::{FeedId, MunicipalityId, UtcMicros, VehicleId};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Executor, FromRow, Postgres, Row};

use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// The requested part of a municipality's history, and its grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Whose feeds reported.
    pub municipality: MunicipalityId,
    /// IANA name of the town's zone.
    pub tz: String,
    /// `[from, until)`
    pub from: UtcMicros,
    /// See `from`.
    pub until: UtcMicros,
    /// No quarter of an hour: so few runs are no figure.
    pub bucket: Bucket,
    /// This line only.
    pub route: Option<String>,
    /// This stop only.
    pub stop: Option<String>,
    /// Grouped by line.
    pub by_route: bool,
    /// Grouped by stop.
    pub by_stop: bool,
    /// The days that count, `YYYY-MM-DD`; `None`: all.
    pub days: Option<Vec<String>>,
    /// Minutes of the town's day, `[from, until)`; over midnight when `until` is not the greater.
    pub minutes: Option<(i32, i32)>,
}

/// The group of a figure: a bucket of time, a line, a stop. What the answer is not grouped by is
/// `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow)]
pub struct Group {
    /// Where the bucket begins.
    #[sqlx(try_from = "MaybeTs")]
    pub bucket: Option<UtcMicros>,
    /// 1 = Monday.
    pub weekday: Option<i32>,
    /// 0 to 23.
    pub hour: Option<i32>,
    /// GTFS `route_id`.
    pub route: Option<String>,
    /// GTFS `stop_id`.
    pub stop: Option<String>,
}

/// So many passages of a group had the same delay.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DelayCount {
    /// What they have in common.
    #[sqlx(flatten)]
    pub group: Group,
    /// The feed that reported them.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// Late is positive.
    pub delay_s: i32,
    /// How many passages.
    pub n: i64,
}

/// For each row with its time `$at`: the town's `local` time, the `bucket`, or `weekday` and `hour`, that
/// it belongs to, and whether it `is_wanted`. Parameters: $2 zone, $3 from, $4 until, $5 bucket, $6 whether
/// only the days of $7 count, $8 minutes.
macro_rules! town_time {
    ($at:literal) => {
        concat!(
            " CROSS JOIN LATERAL (SELECT ",
            $at,
            " AS at, ",
            $at,
            " AT TIME ZONE $2 AS local) AS town
             CROSS JOIN LATERAL (SELECT extract(isodow FROM local)::int AS isodow, extract(hour FROM local)::int AS of_day,
                 extract(hour FROM local)::int * 60 + extract(minute FROM local)::int AS minute) AS clock
             CROSS JOIN LATERAL (SELECT
                 CASE WHEN $5 IN ('hour', 'day', 'week', 'month') THEN date_trunc($5, at, $2) END AS bucket,
                 CASE WHEN $5 = 'hour_of_week' THEN isodow END AS weekday,
                 CASE WHEN $5 = 'hour_of_week' THEN of_day END AS hour,
                 at >= $3 AND at < $4
                 AND (NOT $6::bool OR local::date = ANY ($7::text[]::date[]))
                 AND ($8::int[] IS NULL OR CASE WHEN $8[1] < $8[2] THEN minute >= $8[1] AND minute < $8[2]
                        ELSE minute >= $8[1] OR minute < $8[2] END) AS is_wanted) AS time "
        )
    };
}

/// As `date_trunc` calls it.
const fn unit(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Hour => "hour",
        Bucket::Day => "day",
        Bucket::Week => "week",
        Bucket::Month => "month",
        Bucket::HourOfWeek => "hour_of_week",
        Bucket::All | Bucket::Quarter => "all",
    }
}

impl Window {
    /// `sql` with the parameters $1 to $8.
    fn query<'q>(&self, sql: &'static str) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(sql)
            .bind(self.municipality.0)
            .bind(self.tz.clone())
            .bind(Ts(self.from))
            .bind(Ts(self.until))
            .bind(unit(self.bucket))
            .bind(self.days.is_some())
            .bind(self.days.clone().unwrap_or_default())
            .bind(self.minutes.map(|(from, until)| vec![from, until]))
    }
}

/// How often each delay occurred; the rows of a group follow one another.
pub fn delays(pool: &Pool, window: &Window) -> BoxStream<'static, Result<DelayCount>> {
    let query = window.query(concat!(
        "SELECT bucket, weekday, hour, route, stop, feed, delay_s, count(*) AS n
         FROM (SELECT bucket, weekday, hour, CASE WHEN $9 THEN route_id END AS route,
                   CASE WHEN $10 THEN stop_id END AS stop, feed, delay_s
               FROM stop_passage",
        town_time!("passed_at"),
        "WHERE municipality = $1 AND is_wanted
             -- The key begins with the date; a run may begin the day before, and be late.
             AND service_date BETWEEN ($3 AT TIME ZONE $2)::date - 2 AND ($4 AT TIME ZONE $2)::date + 1
             AND ($11::text IS NULL OR route_id = $11) AND ($12::text IS NULL OR stop_id = $12)) AS passage
         GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 7",
    ));
    let query =
        query.bind(window.by_route).bind(window.by_stop).bind(window.route.clone()).bind(window.stop.clone());
    rows(pool, query)
}

/// How many passages and passengers' counts are stored of the window's days, counted until there are more than `most`. No
/// answer has more rows.
///
/// # Errors
/// The database is not available.
pub async fn events_at_most(pool: &Pool, window: &Window, most: i64) -> Result<i64> {
    let counted = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM (
                    SELECT FROM stop_passage
                    WHERE municipality = $1
                      AND service_date BETWEEN ($3 AT TIME ZONE $2)::date - 2 AND ($4 AT TIME ZONE $2)::date + 1
                    LIMIT $5 + 1) AS passage)
              + (SELECT count(*) FROM (
                    SELECT FROM passenger_count
                    WHERE municipality = $1 AND observed_at >= $3 AND observed_at < $4
                    LIMIT $5 + 1) AS passengers)",
    );
    let counted = counted.bind(window.municipality.0).bind(window.tz.clone());
    Ok(counted.bind(Ts(window.from)).bind(Ts(window.until)).bind(most).fetch_one(pool).await?)
}

/// An event of a run at a stop: a passenger count, or a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RideEvent {
    /// The service day on which the run began, days since 1970.
    pub day: i32,
    /// GTFS `trip_id`.
    pub trip_id: String,
    /// No row of this day or a later one belongs to an earlier bucket.
    pub first_bucket: Option<UtcMicros>,
    /// Its stop, and its line where that is known, whatever the answer is grouped by.
    pub group: Group,
    /// Whether it lies in the window; else it completes its run.
    pub is_wanted: bool,
    /// The feed that reported it.
    pub feed: FeedId,
    /// `None`: the run passed the stop.
    pub passengers: Option<Passengers>,
}

/// A vehicle's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passengers {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Distinguishes the runs of this vehicle on this trip.
    pub run: i64,
    /// Who got in, at all doors.
    pub entries: i32,
    /// Who got out, at all doors.
    pub exits: i32,
    /// As the vehicle says.
    pub on_board: Option<i32>,
}

impl FromRow<'_, PgRow> for RideEvent {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let vehicle: Option<i32> = row.try_get("vehicle")?;
        let passengers = |vehicle| -> Result<Passengers, sqlx::Error> {
            let (entries, exits) = (row.try_get("entries")?, row.try_get("exits")?);
            let (run, on_board) = (row.try_get("run")?, row.try_get("on_board")?);
            Ok(Passengers { vehicle: VehicleId(vehicle), run, entries, exits, on_board })
        };
        Ok(RideEvent {
            day: row.try_get("day")?,
            trip_id: row.try_get("trip_id")?,
            first_bucket: row.try_get::<Option<Ts>, _>("first_bucket")?.map(|at| at.0),
            group: Group::from_row(row)?,
            is_wanted: row.try_get("is_wanted")?,
            feed: FeedId(row.try_get("feed")?),
            passengers: vehicle.map(passengers).transpose()?,
        })
    }
}

/// All events of the runs that touch the window: by service day, then by trip, then by vehicle
/// and time. A vehicle begins another run after six hours without a count of the trip. Of two counts of
/// one source at one instant the one with the higher `seq` holds.
pub fn rides(pool: &Pool, window: &Window) -> BoxStream<'static, Result<RideEvent>> {
    let query = window.query(concat!(
        "WITH counted AS (
             SELECT * FROM (
                 SELECT *, rank() OVER (PARTITION BY vehicle, observed_at, feed, source ORDER BY seq DESC NULLS LAST)
                     AS place
                 FROM passenger_count
                 WHERE municipality = $1 AND trip_id IS NOT NULL
                   AND observed_at >= $3 - interval '1 day' AND observed_at < $4 + interval '1 day'
                   AND observed_at <= now() + interval '5 minutes') AS ranked
             WHERE place = 1),
         begun AS (
             SELECT *, coalesce(observed_at - lag(observed_at) OVER trip > interval '6 hours', true)::int AS begins
             FROM counted WINDOW trip AS (PARTITION BY vehicle, trip_id ORDER BY observed_at, digest)),
         numbered AS (
             SELECT *, sum(begins) OVER (PARTITION BY vehicle, trip_id ORDER BY observed_at, digest) AS run FROM begun),
         event AS (
             SELECT min(observed_at) OVER (PARTITION BY vehicle, trip_id, run) AS began_at, vehicle, run, trip_id,
                 NULL AS route_id, stop_id, observed_at, digest, feed, entries, exits, on_board
             FROM numbered
             UNION ALL
             SELECT min(passed_at) OVER (PARTITION BY service_date, trip_id), NULL, NULL, trip_id,
                 route_id, stop_id, passed_at, digest, feed, NULL, NULL, NULL
             FROM stop_passage
             WHERE municipality = $1
               AND service_date BETWEEN ($3 AT TIME ZONE $2)::date - 2 AND ($4 AT TIME ZONE $2)::date + 1)
         SELECT service_day - date '1970-01-01' AS day, trip_id, vehicle, run, route_id AS route, stop_id AS stop,
             bucket, weekday, hour, is_wanted, feed, entries, exits, on_board,
             CASE WHEN $5 IN ('hour', 'day', 'week', 'month')
                 THEN date_trunc($5, (service_day + interval '3 hours') AT TIME ZONE $2, $2) END AS first_bucket
         FROM event",
        town_time!("observed_at"),
        "CROSS JOIN LATERAL (SELECT (began_at AT TIME ZONE $2 - interval '3 hours')::date AS service_day) AS service
         ORDER BY service_day, trip_id, vehicle, run, observed_at, digest",
    ));
    rows(pool, query)
}

fn rows<T>(pool: &Pool, query: Query<'static, Postgres, PgArguments>) -> BoxStream<'static, Result<T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + 'static,
{
    pool.fetch(query).map(|row| Ok(T::from_row(&row?)?)).boxed()
}
