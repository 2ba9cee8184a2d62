//! Derives places again whose definitions, sensors or feeds have changed, over the time that the change affects.
//!
//! With each chunk of time the timeline under which it was derived is stored, so after a crash it continues there.

use std::collections::{BTreeMap, BTreeSet};

use domain::intervals::{Delta, Span, Timeline, derive_intervals, hull};
use domain::{BayId, MunicipalityId, SiteId, UtcMicros};
use sqlx::{Connection, PgConnection};
use tracing::info;

use super::bays::{self, BayChange};
use super::history::PlaceHistory;
use super::layouts::{self, LayoutRow};
use super::observations::BayKey;
use super::sites::{Before, CountedSite};
use super::{CountKey, DerivedPlace, Deriver, hours, observations};
use crate::{Result, Ts};

/// What is derived in one transaction.
const CHUNK_US: i64 = 7 * 86_400_000_000;

/// A bay whose timeline has changed.
struct ChangedBay {
    bay: BayId,
    old: Timeline,
    new: DerivedPlace,
    /// When its intervals change.
    holds: Option<Span>,
    /// When they, or the scopes they count in, change.
    span: Option<Span>,
}

impl ChangedBay {
    fn of(bay: BayId, old: Timeline, new: DerivedPlace) -> ChangedBay {
        let longest_us = old.longest_hold_us().max(new.timeline.longest_hold_us());
        let holds = old
            .differs_in_holds(&new.timeline)
            .map(|span| Span { until: UtcMicros(span.until.0.saturating_add(longest_us)), ..span });
        let span = hull(holds, old.differs_in_pieces(&new.timeline));
        ChangedBay { bay, old, new, holds, span }
    }
}

impl Deriver {
    /// Derives places again whose timelines differ from those they were derived under, and returns how many. `natively`:
    /// bays that a feed has named; `counted`: sites and audiences that were counted.
    pub(super) async fn derive_changed_places(
        &mut self,
        natively: &BTreeSet<BayId>,
        counted: &BTreeSet<CountKey>,
    ) -> Result<usize> {
        let counted: BTreeSet<CountKey> = self.sites.keys().chain(counted).cloned().collect();
        let held = self.bays.iter().filter(|(_, placed)| placed.by_feed).map(|(bay, _)| *bay);
        let history =
            PlaceHistory::load(&mut self.conn, &counted, held.chain(natively.iter().copied())).await?;
        let mut changed_bays: BTreeMap<MunicipalityId, Vec<ChangedBay>> = BTreeMap::new();
        let mut fresh: Vec<(BayId, DerivedPlace)> = Vec::new();
        for (bay, place) in &history.bays {
            let (bay, municipality) = (*bay, place.municipality);
            let held = self.bays.get(&bay);
            let (by_feed, timeline) = (history.by_feed.contains(&bay), history.bay_timeline(bay, place));
            let new = DerivedPlace { municipality, by_feed, timeline };
            match held {
                Some(held) if held.timeline == new.timeline && held.by_feed == by_feed => {}
                // All of its observations are in the log.
                None if bay.0 > self.last_place => fresh.push((bay, new)),
                held => {
                    let old = held.map(|p| p.timeline.clone()).unwrap_or_default();
                    changed_bays.entry(municipality).or_default().push(ChangedBay::of(bay, old, new));
                }
            }
        }
        let mut count = changed_bays.values().map(Vec::len).sum();
        let rows = fresh.iter().map(|(bay, placed)| LayoutRow::of((*bay).into(), "", placed));
        layouts::write(&mut self.conn, rows.collect()).await?;
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
    ) -> Result<()> {
        let longest_us = changed_bays.iter().map(|m| m.new.timeline.longest_hold_us()).max().unwrap_or(0);
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
        let rows = changed_bays.iter().map(|m| LayoutRow::of(m.bay.into(), "", &m.new));
        layouts::write(&mut self.conn, rows.collect()).await?;
        self.bays.extend(changed_bays.into_iter().map(|m| (m.bay, m.new)));
        Ok(())
    }

    async fn derive_chunk(
        &mut self,
        municipality: MunicipalityId,
        changed_bays: &[ChangedBay],
        chunk: Span,
        longest_us: i64,
    ) -> Result<()> {
        let touches = |span: Option<Span>| span.is_some_and(|span| !span.within(chunk).is_empty());
        let touched: Vec<&ChangedBay> = changed_bays.iter().filter(|m| touches(m.span)).collect();
        let mut tx = self.conn.begin().await?;
        let spans: Vec<_> = touched.iter().map(|m| (BayKey { municipality, bay: m.bay }, chunk)).collect();
        let mut before = bays::around(&mut tx, &spans).await?;
        let changing = touched.iter().filter(|m| touches(m.holds)).map(|m| m.bay.0).collect();
        // Earlier statements may still hold.
        let from = UtcMicros(chunk.from.0.saturating_sub(longest_us));
        let readings =
            observations::readings(&mut tx, municipality, changing, Span { from, ..chunk }).await?;
        let summed = chunk.within(Span::of(None, Some(self.hours_until)));
        let mut delta = Delta::default();
        let mut changes: Vec<BayChange> = Vec::with_capacity(touched.len());
        for m in &touched {
            let key = BayKey { municipality, bay: m.bay };
            let before = before.remove(&key).unwrap_or_default();
            let mut after = before.clone();
            if let Some(span) = m.holds.filter(|_| touches(m.holds)) {
                let own = readings.get(&m.bay).map_or(&[][..], Vec::as_slice);
                after.replace(span.within(chunk), &derive_intervals(m.new.timeline.statements(own)));
            }
            let change = BayChange { key, before, after };
            change.add_to(&mut delta, &m.old, &m.new.timeline, summed);
            changes.push(change);
        }
        bays::write(&mut tx, &changes).await?;
        hours::write(&mut tx, delta).await?;
        let so_far: Vec<Timeline> =
            touched.iter().map(|m| m.new.timeline.spliced(&m.old, chunk.until)).collect();
        let row = |(m, timeline)| {
            let m: &ChangedBay = m;
            LayoutRow { timeline, ..LayoutRow::of(m.bay.into(), "", &m.new) }
        };
        layouts::write(&mut tx, touched.iter().copied().zip(&so_far).map(row).collect()).await?;
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
    ) -> Result<bool> {
        let Some((municipality, timeline)) = history.site_timeline(site, &audience) else { return Ok(false) };
        let new = DerivedPlace { municipality, by_feed: true, timeline };
        let key = (site, audience);
        let held = self.sites.get(&key);
        if held.is_some_and(|held| held.timeline == new.timeline) {
            return Ok(false);
        }
        let mut tx = self.conn.begin().await?;
        if let Some(DerivedPlace { timeline: old, .. }) = held {
            let mut delta = Delta::default();
            let place = CountedSite::of(&key, &new);
            if let Some(span) = old.differs_in_pieces(&new.timeline) {
                let summed = span.within(Span::of(None, Some(self.hours_until)));
                let intervals = place.intervals(&mut tx, summed.from, summed.until).await?;
                delta.add_counts(&intervals, old, summed, -1);
                delta.add_counts(&intervals, &new.timeline, summed, 1);
            }
            let counts = old.differs_in_capacities(&new.timeline);
            if let Some(span) = hull(old.differs_in_holds(&new.timeline), counts) {
                place.derive_within(&mut tx, span, Before::Defined, self.hours_until, &mut delta).await?;
            }
            hours::write(&mut tx, delta).await?;
        }
        layouts::write(&mut tx, vec![LayoutRow::of(site.into(), &key.1, &new)]).await?;
        tx.commit().await?;
        self.sites.insert(key, new);
        Ok(true)
    }
}

/// The time in which anything is stored of `changed_bays`.
async fn stored_span(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    changed_bays: &[ChangedBay],
    longest_us: i64,
) -> Result<Option<Span>> {
    let (from, until): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT least(min(a.from_utc), (SELECT min(observed_at) FROM bay_observation WHERE municipality = $1)),
                greatest(max(b.until_utc), (SELECT max(observed_at) + $3 * interval '1 microsecond'
                                            FROM bay_observation WHERE municipality = $1))
         FROM unnest($2::int[]) AS t(bay)
         CROSS JOIN LATERAL (SELECT from_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc LIMIT 1) a
         CROSS JOIN LATERAL (SELECT until_utc FROM bay_interval WHERE municipality = $1 AND bay = t.bay
                             ORDER BY from_utc DESC LIMIT 1) b",
    )
    .bind(municipality.0)
    .bind(changed_bays.iter().map(|m| m.bay.0).collect::<Vec<_>>())
    .bind(longest_us)
    .fetch_one(conn)
    .await?;
    Ok(from.zip(until).map(|(from, until)| Span { from: from.0, until: until.0 }))
}
