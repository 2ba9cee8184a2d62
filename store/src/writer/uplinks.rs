//! LoRaWAN messages as received, when each device was last heard, and through which gateways.

use std::collections::{BTreeMap, HashSet};

use domain::{MunicipalityId, Uplink};
use sqlx::{AssertSqlSafe, PgConnection};

use super::gateways;
use super::text::{UNIT_SEPARATOR, storable};
use crate::bind::BindRows;
use crate::{Result, Ts};

/// Stores new messages and updates when their devices were last heard; counts redeliveries. Returns the new ones.
pub(super) async fn write<'r>(conn: &mut PgConnection, rows: &'r [Uplink]) -> Result<Vec<&'r Uplink>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut all: Vec<&Uplink> = rows.iter().collect();
    all.sort_by_key(|u| (name(u), u.received_at));
    let copies: Vec<&[&Uplink]> = all.chunk_by(|a, b| name(a) == name(b)).collect();
    let firsts: Vec<&Uplink> = copies.iter().map(|copies| copies[0]).collect();
    let new = append(conn, &firsts, "DO NOTHING").await?;
    let is_new = |u: &Uplink| new.contains(&(u.municipality.0, u.device.clone(), u.dedup_id.clone()));
    let again = copies.iter().filter_map(|copies| {
        let again = &copies[usize::from(is_new(copies[0]))..];
        Some((*again.last()?, again.len() as i32))
    });
    note_again(conn, again.collect()).await?;
    let new: Vec<&Uplink> = firsts.into_iter().filter(|u| is_new(u)).collect();
    touch(conn, &new).await?;
    gateways::note(conn, &new).await?;
    Ok(new)
}

type Name<'a> = (MunicipalityId, &'a str, &'a str);

fn name(u: &Uplink) -> Name<'_> {
    (u.municipality, u.device.as_str(), u.dedup_id.as_str())
}

/// Records redelivered messages, and how often they came.
async fn note_again(conn: &mut PgConnection, rows: Vec<(&Uplink, i32)>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO uplink AS held (municipality, device, dedup_id, copy, feed, event, received_at, network_at,
             f_port, f_cnt, gateways, qos, times, outcome, is_stranger)
         SELECT m, d, i, 1, f, e, r, n, p, c, '{}', q, t, 'duplicate', st
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS x(m, d, i, f, e, r, n, p, c, q, t, st)
         ON CONFLICT (municipality, device, dedup_id, copy) DO UPDATE
         SET times = held.times + excluded.times, received_at = greatest(held.received_at, excluded.received_at)",
    )
    .bind_rows(rows.iter().map(|(u, _)| (u.municipality.0, &*u.device, &*u.dedup_id, u.feed.0, u.event)))
    .bind_rows(rows.iter().map(|(u, _)| (Ts(u.received_at), u.network_at.map(Ts), u.f_port, u.f_cnt)))
    .bind_rows(rows.iter().map(|(u, times)| (i16::from(u.qos), *times, u.is_stranger)))
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores messages and returns their names. `on_conflict`: what happens where one is stored already; if that is nothing, its
/// name is not returned.
async fn append(
    conn: &mut PgConnection,
    rows: &[&Uplink],
    on_conflict: &str,
) -> Result<HashSet<(i32, String, String)>> {
    let sql = format!(
        "INSERT INTO uplink (municipality, device, dedup_id, feed, event, received_at, network_at, f_port, f_cnt,
             payload, data_rate, spreading_factor, rssi_dbm, snr_db, gateways, decoder, decoder_version, qos,
             decoded, outcome, detail, dropped_fields, is_stranger)
         SELECT m, d, i, f, e, r, n, p, c, b, dr, sf, rs, sn, string_to_array(g, $21), de, dv, q, dj, o, w,
             string_to_array(df, $21), st
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $22,
             $23, $24)
              AS t(m, d, i, f, e, r, n, p, c, b, dr, sf, rs, sn, g, de, dv, q, dj, o, w, df, st)
         ON CONFLICT (municipality, device, dedup_id, copy) {on_conflict} RETURNING municipality, device, dedup_id"
    );
    let new: Vec<(i32, String, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind_rows(rows.iter().map(|u| (u.municipality.0, &*u.device, &*u.dedup_id, u.feed.0, u.event)))
        .bind_rows(rows.iter().map(|u| (Ts(u.received_at), u.network_at.map(Ts), u.f_port, u.f_cnt)))
        .bind_rows(rows.iter().map(|u| (u.payload.as_deref(), u.data_rate, u.spreading_factor)))
        .bind_rows(rows.iter().map(|u| (u.rssi_dbm, u.snr_db, names(u).join(UNIT_SEPARATOR))))
        .bind_rows(rows.iter().map(|u| (u.decoder, u.decoder_version, i16::from(u.qos), decoded(u))))
        .bind_rows(rows.iter().map(|u| (u.outcome.as_str(),)))
        .bind(UNIT_SEPARATOR)
        .bind_rows(
            rows.iter().map(|u| (u.detail.as_deref().map(storable), u.dropped_fields.join(UNIT_SEPARATOR))),
        )
        .bind_rows(rows.iter().map(|u| (u.is_stranger,)))
        .fetch_all(conn)
        .await?;
    Ok(new.into_iter().collect())
}

fn names(uplink: &Uplink) -> Vec<&str> {
    uplink.gateways.iter().map(|reception| reception.gateway.as_str()).collect()
}

/// Moves `device_state` forward by messages that were new. Messages simulated in the server's
/// console do not count.
async fn touch(conn: &mut PgConnection, new: &[&Uplink]) -> Result<()> {
    let mut devices: BTreeMap<(i32, &str), Vec<&Uplink>> = BTreeMap::new();
    for u in new.iter().filter(|u| u.event != "simulated") {
        devices.entry((u.municipality.0, u.device.as_str())).or_default().push(u);
    }
    if devices.is_empty() {
        return Ok(());
    }
    for messages in devices.values_mut() {
        messages.sort_by_key(|u| u.received_at);
    }
    fn newest<T: Copy>(messages: &[&Uplink], field: fn(&Uplink) -> Option<T>) -> Option<T> {
        messages.iter().rev().find_map(|u| field(u))
    }
    sqlx::query(
        "INSERT INTO device_state AS held (municipality, device, feed, first_heard, last_heard, last_f_cnt,
             messages, battery_v, battery_pct, temperature_c, rssi_dbm, snr_db, is_stranger)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (municipality, device) DO UPDATE
         SET feed = excluded.feed, first_heard = least(held.first_heard, excluded.first_heard),
             last_heard = greatest(held.last_heard, excluded.last_heard),
             last_f_cnt = coalesce(excluded.last_f_cnt, held.last_f_cnt),
             messages = held.messages + excluded.messages,
             battery_v = coalesce(excluded.battery_v, held.battery_v),
             battery_pct = coalesce(excluded.battery_pct, held.battery_pct),
             temperature_c = coalesce(excluded.temperature_c, held.temperature_c),
             rssi_dbm = coalesce(excluded.rssi_dbm, held.rssi_dbm),
             snr_db = coalesce(excluded.snr_db, held.snr_db), is_stranger = excluded.is_stranger",
    )
    .bind_rows(devices.keys().copied())
    .bind_rows(devices.values().map(|m| (m[m.len() - 1].feed.0, Ts(m[0].received_at))))
    .bind_rows(
        devices.values().map(|m| (Ts(m[m.len() - 1].received_at), newest(m, |u| u.f_cnt), m.len() as i64)),
    )
    .bind_rows(devices.values().map(|m| (newest(m, |u| u.battery_v), newest(m, |u| u.battery_pct))))
    .bind_rows(devices.values().map(|m| (newest(m, |u| u.temperature_c), newest(m, |u| u.rssi_dbm))))
    .bind_rows(devices.values().map(|m| (newest(m, |u| u.snr_db), m[m.len() - 1].is_stranger)))
    .execute(conn)
    .await?;
    Ok(())
}

/// Updates replayed messages: their outcome has changed, and their bytes where
/// personal ones are known by now.
pub(super) async fn reread(conn: &mut PgConnection, rows: &[Uplink]) -> Result<()> {
    // Those that retention has deleted meanwhile are stored again.
    let mut firsts: Vec<&Uplink> = rows.iter().collect();
    firsts.sort_by_key(|u| name(u));
    firsts.dedup_by_key(|u| name(u));
    let update = "DO UPDATE SET payload = excluded.payload, decoder = excluded.decoder,
        decoder_version = excluded.decoder_version, decoded = excluded.decoded, outcome = excluded.outcome,
        detail = excluded.detail, dropped_fields = excluded.dropped_fields, is_stranger = excluded.is_stranger";
    append(conn, &firsts, update).await?;
    Ok(())
}

fn decoded(uplink: &Uplink) -> Option<serde_json::Value> {
    uplink.decoded.as_deref().and_then(|d| serde_json::from_str(d).ok())
}
