//! Bodies of versions 1 and 2 of the change log: rows from before an update may still have to
//! be flushed and derived.

use domain::bay_state::BayReading;
use domain::live::Change;
use domain::observation::{Digest, VehicleFix};
use domain::site_count::CountState;
use domain::trip_update::{StopEvent, StopRelationship, TripRelationship};
use domain::{Audience, BayId, FeedId, SiteId, UtcMicros, VehicleId};
use serde::Deserialize;

use crate::StoreError;

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum FormerChange {
    Bay { bay: BayId, reading: BayReading },
    Site { site: SiteId, audience: Option<Audience>, version: i64, count: CountState },
    Vehicle { vehicle: VehicleId, feed: FeedId, observed_at: UtcMicros, digest: Digest, fix: VehicleFix },
    Places,
    Trip { _feed: FeedId, _report: FormerReport },
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct FormerReport {
    _observed_at: UtcMicros,
    _confirmed_at: UtcMicros,
    _digest: Digest,
    _update: FormerUpdate,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct FormerUpdate {
    _trip_id: String,
    _start_date: Option<String>,
    _start_time: Option<String>,
    _route_id: Option<String>,
    _relationship: TripRelationship,
    _delay_s: Option<i32>,
    _stops: Vec<FormerStop>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct FormerStop {
    _stop_sequence: Option<u32>,
    _stop_id: Option<String>,
    _relationship: StopRelationship,
    _arrival: Option<StopEvent>,
    _departure: Option<StopEvent>,
}

/// The changes of such a body, without the trips: their feeds repeat them.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Change>, StoreError> {
    let former: Vec<FormerChange> =
        postcard::from_bytes(body).map_err(|e| StoreError::Decode(format!("change log: {e}")))?;
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
        let update = FormerUpdate {
            _trip_id: "t".into(),
            _start_date: Some("20261124".into()),
            _start_time: None,
            _route_id: Some("R".into()),
            _relationship: TripRelationship::Cancelled,
            _delay_s: Some(60),
            _stops: vec![FormerStop {
                _stop_sequence: Some(5),
                _stop_id: Some("a".into()),
                _relationship: StopRelationship::Scheduled,
                _arrival: None,
                _departure: Some(StopEvent::Delay(60)),
            }],
        };
        let report = FormerReport {
            _observed_at: UtcMicros(1),
            _confirmed_at: UtcMicros(2),
            _digest: 3,
            _update: update,
        };
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
        assert_eq!(crate::changes::decode(&body.unwrap()).unwrap(), expected);
    }
}
