//! Devices in a town, through what the change log carries.

mod kept;
mod outages;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bay_state::BayState;
use crate::feed::Feed;
use crate::health::Code;
use crate::health::Passages;
use crate::ids::{BayId, SourceKey};
use crate::observation::CountValue;
use crate::place::{Bay, Site};
use crate::registry::{Contents, Entry};
use crate::sensor::{Binding, Sensor};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const BAYS: i32 = 4;

fn at(s: i64) -> UtcMicros {
    UtcMicros::from_unix_s(1_772_409_600 + s)
}

fn from_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A site of four bays; sensor n watches bay n, unless `bay_of` names another one or none. A feed names bays too.
fn town(bay_of: impl Fn(i32) -> Option<i32>) -> Arc<Registry> {
    let municipality = MunicipalityId(1);
    let point = json!({"type": "Point", "coordinates": [7.2, 51.9]});
    let site: Site = from_json(json!({
        "id": "lot", "municipality": "m", "name": "Lot", "kind": "lot", "capacity": BAYS, "purpose": "car",
        "publish": "public", "geometry": point,
    }));
    let bay = |id: i32| -> Bay {
        from_json(json!({"id": id.to_string(), "municipality": "m", "site": "lot", "geometry": point}))
    };
    let feed = |id: &str, format: &str| -> Feed {
        from_json(json!({
            "id": id, "municipality": "m", "format": format, "topic": id, "qos": 1, "use_server_decoder": false,
            "heartbeat_s": 6 * HOUR_S,
        }))
    };
    let binding = |bay: Option<i32>| Binding {
        target: bay.map(|bay| Target::Bay(BayId(bay))),
        direction: None,
        from: None,
        until: None,
        heartbeat_s: None,
        stale_after_s: None,
        threshold_mm: None,
    };
    let sensor = |n: i32| Sensor {
        id: SensorId(n),
        key: n.to_string(),
        feed: FeedId(1),
        municipality,
        decoder: None,
        bindings: vec![binding(bay_of(n))],
    };
    Arc::new(Registry::new(Contents {
        sites: vec![Entry { id: SiteId(100), municipality, def: site }],
        bays: (1..=BAYS).map(|n| Entry { id: BayId(n), municipality, def: bay(n) }).collect(),
        feeds: [(1, "chirpstack"), (2, "native")]
            .map(|(id, format)| Entry { id: FeedId(id), municipality, def: feed(&id.to_string(), format) })
            .to_vec(),
        sensors: (1..=BAYS).map(sensor).collect(),
        ..Contents::default()
    }))
}

fn watch(registry: Arc<Registry>) -> Watch {
    let mut watch = Watch::new();
    watch.resume(at(0));
    watch.place(registry, at(0));
    let unknown = watch.next_unknown();
    watch.read(&unknown, &[]);
    watch
}

/// The time passes, without an interruption.
fn run(watch: &mut Watch, until: UtcMicros) {
    while watch.at() < until {
        watch.tick(watch.at().plus_s(600).min(until));
    }
}

fn uplink(sensor: i32, s: i64, f_cnt: u32, occupied: bool) -> Heard {
    let message = Message {
        received_at: at(s),
        observed_at: Some(at(s)),
        f_cnt: Some(f_cnt),
        state: Some(if occupied { BayState::Occupied } else { BayState::Vacant }),
        ..Message::default()
    };
    Heard::Message { device: DeviceKey::sensor(SensorId(sensor)), message }
}

fn native(bay: i32, s: i64, occupied: bool) -> Heard {
    match uplink(0, s, 0, occupied) {
        Heard::Message { message, .. } => Heard::Message {
            device: DeviceKey::native(FeedId(2), BayId(bay)),
            message: Message { f_cnt: None, ..message },
        },
        count => count,
    }
}

fn count(s: i64, entries: i32) -> Heard {
    let value = CountValue::Flow { entries, exits: 0 };
    Heard::Count { site: SiteId(100), received_at: at(s), observed_at: at(s), value }
}

/// A restart: through bytes.
fn stored(parts: &mut BTreeMap<usize, Vec<u8>>, watch: &mut Watch, registry: &Arc<Registry>) -> Watch {
    for (number, part) in watch.changed_parts() {
        parts.insert(number, postcard::to_stdvec(&part).unwrap());
    }
    let at = watch.at();
    let mut again = Watch::new();
    again.place(registry.clone(), at);
    for bytes in parts.values() {
        again.restore(postcard::from_bytes(bytes).unwrap(), at);
    }
    again.resume(at);
    again.place(registry.clone(), at);
    again
}

/// What is known, whoever is stored where.
fn state(watch: &mut Watch) -> BTreeMap<usize, Vec<u8>> {
    watch.parts.iter_mut().for_each(|part| part.has_changed = true);
    watch.changed_parts().into_iter().map(|(n, part)| (n, postcard::to_stdvec(&part).unwrap())).collect()
}

fn heard() -> impl Strategy<Value = Vec<(Heard, bool)>> {
    let one = (0_i64..3 * HOUR_S, 0_i32..2 * BAYS, 0_u32..4, any::<bool>(), prop::bool::weighted(0.2));
    prop::collection::vec(one, 1..80).prop_map(|all| {
        let (mut s, mut f_cnt) = (0, 0);
        let one = |(wait_s, who, gap, occupied, restarts)| {
            s += wait_s;
            f_cnt += gap;
            let heard = match who {
                0 => count(s, 1),
                1 => native(1, s, occupied),
                who => uplink(who % BAYS + 1, s, f_cnt, occupied),
            };
            (heard, restarts)
        };
        all.into_iter().map(one).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn restarts_at_any_point_change_nothing(heard in heard()) {
        let registry = town(Some);
        let (mut once, mut restarted) = (watch(registry.clone()), watch(registry.clone()));
        let mut parts = BTreeMap::new();
        for (heard, restarts) in &heard {
            once.hear(heard);
            restarted.hear(heard);
            if *restarts {
                restarted = stored(&mut parts, &mut restarted, &registry);
            }
        }
        let end = once.at().plus_s(5 * DAY_S);
        run(&mut once, end);
        run(&mut restarted, end);
        prop_assert_eq!(once.reasons(end), restarted.reasons(end));
        prop_assert!(state(&mut once) == state(&mut restarted));
    }
}

/// The codes that hold, by what they are of.
fn codes(watch: &mut Watch, s: i64) -> Vec<(i32, Option<BayId>, &'static str, bool)> {
    let reasons = watch.reasons(at(s)).into_iter();
    reasons.map(|reason| (reason.source.0, reason.bay, reason.code, reason.until.is_none())).collect()
}

/// Sensor 1 wavers.
fn waver(watch: &mut Watch, from_s: i64) -> i64 {
    (0..10).for_each(|n| watch.hear(&uplink(1, from_s + n * 20, n as u32, n % 2 == 0)));
    from_s + 200
}

#[test]
fn a_reason_is_given_once_and_ends_when_its_device_watches_another_bay() {
    let mut watch = watch(town(Some));
    let s = waver(&mut watch, HOUR_S);
    assert_eq!(codes(&mut watch, s), [(1, Some(BayId(1)), Code::Flapping.as_str(), true)]);
    assert_eq!(codes(&mut watch, s), []);
    watch.place(town(|n| if n == 1 { Some(2) } else { Some(n) }), at(s + 60));
    assert_eq!(codes(&mut watch, s + 60), [(1, Some(BayId(1)), Code::Flapping.as_str(), false)]);
    assert_eq!(codes(&mut watch, s + 60), []);
}

#[test]
fn reasons_that_are_stored_are_neither_given_again_nor_kept_when_they_are_over() {
    let mut first = watch(town(Some));
    let s = waver(&mut first, HOUR_S);
    let stored = first.reasons(at(s));
    let mut again = watch(town(Some));
    waver(&mut again, HOUR_S);
    again.hold(&stored[0], at(s));
    let gone = Reason { source: SourceKey(99), ..stored[0].clone() };
    again.hold(&gone, at(s));
    let of_the_feed = Reason { source: SourceKey(-1), bay: None, ..stored[0].clone() };
    again.hold(&of_the_feed, at(s));
    assert_eq!(codes(&mut again, s), [(99, Some(BayId(1)), Code::Flapping.as_str(), false)]);
}

#[test]
fn a_device_that_waits_for_a_place_is_not_silent_and_one_that_is_not_in_the_files_costs_nothing() {
    let mut watch = watch(town(|n| (n == 1).then_some(1)));
    watch.hear(&uplink(77, 10, 1, true));
    watch.hear(&native(77, 10, true));
    assert_eq!(watch.len(), 1);
    run(&mut watch, at(21 * HOUR_S));
    assert_eq!(codes(&mut watch, 21 * HOUR_S), [(1, None, "silent", true)]);
    // It was taken down.
    watch.place(town(|_| None), at(22 * HOUR_S));
    assert_eq!(codes(&mut watch, 22 * HOUR_S), [(1, None, "silent", false)]);
}

#[test]
fn nobody_is_to_blame_for_silence_while_nothing_ran() {
    let [mut ran, mut stood_still] = [(); 2].map(|()| watch(town(Some)));
    run(&mut ran, at(30 * HOUR_S));
    stood_still.tick(at(30 * HOUR_S));
    assert_eq!(codes(&mut ran, 30 * HOUR_S).len(), BAYS as usize);
    assert_eq!(codes(&mut stood_still, 30 * HOUR_S), []);
}

#[test]
fn a_bay_that_its_feed_names_is_judged_like_a_device() {
    let mut watch = watch(town(|_| None));
    (0..10).for_each(|n| watch.hear(&native(3, HOUR_S + n * 20, n % 2 == 0)));
    assert_eq!(codes(&mut watch, 2 * HOUR_S), [(-2, Some(BayId(3)), "flapping", true)]);
    run(&mut watch, at(40 * HOUR_S));
    assert_eq!(codes(&mut watch, 40 * HOUR_S), [(-2, Some(BayId(3)), "silent", true)]);
}

#[test]
fn a_bay_of_which_all_is_rejected_is_faulty_and_one_that_never_spoke_is_not_judged() {
    let mut watch = watch(town(|_| None));
    let rejected = |bay, s| match native(bay, s, false) {
        Heard::Message { device, message } => {
            let rejected = Some(crate::rejection::Reason::Malformed);
            Heard::Message { device, message: Message { state: None, rejected, ..message } }
        }
        count => count,
    };
    watch.hear(&native(3, HOUR_S, false));
    for n in 0..3 {
        watch.hear(&rejected(3, 2 * HOUR_S + n));
        watch.hear(&rejected(4, 2 * HOUR_S + n));
    }
    assert_eq!(watch.len(), 1);
    assert_eq!(codes(&mut watch, 3 * HOUR_S), [(-2, Some(BayId(3)), "rejected", true)]);
    (0..3).for_each(|n| watch.hear(&native(3, 4 * HOUR_S + n, false)));
    assert_eq!(codes(&mut watch, 5 * HOUR_S), [(-2, Some(BayId(3)), "rejected", false)]);
}

#[test]
fn what_waited_for_more_than_a_day_says_nothing_of_now() {
    let mut watch = watch(town(Some));
    for n in 0..50 {
        let Heard::Message { device, message } = uplink(1, 3 * DAY_S + n, n as u32, n % 2 == 0) else {
            return;
        };
        let observed_at = Some(at(n * HOUR_S));
        watch.hear(&Heard::Message { device, message: Message { observed_at, ..message } });
    }
    let hides = |reason: &Reason| reason.hides;
    assert!(!watch.reasons(at(3 * DAY_S + 60)).iter().any(hides));
}

#[test]
fn counts_are_passages_only_where_each_car_is_counted() {
    let mut gates = Gates::default();
    let site = SiteId(100);
    for n in 0..40 {
        gates.count(site, at(n * 60), CountValue::Flow { entries: 1, exits: 0 });
    }
    assert!(gates.is_prompt(gates.index(site)));
    let mut polled = Gates::default();
    for n in 0..40 {
        polled.count(site, at(n * 300), CountValue::Occupied(20 + (n / 4 % 3) as i32));
    }
    assert!(!polled.is_prompt(polled.index(site)));
    assert_eq!(polled.passages(polled.index(site)), &Passages::default());
}
