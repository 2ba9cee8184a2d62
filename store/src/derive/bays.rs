//! Statements about bays move their intervals.

use std::collections::{BTreeMap, HashMap};

use domain::intervals::{Applied, Delta, Layout, Run, Runs, Span, Statement, decide};
use domain::{BayId, BayReading, BayState, FeedId, SensorId, UtcMicros};
use sqlx::PgConnection;

use super::Placed;
use crate::StoreError;
use crate::ts::Ts;

/// Municipality and bay.
pub(crate) type Key = (i32, BayId);

/// Takes in `statements`, which are stored.
pub(super) async fn apply(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, Placed>,
    statements: &[(BayId, BayReading)],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    let mut by_bay: BTreeMap<Key, Vec<Statement>> = BTreeMap::new();
    for (bay, reading) in statements {
        // A bay that is gone from the places, or a source that had nothing to do with it.
        let Some(place) = placed.get(bay) else { continue };
        let Some(hold_us) = place.layout.hold_us(reading.source(), reading.observed_at) else { continue };
        let said = Statement { at: reading.observed_at, state: reading.state, hold_us: hold_us.max(1) };
        by_bay.entry((place.municipality, *bay)).or_default().push(said);
    }
    if by_bay.is_empty() {
        return Ok(());
    }
    for said in by_bay.values_mut() {
        said.sort_unstable_by_key(|s| s.at);
    }
    let spans: Vec<(Key, Span)> = by_bay
        .iter()
        .filter_map(|(key, said)| Some((*key, Span { from: said.first()?.at, until: said.last()?.at })))
        .collect();
    let before = around(conn, &spans).await?;
    let mut after = before.clone();
    let mut contradicting: Vec<(Key, UtcMicros)> = Vec::new();
    for (key, said) in &by_bay {
        let longest_us = placed[&key.1].layout.longest_hold_us();
        let runs = after.entry(*key).or_default();
        for said in said {
            if runs.apply(*said, longest_us) == Applied::NeedsNeighbours {
                contradicting.push((*key, said.at));
            }
        }
    }
    contradicting.dedup();
    for (key, found) in neighbours(conn, placed, &contradicting).await? {
        if let Some(said) = found.said {
            // Nothing is believed for longer, so nothing farther away is touched.
            let end = UtcMicros(said.at.0.saturating_add(placed[&key.1].layout.longest_hold_us()));
            after.entry(key).or_default().place(found.before, said, found.after.unwrap_or(end));
        }
    }
    let layout = |key: &Key| &placed[&key.1].layout;
    let summed = Span::of(None, Some(hours_until));
    let changed: Vec<_> = after
        .iter()
        .map(|(key, runs)| (*key, before.get(key).map_or(&[][..], Runs::as_slice), runs.as_slice()))
        .filter(|(_, before, after)| before != after)
        .collect();
    for (key, before, after) in &changed {
        delta.add_runs(before, layout(key), summed, -1);
        delta.add_runs(after, layout(key), summed, 1);
    }
    write(conn, &changed).await
}

/// Intervals of each bay that a change within its span could touch: those from the second before it to the next after it.
pub(crate) async fn around(
    conn: &mut PgConnection,
    spans: &[(Key, Span)],
) -> Result<BTreeMap<Key, Runs>, StoreError> {
    let rows: Vec<(i32, i32, Ts, Ts, Ts, i16)> = sqlx::query_as(
        "SELECT i.municipality, i.bay, i.from_utc, i.until_utc, i.last_at, i.state
         FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::timestamptz[]) AS t(m, b, f, u)
         CROSS JOIN LATERAL (
            SELECT * FROM bay_interval x
            WHERE x.municipality = t.m AND x.bay = t.b
              AND x.from_utc >= coalesce(
                  (SELECT y.from_utc FROM bay_interval y WHERE y.municipality = t.m AND y.bay = t.b
                     AND y.from_utc <= t.f ORDER BY y.from_utc DESC OFFSET 1 LIMIT 1), '-infinity')
              AND x.from_utc <= coalesce(
                  (SELECT y.from_utc FROM bay_interval y WHERE y.municipality = t.m AND y.bay = t.b
                     AND y.from_utc > t.u ORDER BY y.from_utc LIMIT 1), 'infinity')
         ) i
         ORDER BY i.municipality, i.bay, i.from_utc",
    )
    .bind(spans.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
    .bind(spans.iter().map(|(key, _)| key.1.0).collect::<Vec<_>>())
    .bind(spans.iter().map(|(_, span)| Ts(span.from)).collect::<Vec<_>>())
    .bind(spans.iter().map(|(_, span)| Ts(span.until)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut runs: BTreeMap<Key, Vec<Run>> = BTreeMap::new();
    for (municipality, bay, from, until, last_at, state) in rows {
        let run = Run { from: from.0, until: until.0, last_at: last_at.0, state: BayState::from_code(state) };
        runs.entry((municipality, BayId(bay))).or_default().push(run);
    }
    Ok(runs.into_iter().map(|(key, runs)| (key, Runs::new(runs))).collect())
}

/// Replaces intervals: of each bay what was, and what is now.
pub(super) async fn write(
    conn: &mut PgConnection,
    changed: &[(Key, &[Run], &[Run])],
) -> Result<(), StoreError> {
    let mut gone: (Vec<i32>, Vec<i32>, Vec<Ts>) = Default::default();
    let mut new: Vec<(Key, Run)> = Vec::new();
    for (key, before, after) in changed {
        for run in before.iter().filter(|b| after.binary_search_by_key(&b.from, |a| a.from).is_err()) {
            gone.0.push(key.0);
            gone.1.push(key.1.0);
            gone.2.push(Ts(run.from));
        }
        let held =
            |run: &Run| before.binary_search_by_key(&run.from, |b| b.from).is_ok_and(|i| before[i] == *run);
        new.extend(after.iter().filter(|run| !held(run)).map(|run| (*key, *run)));
    }
    if !gone.0.is_empty() {
        sqlx::query(
            "DELETE FROM bay_interval i USING unnest($1::int[], $2::int[], $3::timestamptz[]) AS t(m, b, f)
             WHERE i.municipality = t.m AND i.bay = t.b AND i.from_utc = t.f",
        )
        .bind(gone.0)
        .bind(gone.1)
        .bind(gone.2)
        .execute(&mut *conn)
        .await?;
    }
    let column = |f: fn(&(Key, Run)) -> i32| new.iter().map(f).collect::<Vec<_>>();
    let times = |f: fn(&Run) -> UtcMicros| new.iter().map(|(_, run)| Ts(f(run))).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO bay_interval (municipality, bay, from_utc, until_utc, last_at, state)
         SELECT * FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                              $6::smallint[])
         ON CONFLICT (municipality, bay, from_utc) DO UPDATE
         SET until_utc = excluded.until_utc, last_at = excluded.last_at, state = excluded.state",
    )
    .bind(column(|((municipality, _), _)| *municipality))
    .bind(column(|((_, bay), _)| bay.0))
    .bind(times(|run| run.from))
    .bind(times(|run| run.until))
    .bind(times(|run| run.last_at))
    .bind(new.iter().map(|(_, run)| run.state.code()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// A statement with those next to it in time.
#[derive(Debug, Default, Clone, Copy)]
struct Neighbours {
    before: Option<Statement>,
    /// All that is stored of the instant, decided.
    said: Option<Statement>,
    after: Option<UtcMicros>,
}

/// Looks `wanted` up in the observations. Each look goes past about one observation of every other bay.
async fn neighbours(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, Placed>,
    wanted: &[(Key, UtcMicros)],
) -> Result<Vec<(Key, Neighbours)>, StoreError> {
    let mut found = vec![Neighbours::default(); wanted.len()];
    // Where to look next, by number in `wanted`: usually once.
    let mut to_left: Vec<(usize, UtcMicros)> = wanted.iter().map(|(_, at)| *at).enumerate().collect();
    let mut to_right = to_left.clone();
    let mut at: Vec<(usize, UtcMicros)> = to_left.clone();
    loop {
        let here = readings_at(conn, wanted, &at).await?;
        for (index, readings) in here {
            let layout = &placed[&wanted[index].0.1].layout;
            let Some(said) = decided(layout, readings) else { continue };
            let found = &mut found[index];
            match said.at.cmp(&wanted[index].1) {
                std::cmp::Ordering::Less => found.before = Some(said),
                std::cmp::Ordering::Equal => found.said = Some(said),
                std::cmp::Ordering::Greater => found.after = Some(said.at),
            }
        }
        // Of an instant at which no source counted, the next one is looked at.
        to_left.retain(|(index, _)| found[*index].before.is_none());
        to_right.retain(|(index, _)| found[*index].after.is_none());
        to_left = next_instants(conn, placed, wanted, &to_left, Side::Left).await?;
        to_right = next_instants(conn, placed, wanted, &to_right, Side::Right).await?;
        at = [to_left.clone(), to_right.clone()].concat();
        if at.is_empty() {
            return Ok(wanted.iter().map(|(key, _)| *key).zip(found).collect());
        }
    }
}

pub(super) fn decided(layout: &Layout, readings: impl IntoIterator<Item = BayReading>) -> Option<Statement> {
    decide(readings, |reading| layout.hold_us(reading.source(), reading.observed_at))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// The instants next to those given at which something is stored of the bay, as far away as anything is believed.
async fn next_instants(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, Placed>,
    wanted: &[(Key, UtcMicros)],
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
        let ((_, bay), at) = wanted[*index];
        let longest_us = placed[&bay].layout.longest_hold_us();
        Ts(UtcMicros(at.0.saturating_add(longest_us.saturating_mul(sign))))
    };
    let rows: Vec<(i64, Ts)> = sqlx::query_as(sql)
        .bind(from.iter().map(|(index, _)| *index as i64).collect::<Vec<_>>())
        .bind(from.iter().map(|(index, _)| wanted[*index].0.0).collect::<Vec<_>>())
        .bind(from.iter().map(|(index, _)| wanted[*index].0.1.0).collect::<Vec<_>>())
        .bind(from.iter().map(|(_, at)| Ts(*at)).collect::<Vec<_>>())
        .bind(from.iter().map(bound).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|(index, at)| (index as usize, at.0)).collect())
}

/// All that is stored of bays at instants, by number in `wanted` and instant.
async fn readings_at(
    conn: &mut PgConnection,
    wanted: &[(Key, UtcMicros)],
    at: &[(usize, UtcMicros)],
) -> Result<Vec<(usize, Vec<BayReading>)>, StoreError> {
    type Row = (i64, Ts, i32, Option<i32>, Option<i64>, i16);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT t.i, o.observed_at, o.feed, o.sensor, o.seq, o.state
         FROM unnest($1::bigint[], $2::int[], $3::int[], $4::timestamptz[]) AS t(i, m, b, at)
         JOIN bay_observation o ON o.municipality = t.m AND o.bay = t.b AND o.observed_at = t.at
         ORDER BY t.i, o.observed_at",
    )
    .bind(at.iter().map(|(index, _)| *index as i64).collect::<Vec<_>>())
    .bind(at.iter().map(|(index, _)| wanted[*index].0.0).collect::<Vec<_>>())
    .bind(at.iter().map(|(index, _)| wanted[*index].0.1.0).collect::<Vec<_>>())
    .bind(at.iter().map(|(_, at)| Ts(*at)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut found: Vec<(usize, Vec<BayReading>)> = Vec::new();
    for (index, at, feed, sensor, seq, state) in rows {
        let reading = reading(at, feed, sensor, seq, state);
        match found.last_mut() {
            Some((i, readings)) if *i == index as usize && readings[0].observed_at == at.0 => {
                readings.push(reading);
            }
            _ => found.push((index as usize, vec![reading])),
        }
    }
    Ok(found)
}

pub(super) fn reading(at: Ts, feed: i32, sensor: Option<i32>, seq: Option<i64>, state: i16) -> BayReading {
    BayReading {
        feed: FeedId(feed),
        sensor: sensor.map(SensorId),
        observed_at: at.0,
        seq,
        state: BayState::from_code(state),
    }
}
