//! The audit log: append-only. Only addresses are deleted, after a time.

use std::net::IpAddr;

use domain::{MunicipalityId, UtcMicros};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use crate::column::PageRow;
use crate::{Pool, Result, Ts};

/// A page's rows hold no more than this, bytes of JSON, but for one row that is larger.
const MAX_PAGE_BYTES: i64 = 4 << 20;

/// The actor of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// `key 3`, `command line`, `public`.
    pub name: String,
    /// Of a key: what it is for.
    pub role: Option<String>,
    /// From where it came, if over a network.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// A local user, or the program itself.
    pub fn local(name: &str) -> Self {
        Actor { name: name.to_owned(), ..Actor::default() }
    }
}

domain::wire_enum! {
    /// How it ended.
    #[derive(Default)]
    AuditOutcome {
        /// It was done.
        #[default]
        Done = "done",
        /// It was refused.
        Refused = "refused",
    }
}

/// An event, without its actor.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AuditEvent {
    /// `key create`, `import`, `replay`.
    pub action: &'static str,
    /// `key 3`, `site w-market`; `None`: nothing in particular.
    pub subject: Option<String>,
    /// Whose operators may see it; none: the county's alone.
    pub municipalities: Vec<MunicipalityId>,
    /// What it changed, as it was.
    pub before: Option<Value>,
    /// What it changed, as it is, or details of what was done.
    pub after: Option<Value>,
    /// Whether it was done.
    pub outcome: AuditOutcome,
}

/// Records what `actor` did, in the transaction that does it.
///
/// # Errors
/// The database is not available.
pub async fn append(conn: &mut PgConnection, actor: &Actor, events: &[AuditEvent]) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (actor, role, address, action, subject, municipalities, before, after, outcome)
         SELECT $1, $2, $3::inet, action, subject, municipalities, before, after, outcome
         FROM jsonb_populate_recordset(NULL::audit, $4)",
    )
    .bind(&actor.name)
    .bind(&actor.role)
    .bind(actor.address.map(|address| address.to_string()))
    .bind(Json(events))
    .execute(conn)
    .await?;
    Ok(())
}

/// Records an event that changes nothing else in the database.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, actor: &Actor, event: AuditEvent) -> Result<()> {
    append(&mut *pool.acquire().await?, actor, &[event]).await
}

/// A row of the audit, as it is answered.
#[derive(Debug, Clone, PartialEq, FromRow, Serialize)]
pub struct AuditEntry {
    /// Its number, higher than that of every earlier one.
    #[serde(skip)]
    pub id: i64,
    /// When it happened, by the database's clock.
    #[sqlx(rename = "at_utc", try_from = "Ts")]
    pub at: UtcMicros,
    /// See [`Actor::name`].
    pub actor: String,
    /// See [`Actor::role`].
    pub role: Option<String>,
    /// See [`AuditEvent::action`].
    pub action: String,
    /// See [`AuditEvent::subject`].
    pub subject: Option<String>,
    /// See [`AuditEvent::before`].
    pub before: Option<Value>,
    /// See [`AuditEvent::after`].
    pub after: Option<Value>,
    /// From where it came; `None`: from this machine, or so long ago that the address is deleted.
    pub address: Option<String>,
    /// The word of an [`AuditOutcome`].
    pub outcome: String,
}

/// Filters of a page.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter<'a> {
    /// Only what concerns one of these; `None`: everything.
    pub municipalities: Option<&'a [MunicipalityId]>,
    /// Not before this.
    pub from: Option<UtcMicros>,
    /// Before this.
    pub until: Option<UtcMicros>,
    /// By this [`Actor::name`].
    pub actor: Option<&'a str>,
    /// Of this action.
    pub action: Option<&'a str>,
    /// About this subject.
    pub subject: Option<&'a str>,
    /// Those with an id below.
    pub before: Option<i64>,
}

/// A page of the audit, newest first: at most `limit` rows and some MiB; and whether there are more.
///
/// # Errors
/// The database is not available.
pub async fn page(pool: &Pool, filter: &AuditFilter<'_>, limit: usize) -> Result<(Vec<AuditEntry>, bool)> {
    let rows: Vec<PageRow<AuditEntry>> = sqlx::query_as(
        "SELECT id, at_utc, actor, role, action, subject, before, after, host(address) AS address, outcome, found
         FROM (
            SELECT *, count(*) OVER () AS found, sum(coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0))
                OVER (ORDER BY id DESC) AS bytes, row_number() OVER (ORDER BY id DESC) AS n
            FROM (
                SELECT * FROM audit
                WHERE ($1::int[] IS NULL OR municipalities && $1)
                  AND ($2::timestamptz IS NULL OR at_utc >= $2)
                  AND ($3::timestamptz IS NULL OR at_utc < $3)
                  AND ($4::text IS NULL OR actor = $4)
                  AND ($5::text IS NULL OR action = $5)
                  AND ($6::text IS NULL OR subject = $6)
                  AND ($7::bigint IS NULL OR id < $7)
                ORDER BY id DESC LIMIT $8) found) sized
         WHERE n < $8 AND (bytes <= $9 OR n = 1)
         ORDER BY id DESC",
    )
    .bind(filter.municipalities.map(|m| m.iter().map(|m| m.0).collect::<Vec<_>>()))
    .bind(filter.from.map(Ts))
    .bind(filter.until.map(Ts))
    .bind(filter.actor)
    .bind(filter.action)
    .bind(filter.subject)
    .bind(filter.before)
    .bind(limit as i64 + 1)
    .bind(MAX_PAGE_BYTES)
    .fetch_all(pool)
    .await?;
    Ok(PageRow::page(rows))
}
