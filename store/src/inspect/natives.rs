//! Places that a feed of the native format names itself: they have no sensor row, and installers
//! need their state all the same.

use domain::{FeedId, MunicipalityId, UtcMicros};
use sqlx::{AssertSqlSafe, FromRow};

use super::{Search, numbers};
use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// How many of the newest rejections of each feed are searched.
const REJECTIONS: i64 = 500;

/// A place that a native feed names, or tried to name.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct NativePlace {
    /// Whose place it is.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// The feed that names it.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// `bay`, `site`, `vehicle`; `place` when no file has it.
    pub kind: String,
    /// Its id in the files.
    pub key: String,
    /// When the newest accepted statement came, as far as known.
    #[sqlx(try_from = "MaybeTs")]
    pub accepted_at: Option<UtcMicros>,
    /// When the newest rejected message came.
    #[sqlx(try_from = "MaybeTs")]
    pub rejected_at: Option<UtcMicros>,
    /// When the newest but two of these came.
    #[sqlx(try_from = "MaybeTs")]
    pub third_rejected_at: Option<UtcMicros>,
    /// Why the newest of these was rejected.
    pub rejected: Option<String>,
}

/// Which places are wanted.
#[derive(Debug, Clone, Default)]
pub struct NativeFilter<'a> {
    /// Those of these ids.
    pub only: Option<&'a [String]>,
    /// Also those that have a sensor in the files.
    pub with_sensor: bool,
    /// Those that are found.
    pub search: Option<Search<'a>>,
    /// Those that were heard at this instant or later.
    pub heard_since: Option<UtcMicros>,
}

/// The order of a page, and the id and kind of the place that it comes after.
#[derive(Debug, Clone, Copy)]
pub enum NativeOrder<'a> {
    /// By id and kind.
    ById(Option<(&'a str, &'a str)>),
    /// Those that were heard last first.
    ByHeard(Option<(UtcMicros, &'a str, &'a str)>),
}

impl NativePlace {
    /// When its newest message came, accepted or not.
    pub fn last_heard(&self) -> Option<UtcMicros> {
        self.accepted_at.max(self.rejected_at)
    }
}

/// A page of places.
///
/// # Errors
/// The database is not available.
pub async fn native_places(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    filter: &NativeFilter<'_>,
    order: NativeOrder<'_>,
    limit: usize,
) -> Result<Vec<NativePlace>> {
    let (after, sorted, place) = match order {
        NativeOrder::ById(place) => {
            ("(key, kind) > ($3, $4)", "key, kind", place.map(|(key, kind)| (None, key, kind)))
        }
        NativeOrder::ByHeard(place) => (
            "(heard_at, key, kind) < ($8, $3, $4)",
            "heard_at DESC, key DESC, kind DESC",
            place.map(|(at, key, kind)| (Some(Ts(at)), key, kind)),
        ),
    };
    let sql = format!(
        r#"WITH native AS (SELECT id, municipality FROM feed WHERE def ->> 'format' = 'native'),
         named AS (
            SELECT municipality, CASE kind WHEN 1 THEN 'site' ELSE 'bay' END AS kind, id AS place, key
            FROM place WHERE municipality = ANY($1)
            UNION ALL
            SELECT municipality, 'vehicle', id, key FROM vehicle WHERE municipality = ANY($1)
         ),
         stated AS (
            SELECT 'bay' AS kind, bay AS place, feed, received_at AS at
            FROM bay_state WHERE municipality = ANY($1) AND sensor IS NULL
            UNION ALL
            SELECT 'site', site, (count #>> '{{heard_from,0}}')::int, (count ->> 'observed_at')::timestamptz
            FROM site_state WHERE municipality = ANY($1) AND count #>> '{{heard_from,1}}' IS NULL
            UNION ALL
            SELECT 'vehicle', vehicle, feed, observed_at FROM vehicle_state WHERE municipality = ANY($1)
         ),
         accepted AS (
            SELECT kind, place, feed, max(at) AS accepted_at
            FROM stated WHERE feed IN (SELECT id FROM native) GROUP BY kind, place, feed
         ),
         refused AS (
            SELECT r.feed, device, max(r.at) AS rejected_at, (array_agg(r.at ORDER BY r.at DESC))[3] AS third_rejected_at,
                (array_agg(r.reason ORDER BY r.at DESC))[1] AS rejected
            FROM native n
            CROSS JOIN LATERAL (
                SELECT feed, coalesce(last_received_at, received_at) AS at, reason, devices FROM rejection
                WHERE municipality = ANY($1) AND feed = n.id
                  AND coalesce(last_received_at, received_at) <= now() + interval '5 minutes'
                ORDER BY id DESC LIMIT $6) r
            CROSS JOIN LATERAL unnest(r.devices) AS device
            GROUP BY r.feed, device
         ),
         of_files AS (
            SELECT n.municipality, n.kind, n.place, n.key, coalesce(a.feed, r.feed) AS feed, a.accepted_at, r.rejected_at,
                r.third_rejected_at, r.rejected
            FROM named n
            LEFT JOIN accepted a ON a.kind = n.kind AND a.place = n.place
            LEFT JOIN refused r ON r.device = n.key AND (a.feed IS NULL OR a.feed = r.feed)
            WHERE a.feed IS NOT NULL OR r.feed IS NOT NULL
         ),
         both_of AS (
            SELECT municipality, feed, kind, key, accepted_at, rejected_at, third_rejected_at, rejected FROM of_files f
            WHERE $7 OR NOT EXISTS (
                SELECT 1 FROM sensor s JOIN sensor_binding b ON b.sensor = s.id
                WHERE s.feed = f.feed AND (b.until_utc IS NULL OR b.until_utc > now())
                  AND CASE f.kind WHEN 'bay' THEN b.bay WHEN 'site' THEN b.site ELSE b.vehicle END = f.place)
            UNION ALL
            SELECT n.municipality, r.feed, 'place', r.device, NULL, r.rejected_at, r.third_rejected_at, r.rejected
            FROM refused r JOIN native n ON n.id = r.feed
            WHERE NOT EXISTS (SELECT 1 FROM named WHERE named.key = r.device)
         ),
         one_of AS (
            SELECT DISTINCT ON (key COLLATE "C", kind COLLATE "C") municipality, feed, kind COLLATE "C" AS kind,
                key COLLATE "C" AS key, accepted_at, rejected_at, third_rejected_at, rejected,
                greatest(accepted_at, rejected_at) AS heard_at
            FROM both_of
            WHERE ($2::text[] IS NULL OR key = ANY($2))
              AND ($9::text IS NULL OR key = ANY($10) OR position($9 IN lower(key)) > 0)
            ORDER BY key COLLATE "C", kind COLLATE "C", greatest(accepted_at, rejected_at) DESC)
         SELECT municipality, feed, kind, key, accepted_at, rejected_at, third_rejected_at, rejected FROM one_of
         WHERE ($11::timestamptz IS NULL OR heard_at >= $11) AND ($3::text IS NULL OR {after})
         ORDER BY {sorted} LIMIT $5"#
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(numbers(municipalities))
        .bind(filter.only)
        .bind(place.map(|(_, key, _)| key))
        .bind(place.map(|(.., kind)| kind))
        .bind(limit as i64)
        .bind(REJECTIONS)
        .bind(filter.with_sensor)
        .bind(place.and_then(|(at, ..)| at))
        .bind(filter.search.map(|s| s.text))
        .bind(filter.search.map(|s| s.meant))
        .bind(filter.heard_since.map(Ts))
        .fetch_all(pool)
        .await?)
}
