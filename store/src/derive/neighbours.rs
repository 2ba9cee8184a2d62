//! Statements that contradict what was derived are looked up with their neighbours in the observations.
//!
//! A few are looked up one by one: each query passes about one observation of every other bay. Many that are close
//! together, as when two writers take turns, are found in one query of the time around them.

use std::collections::{BTreeSet, HashMap};

use domain::intervals::{BayStatement, Span, Timeline, decide};
use domain::{BayId, BayReading, UtcMicros};
use sqlx::{FromRow, PgConnection};

use super::DerivedPlace;
use super::observations::{BayKey, readings};
use crate::StoreError;
use crate::bay_row::BayRow;
use crate::ts::Ts;

/// From so many within [`DENSE_US`] on, one query reads all.
const DENSE: usize = 50;
/// Reading this much time costs about as much as 50 single queries, in a county of some thousand bays that report hourly.
const DENSE_US: i64 = 3_600_000_000;

/// A statement with those next to it in time.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Neighbours {
    pub(super) before: Option<BayStatement>,
    /// All that is stored of the instant, decided.
    pub(super) statement: Option<BayStatement>,
    pub(super) after: Option<UtcMicros>,
}

/// Finds the statements at and next to `instants` in the observations.
pub(super) async fn neighbours(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[(BayKey, UtcMicros)],
) -> Result<Vec<(BayKey, Neighbours)>, StoreError> {
    let mut by_time = instants.to_vec();
    by_time.sort_unstable_by_key(|(key, at)| (key.municipality, *at, key.bay));
    let is_near = |a: &(BayKey, UtcMicros), b: &(BayKey, UtcMicros)| {
        a.0.municipality == b.0.municipality && b.1.0 - a.1.0 <= DENSE_US
    };
    let (mut found, mut single) = (Vec::with_capacity(instants.len()), Vec::new());
    for near in by_time.chunk_by(is_near) {
        let span_us = near[near.len() - 1].1.0 - near[0].1.0;
        if near.len() >= DENSE && near.len() as i64 * DENSE_US >= DENSE as i64 * span_us {
            found.extend(in_one_query(conn, placed, near).await?);
        } else {
            single.extend_from_slice(near);
        }
    }
    if !single.is_empty() {
        found.extend(one_by_one(conn, placed, &single).await?);
    }
    Ok(found)
}

/// Of one municipality, in the order of time.
async fn in_one_query(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[(BayKey, UtcMicros)],
) -> Result<Vec<(BayKey, Neighbours)>, StoreError> {
    let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(Vec::new()) };
    let longest_us =
        instants.iter().map(|(key, _)| placed[&key.bay].timeline.longest_hold_us()).max().unwrap_or(0);
    let span = Span {
        from: UtcMicros(first.1.0.saturating_sub(longest_us)),
        until: UtcMicros(last.1.0.saturating_add(longest_us)),
    };
    let bays: Vec<i32> =
        instants.iter().map(|(key, _)| key.bay.0).collect::<BTreeSet<_>>().into_iter().collect();
    let stored = readings(conn, first.0.municipality, bays, span).await?;
    let by_bay: HashMap<BayId, Vec<BayStatement>> = stored
        .into_iter()
        .map(|(bay, readings)| {
            let by_instant = readings.chunk_by(|a, b| a.observed_at == b.observed_at);
            (bay, by_instant.filter_map(|now| decided(&placed[&bay].timeline, now.iter().copied())).collect())
        })
        .collect();
    let found = instants.iter().map(|(key, at)| {
        let statements = by_bay.get(&key.bay).map_or(&[][..], Vec::as_slice);
        let here = statements.partition_point(|s| s.at < *at);
        let rest = &statements[here..];
        let is_stated = rest.first().is_some_and(|s| s.at == *at);
        let neighbours = Neighbours {
            before: here.checked_sub(1).map(|i| statements[i]),
            statement: rest.first().filter(|_| is_stated).copied(),
            after: rest.get(usize::from(is_stated)).map(|s| s.at),
        };
        (*key, neighbours)
    });
    Ok(found.collect())
}

async fn one_by_one(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[(BayKey, UtcMicros)],
) -> Result<Vec<(BayKey, Neighbours)>, StoreError> {
    let mut found = vec![Neighbours::default(); instants.len()];
    // The next instants to read, by index in `instants`: usually one each.
    let mut to_left: Vec<(usize, UtcMicros)> = instants.iter().map(|(_, at)| *at).enumerate().collect();
    let mut to_right = to_left.clone();
    let mut at: Vec<(usize, UtcMicros)> = to_left.clone();
    loop {
        let here = readings_at(conn, instants, &at).await?;
        for (index, readings) in here {
            let timeline = &placed[&instants[index].0.bay].timeline;
            let Some(statement) = decided(timeline, readings) else { continue };
            let found = &mut found[index];
            match statement.at.cmp(&instants[index].1) {
                std::cmp::Ordering::Less => found.before = Some(statement),
                std::cmp::Ordering::Equal => found.statement = Some(statement),
                std::cmp::Ordering::Greater => found.after = Some(statement.at),
            }
        }
        // Where no source counted at an instant, the next one is read.
        to_left.retain(|(index, _)| found[*index].before.is_none());
        to_right.retain(|(index, _)| found[*index].after.is_none());
        to_left = next_instants(conn, placed, instants, &to_left, Side::Left).await?;
        to_right = next_instants(conn, placed, instants, &to_right, Side::Right).await?;
        at = [to_left.clone(), to_right.clone()].concat();
        if at.is_empty() {
            return Ok(instants.iter().map(|(key, _)| *key).zip(found).collect());
        }
    }
}

pub(super) fn decided(
    timeline: &Timeline,
    readings: impl IntoIterator<Item = BayReading>,
) -> Option<BayStatement> {
    decide(readings, |reading| timeline.hold_us(reading.source(), reading.observed_at))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// The instants next to those given at which something is stored of the bay, at most as far away as a statement holds.
async fn next_instants(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[(BayKey, UtcMicros)],
    from: &[(usize, UtcMicros)],
    side: Side,
) -> Result<Vec<(usize, UtcMicros)>, StoreError> {
    if from.is_empty() {
        return Ok(Vec::new());
    }
    let sql = match side {
        Side::Left => {
            "SELECT t.i, o.observed_at
             FROM unnest($1::bigint[], $2::int[], $3::int[], $4::timestamptz[], $5::timestamptz[]) AS t(i, m, b, at, bound)
             CROSS JOIN LATERAL (
                SELECT observed_at FROM bay_observation
                WHERE municipality = t.m AND bay = t.b AND observed_at < t.at AND observed_at >= t.bound
                ORDER BY observed_at DESC LIMIT 1) o"
        }
        Side::Right => {
            "SELECT t.i, o.observed_at
             FROM unnest($1::bigint[], $2::int[], $3::int[], $4::timestamptz[], $5::timestamptz[]) AS t(i, m, b, at, bound)
             CROSS JOIN LATERAL (
                SELECT observed_at FROM bay_observation
                WHERE municipality = t.m AND bay = t.b AND observed_at > t.at AND observed_at <= t.bound
                ORDER BY observed_at LIMIT 1) o"
        }
    };
    let sign = if side == Side::Left { -1 } else { 1 };
    let bound = |(index, _): &(usize, UtcMicros)| {
        let (BayKey { bay, .. }, at) = instants[*index];
        let longest_us = placed[&bay].timeline.longest_hold_us();
        Ts(UtcMicros(at.0.saturating_add(longest_us.saturating_mul(sign))))
    };
    let rows: Vec<(i64, Ts)> = sqlx::query_as(sql)
        .bind(from.iter().map(|(index, _)| *index as i64).collect::<Vec<_>>())
        .bind(from.iter().map(|(index, _)| instants[*index].0.municipality.0).collect::<Vec<_>>())
        .bind(from.iter().map(|(index, _)| instants[*index].0.bay.0).collect::<Vec<_>>())
        .bind(from.iter().map(|(_, at)| Ts(*at)).collect::<Vec<_>>())
        .bind(from.iter().map(bound).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|(index, at)| (index as usize, at.0)).collect())
}

#[derive(FromRow)]
struct IndexedRow {
    index: i64,
    #[sqlx(flatten)]
    row: BayRow,
}

/// All that is stored of bays at instants, by index in `instants`, and instant.
async fn readings_at(
    conn: &mut PgConnection,
    instants: &[(BayKey, UtcMicros)],
    at: &[(usize, UtcMicros)],
) -> Result<Vec<(usize, Vec<BayReading>)>, StoreError> {
    let rows: Vec<IndexedRow> = sqlx::query_as(
        "SELECT t.i AS index, o.bay, o.observed_at, o.feed, o.sensor, o.seq, o.state
         FROM unnest($1::bigint[], $2::int[], $3::int[], $4::timestamptz[]) AS t(i, m, b, at)
         JOIN bay_observation o ON o.municipality = t.m AND o.bay = t.b AND o.observed_at = t.at
         ORDER BY t.i, o.observed_at",
    )
    .bind(at.iter().map(|(index, _)| *index as i64).collect::<Vec<_>>())
    .bind(at.iter().map(|(index, _)| instants[*index].0.municipality.0).collect::<Vec<_>>())
    .bind(at.iter().map(|(index, _)| instants[*index].0.bay.0).collect::<Vec<_>>())
    .bind(at.iter().map(|(_, at)| Ts(*at)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut found: Vec<(usize, Vec<BayReading>)> = Vec::new();
    for IndexedRow { index, row } in rows {
        let (index, reading) = (index as usize, row.reading());
        match found.last_mut() {
            Some((i, readings)) if *i == index && readings[0].observed_at == reading.observed_at => {
                readings.push(reading);
            }
            _ => found.push((index, vec![reading])),
        }
    }
    Ok(found)
}
