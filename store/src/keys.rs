//! Keys of the API: 32 random bytes, of which only the BLAKE3 hash is stored.

use domain::{MunicipalityId, UtcMicros};
use sqlx::FromRow;

use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

/// BLAKE3 of a key's 32 bytes.
pub type KeyHash = [u8; 32];

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub id: i32,
    pub name: Option<String>,
    /// `installer`, `planner`, `operator`, `admin`.
    pub role: String,
    /// Empty: all (admin).
    pub municipalities: Vec<MunicipalityId>,
    pub created_at: UtcMicros,
    pub expires_at: Option<UtcMicros>,
    pub last_used_at: Option<UtcMicros>,
    pub revoked_at: Option<UtcMicros>,
}

#[derive(FromRow)]
struct Row {
    id: i32,
    name: Option<String>,
    role: String,
    municipalities: Vec<i32>,
    created_at: Ts,
    expires_at: Option<Ts>,
    last_used_at: Option<Ts>,
    revoked_at: Option<Ts>,
}

impl From<Row> for StoredKey {
    fn from(r: Row) -> Self {
        StoredKey {
            id: r.id,
            name: r.name,
            role: r.role,
            municipalities: r.municipalities.into_iter().map(MunicipalityId).collect(),
            created_at: r.created_at.0,
            expires_at: r.expires_at.map(|t| t.0),
            last_used_at: r.last_used_at.map(|t| t.0),
            revoked_at: r.revoked_at.map(|t| t.0),
        }
    }
}

const COLUMNS: &str = "id, name, role, municipalities, created_at, expires_at, last_used_at, revoked_at";

/// Stores a new key; returns its number.
///
/// # Errors
/// The database is not available.
pub async fn create(
    pool: &Pool,
    hash: &KeyHash,
    role: &str,
    municipalities: &[MunicipalityId],
    name: Option<&str>,
    expires_at: Option<UtcMicros>,
) -> Result<i32, StoreError> {
    let mut tx = pool.begin().await?;
    let id: i32 = sqlx::query_scalar(
        "INSERT INTO api_key (hash, role, municipalities, name, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(hash.as_slice())
    .bind(role)
    .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(name)
    .bind(expires_at.map(Ts))
    .fetch_one(&mut *tx)
    .await?;
    audit(&mut tx, "key create", id, role).await?;
    tx.commit().await?;
    Ok(id)
}

async fn audit(conn: &mut sqlx::PgConnection, action: &str, key: i32, role: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (actor, action, detail)
         VALUES ('command line', $1, jsonb_build_object('key', $2::int, 'role', $3::text))",
    )
    .bind(action)
    .bind(key)
    .bind(role)
    .execute(conn)
    .await?;
    Ok(())
}

/// All keys, oldest first.
///
/// # Errors
/// The database is not available.
pub async fn list(pool: &Pool) -> Result<Vec<StoredKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key ORDER BY id");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?;
    Ok(rows.into_iter().map(StoredKey::from).collect())
}

/// Ends a key now; whether there was one to end.
///
/// # Errors
/// The database is not available.
pub async fn revoke(pool: &Pool, id: i32) -> Result<bool, StoreError> {
    let mut tx = pool.begin().await?;
    let role: Option<String> = sqlx::query_scalar(
        "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING role",
    )
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(role) = &role {
        audit(&mut tx, "key revoke", id, role).await?;
    }
    tx.commit().await?;
    Ok(role.is_some())
}

/// The key of a hash, when it holds now.
///
/// # Errors
/// The database is not available.
pub async fn find(pool: &Pool, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM api_key
         WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
    );
    let row: Option<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(hash.as_slice()).fetch_optional(pool).await?;
    Ok(row.map(StoredKey::from))
}

/// Notes that a key was used; at most once a minute is written.
///
/// # Errors
/// The database is not available.
pub async fn touch(pool: &Pool, id: i32) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE api_key SET last_used_at = now()
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
    )
    .bind(id)
    .execute(pool)
    .await?;
    Ok(())
}
