//! The counted state of each site: moved under a row lock, so that flows add up whichever writer stores them.

use std::collections::{BTreeMap, BTreeSet};

use domain::feed::{MAX_AHEAD_S, is_ahead};
use domain::live::Change;
use domain::site_count::{CountState, SourceAbsolute, decide_absolute};
use domain::{Audience, MunicipalityId, Registry, SiteCount, SiteId, UtcMicros};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use crate::bind::BindRows;
use crate::column::MaybeWord;
use crate::count_row::{COUNT_COLUMNS, CountRow};
use crate::{Result, Ts};

/// Whose spaces of a site are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(crate) struct StateKey {
    #[sqlx(try_from = "i32")]
    pub(crate) municipality: MunicipalityId,
    #[sqlx(try_from = "i32")]
    pub(crate) site: SiteId,
    /// `None`: all.
    #[sqlx(try_from = "MaybeWord")]
    pub(crate) audience: Option<Audience>,
}

impl StateKey {
    pub(crate) fn of(count: &SiteCount) -> Self {
        let (municipality, site) = (count.provenance.municipality, count.site);
        StateKey { municipality, site, audience: count.audience }
    }

    /// As stored.
    fn audience(self) -> &'static str {
        self.audience.map_or("", Audience::as_str)
    }

    fn columns(self) -> (i32, i32, &'static str) {
        (self.municipality.0, self.site.0, self.audience())
    }
}

/// A counted state as it is stored.
#[derive(FromRow)]
pub(crate) struct StateRow {
    #[sqlx(flatten)]
    pub(crate) key: StateKey,
    pub(crate) version: i64,
    #[sqlx(json)]
    pub(crate) count: CountState,
}

impl From<StateRow> for Change {
    fn from(StateRow { key, version, count }: StateRow) -> Self {
        Change::Site { site: key.site, audience: key.audience, version, count }
    }
}

/// All counted states.
pub(crate) async fn all(conn: &mut PgConnection) -> Result<Vec<StateRow>> {
    let sql = "SELECT municipality, site, audience, version, count FROM site_state";
    Ok(sqlx::query_as(sql).fetch_all(conn).await?)
}

/// Moves the counted states forward by counts that are new to the store and not ahead of `now`. Computed from all that is
/// stored are the `corrected` ones, of which stored counts have changed or gone, and those that are based on counts ahead of
/// `now`.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    mut by_state: BTreeMap<StateKey, Vec<&SiteCount>>,
    corrected: &BTreeSet<StateKey>,
    registry: &Registry,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<()> {
    for key in corrected {
        by_state.entry(*key).or_default();
    }
    if by_state.is_empty() {
        return Ok(());
    }
    let keys = || by_state.keys().map(|key| key.columns());
    sqlx::query(
        "INSERT INTO site_state (municipality, site, audience, version, count)
         SELECT m, s, a, 0, $4 FROM unnest($1, $2, $3) AS t(m, s, a)
         ON CONFLICT DO NOTHING",
    )
    .bind_rows(keys())
    .bind(Json(CountState::default()))
    .execute(&mut *conn)
    .await?;
    let held: Vec<StateRow> = sqlx::query_as(
        "SELECT municipality, site, audience, version, count FROM site_state
         WHERE (municipality, site, audience) IN (SELECT * FROM unnest($1, $2, $3))
         ORDER BY municipality, site, audience FOR UPDATE",
    )
    .bind_rows(keys())
    .fetch_all(&mut *conn)
    .await?;

    let mut moved: Vec<StateRow> = Vec::with_capacity(held.len());
    for StateRow { key, version, mut count } in held {
        let Some(new) = by_state.get(&key) else { continue };
        let capacity = registry.capacity(key.site, key.audience);
        let is_computed = count.has_ahead(now) || corrected.contains(&key);
        let recount = count.apply(new.iter().copied().filter(|c| !is_ahead(c.observed_at, now)));
        if is_computed {
            count = recomputed(conn, key, &count, capacity, now).await?;
        } else {
            if let Some(at) = recount.tie_at {
                decide(conn, key, at, capacity, &mut count).await?;
            }
            if let (true, Some(anchor)) = (recount.flows, count.anchor) {
                count.set_net(net_after(conn, key, anchor.at, now).await?);
            }
        }
        moved.push(StateRow { key, version: version + 1, count });
    }
    sqlx::query(
        "UPDATE site_state SET version = n.version, count = n.count
         FROM unnest($1, $2, $3, $4, $5) AS n(municipality, site, audience, version, count)
         WHERE site_state.municipality = n.municipality AND site_state.site = n.site
           AND site_state.audience = n.audience",
    )
    .bind_rows(moved.iter().map(|state| state.key.columns()))
    .bind_rows(moved.iter().map(|state| (state.version, Json(&state.count))))
    .execute(conn)
    .await?;
    changes.extend(moved.into_iter().map(Change::from));
    Ok(())
}

/// Decides among the absolute counts of the anchor's instant `at`.
async fn decide(
    conn: &mut PgConnection,
    key: StateKey,
    at: UtcMicros,
    capacity: i64,
    count: &mut CountState,
) -> Result<()> {
    let sql = format!(
        "SELECT {COUNT_COLUMNS} FROM site_count
         WHERE municipality = $1 AND observed_at = $2 AND site = $3 AND audience = $4
           AND num_nonnulls(occupied, vacant) > 0"
    );
    let rows: Vec<CountRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(key.municipality.0)
        .bind(Ts(at))
        .bind(key.site.0)
        .bind(key.audience())
        .fetch_all(conn)
        .await?;
    let counts = rows.into_iter().map(|row| row.count(key.municipality));
    let absolutes: Vec<SourceAbsolute> = counts.filter_map(|count| SourceAbsolute::of(&count)).collect();
    if let Some(value) = decide_absolute(&absolutes, capacity) {
        count.set_tie(value);
    }
    Ok(())
}

/// Entries minus exits of all stored flows after `at` that do not lie ahead of `now`: read only when an anchor comes late.
async fn net_after(conn: &mut PgConnection, key: StateKey, at: UtcMicros, now: UtcMicros) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(sum(entries::bigint - exits), 0)::bigint FROM site_count
         WHERE municipality = $1 AND observed_at > $2 AND site = $3 AND audience = $4 AND observed_at <= $5",
    )
    .bind(key.municipality.0)
    .bind(Ts(at))
    .bind(key.site.0)
    .bind(key.audience())
    .bind(Ts(now.plus_s(MAX_AHEAD_S)))
    .fetch_one(conn)
    .await?)
}

/// The state of all stored counts that are not ahead of `now`. It is a function of the set, and each of its
/// parts depends on the newest counts that contain it; what `held` lacks was never stated.
async fn recomputed(
    conn: &mut PgConnection,
    key: StateKey,
    held: &CountState,
    capacity: i64,
    now: UtcMicros,
) -> Result<CountState> {
    let newest = [
        (held.anchor.is_some(), "num_nonnulls(occupied, vacant) > 0"),
        (held.last_flow_at.is_some(), "entries IS NOT NULL"),
        (held.status.is_some(), "status IS NOT NULL"),
        (held.capacity.is_some(), "capacity IS NOT NULL"),
        (true, "true"),
    ];
    const OF: &str = "municipality = $1 AND site = $2 AND audience = $3";
    let instants: Vec<String> = newest
        .iter()
        .filter(|(is_stated, _)| *is_stated)
        .map(|(_, what)| {
            format!("(SELECT max(observed_at) FROM site_count WHERE {OF} AND observed_at <= $4 AND {what})")
        })
        .collect();
    let sql = format!(
        "SELECT {COUNT_COLUMNS} FROM site_count WHERE {OF} AND observed_at = ANY(ARRAY[{}])",
        instants.join(", ")
    );
    let rows: Vec<CountRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(key.municipality.0)
        .bind(key.site.0)
        .bind(key.audience())
        .bind(Ts(now.plus_s(MAX_AHEAD_S)))
        .fetch_all(&mut *conn)
        .await?;
    let counts: Vec<SiteCount> = rows.into_iter().map(|row| row.count(key.municipality)).collect();
    let mut count = CountState::default();
    count.apply(&counts);
    if let Some(anchor) = count.anchor {
        decide(conn, key, anchor.at, capacity, &mut count).await?;
        count.set_net(net_after(conn, key, anchor.at, now).await?);
    }
    Ok(count)
}
