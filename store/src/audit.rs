//! The audit log: append-only. Only addresses are deleted, after a time.

use std::net::IpAddr;
use std::time::Duration;

use domain::{MunicipalityId, UtcMicros};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

/// How long addresses are kept.
pub const ADDRESSES: Duration = Duration::from_secs(90 * 86_400);

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

/// How it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Done,
    Refused,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 2] = [Outcome::Done, Outcome::Refused];

    /// The word in the table and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
        }
    }
}

/// An event, without its actor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditEvent {
    /// `key create`, `import`, `replay`.
    pub action: &'static str,
    /// `key 3`, `site w-market`; `None`: nothing in particular.
    pub subject: Option<String>,
    /// Whose operators may see it; none: the county's alone.
    pub municipalities: Vec<MunicipalityId>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub outcome: Outcome,
}

/// Records what `actor` did, in the transaction that does it.
///
/// # Errors
/// The database is not available.
pub async fn append(conn: &mut PgConnection, actor: &Actor, events: &[AuditEvent]) -> Result<(), StoreError> {
    // An array of arrays has rows of one length: so each list is a text of its own.
    let municipalities = |event: &AuditEvent| {
        let ids: Vec<String> = event.municipalities.iter().map(|m| m.0.to_string()).collect();
        format!("{{{}}}", ids.join(","))
    };
    sqlx::query(
        "INSERT INTO audit (actor, role, address, action, subject, municipalities, before, after, outcome)
         SELECT $1, $2, $3::inet, action, subject, municipalities::int[], before, after, outcome
         FROM unnest($4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[], $9::text[])
            AS t(action, subject, municipalities, before, after, outcome)",
    )
    .bind(&actor.name)
    .bind(&actor.role)
    .bind(actor.address.map(|address| address.to_string()))
    .bind(events.iter().map(|d| d.action).collect::<Vec<_>>())
    .bind(events.iter().map(|d| d.subject.as_deref()).collect::<Vec<_>>())
    .bind(events.iter().map(municipalities).collect::<Vec<_>>())
    .bind(events.iter().map(|d| d.before.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(events.iter().map(|d| d.after.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(events.iter().map(|d| d.outcome.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Records an event that changes nothing else in the database.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, actor: &Actor, event: AuditEvent) -> Result<(), StoreError> {
    append(&mut *pool.acquire().await?, actor, &[event]).await
}

/// A row of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: i64,
    pub at: UtcMicros,
    pub actor: String,
    pub role: Option<String>,
    pub action: String,
    pub subject: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub address: Option<String>,
    pub outcome: String,
}

#[derive(FromRow)]
struct AuditRow {
    id: i64,
    at_utc: Ts,
    actor: String,
    role: Option<String>,
    action: String,
    subject: Option<String>,
    before: Option<Json<Value>>,
    after: Option<Json<Value>>,
    address: Option<String>,
    outcome: String,
    found: i64,
}

/// Filters of a page.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter<'a> {
    /// Only what concerns one of these; `None`: everything.
    pub municipalities: Option<&'a [MunicipalityId]>,
    pub from: Option<UtcMicros>,
    pub until: Option<UtcMicros>,
    pub actor: Option<&'a str>,
    pub action: Option<&'a str>,
    pub subject: Option<&'a str>,
    /// Those with an id below.
    pub before: Option<i64>,
}

/// A page of the audit, newest first: at most `limit` rows and some MiB; and whether there are more.
///
/// # Errors
/// The database is not available.
pub async fn page(
    pool: &Pool,
    filter: &AuditFilter<'_>,
    limit: usize,
) -> Result<(Vec<Entry>, bool), StoreError> {
    let rows: Vec<AuditRow> = sqlx::query_as(
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
    let found = rows.first().map_or(0, |row| row.found);
    let more = found > rows.len() as i64;
    let entry = |r: AuditRow| Entry {
        id: r.id,
        at: r.at_utc.0,
        actor: r.actor,
        role: r.role,
        action: r.action,
        subject: r.subject,
        before: r.before.map(|b| b.0),
        after: r.after.map(|a| a.0),
        address: r.address,
        outcome: r.outcome,
    };
    Ok((rows.into_iter().map(entry).collect(), more))
}

/// Deletes the addresses of events before `before`.
pub(crate) async fn forget_addresses(conn: &mut PgConnection, before: UtcMicros) -> Result<(), StoreError> {
    sqlx::query("UPDATE audit SET address = NULL WHERE address IS NOT NULL AND at_utc < $1")
        .bind(Ts(before))
        .execute(conn)
        .await?;
    Ok(())
}
