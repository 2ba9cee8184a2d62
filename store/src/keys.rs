//! Keys of the API, of which only the BLAKE3 hash is stored.

use domain::{FeedId, MunicipalityId, UtcMicros};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::audit::{self, Actor, AuditEvent};
use crate::column::{Ids, MaybeId, MaybeTs};
use crate::{Pool, Result, Ts};

/// BLAKE3 of a key as it is written; for keys of the first versions, of the 32 bytes that they encode.
pub type KeyHash = [u8; 32];

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredKey {
    /// Its number.
    pub id: i32,
    /// What it was called when it was made.
    pub name: Option<String>,
    /// `installer`, `planner`, `operator`, `admin`, `feed`.
    pub role: String,
    /// Empty: all (admin).
    #[sqlx(try_from = "Ids")]
    pub municipalities: Vec<MunicipalityId>,
    /// To which feed it may post; of the role `feed` alone.
    #[sqlx(try_from = "MaybeId")]
    pub feed: Option<FeedId>,
    /// When it was made.
    #[sqlx(try_from = "Ts")]
    pub created_at: UtcMicros,
    /// When it ends by itself.
    #[sqlx(try_from = "MaybeTs")]
    pub expires_at: Option<UtcMicros>,
    /// When it was last used, to the minute.
    #[sqlx(try_from = "MaybeTs")]
    pub last_used_at: Option<UtcMicros>,
    /// When it was revoked.
    #[sqlx(try_from = "MaybeTs")]
    pub revoked_at: Option<UtcMicros>,
    /// It was not revoked, and has not expired by the database's clock.
    pub is_valid: bool,
}

/// A key that is made.
#[derive(Debug, Clone, Default)]
pub struct NewKey<'a> {
    /// See [`StoredKey::role`].
    pub role: &'a str,
    /// Empty: all.
    pub municipalities: &'a [MunicipalityId],
    /// Required by the role `feed`, which has the feed's municipality.
    pub feed: Option<FeedId>,
    /// Whose key it is.
    pub name: Option<&'a str>,
    /// When it ends by itself.
    pub expires_at: Option<UtcMicros>,
}

const COLUMNS: &str =
    "id, name, role, municipalities, feed, created_at, expires_at, last_used_at, revoked_at,
    revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS is_valid";

/// Stores a new key; returns its number.
///
/// # Errors
/// The database is not available.
pub async fn create(pool: &Pool, hash: &KeyHash, new: &NewKey<'_>) -> Result<i32> {
    let NewKey { role, municipalities, feed, name, expires_at } = new;
    let mut tx = pool.begin().await?;
    let key: StoredKey = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "INSERT INTO api_key (hash, role, municipalities, feed, name, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING {COLUMNS}"
    )))
    .bind(hash.as_slice())
    .bind(role)
    .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(feed.map(|feed| feed.0))
    .bind(name)
    .bind(expires_at.map(Ts))
    .fetch_one(&mut *tx)
    .await?;
    let after = Some(described(&mut tx, &key).await?);
    let event = AuditEvent { after, ..about(&key, "key create") };
    audit::append(&mut tx, &Actor::local("command line"), &[event]).await?;
    tx.commit().await?;
    Ok(key.id)
}

fn about(key: &StoredKey, action: &'static str) -> AuditEvent {
    let subject = Some(format!("key {}", key.id));
    AuditEvent { action, subject, municipalities: key.municipalities.clone(), ..AuditEvent::default() }
}

/// A key's description for the audit: never its hash.
async fn described(conn: &mut PgConnection, key: &StoredKey) -> Result<Value> {
    let mut described = json!({"role": key.role, "name": key.name, "expires_at": key.expires_at});
    if let Some(FeedId(feed)) = key.feed {
        let feed: String =
            sqlx::query_scalar("SELECT key FROM feed WHERE id = $1").bind(feed).fetch_one(conn).await?;
        described["feed"] = feed.into();
    }
    Ok(described)
}

/// All keys, oldest first.
///
/// # Errors
/// The database is not available.
pub async fn list(pool: &Pool) -> Result<Vec<StoredKey>> {
    let sql = format!("SELECT {COLUMNS} FROM api_key ORDER BY id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?)
}

/// Revokes a key; whether there was one to revoke.
///
/// # Errors
/// The database is not available.
pub async fn revoke(pool: &Pool, id: i32) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let key: Option<StoredKey> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING {COLUMNS}"
    )))
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(key) = &key {
        let before = Some(described(&mut tx, key).await?);
        let event = AuditEvent { before, ..about(key, "key revoke") };
        audit::append(&mut tx, &Actor::local("command line"), &[event]).await?;
    }
    tx.commit().await?;
    Ok(key.is_some())
}

/// The key of a hash.
///
/// # Errors
/// The database is not available.
pub async fn find(pool: &Pool, hash: &KeyHash) -> Result<Option<StoredKey>> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE hash = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(hash.as_slice()).fetch_optional(pool).await?)
}

/// Notes that a key was used; at most once a minute is written.
///
/// # Errors
/// The database is not available.
pub async fn touch(pool: &Pool, id: i32) -> Result<()> {
    sqlx::query(
        "UPDATE api_key SET last_used_at = now()
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute' OR last_used_at > now())",
    )
    .bind(id)
    .execute(pool)
    .await?;
    Ok(())
}

/// The hashes of all valid keys: they reject a guess without a query.
///
/// # Errors
/// The database is not available.
pub async fn hashes(pool: &Pool) -> Result<Vec<KeyHash>> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT hash FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(|hash| hash.try_into().ok()).collect())
}
