//! Sums per hour and group: full hours as stored, the rest from intervals.

use std::collections::{BTreeMap, HashMap};

use domain::ids::ScopeId;
use domain::intervals::{Delta, HOUR_US, Span, Timeline};
use domain::occupancy::Bucket;
use domain::{BayId, MunicipalityId, UtcMicros};
use store::analysis;
use store::{Pool, StoreError};

use super::groups::{Hours, Parts};

/// Rows, or hours of groups if these are more, that are read at once: some 15 MB, and some milliseconds of work without a
/// pause.
const CELLS: i64 = 50_000;

/// Longest stretch that is read at once where single bays are read: their intervals are many.
const LONGEST_HOURS_OF_BAYS: i64 = 24 * 14;

/// How many hours are read at once.
pub fn hours_at_once(parts: &Parts, groups: usize, bucket: Bucket) -> i64 {
    let of_an_hour = if bucket == Bucket::Quarter { 4 } else { 1 };
    let hours = (CELLS / (of_an_hour * groups.max(1) as i64)).max(1);
    let has_single_bays = parts.bays.keys().any(|(_, _, is_summed)| !is_summed);
    if has_single_bays { hours.min(LONGEST_HOURS_OF_BAYS) } else { hours }
}

/// What the groups, of which there are `answered`, were within `span`, to the microsecond.
///
/// # Errors
/// The database is not available.
pub async fn within(
    pool: &Pool,
    parts: &Parts,
    answered: usize,
    span: Span,
    hours_until: UtcMicros,
) -> Result<Hours, StoreError> {
    let mut conn = pool.acquire().await?;
    let mut hours = Hours::default();
    let ceil = |at: UtcMicros| UtcMicros((at.0 + HOUR_US - 1).div_euclid(HOUR_US) * HOUR_US);
    let floor = |at: UtcMicros| UtcMicros(at.0.div_euclid(HOUR_US) * HOUR_US);
    let summed = Span { from: ceil(span.from), until: floor(span.until).min(hours_until) };
    let rest = match summed.is_empty() {
        true => vec![span],
        false => {
            vec![Span { from: span.from, until: summed.from }, Span { from: summed.until, until: span.until }]
        }
    };
    if !summed.is_empty() {
        for (municipality, scopes) in &parts.scopes {
            let ids: Vec<ScopeId> = scopes.keys().copied().collect();
            for (scope, hour, sums) in analysis::hours(&mut conn, *municipality, &ids, summed).await? {
                for group in &scopes[&scope] {
                    hours.entry((*group, hour)).or_default().add(&sums);
                }
            }
        }
    }
    let mut delta = Delta::default();
    let mut by_town: BTreeMap<MunicipalityId, Vec<(BayId, &Timeline, bool)>> = BTreeMap::new();
    for ((municipality, bay, is_summed), timeline) in &parts.bays {
        by_town.entry(*municipality).or_default().push((*bay, timeline, *is_summed));
    }
    for (municipality, bays) in by_town {
        for span in rest.iter().filter(|span| !span.is_empty()) {
            add_bays(&mut conn, municipality, &bays, *span, &mut delta).await?;
        }
        if !summed.is_empty() {
            let single: Vec<_> = bays.into_iter().filter(|(_, _, is_summed)| !is_summed).collect();
            add_bays(&mut conn, municipality, &single, summed, &mut delta).await?;
        }
    }
    for (municipality, site, audience, timeline) in &parts.sites {
        for span in rest.iter().filter(|span| !span.is_empty()) {
            let intervals =
                analysis::count_intervals(&mut conn, *municipality, *site, audience, *span).await?;
            delta.add_counts(&intervals, timeline, *span, 1);
        }
    }
    for ((group, hour), sums) in delta.0 {
        hours.entry((group.0 as usize, hour)).or_default().add(&sums);
    }
    parts.leave_out_few(&mut hours, answered);
    Ok(hours)
}

/// Adds what `bays` were within `span` to `delta`.
///
/// # Errors
/// The database is not available.
pub async fn add_bays(
    conn: &mut store::Connection,
    municipality: MunicipalityId,
    bays: &[(BayId, &Timeline, bool)],
    span: Span,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    let ids: Vec<BayId> = bays.iter().map(|(bay, _, _)| *bay).collect();
    let intervals: HashMap<_, _> =
        analysis::bay_intervals(conn, municipality, &ids, span).await?.into_iter().collect();
    for (bay, timeline, _) in bays {
        if let Some(intervals) = intervals.get(bay) {
            delta.add_bays(intervals, timeline, span, 1);
        }
    }
    Ok(())
}
