//! A state of a source that is not believed is not shown.

use super::*;
use crate::closure::{NEVER, Spans};
use crate::ids::SensorId;
use crate::ids::SourceKey;
use crate::registry::BaySource;

/// A site with a bay, of whose sensor 7 nothing is believed during `[from, until)`, seconds after now.
fn distrusting(from: i64, until: Option<i64>) -> Arc<Registry> {
    let known = registry(vec![site(11, 50.0)], vec![bay(1, Some("s11"), 10.0)]);
    let span = (NOW.plus_s(from), until.map_or(NEVER, |until| NOW.plus_s(until)));
    Arc::new(Registry::new(Contents {
        municipalities: known.municipalities().map(|(id, m)| (id, m.clone())).collect(),
        feeds: known.feeds().cloned().collect(),
        sites: known.sites().cloned().collect(),
        bays: known.bays().cloned().collect(),
        distrusted: vec![(BaySource { source: SourceKey(7), bay: BayId(1) }, Spans::union([span]))],
        ..Contents::default()
    }))
}

fn by_sensor(sensor: i32, state: BayState, age_s: i64) -> Change {
    match reported(1, state, age_s) {
        Change::Bay { bay, reading } => {
            Change::Bay { bay, reading: BayReading { sensor: Some(SensorId(sensor)), ..reading } }
        }
        other => other,
    }
}

#[test]
fn what_a_distrusted_source_states_is_unknown_and_kept_as_the_last_state() {
    let mut map = LiveMap::new(distrusting(-100, None), NOW);
    map.apply([by_sensor(7, BayState::Vacant, 50)], NOW);
    let shown = |map: &LiveMap| {
        let bay = map.bay(BayId(1), NOW).unwrap();
        let site = map.site(SiteId(11), NOW).unwrap();
        (bay.state, bay.last_state, site.vacant)
    };
    assert_eq!(shown(&map), (BayState::Unknown, Some(BayState::Vacant), None));
    assert_eq!(map.search(&search(&map, &[]), NOW).offers, []);
    // The fault turns out to be over: no new message is needed.
    let events = map.replace_registry(distrusting(-100, Some(-60)), NOW);
    assert!(events.iter().any(|e| matches!(e, LiveEvent::Bay { state: BayState::Vacant, .. })), "{events:?}");
    assert_eq!(shown(&map), (BayState::Vacant, Some(BayState::Vacant), Some(1)));
    // A fault that is found later than it began.
    let events = map.replace_registry(distrusting(-60, None), NOW);
    assert!(
        events.iter().any(|e| matches!(e, LiveEvent::Bay { state: BayState::Unknown, .. })),
        "{events:?}"
    );
    // Another device at the same bay is believed, though it spoke earlier.
    map.apply([by_sensor(8, BayState::Occupied, 70)], NOW);
    assert_eq!(shown(&map), (BayState::Occupied, Some(BayState::Occupied), Some(0)));
    // What was stated before the fault holds.
    let mut map = LiveMap::new(distrusting(-100, None), NOW);
    map.apply([by_sensor(7, BayState::Vacant, 101)], NOW);
    assert_eq!(shown(&map).0, BayState::Vacant);
}
