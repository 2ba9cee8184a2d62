//! Site counts: appended once, then the counted states are moved forward.

use std::collections::BTreeMap;

use domain::live::Change;
use domain::{Audience, Registry, SiteCount, UtcMicros};
use sqlx::PgConnection;

use super::observation::append;
use crate::Result;
use crate::bind::BindRows;
use crate::count_row::ValueColumns;
use crate::pending_counts::{self, PendingSpan};
use crate::site_states::{self, StateKey};

/// Appends counts, in the order of their keys and each once; returns those that are new.
pub(crate) async fn write<'r>(
    conn: &mut PgConnection,
    rows: &[&'r SiteCount],
    stored_at: UtcMicros,
    registry: &Registry,
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r SiteCount>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "INSERT INTO site_count (stored_at, municipality, observed_at, site, digest, received_at, feed,
             clock_corrected, sensor, seq, audience, occupied, vacant, entries, exits, status, capacity, source)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
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
    })
    .await?;
    let mut by_state: BTreeMap<StateKey, Vec<&SiteCount>> = BTreeMap::new();
    for count in &new {
        by_state.entry(StateKey::of(count)).or_default().push(count);
    }
    let spans = by_state.iter().filter_map(|(key, counts)| {
        let times = || counts.iter().map(|count| count.observed_at);
        let (municipality, site) = (key.municipality, key.site);
        Some(PendingSpan { municipality, site, first_at: times().min()?, last_at: times().max()? })
    });
    pending_counts::request(conn, spans).await?;
    site_states::advance(conn, by_state, registry, stored_at, changes).await?;
    Ok(new)
}
