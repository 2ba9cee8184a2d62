//! Notices: who is to be notified of what, what was found, and what is to be delivered.

mod causes;
mod outbox;

use domain::notice::NoticeRule;
use domain::{Municipality, MunicipalityId};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, FromRow, PgConnection, Postgres, Transaction};

pub use self::causes::{record, tally, today, town};
pub use self::outbox::{
    Attempted, Delivery, DeliveryState, DueNotice, Retried, append, attempted, counts, due, page, retry,
};
use crate::{Result, Ts};

/// Advisory lock of the process that notifies.
const NOTIFIER_LOCK: i64 = 0x6b76_6e6f_7469; // "kvnoti"

/// Advisory lock of transactions that find causes: none is found twice, whoever believes to be the one.
const CAUSES_LOCK: i64 = 0x6b76_6361_7573; // "kvcaus"

/// The right to notify: of several processes one has it, until it drops this or loses the connection.
#[derive(Debug)]
pub struct Notifier(PgConnection);

impl Notifier {
    /// `None`: another process has it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn become_it(options: &PgConnectOptions) -> Result<Option<Self>> {
        let mut conn = crate::pool::own(options).await?;
        let is_it: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(NOTIFIER_LOCK)
            .fetch_one(&mut conn)
            .await?;
        Ok(is_it.then_some(Notifier(conn)))
    }

    /// Its own connection, with whose loss it loses the right.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// A rule, and the town that it is about.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Rule {
    /// The town.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// Its definition.
    #[sqlx(json)]
    pub town: Municipality,
    /// What `notices.toml` says.
    #[sqlx(json)]
    pub rule: NoticeRule,
    /// The day of its newest daily notice, as `2026-11-28`; `None`: there was none.
    pub daily_on: Option<String>,
}

/// All rules, those of one town together.
///
/// # Errors
/// The database is not available.
pub async fn rules(conn: &mut PgConnection) -> Result<Vec<Rule>> {
    Ok(sqlx::query_as(
        "SELECT m.id AS municipality, m.def AS town, r.def AS rule, r.daily_on::text AS daily_on
         FROM notice_rule r JOIN municipality m ON m.id = r.municipality ORDER BY m.id, r.key",
    )
    .fetch_all(conn)
    .await?)
}

/// Begins a transaction in which nobody else looks for causes.
///
/// # Errors
/// The database is not available.
pub async fn begin(conn: &mut PgConnection) -> Result<Transaction<'_, Postgres>> {
    let mut tx = conn.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CAUSES_LOCK).execute(&mut *tx).await?;
    Ok(tx)
}

/// Notes that the rule's daily notice of `day` is written.
///
/// # Errors
/// The database is not available.
pub async fn note_daily(conn: &mut PgConnection, rule: &str, day: &str) -> Result<()> {
    sqlx::query("UPDATE notice_rule SET daily_on = $2::date WHERE key = $1")
        .bind(rule)
        .bind(day)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends rules that the files no longer mention: what of theirs is not delivered is given up, and stays visible.
pub(crate) async fn close(conn: &mut PgConnection, rules: &[String]) -> Result<()> {
    sqlx::query(
        "UPDATE notice SET state = 'dead', error = 'its rule was removed from notices.toml'
         WHERE rule = ANY($1) AND state = 'pending'",
    )
    .bind(rules)
    .execute(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM notice_rule WHERE key = ANY($1)").bind(rules).execute(conn).await?;
    Ok(())
}

fn at(text: Option<Ts>) -> Option<domain::UtcMicros> {
    text.map(|at| at.0)
}
