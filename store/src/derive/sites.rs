//! Derives the intervals of sites from their counts.

use std::collections::{BTreeMap, HashMap};

use domain::ids::SourceKey;
use domain::intervals::{
    CountInterval, CountStatement, Delta, Diff, Span, Timeline, derive_count_intervals, diff,
};
use domain::{MunicipalityId, SiteCount, SiteId, UtcMicros};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::{CountKey, DerivedPlace};
use crate::bind::BindRows;
use crate::count_row::{COUNT_COLUMNS, CountRow};
use crate::pending_counts::{self, PendingCounts, PendingSpan};
use crate::{Result, Ts};

/// Derives `pending`, and deletes it.
pub(super) async fn apply(
    conn: &mut PgConnection,
    placed: &HashMap<CountKey, DerivedPlace>,
    pending: &[PendingCounts],
    hours_until: UtcMicros,
    delta: &mut Delta,
) -> Result<()> {
    if pending.is_empty() {
        return Ok(());
    }
    let mut spans: BTreeMap<CountKey, PendingSpan> = BTreeMap::new();
    for PendingCounts { span, audiences, .. } in pending {
        for audience in audiences {
            let held = spans.entry((span.site, audience.clone())).or_insert(*span);
            held.first_at = held.first_at.min(span.first_at);
            held.last_at = held.last_at.max(span.last_at);
        }
    }
    for (key, span) in spans {
        let Some(placed) = placed.get(&key) else { continue };
        let place = CountedSite::of(&key, placed);
        place.derive(conn, span.first_at, span.last_at, Before::Defined, hours_until, delta).await?;
    }
    pending_counts::delete(conn, pending).await
}

/// The capacity of the interval before those that are derived, when its count is no longer stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    /// As it was derived.
    Held,
    /// As the definition says, which may have been corrected since.
    Defined,
}

/// A counted site, or one audience's spaces in it.
pub(super) struct CountedSite<'a> {
    municipality: MunicipalityId,
    site: SiteId,
    audience: &'a str,
    timeline: &'a Timeline,
}

impl<'a> CountedSite<'a> {
    pub(super) fn of(key: &'a CountKey, placed: &'a DerivedPlace) -> Self {
        let DerivedPlace { municipality, timeline, .. } = placed;
        CountedSite { municipality: *municipality, site: key.0, audience: &key.1, timeline }
    }

    /// Derives what was counted within `span` again. With [`Before::Defined`] the intervals of older counts than are
    /// stored stay as they are, since there is nothing to derive them from; with [`Before::Held`] nothing but the
    /// counts is believed.
    pub(super) async fn derive_within(
        &self,
        conn: &mut PgConnection,
        span: Span,
        before: Before,
        hours_until: UtcMicros,
        delta: &mut Delta,
    ) -> Result<()> {
        let sql = match before {
            Before::Defined => {
                "SELECT min(from_utc), max(from_utc) FROM site_interval
                 WHERE municipality = $1 AND site = $2 AND audience = $3 AND from_utc BETWEEN $4 AND $5
                   AND from_utc >= (SELECT min(observed_at) FROM site_count WHERE municipality = $1)"
            }
            Before::Held => {
                "SELECT min(observed_at), max(observed_at) FROM site_count
                 WHERE municipality = $1 AND observed_at >= $4 AND observed_at < $5 AND site = $2 AND audience = $3"
            }
        };
        let extent = self.query(sql).bind(Ts(span.from)).bind(Ts(span.until)).fetch_one(&mut *conn).await?;
        let (Some(Ts(first)), Some(Ts(last))) = extent else { return Ok(()) };
        self.derive(conn, first, last, before, hours_until, delta).await
    }

    /// `sql` with the parameters $1 municipality, $2 site, $3 audience.
    fn query<T>(&self, sql: &'a str) -> QueryAs<'_, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        let query = sqlx::query_as(AssertSqlSafe(sql));
        query.bind(self.municipality.0).bind(self.site.0).bind(self.audience)
    }

    /// Derives from `from` to the first absolute count after `until`, after which nothing changes.
    async fn derive(
        &self,
        conn: &mut PgConnection,
        from: UtcMicros,
        until: UtcMicros,
        before_that: Before,
        hours_until: UtcMicros,
        delta: &mut Delta,
    ) -> Result<()> {
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
    ) -> Result<Option<CountInterval>> {
        let Some(interval) =
            before.filter(|interval| interval.capacity != self.timeline.capacity_at(interval.from))
        else {
            return Ok(before);
        };
        let sql = "SELECT EXISTS (SELECT FROM site_count
                      WHERE municipality = $1 AND observed_at = $4 AND site = $2 AND audience = $3)";
        let (is_stored,) = self.query(sql).bind(Ts(interval.from)).fetch_one(conn).await?;
        let defined = self.timeline.capacity_at(interval.from);
        Ok(Some(if is_stored { interval } else { CountInterval { capacity: defined, ..interval } }))
    }

    /// The first absolute count after `at`; the end of time when there is none.
    async fn next_anchor(&self, conn: &mut PgConnection, at: UtcMicros) -> Result<UtcMicros> {
        let sql = "SELECT from_utc FROM site_interval WHERE municipality = $1 AND site = $2 AND audience = $3
                   AND from_utc > $4 AND is_anchored ORDER BY from_utc LIMIT 1";
        let next = self.query(sql).bind(Ts(at)).fetch_optional(conn).await?;
        Ok(next.map_or(Span::EVER.until, |(next,): (Ts,)| next.0))
    }

    /// What is derived in `[from, end)`, and the interval before it.
    pub(super) async fn intervals(
        &self,
        conn: &mut PgConnection,
        from: UtcMicros,
        end: UtcMicros,
    ) -> Result<Vec<CountInterval>> {
        let sql = "SELECT from_utc, until_utc, occupied, capacity, is_closed, is_anchored, entries, exits
             FROM site_interval
             WHERE municipality = $1 AND site = $2 AND audience = $3 AND from_utc < $5
               AND from_utc >= coalesce((SELECT max(x.from_utc) FROM site_interval x
                   WHERE x.municipality = $1 AND x.site = $2 AND x.audience = $3 AND x.from_utc < $4), '-infinity')
             ORDER BY from_utc";
        type Columns = (Ts, Ts, Option<i32>, i32, bool, bool, i32, i32);
        let rows: Vec<Columns> = self.query(sql).bind(Ts(from)).bind(Ts(end)).fetch_all(conn).await?;
        let interval = |(Ts(from), Ts(until), occupied, capacity, is_closed, is_anchored, entries, exits)| {
            CountInterval { from, until, occupied, capacity, is_closed, is_anchored, entries, exits }
        };
        Ok(rows.into_iter().map(interval).collect())
    }

    async fn counts(
        &self,
        conn: &mut PgConnection,
        from: UtcMicros,
        end: UtcMicros,
    ) -> Result<Vec<CountStatement>> {
        let sql = format!(
            "SELECT {COUNT_COLUMNS} FROM site_count
             WHERE municipality = $1 AND observed_at >= $4 AND observed_at < $5 AND site = $2 AND audience = $3
             ORDER BY observed_at"
        );
        let rows: Vec<CountRow> = self.query(&sql).bind(Ts(from)).bind(Ts(end)).fetch_all(conn).await?;
        let counts = rows.into_iter().map(|row| row.count(self.municipality));
        let statement = |count: SiteCount| {
            let source = SourceKey::of(count.provenance.feed, count.provenance.sensor);
            // `None`: the source was not bound to the site then.
            let hold_us = self.timeline.hold_us(source, count.observed_at)?;
            Some(CountStatement::of(&count, hold_us))
        };
        Ok(counts.filter_map(statement).collect())
    }

    async fn write(
        &self,
        conn: &mut PgConnection,
        before: &[CountInterval],
        after: &[CountInterval],
    ) -> Result<()> {
        let Diff { gone, changed, new } = diff(before, after, |interval| interval.from);
        if !gone.is_empty() {
            sqlx::query(
                "DELETE FROM site_interval WHERE municipality = $1 AND site = $2 AND audience = $3
                 AND from_utc = ANY($4)",
            )
            .bind(self.municipality.0)
            .bind(self.site.0)
            .bind(self.audience)
            .bind(gone.into_iter().map(Ts).collect::<Vec<_>>())
            .execute(&mut *conn)
            .await?;
        }
        let new = [changed, new].concat();
        sqlx::query(
            "INSERT INTO site_interval (municipality, site, audience, from_utc, until_utc, occupied, capacity, is_closed,
                 is_anchored, entries, exits)
             SELECT $1, $2, $3, * FROM unnest($4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (municipality, site, audience, from_utc) DO UPDATE
             SET until_utc = excluded.until_utc, occupied = excluded.occupied, capacity = excluded.capacity,
                 is_closed = excluded.is_closed, is_anchored = excluded.is_anchored, entries = excluded.entries,
                 exits = excluded.exits",
        )
        .bind(self.municipality.0)
        .bind(self.site.0)
        .bind(self.audience)
        .bind_rows(new.iter().map(|i| (Ts(i.from), Ts(i.until), i.occupied, i.capacity)))
        .bind_rows(new.iter().map(|i| (i.is_closed, i.is_anchored, i.entries, i.exits)))
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Intervals of a counted site that overlap `span`. `audience`: whose spaces, `""` all.
///
/// # Errors
/// The database is not available.
pub async fn within(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    site: SiteId,
    audience: &str,
    span: Span,
) -> Result<Vec<CountInterval>> {
    let timeline = Timeline::default();
    let place = CountedSite { municipality, site, audience, timeline: &timeline };
    place.intervals(conn, span.from, span.until).await
}
