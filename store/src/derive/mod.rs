//! Derives the intervals of places, and the sums of their hours, from the stored observations.
//!
//! One deriver works at a time, the holder of the lock; it follows the change log (and `derive_wanted` for counts), so
//! storing costs nothing more. Each step is one transaction that also stores its position: a crash repeats nothing and
//! skips nothing. The result is a function of the stored set: see `domain::intervals`.
//!
//! Hours before `hours_until` are summed up. Late observations change them by the difference of a bay's old and new
//! intervals; current ones wait until their hour is over, so they change no sum.
//!
//! What a clock that was ahead has left behind is corrected by the same process (`clock`).

pub(crate) mod bays;
mod changed_places;
mod clock;
mod closing;
mod history;
pub(crate) mod hours;
pub(crate) mod layouts;
mod neighbours;
pub(crate) mod observations;
mod rederive;
pub(crate) mod scopes;
pub(crate) mod sites;

use std::collections::{BTreeSet, HashMap};

use domain::intervals::{HOUR_US, Span, Timeline};
use domain::live::Change;
use domain::{BayId, BayReading, MunicipalityId, SiteId, UtcMicros};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::changes::{LogCursor, LogLimit};
use crate::{Result, Ts, pending_counts};

/// Advisory lock: one deriver at a time.
const DERIVE_LOCK: i64 = 0x6b76_6465_7276; // "kvderv"

/// What is derived of a place.
#[derive(Debug, Clone)]
pub(crate) struct DerivedPlace {
    municipality: MunicipalityId,
    /// A feed named it without a sensor.
    by_feed: bool,
    pub(crate) timeline: Timeline,
}

/// Counts of a site: which site, and whose spaces (`""`: all).
pub(crate) type CountKey = (SiteId, String);

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Transactions of the log that were derived.
    pub log_rows: usize,
    /// Statements about bays in them.
    pub statements: usize,
    /// Spans of counted sites.
    pub counts: usize,
    /// Places that were derived again, because their definitions changed.
    pub places: usize,
    /// Hours that were closed.
    pub hours: i64,
    /// Stretches of a municipality's time that were derived again from the observations.
    pub stretches: usize,
    /// Something lay ahead of the clock and was corrected.
    pub has_corrected: bool,
}

impl Step {
    /// Whether there was nothing to do.
    pub fn is_idle(&self) -> bool {
        *self == Step::default()
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct Deriver {
    conn: PgConnection,
    bays: HashMap<BayId, DerivedPlace>,
    sites: HashMap<CountKey, DerivedPlace>,
    hours_until: UtcMicros,
    last_place: i32,
    /// Places may have changed since they were last compared.
    have_places_changed: bool,
    bay_days: i64,
    /// The last check for what lies ahead of the clock.
    checked_ahead: Option<UtcMicros>,
}

impl Deriver {
    /// Opens a connection to the database at `url` and takes the lock; `None` when another deriver has it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn connect(url: &str, now: UtcMicros) -> Result<Option<Self>> {
        // Its statements move ten thousands of rows: taking a second is normal.
        let options = crate::pool::options(url)?.disable_statement_logging();
        let mut conn = crate::pool::own(&options).await?;
        let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(DERIVE_LOCK)
            .fetch_one(&mut conn)
            .await?;
        if !is_ours {
            return Ok(None);
        }
        let (hours_until, last_place) = begin(&mut conn, now).await?;
        let stored = layouts::stored(&mut conn, None).await?;
        Ok(Some(Deriver {
            conn,
            bays: stored.bays.into_iter().collect(),
            sites: stored.sites.into_iter().collect(),
            hours_until,
            last_place,
            have_places_changed: true,
            bay_days: rederive::BAY_DAYS,
            checked_ahead: None,
        }))
    }

    /// Derives what is new, once. Call again at once unless it was idle.
    ///
    /// # Errors
    /// The database is not available; nothing is lost, connect again.
    pub async fn step(&mut self, now: UtcMicros) -> Result<Step> {
        let mut step = Step { has_corrected: self.correct_ahead(now).await?, ..Step::default() };
        let again: bool =
            sqlx::query_scalar("SELECT again FROM derive_state").fetch_one(&mut self.conn).await?;
        if again {
            self.begin_rederiving().await?;
        }
        let log = LogCursor::Deriver.unread(&mut self.conn, LogLimit::STEP).await?;
        let mut statements: Vec<(BayId, BayReading)> = Vec::new();
        let mut corrected: Vec<(BayId, Span)> = Vec::new();
        for row in &log {
            for change in row.changes()? {
                match change {
                    Change::Bay { bay, reading } => statements.push((bay, reading)),
                    Change::Corrected { bay, first_at, last_at } => {
                        corrected.push((bay, Span { from: first_at, until: last_at }));
                    }
                    Change::Places => self.have_places_changed = true,
                    _ => {}
                }
            }
        }
        let is_new = |(bay, reading): &&(BayId, BayReading)| {
            self.bays.get(bay).is_none_or(|b| reading.sensor.is_none() && !b.by_feed)
        };
        let new: Vec<&(BayId, BayReading)> = statements.iter().filter(is_new).collect();
        let natively: BTreeSet<BayId> =
            new.iter().filter(|(_, reading)| reading.sensor.is_none()).map(|(bay, _)| *bay).collect();
        let pending = pending_counts::oldest(&mut self.conn).await?;
        let counted: BTreeSet<CountKey> =
            pending.iter().flat_map(|w| w.audiences.iter().map(|a| (w.span.site, a.clone()))).collect();
        let is_site_new = counted.iter().any(|key| !self.sites.contains_key(key));
        if self.have_places_changed || !new.is_empty() || is_site_new {
            step.places = self.derive_changed_places(&natively, &counted).await?;
            self.have_places_changed = false;
        }
        if !log.is_empty() || !pending.is_empty() {
            let mut tx = self.conn.begin().await?;
            let mut delta = hours::Delta::default();
            bays::apply(&mut tx, &self.bays, &statements, self.hours_until, &mut delta).await?;
            bays::derive_again(&mut tx, &self.bays, &corrected, self.hours_until, &mut delta).await?;
            sites::apply(&mut tx, &self.sites, &pending, self.hours_until, &mut delta).await?;
            hours::write(&mut tx, delta).await?;
            LogCursor::Deriver.advance(&mut tx, log.iter().map(|row| (row.writer, row.seq))).await?;
            tx.commit().await?;
            (step.log_rows, step.statements, step.counts) = (log.len(), statements.len(), pending.len());
        }
        // An hour is summed up once its backlog is short: statements that are derived afterwards change sums already
        // written. Under constant load there is always something new, so the backlog need not be empty.
        let until = UtcMicros(now.0.div_euclid(HOUR_US) * HOUR_US);
        if !LogLimit::STEP.is_reached(&log) && until > self.hours_until {
            step.hours = (until.0 - self.hours_until.0) / HOUR_US;
            self.close_hours(until).await?;
        }
        step.stretches = self.rederive_next().await?;
        Ok(step)
    }
}

/// The instant until which hours are summed up, and the last place that is older than the log; created on first use.
async fn begin(conn: &mut PgConnection, now: UtcMicros) -> Result<(UtcMicros, i32)> {
    let mut tx = conn.begin().await?;
    let done = sqlx::query(
        "INSERT INTO derive_state (hours_until, last_place)
         SELECT date_trunc('hour', $1::timestamptz, 'UTC'), coalesce(max(id), 0) FROM place
         ON CONFLICT DO NOTHING",
    )
    .bind(Ts(now))
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 {
        sqlx::query(
            "INSERT INTO derive_wanted (municipality, site, from_utc, until_utc)
             SELECT municipality, site, min(observed_at), max(observed_at) FROM site_count GROUP BY 1, 2",
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO derived_place (municipality, place, audience, by_feed, layout)
             SELECT DISTINCT municipality, bay, '', true, $1 FROM bay_observation WHERE sensor IS NULL",
        )
        .bind(layouts::encode(&Timeline::default())?)
        .execute(&mut *tx)
        .await?;
    }
    let (until, last): (Ts, i32) =
        sqlx::query_as("SELECT hours_until, last_place FROM derive_state").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok((until.0, last))
}

/// Requests that everything is derived again from the observations, by the deriver that runs. Earlier results stay until
/// they are replaced.
///
/// # Errors
/// The database is not available.
pub async fn request_all(pool: &crate::Pool) -> Result<()> {
    sqlx::query("UPDATE derive_state SET again = true").execute(pool).await?;
    Ok(())
}

/// What waits to be derived: transactions of the log, and spans of counts.
///
/// # Errors
/// The database is not available.
pub async fn backlog(pool: &crate::Pool) -> Result<i64> {
    let sql = format!(
        "{} SELECT (SELECT count(*) FROM unread) + (SELECT count(*) FROM derive_wanted)",
        LogCursor::Deriver.with_unread()
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await?)
}
