//! Statements that contradict what was derived are looked up with their neighbours in the observations.
//!
//! A few are looked up one by one: each query passes about one observation of every other bay. Many that are close
//! together, as when two writers take turns, are found in one query of the time around them.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use domain::intervals::{BayStatement, Span};
use domain::{BayId, BayReading, UtcMicros};
use sqlx::{FromRow, PgConnection};

use super::DerivedPlace;
use super::observations::{BayInstant, readings};
use crate::bay_row::BayRow;
use crate::bind::BindRows;
use crate::{Result, Ts};

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
    instants: &[BayInstant],
) -> Result<Vec<(BayInstant, Neighbours)>> {
    let mut by_time = instants.to_vec();
    by_time.sort_unstable_by_key(|i| (i.key.municipality, i.at, i.key.bay));
    let is_near = |a: &BayInstant, b: &BayInstant| {
        a.key.municipality == b.key.municipality && b.at.0 - a.at.0 <= DENSE_US
    };
    let (mut found, mut single) = (Vec::with_capacity(instants.len()), Vec::new());
    for near in by_time.chunk_by(is_near) {
        let span_us = near[near.len() - 1].at.0 - near[0].at.0;
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
    instants: &[BayInstant],
) -> Result<Vec<(BayInstant, Neighbours)>> {
    let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(Vec::new()) };
    let longest_us =
        instants.iter().map(|i| placed[&i.key.bay].timeline.longest_hold_us()).max().unwrap_or(0);
    let span = Span {
        from: UtcMicros(first.at.0.saturating_sub(longest_us)),
        until: UtcMicros(last.at.0.saturating_add(longest_us)),
    };
    let bays: BTreeSet<i32> = instants.iter().map(|i| i.key.bay.0).collect();
    let stored = readings(conn, first.key.municipality, bays.into_iter().collect(), span).await?;
    let by_bay: HashMap<BayId, Vec<BayStatement>> = stored
        .into_iter()
        .map(|(bay, readings)| (bay, placed[&bay].timeline.statements(&readings).collect()))
        .collect();
    let found = instants.iter().map(|instant| {
        let statements = by_bay.get(&instant.key.bay).map_or(&[][..], Vec::as_slice);
        let (before, rest) = statements.split_at(statements.partition_point(|s| s.at < instant.at));
        let is_stated = rest.first().is_some_and(|s| s.at == instant.at);
        let neighbours = Neighbours {
            before: before.last().copied(),
            statement: rest.first().filter(|_| is_stated).copied(),
            after: rest.get(usize::from(is_stated)).map(|s| s.at),
        };
        (*instant, neighbours)
    });
    Ok(found.collect())
}

/// Where to look for what is stored next to an instant.
#[derive(Clone, Copy)]
struct Probe {
    /// Which of the instants.
    index: usize,
    /// How far was looked.
    at: UtcMicros,
    /// -1: for what is before; 1: for what is after it.
    direction: i64,
}

impl Probe {
    /// Its index, municipality and bay, as columns.
    fn place(&self, instants: &[BayInstant]) -> (i64, i32, i32) {
        let BayInstant { key, .. } = instants[self.index];
        (self.index as i64, key.municipality.0, key.bay.0)
    }
}

async fn one_by_one(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[BayInstant],
) -> Result<Vec<(BayInstant, Neighbours)>> {
    let mut found = vec![Neighbours::default(); instants.len()];
    let probes =
        |direction| instants.iter().enumerate().map(move |(index, i)| Probe { index, at: i.at, direction });
    // First the instants themselves, then usually one on each side.
    let mut read: Vec<Probe> = probes(-1).collect();
    let mut open: Vec<Probe> = probes(-1).chain(probes(1)).collect();
    loop {
        for (index, readings) in readings_at(conn, instants, &read).await? {
            let instant = instants[index];
            let Some(statement) = placed[&instant.key.bay].timeline.statements(&readings).next() else {
                continue;
            };
            let found = &mut found[index];
            match statement.at.cmp(&instant.at) {
                Ordering::Less => found.before = Some(statement),
                Ordering::Equal => found.statement = Some(statement),
                Ordering::Greater => found.after = Some(statement.at),
            }
        }
        // Where no source counted at an instant, the next one is read.
        open.retain(|probe| match probe.direction {
            -1 => found[probe.index].before.is_none(),
            _ => found[probe.index].after.is_none(),
        });
        open = next_instants(conn, placed, instants, &open).await?;
        if open.is_empty() {
            return Ok(instants.iter().copied().zip(found).collect());
        }
        read.clone_from(&open);
    }
}

/// The instants next to those of `probes` at which something is stored of the bay, at most as far away as a statement holds.
async fn next_instants(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    instants: &[BayInstant],
    probes: &[Probe],
) -> Result<Vec<Probe>> {
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let limits = |probe: &Probe| {
        let BayInstant { key, at } = instants[probe.index];
        let longest_us = placed[&key.bay].timeline.longest_hold_us();
        let bound = UtcMicros(at.0.saturating_add(longest_us.saturating_mul(probe.direction)));
        (Ts(probe.at), Ts(bound), probe.direction)
    };
    let rows: Vec<(i64, Ts, i64)> = sqlx::query_as(
        "SELECT t.i, o.observed_at, t.direction
         FROM unnest($1, $2, $3, $4, $5, $6) AS t(i, m, b, at, bound, direction)
         CROSS JOIN LATERAL (
            (SELECT observed_at FROM bay_observation
             WHERE t.direction < 0 AND municipality = t.m AND bay = t.b
               AND observed_at < t.at AND observed_at >= t.bound
             ORDER BY observed_at DESC LIMIT 1)
            UNION ALL
            (SELECT observed_at FROM bay_observation
             WHERE t.direction > 0 AND municipality = t.m AND bay = t.b
               AND observed_at > t.at AND observed_at <= t.bound
             ORDER BY observed_at LIMIT 1)) o",
    )
    .bind_rows(probes.iter().map(|probe| probe.place(instants)))
    .bind_rows(probes.iter().map(limits))
    .fetch_all(conn)
    .await?;
    let probe = |(index, at, direction): (i64, Ts, i64)| Probe { index: index as usize, at: at.0, direction };
    Ok(rows.into_iter().map(probe).collect())
}

#[derive(FromRow)]
struct IndexedRow {
    index: i64,
    #[sqlx(flatten)]
    row: BayRow,
}

/// All that is stored of bays at the instants of `probes`, by their index and instant.
async fn readings_at(
    conn: &mut PgConnection,
    instants: &[BayInstant],
    probes: &[Probe],
) -> Result<Vec<(usize, Vec<BayReading>)>> {
    let rows: Vec<IndexedRow> = sqlx::query_as(
        "SELECT t.i AS index, o.bay, o.observed_at, o.feed, o.sensor, o.seq, o.state
         FROM unnest($1, $2, $3, $4) AS t(i, m, b, at)
         JOIN bay_observation o ON o.municipality = t.m AND o.bay = t.b AND o.observed_at = t.at
         ORDER BY t.i, o.observed_at",
    )
    .bind_rows(probes.iter().map(|probe| probe.place(instants)))
    .bind_rows(probes.iter().map(|probe| (Ts(probe.at),)))
    .fetch_all(conn)
    .await?;
    let readings: Vec<(usize, BayReading)> =
        rows.iter().map(|r| (r.index as usize, r.row.reading())).collect();
    let is_same =
        |a: &(usize, BayReading), b: &(usize, BayReading)| (a.0, a.1.observed_at) == (b.0, b.1.observed_at);
    let by_instant = readings.chunk_by(is_same);
    Ok(by_instant.map(|now| (now[0].0, now.iter().map(|(_, reading)| *reading).collect())).collect())
}
