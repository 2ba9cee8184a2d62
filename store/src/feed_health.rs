//! What was learned of feeds, how they were, and what is wrong with them now.

use std::collections::BTreeMap;

use domain::feed_health::{FeedState, Period};
use domain::health::{Code, DeviceKey, Outage};
use domain::notice::cause::ChangedField;
use domain::{FeedId, UtcMicros};
use serde::Serialize;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use crate::bind::BindRows;
use crate::column::{MaybeTs, MaybeWord};
use crate::{Pool, Result, Ts};

/// A feed that nothing has watched for so long has a gap in its history, seconds.
const UNWATCHED_S: f64 = 300.0;

/// States that are kept of one feed, the newest: more than anybody looks at, and no more than can be read at once.
const MAX_PERIODS: i64 = 2_000;

/// What is stored of a feed.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct KnownFeed {
    /// Which feed.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// What was learned; `None`: nothing yet.
    pub learned: Option<serde_json::Value>,
    /// When its last message came, as far as was noted.
    #[sqlx(try_from = "MaybeTs")]
    pub last_message_at: Option<UtcMicros>,
    #[sqlx(try_from = "MaybeWord")]
    state: Option<FeedState>,
    #[sqlx(try_from = "MaybeTs")]
    since: Option<UtcMicros>,
}

impl KnownFeed {
    /// The state that holds; `None`: it was never watched.
    pub fn period(&self) -> Option<Period> {
        self.state.zip(self.since).map(|(state, since)| Period { state, since })
    }
}

/// A span in which a feed had one state.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct FeedPeriod {
    /// The word of a [`FeedState`].
    pub state: String,
    /// Since when.
    #[sqlx(try_from = "Ts")]
    pub from: UtcMicros,
    /// Until when; `None`: it still is.
    #[sqlx(try_from = "MaybeTs")]
    pub until: Option<UtcMicros>,
}

/// What is wrong with a feed, or with a branch of its topics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedReason {
    /// Which feed.
    pub feed: FeedId,
    /// What it is.
    pub code: Code,
    /// The beginning of the topics that it is about; empty: all of them.
    pub topic: String,
    /// Since when it is so.
    pub since: UtcMicros,
    /// How far it has gone; the unit is that of the code.
    pub value: Option<f64>,
    /// Where it begins to count.
    pub limit: Option<f64>,
    /// Of [`Code::SchemaDrift`] the fields that changed.
    pub fields: Vec<ChangedField>,
}

/// What is known of these feeds. Where nothing watched one for minutes, its last state ends when it was last seen, and
/// begins again at `now`; one that was never watched begins as one that never sent anything.
///
/// # Errors
/// The database is not available.
pub async fn load(pool: &Pool, feeds: &[FeedId], now: UtcMicros) -> Result<Vec<KnownFeed>> {
    let ids: Vec<i32> = feeds.iter().map(|feed| feed.0).collect();
    let mut tx = pool.begin().await?;
    // By a clock that was ahead.
    sqlx::query("DELETE FROM feed_state WHERE feed = ANY($1) AND from_utc > $2")
        .bind(&ids)
        .bind(Ts(now))
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "WITH ended AS (
             UPDATE feed_state s SET until_utc = least($2, greatest(s.from_utc, n.updated_at))
             FROM feed_status n
             WHERE n.feed = s.feed AND s.feed = ANY($1) AND s.until_utc = 'infinity'
               AND abs(extract(epoch FROM $2 - n.updated_at)) > $3
             RETURNING s.feed, s.state)
         INSERT INTO feed_state (feed, state, from_utc) SELECT feed, state, $2 FROM ended
         ON CONFLICT (feed, from_utc) DO UPDATE SET until_utc = 'infinity'",
    )
    .bind(&ids)
    .bind(Ts(now))
    .bind(UNWATCHED_S)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO feed_state (feed, state, from_utc)
         SELECT id, 'never', $2 FROM feed f
         WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM feed_state s WHERE s.feed = f.id AND until_utc = 'infinity')
         ON CONFLICT (feed, from_utc) DO UPDATE SET until_utc = 'infinity'",
    )
    .bind(&ids)
    .bind(Ts(now))
    .execute(&mut *tx)
    .await?;
    let known = sqlx::query_as(
        "SELECT f.id AS feed, l.learned, s.state, s.from_utc AS since,
                (n.status->>'last_message_at')::timestamptz AS last_message_at
         FROM feed f
         LEFT JOIN feed_learned l ON l.feed = f.id
         LEFT JOIN feed_state s ON s.feed = f.id AND s.until_utc = 'infinity'
         LEFT JOIN feed_status n ON n.feed = f.id
         WHERE f.id = ANY($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(known)
}

/// Stores what was learned of feeds.
///
/// # Errors
/// The database is not available.
pub async fn keep(pool: &Pool, learned: &[(FeedId, serde_json::Value)], now: UtcMicros) -> Result<()> {
    sqlx::query(
        "INSERT INTO feed_learned (feed, stored_at, learned)
         SELECT id, $3, l FROM unnest($1, $2) AS t(f, l) JOIN feed ON id = f
         ON CONFLICT (feed) DO UPDATE SET stored_at = excluded.stored_at, learned = excluded.learned",
    )
    .bind_rows(learned.iter().map(|(feed, learned)| (feed.0, learned)))
    .bind(Ts(now))
    .execute(pool)
    .await?;
    Ok(())
}

/// Stores that the state of a feed has changed: the one before ends where this one begins.
///
/// # Errors
/// The database is not available.
pub async fn changed(pool: &Pool, feed: FeedId, period: Period) -> Result<()> {
    let mut tx = pool.begin().await?;
    // One that would end before it began never was.
    sqlx::query("DELETE FROM feed_state WHERE feed = $1 AND from_utc >= $2")
        .bind(feed.0)
        .bind(Ts(period.since))
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE feed_state SET until_utc = $2 WHERE feed = $1 AND until_utc > $2")
        .bind(feed.0)
        .bind(Ts(period.since))
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO feed_state (feed, state, from_utc) VALUES ($1, $2, $3)")
        .bind(feed.0)
        .bind(period.state.as_str())
        .bind(Ts(period.since))
        .execute(&mut *tx)
        .await?;
    bound(&mut tx, feed, period.since).await?;
    tx.commit().await?;
    Ok(())
}

/// Drops what is older than 400 days, and all but the newest.
async fn bound(conn: &mut PgConnection, feed: FeedId, now: UtcMicros) -> Result<()> {
    sqlx::query(
        "DELETE FROM feed_state WHERE feed = $1 AND (until_utc < $2 - interval '400 days' OR from_utc <= (
             SELECT from_utc FROM feed_state WHERE feed = $1 ORDER BY from_utc DESC OFFSET $3 LIMIT 1))",
    )
    .bind(feed.0)
    .bind(Ts(now))
    .bind(MAX_PERIODS)
    .execute(conn)
    .await?;
    Ok(())
}

/// How a feed was since `since`, oldest first. Between two spans nothing watched it.
///
/// # Errors
/// The database is not available.
pub async fn history(pool: &Pool, feed: FeedId, since: UtcMicros) -> Result<Vec<FeedPeriod>> {
    Ok(sqlx::query_as(
        r#"SELECT state, from_utc AS "from", nullif(until_utc, 'infinity') AS until FROM feed_state
           WHERE feed = $1 AND until_utc > $2 ORDER BY from_utc"#,
    )
    .bind(feed.0)
    .bind(Ts(since))
    .fetch_all(pool)
    .await?)
}

/// Stores from which branch of their feed's topics devices are heard.
///
/// # Errors
/// The database is not available.
pub async fn branches(pool: &Pool, moved: &BTreeMap<DeviceKey, String>) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO device_branch AS d (source, place, branch) SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (source, place) DO UPDATE SET branch = excluded.branch WHERE d.branch <> excluded.branch",
    )
    .bind_rows(moved.iter().map(|(key, branch)| (key.source.0, key.bay.map_or(0, |bay| bay.0), branch.as_str())))
    .execute(pool)
    .await?;
    Ok(())
}

/// When nothing came through of which feeds since `since`, oldest first.
pub(crate) async fn outages(conn: &mut PgConnection, since: UtcMicros) -> Result<Vec<Outage>> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(try_from = "i32")]
        feed: FeedId,
        #[sqlx(try_from = "Ts")]
        from_utc: UtcMicros,
        #[sqlx(try_from = "MaybeTs")]
        until: Option<UtcMicros>,
        is_connected: bool,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT feed, from_utc, nullif(until_utc, 'infinity') AS until, state <> $2 AS is_connected FROM feed_state
         WHERE state IN ($2, $3) AND until_utc > $1 ORDER BY feed, from_utc",
    )
    .bind(Ts(since))
    .bind(FeedState::Disconnected.as_str())
    .bind(FeedState::Silent.as_str())
    .fetch_all(conn)
    .await?;
    let outage = |row: Row| Outage {
        feed: row.feed,
        from: row.from_utc,
        until: row.until,
        is_connected: row.is_connected,
    };
    Ok(rows.into_iter().map(outage).collect())
}

/// Stores what is wrong with these feeds at `now`, and nothing else is.
///
/// # Errors
/// The database is not available.
pub async fn reasons(pool: &Pool, feeds: &[FeedId], reasons: &[FeedReason], now: UtcMicros) -> Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::query(
        "DELETE FROM feed_reason r WHERE feed = ANY($1)
         AND NOT EXISTS (SELECT FROM unnest($2, $3, $4) AS t(f, c, s) WHERE f = r.feed AND c = r.code AND s = r.topic)",
    )
    .bind(feeds.iter().map(|feed| feed.0).collect::<Vec<_>>())
    .bind_rows(reasons.iter().map(|r| (r.feed.0, r.code.as_str(), r.topic.as_str())))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO feed_reason (feed, code, topic, from_utc, value, limit_value, fields, noticed_at)
         SELECT id, c, s, a, v, l, d, $8 FROM unnest($1, $2, $3, $4, $5, $6, $7) AS t(f, c, s, a, v, l, d) JOIN feed ON id = f
         ON CONFLICT (feed, code, topic) DO UPDATE
         SET value = excluded.value, limit_value = excluded.limit_value, fields = excluded.fields",
    )
    .bind_rows(reasons.iter().map(|r| (r.feed.0, r.code.as_str(), r.topic.as_str(), Ts(r.since))))
    .bind_rows(reasons.iter().map(|r| (r.value, r.limit, Json(&r.fields))))
    .bind(Ts(now))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
