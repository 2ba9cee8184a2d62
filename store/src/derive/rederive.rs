//! Derives everything again from the observations. Earlier results stay until they are replaced, so every query finds
//! some: a small municipality is replaced in one transaction, a larger one in stretches of time, and new observations are
//! derived between them. Each transaction stores its position, so after a crash it continues there.

use domain::UtcMicros;
use domain::intervals::{Delta, HOUR_US, Span, derive_intervals};
use domain::{BayId, BayReading, MunicipalityId};
use sqlx::{Connection, PgConnection};
use tracing::info;

use super::bays::{self, BayChange};
use super::observations::BayKey;
use super::sites::{Before, CountedSite};
use super::{DerivedPlace, Deriver, hours, observations};
use crate::{Result, Ts};

/// What one transaction derives again: a week of a county, or years of a small town. Some seconds of work.
pub(super) const BAY_DAYS: i64 = 35_000;

const DAY_US: i64 = 24 * HOUR_US;

impl Deriver {
    /// Derives no more than so many days of a bay again in one transaction: queries of a longer time meanwhile use old and
    /// new figures, and their results are marked incomplete.
    pub fn set_bay_days(&mut self, bay_days: i64) {
        self.bay_days = bay_days;
    }

    /// Starts a requested rederivation; one under way restarts. What was derived from observations that are no longer
    /// stored stays.
    pub(super) async fn begin_rederiving(&mut self) -> Result<()> {
        let longest_us =
            self.bays.values().map(|placed| placed.timeline.longest_hold_us()).max().unwrap_or(0);
        let mut tx = self.conn.begin().await?;
        sqlx::query(
            "INSERT INTO derive_again (municipality, next_utc, until_utc)
             SELECT municipality, date_trunc('hour', min(first), 'UTC'), max(last) FROM (
                 SELECT municipality, min(observed_at) AS first, max(observed_at) + make_interval(secs => $1) AS last
                 FROM bay_observation GROUP BY municipality
                 UNION ALL
                 SELECT municipality, min(observed_at), max(observed_at) + interval '1 microsecond'
                 FROM site_count GROUP BY municipality
                 UNION ALL
                 SELECT i.municipality, NULL, max(i.until_utc) FROM bay_interval i GROUP BY i.municipality) stored
             GROUP BY municipality HAVING min(first) IS NOT NULL
             ON CONFLICT (municipality) DO UPDATE SET next_utc = excluded.next_utc, until_utc = excluded.until_utc",
        )
        .bind(longest_us as f64 / domain::time::MICROS_PER_S as f64)
        .execute(&mut *tx)
        .await?;
        self.last_place = sqlx::query_scalar(
            "UPDATE derive_state SET again = false, last_place = coalesce((SELECT max(id) FROM place), 0)
             RETURNING last_place",
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        self.have_places_changed = true;
        Ok(())
    }

    /// Derives the next stretch again. How many: one, or none.
    pub(super) async fn rederive_next(&mut self) -> Result<usize> {
        let next: Option<(i32, Ts, Ts)> = sqlx::query_as(
            "SELECT municipality, next_utc, until_utc FROM derive_again ORDER BY municipality LIMIT 1",
        )
        .fetch_optional(&mut self.conn)
        .await?;
        let Some((municipality, Ts(from), Ts(until))) = next else { return Ok(0) };
        let municipality = MunicipalityId(municipality);
        // Hours are summed up as wholes.
        let last = UtcMicros(until.0.saturating_add(HOUR_US - 1).div_euclid(HOUR_US).saturating_mul(HOUR_US));
        let bays = self.bays.values().filter(|placed| placed.municipality == municipality).count();
        let days = (self.bay_days / i64::try_from(bays).unwrap_or(i64::MAX).max(1)).max(1);
        let chunk =
            Span { from, until: UtcMicros(from.0.saturating_add(days.saturating_mul(DAY_US))).min(last) };
        let mut tx = self.conn.begin().await?;
        let mut sums = Delta::default();
        let summed = chunk.within(Span::of(None, Some(self.hours_until)));
        let placed: Vec<(BayId, &DerivedPlace)> = self
            .bays
            .iter()
            .filter(|(_, placed)| placed.municipality == municipality)
            .map(|(bay, placed)| (*bay, placed))
            .collect();
        derive_bays(&mut tx, municipality, &placed, chunk, summed, &mut sums).await?;
        for (key, placed) in self.sites.iter().filter(|(_, p)| p.municipality == municipality) {
            let place = CountedSite::of(key, placed);
            let mut moved = Delta::default();
            place.derive_within(&mut tx, chunk, Before::Held, self.hours_until, &mut moved).await?;
            // It may reach beyond the stretch.
            hours::write(&mut tx, moved).await?;
            if !summed.is_empty() {
                let intervals = place.intervals(&mut tx, summed.from, summed.until).await?;
                sums.add_counts(&intervals, &placed.timeline, summed, 1);
            }
        }
        // Not by differences: earlier errors would stay.
        sqlx::query("DELETE FROM occupancy_hour WHERE municipality = $1 AND hour >= $2 AND hour < $3")
            .bind(municipality.0)
            .bind(Ts(summed.from))
            .bind(Ts(summed.until))
            .execute(&mut *tx)
            .await?;
        hours::write(&mut tx, sums).await?;
        let is_done = chunk.until >= last;
        let note = match is_done {
            true => "DELETE FROM derive_again WHERE municipality = $1 AND next_utc < $2",
            false => "UPDATE derive_again SET next_utc = $2 WHERE municipality = $1",
        };
        sqlx::query(note).bind(municipality.0).bind(Ts(chunk.until)).execute(&mut *tx).await?;
        tx.commit().await?;
        if is_done {
            info!("everything of a municipality was derived again");
        }
        Ok(1)
    }
}

/// Replaces the intervals of bays within `chunk` by what the observations say, and adds what they give to `sums`.
async fn derive_bays(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    placed: &[(BayId, &DerivedPlace)],
    chunk: Span,
    summed: Span,
    sums: &mut Delta,
) -> Result<()> {
    let longest_us = placed.iter().map(|(_, p)| p.timeline.longest_hold_us()).max().unwrap_or(0);
    let spans: Vec<_> = placed.iter().map(|(bay, _)| (BayKey { municipality, bay: *bay }, chunk)).collect();
    let mut before = bays::around(conn, &spans).await?;
    // Earlier statements may still hold.
    let from = UtcMicros(chunk.from.0.saturating_sub(longest_us));
    let ids = placed.iter().map(|(bay, _)| bay.0).collect();
    let readings = observations::readings(conn, municipality, ids, Span { from, ..chunk }).await?;
    let first: Option<Ts> =
        sqlx::query_scalar("SELECT min(observed_at) FROM bay_observation WHERE municipality = $1")
            .bind(municipality.0)
            .fetch_one(&mut *conn)
            .await?;
    // From here on every statement that holds is stored.
    let certain = first.map_or(Span::EVER.until, |first| UtcMicros(first.0.0.saturating_add(longest_us)));
    let mut changes: Vec<BayChange> = Vec::with_capacity(placed.len());
    for (bay, placed) in placed {
        let key = BayKey { municipality, bay: *bay };
        let before = before.remove(&key).unwrap_or_default();
        let own = readings.get(bay).map_or(&[][..], Vec::as_slice);
        let first = own.first().map_or(certain, |reading: &BayReading| reading.observed_at.min(certain));
        let span = Span { from: first.max(chunk.from), until: chunk.until };
        let mut after = before.clone();
        if !span.is_empty() {
            after.replace(span, &derive_intervals(placed.timeline.statements(own)));
        }
        sums.add_bays(after.as_slice(), &placed.timeline, summed, 1);
        changes.push(BayChange { key, before, after });
    }
    bays::write(conn, &changes).await
}
