//! Derives the intervals of sites from their counts.

use std::collections::{BTreeMap, HashMap};

use domain::intervals::{
    CountInterval, CountStatement as Count, Delta, Span, Timeline, derive_count_intervals,
};
use domain::observation::SiteStatus;
use domain::site_count::Absolute;
use domain::{MunicipalityId, SiteId, UtcMicros};
use sqlx::PgConnection;

use super::{CountKey, DerivedPlace};
use crate::StoreError;
use crate::ts::Ts;

/// Spans that are derived in one step.
const AT_ONCE: i64 = 100;

/// Counts of a site were stored in a span of time.
#[derive(Debug)]
pub(super) struct PendingCounts {
    id: i64,
    municipality: MunicipalityId,
    pub(super) site: SiteId,
    from: UtcMicros,
    until: UtcMicros,
    /// Whose spaces were counted then.
    pub(super) audiences: Vec<String>,
}

/// The counts that are not derived yet, oldest first.
pub(super) async fn pending(conn: &mut PgConnection) -> Result<Vec<PendingCounts>, StoreError> {
    let rows: Vec<(i64, i32, i32, Ts, Ts, Vec<String>)> = sqlx::query_as(
        "SELECT w.id, w.municipality, w.site, w.from_utc, w.until_utc,
                ARRAY(SELECT DISTINCT audience FROM site_count c
                      WHERE c.municipality = w.municipality AND c.site = w.site
                        AND c.observed_at BETWEEN w.from_utc AND w.until_utc)
         FROM (SELECT * FROM derive_wanted ORDER BY id LIMIT $1) w",
    )
    .bind(AT_ONCE)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, municipality, site, from, until, audiences)| PendingCounts {
            id,
            municipality: MunicipalityId(municipality),
            site: SiteId(site),
            from: from.0,
            until: until.0,
            audiences,
        })
        .collect())
}

/// Derives `pending`, and deletes it.
pub(super) async fn apply(
    conn: &mut PgConnection,
    placed: &HashMap<CountKey, DerivedPlace>,
    pending: &[PendingCounts],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    if pending.is_empty() {
        return Ok(());
    }
    let mut spans: BTreeMap<(SiteId, &str), (MunicipalityId, UtcMicros, UtcMicros)> = BTreeMap::new();
    for w in pending {
        for audience in &w.audiences {
            let span = spans.entry((w.site, audience)).or_insert((w.municipality, w.from, w.until));
            *span = (w.municipality, span.1.min(w.from), span.2.max(w.until));
        }
    }
    for ((site, audience), (municipality, from, until)) in spans {
        let key = (site, audience.to_owned());
        let Some(placed) = placed.get(&key) else { continue };
        let place = CountedSite { municipality, site, audience, timeline: &placed.timeline };
        place.derive(conn, (from, until), Before::Defined, hours_until, delta).await?;
    }
    sqlx::query("DELETE FROM derive_wanted WHERE id = ANY($1)")
        .bind(pending.iter().map(|w| w.id).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// The capacity of the interval before those that are derived, when its count is no longer stored.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// As it was derived.
    Held,
    /// As the definition says, which may have been corrected since.
    Defined,
}

/// A counted site, or one audience's spaces in it.
pub(super) struct CountedSite<'a> {
    pub(super) municipality: MunicipalityId,
    pub(super) site: SiteId,
    pub(super) audience: &'a str,
    pub(super) timeline: &'a Timeline,
}

impl CountedSite<'_> {
    /// Derives what was counted within `span` again. Of older counts than are stored the intervals stay as they are:
    /// there is nothing to derive them from.
    pub(super) async fn derive_again(
        &self,
        conn: &mut PgConnection,
        span: Span,
        hours_until: UtcMicros,
        delta: &mut Delta,
    ) -> Result<(), StoreError> {
        let sql = "SELECT min(from_utc), max(from_utc) FROM site_interval
             WHERE municipality = $1 AND site = $2 AND audience = $3 AND from_utc BETWEEN $4 AND $5
               AND from_utc >= (SELECT min(observed_at) FROM site_count WHERE municipality = $1)";
        let Some(within) = self.extent(conn, sql, span).await? else { return Ok(()) };
        self.derive(conn, within, Before::Defined, hours_until, delta).await
    }

    /// Derives what was counted within `span` again, from nothing but the counts.
    pub(super) async fn derive_all(
        &self,
        conn: &mut PgConnection,
        span: Span,
        hours_until: UtcMicros,
        delta: &mut Delta,
    ) -> Result<(), StoreError> {
        let sql = "SELECT min(observed_at), max(observed_at) FROM site_count
             WHERE municipality = $1 AND observed_at >= $4 AND observed_at < $5 AND site = $2 AND audience = $3";
        let Some(within) = self.extent(conn, sql, span).await? else { return Ok(()) };
        self.derive(conn, within, Before::Held, hours_until, delta).await
    }

    /// The first and the last instant that `sql` finds within `span` (`$4`, `$5`); `None`: there is none.
    async fn extent(
        &self,
        conn: &mut PgConnection,
        sql: &'static str,
        span: Span,
    ) -> Result<Option<(UtcMicros, UtcMicros)>, StoreError> {
        let (from, until): (Option<Ts>, Option<Ts>) = sqlx::query_as(sql)
            .bind(self.municipality.0)
            .bind(self.site.0)
            .bind(self.audience)
            .bind(Ts(span.from))
            .bind(Ts(span.until))
            .fetch_one(conn)
            .await?;
        Ok(from.zip(until).map(|(from, until)| (from.0, until.0)))
    }

    /// Derives from `from` to the first absolute count after `until`, after which nothing changes.
    async fn derive(
        &self,
        conn: &mut PgConnection,
        (from, until): (UtcMicros, UtcMicros),
        before_that: Before,
        hours_until: UtcMicros,
        delta: &mut Delta,
    ) -> Result<(), StoreError> {
        let mut end = self.next_anchor(conn, until).await?;
        loop {
            let before = self.intervals(conn, from, end).await?;
            let (earlier, _) = before.split_at(before.partition_point(|interval| interval.from < from));
            let counts = self.counts(conn, from, end).await?;
            let begins = match before_that {
                Before::Held => earlier.last().copied(),
                Before::Defined => self.begins(conn, earlier.last().copied()).await?,
            };
            let mut after = derive_count_intervals(begins, &counts, |at| self.timeline.capacity_at(at));
            if let Some(last) = after.last_mut() {
                last.until = last.until.min(end);
            }
            // Whether it is closed, and its stated capacity, go on beyond an absolute count.
            let carried = |interval: Option<&CountInterval>| interval.map(|r| (r.capacity, r.is_closed));
            if end.0 < i64::MAX && carried(before.last()) != carried(after.last()) {
                end = self.next_anchor(conn, end).await?;
                continue;
            }
            let first = counts.first().map_or(from, |count| count.at);
            let earlier = earlier
                .iter()
                .map(|interval| CountInterval { until: interval.until.min(first), ..*interval });
            let after: Vec<CountInterval> = earlier.chain(after).collect();
            let summed = Span::of(None, Some(hours_until));
            delta.add_counts(&before, self.timeline, summed, -1);
            delta.add_counts(&after, self.timeline, summed, 1);
            return self.write(conn, &before, &after).await;
        }
    }

    /// The interval that what follows begins with. A capacity that differs from the definition's was stated with
    /// the count, unless the count is no longer stored: then the definition was corrected since.
    async fn begins(
        &self,
        conn: &mut PgConnection,
        before: Option<CountInterval>,
    ) -> Result<Option<CountInterval>, StoreError> {
        let Some(interval) =
            before.filter(|interval| interval.capacity != self.timeline.capacity_at(interval.from))
        else {
            return Ok(before);
        };
        let is_stored: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM site_count
                            WHERE municipality = $1 AND observed_at = $2 AND site = $3 AND audience = $4)",
        )
        .bind(self.municipality.0)
        .bind(Ts(interval.from))
        .bind(self.site.0)
        .bind(self.audience)
        .fetch_one(conn)
        .await?;
        let defined = self.timeline.capacity_at(interval.from);
        Ok(Some(if is_stored { interval } else { CountInterval { capacity: defined, ..interval } }))
    }

    /// The first absolute count after `at`; the end of time when there is none.
    async fn next_anchor(&self, conn: &mut PgConnection, at: UtcMicros) -> Result<UtcMicros, StoreError> {
        let next: Option<Ts> = sqlx::query_scalar(
            "SELECT from_utc FROM site_interval WHERE municipality = $1 AND site = $2 AND audience = $3
             AND from_utc > $4 AND is_anchored ORDER BY from_utc LIMIT 1",
        )
        .bind(self.municipality.0)
        .bind(self.site.0)
        .bind(self.audience)
        .bind(Ts(at))
        .fetch_optional(conn)
        .await?;
        Ok(next.map_or(Span::EVER.until, |next| next.0))
    }

    /// What is derived in `[from, end)`, and the interval before it.
    async fn intervals(
        &self,
        conn: &mut PgConnection,
        from: UtcMicros,
        end: UtcMicros,
    ) -> Result<Vec<CountInterval>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT from_utc, until_utc, occupied, capacity, is_closed, is_anchored, entries, exits FROM site_interval
             WHERE municipality = $1 AND site = $2 AND audience = $3 AND from_utc < $5
               AND from_utc >= coalesce((SELECT max(x.from_utc) FROM site_interval x
                   WHERE x.municipality = $1 AND x.site = $2 AND x.audience = $3 AND x.from_utc < $4), '-infinity')
             ORDER BY from_utc",
        )
        .bind(self.municipality.0)
        .bind(self.site.0)
        .bind(self.audience)
        .bind(Ts(from))
        .bind(Ts(end))
        .fetch_all(conn)
        .await?;
        Ok(rows.into_iter().map(interval).collect())
    }

    async fn counts(
        &self,
        conn: &mut PgConnection,
        from: UtcMicros,
        end: UtcMicros,
    ) -> Result<Vec<Count>, StoreError> {
        let rows: Vec<CountRow> = sqlx::query_as(
            "SELECT observed_at, feed, sensor, source, seq, occupied, vacant, coalesce(entries, 0) AS entries,
                    coalesce(exits, 0) AS exits, status, capacity
             FROM site_count
             WHERE municipality = $1 AND observed_at >= $4 AND observed_at < $5 AND site = $2 AND audience = $3
             ORDER BY observed_at",
        )
        .bind(self.municipality.0)
        .bind(self.site.0)
        .bind(self.audience)
        .bind(Ts(from))
        .bind(Ts(end))
        .fetch_all(conn)
        .await?;
        Ok(rows.into_iter().filter_map(|row| row.count(self.timeline)).collect())
    }

    async fn write(
        &self,
        conn: &mut PgConnection,
        before: &[CountInterval],
        after: &[CountInterval],
    ) -> Result<(), StoreError> {
        let of = |intervals: &[CountInterval], from: UtcMicros| {
            intervals.binary_search_by_key(&from, |interval| interval.from).ok().map(|i| intervals[i])
        };
        let gone: Vec<Ts> = before
            .iter()
            .filter(|interval| of(after, interval.from).is_none())
            .map(|interval| Ts(interval.from))
            .collect();
        if !gone.is_empty() {
            sqlx::query(
                "DELETE FROM site_interval WHERE municipality = $1 AND site = $2 AND audience = $3
                 AND from_utc = ANY($4)",
            )
            .bind(self.municipality.0)
            .bind(self.site.0)
            .bind(self.audience)
            .bind(gone)
            .execute(&mut *conn)
            .await?;
        }
        let new: Vec<&CountInterval> =
            after.iter().filter(|interval| of(before, interval.from) != Some(**interval)).collect();
        sqlx::query(
            "INSERT INTO site_interval (municipality, site, audience, from_utc, until_utc, occupied, capacity, is_closed,
                 is_anchored, entries, exits)
             SELECT $1, $2, $3, * FROM unnest($4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[], $8::bool[],
                 $9::bool[], $10::int[], $11::int[])
             ON CONFLICT (municipality, site, audience, from_utc) DO UPDATE
             SET until_utc = excluded.until_utc, occupied = excluded.occupied, capacity = excluded.capacity,
                 is_closed = excluded.is_closed, is_anchored = excluded.is_anchored, entries = excluded.entries,
                 exits = excluded.exits",
        )
        .bind(self.municipality.0)
        .bind(self.site.0)
        .bind(self.audience)
        .bind(new.iter().map(|interval| Ts(interval.from)).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| Ts(interval.until)).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.occupied).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.capacity).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.is_closed).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.is_anchored).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.entries).collect::<Vec<_>>())
        .bind(new.iter().map(|interval| interval.exits).collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }
}

type Row = (Ts, Ts, Option<i32>, i32, bool, bool, i32, i32);

fn interval((from, until, occupied, capacity, is_closed, is_anchored, entries, exits): Row) -> CountInterval {
    CountInterval { from: from.0, until: until.0, occupied, capacity, is_closed, is_anchored, entries, exits }
}

#[derive(sqlx::FromRow)]
struct CountRow {
    observed_at: Ts,
    feed: i32,
    sensor: Option<i32>,
    source: Option<String>,
    seq: Option<i64>,
    occupied: Option<i32>,
    vacant: Option<i32>,
    entries: i32,
    exits: i32,
    status: Option<String>,
    capacity: Option<i32>,
}

impl CountRow {
    /// `None`: the source was not bound to the site then.
    fn count(self, timeline: &Timeline) -> Option<Count> {
        let source = self.sensor.unwrap_or(-self.feed);
        Some(Count {
            at: self.observed_at.0,
            hold_us: timeline.hold_us(source, self.observed_at.0)?,
            source: format!("{}/{source}/{}", self.feed, self.source.unwrap_or_default()),
            seq: self.seq,
            absolute: self.occupied.map(Absolute::Occupied).or(self.vacant.map(Absolute::Vacant)),
            entries: self.entries,
            exits: self.exits,
            status: self.status.and_then(|s| s.parse::<SiteStatus>().ok()),
            capacity: self.capacity,
        })
    }
}

/// Intervals of a site that overlap `span`.
pub(crate) async fn within(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    site: SiteId,
    audience: &str,
    span: Span,
) -> Result<Vec<CountInterval>, StoreError> {
    let timeline = Timeline::default();
    let place = CountedSite { municipality, site, audience, timeline: &timeline };
    place.intervals(conn, span.from, span.until).await
}
