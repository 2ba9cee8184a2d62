//! Places, sensors or feeds are not what they were when something was derived: it is derived again, as far as that
//! reaches and no further.
//!
//! With each chunk of time the timeline under which it was derived is noted, so a crash goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use domain::intervals::{
    BayInterval, BayIntervals, Delta, Hold, Piece, ScopeId, Span, Timeline, derive_intervals, hull,
};
use domain::{BayId, UtcMicros};
use smallvec::SmallVec;
use sqlx::{Connection, PgConnection};
use tracing::info;

use super::history::PlaceHistory;
use super::neighbours::decided;
use super::{DerivedPlace, Deriver, bays, hours, sites};
use crate::StoreError;
use crate::ts::Ts;

/// What is derived in one transaction.
const CHUNK_US: i64 = 7 * 86_400_000_000;

/// Format of a stored timeline.
const VERSION: u8 = 3;
/// The one before, under which hidden bays counted wherever their sites did. It did not say which bays were shown: none is,
/// until timelines are compared.
const WITHOUT_SHOWN: u8 = 2;
/// The one before, which knew no capacities: so those of counted sites differ, and they are derived again.
const WITHOUT_CAPACITIES: u8 = 1;

pub(super) fn encode(timeline: &Timeline) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(timeline, vec![VERSION]).map_err(|e| StoreError::Decode(e.to_string()))
}

pub(crate) fn decode(body: &[u8]) -> Result<Timeline, StoreError> {
    match body.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("layout: {e}")))
        }
        Some((&WITHOUT_SHOWN, rest)) => {
            let (holds, pieces, capacities): (Vec<Hold>, Vec<FormerPiece>, _) =
                postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("layout: {e}")))?;
            Ok(Timeline { holds, pieces: former(pieces), capacities })
        }
        Some((&WITHOUT_CAPACITIES, rest)) => {
            let (holds, pieces): (Vec<Hold>, Vec<FormerPiece>) =
                postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("layout: {e}")))?;
            Ok(Timeline { holds, pieces: former(pieces), ..Timeline::default() })
        }
        _ => Err(StoreError::Decode("layout: unknown version".into())),
    }
}

type FormerPiece = (Span, SmallVec<[ScopeId; 6]>);

fn former(pieces: Vec<FormerPiece>) -> Vec<Piece> {
    pieces.into_iter().map(|(span, scopes)| Piece { span, scopes, is_shown: false }).collect()
}

/// A bay whose timeline has changed.
struct Moved {
    bay: BayId,
    by_feed: bool,
    old: Timeline,
    new: Timeline,
    /// Where its intervals change.
    holds: Option<Span>,
    /// Where they, or what they count for, change.
    span: Option<Span>,
}

impl Moved {
    fn of(bay: BayId, by_feed: bool, old: Timeline, new: Timeline) -> Moved {
        let longest_us = old.longest_hold_us().max(new.longest_hold_us());
        let holds = old
            .differs_in_holds(&new)
            .map(|span| Span { until: UtcMicros(span.until.0.saturating_add(longest_us)), ..span });
        let span = hull(holds, old.differs_in_pieces(&new));
        Moved { bay, by_feed, old, new, holds, span }
    }
}

impl Deriver {
    /// Compares what places are with what they were when they were derived. `natively`: bays that a feed has named;
    /// `counted`: sites and audiences that were counted. How many places were derived again.
    pub(super) async fn derive_changed_places(
        &mut self,
        natively: &BTreeSet<BayId>,
        counted: &BTreeSet<(i32, String)>,
    ) -> Result<usize, StoreError> {
        let counted: BTreeSet<(i32, String)> = self.sites.keys().chain(counted).cloned().collect();
        let held = self.bays.iter().filter(|(_, placed)| placed.by_feed).map(|(bay, _)| *bay);
        let history =
            PlaceHistory::load(&mut self.conn, &counted, held.chain(natively.iter().copied())).await?;
        let mut moved: BTreeMap<i32, Vec<Moved>> = BTreeMap::new();
        let mut fresh: Vec<(BayId, DerivedPlace)> = Vec::new();
        for (municipality, bay) in history.bays() {
            let held = self.bays.get(&bay);
            let by_feed = history.is_by_feed(bay);
            let new = history.bay_timeline(bay);
            match held {
                Some(held) if held.timeline == new && held.by_feed == by_feed => {}
                // Whatever is stored of it went through the log.
                None if bay.0 > self.last_place => {
                    fresh.push((bay, DerivedPlace { municipality, by_feed, timeline: new }));
                }
                held => {
                    let old = held.map(|p| p.timeline.clone()).unwrap_or_default();
                    moved.entry(municipality).or_default().push(Moved::of(bay, by_feed, old, new));
                }
            }
        }
        let mut count = moved.values().map(Vec::len).sum();
        let notes = fresh.iter().map(|(bay, p)| (p.municipality, bay.0, "", p.by_feed, &p.timeline));
        TimelineRows::of(notes)?.write(&mut self.conn).await?;
        self.bays.extend(fresh);
        for (municipality, moved) in moved {
            self.derive_again(municipality, moved).await?;
        }
        for (site, audience) in counted {
            count += usize::from(self.derive_changed_site(&history, site, audience).await?);
        }
        sqlx::query("UPDATE derive_state SET moving_from = NULL WHERE moving_from IS NOT NULL")
            .execute(&mut self.conn)
            .await?;
        Ok(count)
    }

    async fn derive_again(&mut self, municipality: i32, moved: Vec<Moved>) -> Result<(), StoreError> {
        let longest_us = moved.iter().map(|m| m.new.longest_hold_us()).max().unwrap_or(0);
        let spans = moved.iter().filter_map(|m| m.span);
        let all = spans.reduce(|a, b| Span { from: a.from.min(b.from), until: a.until.max(b.until) });
        let stored = stored_span(&mut self.conn, municipality, &moved, longest_us).await?;
        if let (Some(all), Some(stored)) = (all, stored) {
            let all = all.within(stored);
            if all.len_us() > CHUNK_US {
                // Until it is done, some weeks are as they were and some as they are.
                sqlx::query("UPDATE derive_state SET moving_from = least(moving_from, $1)")
                    .bind(Ts(all.from))
                    .execute(&mut self.conn)
                    .await?;
            }
            let mut chunk = Span { from: all.from, until: all.from };
            while chunk.until < all.until {
                chunk = Span { from: chunk.until, until: UtcMicros(chunk.until.0 + CHUNK_US).min(all.until) };
                self.derive_chunk(municipality, &moved, chunk, longest_us).await?;
            }
            if all.len_us() > CHUNK_US {
                let days = all.len_us() / 86_400_000_000;
                info!("{} bays were derived again over {days} days", moved.len());
            }
        }
        let notes = moved.iter().map(|m| (municipality, m.bay.0, "", m.by_feed, &m.new));
        TimelineRows::of(notes)?.write(&mut self.conn).await?;
        self.bays.extend(
            moved
                .into_iter()
                .map(|m| (m.bay, DerivedPlace { municipality, by_feed: m.by_feed, timeline: m.new })),
        );
        Ok(())
    }

    async fn derive_chunk(
        &mut self,
        municipality: i32,
        moved: &[Moved],
        chunk: Span,
        longest_us: i64,
    ) -> Result<(), StoreError> {
        let touched: Vec<&Moved> =
            moved.iter().filter(|m| m.span.is_some_and(|span| !span.within(chunk).is_empty())).collect();
        let mut tx = self.conn.begin().await?;
        let spans: Vec<_> = touched.iter().map(|m| ((municipality, m.bay), chunk)).collect();
        let mut before = bays::around(&mut tx, &spans).await?;
        let changing = touched.iter().filter(|m| m.holds.is_some_and(|span| !span.within(chunk).is_empty()));
        let changing = changing.map(|m| m.bay.0).collect();
        // What was said before may hold still.
        let from = UtcMicros(chunk.from.0.saturating_sub(longest_us));
        let statements = bays::readings(&mut tx, municipality, changing, Span { from, ..chunk }).await?;
        let summed = chunk.within(Span::of(None, Some(self.hours_until)));
        let mut delta = Delta::default();
        let mut changed: Vec<(bays::Key, BayIntervals, BayIntervals)> = Vec::new();
        for m in &touched {
            let key = (municipality, m.bay);
            let before = before.remove(&key).unwrap_or_default();
            let mut after = before.clone();
            if let Some(span) = m.holds.map(|span| span.within(chunk)).filter(|span| !span.is_empty()) {
                let statement = statements.get(&m.bay).map_or(&[][..], Vec::as_slice);
                let statement = statement.chunk_by(|a, b| a.observed_at == b.observed_at);
                let intervals =
                    derive_intervals(statement.filter_map(|now| decided(&m.new, now.iter().copied())));
                after.clear(span.from, span.until);
                after.splice(
                    &intervals.into_iter().filter_map(|interval| cut(interval, span)).collect::<Vec<_>>(),
                );
            }
            delta.add_bays(before.as_slice(), &m.old, summed, -1);
            delta.add_bays(after.as_slice(), &m.new, summed, 1);
            changed.push((key, before, after));
        }
        let changed: Vec<_> = changed.iter().map(|(key, a, b)| (*key, a.as_slice(), b.as_slice())).collect();
        bays::write(&mut tx, &changed).await?;
        hours::write(&mut tx, delta).await?;
        let so_far: Vec<Timeline> = touched.iter().map(|m| m.new.spliced(&m.old, chunk.until)).collect();
        let notes =
            touched.iter().zip(&so_far).map(|(m, timeline)| (municipality, m.bay.0, "", m.by_feed, timeline));
        TimelineRows::of(notes)?.write(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether anything of a counted site, or of one audience's spaces in it, is not what it was. Counts are few: all of
    /// it is one transaction.
    async fn derive_changed_site(
        &mut self,
        history: &PlaceHistory,
        site: i32,
        audience: String,
    ) -> Result<bool, StoreError> {
        let Some((municipality, new)) = history.site_timeline(site, &audience) else { return Ok(false) };
        let key = (site, audience);
        let held = self.sites.get(&key);
        if held.is_some_and(|held| held.timeline == new) {
            return Ok(false);
        }
        let mut tx = self.conn.begin().await?;
        if let Some(DerivedPlace { timeline: old, .. }) = held {
            let mut delta = Delta::default();
            if let Some(span) = old.differs_in_pieces(&new) {
                let summed = span.within(Span::of(None, Some(self.hours_until)));
                let intervals = sites::within(&mut tx, municipality, site, &key.1, summed).await?;
                delta.add_counts(&intervals, old, summed, -1);
                delta.add_counts(&intervals, &new, summed, 1);
            }
            if let Some(span) = hull(old.differs_in_holds(&new), old.differs_in_capacities(&new)) {
                let place = sites::CountedSite { municipality, site, audience: &key.1, timeline: &new };
                place.derive_again(&mut tx, span, self.hours_until, &mut delta).await?;
            }
            hours::write(&mut tx, delta).await?;
        }
        let note = (municipality, site, key.1.as_str(), true, &new);
        TimelineRows::of(std::iter::once(note))?.write(&mut tx).await?;
        tx.commit().await?;
        self.sites.insert(key, DerivedPlace { municipality, by_feed: true, timeline: new });
        Ok(true)
    }
}

/// The part of `interval` within `span`.
pub(super) fn cut(interval: BayInterval, span: Span) -> Option<BayInterval> {
    let part = Span { from: interval.from, until: interval.until }.within(span);
    let last_at = interval.last_at.min(UtcMicros(span.until.0 - 1));
    (!part.is_empty()).then_some(BayInterval { from: part.from, until: part.until, last_at, ..interval })
}

/// The time in which anything is stored of `moved`.
async fn stored_span(
    conn: &mut PgConnection,
    municipality: i32,
    moved: &[Moved],
    longest_us: i64,
) -> Result<Option<Span>, StoreError> {
    let (first, last): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT (SELECT min(observed_at) FROM bay_observation WHERE municipality = $1),
                (SELECT max(observed_at) FROM bay_observation WHERE municipality = $1)",
    )
    .bind(municipality)
    .fetch_one(&mut *conn)
    .await?;
    let (from, until): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT min(a.from_utc), max(b.until_utc) FROM unnest($2::int[]) AS t(bay)
         CROSS JOIN LATERAL (SELECT from_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc LIMIT 1) a
         CROSS JOIN LATERAL (SELECT until_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc DESC LIMIT 1) b",
    )
    .bind(municipality)
    .bind(moved.iter().map(|m| m.bay.0).collect::<Vec<_>>())
    .fetch_one(conn)
    .await?;
    let last = last.map(|at| UtcMicros(at.0.0.saturating_add(longest_us)));
    let from = [first.map(|at| at.0), from.map(|at| at.0)].into_iter().flatten().min();
    let until = last.max(until.map(|at| at.0));
    Ok(from.zip(until).map(|(from, until)| Span { from, until }))
}

/// Under which timelines places are derived: municipality, place, audience, by_feed, timeline.
#[derive(Default)]
struct TimelineRows(Vec<i32>, Vec<i32>, Vec<String>, Vec<bool>, Vec<Vec<u8>>);

impl TimelineRows {
    fn of<'a>(
        notes: impl Iterator<Item = (i32, i32, &'a str, bool, &'a Timeline)>,
    ) -> Result<TimelineRows, StoreError> {
        let mut columns = TimelineRows::default();
        for (municipality, place, audience, by_feed, timeline) in notes {
            columns.0.push(municipality);
            columns.1.push(place);
            columns.2.push(audience.to_owned());
            columns.3.push(by_feed);
            columns.4.push(encode(timeline)?);
        }
        Ok(columns)
    }

    async fn write(self, conn: &mut PgConnection) -> Result<(), StoreError> {
        if self.0.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO derived_place (municipality, place, audience, by_feed, layout)
             SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::bool[], $5::bytea[])
             ON CONFLICT (municipality, place, audience) DO UPDATE
             SET by_feed = excluded.by_feed, layout = excluded.layout",
        )
        .bind(self.0)
        .bind(self.1)
        .bind(self.2)
        .bind(self.3)
        .bind(self.4)
        .execute(conn)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_of_versions_before_are_read() {
        let holds = vec![Hold { source: -3, span: Span::EVER, hold_us: 7 }];
        let scopes: SmallVec<[ScopeId; 6]> = [ScopeId(5)].into_iter().collect();
        let pieces: Vec<FormerPiece> = vec![(Span::EVER, scopes.clone())];
        let read = vec![Piece { span: Span::EVER, scopes, is_shown: false }];
        let old = postcard::to_extend(&(&holds, &pieces), vec![WITHOUT_CAPACITIES]).unwrap();
        let former = Timeline { holds: holds.clone(), pieces: read, capacities: Vec::new() };
        assert_eq!(decode(&old).unwrap(), former);
        let capacities = vec![(UtcMicros(4), 9)];
        let old = postcard::to_extend(&(&holds, &pieces, &capacities), vec![WITHOUT_SHOWN]).unwrap();
        assert_eq!(decode(&old).unwrap(), Timeline { capacities, ..former });
    }
}
