//! Protection against a clock that jumped ahead: what retention deletes is gone.
//!
//! Ages are measured by the database's clock, which can be compared with its own past only. So a
//! run that finds it more than a day ahead of the run before deletes nothing: either nothing ran meanwhile, or the
//! clock jumped. It is trusted again after a day in which each run is within a day of the one before.

use std::time::Duration;

use domain::UtcMicros;
use sqlx::PgConnection;

use super::DAY;
use crate::{Result, Ts};

/// The clock as seen by earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockRecord {
    /// The last run that believed the clock.
    pub trusted_at: UtcMicros,
    /// The last run.
    pub seen_at: UtcMicros,
    /// Since when it is doubted.
    pub doubted_since: Option<UtcMicros>,
}

fn is_within(earlier: UtcMicros, now: UtcMicros, span: Duration) -> bool {
    now <= earlier.plus_s(span.as_secs() as i64)
}

/// The state after a run at `now`. The clock is trusted where `doubted_since` is `None`.
pub(super) fn after(seen: Option<ClockRecord>, now: UtcMicros) -> ClockRecord {
    let trusted = ClockRecord { trusted_at: now, seen_at: now, doubted_since: None };
    let Some(ClockRecord { trusted_at, seen_at, doubted_since }) = seen else { return trusted };
    // Also where it went back: then hardly anything is too old.
    if is_within(trusted_at, now, DAY) {
        return trusted;
    }
    match doubted_since {
        Some(since) if now >= seen_at && is_within(seen_at, now, DAY) => {
            if is_within(since, now, DAY) {
                ClockRecord { trusted_at, seen_at: now, doubted_since: Some(since) }
            } else {
                trusted
            }
        }
        _ => ClockRecord { trusted_at, seen_at: now, doubted_since: Some(now) },
    }
}

/// The clock as seen by earlier runs; before the first run, by the creation of the database: in one that is older than
/// a day the clock is not trusted at first either.
pub(super) async fn seen(conn: &mut PgConnection) -> Result<Option<ClockRecord>> {
    let row: Option<(Ts, Ts, Option<Ts>)> = sqlx::query_as(
        "SELECT trusted_at, seen_at, doubted_since FROM retention_clock
         UNION ALL SELECT min(installed_on), min(installed_on), NULL FROM schema_migrations
         WHERE NOT EXISTS (SELECT FROM retention_clock)
         HAVING count(*) > 0",
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(trusted_at, seen_at, doubted_since)| ClockRecord {
        trusted_at: trusted_at.0,
        seen_at: seen_at.0,
        doubted_since: doubted_since.map(|at| at.0),
    }))
}

/// Stores the state of this run.
pub(super) async fn note(conn: &mut PgConnection, seen: ClockRecord) -> Result<()> {
    sqlx::query(
        "INSERT INTO retention_clock (trusted_at, seen_at, doubted_since) VALUES ($1, $2, $3)
         ON CONFLICT (only_row) DO UPDATE
         SET trusted_at = excluded.trusted_at, seen_at = excluded.seen_at, doubted_since = excluded.doubted_since",
    )
    .bind(Ts(seen.trusted_at))
    .bind(Ts(seen.seen_at))
    .bind(seen.doubted_since.map(Ts))
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_S: i64 = 3_600;
    const START: UtcMicros = UtcMicros(1_790_000_000_000_000);

    /// Whether each of these runs believes the clock.
    fn believed(runs: impl IntoIterator<Item = UtcMicros>) -> Vec<bool> {
        let mut seen = None;
        let each = runs.into_iter().map(|now| {
            let next = after(seen, now);
            seen = Some(next);
            next.doubted_since.is_none()
        });
        each.collect()
    }

    #[test]
    fn a_jump_that_ends_deletes_nothing() {
        for jump_s in [25 * HOUR_S, 30 * 24 * HOUR_S, 10 * 365 * 24 * HOUR_S] {
            let hours = |n: i64| START.plus_s(n * HOUR_S);
            let before = (0..5).map(hours);
            let ahead = (5..28).map(|n| hours(n).plus_s(jump_s));
            let again = (28..40).map(hours);
            let believed = believed(before.chain(ahead).chain(again));
            let expected: Vec<bool> = (0..40).map(|n| !(5..28).contains(&n)).collect();
            assert_eq!(believed, expected, "{jump_s}");
        }
    }

    #[test]
    fn after_a_long_rest_it_is_believed_a_day_later() {
        let rested = |n: i64| START.plus_s((if n < 3 { n } else { n + 24 * 90 }) * HOUR_S);
        let believed = believed((0..40).map(rested));
        let expected: Vec<bool> = (0..40).map(|n| !(3..=27).contains(&n)).collect();
        assert_eq!(believed, expected);
    }

    proptest! {
        #[test]
        fn a_run_that_believes_is_within_a_day_of_one_before_that_did_or_ends_a_day_of_steady_ones(
            steps in proptest::collection::vec(-400..400_i64, 1..200),
        ) {
            let runs: Vec<UtcMicros> = steps
                .iter()
                .scan(START, |at, hours| {
                    *at = at.plus_s(hours * HOUR_S / 8);
                    Some(*at)
                })
                .collect();
            let believed = believed(runs.iter().copied());
            let mut trusted = runs[0];
            for (nth, now) in runs.iter().enumerate() {
                if believed[nth] && *now > trusted.plus_s(24 * HOUR_S) {
                    let begin = runs[..nth].iter().rposition(|at| *now > at.plus_s(24 * HOUR_S));
                    let steady = &runs[begin.unwrap_or(0)..=nth];
                    prop_assert!(steady.windows(2).all(|w| w[0] <= w[1] && w[1] <= w[0].plus_s(24 * HOUR_S)));
                }
                if believed[nth] {
                    trusted = *now;
                }
            }
        }
    }
}
