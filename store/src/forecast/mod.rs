//! Storage of forecast models and of their quality.

mod observed;
mod stations;

use std::io::{Read, Write};

use domain::forecast::{Errors, HORIZONS, Ledger, Quality, STEP_S, Town};
use domain::{MunicipalityId, SiteId, UtcMicros};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use crate::bind::BindRows;
use crate::{Pool, Result, StoreError, Ts, codec};

pub use observed::{Observed, first_observed, observed};
pub use stations::{StationSnapshot, counted, first_counted, load_stations, save_stations};

/// Format of a model's body. One of another version is not read: the forecast starts over, or is
/// trained.
const BODY_VERSION: u8 = 2;

/// A stored model of a town.
#[derive(Debug)]
pub struct StoredModel {
    /// Which model it is; a newly trained one has a higher number.
    pub generation: i64,
    /// The model.
    pub town: Town,
}

/// The generation of each town's model.
///
/// # Errors
/// The database is not available.
pub async fn generations(pool: &Pool) -> Result<Vec<(MunicipalityId, i64)>> {
    by_town(pool, "SELECT municipality, generation FROM forecast_model").await
}

/// Towns whose places were corrected, with the import that did so: their models must be trained again.
///
/// # Errors
/// The database is not available.
pub async fn corrected(pool: &Pool) -> Result<Vec<(MunicipalityId, i64)>> {
    by_town(pool, "SELECT municipality, generation FROM forecast_again").await
}

async fn by_town(pool: &Pool, sql: &'static str) -> Result<Vec<(MunicipalityId, i64)>> {
    let rows: Vec<(i32, i64)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, generation)| (MunicipalityId(id), generation)).collect())
}

/// Requests that the models of `towns` are trained again with the places of the import `generation`.
pub(crate) async fn learn_again(
    conn: &mut sqlx::PgConnection,
    towns: impl Iterator<Item = MunicipalityId>,
    generation: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO forecast_again (municipality, generation) SELECT DISTINCT municipality, $2::bigint
         FROM unnest($1::int[]) AS t(municipality)
         ON CONFLICT (municipality) DO UPDATE SET generation = excluded.generation",
    )
    .bind(towns.map(|town| town.0).collect::<Vec<_>>())
    .bind(generation)
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a town was trained with the places of the import `generation`, or that there was nothing to train on.
///
/// # Errors
/// The database is not available.
pub async fn learned_again(
    conn: &mut sqlx::PgConnection,
    municipality: MunicipalityId,
    generation: i64,
) -> Result<()> {
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
pub async fn load(pool: &Pool, municipality: MunicipalityId) -> Result<Option<StoredModel>> {
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
                horizon_min, n, ARRAY[forecast_absolute, forecast_squared] AS forecast,
                ARRAY[sign_absolute, sign_squared] AS persistence, ARRAY[week_absolute, week_squared] AS weekly_mean
         FROM forecast_quality WHERE municipality = $1",
    )
    .bind(municipality.0)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let town = unpack::<Town>(&body)?.with_ledger(Ledger::new(rows.iter().filter_map(QualityRow::sums)));
    Ok(Some(StoredModel { generation, town }))
}

#[derive(FromRow)]
struct QualityRow {
    site: i32,
    year: i16,
    month: i16,
    horizon_min: i32,
    n: i64,
    forecast: [f64; 2],
    persistence: [f64; 2],
    weekly_mean: [f64; 2],
}

impl QualityRow {
    fn sums(&self) -> Option<(SiteId, (i16, i8), usize, Quality)> {
        let horizon = (0..HORIZONS.len()).find(|h| minutes(*h) == self.horizon_min)?;
        let errors = |[absolute, squared_chance]: [f64; 2]| Errors { absolute, squared_chance };
        let quality = Quality {
            n: u64::try_from(self.n).ok()?,
            forecast: errors(self.forecast),
            persistence: errors(self.persistence),
            weekly_mean: errors(self.weekly_mean),
        };
        Some((SiteId(self.site), (self.year, i8::try_from(self.month).ok()?), horizon, quality))
    }
}

fn minutes(horizon: usize) -> i32 {
    (HORIZONS[horizon] * STEP_S / 60) as i32
}

fn pack<T: Serialize>(model: &T) -> Result<Vec<u8>> {
    let plain = postcard::to_stdvec(model).map_err(|e| StoreError::Decode(e.to_string()))?;
    let mut packed = DeflateEncoder::new(vec![BODY_VERSION], Compression::fast());
    packed.write_all(&plain).and_then(|()| packed.finish()).map_err(|e| StoreError::Decode(e.to_string()))
}

fn unpack<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let Some((&BODY_VERSION, packed)) = body.split_first() else {
        return Err(StoreError::Decode("forecast model: another version".into()));
    };
    let mut plain = Vec::new();
    let read = DeflateDecoder::new(packed).read_to_end(&mut plain);
    read.map_err(|e| StoreError::Decode(format!("forecast model: {e}")))?;
    codec::decode_rest("forecast model", &plain)
}

/// Stores what a town's model has learned since it was loaded. `generation`: which model it is, `None` for a first one.
/// Returns its generation; `None`: another one has replaced it, or is newer, and nothing was written.
///
/// # Errors
/// The database is not available.
pub async fn save(
    pool: &Pool,
    municipality: MunicipalityId,
    generation: Option<i64>,
    snapshot: &Snapshot,
) -> Result<Option<i64>> {
    let mut tx = pool.begin().await?;
    let sql = match generation {
        Some(_) => {
            "UPDATE forecast_model SET until_utc = $2, body = $3
             WHERE municipality = $1 AND generation = $4 AND until_utc < $2 RETURNING generation"
        }
        None => {
            "INSERT INTO forecast_model (municipality, generation, until_utc, body)
             VALUES ($1, coalesce($4, nextval('forecast_generation')), $2, $3)
             ON CONFLICT (municipality) DO NOTHING RETURNING generation"
        }
    };
    let saved = sqlx::query_scalar(sql).bind(municipality.0).bind(Ts(snapshot.until)).bind(&snapshot.body);
    let saved: Option<i64> = saved.bind(generation).fetch_optional(&mut *tx).await?;
    if saved.is_some() {
        write_quality(&mut tx, municipality, &snapshot.quality).await?;
        tx.commit().await?;
    }
    Ok(saved)
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
    snapshot: &Snapshot,
) -> Result<i64> {
    let mut tx = pool.begin().await?;
    let generation: i64 = sqlx::query_scalar(
        "INSERT INTO forecast_model (municipality, generation, until_utc, body)
         VALUES ($1, nextval('forecast_generation'), $2, $3)
         ON CONFLICT (municipality) DO UPDATE SET generation = excluded.generation,
             until_utc = excluded.until_utc, body = excluded.body
         RETURNING generation",
    )
    .bind(municipality.0)
    .bind(Ts(snapshot.until))
    .bind(&snapshot.body)
    .fetch_one(&mut *tx)
    .await?;
    learned_again(&mut tx, municipality, places).await?;
    sqlx::query("DELETE FROM forecast_quality WHERE municipality = $1")
        .bind(municipality.0)
        .execute(&mut *tx)
        .await?;
    write_quality(&mut tx, municipality, &snapshot.quality).await?;
    tx.commit().await?;
    Ok(generation)
}

/// Deletes a town's model and its quality.
///
/// # Errors
/// The database is not available.
pub async fn forget(pool: &Pool, municipality: MunicipalityId) -> Result<()> {
    let sql = "WITH model AS (DELETE FROM forecast_model WHERE municipality = $1)
               DELETE FROM forecast_quality WHERE municipality = $1";
    sqlx::query(sql).bind(municipality.0).execute(pool).await?;
    Ok(())
}

/// A town's model at one moment, packed, and its errors so far.
#[derive(Debug)]
pub struct Snapshot {
    /// How far the model is.
    pub until: UtcMicros,
    body: Vec<u8>,
    quality: Vec<(SiteId, (i16, i8), usize, Quality)>,
}

impl Snapshot {
    /// Of `town`, with the errors of the month of `since` and later. `None`: it has seen nothing. Slow: some
    /// milliseconds a site.
    ///
    /// # Errors
    /// It cannot be encoded: a bug.
    pub fn of(town: &Town, since: UtcMicros) -> Result<Option<Self>> {
        let Some(until) = town.at() else { return Ok(None) };
        Ok(Some(Snapshot { until, body: pack(town)?, quality: town.ledger().rows(since).collect() }))
    }

    /// The size of the packed model, bytes.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }
}

async fn write_quality(
    conn: &mut sqlx::PgConnection,
    municipality: MunicipalityId,
    rows: &[(SiteId, (i16, i8), usize, Quality)],
) -> Result<()> {
    let sums = |of: fn(&Quality) -> Errors| {
        rows.iter().map(move |row| of(&row.3)).map(|errors| (errors.absolute, errors.squared_chance))
    };
    // A site that is gone has no row to refer to.
    sqlx::query(
        "INSERT INTO forecast_quality
         SELECT $1, t.site, make_date(t.year, t.month, 1), t.horizon_min, t.n, t.fa, t.fs, t.sa, t.ss, t.wa, t.ws
         FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
              AS t(site, year, month, horizon_min, n, fa, fs, sa, ss, wa, ws)
         JOIN place p ON p.id = t.site
         ON CONFLICT (municipality, site, month, horizon_min) DO UPDATE SET n = excluded.n,
             forecast_absolute = excluded.forecast_absolute, forecast_squared = excluded.forecast_squared,
             sign_absolute = excluded.sign_absolute, sign_squared = excluded.sign_squared,
             week_absolute = excluded.week_absolute, week_squared = excluded.week_squared",
    )
    .bind(municipality.0)
    .bind_rows(rows.iter().map(|(site, (year, month), horizon, quality)| {
        (site.0, i32::from(*year), i32::from(*month), minutes(*horizon), quality.n as i64)
    }))
    .bind_rows(sums(|quality| quality.forecast))
    .bind_rows(sums(|quality| quality.persistence))
    .bind_rows(sums(|quality| quality.weekly_mean))
    .execute(conn)
    .await?;
    Ok(())
}
