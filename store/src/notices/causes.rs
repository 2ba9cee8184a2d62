//! What is not well in a town, and what of it is known as a cause.

use domain::health::Code;
use domain::notice::cause::{ChangedField, Changes, KnownCause, LONGEST_GRACE_S, OpenReason, TownHealth};
use domain::notice::parts::Tally;
use domain::notice::{Cause, Subject, SubjectKind};
use domain::{MunicipalityId, UtcMicros};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::at;
use crate::{Result, Ts, gateways};

/// A row of `health_reason` with names.
#[derive(FromRow)]
struct ReasonRow {
    sensor: Option<String>,
    feed: Option<String>,
    place: Option<String>,
    branch: Option<String>,
    code: String,
    from_utc: Ts,
    noticed_at: Ts,
    value: Option<f64>,
    limit_value: Option<f64>,
}

impl ReasonRow {
    /// `None`: it is of a sensor or feed that is gone, or this version does not know the code.
    fn reason(self) -> Option<OpenReason> {
        let feed = self.feed?;
        let (kind, id) = match (self.sensor, self.place) {
            (Some(sensor), _) => (SubjectKind::Sensor, sensor),
            (None, Some(place)) => (SubjectKind::Bay, place),
            (None, None) => (SubjectKind::Feed, feed.clone()),
        };
        Some(OpenReason {
            subject: Subject { kind, id },
            feed,
            branch: self.branch,
            code: self.code.parse().ok()?,
            since: self.from_utc.0,
            noticed_at: self.noticed_at.0,
            value: self.value,
            limit: self.limit_value,
            fields: Vec::new(),
        })
    }
}

/// A row of `feed_reason`.
#[derive(FromRow)]
struct FeedReasonRow {
    feed: String,
    topic: String,
    code: String,
    from_utc: Ts,
    noticed_at: Ts,
    value: Option<f64>,
    limit_value: Option<f64>,
    #[sqlx(json)]
    fields: Vec<ChangedField>,
}

impl FeedReasonRow {
    /// `None`: this version does not know the code.
    fn reason(self) -> Option<OpenReason> {
        let subject = match self.topic.is_empty() {
            true => Subject { kind: SubjectKind::Feed, id: self.feed.clone() },
            false => Subject { kind: SubjectKind::Topic, id: self.topic },
        };
        Some(OpenReason {
            subject,
            feed: self.feed,
            branch: None,
            code: self.code.parse().ok()?,
            since: self.from_utc.0,
            noticed_at: self.noticed_at.0,
            value: self.value,
            limit: self.limit_value,
            fields: self.fields,
        })
    }
}

#[derive(FromRow)]
struct CauseRow {
    id: i64,
    kind: String,
    subject: String,
    code: String,
    since: Ts,
    value: Option<f64>,
    limit_value: Option<f64>,
    sensors: Option<i32>,
    missing_since: Option<Ts>,
    ended_at: Option<Ts>,
    #[sqlx(json)]
    fields: Vec<ChangedField>,
    news_since: Option<Ts>,
}

impl CauseRow {
    fn known(self) -> Option<KnownCause> {
        Some(KnownCause {
            id: self.id,
            cause: Cause {
                subject: Subject { kind: self.kind.parse().ok()?, id: self.subject },
                code: self.code.parse().ok()?,
                since: self.since.0,
                value: self.value,
                limit: self.limit_value,
                sensors: self.sensors.and_then(|n| u32::try_from(n).ok()),
                fields: self.fields,
            },
            missing_since: at(self.missing_since),
            ended_at: at(self.ended_at),
            news_since: at(self.news_since),
        })
    }
}

/// What is known of a town at `now`.
///
/// # Errors
/// The database is not available.
pub async fn town(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    now: UtcMicros,
) -> Result<TownHealth> {
    let reasons: Vec<ReasonRow> = sqlx::query_as(
        "SELECT s.key AS sensor, f.key AS feed, p.key AS place, b.branch, r.code, r.from_utc, r.noticed_at, r.value, r.limit_value
         FROM health_reason r
         LEFT JOIN sensor s ON s.id = r.source
         LEFT JOIN feed f ON f.id = CASE WHEN r.source < 0 THEN -r.source ELSE s.feed END
         LEFT JOIN place p ON p.id = r.place
         LEFT JOIN device_branch b ON b.source = r.source AND b.place = CASE WHEN r.source < 0 THEN r.place ELSE 0 END
         WHERE r.municipality = $1 AND r.until_utc = 'infinity' AND (r.source < 0 OR s.id IS NOT NULL)
         ORDER BY r.from_utc, r.source",
    )
    .bind(municipality.0)
    .fetch_all(&mut *conn)
    .await?;
    let of_feeds: Vec<FeedReasonRow> = sqlx::query_as(
        "SELECT f.key AS feed, r.topic, r.code, r.from_utc, r.noticed_at, r.value, r.limit_value, r.fields
         FROM feed_reason r JOIN feed f ON f.id = r.feed
         WHERE f.municipality = $1 ORDER BY r.from_utc, r.feed, r.topic",
    )
    .bind(municipality.0)
    .fetch_all(&mut *conn)
    .await?;
    let of_feeds = of_feeds.into_iter().filter_map(FeedReasonRow::reason);
    let reasons: Vec<OpenReason> =
        reasons.into_iter().filter_map(ReasonRow::reason).chain(of_feeds).collect();
    let known: Vec<CauseRow> = sqlx::query_as(
        "SELECT id, kind, subject, code, since, value, limit_value, sensors, missing_since, ended_at, fields,
             news_since FROM notice_cause
         WHERE municipality = $1 AND ended_at IS NULL
         UNION ALL
         SELECT id, kind, subject, code, since, value, limit_value, sensors, missing_since, ended_at, fields,
             news_since FROM notice_cause
         WHERE municipality = $1 AND ended_at > $2 AND kind IN ('gateway', 'feed', 'topic')",
    )
    .bind(municipality.0)
    .bind(Ts(now.plus_s(-LONGEST_GRACE_S)))
    .fetch_all(&mut *conn)
    .await?;
    let known: Vec<KnownCause> = known.into_iter().filter_map(CauseRow::known).collect();
    let is_silent = |r: &&OpenReason| r.code == Code::Silent && r.subject.kind == SubjectKind::Sensor;
    let silent: Vec<&str> = reasons.iter().filter(is_silent).map(|r| r.subject.id.as_str()).collect();
    let of_causes: Vec<&str> = (known.iter().filter(|k| k.cause.subject.kind == SubjectKind::Gateway))
        .map(|k| k.cause.subject.id.as_str())
        .collect();
    let newest = reasons.iter().filter(is_silent).map(|r| r.noticed_at).max();
    let reception = match newest {
        None if of_causes.is_empty() => Default::default(),
        newest => {
            let noticed_at = newest.unwrap_or(now);
            gateways::reception(conn, municipality, &silent, noticed_at, &of_causes).await?
        }
    };
    Ok(TownHealth { reasons, reception, known })
}

/// Stores what changed at `now`.
///
/// # Errors
/// The database is not available.
pub async fn record(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    changes: &Changes,
    now: UtcMicros,
) -> Result<()> {
    for (ids, sql) in [
        (&changes.missing, "UPDATE notice_cause SET missing_since = $2 WHERE id = ANY($1)"),
        (&changes.back, "UPDATE notice_cause SET missing_since = NULL WHERE id = ANY($1) AND $2 IS NOT NULL"),
        (&changes.news, "UPDATE notice_cause SET news_since = $2 WHERE id = ANY($1)"),
        (&changes.no_news, "UPDATE notice_cause SET news_since = NULL WHERE id = ANY($1) AND $2 IS NOT NULL"),
        (&changes.ended, "UPDATE notice_cause SET ended_at = $2 WHERE id = ANY($1)"),
    ] {
        if !ids.is_empty() {
            sqlx::query(sql).bind(ids).bind(Ts(now)).execute(&mut *conn).await?;
        }
    }
    for (id, cause) in &changes.grew {
        sqlx::query("UPDATE notice_cause SET fields = fields || $2, news_since = NULL WHERE id = $1")
            .bind(id)
            .bind(Json(&cause.fields))
            .execute(&mut *conn)
            .await?;
    }
    let began = &changes.began;
    if began.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO notice_cause (municipality, kind, subject, code, since, value, limit_value, sensors, fields)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(municipality.0)
    .bind(began.iter().map(|c| c.subject.kind.as_str()).collect::<Vec<_>>())
    .bind(began.iter().map(|c| c.subject.id.as_str()).collect::<Vec<_>>())
    .bind(began.iter().map(|c| c.code.as_str()).collect::<Vec<_>>())
    .bind(began.iter().map(|c| Ts(c.since)).collect::<Vec<_>>())
    .bind(began.iter().map(|c| c.value).collect::<Vec<_>>())
    .bind(began.iter().map(|c| c.limit).collect::<Vec<_>>())
    .bind(began.iter().map(|c| c.sensors.and_then(|n| i32::try_from(n).ok())).collect::<Vec<_>>())
    .bind(began.iter().map(|c| Json(&c.fields)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Causes that ended after `since`, and those that last, oldest first.
///
/// # Errors
/// The database is not available.
pub async fn today(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    since: UtcMicros,
) -> Result<Vec<KnownCause>> {
    let rows: Vec<CauseRow> = sqlx::query_as(
        "SELECT id, kind, subject, code, since, value, limit_value, sensors, missing_since, ended_at, fields,
             news_since FROM notice_cause
         WHERE municipality = $1 AND (ended_at IS NULL OR ended_at > $2) ORDER BY since, id",
    )
    .bind(municipality.0)
    .bind(Ts(since))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(CauseRow::known).collect())
}

/// How many of a town's sensors are how.
///
/// # Errors
/// The database is not available.
pub async fn tally(conn: &mut PgConnection, municipality: MunicipalityId) -> Result<Tally> {
    let ailing: Vec<(Vec<String>,)> = sqlx::query_as(
        "SELECT array_agg(r.code) FROM health_reason r JOIN sensor s ON s.id = r.source AND s.municipality = r.municipality
         WHERE r.municipality = $1 AND r.until_utc = 'infinity' GROUP BY s.id",
    )
    .bind(municipality.0)
    .fetch_all(&mut *conn)
    .await?;
    let codes = |(codes,): (Vec<String>,)| codes.iter().filter_map(|c| c.parse().ok()).collect();
    let ailing: Vec<Vec<Code>> =
        ailing.into_iter().map(codes).filter(|codes: &Vec<_>| !codes.is_empty()).collect();
    let sensors = gateways::sensors(conn, municipality).await?;
    Ok(Tally::new(sensors, ailing.iter().map(Vec::as_slice)))
}
