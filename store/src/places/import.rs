//! Import: all or nothing; earlier definitions are kept as versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::catalogue::Catalogue;
use domain::live::Change;
use domain::place::PlaceKind;
use domain::rebinding::rebind;
use domain::sensor::SensorRow;
use domain::{Decoder, UtcMicros};
use sqlx::{PgConnection, Postgres, Transaction};

use super::report::{ImportCounts, Missing, Report, import_counts};
use super::versions::{self, Correction, Holds};
use super::{audited, days, kind};
use crate::StoreError;
use crate::audit::{self, Actor};
use crate::changes;
use crate::pool::Pool;
use crate::ts::Ts;

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
    pub async fn begin(pool: &Pool) -> Result<Self, StoreError> {
        let mut tx = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(IMPORT_LOCK).execute(&mut *tx).await?;
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
    pub async fn registry(&mut self) -> Result<domain::Registry, StoreError> {
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
    ) -> Result<Report, StoreError> {
        let tx = &mut *self.tx;
        let mut report = Report {
            municipalities: municipalities(tx, new).await?,
            brokers: brokers(tx, new).await?,
            vehicles: owned(tx, Owned::Vehicle, new.vehicles.iter().map(|v| (&*v.id, &*v.owner, def(v))))
                .await?,
            feeds: owned(tx, Owned::Feed, new.feeds.iter().map(|f| (&*f.id, &*f.municipality, def(f))))
                .await?,
            ..Report::default()
        };
        let rows = new.sites.iter().map(|s| NewPlace {
            key: &s.id,
            owner: &s.municipality,
            site: None,
            def: def(s),
        });
        let sites = places(tx, PlaceKind::Site, rows.collect(), (holds, now)).await?;
        let rows = new.bays.iter().map(|b| NewPlace {
            key: &b.id,
            owner: &b.municipality,
            site: b.site.as_deref(),
            def: def(b),
        });
        let bays = places(tx, PlaceKind::Bay, rows.collect(), (holds, now)).await?;
        (report.sites, report.bays) = (sites.0, bays.0);
        report.corrections = [sites.1, bays.1].concat();
        report.sensors = sensors(tx, new, &self.existing, now).await?;
        report.closures = days::import_closures(tx, &new.closures, missing, now).await?;
        report.calendar = days::import_calendar(tx, &new.calendar, missing, now).await?;
        self.note_missing(new, &mut report);
        if missing == Missing::Close {
            close(&mut self.tx, &report, now).await?;
        }
        Ok(report)
    }

    fn note_missing(&self, new: &Catalogue, report: &mut Report) {
        fn missing<'a, T: 'a>(
            stored: &'a [T],
            new: &'a [T],
            id: fn(&T) -> &str,
            owner: fn(&T) -> &str,
        ) -> Vec<String> {
            let ids: BTreeSet<&str> = new.iter().map(id).collect();
            let owners: BTreeSet<&str> = new.iter().map(owner).collect();
            let gone = |t: &&T| owners.contains(owner(t)) && !ids.contains(id(t));
            let gone: BTreeSet<&str> = stored.iter().filter(gone).map(id).collect();
            gone.into_iter().map(str::to_owned).collect()
        }
        let old = &self.existing;
        let valid_sites: Vec<_> = old.sites.iter().filter(|s| s.valid_until.is_none()).cloned().collect();
        let valid_bays: Vec<_> = old.bays.iter().filter(|b| b.valid_until.is_none()).cloned().collect();
        let open_sensors: Vec<_> = old.sensors.iter().filter(|s| s.bound_until.is_none()).cloned().collect();
        report.sites.missing = missing(&valid_sites, &new.sites, |s| &s.id, |s| &s.municipality);
        report.bays.missing = missing(&valid_bays, &new.bays, |b| &b.id, |b| &b.municipality);
        report.sensors.missing = missing(&open_sensors, &new.sensors, |s| &s.id, |s| &s.feed);
        report.vehicles.missing = missing(&old.vehicles, &new.vehicles, |v| &v.id, |v| &v.owner);
        report.feeds.missing = missing(&old.feeds, &new.feeds, |f| &f.id, |f| &f.municipality);
    }

    /// Makes the import visible and notifies every process.
    ///
    /// # Errors
    /// The database is not available: then nothing is imported.
    pub async fn commit(mut self, report: &Report, actor: &str) -> Result<(), StoreError> {
        let (now, registry) = (super::catalogue(&mut self.tx).await?, self.registry().await?);
        let events = audited::events(&self.existing, &now, report, &registry);
        audit::append(&mut self.tx, &Actor::local(actor), &events).await?;
        let generation: i64 = sqlx::query_scalar(
            "UPDATE place_generation SET generation = generation + 1 RETURNING generation",
        )
        .fetch_one(&mut *self.tx)
        .await?;
        versions::note(&mut self.tx, &report.corrections, actor, generation).await?;
        let writer = changes::new_writer(&mut self.tx).await?;
        changes::append(&mut self.tx, writer, 1, &[Change::Places], false).await?;
        self.tx.commit().await?;
        Ok(())
    }
}

fn def<T: serde::Serialize>(value: &T) -> serde_json::Value {
    // The definitions are plain data: maps with text keys, finite numbers.
    serde_json::to_value(value).unwrap_or_default()
}

async fn municipalities(conn: &mut PgConnection, new: &Catalogue) -> Result<ImportCounts, StoreError> {
    let rows = sqlx::query_as(
        "INSERT INTO municipality AS held (slug, def) SELECT * FROM unnest($1::text[], $2::jsonb[])
         ON CONFLICT (slug) DO UPDATE SET def = excluded.def WHERE held.def IS DISTINCT FROM excluded.def
         RETURNING xmax = 0",
    )
    .bind(new.municipalities.iter().map(|m| m.slug.as_str()).collect::<Vec<_>>())
    .bind(new.municipalities.iter().map(def).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(import_counts(new.municipalities.len(), rows))
}

async fn brokers(conn: &mut PgConnection, new: &Catalogue) -> Result<ImportCounts, StoreError> {
    let rows = sqlx::query_as(
        "INSERT INTO broker AS held (key, def) SELECT * FROM unnest($1::text[], $2::jsonb[])
         ON CONFLICT (key) DO UPDATE SET def = excluded.def WHERE held.def IS DISTINCT FROM excluded.def
         RETURNING xmax = 0",
    )
    .bind(new.brokers.iter().map(|b| b.id.as_str()).collect::<Vec<_>>())
    .bind(new.brokers.iter().map(def).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(import_counts(new.brokers.len(), rows))
}

#[derive(Clone, Copy)]
enum Owned {
    Vehicle,
    Feed,
}

async fn owned<'a>(
    conn: &mut PgConnection,
    table: Owned,
    rows: impl Iterator<Item = (&'a str, &'a str, serde_json::Value)>,
) -> Result<ImportCounts, StoreError> {
    let (mut keys, mut owners, mut defs) = (Vec::new(), Vec::new(), Vec::new());
    for (key, owner, def) in rows {
        keys.push(key);
        owners.push(owner);
        defs.push(def);
    }
    let sql = match table {
        Owned::Vehicle => {
            "INSERT INTO vehicle AS held (municipality, key, def)
             SELECT m.id, t.key, t.def FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS t(key, owner, def)
             JOIN municipality m ON m.slug = t.owner
             ON CONFLICT (key) DO UPDATE SET def = excluded.def WHERE held.def IS DISTINCT FROM excluded.def
             RETURNING xmax = 0"
        }
        Owned::Feed => {
            "INSERT INTO feed AS held (municipality, key, def)
             SELECT m.id, t.key, t.def FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS t(key, owner, def)
             JOIN municipality m ON m.slug = t.owner
             ON CONFLICT (key) DO UPDATE SET def = excluded.def WHERE held.def IS DISTINCT FROM excluded.def
             RETURNING xmax = 0"
        }
    };
    let total = keys.len();
    let rows = sqlx::query_as(sql).bind(keys).bind(owners).bind(defs).fetch_all(conn).await?;
    Ok(import_counts(total, rows))
}

struct NewPlace<'a> {
    key: &'a str,
    owner: &'a str,
    site: Option<&'a str>,
    def: serde_json::Value,
}

async fn places(
    conn: &mut PgConnection,
    kind: PlaceKind,
    rows: Vec<NewPlace<'_>>,
    (holds, now): (Holds, UtcMicros),
) -> Result<(ImportCounts, Vec<Correction>), StoreError> {
    let touched: Vec<(bool, i32)> = sqlx::query_as(
        "INSERT INTO place AS held (municipality, kind, key, site, def)
         SELECT m.id, $1, t.key, s.id, t.def
         FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) AS t(key, owner, site, def)
         JOIN municipality m ON m.slug = t.owner
         LEFT JOIN place s ON s.kind = 1 AND s.key = t.site
         ON CONFLICT (kind, key) DO UPDATE SET def = excluded.def, site = excluded.site
         WHERE held.def IS DISTINCT FROM excluded.def OR held.site IS DISTINCT FROM excluded.site
         RETURNING xmax = 0, id",
    )
    .bind(kind::code(kind))
    .bind(rows.iter().map(|r| r.key).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.owner).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.site).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| &r.def).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let (begun, corrected): (Vec<_>, Vec<_>) =
        touched.iter().partition(|(is_new, _)| *is_new || holds == Holds::FromNow);
    let ids = |touched: Vec<&(bool, i32)>| touched.into_iter().map(|t| t.1).collect::<Vec<_>>();
    versions::begin(conn, &ids(begun), now).await?;
    let corrections = versions::rewrite(conn, &ids(corrected)).await?;
    Ok((import_counts(rows.len(), touched.into_iter().map(|t| (t.0,)).collect()), corrections))
}

async fn sensors(
    conn: &mut PgConnection,
    new: &Catalogue,
    existing: &Catalogue,
    now: UtcMicros,
) -> Result<ImportCounts, StoreError> {
    let mut rows: BTreeMap<&str, Vec<SensorRow>> = BTreeMap::new();
    for row in &new.sensors {
        rows.entry(&row.id).or_default().push(row.clone());
    }
    let mut stored: HashMap<&str, Vec<SensorRow>> = HashMap::new();
    for row in &existing.sensors {
        stored.entry(&row.id).or_default().push(row.clone());
    }
    let mut result = ImportCounts::default();
    let mut changed: Vec<SensorRow> = Vec::new();
    for (id, rows) in rows {
        let held = stored.get(id).map_or(&[][..], Vec::as_slice);
        let rows: Vec<&SensorRow> = rows.iter().collect();
        let merged: Vec<SensorRow> = rebind(held, &rows, now).into_iter().map(|m| m.row).collect();
        match held {
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

async fn write_sensors(conn: &mut PgConnection, rows: &[SensorRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let devices: BTreeMap<&str, &SensorRow> = rows.iter().map(|r| (r.id.as_str(), r)).collect();
    // A sensor's rows agree on its decoder, but not each has to name it.
    let decoders: HashMap<&str, Decoder> =
        rows.iter().filter_map(|r| Some((r.id.as_str(), r.decoder?))).collect();
    sqlx::query(
        "INSERT INTO sensor (municipality, feed, key, decoder)
         SELECT f.municipality, f.id, t.key, t.decoder
         FROM unnest($1::text[], $2::text[], $3::text[]) AS t(key, feed, decoder) JOIN feed f ON f.key = t.feed
         ON CONFLICT (key) DO UPDATE SET feed = excluded.feed, municipality = excluded.municipality,
             decoder = excluded.decoder",
    )
    .bind(devices.keys().copied().collect::<Vec<_>>())
    .bind(devices.values().map(|r| r.feed.as_str()).collect::<Vec<_>>())
    .bind(devices.keys().map(|id| decoders.get(id).map(|d| d.as_str())).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM sensor_binding WHERE sensor IN (SELECT id FROM sensor WHERE key = ANY($1))")
        .bind(devices.keys().copied().collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    let bound: Vec<&SensorRow> = rows.iter().collect();
    let signed = |n: Option<u32>| n.and_then(|n| i32::try_from(n).ok());
    sqlx::query(
        "INSERT INTO sensor_binding (municipality, sensor, from_utc, until_utc, bay, site, vehicle, direction,
             heartbeat_s, stale_after_s, threshold_mm)
         SELECT s.municipality, s.id, coalesce(t.f, '-infinity'), coalesce(t.u, 'infinity'), b.id, p.id, v.id,
                t.direction, t.h, t.st, t.th
         FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::int[], $9::int[], $10::int[])
              AS t(key, f, u, bay, site, vehicle, direction, h, st, th)
         JOIN sensor s ON s.key = t.key
         LEFT JOIN place b ON b.kind = 2 AND b.key = t.bay
         LEFT JOIN place p ON p.kind = 1 AND p.key = t.site
         LEFT JOIN vehicle v ON v.key = t.vehicle",
    )
    .bind(bound.iter().map(|r| r.id.as_str()).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.bound_from.map(Ts)).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.bound_until.map(Ts)).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.bay.as_deref()).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.site.as_deref()).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.vehicle.as_deref()).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| r.direction.map(|d| d.as_str())).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| signed(r.heartbeat_s)).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| signed(r.stale_after_s)).collect::<Vec<_>>())
    .bind(bound.iter().map(|r| signed(r.threshold_mm)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what the files no longer mention.
async fn close(conn: &mut PgConnection, report: &Report, now: UtcMicros) -> Result<(), StoreError> {
    for (kind, keys) in [(PlaceKind::Site, &report.sites.missing), (PlaceKind::Bay, &report.bays.missing)] {
        let ids: Vec<i32> = sqlx::query_scalar(
            "UPDATE place SET def = jsonb_set(def, '{valid_until}', to_jsonb($3::text))
             WHERE kind = $1 AND key = ANY($2) RETURNING id",
        )
        .bind(kind::code(kind))
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
    .execute(conn)
    .await?;
    Ok(())
}
