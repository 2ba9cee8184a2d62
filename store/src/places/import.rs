//! Import: all or nothing; earlier definitions are kept as versions.

use std::collections::{BTreeMap, BTreeSet};

use domain::UtcMicros;
use domain::catalogue::Catalogue;
use domain::live::Change;
use domain::place::PlaceKind;
use domain::rebinding::rebind;
use domain::sensor::SensorRow;
use serde::Serialize;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use super::kind::KindCode;
use super::report::{ImportCounts, ImportReport, Missing, import_counts};
use super::versions::{self, Correction, Holds};
use super::{audited, days, fares, on_demand, on_demand_areas, taxis};
use crate::audit::{self, Actor};
use crate::{Pool, Result, Ts, changes, notices, rebindings};

/// Advisory lock: one import at a time.
const IMPORT_LOCK: i64 = 0x6b76_696d_706f; // "kvimpo"

/// An import under way: nothing is visible before [`Import::commit`], dropping it undoes all.
#[derive(Debug)]
pub struct Import {
    tx: Transaction<'static, Postgres>,
    existing: Catalogue,
}

impl Import {
    /// Begins; waits for another import to end.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn begin(pool: &Pool) -> Result<Self> {
        let mut tx = begin(pool).await?;
        let existing = super::catalogue(&mut tx).await?;
        Ok(Import { tx, existing })
    }

    /// What is stored, to check the new definitions against.
    pub fn existing(&self) -> &Catalogue {
        &self.existing
    }

    /// All places as they are within this import.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn registry(&mut self) -> Result<domain::Registry> {
        super::registry(&mut self.tx).await
    }

    /// Upserts `new` by id. `new` must have been validated against [`Import::existing`]. `holds`: from when on changed places
    /// have their new definitions; new and missing ones begin and end now.
    ///
    /// # Errors
    /// The database is not available, or refuses the data.
    pub async fn apply(
        &mut self,
        new: &Catalogue,
        missing: Missing,
        holds: Holds,
        now: UtcMicros,
    ) -> Result<ImportReport> {
        let tx = &mut *self.tx;
        let mut report = ImportReport {
            municipalities: upsert(tx, "municipality", "slug", "slug", None, &new.municipalities).await?,
            brokers: upsert(tx, "broker", "key", "id", None, &new.brokers).await?,
            vehicles: upsert(tx, "vehicle", "key", "id", Some("owner"), &new.vehicles).await?,
            feeds: upsert(tx, "feed", "key", "id", Some("municipality"), &new.feeds).await?,
            notices: upsert(tx, "notice_rule", "key", "id", Some("municipality"), &new.notices).await?,
            ..ImportReport::default()
        };
        let sites = places(tx, PlaceKind::Site, &new.sites, holds, now).await?;
        let bays = places(tx, PlaceKind::Bay, &new.bays, holds, now).await?;
        (report.sites, report.bays) = (sites.0, bays.0);
        report.corrections = [sites.1, bays.1].concat();
        report.sensors = sensors(tx, new, &self.existing, now).await?;
        report.closures = days::import_closures(tx, &new.closures, missing, now).await?;
        report.calendar = days::import_calendar(tx, &new.calendar, missing, now).await?;
        if let Some(rules) = &new.on_demand {
            let held = self.existing.on_demand.as_deref().unwrap_or_default();
            report.on_demand = on_demand::import(tx, rules, held).await?;
        }
        if let Some(areas) = &new.on_demand_areas {
            let held = self.existing.on_demand_areas.as_deref().unwrap_or_default();
            report.on_demand_areas = on_demand_areas::import(tx, areas, held).await?;
        }
        if let Some(list) = &new.fares {
            let held = self.existing.fares.clone().unwrap_or_default();
            report.fares = fares::import(tx, list, &held).await?;
        }
        if let Some(new) = &new.taxis {
            let held = self.existing.taxis.as_deref().unwrap_or_default();
            report.taxis = taxis::import(tx, new, held).await?;
        }
        self.note_missing(new, &mut report);
        if missing == Missing::Close {
            close(&mut self.tx, &report, now).await?;
        }
        Ok(report)
    }

    fn note_missing(&self, new: &Catalogue, report: &mut ImportReport) {
        fn missing<'a, T: 'a>(
            stored: impl Iterator<Item = &'a T>,
            new: &'a [T],
            id: fn(&T) -> &str,
            owner: fn(&T) -> &str,
        ) -> Vec<String> {
            let ids: BTreeSet<&str> = new.iter().map(id).collect();
            let owners: BTreeSet<&str> = new.iter().map(owner).collect();
            let gone = stored.filter(|t| owners.contains(owner(t)) && !ids.contains(id(t)));
            let gone: BTreeSet<&str> = gone.map(id).collect();
            gone.into_iter().map(str::to_owned).collect()
        }
        let old = &self.existing;
        let sites = old.sites.iter().filter(|s| s.valid_until.is_none());
        let bays = old.bays.iter().filter(|b| b.valid_until.is_none());
        let sensors = old.sensors.iter().filter(|s| s.bound_until.is_none());
        report.sites.missing = missing(sites, &new.sites, |s| &s.id, |s| &s.municipality);
        report.bays.missing = missing(bays, &new.bays, |b| &b.id, |b| &b.municipality);
        report.sensors.missing = missing(sensors, &new.sensors, |s| &s.id, |s| &s.feed);
        report.vehicles.missing = missing(old.vehicles.iter(), &new.vehicles, |v| &v.id, |v| &v.owner);
        report.feeds.missing = missing(old.feeds.iter(), &new.feeds, |f| &f.id, |f| &f.municipality);
        report.notices.missing = missing(old.notices.iter(), &new.notices, |n| &n.id, |n| &n.municipality);
    }

    /// Makes the import visible and notifies every process.
    ///
    /// # Errors
    /// The database is not available: then nothing is imported.
    pub async fn commit(mut self, report: &ImportReport, actor: &str) -> Result<()> {
        let (now, registry) = (super::catalogue(&mut self.tx).await?, self.registry().await?);
        let events = audited::events(&self.existing, &now, report, &registry);
        audit::append(&mut self.tx, &Actor::local(actor), &events).await?;
        let generation = publish(&mut self.tx).await?;
        versions::note(&mut self.tx, &report.corrections, actor, generation).await?;
        self.tx.commit().await?;
        Ok(())
    }
}

/// Begins a transaction that changes places; waits for another one to end.
pub(super) async fn begin(pool: &Pool) -> Result<Transaction<'static, Postgres>> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(IMPORT_LOCK).execute(&mut *tx).await?;
    Ok(tx)
}

/// Notifies every process, at the end of a transaction that changes places; returns the new generation.
pub(super) async fn publish(conn: &mut PgConnection) -> Result<i64> {
    rebindings::wait_for_writers(conn).await?;
    let generation = crate::ingest_process::next_generation(conn).await?;
    changes::append_alone(conn, &[Change::Places]).await?;
    Ok(generation)
}

/// Upserts definitions into `table` by its column `key`, the property `id` of each. `owner`: the property that names the
/// municipality whose it is, where rows have one.
async fn upsert<T: Serialize>(
    conn: &mut PgConnection,
    table: &str,
    key: &str,
    id: &str,
    owner: Option<&str>,
    definitions: &[T],
) -> Result<ImportCounts> {
    let (column, value, owners) = match owner {
        Some(owner) => {
            ("municipality, ", "m.id, ", format!("JOIN municipality m ON m.slug = t.def ->> '{owner}'"))
        }
        None => ("", "", String::new()),
    };
    let sql = format!(
        "INSERT INTO {table} AS held ({column}{key}, def)
         SELECT {value}t.def ->> '{id}', t.def FROM jsonb_array_elements($1) AS t(def) {owners}
         ON CONFLICT ({key}) DO UPDATE SET def = excluded.def WHERE held.def IS DISTINCT FROM excluded.def
         RETURNING xmax = 0"
    );
    let written = sqlx::query_as(AssertSqlSafe(sql)).bind(Json(definitions)).fetch_all(conn).await?;
    Ok(import_counts(definitions.len(), written))
}

async fn places<T: Serialize>(
    conn: &mut PgConnection,
    kind: PlaceKind,
    definitions: &[T],
    holds: Holds,
    now: UtcMicros,
) -> Result<(ImportCounts, Vec<Correction>)> {
    let touched: Vec<(bool, i32)> = sqlx::query_as(
        "INSERT INTO place AS held (municipality, kind, key, site, def)
         SELECT m.id, $1, t.def ->> 'id', s.id, t.def
         FROM jsonb_array_elements($2) AS t(def)
         JOIN municipality m ON m.slug = t.def ->> 'municipality'
         LEFT JOIN place s ON s.kind = 1 AND s.key = t.def ->> 'site'
         ON CONFLICT (kind, key) DO UPDATE SET def = excluded.def, site = excluded.site
         WHERE held.def IS DISTINCT FROM excluded.def OR held.site IS DISTINCT FROM excluded.site
         RETURNING xmax = 0, id",
    )
    .bind(KindCode::from(kind))
    .bind(Json(definitions))
    .fetch_all(&mut *conn)
    .await?;
    let (begun, corrected): (Vec<_>, Vec<_>) =
        touched.iter().partition(|(is_new, _)| *is_new || holds == Holds::FromNow);
    let ids = |touched: Vec<&(bool, i32)>| touched.into_iter().map(|t| t.1).collect::<Vec<_>>();
    versions::begin(conn, &ids(begun), now).await?;
    let corrections = versions::rewrite(conn, &ids(corrected)).await?;
    Ok((import_counts(definitions.len(), touched.into_iter().map(|t| (t.0,)).collect()), corrections))
}

async fn sensors(
    conn: &mut PgConnection,
    new: &Catalogue,
    existing: &Catalogue,
    now: UtcMicros,
) -> Result<ImportCounts> {
    fn by_id(rows: &[SensorRow]) -> BTreeMap<&str, Vec<&SensorRow>> {
        rows.iter().fold(BTreeMap::new(), |mut by_id: BTreeMap<_, Vec<_>>, row| {
            by_id.entry(row.id.as_str()).or_default().push(row);
            by_id
        })
    }
    let mut stored = by_id(&existing.sensors);
    let mut result = ImportCounts::default();
    let mut changed: Vec<SensorRow> = Vec::new();
    for (id, rows) in by_id(&new.sensors) {
        let held: Vec<SensorRow> = stored.remove(id).into_iter().flatten().cloned().collect();
        let commissioned_at = existing.commissioned.get(id).copied();
        let merged = rebind(&held, &rows, now, commissioned_at);
        let merged: Vec<SensorRow> = merged.into_iter().map(|m| m.row).collect();
        match &held[..] {
            [] => result.added += 1,
            held if held == merged => {
                result.unchanged += 1;
                continue;
            }
            _ => result.changed += 1,
        }
        changed.extend(merged);
    }
    write_sensors(conn, &changed).await?;
    Ok(result)
}

pub(super) async fn write_sensors(conn: &mut PgConnection, rows: &[SensorRow]) -> Result<()> {
    // Of rows that differ, which only former ones do, the last holds. Not each has to name the decoder.
    sqlx::query(
        "INSERT INTO sensor (municipality, feed, key, decoder)
         SELECT f.municipality, f.id, s.id, s.decoder
         FROM (SELECT id, (array_agg(feed ORDER BY n DESC))[1] AS feed,
                      (array_agg(decoder ORDER BY n DESC) FILTER (WHERE decoder IS NOT NULL))[1] AS decoder
               FROM ROWS FROM (jsonb_to_recordset($1) AS (id text, feed text, decoder text))
                    WITH ORDINALITY AS t (id, feed, decoder, n)
               GROUP BY id) s
         JOIN feed f ON f.key = s.feed ORDER BY s.id
         ON CONFLICT (key) DO UPDATE SET feed = excluded.feed, municipality = excluded.municipality,
             decoder = excluded.decoder",
    )
    .bind(Json(rows))
    .execute(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM sensor_binding WHERE sensor IN (SELECT id FROM sensor WHERE key = ANY($1))")
        .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO sensor_binding (municipality, sensor, from_utc, until_utc, bay, site, vehicle, direction,
             heartbeat_s, stale_after_s, threshold_mm)
         SELECT s.municipality, s.id, coalesce(t.bound_from, '-infinity'), coalesce(t.bound_until, 'infinity'), b.id,
                p.id, v.id, t.direction, t.heartbeat_s, t.stale_after_s, t.threshold_mm
         FROM jsonb_to_recordset($1) AS t(id text, bay text, site text, vehicle text, direction text,
              bound_from timestamptz, bound_until timestamptz, heartbeat_s int, stale_after_s int, threshold_mm int)
         JOIN sensor s ON s.key = t.id
         LEFT JOIN place b ON b.kind = 2 AND b.key = t.bay
         LEFT JOIN place p ON p.kind = 1 AND p.key = t.site
         LEFT JOIN vehicle v ON v.key = t.vehicle",
    )
    .bind(Json(rows))
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what the files no longer mention.
async fn close(conn: &mut PgConnection, report: &ImportReport, now: UtcMicros) -> Result<()> {
    for (kind, keys) in [(PlaceKind::Site, &report.sites.missing), (PlaceKind::Bay, &report.bays.missing)] {
        let ids: Vec<i32> = sqlx::query_scalar(
            "UPDATE place SET def = jsonb_set(def, '{valid_until}', to_jsonb($3::text))
             WHERE kind = $1 AND key = ANY($2) RETURNING id",
        )
        .bind(KindCode::from(kind))
        .bind(keys)
        .bind(now.to_string())
        .fetch_all(&mut *conn)
        .await?;
        versions::begin(conn, &ids, now).await?;
    }
    sqlx::query(
        "UPDATE sensor_binding SET until_utc = $2
         WHERE until_utc = 'infinity' AND from_utc < $2 AND sensor IN (SELECT id FROM sensor WHERE key = ANY($1))",
    )
    .bind(&report.sensors.missing)
    .bind(Ts(now))
    .execute(&mut *conn)
    .await?;
    notices::close(conn, &report.notices.missing).await
}
