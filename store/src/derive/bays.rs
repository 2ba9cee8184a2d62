//! Derives the intervals of bays from statements.

use std::collections::{BTreeMap, HashMap};

use domain::intervals::{
    Applied, BayInterval, BayIntervals, BayStatement, Delta, Diff, Span, Timeline, derive_intervals, diff,
};
use domain::{BayId, BayReading, BayState, MunicipalityId, UtcMicros};
use sqlx::PgConnection;

use super::DerivedPlace;
use super::neighbours::neighbours;
use super::observations::{self, BayInstant, BayKey};
use crate::bind::BindRows;
use crate::copy::CopyRows;
use crate::{Result, Ts};

/// Bytes of an interval in binary COPY.
const ROW_BYTES: usize = 60;

/// The intervals of a bay around the time that changes, as they were and as they are to be.
pub(super) struct BayChange {
    pub(super) key: BayKey,
    pub(super) before: BayIntervals,
    pub(super) after: BayIntervals,
}

impl BayChange {
    /// Adds what changes in the hours within `span` to `delta`.
    pub(super) fn add_to(&self, delta: &mut Delta, old: &Timeline, new: &Timeline, span: Span) {
        delta.add_bays(self.before.as_slice(), old, span, -1);
        delta.add_bays(self.after.as_slice(), new, span, 1);
    }
}

/// Derives the intervals that `statements`, which are stored, change.
pub(super) async fn apply(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    statements: &[(BayId, BayReading)],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<()> {
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
    let mut before = around(conn, &spans).await?;
    let mut after = before.clone();
    let timeline = |key: &BayKey| &placed[&key.bay].timeline;
    let mut contradicting: Vec<BayInstant> = Vec::new();
    for (key, statements) in &by_bay {
        let longest_us = timeline(key).longest_hold_us();
        let intervals = after.entry(*key).or_default();
        for statement in statements {
            if intervals.apply(*statement, longest_us) == Applied::NeedsNeighbours {
                contradicting.push(BayInstant { key: *key, at: statement.at });
            }
        }
    }
    contradicting.dedup();
    for (BayInstant { key, .. }, found) in neighbours(conn, placed, &contradicting).await? {
        if let Some(statement) = found.statement {
            // No statement holds for longer, so nothing farther away changes.
            let end = UtcMicros(statement.at.0.saturating_add(timeline(&key).longest_hold_us()));
            after.entry(key).or_default().place(found.before, statement, found.after.unwrap_or(end));
        }
    }
    let summed = Span::of(None, Some(hours_until));
    let change = |(key, after): (BayKey, BayIntervals)| {
        let before = before.remove(&key).unwrap_or_default();
        BayChange { key, before, after }
    };
    let changes = after.into_iter().map(change).filter(|change| change.before != change.after);
    let changes: Vec<BayChange> = changes.collect();
    for change in &changes {
        change.add_to(delta, timeline(&change.key), timeline(&change.key), summed);
    }
    write(conn, &changes).await
}

/// Derives the intervals of bays again whose stored observations were withdrawn or added from the beginning to the end of
/// spans.
pub(super) async fn derive_again(
    conn: &mut PgConnection,
    placed: &HashMap<BayId, DerivedPlace>,
    corrected: &[(BayId, Span)],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<()> {
    let mut spans: BTreeMap<BayId, Span> = BTreeMap::new();
    for (bay, span) in corrected {
        let held = spans.entry(*bay).or_insert(*span);
        *held = Span { from: held.from.min(span.from), until: held.until.max(span.until) };
    }
    let summed = Span::of(None, Some(hours_until));
    for (bay, Span { from, until }) in spans {
        let Some(place) = placed.get(&bay) else { continue };
        let key = BayKey { municipality: place.municipality, bay };
        let longest_us = place.timeline.longest_hold_us();
        // Earlier statements may still hold, and the last one may hold beyond.
        let span = Span { from, until: UtcMicros(until.0.saturating_add(longest_us).saturating_add(1)) };
        let known = Span { from: UtcMicros(from.0.saturating_sub(longest_us)), ..span };
        let readings = observations::readings(conn, key.municipality, vec![bay.0], known).await?;
        let own = readings.get(&bay).map_or(&[][..], Vec::as_slice);
        let before = around(conn, &[(key, span)]).await?.remove(&key).unwrap_or_default();
        let mut after = before.clone();
        after.replace(span, &derive_intervals(place.timeline.statements(own)));
        let change = BayChange { key, before, after };
        change.add_to(delta, &place.timeline, &place.timeline, summed);
        write(conn, std::slice::from_ref(&change)).await?;
    }
    Ok(())
}

/// Intervals of each bay that a change within its span could touch: those from the second before it to the next after it.
pub(crate) async fn around(
    conn: &mut PgConnection,
    spans: &[(BayKey, Span)],
) -> Result<BTreeMap<BayKey, BayIntervals>> {
    let rows: Vec<(i32, i32, Ts, Ts, Ts, i16)> = sqlx::query_as(
        "SELECT i.municipality, i.bay, i.from_utc, i.until_utc, i.last_at, i.state
         FROM unnest($1, $2, $3, $4) AS t(m, b, f, u)
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
    .bind_rows(spans.iter().map(|(key, s)| (key.municipality.0, key.bay.0, Ts(s.from), Ts(s.until))))
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

/// Stores changed intervals.
pub(super) async fn write(conn: &mut PgConnection, changes: &[BayChange]) -> Result<()> {
    let (mut gone, mut changed, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for BayChange { key, before, after } in changes {
        let diff: Diff<BayInterval> = diff(before.as_slice(), after.as_slice(), |interval| interval.from);
        gone.extend(diff.gone.into_iter().map(|from| (*key, from)));
        changed.extend(diff.changed.into_iter().map(|interval| (*key, interval)));
        // There is one deriver, so an interval where none began is not in the table.
        new.extend(diff.new.into_iter().map(|interval| (*key, interval)));
    }
    if !gone.is_empty() {
        sqlx::query(
            "DELETE FROM bay_interval i USING unnest($1, $2, $3) AS t(m, b, f)
             WHERE i.municipality = t.m AND i.bay = t.b AND i.from_utc = t.f",
        )
        .bind_rows(gone.iter().map(|(key, from)| (key.municipality.0, key.bay.0, Ts(*from))))
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(
        "UPDATE bay_interval i SET until_utc = t.u, last_at = t.l, state = t.s
         FROM unnest($1, $2, $3, $4, $5, $6) AS t(m, b, f, u, l, s)
         WHERE i.municipality = t.m AND i.bay = t.b AND i.from_utc = t.f",
    )
    .bind_rows(changed.iter().map(|(key, i)| (key.municipality.0, key.bay.0, Ts(i.from))))
    .bind_rows(changed.iter().map(|(_, i)| (Ts(i.until), Ts(i.last_at), i.state.code())))
    .execute(&mut *conn)
    .await?;
    if new.is_empty() {
        return Ok(());
    }
    let columns = "municipality, bay, from_utc, until_utc, last_at, state";
    let mut data = CopyRows::new(columns, new.len() * ROW_BYTES);
    for (key, new) in &new {
        let (municipality, bay) = (key.municipality.0, key.bay.0);
        data.row(&[&municipality, &bay, &new.from, &new.until, &new.last_at, &new.state.code()]);
    }
    data.send(conn, "bay_interval").await
}
