//! Bodies of versions 1 and 2 of the change log: rows from before an update may still have to
//! be flushed and derived.

use domain::bay_state::BayReading;
use domain::live::Change;
use domain::observation::{Digest, VehicleFix};
use domain::site_count::CountState;
use domain::trip_update::{StopEvent, StopRelationship, TripRelationship};
use domain::{Audience, BayId, FeedId, SiteId, UtcMicros, VehicleId};
use serde::Deserialize;

use crate::{Result, codec};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum FormerChange {
    Bay { bay: BayId, reading: BayReading },
    Site { site: SiteId, audience: Option<Audience>, version: i64, count: CountState },
    Vehicle { vehicle: VehicleId, feed: FeedId, observed_at: UtcMicros, digest: Digest, fix: VehicleFix },
    Places,
    Trip { _feed: FeedId, _report: FormerReport },
}

/// When it was observed and confirmed, its digest, and the update.
type FormerReport = (UtcMicros, UtcMicros, Digest, FormerUpdate);

/// Trip, date, time, route, relationship, delay, stops.
type FormerUpdate =
    (String, Option<String>, Option<String>, Option<String>, TripRelationship, Option<i32>, Vec<FormerStop>);

/// Its place in the sequence, id, relationship, arrival, departure.
type FormerStop = (Option<u32>, Option<String>, StopRelationship, Option<StopEvent>, Option<StopEvent>);

/// The changes of such a body, without the trips: their feeds repeat them.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Change>> {
    let former: Vec<FormerChange> = codec::decode_rest("change log", body)?;
    let kept = former.into_iter().filter_map(|change| match change {
        FormerChange::Bay { bay, reading } => Some(Change::Bay { bay, reading }),
        FormerChange::Site { site, audience, version, count } => {
            Some(Change::Site { site, audience, version, count })
        }
        FormerChange::Vehicle { vehicle, feed, observed_at, digest, fix } => {
            Some(Change::Vehicle { vehicle, feed, observed_at, digest, fix })
        }
        FormerChange::Places => Some(Change::Places),
        FormerChange::Trip { .. } => None,
    });
    Ok(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_before_is_read_without_its_trips() {
        let vehicle = || (VehicleId(7), FeedId(1), UtcMicros(5), 9, VehicleFix::default());
        let (id, feed, observed_at, digest, fix) = vehicle();
        let stop = (Some(5), Some("a".into()), StopRelationship::Scheduled, None, Some(StopEvent::Delay(60)));
        let date = Some("20261124".into());
        let update =
            ("t".into(), date, None, Some("R".into()), TripRelationship::Cancelled, Some(60), vec![stop]);
        let report: FormerReport = (UtcMicros(1), UtcMicros(2), 3, update);
        let body = postcard::to_extend(
            &[
                FormerChange::Trip { _feed: feed, _report: report },
                FormerChange::Vehicle { vehicle: id, feed, observed_at, digest, fix },
                FormerChange::Places,
            ][..],
            vec![2],
        );
        let (vehicle, feed, observed_at, digest, fix) = vehicle();
        let expected = [Change::Vehicle { vehicle, feed, observed_at, digest, fix }, Change::Places];
        assert_eq!(crate::changes::body::decode(&body.unwrap()).unwrap(), expected);
    }
}
