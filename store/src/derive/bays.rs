//! Derives the intervals of bays from statements.

use std::collections::{BTreeMap, HashMap};

use domain::intervals::{Applied, BayInterval, BayIntervals, BayStatement, Delta, Span};
use domain::{BayId, BayReading, BayState, MunicipalityId, UtcMicros};
use sqlx::PgConnection;

use super::DerivedPlace;
use super::neighbours::neighbours;
use super::observations::BayKey;
use crate::StoreError;
use crate::copy::CopyRows;
use crate::ts::Ts;

/// Bytes of an interval in binary COPY.
const ROW_BYTES: usize = 60;

/// Derives the intervals that `statements`, which are stored, change.
pub(super) async fn apply(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    statements: &[(BayId, BayReading)],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    let mut by_bay: BTreeMap<BayKey, Vec<BayStatement>> = BTreeMap::new();
    for (bay, reading) in statements {
        // The bay was deleted, or the source was not bound to it then.
        let Some(place) = placed.get(bay) else { continue };
        let Some(hold_us) = place.timeline.hold_us(reading.source(), reading.observed_at) else { continue };
        let statement =
            BayStatement { at: reading.observed_at, state: reading.state, hold_us: hold_us.max(1) };
        by_bay.entry(BayKey { municipality: place.municipality, bay: *bay }).or_default().push(statement);
    }
    if by_bay.is_empty() {
        return Ok(());
    }
    for statements in by_bay.values_mut() {
        statements.sort_unstable_by_key(|s| s.at);
    }
    let spans: Vec<(BayKey, Span)> = by_bay
        .iter()
        .filter_map(|(key, statements)| {
            Some((*key, Span { from: statements.first()?.at, until: statements.last()?.at }))
        })
        .collect();
    let before = around(conn, &spans).await?;
    let mut after = before.clone();
    let mut contradicting: Vec<(BayKey, UtcMicros)> = Vec::new();
    for (key, statements) in &by_bay {
        let longest_us = placed[&key.bay].timeline.longest_hold_us();
        let intervals = after.entry(*key).or_default();
        for statement in statements {
            if intervals.apply(*statement, longest_us) == Applied::NeedsNeighbours {
                contradicting.push((*key, statement.at));
            }
        }
    }
    contradicting.dedup();
    for (key, found) in neighbours(conn, placed, &contradicting).await? {
        if let Some(statement) = found.statement {
            // No statement holds for longer, so nothing farther away changes.
            let end = UtcMicros(statement.at.0.saturating_add(placed[&key.bay].timeline.longest_hold_us()));
            after.entry(key).or_default().place(found.before, statement, found.after.unwrap_or(end));
        }
    }
    let timeline = |key: &BayKey| &placed[&key.bay].timeline;
    let summed = Span::of(None, Some(hours_until));
    let changed: Vec<_> = after
        .iter()
        .map(|(key, intervals)| {
            (*key, before.get(key).map_or(&[][..], BayIntervals::as_slice), intervals.as_slice())
        })
        .filter(|(_, before, after)| before != after)
        .collect();
    for (key, before, after) in &changed {
        delta.add_bays(before, timeline(key), summed, -1);
        delta.add_bays(after, timeline(key), summed, 1);
    }
    write(conn, &changed).await
}

/// Intervals of each bay that a change within its span could touch: those from the second before it to the next after it.
pub(crate) async fn around(
    conn: &mut PgConnection,
    spans: &[(BayKey, Span)],
) -> Result<BTreeMap<BayKey, BayIntervals>, StoreError> {
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
    .bind(spans.iter().map(|(key, _)| key.municipality.0).collect::<Vec<_>>())
    .bind(spans.iter().map(|(key, _)| key.bay.0).collect::<Vec<_>>())
    .bind(spans.iter().map(|(_, span)| Ts(span.from)).collect::<Vec<_>>())
    .bind(spans.iter().map(|(_, span)| Ts(span.until)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut intervals: BTreeMap<BayKey, Vec<BayInterval>> = BTreeMap::new();
    for (municipality, bay, from, until, last_at, state) in rows {
        let interval = BayInterval {
            from: from.0,
            until: until.0,
            last_at: last_at.0,
            state: BayState::from_code(state),
        };
        intervals
            .entry(BayKey { municipality: MunicipalityId(municipality), bay: BayId(bay) })
            .or_default()
            .push(interval);
    }
    Ok(intervals.into_iter().map(|(key, intervals)| (key, BayIntervals::new(intervals))).collect())
}

/// Replaces intervals: of each bay what was, and what is now.
pub(super) async fn write(
    conn: &mut PgConnection,
    changed: &[(BayKey, &[BayInterval], &[BayInterval])],
) -> Result<(), StoreError> {
    let mut gone: (Vec<i32>, Vec<i32>, Vec<Ts>) = Default::default();
    // And whether an interval begins there already.
    let mut new: Vec<(BayKey, bool, BayInterval)> = Vec::new();
    for (key, before, after) in changed {
        for interval in before.iter().filter(|b| after.binary_search_by_key(&b.from, |a| a.from).is_err()) {
            gone.0.push(key.municipality.0);
            gone.1.push(key.bay.0);
            gone.2.push(Ts(interval.from));
        }
        for interval in *after {
            let held = before.binary_search_by_key(&interval.from, |b| b.from).map(|i| before[i]);
            if held != Ok(*interval) {
                new.push((*key, held.is_ok(), *interval));
            }
        }
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
    // There is one deriver, so an interval where none began is not in the table.
    let (moved, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|(_, is_there, _)| *is_there);
    sqlx::query(
        "UPDATE bay_interval i SET until_utc = t.u, last_at = t.l, state = t.s
         FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                     $6::smallint[]) AS t(m, b, f, u, l, s)
         WHERE i.municipality = t.m AND i.bay = t.b AND i.from_utc = t.f",
    )
    .bind(moved.iter().map(|(key, _, _)| key.municipality.0).collect::<Vec<_>>())
    .bind(moved.iter().map(|(key, _, _)| key.bay.0).collect::<Vec<_>>())
    .bind(moved.iter().map(|(_, _, interval)| Ts(interval.from)).collect::<Vec<_>>())
    .bind(moved.iter().map(|(_, _, interval)| Ts(interval.until)).collect::<Vec<_>>())
    .bind(moved.iter().map(|(_, _, interval)| Ts(interval.last_at)).collect::<Vec<_>>())
    .bind(moved.iter().map(|(_, _, interval)| interval.state.code()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    if new.is_empty() {
        return Ok(());
    }
    let mut data = CopyRows::new(new.len() * ROW_BYTES);
    for (key, _, interval) in &new {
        data.row(6)
            .int4(key.municipality.0)
            .int4(key.bay.0)
            .timestamptz(interval.from)
            .timestamptz(interval.until);
        data.timestamptz(interval.last_at).int2(interval.state.code());
    }
    let mut copy = conn
        .copy_in_raw(
            "COPY bay_interval (municipality, bay, from_utc, until_utc, last_at, state) FROM STDIN (FORMAT binary)",
        )
        .await?;
    copy.send(data.finish()).await?;
    copy.finish().await?;
    Ok(())
}
