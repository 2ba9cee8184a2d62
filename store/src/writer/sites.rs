//! Site counts: appended once, then the counted states are moved forward.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::live::Change;
use domain::{Audience, MunicipalityId, Registry, SiteCount, SiteId, UtcMicros};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::counters::{self, Lane};
use super::observation::{Observation, ObservationKey, append};
use crate::Result;
use crate::bind::BindRows;
use crate::count_row::ValueColumns;
use crate::pending_counts::{self, PendingSpan};
use crate::site_states::{self, StateKey};

/// Appends counts, in the order of their keys and each once; returns those that are new. `gone`: counts that were
/// stored and no longer are.
pub(crate) async fn write<'r>(
    conn: &mut PgConnection,
    rows: &[&'r SiteCount],
    gone: &[SiteCount],
    stored_at: UtcMicros,
    registry: &Registry,
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r SiteCount>> {
    if rows.is_empty() && gone.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "INSERT INTO site_count (stored_at, municipality, observed_at, site, digest, received_at, feed,
             clock_corrected, sensor, seq, audience, occupied, vacant, entries, exits, status, capacity, source, counter)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT DO NOTHING RETURNING municipality, observed_at, site, digest";
    let new = append(conn, sql, rows, stored_at, |insert| {
        insert
            .bind_rows(rows.iter().map(|o| (o.provenance.sensor.map(|sensor| sensor.0), o.seq)))
            .bind_rows(rows.iter().map(|o| (o.audience.map_or("", Audience::as_str),)))
            .bind_rows(
                rows.iter()
                    .map(|o| ValueColumns::of(o.value))
                    .map(|v| (v.occupied, v.vacant, v.entries, v.exits)),
            )
            .bind_rows(rows.iter().map(|o| (o.status.map(|s| s.as_str()), o.capacity, o.source.as_deref())))
            .bind_rows(rows.iter().map(|o| (o.counter.map(Json),)))
    })
    .await?;
    let mut lanes: BTreeMap<Lane, Vec<UtcMicros>> = BTreeMap::new();
    for count in new.iter().copied().chain(gone) {
        if let Some(lane) = Lane::of(count) {
            lanes.entry(lane).or_default().push(count.observed_at);
        }
    }
    let keys: HashSet<ObservationKey> = new.iter().map(|count| count.key()).collect();
    let settled = counters::settle(conn, lanes, &keys).await?;
    let settle = |count| settled.apply(count).map_or(Cow::Borrowed(count), Cow::Owned);
    let counts: Vec<Cow<'_, SiteCount>> = new.iter().copied().map(settle).collect();
    let mut by_state: BTreeMap<StateKey, Vec<&SiteCount>> = BTreeMap::new();
    for count in &counts {
        by_state.entry(StateKey::of(count)).or_default().push(count);
    }
    let stated = |count: &SiteCount| (StateKey::of(count), count.observed_at);
    let corrected: Vec<(StateKey, UtcMicros)> = gone.iter().map(stated).chain(settled.corrected).collect();
    let all = new.iter().map(|count| stated(count)).chain(corrected.iter().copied());
    pending_counts::request(conn, spans(all).into_values()).await?;
    let corrected: BTreeSet<StateKey> = corrected.into_iter().map(|(key, _)| key).collect();
    site_states::advance(conn, by_state, &corrected, registry, stored_at, changes).await?;
    Ok(new)
}

/// The span of each site in which it was counted.
fn spans(
    counted: impl Iterator<Item = (StateKey, UtcMicros)>,
) -> BTreeMap<(MunicipalityId, SiteId), PendingSpan> {
    let mut spans = BTreeMap::new();
    for (StateKey { municipality, site, .. }, at) in counted {
        let span = spans.entry((municipality, site)).or_insert(PendingSpan {
            municipality,
            site,
            first_at: at,
            last_at: at,
        });
        (span.first_at, span.last_at) = (span.first_at.min(at), span.last_at.max(at));
    }
    spans
}
