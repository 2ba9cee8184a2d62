//! Storage of forecast models and of their quality.

mod observed;

use std::io::{Read, Write};

use domain::forecast::{HORIZONS, Ledger, Quality, STEP_S, Town};
use domain::{MunicipalityId, SiteId, UtcMicros};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sqlx::FromRow;

use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

pub(crate) use observed::{COUNT_COLUMNS, CountRow};
pub use observed::{Observed, first_observed, observed};

/// Format of a model's body. One of another version is not read: the forecast starts over, or is
/// trained.
const BODY_VERSION: u8 = 2;

/// A stored model of a town.
#[derive(Debug)]
pub struct StoredModel {
    pub generation: i64,
    pub town: Town,
}

/// The generation of each town's model.
///
/// # Errors
/// The database is not available.
pub async fn generations(pool: &Pool) -> Result<Vec<(MunicipalityId, i64)>, StoreError> {
    let rows: Vec<(i32, i64)> =
        sqlx::query_as("SELECT municipality, generation FROM forecast_model").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, generation)| (MunicipalityId(id), generation)).collect())
}

/// Towns whose places were corrected, with the import that did so: their models must be trained again.
///
/// # Errors
/// The database is not available.
pub async fn corrected(pool: &Pool) -> Result<Vec<(MunicipalityId, i64)>, StoreError> {
    let rows: Vec<(i32, i64)> =
        sqlx::query_as("SELECT municipality, generation FROM forecast_again").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, generation)| (MunicipalityId(id), generation)).collect())
}

/// Records that a town was trained with the places of the import `generation`, or that there was nothing to train on.
///
/// # Errors
/// The database is not available.
pub async fn learned_again(
    conn: &mut sqlx::PgConnection,
    municipality: MunicipalityId,
    generation: i64,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM forecast_again WHERE municipality = $1 AND generation <= $2")
        .bind(municipality.0)
        .bind(generation)
        .execute(conn)
        .await?;
    Ok(())
}

/// The model of a town, when there is one.
///
/// # Errors
/// The database is not available; [`StoreError::Decode`]: another version of the program wrote it.
pub async fn load(pool: &Pool, municipality: MunicipalityId) -> Result<Option<StoredModel>, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
    let model: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT generation, body FROM forecast_model WHERE municipality = $1")
            .bind(municipality.0)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((generation, body)) = model else { return Ok(None) };
    let rows: Vec<QualityRow> = sqlx::query_as(
        "SELECT site, extract(year FROM month)::smallint AS year, extract(month FROM month)::smallint AS month,
                horizon_min, n, forecast_absolute, forecast_squared, sign_absolute, sign_squared, week_absolute,
                week_squared
         FROM forecast_quality WHERE municipality = $1",
    )
    .bind(municipality.0)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let town = unpack(&body)?.with_ledger(Ledger::new(rows.iter().filter_map(QualityRow::sums)));
    Ok(Some(StoredModel { generation, town }))
}

#[derive(FromRow)]
struct QualityRow {
    site: i32,
    year: i16,
    month: i16,
    horizon_min: i32,
    n: i64,
    forecast_absolute: f64,
    forecast_squared: f64,
    sign_absolute: f64,
    sign_squared: f64,
    week_absolute: f64,
    week_squared: f64,
}

impl QualityRow {
    fn sums(&self) -> Option<(SiteId, (i16, i8), usize, Quality)> {
        use domain::forecast::Errors;
        let horizon = (0..HORIZONS.len()).find(|h| minutes(*h) == self.horizon_min)?;
        let errors = |absolute, squared_chance| Errors { absolute, squared_chance };
        let quality = Quality {
            n: u64::try_from(self.n).ok()?,
            forecast: errors(self.forecast_absolute, self.forecast_squared),
            persistence: errors(self.sign_absolute, self.sign_squared),
            weekly_mean: errors(self.week_absolute, self.week_squared),
        };
        Some((SiteId(self.site), (self.year, i8::try_from(self.month).ok()?), horizon, quality))
    }
}

fn minutes(horizon: usize) -> i32 {
    (HORIZONS[horizon] * STEP_S / 60) as i32
}

/// Packs a model. Slow: some milliseconds a site.
///
/// # Errors
/// It cannot be encoded: a bug.
pub fn pack(town: &Town) -> Result<Vec<u8>, StoreError> {
    let plain = postcard::to_stdvec(town).map_err(|e| StoreError::Decode(e.to_string()))?;
    let mut packed = DeflateEncoder::new(vec![BODY_VERSION], Compression::fast());
    packed.write_all(&plain).and_then(|()| packed.finish()).map_err(|e| StoreError::Decode(e.to_string()))
}

fn unpack(body: &[u8]) -> Result<Town, StoreError> {
    let Some((&BODY_VERSION, packed)) = body.split_first() else {
        return Err(StoreError::Decode("forecast model: another version".into()));
    };
    let mut plain = Vec::new();
    let read = DeflateDecoder::new(packed).read_to_end(&mut plain);
    read.map_err(|e| StoreError::Decode(format!("forecast model: {e}")))?;
    postcard::from_bytes(&plain).map_err(|e| StoreError::Decode(format!("forecast model: {e}")))
}

/// Stores what a town's model has learned since it was loaded: `body` by [`pack`], of `town` at the same
/// moment. `generation`: which model it is, `None` for a first one. Returns its
/// generation; `None`: another one has replaced it, or is newer, and nothing was written.
///
/// # Errors
/// The database is not available.
pub async fn save(
    pool: &Pool,
    municipality: MunicipalityId,
    generation: Option<i64>,
    (town, body): (&Snapshot, &[u8]),
) -> Result<Option<i64>, StoreError> {
    let mut tx = pool.begin().await?;
    let kept: Option<i64> = match generation {
        Some(generation) => {
            sqlx::query_scalar(
                "UPDATE forecast_model SET until_utc = $3, body = $4
                 WHERE municipality = $1 AND generation = $2 AND until_utc < $3 RETURNING generation",
            )
            .bind(municipality.0)
            .bind(generation)
            .bind(Ts(town.until))
            .bind(body)
            .fetch_optional(&mut *tx)
            .await?
        }
        None => {
            sqlx::query_scalar(
                "INSERT INTO forecast_model (municipality, generation, until_utc, body)
                 VALUES ($1, nextval('forecast_generation'), $2, $3)
                 ON CONFLICT (municipality) DO NOTHING RETURNING generation",
            )
            .bind(municipality.0)
            .bind(Ts(town.until))
            .bind(body)
            .fetch_optional(&mut *tx)
            .await?
        }
    };
    if kept.is_some() {
        write_quality(&mut tx, municipality, &town.quality).await?;
        tx.commit().await?;
    }
    Ok(kept)
}

/// Replaces the model by a newly trained one: a new generation, which running
/// servers load. `places`: the import whose places it was trained with. Returns the model's generation.
///
/// # Errors
/// The database is not available.
pub async fn replace(
    pool: &Pool,
    municipality: MunicipalityId,
    places: i64,
    (town, body): (&Snapshot, &[u8]),
) -> Result<i64, StoreError> {
    let mut tx = pool.begin().await?;
    let generation: i64 = sqlx::query_scalar(
        "INSERT INTO forecast_model (municipality, generation, until_utc, body)
         VALUES ($1, nextval('forecast_generation'), $2, $3)
         ON CONFLICT (municipality) DO UPDATE SET generation = excluded.generation,
             until_utc = excluded.until_utc, body = excluded.body
         RETURNING generation",
    )
    .bind(municipality.0)
    .bind(Ts(town.until))
    .bind(body)
    .fetch_one(&mut *tx)
    .await?;
    learned_again(&mut tx, municipality, places).await?;
    sqlx::query("DELETE FROM forecast_quality WHERE municipality = $1")
        .bind(municipality.0)
        .execute(&mut *tx)
        .await?;
    write_quality(&mut tx, municipality, &town.quality).await?;
    tx.commit().await?;
    Ok(generation)
}

/// Deletes a town's model and its quality.
///
/// # Errors
/// The database is not available.
pub async fn forget(pool: &Pool, municipality: MunicipalityId) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    for sql in [
        "DELETE FROM forecast_model WHERE municipality = $1",
        "DELETE FROM forecast_quality WHERE municipality = $1",
    ] {
        sqlx::query(sql).bind(municipality.0).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What is stored beside a model's body.
#[derive(Debug)]
pub struct Snapshot {
    /// How far the model is.
    pub until: UtcMicros,
    quality: Vec<(SiteId, (i16, i8), usize, Quality)>,
}

impl Snapshot {
    /// Of `town`, with the errors of the month of `since` and later. `None`: it has seen nothing.
    pub fn of(town: &Town, since: UtcMicros) -> Option<Self> {
        Some(Snapshot { until: town.at()?, quality: town.ledger().rows(since).collect() })
    }
}

async fn write_quality(
    conn: &mut sqlx::PgConnection,
    municipality: MunicipalityId,
    rows: &[(SiteId, (i16, i8), usize, Quality)],
) -> Result<(), StoreError> {
    let sums = |of: fn(&Quality) -> f64| rows.iter().map(|r| of(&r.3)).collect::<Vec<f64>>();
    // A site that is gone has no row to refer to.
    sqlx::query(
        "INSERT INTO forecast_quality
         SELECT $1, t.site, make_date(t.year, t.month, 1), t.horizon_min, t.n, t.fa, t.fs, t.sa, t.ss, t.wa, t.ws
         FROM unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::bigint[], $7::float8[], $8::float8[],
                     $9::float8[], $10::float8[], $11::float8[], $12::float8[])
              AS t(site, year, month, horizon_min, n, fa, fs, sa, ss, wa, ws)
         JOIN place p ON p.id = t.site
         ON CONFLICT (municipality, site, month, horizon_min) DO UPDATE SET n = excluded.n,
             forecast_absolute = excluded.forecast_absolute, forecast_squared = excluded.forecast_squared,
             sign_absolute = excluded.sign_absolute, sign_squared = excluded.sign_squared,
             week_absolute = excluded.week_absolute, week_squared = excluded.week_squared",
    )
    .bind(municipality.0)
    .bind(rows.iter().map(|r| r.0.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| i32::from(r.1.0)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| i32::from(r.1.1)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| minutes(r.2)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.3.n as i64).collect::<Vec<_>>())
    .bind(sums(|q| q.forecast.absolute))
    .bind(sums(|q| q.forecast.squared_chance))
    .bind(sums(|q| q.persistence.absolute))
    .bind(sums(|q| q.persistence.squared_chance))
    .bind(sums(|q| q.weekly_mean.absolute))
    .bind(sums(|q| q.weekly_mean.squared_chance))
    .execute(conn)
    .await?;
    Ok(())
}
