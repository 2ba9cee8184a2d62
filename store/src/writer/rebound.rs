//! Stores what a device's kept messages say once they are decoded again: see [`crate::rebindings`].

use std::collections::{BTreeMap, BTreeSet};

use domain::feed::MAX_AHEAD_S;
use domain::ids::SourceKey;
use domain::live::Change;
use domain::sensor::Sensor;
use domain::{BayId, BayObservation, BayReading, MunicipalityId, Registry, Target, UtcMicros};
use sqlx::{Connection, FromRow, PgConnection};

use super::bay_states::{BayStateKey, Latest};
use super::observation::{Observation, ObservationKey};
use super::{Batch, InsertMode, Writer, bays, idempotency, uplinks};
use crate::bay_row::BayRow;
use crate::rebindings::{self, KeptUplink, Rebinding, Touched};
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
        let mut rows: Vec<&BayObservation> = batch.bays.iter().map(|keyed| &keyed.observation).collect();
        rows.sort_by_key(|row| row.key());
        rows.dedup_by_key(|row| row.key());
        let keys: BTreeSet<ObservationKey> = rows.iter().map(|row| row.key()).collect();
        let stored = stored(&mut tx, sensor, messages, registry).await?;
        let held: BTreeSet<ObservationKey> = stored.iter().map(StoredRow::key).collect();
        let gone: Vec<&StoredRow> = stored.iter().filter(|row| !keys.contains(&row.key())).collect();
        rows.retain(|row| !held.contains(&row.key()));
        // Whoever delivers it again finds it known.
        idempotency::register(&mut tx, batch).await?;
        delete(&mut tx, &gone).await?;
        bays::write(&mut tx, &rows, stored_at, InsertMode::Staged, &mut Vec::new()).await?;
        uplinks::reread(&mut tx, &batch.uplinks).await?;
        let mut touched = request.touched.clone();
        note(&mut touched, &gone, &rows);
        if !rebindings::advance(&mut tx, request, last, messages.len(), &touched).await? {
            return Ok(false);
        }
        let seq = self.seq + 1;
        let changes = corrected(&gone, &rows);
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

/// What is stored of `messages`, wherever the sensor was bound to.
async fn stored(
    conn: &mut PgConnection,
    sensor: &Sensor,
    messages: &[KeptUplink],
    registry: &Registry,
) -> Result<Vec<StoredRow>> {
    let feed = registry.feed(sensor.feed);
    let towns = registry.municipalities().map(|(id, _)| id);
    let towns = towns.filter(|town| feed.is_some_and(|feed| registry.may_name(feed, *town)));
    // By the network's clock, or by the receipt where that was impossible.
    let instants = || messages.iter().flat_map(|m| [(m.network_at, m.f_cnt), (Some(m.received_at), m.f_cnt)]);
    let instants = || instants().filter_map(|(at, seq)| Some((at?, seq)));
    Ok(sqlx::query_as(
        "SELECT DISTINCT o.municipality, o.digest, o.received_at, o.bay, o.feed, o.sensor, o.observed_at, o.seq, o.state
         FROM unnest($1::int[]) AS town CROSS JOIN unnest($2, $3) AS m(at, seq)
         JOIN bay_observation o ON o.municipality = town AND o.observed_at = m.at
         WHERE o.sensor = $4 AND o.seq IS NOT DISTINCT FROM m.seq",
    )
    .bind(towns.map(|town| town.0).collect::<Vec<_>>())
    .bind(instants().map(|(at, _)| Ts(at)).collect::<Vec<_>>())
    .bind(instants().map(|(_, seq)| seq).collect::<Vec<_>>())
    .bind(sensor.id.0)
    .fetch_all(conn)
    .await?)
}

async fn delete(conn: &mut PgConnection, gone: &[&StoredRow]) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let keys = || gone.iter().map(|row| row.key());
    sqlx::query(
        "DELETE FROM bay_observation o USING unnest($1, $2, $3, $4) AS t(m, at, b, d)
         WHERE o.municipality = t.m AND o.observed_at = t.at AND o.bay = t.b AND o.digest = t.d",
    )
    .bind(keys().map(|key| key.0.0).collect::<Vec<_>>())
    .bind(keys().map(|key| Ts(key.1)).collect::<Vec<_>>())
    .bind(keys().map(|key| key.2).collect::<Vec<_>>())
    .bind(keys().map(|key| key.3).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds the bays of `gone` and `new`, with the newest statement that was withdrawn of each.
fn note(touched: &mut Touched, gone: &[&StoredRow], new: &[&BayObservation]) {
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
fn corrected(gone: &[&StoredRow], new: &[&BayObservation]) -> Vec<Change> {
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
