//! Derives places again whose definitions, sensors or feeds have changed, over the time that the change affects.
//!
//! With each chunk of time the timeline under which it was derived is stored, so after a crash it continues there.

use std::collections::{BTreeMap, BTreeSet};

use domain::intervals::{
    BayInterval, BayIntervals, Delta, Hold, Piece, ScopeId, Span, Timeline, derive_intervals, hull,
};
use domain::{BayId, MunicipalityId, PlaceId, SiteId, UtcMicros};
use smallvec::SmallVec;
use sqlx::{Connection, PgConnection};
use tracing::info;

use super::history::PlaceHistory;
use super::neighbours::decided;
use super::observations::BayKey;
use super::{CountKey, DerivedPlace, Deriver, bays, hours, observations, sites};
use crate::StoreError;
use crate::ts::Ts;

/// What is derived in one transaction.
const CHUNK_US: i64 = 7 * 86_400_000_000;

/// Format of a stored timeline.
const VERSION: u8 = 3;
/// The one before, under which hidden bays counted wherever their sites did. It did not store which bays were shown: none
/// counts as shown until timelines are compared.
const WITHOUT_SHOWN: u8 = 2;
/// The one before, without capacities: those of counted sites differ, so they are derived again.
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
struct ChangedBay {
    bay: BayId,
    by_feed: bool,
    old: Timeline,
    new: Timeline,
    /// When its intervals change.
    holds: Option<Span>,
    /// When they, or the scopes they count in, change.
    span: Option<Span>,
}

impl ChangedBay {
    fn of(bay: BayId, by_feed: bool, old: Timeline, new: Timeline) -> ChangedBay {
        let longest_us = old.longest_hold_us().max(new.longest_hold_us());
        let holds = old
            .differs_in_holds(&new)
            .map(|span| Span { until: UtcMicros(span.until.0.saturating_add(longest_us)), ..span });
        let span = hull(holds, old.differs_in_pieces(&new));
        ChangedBay { bay, by_feed, old, new, holds, span }
    }
}

impl Deriver {
    /// Derives places again whose timelines differ from those they were derived under, and returns how many. `natively`:
    /// bays that a feed has named; `counted`: sites and audiences that were counted.
    pub(super) async fn derive_changed_places(
        &mut self,
        natively: &BTreeSet<BayId>,
        counted: &BTreeSet<CountKey>,
    ) -> Result<usize, StoreError> {
        let counted: BTreeSet<CountKey> = self.sites.keys().chain(counted).cloned().collect();
        let held = self.bays.iter().filter(|(_, placed)| placed.by_feed).map(|(bay, _)| *bay);
        let history =
            PlaceHistory::load(&mut self.conn, &counted, held.chain(natively.iter().copied())).await?;
        let mut changed_bays: BTreeMap<MunicipalityId, Vec<ChangedBay>> = BTreeMap::new();
        let mut fresh: Vec<(BayId, DerivedPlace)> = Vec::new();
        for (municipality, bay) in history.bays() {
            let held = self.bays.get(&bay);
            let by_feed = history.is_by_feed(bay);
            let new = history.bay_timeline(bay);
            match held {
                Some(held) if held.timeline == new && held.by_feed == by_feed => {}
                // All of its observations are in the log.
                None if bay.0 > self.last_place => {
                    fresh.push((bay, DerivedPlace { municipality, by_feed, timeline: new }));
                }
                held => {
                    let old = held.map(|p| p.timeline.clone()).unwrap_or_default();
                    changed_bays
                        .entry(municipality)
                        .or_default()
                        .push(ChangedBay::of(bay, by_feed, old, new));
                }
            }
        }
        let mut count = changed_bays.values().map(Vec::len).sum();
        let rows =
            fresh.iter().map(|(bay, p)| TimelineRow::bay(p.municipality, *bay, p.by_feed, &p.timeline));
        write_timelines(&mut self.conn, rows.collect()).await?;
        self.bays.extend(fresh);
        for (municipality, changed_bays) in changed_bays {
            self.derive_again(municipality, changed_bays).await?;
        }
        for (site, audience) in counted {
            count += usize::from(self.derive_changed_site(&history, site, audience).await?);
        }
        sqlx::query("UPDATE derive_state SET moving_from = NULL WHERE moving_from IS NOT NULL")
            .execute(&mut self.conn)
            .await?;
        Ok(count)
    }

    async fn derive_again(
        &mut self,
        municipality: MunicipalityId,
        changed_bays: Vec<ChangedBay>,
    ) -> Result<(), StoreError> {
        let longest_us = changed_bays.iter().map(|m| m.new.longest_hold_us()).max().unwrap_or(0);
        let spans = changed_bays.iter().filter_map(|m| m.span);
        let all = spans.reduce(|a, b| Span { from: a.from.min(b.from), until: a.until.max(b.until) });
        let stored = stored_span(&mut self.conn, municipality, &changed_bays, longest_us).await?;
        if let (Some(all), Some(stored)) = (all, stored) {
            let all = all.within(stored);
            if all.len_us() > CHUNK_US {
                // Until it is done, some weeks have old figures and some new ones.
                sqlx::query("UPDATE derive_state SET moving_from = least(moving_from, $1)")
                    .bind(Ts(all.from))
                    .execute(&mut self.conn)
                    .await?;
            }
            let mut chunk = Span { from: all.from, until: all.from };
            while chunk.until < all.until {
                chunk = Span { from: chunk.until, until: UtcMicros(chunk.until.0 + CHUNK_US).min(all.until) };
                self.derive_chunk(municipality, &changed_bays, chunk, longest_us).await?;
            }
            if all.len_us() > CHUNK_US {
                let days = all.len_us() / 86_400_000_000;
                info!("{} bays were derived again over {days} days", changed_bays.len());
            }
        }
        let rows = changed_bays.iter().map(|m| TimelineRow::bay(municipality, m.bay, m.by_feed, &m.new));
        write_timelines(&mut self.conn, rows.collect()).await?;
        self.bays.extend(
            changed_bays
                .into_iter()
                .map(|m| (m.bay, DerivedPlace { municipality, by_feed: m.by_feed, timeline: m.new })),
        );
        Ok(())
    }

    async fn derive_chunk(
        &mut self,
        municipality: MunicipalityId,
        changed_bays: &[ChangedBay],
        chunk: Span,
        longest_us: i64,
    ) -> Result<(), StoreError> {
        let touched: Vec<&ChangedBay> = changed_bays
            .iter()
            .filter(|m| m.span.is_some_and(|span| !span.within(chunk).is_empty()))
            .collect();
        let mut tx = self.conn.begin().await?;
        let spans: Vec<_> = touched.iter().map(|m| (BayKey { municipality, bay: m.bay }, chunk)).collect();
        let mut before = bays::around(&mut tx, &spans).await?;
        let changing = touched.iter().filter(|m| m.holds.is_some_and(|span| !span.within(chunk).is_empty()));
        let changing = changing.map(|m| m.bay.0).collect();
        // Earlier statements may still hold.
        let from = UtcMicros(chunk.from.0.saturating_sub(longest_us));
        let statements =
            observations::readings(&mut tx, municipality, changing, Span { from, ..chunk }).await?;
        let summed = chunk.within(Span::of(None, Some(self.hours_until)));
        let mut delta = Delta::default();
        let mut changed: Vec<(BayKey, BayIntervals, BayIntervals)> = Vec::new();
        for m in &touched {
            let key = BayKey { municipality, bay: m.bay };
            let before = before.remove(&key).unwrap_or_default();
            let mut after = before.clone();
            if let Some(span) = m.holds.map(|span| span.within(chunk)).filter(|span| !span.is_empty()) {
                let own = statements.get(&m.bay).map_or(&[][..], Vec::as_slice);
                let by_instant = own.chunk_by(|a, b| a.observed_at == b.observed_at);
                let intervals =
                    derive_intervals(by_instant.filter_map(|now| decided(&m.new, now.iter().copied())));
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
        let rows = touched.iter().zip(&so_far);
        let rows = rows.map(|(m, timeline)| TimelineRow::bay(municipality, m.bay, m.by_feed, timeline));
        write_timelines(&mut tx, rows.collect()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Derives a counted site, or one audience's spaces in it, again if its timeline has changed; whether it has. Counts
    /// are few, so it is one transaction.
    async fn derive_changed_site(
        &mut self,
        history: &PlaceHistory,
        site: SiteId,
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
        let row =
            TimelineRow { municipality, place: site.into(), audience: &key.1, by_feed: true, timeline: &new };
        write_timelines(&mut tx, vec![row]).await?;
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

/// The time in which anything is stored of `changed_bays`.
async fn stored_span(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    changed_bays: &[ChangedBay],
    longest_us: i64,
) -> Result<Option<Span>, StoreError> {
    let (first, last): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT (SELECT min(observed_at) FROM bay_observation WHERE municipality = $1),
                (SELECT max(observed_at) FROM bay_observation WHERE municipality = $1)",
    )
    .bind(municipality.0)
    .fetch_one(&mut *conn)
    .await?;
    let (from, until): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT min(a.from_utc), max(b.until_utc) FROM unnest($2::int[]) AS t(bay)
         CROSS JOIN LATERAL (SELECT from_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc LIMIT 1) a
         CROSS JOIN LATERAL (SELECT until_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc DESC LIMIT 1) b",
    )
    .bind(municipality.0)
    .bind(changed_bays.iter().map(|m| m.bay.0).collect::<Vec<_>>())
    .fetch_one(conn)
    .await?;
    let last = last.map(|at| UtcMicros(at.0.0.saturating_add(longest_us)));
    let from = [first.map(|at| at.0), from.map(|at| at.0)].into_iter().flatten().min();
    let until = last.max(until.map(|at| at.0));
    Ok(from.zip(until).map(|(from, until)| Span { from, until }))
}

/// Under which timeline a place, or one audience's spaces in a site, is derived.
struct TimelineRow<'a> {
    municipality: MunicipalityId,
    place: PlaceId,
    /// `""`: all spaces.
    audience: &'a str,
    by_feed: bool,
    timeline: &'a Timeline,
}

impl<'a> TimelineRow<'a> {
    fn bay(municipality: MunicipalityId, bay: BayId, by_feed: bool, timeline: &'a Timeline) -> Self {
        TimelineRow { municipality, place: bay.into(), audience: "", by_feed, timeline }
    }
}

async fn write_timelines(conn: &mut PgConnection, rows: Vec<TimelineRow<'_>>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let timelines = rows.iter().map(|row| encode(row.timeline)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "INSERT INTO derived_place (municipality, place, audience, by_feed, layout)
         SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::bool[], $5::bytea[])
         ON CONFLICT (municipality, place, audience) DO UPDATE
         SET by_feed = excluded.by_feed, layout = excluded.layout",
    )
    .bind(rows.iter().map(|row| row.municipality.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.place.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.audience).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.by_feed).collect::<Vec<_>>())
    .bind(timelines)
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_of_earlier_versions_are_read() {
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
