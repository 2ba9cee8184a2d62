//! Replays stored observations through a forecast, as if they came live.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use domain::forecast::{SAMPLE_S, Town, sample_of};
use domain::intervals::Span;
use domain::live::{Change, LiveMap};
use domain::site_count::{CountState, SourceAbsolute, decide_absolute};
use domain::{Audience, MunicipalityId, Registry, SiteCount, SiteId, UtcMicros};
use store::forecast::Observed;
use store::{Pool, StoreError};

use super::panicked;

/// Observations read at a time, seconds.
const READ_S: i64 = 86_400;
/// How far before the beginning statements that still hold are searched, seconds (with a heartbeat of a day they hold
/// for 2.2 days). A count by gates begins with the first absolute count after that.
const LOOK_BACK_S: i64 = 3 * 86_400;

/// Replays the samples after the start of the range up to its end. `progress` is called with the time reached.
///
/// # Errors
/// The database is not available.
pub async fn replay(
    pool: &Pool,
    registry: &Arc<Registry>,
    municipality: MunicipalityId,
    mut town: Town,
    samples: Range<UtcMicros>,
    mut progress: impl FnMut(UtcMicros),
) -> Result<Town, StoreError> {
    let Range { start, end: until } = samples;
    let mut past = Past::new(registry.clone(), municipality, start, ingest::now_utc());
    let mut read = start.plus_s(-LOOK_BACK_S);
    let end = until.plus_s(SAMPLE_S);
    while read < end {
        let next = read.plus_s(READ_S).min(end);
        let observed =
            store::forecast::observed(pool, municipality, Span { from: read, until: next }).await?;
        let work = move || {
            past.day(&mut town, observed, next.min(until.plus_s(1)));
            (past, town)
        };
        (past, town) = tokio::task::spawn_blocking(work).await.map_err(panicked)?;
        progress(next);
        read = next;
    }
    Ok(town)
}

type CountKey = (SiteId, Option<Audience>);

/// Live state at that time.
struct Past {
    map: LiveMap,
    counts: HashMap<CountKey, (i64, CountState)>,
    sites: Vec<SiteId>,
    /// The next sample.
    next: UtcMicros,
}

impl Past {
    /// `now`: the validity of places is that of now.
    fn new(registry: Arc<Registry>, municipality: MunicipalityId, from: UtcMicros, now: UtcMicros) -> Self {
        let sites = registry.sites().filter(|site| site.municipality == municipality).map(|site| site.id);
        Past {
            sites: sites.collect(),
            map: LiveMap::new(registry, now),
            counts: HashMap::new(),
            next: Town::sample_time(from).plus_s(SAMPLE_S),
        }
    }

    /// Applies observations, and takes all samples before `end`.
    fn day(&mut self, town: &mut Town, observed: Observed, end: UtcMicros) {
        let mut counts = observed.counts.chunk_by(|a, b| key(a) == key(b)).peekable();
        let mut bays = observed.bays.into_iter().peekable();
        loop {
            let count_at = counts.peek().map(|same| same[0].observed_at);
            let bay_at = bays.peek().map(|(_, reading)| reading.observed_at);
            let at = [count_at, bay_at].into_iter().flatten().min();
            while self.next < end && at.is_none_or(|at| self.next < at) {
                self.sample(town);
            }
            match at {
                None => return,
                Some(at) if count_at == Some(at) => {
                    if let Some(same) = counts.next() {
                        self.count(same);
                    }
                }
                Some(at) => {
                    let change = bays.next().map(|(bay, reading)| Change::Bay { bay, reading });
                    self.map.apply(change, at);
                }
            }
        }
    }

    fn sample(&mut self, town: &mut Town) {
        self.map.tick(self.next);
        let views = self.sites.iter().filter_map(|site| self.map.site(*site, self.next));
        town.sample(views.map(|view| sample_of(&view)), self.next);
        self.next = self.next.plus_s(SAMPLE_S);
    }

    /// Applies all counts of one place at one instant.
    fn count(&mut self, same: &[SiteCount]) {
        let (at, site, audience) = key(&same[0]);
        let (version, state) = self.counts.entry((site, audience)).or_default();
        let recount = state.apply(same);
        if recount.tie_at.is_some() {
            let all: Vec<SourceAbsolute> = same.iter().filter_map(SourceAbsolute::of).collect();
            let capacity = self.map.registry().capacity(site, audience);
            if let Some(value) = decide_absolute(&all, capacity) {
                state.set_tie(value);
            }
        }
        *version += 1;
        let change = Change::Site { site, audience, version: *version, count: state.clone() };
        self.map.apply([change], at);
    }
}

fn key(count: &SiteCount) -> (UtcMicros, SiteId, Option<Audience>) {
    (count.observed_at, count.site, count.audience)
}

#[cfg(test)]
mod tests {
    use domain::forecast::{Calendar, Reading, SiteSample};
    use domain::observation::{CountValue, SiteStatus};
    use domain::{FeedFormat, FeedId};
    use testing::{World, observed};

    use super::*;

    const SITE: SiteId = SiteId(7);
    const TOWN: MunicipalityId = MunicipalityId(1);
    /// A full hour.
    const BEGIN: UtcMicros = UtcMicros(1_704_668_400_000_000);

    fn registry() -> Arc<Registry> {
        let world = World::town("n").place_ids_from(SITE.0).site("s", 50).feed("history-n");
        let world = world.with_feed(|feed| {
            (feed.format, feed.topic, feed.heartbeat_s) = (FeedFormat::History, String::new(), Some(409));
        });
        world.registry()
    }

    fn count(minute: i64, value: CountValue, status: Option<SiteStatus>) -> SiteCount {
        let of = observed::provenance(TOWN, FeedId(1), BEGIN.plus_s(minute * 60));
        SiteCount { digest: 0, status, ..observed::count(of, SITE, None, value) }
    }

    #[test]
    fn what_is_replayed_is_what_was_seen() {
        let counts = vec![
            count(0, CountValue::Vacant(20), Some(SiteStatus::Open)),
            count(15, CountValue::Vacant(18), None),
            count(22, CountValue::Flow { entries: 3, exits: 1 }, None),
            count(24, CountValue::Vacant(16), None),
            // Two at one instant: the fuller one holds.
            count(35, CountValue::Vacant(9), None),
            count(35, CountValue::Vacant(12), None),
            count(41, CountValue::None, Some(SiteStatus::Closed)),
        ];
        let calendar = || Calendar::new("Europe/Berlin", None);
        let mut replayed = Town::new(calendar());
        let mut past = Past::new(registry(), TOWN, BEGIN.plus_s(-1), BEGIN.plus_s(864_000));
        let observed = Observed { counts, bays: Vec::new() };
        past.day(&mut replayed, observed, BEGIN.plus_s(5_400));

        let vacant = |n| Some((50, Reading::Vacant(n)));
        let closed = Some((50, Reading::Closed));
        let expected = [
            (0, vacant(20)),
            (5, vacant(20)),
            (10, vacant(20)),
            (15, vacant(18)),
            (20, vacant(18)),
            (25, vacant(16)),
            (30, vacant(16)),
            (35, vacant(9)),
            (40, vacant(9)),
            (45, closed),
            (50, closed),
            (55, closed),
            // The closing was reported at minute 41 and holds for 15 minutes; then nothing is known.
            (60, None),
        ];
        let mut seen = Town::new(calendar());
        for (minute, expected_reading) in expected {
            seen.sample([SiteSample::of_cars(SITE, expected_reading)], BEGIN.plus_s(minute * 60));
        }
        for minute in (65..90).step_by(5) {
            seen.sample([SiteSample::of_cars(SITE, None)], BEGIN.plus_s(minute * 60));
        }
        assert_eq!(replayed.at(), seen.at());
        assert_eq!(format!("{replayed:?}"), format!("{seen:?}"));
    }
}
