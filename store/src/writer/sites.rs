//! Site counts: appended once, then the counted state is moved under a row lock, so that flows
//! add up whichever writer stores them.

use std::collections::{BTreeMap, HashSet};

use domain::feed::{MAX_AHEAD_S, is_ahead};
use domain::live::Change;
use domain::observation::CountValue;
use domain::site_count::{Absolute, CountState, SourceAbsolute, decide_absolute};
use domain::{Audience, MunicipalityId, SiteCount, SiteId, UtcMicros};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::idempotency::{Key, Observation};
use super::{Capacities, NewByFeed, by_feed};
use crate::StoreError;
use crate::forecast::{COUNT_COLUMNS, CountRow};
use crate::ts::Ts;

/// Whose spaces of a site are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StateKey {
    pub(crate) municipality: MunicipalityId,
    pub(crate) site: SiteId,
    /// `None`: all.
    pub(crate) audience: Option<Audience>,
}

impl StateKey {
    pub(crate) fn of(count: &SiteCount) -> Self {
        let (municipality, site) = (count.provenance.municipality, count.site);
        StateKey { municipality, site, audience: count.audience }
    }

    fn read(municipality: i32, site: i32, audience: &str) -> Self {
        let (municipality, site) = (MunicipalityId(municipality), SiteId(site));
        StateKey { municipality, site, audience: audience.parse().ok() }
    }

    /// As stored.
    fn audience(self) -> &'static str {
        self.audience.map_or("", Audience::as_str)
    }
}

/// Appends new counts; returns how many were new, by feed.
pub(super) async fn write(
    conn: &mut PgConnection,
    rows: &[&SiteCount],
    stored_at: UtcMicros,
    capacities: &dyn Capacities,
    changes: &mut Vec<Change>,
) -> Result<NewByFeed, StoreError> {
    if rows.is_empty() {
        return Ok(NewByFeed::new());
    }
    let new = append(conn, rows, stored_at).await?;
    let mut by_state: BTreeMap<StateKey, Vec<&SiteCount>> = BTreeMap::new();
    for o in rows.iter().filter(|o| new.contains(&o.key())) {
        by_state.entry(StateKey::of(o)).or_default().push(o);
    }
    let new_by_feed = by_feed(by_state.values().flatten().map(|o| o.provenance.feed));
    request_derivation(conn, &by_state).await?;
    move_states(conn, by_state, capacities, stored_at, changes).await?;
    Ok(new_by_feed)
}

/// Requests the derivation of the sites' intervals: the change log carries states, not counts over time.
async fn request_derivation(
    conn: &mut PgConnection,
    new: &BTreeMap<StateKey, Vec<&SiteCount>>,
) -> Result<(), StoreError> {
    let mut spans: BTreeMap<(i32, i32), (UtcMicros, UtcMicros)> = BTreeMap::new();
    for (key, counts) in new {
        for at in counts.iter().map(|c| c.observed_at) {
            let span = spans.entry((key.municipality.0, key.site.0)).or_insert((at, at));
            *span = (span.0.min(at), span.1.max(at));
        }
    }
    sqlx::query(
        "INSERT INTO derive_wanted (municipality, site, from_utc, until_utc)
         SELECT * FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::timestamptz[])",
    )
    .bind(spans.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(spans.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(spans.values().map(|span| Ts(span.0)).collect::<Vec<_>>())
    .bind(spans.values().map(|span| Ts(span.1)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn append(
    conn: &mut PgConnection,
    rows: &[&SiteCount],
    stored_at: UtcMicros,
) -> Result<HashSet<Key>, StoreError> {
    let col = |f: fn(&SiteCount) -> Option<i32>| rows.iter().map(|o| f(o)).collect::<Vec<_>>();
    let occupied = col(|o| if let CountValue::Occupied(n) = o.value { Some(n) } else { None });
    let vacant = col(|o| if let CountValue::Vacant(n) = o.value { Some(n) } else { None });
    let entries = col(|o| if let CountValue::Flow { entries, .. } = o.value { Some(entries) } else { None });
    let exits = col(|o| if let CountValue::Flow { exits, .. } = o.value { Some(exits) } else { None });
    let new: Vec<(i32, Ts, i32, i64)> = sqlx::query_as(
        "INSERT INTO site_count (stored_at, municipality, observed_at, site, digest, received_at, feed, sensor,
             seq, audience, occupied, vacant, entries, exits, status, capacity, source, clock_corrected)
         SELECT $1, * FROM unnest($2::int[], $3::timestamptz[], $4::int[], $5::bigint[], $6::timestamptz[],
             $7::int[], $8::int[], $9::bigint[], $10::text[], $11::int[], $12::int[], $13::int[], $14::int[],
             $15::text[], $16::int[], $17::text[], $18::bool[])
         ON CONFLICT DO NOTHING
         RETURNING municipality, observed_at, site, digest",
    )
    .bind(Ts(stored_at))
    .bind(col(|o| Some(o.provenance.municipality.0)))
    .bind(rows.iter().map(|o| Ts(o.observed_at)).collect::<Vec<_>>())
    .bind(col(|o| Some(o.site.0)))
    .bind(rows.iter().map(|o| o.digest).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| Ts(o.provenance.received_at)).collect::<Vec<_>>())
    .bind(col(|o| Some(o.provenance.feed.0)))
    .bind(col(|o| o.provenance.sensor.map(|s| s.0)))
    .bind(rows.iter().map(|o| o.seq).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.audience.map_or("", Audience::as_str)).collect::<Vec<_>>())
    .bind(occupied)
    .bind(vacant)
    .bind(entries)
    .bind(exits)
    .bind(rows.iter().map(|o| o.status.map(|s| s.as_str())).collect::<Vec<_>>())
    .bind(col(|o| o.capacity))
    .bind(rows.iter().map(|o| o.source.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.provenance.clock_corrected).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(new.into_iter().map(|(m, at, site, digest)| (MunicipalityId(m), at.0, site, digest)).collect())
}

/// Moves the counted states forward by counts that are new to the store and not ahead of `now`. A state based on
/// counts ahead of `now` is computed again from the others.
pub(crate) async fn move_states(
    conn: &mut PgConnection,
    by_state: BTreeMap<StateKey, Vec<&SiteCount>>,
    capacities: &dyn Capacities,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    if by_state.is_empty() {
        return Ok(());
    }
    let municipalities: Vec<i32> = by_state.keys().map(|k| k.municipality.0).collect();
    let sites: Vec<i32> = by_state.keys().map(|k| k.site.0).collect();
    let audiences: Vec<&str> = by_state.keys().map(|k| k.audience()).collect();
    sqlx::query(
        "INSERT INTO site_state (municipality, site, audience, version, count)
         SELECT m, s, a, 0, $4 FROM unnest($1::int[], $2::int[], $3::text[]) AS t(m, s, a)
         ON CONFLICT DO NOTHING",
    )
    .bind(&municipalities)
    .bind(&sites)
    .bind(&audiences)
    .bind(Json(CountState::default()))
    .execute(&mut *conn)
    .await?;
    let held: Vec<(i32, i32, String, i64, Json<CountState>)> = sqlx::query_as(
        "SELECT municipality, site, audience, version, count FROM site_state
         WHERE (municipality, site, audience) IN (SELECT * FROM unnest($1::int[], $2::int[], $3::text[]))
         ORDER BY municipality, site, audience FOR UPDATE",
    )
    .bind(&municipalities)
    .bind(&sites)
    .bind(&audiences)
    .fetch_all(&mut *conn)
    .await?;

    let (mut keys, mut versions, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for (municipality, site, audience, version, Json(mut count)) in held {
        let key = StateKey::read(municipality, site, &audience);
        let Some(new) = by_state.get(&key) else { continue };
        let capacity = capacities.capacity(key.site, key.audience);
        if count.has_ahead(now) {
            count = recomputed(conn, key, &count, capacity, now).await?;
        } else {
            let recount = count.apply(new.iter().copied().filter(|c| !is_ahead(c.observed_at, now)));
            if let Some(at) = recount.tie_at {
                decide(conn, key, at, capacity, &mut count).await?;
            }
            if let (true, Some(anchor)) = (recount.flows, count.anchor) {
                count.set_net(net_after(conn, key, anchor.at, now).await?);
            }
        }
        keys.push(key);
        versions.push(version + 1);
        counts.push(Json(count.clone()));
        let StateKey { site, audience, .. } = key;
        changes.push(Change::Site { site, audience, version: version + 1, count });
    }
    sqlx::query(
        "UPDATE site_state SET version = n.version, count = n.count
         FROM unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::jsonb[])
              AS n(municipality, site, audience, version, count)
         WHERE site_state.municipality = n.municipality AND site_state.site = n.site
           AND site_state.audience = n.audience",
    )
    .bind(keys.iter().map(|k| k.municipality.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|k| k.site.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|k| k.audience()).collect::<Vec<_>>())
    .bind(&versions)
    .bind(&counts)
    .execute(conn)
    .await?;
    Ok(())
}

/// All absolute counts of one instant; a source is the feed, the sensor and the supplier's name.
async fn absolutes_at(
    conn: &mut PgConnection,
    key: StateKey,
    at: UtcMicros,
) -> Result<Vec<SourceAbsolute>, StoreError> {
    type Observation = (String, Option<i64>, Option<i32>, Option<i32>);
    let rows: Vec<Observation> = sqlx::query_as(
        "SELECT concat_ws('/', feed, sensor, source), seq, occupied, vacant FROM site_count
         WHERE municipality = $1 AND observed_at = $2 AND site = $3 AND audience = $4
           AND num_nonnulls(occupied, vacant) > 0",
    )
    .bind(key.municipality.0)
    .bind(Ts(at))
    .bind(key.site.0)
    .bind(key.audience())
    .fetch_all(conn)
    .await?;
    let value = |occupied: Option<i32>, vacant: Option<i32>| {
        occupied.map(Absolute::Occupied).or(vacant.map(Absolute::Vacant))
    };
    let absolute = |(source, seq, o, v)| Some(SourceAbsolute { source, seq, value: value(o, v)? });
    Ok(rows.into_iter().filter_map(absolute).collect())
}

/// Decides among the absolute counts of the anchor's instant `at`.
async fn decide(
    conn: &mut PgConnection,
    key: StateKey,
    at: UtcMicros,
    capacity: i64,
    count: &mut CountState,
) -> Result<(), StoreError> {
    if let Some(value) = decide_absolute(&absolutes_at(conn, key, at).await?, capacity) {
        count.set_tie(value);
    }
    Ok(())
}

/// Entries minus exits of all stored flows after `at` that do not lie ahead of `now`: read only when an anchor comes late.
async fn net_after(
    conn: &mut PgConnection,
    key: StateKey,
    at: UtcMicros,
    now: UtcMicros,
) -> Result<i64, StoreError> {
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
) -> Result<CountState, StoreError> {
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

/// Recomputes the states that are based on counts ahead of `now`; how many there were.
pub(crate) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64, StoreError> {
    let held: Vec<(i32, i32, String, Json<CountState>)> =
        sqlx::query_as("SELECT municipality, site, audience, count FROM site_state")
            .fetch_all(&mut *conn)
            .await?;
    let ahead: BTreeMap<StateKey, Vec<&SiteCount>> = held
        .iter()
        .filter(|(.., count)| count.has_ahead(now))
        .map(|(municipality, site, audience, _)| (StateKey::read(*municipality, *site, audience), Vec::new()))
        .collect();
    if ahead.is_empty() {
        return Ok(0);
    }
    let registry = crate::places::registry(&mut *conn).await?;
    let restored = ahead.len() as u64;
    move_states(conn, ahead, &registry, now, changes).await?;
    Ok(restored)
}
