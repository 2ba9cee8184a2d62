//! The counted states of sites.

use std::collections::{BTreeMap, BTreeSet};

use domain::live::Change;
use domain::{SiteCount, UtcMicros};
use sqlx::PgConnection;

use crate::Result;
use crate::site_states::{self, StateKey};

/// Recomputes the states that are based on counts ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64> {
    let held = site_states::all(conn).await?;
    let ahead = held.into_iter().filter(|state| state.count.has_ahead(now));
    let ahead: BTreeMap<StateKey, Vec<&SiteCount>> = ahead.map(|state| (state.key, Vec::new())).collect();
    if ahead.is_empty() {
        return Ok(0);
    }
    let registry = crate::places::registry(&mut *conn).await?;
    let restored = ahead.len() as u64;
    site_states::advance(conn, ahead, &BTreeSet::new(), &registry, now, changes).await?;
    Ok(restored)
}
