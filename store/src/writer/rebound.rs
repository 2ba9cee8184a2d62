//! Stores what a device's kept messages say once they are decoded again: see [`crate::rebindings`].

use std::collections::{BTreeMap, BTreeSet};

use domain::feed::MAX_AHEAD_S;
use domain::ids::SourceKey;
use domain::live::Change;
use domain::sensor::Sensor;
use domain::{
    BayId, BayObservation, BayReading, Counter, MunicipalityId, Registry, SensorId, SiteCount, Target,
    UtcMicros, VehiclePosition,
};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection};

use super::bay_states::{BayStateKey, Latest};
use super::observation::{Observation, ObservationKey};
use super::{Batch, InsertMode, Keyed, Writer, bays, idempotency, sites, uplinks, vehicles};
use crate::bay_row::BayRow;
use crate::bind::BindRows;
use crate::count_row::{COUNT_COLUMNS, CountRow};
use crate::rebindings::{self, KeptUplink, Rebinding, Touched};
use crate::vehicle_states::{POSITION, PartKey, refill};
use crate::{Result, Ts, changes, ingest_process};

/// How far back the search for an earlier statement goes, days: nearly all are found at once. `None`: all the time
/// that the device was bound to the bay.
const DAYS_BACK: [Option<i64>; 3] = [Some(1), Some(30), None];

/// An observation that is stored.
#[derive(FromRow)]
struct StoredRow {
    municipality: i32,
    digest: i64,
    received_at: Ts,
    #[sqlx(flatten)]
    row: BayRow,
}

impl StoredRow {
    fn key(&self) -> ObservationKey {
        (MunicipalityId(self.municipality), self.row.reading().observed_at, self.row.bay.0, self.digest)
    }
}

/// A count of a site that is stored.
#[derive(FromRow)]
struct StoredCount {
    municipality: i32,
    digest: i64,
    #[sqlx(json(nullable))]
    counter: Option<Counter>,
    #[sqlx(flatten)]
    row: CountRow,
}

impl StoredCount {
    fn count(self) -> SiteCount {
        let StoredCount { municipality, digest, counter, row } = self;
        SiteCount { digest, counter, ..row.count(MunicipalityId(municipality)) }
    }
}

impl Writer {
    /// Replaces what `messages` of the request's device gave by `batch`, what they give under `registry`. `false`: places
    /// or the request have changed since they were read, and nothing is stored.
    ///
    /// # Errors
    /// See [`Writer::write`].
    pub async fn write_rebound(
        &mut self,
        request: &Rebinding,
        messages: &[KeptUplink],
        batch: &Batch,
        registry: &Registry,
        stored_at: UtcMicros,
    ) -> Result<bool> {
        let (Some(last), Some(sensor)) = (messages.last(), registry.sensor(request.sensor)) else {
            return Ok(false);
        };
        self.ensure_partitions(batch).await?;
        if !std::mem::replace(&mut self.has_stage, true) {
            bays::make_stage(&mut self.conn).await?;
        }
        let mut tx = self.conn.begin().await?;
        rebindings::store_messages(&mut tx).await?;
        if ingest_process::generation(&mut tx).await? != registry.generation() {
            return Ok(false);
        }
        let heard = Heard::of(sensor, messages, registry);
        let (rows, gone) = exchange(&batch.bays, heard.bays(&mut tx).await?, StoredRow::key);
        let (counts, gone_counts) = exchange(&batch.sites, heard.counts(&mut tx).await?, Observation::key);
        let (fixes, gone_fixes) = exchange(&batch.vehicles, heard.fixes(&mut tx).await?, Observation::key);
        // Whoever delivers it again finds it known.
        idempotency::register(&mut tx, batch).await?;
        delete(&mut tx, "bay_observation", "bay", gone.iter().map(StoredRow::key).collect()).await?;
        delete(&mut tx, "site_count", "site", gone_counts.iter().map(Observation::key).collect()).await?;
        bays::write(&mut tx, &rows, stored_at, InsertMode::Staged, &mut Vec::new()).await?;
        let mut changes = corrected(&gone, &rows);
        sites::write(&mut tx, &counts, &gone_counts, stored_at, registry, &mut changes).await?;
        let gone_keys: Vec<ObservationKey> = gone_fixes.iter().map(Observation::key).collect();
        delete(&mut tx, "vehicle_position", "vehicle", gone_keys.clone()).await?;
        forget(&mut tx, gone_keys, stored_at, &mut changes).await?;
        vehicles::write_positions(&mut tx, &fixes, stored_at, &mut changes).await?;
        uplinks::reread(&mut tx, &batch.uplinks).await?;
        let mut touched = request.touched.clone();
        note(&mut touched, &gone, &rows);
        // Of a site the state follows at once.
        for count in counts.into_iter().chain(&gone_counts) {
            touched.entry(count.site.0).or_default();
        }
        if !rebindings::advance(&mut tx, request, last, messages.len(), &touched).await? {
            return Ok(false);
        }
        let seq = self.seq + 1;
        if !changes.is_empty() {
            changes::append(&mut tx, self.id, seq, &changes, false).await?;
        }
        tx.commit().await?;
        if !changes.is_empty() {
            self.seq = seq;
        }
        Ok(true)
    }

    /// Ends a request of which all messages are decoded: the latest states of its bays are what the stored observations
    /// say. `false`: places or the request have changed since they were read, and it goes on.
    ///
    /// # Errors
    /// See [`Writer::write`].
    pub async fn finish_rebound(
        &mut self,
        request: &Rebinding,
        registry: &Registry,
        now: UtcMicros,
    ) -> Result<bool> {
        let Some(sensor) = registry.sensor(request.sensor) else { return Ok(false) };
        let mut tx = self.conn.begin().await?;
        // Alone: statements of the device that are stored meanwhile are among the latest, or come afterwards.
        rebindings::wait_for_writers(&mut tx).await?;
        if ingest_process::generation(&mut tx).await? != registry.generation()
            || !rebindings::finish(&mut tx, request).await?
        {
            return Ok(false);
        }
        let (mut latest, mut changes) = (Latest::default(), Vec::new());
        for (bay, withdrawn) in &request.touched {
            let bay = BayId(*bay);
            let Some(municipality) = registry.bay(bay).map(|entry| entry.municipality) else { continue };
            let source = SourceKey(sensor.id.0);
            let key = BayStateKey { municipality, bay, source };
            sqlx::query("DELETE FROM bay_state WHERE municipality = $1 AND bay = $2 AND source = $3")
                .bind(municipality.0)
                .bind(bay.0)
                .bind(source.0)
                .execute(&mut *tx)
                .await?;
            let newest = newest(&mut tx, key, sensor, now).await?;
            let holds = newest.as_ref().map(|row| row.row.reading());
            if let Some(row) = &newest {
                latest.add(municipality, bay, row.row.reading(), row.received_at.0);
            }
            changes.extend(match (withdrawn, holds) {
                (Some(newest), holds) => Some(Change::Withdrawn { bay, newest: *newest, holds }),
                (None, Some(reading)) => Some(Change::Bay { bay, reading }),
                (None, None) => None,
            });
        }
        latest.write(&mut tx).await?;
        let seq = self.seq + 1;
        if !changes.is_empty() {
            changes::append(&mut tx, self.id, seq, &changes, false).await?;
        }
        tx.commit().await?;
        if !changes.is_empty() {
            self.seq = seq;
        }
        Ok(true)
    }
}

/// When messages of a sensor may have been observed, in which towns.
struct Heard {
    sensor: SensorId,
    towns: Vec<i32>,
    /// By the network's clock, or by the receipt where that was impossible; with the frame counter.
    instants: Vec<(Ts, Option<i64>)>,
}

impl Heard {
    fn of(sensor: &Sensor, messages: &[KeptUplink], registry: &Registry) -> Self {
        let feed = registry.feed(sensor.feed);
        let towns = registry.municipalities().map(|(id, _)| id);
        let towns = towns.filter(|town| feed.is_some_and(|feed| registry.may_name(feed, *town)));
        let instants = messages.iter().flat_map(|m| {
            [m.network_at, Some(m.received_at)].into_iter().flatten().map(|at| (Ts(at), m.f_cnt))
        });
        let (towns, instants) = (towns.map(|town| town.0).collect(), instants.collect());
        Heard { sensor: sensor.id, towns, instants }
    }

    /// What is stored of them, wherever the sensor was bound to.
    async fn bays(&self, conn: &mut PgConnection) -> Result<Vec<StoredRow>> {
        let columns =
            "o.municipality, o.digest, o.received_at, o.bay, o.feed, o.sensor, o.observed_at, o.seq, o.state";
        self.stored(conn, "bay_observation", columns).await
    }

    /// The same of sites.
    async fn counts(&self, conn: &mut PgConnection) -> Result<Vec<SiteCount>> {
        let columns = format!("o.municipality, o.digest, o.counter, {COUNT_COLUMNS}");
        let rows: Vec<StoredCount> = self.stored(conn, "site_count", &columns).await?;
        Ok(rows.into_iter().map(StoredCount::count).collect())
    }

    /// The same of vehicles.
    async fn fixes(&self, conn: &mut PgConnection) -> Result<Vec<VehiclePosition>> {
        let sql = format!(
            "SELECT DISTINCT {POSITION} FROM unnest($1::int[]) AS town CROSS JOIN unnest($2) AS m(at)
             JOIN vehicle_position o ON o.municipality = town AND o.observed_at = m.at WHERE o.sensor = $3"
        );
        let rows: Vec<(Json<VehiclePosition>,)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(&self.towns)
            .bind_rows(self.instants.iter().map(|(at, _)| (*at,)))
            .bind(self.sensor.0)
            .fetch_all(conn)
            .await?;
        Ok(rows.into_iter().map(|(position,)| position.0).collect())
    }

    async fn stored<T: Send + Unpin + for<'r> FromRow<'r, PgRow>>(
        &self,
        conn: &mut PgConnection,
        table: &str,
        columns: &str,
    ) -> Result<Vec<T>> {
        let sql = format!(
            "SELECT DISTINCT {columns} FROM unnest($1::int[]) AS town CROSS JOIN unnest($2, $3) AS m(at, f_cnt)
             JOIN {table} o ON o.municipality = town AND o.observed_at = m.at
             WHERE o.sensor = $4 AND o.seq IS NOT DISTINCT FROM m.f_cnt"
        );
        Ok(sqlx::query_as(AssertSqlSafe(sql))
            .bind(&self.towns)
            .bind_rows(self.instants.iter().copied())
            .bind(self.sensor.0)
            .fetch_all(conn)
            .await?)
    }
}

/// What of `rows` is not stored, in the order of its table's key, and what of `stored` is none of them.
fn exchange<T: Observation, S>(
    rows: &[Keyed<T>],
    stored: Vec<S>,
    key: fn(&S) -> ObservationKey,
) -> (Vec<&T>, Vec<S>) {
    let mut rows: Vec<&T> = rows.iter().map(|keyed| &keyed.observation).collect();
    rows.sort_by_key(|row| row.key());
    rows.dedup_by_key(|row| row.key());
    let keys: BTreeSet<ObservationKey> = rows.iter().map(|row| row.key()).collect();
    let held: BTreeSet<ObservationKey> = stored.iter().map(key).collect();
    let gone = stored.into_iter().filter(|row| !keys.contains(&key(row))).collect();
    rows.retain(|row| !held.contains(&row.key()));
    (rows, gone)
}

async fn delete(conn: &mut PgConnection, table: &str, place: &str, gone: Vec<ObservationKey>) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "DELETE FROM {table} o USING unnest($1, $2, $3, $4) AS t(m, at, p, d)
         WHERE o.municipality = t.m AND o.observed_at = t.at AND o.{place} = t.p AND o.digest = t.d"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind_rows(gone.into_iter().map(|(town, at, place, digest)| (town.0, Ts(at), place, digest)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Computes the latest states of vehicles that were of positions that are `gone`.
async fn forget(
    conn: &mut PgConnection,
    gone: Vec<ObservationKey>,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<()> {
    #[derive(FromRow)]
    struct Held {
        #[sqlx(flatten)]
        part: PartKey,
        observed_at: Ts,
        digest: i64,
    }
    let held: Vec<Held> = sqlx::query_as(
        "DELETE FROM vehicle_state s USING unnest($1, $2, $3, $4) AS t(m, at, v, d)
         WHERE s.municipality = t.m AND s.observed_at = t.at AND s.vehicle = t.v AND s.digest = t.d
         RETURNING s.municipality, s.vehicle, s.part, s.observed_at, s.digest",
    )
    .bind_rows(gone.into_iter().map(|(town, at, vehicle, digest)| (town.0, Ts(at), vehicle, digest)))
    .fetch_all(&mut *conn)
    .await?;
    changes.extend(held.iter().map(|held| Change::WithdrawnVehicle {
        vehicle: held.part.vehicle,
        observed_at: held.observed_at.0,
        digest: held.digest,
    }));
    refill(conn, held.into_iter().map(|held| held.part).collect(), now, changes).await
}

/// Adds the bays of `gone` and `new`, with the newest statement that was withdrawn of each.
fn note(touched: &mut Touched, gone: &[StoredRow], new: &[&BayObservation]) {
    for row in new {
        touched.entry(row.bay.0).or_default();
    }
    for row in gone {
        let reading: BayReading = row.row.reading();
        let newest = touched.entry(row.row.bay.0).or_default();
        if newest.is_none_or(|newest| newest.rank_in_source() < reading.rank_in_source()) {
            *newest = Some(reading);
        }
    }
}

/// The span of each bay in which observations went or came.
fn corrected(gone: &[StoredRow], new: &[&BayObservation]) -> Vec<Change> {
    let gone = gone.iter().map(|row| (row.row.bay, row.row.reading().observed_at));
    let mut spans: BTreeMap<BayId, (UtcMicros, UtcMicros)> = BTreeMap::new();
    for (bay, at) in gone.chain(new.iter().map(|row| (row.bay, row.observed_at))) {
        let span = spans.entry(bay).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
    }
    let change = |(bay, (first_at, last_at))| Change::Corrected { bay, first_at, last_at };
    spans.into_iter().map(change).collect()
}

/// The newest statement of a sensor about a bay, in the times that it is bound to it.
async fn newest(
    conn: &mut PgConnection,
    key: BayStateKey,
    sensor: &Sensor,
    now: UtcMicros,
) -> Result<Option<StoredRow>> {
    let ahead = now.plus_s(MAX_AHEAD_S);
    for binding in sensor.bindings.iter().rev().filter(|b| b.target == Some(Target::Bay(key.bay))) {
        let from = binding.from.unwrap_or(UtcMicros::EPOCH);
        let mut until = binding.until.unwrap_or(ahead).min(ahead);
        for days in DAYS_BACK {
            let after = days.map_or(from, |days| until.plus_s(-days * 86_400).max(from));
            let found: Option<StoredRow> = sqlx::query_as(
                "SELECT municipality, digest, received_at, bay, feed, sensor, observed_at, seq, state FROM bay_observation
                 WHERE municipality = $1 AND bay = $2 AND sensor = $3 AND observed_at >= $4 AND observed_at < $5
                 ORDER BY observed_at DESC, seq DESC NULLS LAST, state DESC LIMIT 1",
            )
            .bind(key.municipality.0)
            .bind(key.bay.0)
            .bind(sensor.id.0)
            .bind(Ts(after))
            .bind(Ts(until))
            .fetch_optional(&mut *conn)
            .await?;
            if found.is_some() {
                return Ok(found);
            }
            until = after;
        }
    }
    Ok(None)
}
