//! What lies ahead of the clock is ignored, and a clock that was ahead leaves nothing behind.

use super::*;
use crate::closure::Spans;
use crate::ids::PlaceId;
use crate::observation::{SiteStatus, VehicleFix};
use crate::place::Vehicle;
use crate::trip_update::{TripReport, TripUpdate};

/// So far ahead the clock is, seconds.
const JUMP_S: i64 = 400 * 86_400;

fn town() -> Arc<Registry> {
    let mut open_by_day = site(12, 20.0);
    open_by_day.def.opening_hours = Some("Mo-Su 08:00-18:00".into());
    let sites = vec![site(11, 10.0), open_by_day, site(13, 30.0)];
    let bays =
        vec![bay(1, Some("s12"), 20.0), bay(2, Some("s12"), 20.0), bay(3, None, 30.0), bay(4, None, 40.0)];
    let plain = registry(sites.clone(), bays.clone());
    let vehicles = (1..3).map(|id| {
        let def = Vehicle {
            id: format!("v{id}"),
            owner: "town".into(),
            operator: None,
            label: None,
            seats: None,
            standing: None,
        };
        Entry { id: VehicleId(id), municipality: MunicipalityId(1), def }
    });
    Arc::new(Registry::new(Contents {
        municipalities: plain.municipalities().map(|(id, m)| (id, m.clone())).collect(),
        feeds: plain.feeds().cloned().collect(),
        sites,
        bays,
        vehicles: vehicles.collect(),
        closures: vec![(PlaceId(4), Spans::union([(NOW.plus_s(86_400), NOW.plus_s(2 * JUMP_S))]))],
        ..Contents::default()
    }))
}

fn trip(run: i32, at: UtcMicros, n: i32) -> Change {
    let update = TripUpdate { trip_id: format!("t{run}"), delay_s: Some(n), ..TripUpdate::default() };
    let report = TripReport {
        observed_at: at,
        confirmed_at: at,
        digest: update.digest_of(),
        update: Box::new(update),
    };
    Change::Trip { feed: FeedId(1), report }
}

fn vehicle(id: i32, at: UtcMicros, n: i32) -> Change {
    let fix = VehicleFix {
        position: (n % 3 != 0).then_some(LatLon { lat: 51.9 + f64::from(n) / 1e4, lon: 7.1 }),
        delay_s: (n % 2 != 0).then_some(n),
        trip_id: (n % 2 == 0).then(|| format!("t{n}")),
        ..VehicleFix::default()
    };
    let digest = fix.digest_of(FeedId(1));
    Change::Vehicle { vehicle: VehicleId(id), feed: FeedId(1), observed_at: at, digest, fix }
}

/// As the store makes them of what it holds: of a later `version`, what was counted until `at`.
fn count(id: i32, at: UtcMicros, n: i32, version: i64) -> Change {
    let count = CountState {
        anchor: Some(Anchor { at, value: Absolute::Occupied(n) }),
        status: (n == 7).then_some((at, SiteStatus::Closed)),
        observed_at: Some(at),
        heard_from: Some((FeedId(1), None)),
        ..CountState::default()
    };
    Change::Site { site: SiteId(id), audience: None, version, count }
}

/// A statement of some kind `age_s` before [`NOW`], or after it.
type Word = (u8, i32, i32, i64);

fn word() -> impl Strategy<Value = Word> {
    let age_s = prop_oneof![0..3_000i64, -JUMP_S - 3_000..-JUMP_S, -1_000..-301i64];
    (0..4u8, 1..3i32, 1..10i32, age_s)
}

fn change((kind, id, n, age_s): Word, version: i64) -> Change {
    let at = NOW.plus_s(-age_s);
    match kind {
        0 => {
            match reported(id + n % 2, if n % 3 == 0 { BayState::Vacant } else { BayState::Occupied }, age_s)
            {
                Change::Bay { bay, reading } => {
                    Change::Bay { bay, reading: BayReading { seq: Some(n.into()), ..reading } }
                }
                other => other,
            }
        }
        1 => count(10 + id, at, n, version),
        2 => vehicle(id, at, n),
        _ => trip(id, at, n),
    }
}

fn is_behind(word: &&Word) -> bool {
    !is_ahead(NOW.plus_s(-word.3), NOW)
}

/// The newest count of each site, as the store has it once the clock is right again.
fn restored(words: &[Word]) -> Vec<Change> {
    let mut all: Vec<&Word> = words.iter().filter(is_behind).collect();
    all.sort_by_key(|(_, _, n, age_s)| (-age_s, *n));
    let sites = (1..3).map(|id| match all.iter().rfind(|w| (w.0, w.1) == (1, id)) {
        Some(word) => change(**word, 1_000),
        None => Change::Site {
            site: SiteId(10 + id),
            audience: None,
            version: 1_000,
            count: CountState::default(),
        },
    });
    all.iter().filter(|w| w.0 != 1).map(|w| change(**w, 0)).chain(sites).collect()
}

/// All answers of the map.
fn answers(map: &LiveMap) -> String {
    let bays: Vec<_> = (1..5).map(|id| (map.bay(BayId(id), NOW), map.reading(BayId(id)))).collect();
    let sites: Vec<_> = (11..14).map(|id| map.site(SiteId(id), NOW)).collect();
    let vehicles: Vec<_> = (1..3).map(|id| map.vehicle(VehicleId(id))).collect();
    let mut shown: Vec<_> = map.vehicle_positions(NOW).collect();
    shown.retain(|(id, _)| map.vehicle(*id).is_some());
    shown.sort_by_key(|(id, _)| *id);
    let found = map.search(&everything(map), NOW);
    let (offers, left_out) = (found.offers, found.left_out);
    format!(
        "{bays:#?} {sites:#?} {vehicles:#?} {shown:#?} {:#?} {offers:#?} {left_out:#?}",
        map.trip_updates(NOW)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_lies_ahead_was_never_said(
        (words, order) in proptest::collection::vec(word(), 0..40)
            .prop_flat_map(|words| (Just(words.clone()), Just(words).prop_shuffle())),
    ) {
        // Of counts the store says what holds: each is a version of its own.
        let of_counts = |w: &&Word| w.0 != 1;
        let mut all = LiveMap::new(town(), NOW);
        all.apply(order.iter().filter(of_counts).map(|w| change(*w, 0)), NOW);
        let mut only_behind = LiveMap::new(town(), NOW);
        only_behind.apply(words.iter().filter(of_counts).filter(is_behind).map(|w| change(*w, 0)), NOW);
        prop_assert_eq!(answers(&all), answers(&only_behind));
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_nothing_behind(
        words in proptest::collection::vec(word(), 0..40), stops in proptest::collection::vec(0..JUMP_S, 0..4),
    ) {
        let mut jumped = LiveMap::new(town(), NOW);
        let (behind, ahead): (Vec<Word>, Vec<Word>) = words.iter().partition(is_behind);
        jumped.apply(behind.iter().zip(1..).map(|(w, version)| change(*w, version)), NOW);
        jumped.tick(NOW);
        for stop in stops {
            jumped.tick(NOW.plus_s(stop));
        }
        jumped.apply(ahead.iter().zip(100..).map(|(w, version)| change(*w, version)), NOW.plus_s(JUMP_S));
        jumped.tick(NOW.plus_s(JUMP_S));
        jumped.tick(NOW);
        jumped.apply(restored(&words), NOW);
        let mut fresh = LiveMap::new(town(), NOW);
        fresh.apply(restored(&words), NOW);
        prop_assert_eq!(answers(&jumped), answers(&fresh));
        // And goes on as if nothing had been.
        let later = NOW.plus_s(STALE_AFTER_S + 1);
        jumped.tick(later);
        fresh.tick(later);
        prop_assert_eq!(format!("{:?}", jumped.site(SiteId(12), later)), format!("{:?}", fresh.site(SiteId(12), later)));
    }

    #[test]
    fn of_a_count_that_rests_on_what_lies_ahead_nothing_is_known(
        (_, id, n, age_s) in word(), flow_ahead: bool,
    ) {
        let mut map = LiveMap::new(town(), NOW);
        let Change::Site { site, audience, version, mut count } = count(10 + id, NOW.plus_s(-age_s), n, 1) else {
            unreachable!()
        };
        if flow_ahead {
            count.last_flow_at = Some(NOW.plus_s(JUMP_S));
        }
        let is_sound = !count.has_ahead(NOW);
        map.apply([Change::Site { site, audience, version, count }], NOW);
        let view = map.site(site, NOW).unwrap();
        prop_assert_eq!(view.basis == Basis::Count, is_sound && age_s < STALE_AFTER_S);
        prop_assert!(view.observed_at.is_none_or(|at| !is_ahead(at, NOW)));
    }
}

#[test]
fn what_opened_or_closed_too_early_is_as_it_was() {
    let mut map = LiveMap::new(town(), NOW);
    let was =
        (map.site(SiteId(12), NOW), map.bay(BayId(4), NOW), map.search(&everything(&map), NOW).left_out);
    // The evening of a day a year ahead: one site is closed then, and a bay.
    map.tick(NOW.plus_s(JUMP_S + 9 * 3_600));
    assert_ne!(map.site(SiteId(12), NOW), was.0);
    let events = map.tick(NOW);
    let is = (map.site(SiteId(12), NOW), map.bay(BayId(4), NOW), map.search(&everything(&map), NOW).left_out);
    assert_eq!(is, was);
    assert!(events.contains(&LiveEvent::Site { site: SiteId(12), reason: EventReason::Places }));
}

#[test]
fn a_clock_that_is_set_a_little_changes_nothing() {
    let mut map = LiveMap::new(town(), NOW);
    map.apply([reported(1, BayState::Vacant, 10)], NOW);
    map.tick(NOW);
    assert_eq!(map.tick(NOW.plus_s(-200)), []);
}
