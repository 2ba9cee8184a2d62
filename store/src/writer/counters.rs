//! Devices that count on: who passed is the difference between a message and the one before it, in the order of time and
//! not of arrival. So a message that comes late changes what the one after it says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::observation::CountValue;
use domain::{BothWays, Counter, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use super::observation::ObservationKey;
use crate::bind::BindRows;
use crate::site_states::StateKey;
use crate::{Result, Ts};

/// First key of the advisory locks under which the messages of one sensor are compared, whoever stores them.
const LOCK: i32 = 0x6b76_636f; // "kvco"

/// Messages of one device that are farther apart are compared one by one with those around them, microseconds.
const APART_US: i64 = 6 * 3_600 * 1_000_000;

/// How far back the search for the message before goes at first, days: devices count several times a day. Then without limit.
const DAYS_BACK: i64 = 2;

/// A device's messages about a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) municipality: MunicipalityId,
    pub(super) site: SiteId,
    pub(super) sensor: SensorId,
}

impl Lane {
    pub(super) fn of(count: &SiteCount) -> Option<Self> {
        let (municipality, site) = (count.provenance.municipality, count.site);
        count.counter.and(count.provenance.sensor).map(|sensor| Lane { municipality, site, sensor })
    }
}

/// A stored message of a device that counts on.
struct Stored {
    at: UtcMicros,
    digest: i64,
    seq: Option<i64>,
    counter: Counter,
    held: BothWays,
}

type Columns = (Ts, i64, Option<i64>, Json<Counter>, Option<i32>, Option<i32>);

impl From<Columns> for Stored {
    fn from((Ts(at), digest, seq, Json(counter), entries, exits): Columns) -> Self {
        let held = BothWays { entries: entries.unwrap_or(0), exits: exits.unwrap_or(0) };
        Stored { at, digest, seq, counter, held }
    }
}

/// What has changed of stored counts.
#[derive(Default)]
pub(super) struct Settled {
    /// Who passed, by the instant and digest of each message of `lanes` that was looked at.
    flows: BTreeMap<(Lane, UtcMicros, i64), BothWays>,
    /// Counts that changed and were stored before: of which state, and when.
    pub(super) corrected: Vec<(StateKey, UtcMicros)>,
}

impl Settled {
    /// `count`, with who passed.
    pub(super) fn apply(&self, count: &SiteCount) -> Option<SiteCount> {
        let flow = self.flows.get(&(Lane::of(count)?, count.observed_at, count.digest))?;
        let value = CountValue::Flow { entries: flow.entries, exits: flow.exits };
        Some(SiteCount { value, ..count.clone() })
    }
}

/// Compares messages with those before and after them, where some of `lanes` came or went: with the instants at which they
/// did. `new`: the messages that were not stored before.
pub(super) async fn settle(
    conn: &mut PgConnection,
    mut lanes: BTreeMap<Lane, Vec<UtcMicros>>,
    new: &HashSet<ObservationKey>,
) -> Result<Settled> {
    let mut settled = Settled::default();
    let sensors: BTreeSet<SensorId> = lanes.keys().map(|lane| lane.sensor).collect();
    for sensor in sensors {
        sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
            .bind(LOCK)
            .bind(sensor.0)
            .execute(&mut *conn)
            .await?;
    }
    lanes.values_mut().for_each(|instants| instants.sort_unstable());
    let mut spans: Vec<(Lane, UtcMicros, UtcMicros)> = Vec::with_capacity(lanes.len());
    for (lane, instants) in &lanes {
        let together = instants.chunk_by(|a, b| b.0.saturating_sub(a.0) <= APART_US);
        spans.extend(together.filter_map(|instants| Some((*lane, *instants.first()?, *instants.last()?))));
    }
    for (lane, first, last) in spans {
        let messages = around(conn, lane, first, last).await?;
        let mut before: Option<&Stored> = None;
        let mut changed: Vec<(&Stored, BothWays)> = Vec::new();
        for message in &messages {
            let flow = message.counter.flow(message.seq, before.map(|before| (before.counter, before.seq)));
            before = Some(message);
            if message.at < first {
                // It stands here for what follows.
                continue;
            }
            settled.flows.insert((lane, message.at, message.digest), flow);
            if flow != message.held {
                changed.push((message, flow));
            }
        }
        write(conn, lane, &changed).await?;
        let state = StateKey { municipality: lane.municipality, site: lane.site, audience: None };
        let key = |m: &Stored| (lane.municipality, m.at, lane.site.0, m.digest);
        let stored_before = changed.iter().filter(|(m, _)| !new.contains(&key(m)));
        settled.corrected.extend(stored_before.map(|(m, _)| (state, m.at)));
    }
    Ok(settled)
}

/// The messages of a lane from `first` to `last`, the one before and the one after them, in the order of time.
async fn around(
    conn: &mut PgConnection,
    lane: Lane,
    first: UtcMicros,
    last: UtcMicros,
) -> Result<Vec<Stored>> {
    let mut before = None;
    for from in [first.plus_s(-DAYS_BACK * 86_400), UtcMicros::EPOCH] {
        let newest = "AND observed_at < $4 AND observed_at >= $5
                      ORDER BY observed_at DESC, seq DESC NULLS LAST, digest DESC LIMIT 1";
        before = of(lane, newest).bind(Ts(first)).bind(Ts(from)).fetch_optional(&mut *conn).await?;
        if before.is_some() {
            break;
        }
    }
    let within = "AND observed_at BETWEEN $4 AND $5 ORDER BY observed_at, seq NULLS FIRST, digest";
    let within = of(lane, within).bind(Ts(first)).bind(Ts(last)).fetch_all(&mut *conn).await?;
    let next = "AND observed_at > $4 ORDER BY observed_at, seq NULLS FIRST, digest LIMIT 1";
    let next = of(lane, next).bind(Ts(last)).fetch_optional(&mut *conn).await?;
    Ok(before.into_iter().chain(within).chain(next).map(Stored::from).collect())
}

/// The messages of a lane, $1 to $3, with `rest` of the statement.
fn of(lane: Lane, rest: &str) -> QueryAs<'_, Postgres, Columns, PgArguments> {
    let sql = format!(
        "SELECT observed_at, digest, seq, counter, entries, exits FROM site_count
         WHERE municipality = $1 AND site = $2 AND sensor = $3 AND counter IS NOT NULL {rest}"
    );
    sqlx::query_as(AssertSqlSafe(sql)).bind(lane.municipality.0).bind(lane.site.0).bind(lane.sensor.0)
}

async fn write(conn: &mut PgConnection, lane: Lane, changed: &[(&Stored, BothWays)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE site_count o SET entries = t.entries, exits = t.exits
         FROM unnest($1, $2, $3, $4) AS t(at, digest, entries, exits)
         WHERE o.municipality = $5 AND o.observed_at = t.at AND o.site = $6 AND o.digest = t.digest",
    )
    .bind_rows(changed.iter().map(|(m, flow)| (Ts(m.at), m.digest, flow.entries, flow.exits)))
    .bind(lane.municipality.0)
    .bind(lane.site.0)
    .execute(conn)
    .await?;
    Ok(())
}
