//! Versions of places, and corrections that rewrite the version in force.

use domain::place::PlaceKind;
use domain::{MunicipalityId, UtcMicros};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};

use super::kind::KindCode;
use crate::audit::{self, Actor, AuditEvent};
use crate::column::MaybeTs;
use crate::{Result, Ts};

/// From when on imported definitions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// From now on: the former definition stays as a version.
    FromNow,
    /// A correction: the version in force is rewritten from its own beginning.
    Always,
}

/// A version that was rewritten.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Correction {
    /// Whose place it is.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// What kind of place.
    #[sqlx(try_from = "KindCode")]
    pub kind: PlaceKind,
    /// The place's id in the files.
    #[sqlx(rename = "key")]
    pub id: String,
    /// Since when the version holds; `None`: from the beginning, since the first one also holds before its own.
    #[sqlx(rename = "from_utc", try_from = "MaybeTs")]
    pub from: Option<UtcMicros>,
    /// The definitions, as they were and are stored.
    pub before: Value,
    /// See `before`.
    pub after: Value,
}

impl Correction {
    /// The properties that changed, by their names in the files, with what they were and are.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        let after = self.after.as_object().into_iter().flatten();
        after
            .map(|(name, now)| (name.as_str(), self.before.get(name).unwrap_or(&Value::Null), now))
            .filter(|(_, before, now)| before != now)
    }

    /// What was corrected, for the audit: `site w-market`.
    pub(super) fn subject(&self) -> String {
        let kind = if self.kind == PlaceKind::Site { "site" } else { "bay" };
        format!("{kind} {}", self.id)
    }

    fn event(&self) -> AuditEvent {
        let mut after = self.after.clone();
        if let (Some(from), Some(after)) = (self.from, after.as_object_mut()) {
            after.insert("holds_from".into(), serde_json::json!(from));
        }
        AuditEvent {
            action: "correct",
            subject: Some(self.subject()),
            municipalities: vec![self.municipality],
            before: Some(self.before.clone()),
            after: Some(after),
            ..AuditEvent::default()
        }
    }

    /// The figures that rest on what changed, in the order of their importance.
    pub fn figures(&self) -> Vec<&'static str> {
        let changed: Vec<&str> = self.changes().map(|(name, ..)| name).collect();
        let any = |names: &[&str]| changed.iter().any(|name| names.contains(name));
        let is_site = self.kind == PlaceKind::Site;
        let counts_otherwise = any(&["site", "zone", "purpose", "publish", "restrictions"]);
        let [was_possible, has_other_spaces] =
            [any(&["valid_from", "valid_until"]), is_site && any(&["capacity"])];
        let figures = [
            ("occupancy", counts_otherwise || was_possible || has_other_spaces),
            ("coverage", counts_otherwise || was_possible || has_other_spaces),
            ("stays", counts_otherwise || was_possible),
            ("overstays", !is_site && any(&["restrictions", "max_stay_min"])),
            ("forecast", self.concerns_forecast()),
        ];
        figures.into_iter().filter(|(_, rests)| *rests).map(|(name, _)| name).collect()
    }

    /// Whether the town's forecast must be trained again.
    pub(super) fn concerns_forecast(&self) -> bool {
        const LEARNED_FROM: [&str; 6] =
            ["capacity", "site", "purpose", "publish", "valid_from", "valid_until"];
        self.changes().any(|(name, ..)| LEARNED_FROM.contains(&name))
    }
}

/// Ends the current versions of places at `now`, and begins new ones.
pub(super) async fn begin(conn: &mut PgConnection, ids: &[i32], now: UtcMicros) -> Result<()> {
    sqlx::query("UPDATE place_version SET until_utc = $2 WHERE place = ANY($1) AND until_utc IS NULL")
        .bind(ids)
        .bind(Ts(now))
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO place_version (municipality, place, from_utc, def)
         SELECT p.municipality, p.id,
                CASE WHEN EXISTS (SELECT FROM place_version v WHERE v.place = p.id) THEN $2
                     ELSE coalesce((p.def ->> 'valid_from')::timestamptz, '-infinity') END,
                p.def
         FROM place p WHERE p.id = ANY($1)
         ON CONFLICT (municipality, place, from_utc) DO UPDATE SET def = excluded.def, until_utc = NULL",
    )
    .bind(ids)
    .bind(Ts(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Rewrites the version in force of each place to its current definition; returns the corrections.
///
/// Of a place that has ended, the last version in which it was valid and those after it are rewritten.
pub(super) async fn rewrite(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<Correction>> {
    Ok(sqlx::query_as(
        // The statement sees the versions as they were before it.
        "WITH wrong AS (
             SELECT v.place, min(v.from_utc) AS first,
                    coalesce(max(v.from_utc) FILTER (
                        WHERE coalesce((v.def ->> 'valid_until')::timestamptz, 'infinity') > v.from_utc),
                        min(v.from_utc)) AS from_utc
             FROM place_version v WHERE v.place = ANY($1) GROUP BY v.place),
         rewritten AS (
             UPDATE place_version v SET def = p.def FROM wrong w JOIN place p ON p.id = w.place
             WHERE v.place = w.place AND v.from_utc >= w.from_utc)
         SELECT p.municipality, p.kind, p.key, CASE WHEN v.from_utc > w.first THEN v.from_utc END AS from_utc,
                v.def AS before, p.def AS after
         FROM wrong w JOIN place p ON p.id = w.place
         JOIN place_version v ON v.place = w.place AND v.from_utc >= w.from_utc
         WHERE v.def IS DISTINCT FROM p.def
         ORDER BY p.kind, p.key COLLATE \"C\", v.from_utc",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?)
}

/// Audits corrections, and requests that the forecasts of the towns are trained again.
pub(super) async fn note(
    conn: &mut PgConnection,
    corrections: &[Correction],
    actor: &str,
    generation: i64,
) -> Result<()> {
    let events: Vec<AuditEvent> = corrections.iter().map(Correction::event).collect();
    audit::append(conn, &Actor::local(actor), &events).await?;
    let learned = corrections.iter().filter(|c| c.concerns_forecast());
    crate::forecast::learn_again(conn, learned.map(|c| c.municipality), generation).await
}
