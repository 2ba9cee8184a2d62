//! Observations of a town's parking, read back for training.

use domain::observation::{CountValue, Provenance, SiteStatus};
use domain::{Audience, BayId, BayReading, FeedId, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros};
use sqlx::{AssertSqlSafe, FromRow};

use crate::StoreError;
use crate::bay_row::BayRow;
use crate::pool::Pool;
use crate::ts::Ts;

/// The observations of a town's parking in `[from, until)`, in the order of time.
#[derive(Debug, Default)]
pub struct Observed {
    pub counts: Vec<SiteCount>,
    pub bays: Vec<(BayId, BayReading)>,
}

/// When the first observation of a town's parking was made.
///
/// # Errors
/// The database is not available.
pub async fn first_observed(
    pool: &Pool,
    municipality: MunicipalityId,
) -> Result<Option<UtcMicros>, StoreError> {
    let first: Option<Ts> = sqlx::query_scalar(
        "SELECT least((SELECT min(observed_at) FROM site_count WHERE municipality = $1),
                      (SELECT min(observed_at) FROM bay_observation WHERE municipality = $1))",
    )
    .bind(municipality.0)
    .fetch_one(pool)
    .await?;
    Ok(first.map(|first| first.0))
}

/// The columns of [`CountRow`].
pub(crate) const COUNT_COLUMNS: &str = "site, observed_at, feed, sensor, seq, audience, occupied, vacant, entries, exits, status, capacity, source";

/// A count as it is stored.
#[derive(FromRow)]
pub(crate) struct CountRow {
    site: i32,
    observed_at: Ts,
    feed: i32,
    sensor: Option<i32>,
    seq: Option<i64>,
    audience: String,
    occupied: Option<i32>,
    vacant: Option<i32>,
    entries: Option<i32>,
    exits: Option<i32>,
    status: Option<String>,
    capacity: Option<i32>,
    source: Option<String>,
}

impl CountRow {
    pub(crate) fn count(self, municipality: MunicipalityId) -> SiteCount {
        let value = match (self.occupied, self.vacant, self.entries.zip(self.exits)) {
            (Some(n), _, _) => CountValue::Occupied(n),
            (_, Some(n), _) => CountValue::Vacant(n),
            (_, _, Some((entries, exits))) => CountValue::Flow { entries, exits },
            _ => CountValue::None,
        };
        let provenance = Provenance {
            municipality,
            feed: FeedId(self.feed),
            sensor: self.sensor.map(SensorId),
            received_at: self.observed_at.0,
            clock_corrected: false,
        };
        SiteCount {
            provenance,
            site: SiteId(self.site),
            observed_at: self.observed_at.0,
            digest: 0,
            audience: self.audience.parse::<Audience>().ok(),
            value,
            status: self.status.and_then(|s| s.parse::<SiteStatus>().ok()),
            capacity: self.capacity,
            source: self.source,
            seq: self.seq,
        }
    }
}

/// Reads observations. A day of a town at a time fits into memory.
///
/// # Errors
/// The database is not available.
pub async fn observed(
    pool: &Pool,
    municipality: MunicipalityId,
    (from, until): (UtcMicros, UtcMicros),
) -> Result<Observed, StoreError> {
    let counts: Vec<CountRow> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {COUNT_COLUMNS} FROM site_count
         WHERE municipality = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at, site, audience"
    )))
    .bind(municipality.0)
    .bind(Ts(from))
    .bind(Ts(until))
    .fetch_all(pool)
    .await?;
    let bays: Vec<BayRow> = sqlx::query_as(
        "SELECT bay, observed_at, feed, sensor, seq, state FROM bay_observation
         WHERE municipality = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at, bay",
    )
    .bind(municipality.0)
    .bind(Ts(from))
    .bind(Ts(until))
    .fetch_all(pool)
    .await?;
    Ok(Observed {
        counts: counts.into_iter().map(|row| row.count(municipality)).collect(),
        bays: bays.iter().map(|row| (row.bay(), row.reading())).collect(),
    })
}
