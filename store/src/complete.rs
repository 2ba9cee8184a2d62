//! Up to when everything that is stored is derived: the earliest instant of the pending changes.

use std::collections::{BTreeMap, HashMap};

use domain::intervals::Timeline;
use domain::live::Change;
use domain::{BayId, MunicipalityId, SiteId, UtcMicros};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::changes::{self, LogCursor};
use crate::{Result, Ts, analysis};

/// How many bytes of the log are assigned to municipalities; beyond it the earliest instant counts for all.
const LOOKED_INTO_BYTES: i64 = 4 << 20;

/// The earliest instants of the pending changes in the log.
#[derive(Debug, Default)]
pub struct Waiting {
    by_town: HashMap<MunicipalityId, BTreeMap<BayId, UtcMicros>>,
    /// Of bays whose town is not known, and of what was not assigned.
    of_any: Option<UtcMicros>,
}

impl Waiting {
    /// Reads them. `owner` returns the municipality of a bay.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn read(
        conn: &mut PgConnection,
        owner: impl Fn(BayId) -> Option<MunicipalityId>,
    ) -> Result<Self> {
        let sql = format!(
            "{} SELECT earliest, CASE WHEN sum(octet_length(body)) OVER (ORDER BY writer, seq) <= $1 THEN body END
             FROM unread WHERE earliest IS DISTINCT FROM 'infinity'",
            LogCursor::Deriver.with_unread()
        );
        let rows: Vec<(Option<Ts>, Option<Vec<u8>>)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(LOOKED_INTO_BYTES).fetch_all(conn).await?;
        let mut waiting = Waiting::default();
        for (earliest, body) in rows {
            let Some(body) = body else {
                waiting.note_any(earliest.map_or(UtcMicros::EPOCH, |at| at.0));
                continue;
            };
            for change in changes::decode(&body)? {
                let (bay, at) = match change {
                    Change::Bay { bay, reading } => (bay, reading.observed_at),
                    Change::Corrected { bay, first_at, .. } => (bay, first_at),
                    _ => continue,
                };
                match owner(bay) {
                    Some(town) => {
                        let held = waiting.by_town.entry(town).or_default().entry(bay).or_insert(at);
                        *held = at.min(*held);
                    }
                    None => waiting.note_any(at),
                }
            }
        }
        Ok(waiting)
    }

    fn note_any(&mut self, at: UtcMicros) {
        self.of_any = Some(self.of_any.map_or(at, |held| held.min(at)));
    }

    /// Up to when everything of a municipality's places is derived; `now` at most, the epoch when nothing ever was.
    /// Pending changes of places that count in no figure are ignored, and their time is not published. `is_shown`
    /// decides for a bay of which nothing is derived yet.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn complete_until(
        &self,
        conn: &mut PgConnection,
        municipality: MunicipalityId,
        now: UtcMicros,
        is_shown: impl Fn(BayId) -> bool,
    ) -> Result<UtcMicros> {
        let counts: Vec<(i32, Ts)> = sqlx::query_as(
            "SELECT site, min(from_utc) FROM derive_wanted WHERE municipality = $1 GROUP BY site",
        )
        .bind(municipality.0)
        .fetch_all(&mut *conn)
        .await?;
        let until: Option<Ts> = sqlx::query_scalar(
            "SELECT least($2, moving_from,
                 (SELECT next_utc FROM derive_again WHERE municipality = $1),
                 (SELECT min(from_utc) FROM rebinding WHERE done_at IS NULL AND $1 = ANY(towns)),
                 CASE WHEN again THEN '-infinity'::timestamptz END)
             FROM derive_state",
        )
        .bind(municipality.0)
        .bind(Ts(now))
        .fetch_optional(&mut *conn)
        .await?;
        let mut until = until.map_or(UtcMicros::EPOCH, |until| until.0);
        let bays = self.by_town.get(&municipality);
        if bays.is_some() || !counts.is_empty() {
            let timelines = analysis::timelines(conn, municipality).await?;
            let counts_somewhere =
                |timeline: &Timeline| timeline.pieces.iter().any(|piece| !piece.scopes.is_empty());
            for (bay, at) in bays.into_iter().flatten() {
                if timelines.bays.get(bay).map_or_else(|| is_shown(*bay), counts_somewhere) {
                    until = until.min(*at);
                }
            }
            for (site, at) in counts {
                let mut own = timelines.sites.iter().filter(|((id, _), _)| *id == SiteId(site)).peekable();
                if own.peek().is_none() || own.any(|(_, timeline)| counts_somewhere(timeline)) {
                    until = until.min(at.0);
                }
            }
        }
        Ok(self.of_any.map_or(until, |waiting| waiting.min(until)).max(UtcMicros::EPOCH))
    }
}
