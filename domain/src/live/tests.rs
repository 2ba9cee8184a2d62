//! Live state by example and by property.

mod clock;
mod closures;
mod distrusted;
mod hidden;
mod purpose;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::feed::{Feed, FeedFormat};
use crate::geo::Geometry;
use crate::ids::{FeedId, MunicipalityId};
use crate::place::{Bay, Municipality, Publish, Purpose, Restriction, Site, SiteKind};
use crate::registry::{Contents, Entry};
use crate::site_count::{Absolute, Anchor};

const NOW: UtcMicros = UtcMicros(1_795_348_800_000_000); // 2026-11-22T12:00:00Z, a Sunday
const HERE: LatLon = LatLon { lat: 51.95, lon: 7.15 };
/// 2.2 x the feed's heartbeat of 1000 s.
const STALE_AFTER_S: i64 = 2200;

fn reserved_for(audience: Audience, capacity: Option<u32>) -> Restriction {
    Restriction { audience: Some(audience), capacity, hours: None, max_stay_min: None }
}

fn north_of_here(metres: f64) -> Geometry {
    Geometry::Point([HERE.lon, HERE.lat + metres / 111_195.0])
}

fn site(id: i32, metres: f64) -> Entry<SiteId, Site> {
    Entry {
        id: SiteId(id),
        municipality: MunicipalityId(1),
        def: Site {
            id: format!("s{id}"),
            municipality: "town".into(),
            name: format!("Site {id}"),
            kind: SiteKind::Lot,
            capacity: 10,
            purpose: Purpose::Car,
            zone: None,
            opening_hours: None,
            fee: None,
            max_height_m: None,
            restrictions: vec![],
            publish: Publish::Public,
            valid_from: None,
            valid_until: None,
            geometry: north_of_here(metres),
        },
    }
}

fn bay(id: i32, site: Option<&str>, metres: f64) -> Entry<BayId, Bay> {
    Entry {
        id: BayId(id),
        municipality: MunicipalityId(1),
        def: Bay {
            id: format!("b{id}"),
            municipality: "town".into(),
            site: site.map(Into::into),
            zone: None,
            restrictions: vec![],
            max_stay_min: None,
            publish: None,
            valid_from: None,
            valid_until: None,
            geometry: north_of_here(metres),
        },
    }
}

fn registry(sites: Vec<Entry<SiteId, Site>>, bays: Vec<Entry<BayId, Bay>>) -> Arc<Registry> {
    let town = Municipality {
        slug: "town".into(),
        name: "Town".into(),
        ags: "05558016".into(),
        lat: None,
        lon: None,
        tz: "Europe/Berlin".into(),
        public_planning: false,
    };
    let feed = serde_json::from_value::<Feed>(serde_json::json!({
        "id": "feed", "municipality": "town", "format": FeedFormat::Native, "topic": "kv/1/feed/#", "qos": 1,
        "heartbeat_s": 1000, "use_server_decoder": false,
    }));
    Arc::new(Registry::new(Contents {
        municipalities: vec![(MunicipalityId(1), town)],
        feeds: vec![Entry { id: FeedId(1), municipality: MunicipalityId(1), def: feed.unwrap() }],
        sites,
        bays,
        ..Contents::default()
    }))
}

fn reported(bay: i32, state: BayState, age_s: i64) -> Change {
    let reading =
        BayReading { feed: FeedId(1), sensor: None, observed_at: NOW.plus_s(-age_s), seq: None, state };
    Change::Bay { bay: BayId(bay), reading }
}

fn counted(site: i32, occupied: i32, age_s: i64) -> Change {
    let at = NOW.plus_s(-age_s);
    let count = CountState {
        anchor: Some(Anchor { at, value: Absolute::Occupied(occupied) }),
        observed_at: Some(at),
        heard_from: Some((FeedId(1), None)),
        ..CountState::default()
    };
    Change::Site { site: SiteId(site), audience: None, version: -age_s, count }
}

fn search(map: &LiveMap, audiences: &[Audience]) -> Search {
    Search {
        near: HERE,
        radius_m: 800.0,
        driver: map.driver(audiences.iter().copied(), None),
        bays: BaysWanted::WithoutSite,
        sites: true,
        limit: 20,
        include_full: false,
        include_stale: false,
        include_without_live_data: false,
        include_unusable: false,
    }
}

fn everything(map: &LiveMap) -> Search {
    Search {
        bays: BaysWanted::All,
        include_full: true,
        include_stale: true,
        include_without_live_data: true,
        include_unusable: false,
        ..search(map, &[])
    }
}

#[test]
fn a_search_offers_the_nearest_vacant_first_and_says_what_it_left_out() {
    let mut disabled = bay(5, None, 10.0);
    disabled.def.restrictions = vec![reserved_for(Audience::Disabled, None)];
    let mut closed = site(14, 40.0);
    closed.def.opening_hours = Some("Mo-Sa 07:00-20:00".into());
    let sites = vec![site(11, 300.0), site(12, 200.0), site(13, 50.0), closed, site(15, 900.0)];
    let bays =
        vec![bay(1, None, 100.0), bay(2, None, 20.0), bay(3, None, 30.0), bay(4, Some("s12"), 5.0), disabled];
    let mut map = LiveMap::new(registry(sites, bays), NOW);
    let changes = [
        counted(11, 4, 60),
        counted(12, 10, 60),
        counted(14, 1, 60),
        counted(15, 1, 60),
        reported(1, BayState::Vacant, 60),
        reported(2, BayState::Occupied, 60),
        reported(3, BayState::Vacant, STALE_AFTER_S),
        reported(4, BayState::Vacant, 60),
        reported(5, BayState::Vacant, 60),
    ];
    map.apply(changes, NOW);

    let found = map.search(&search(&map, &[]), NOW);
    let offered: Vec<(PlaceRef, Option<i64>)> = found.offers.iter().map(|o| (o.place, o.vacant)).collect();
    assert_eq!(offered, [(PlaceRef::Bay(BayId(1)), Some(1)), (PlaceRef::Site(SiteId(11)), Some(6))]);
    let left_out = LeftOut { full: 2, stale: 1, closed: 1, restricted: 1, no_live_data: 1 };
    assert_eq!(found.left_out, left_out);

    let found = map.search(&search(&map, &[Audience::Disabled]), NOW);
    assert_eq!(found.offers[0].place, PlaceRef::Bay(BayId(5)));

    let found = map.search(&Search { limit: 3, ..everything(&map) }, NOW);
    let places: Vec<PlaceRef> = found.offers.iter().map(|o| o.place).collect();
    assert_eq!(places, [PlaceRef::Bay(BayId(4)), PlaceRef::Bay(BayId(1)), PlaceRef::Site(SiteId(11))]);
}

#[test]
fn restrictions_and_opening_hold_at_the_arrival() {
    let mut by_day = bay(1, None, 10.0);
    by_day.def.restrictions =
        vec![Restriction { hours: Some("Su 10:00-18:00".into()), ..reserved_for(Audience::Delivery, None) }];
    let mut from_monday = site(11, 50.0);
    from_monday.def.opening_hours = Some("Mo-Sa 07:00-20:00".into());
    let mut map = LiveMap::new(registry(vec![from_monday], vec![by_day]), NOW);
    map.apply([reported(1, BayState::Vacant, 60), counted(11, 3, 60)], NOW);

    let now = map.search(&search(&map, &[]), NOW);
    assert_eq!((now.offers.len(), now.left_out.closed, now.left_out.restricted), (0, 1, 1));
    let monday = UtcMicros::parse("2026-11-23T09:00:00Z").unwrap();
    let later = Search { driver: map.driver([], Some(monday)), ..search(&map, &[]) };
    assert_eq!(map.search(&later, NOW).offers.len(), 2);
}

#[test]
fn a_site_whose_bays_are_kept_in_the_evening_is_open_until_then() {
    // Six in the evening of NOW's Sunday in the town.
    let (evening, text) = (UtcMicros::parse("2026-11-22T17:00:00Z").unwrap(), "Mo-Su 18:00-24:00");
    let residents = Restriction { hours: Some(text.into()), ..reserved_for(Audience::Resident, None) };
    let bays = |reserved: std::ops::Range<i32>| {
        let bay = |id| {
            let mut bay = bay(id, Some("s11"), 20.0);
            bay.def.publish = Some(Publish::Public);
            bay.def.restrictions = if reserved.contains(&id) { vec![residents.clone()] } else { Vec::new() };
            bay
        };
        (1..11).map(bay).collect()
    };
    let offer = |reserved, audiences: &[Audience]| {
        let mut map = LiveMap::new(registry(vec![site(11, 50.0)], bays(reserved)), NOW);
        map.apply((1..11).map(|id| reported(id, BayState::Vacant, 60)), NOW);
        (map.search(&search(&map, audiences), NOW).offers[0], map.by_restriction(SiteId(11), NOW))
    };
    let (all, rows) = offer(1..11, &[]);
    assert_eq!((all.vacant, all.opening.is_open, all.opening.until), (Some(10), Some(true), Some(evening)));
    assert_eq!((rows[0].audience, rows[0].hours.as_deref()), (Audience::Resident, Some(text)));
    let (some, _) = offer(1..10, &[]);
    assert_eq!(some.opening.until, None, "one space is for everyone");
    let next = some.next_reservation.unwrap();
    assert_eq!(
        (next.from, next.is_whole, next.audiences.contains(Audience::Resident)),
        (evening, false, true)
    );
}

#[test]
fn a_site_kept_whole_for_residents_is_offered_to_nobody() {
    let mut residents = site(11, 50.0);
    residents.def.restrictions = vec![reserved_for(Audience::Resident, None)];
    let mut map = LiveMap::new(registry(vec![residents], vec![]), NOW);
    map.apply([counted(11, 3, 60)], NOW);
    let found = map.search(&search(&map, &[Audience::Resident]), NOW);
    assert_eq!((found.offers.len(), found.left_out.restricted), (0, 1));
}

#[test]
fn spaces_kept_for_others_are_taken_off_a_count() {
    let mut mixed = site(11, 50.0);
    mixed.def.restrictions = vec![reserved_for(Audience::Charging, Some(4))];
    let mut map = LiveMap::new(registry(vec![mixed], vec![]), NOW);
    map.apply([counted(11, 2, 60)], NOW);
    let offer = map.search(&search(&map, &[]), NOW).offers[0];
    assert_eq!((offer.vacant, offer.capacity), (Some(6), 6));
    assert!(offer.flags.has(Flags::INCLUDES_RESTRICTED));
    let charging = map.search(&search(&map, &[Audience::Charging]), NOW).offers[0];
    assert_eq!((charging.vacant, charging.capacity), (Some(8), 10));
}

#[test]
fn going_stale_is_events_once_and_a_new_word_is_a_change() {
    let mut map = LiveMap::new(registry(vec![site(11, 50.0)], vec![bay(1, None, 10.0)]), NOW);
    map.apply([reported(1, BayState::Vacant, 60), counted(11, 3, 60)], NOW);
    assert_eq!(map.tick(NOW.plus_s(STALE_AFTER_S - 61)), []);
    let late = NOW.plus_s(STALE_AFTER_S - 60);
    let events = map.tick(late);
    assert_eq!(events.len(), 2);
    assert!(matches!(
        events[0],
        LiveEvent::Bay { stale: true, state: BayState::Unknown, reason: EventReason::Stale, .. }
    ));
    assert_eq!(events[1], LiveEvent::Site { site: SiteId(11), reason: EventReason::Stale });
    assert!(map.site(SiteId(11), late).unwrap().stale);
    assert_eq!(map.tick(late.plus_s(5)), []);
    let again = map.apply([reported(1, BayState::Vacant, -60)], late);
    assert!(matches!(again[0], LiveEvent::Bay { reason: EventReason::Changed, stale: false, .. }));
    let confirmed = map.apply([reported(1, BayState::Vacant, -61)], late);
    assert!(matches!(confirmed[0], LiveEvent::Bay { reason: EventReason::Confirmed, .. }));
}

#[test]
fn many_counts_of_a_site_set_one_timer() {
    let mut map = LiveMap::new(registry(vec![site(11, 50.0)], vec![]), NOW);
    for age_s in (0..1000).rev() {
        map.apply([counted(11, 3, age_s)], NOW);
    }
    assert_eq!(map.timers.len(), 1);
}

#[test]
fn an_import_reports_what_came_and_what_went() {
    let mut map = LiveMap::new(registry(vec![site(11, 50.0)], vec![bay(1, None, 10.0)]), NOW);
    map.apply([reported(1, BayState::Vacant, 60)], NOW);
    let events = map.replace_registry(registry(vec![], vec![bay(2, None, 10.0)]), NOW);
    assert_eq!(events[0], LiveEvent::RemovedBay { key: "b1".into() });
    assert_eq!(events[1], LiveEvent::RemovedSite { key: "s11".into() });
    assert!(matches!(
        events[2],
        LiveEvent::Bay { bay: BayId(2), observed_at: None, reason: EventReason::Places, .. }
    ));
    assert_eq!(events.len(), 3);
}

#[test]
fn a_place_begins_and_ends_by_itself() {
    let mut coming = bay(1, None, 10.0);
    coming.def.valid_from = Some(NOW.plus_s(60));
    let mut map = LiveMap::new(registry(vec![], vec![coming]), NOW);
    assert!(map.bay_by_key("b1", NOW).is_none());
    assert_eq!(map.tick(NOW.plus_s(60)).len(), 1);
    assert!(map.bay_by_key("b1", NOW.plus_s(60)).is_some());
}

#[test]
fn pages_walk_through_all_in_the_order_of_ids() {
    let bays: Vec<_> = (1..=25).map(|i| bay(i, None, f64::from(i))).collect();
    let map = LiveMap::new(registry(vec![], bays), NOW);
    let within = Within { bbox: Some(HERE.around(20.5)), municipality: Some(MunicipalityId(1)) };
    let (mut seen, mut after) = (Vec::<String>::new(), None);
    loop {
        let (page, more) = map.bays_page(&within, after.as_deref(), 7);
        seen.extend(page.iter().map(|id| map.registry().bay(*id).unwrap().def.id.clone()));
        if !more {
            break;
        }
        after = seen.last().cloned();
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.is_sorted());
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..5i32, 0..3i16, 0..4000i64).prop_map(|(id, state, age_s)| reported(
            id,
            BayState::from_code(state),
            age_s
        )),
        (11..13i32, 0..12i32, 0..4000i64).prop_map(|(id, occupied, age_s)| counted(id, occupied, age_s)),
    ]
}

/// A version belongs to one content, as in the store.
fn one_content_per_version(mut changes: Vec<Change>) -> Vec<Change> {
    let mut seen = std::collections::HashSet::new();
    changes.retain(|c| match c {
        Change::Site { site, version, .. } => seen.insert((*site, *version)),
        _ => true,
    });
    changes
}

proptest! {
    #[test]
    fn live_state_is_order_free_and_idempotent(
        (changes, shuffled) in proptest::collection::vec(any_change(), 1..30)
            .prop_map(one_content_per_version)
            .prop_flat_map(|v| { let twice = [v.clone(), v.clone()].concat(); (Just(v), Just(twice).prop_shuffle()) })
    ) {
        let places = || {
            let mut hidden = bay(4, Some("s11"), 10.0);
            hidden.def.publish = Some(Publish::SiteOnly);
            let bays = vec![bay(1, Some("s11"), 1.0), bay(2, Some("s11"), 2.0), bay(3, None, 3.0), hidden];
            registry(vec![site(11, 50.0), site(12, 60.0)], bays)
        };
        let mut a = LiveMap::new(places(), NOW);
        a.apply(changes, NOW);
        let mut b = LiveMap::new(Arc::default(), NOW);
        let (early, late) = shuffled.split_at(shuffled.len() / 2);
        b.apply(early.iter().cloned(), NOW);
        b.replace_registry(places(), NOW);
        for change in late {
            b.apply([change.clone()], NOW);
        }
        for map in [&mut a, &mut b] {
            map.tick(NOW);
        }
        for id in 1..5 {
            prop_assert_eq!(a.bay(BayId(id), NOW), b.bay(BayId(id), NOW));
        }
        for id in 11..13 {
            prop_assert_eq!(a.site(SiteId(id), NOW), b.site(SiteId(id), NOW));
        }
        let found = |map: &LiveMap| map.search(&everything(map), NOW);
        prop_assert_eq!(found(&a), found(&b));
        for offer in found(&a).offers {
            let expected = match offer.state {
                BayState::Vacant => Verdict::Vacant,
                BayState::Occupied => Verdict::Full,
                BayState::Unknown if offer.observed_at.is_some() => Verdict::Stale,
                BayState::Unknown => Verdict::NoLiveData,
            };
            prop_assert_eq!(offer.verdict, expected);
        }
    }
}

#[test]
fn a_bay_that_is_kept_in_the_evening_is_open_until_then() {
    let evening = UtcMicros::parse("2026-11-22T17:00:00Z").unwrap();
    let hours = Some("Mo-Su 18:00-24:00".to_owned());
    let mut reserved = bay(1, None, 20.0);
    reserved.def.restrictions =
        vec![Restriction { hours: hours.clone(), ..reserved_for(Audience::Taxi, None) }];
    let mut of_site = bay(2, Some("s11"), 20.0);
    of_site.def.publish = Some(Publish::Public);
    let mut market = site(11, 50.0);
    market.def.restrictions = vec![Restriction { hours, ..reserved_for(Audience::Delivery, None) }];
    let mut map = LiveMap::new(registry(vec![market], vec![reserved, of_site]), NOW);
    map.apply([reported(1, BayState::Vacant, 60), reported(2, BayState::Vacant, 60)], NOW);
    let all = Search { bays: BaysWanted::All, sites: false, ..search(&map, &[]) };
    let offers = map.search(&all, NOW).offers;
    assert_eq!(offers.len(), 2);
    for offer in offers {
        assert_eq!(offer.opening.until, Some(evening));
        assert!(offer.next_reservation.unwrap().is_whole);
    }
    let taxi = Search { driver: map.driver([Audience::Taxi], None), ..all };
    assert_eq!(map.search(&taxi, NOW).offers[0].opening.until, None, "a taxi may stay");
}

#[test]
fn rules_that_together_take_every_space_keep_the_whole_site() {
    let rule = |audience, capacity| Restriction {
        hours: Some("Mo-Su 18:00-24:00".into()),
        ..reserved_for(audience, Some(capacity))
    };
    let mut market = site(11, 50.0);
    market.def.restrictions = vec![rule(Audience::Resident, 6), rule(Audience::Delivery, 4)];
    let mut map = LiveMap::new(registry(vec![market], vec![]), NOW);
    map.apply([counted(11, 2, 60)], NOW);
    let offer = map.site_offer(SiteId(11), HERE, &map.driver([], None), NOW).unwrap();
    assert_eq!(offer.opening.until, Some(UtcMicros::parse("2026-11-22T17:00:00Z").unwrap()));
    assert!(offer.next_reservation.unwrap().is_whole);
}

#[test]
fn what_is_kept_for_others_stands_beside_an_offer_only_while_it_is_kept() {
    let rule = |audience, capacity, hours: Option<&str>| Restriction {
        hours: hours.map(Into::into),
        ..reserved_for(audience, Some(capacity))
    };
    let mut counted_site = site(11, 50.0);
    counted_site.def.restrictions = vec![
        rule(Audience::Disabled, 2, None),
        rule(Audience::Resident, 1, Some("Mo-Su 00:00-24:00")),
        rule(Audience::Resident, 3, Some("Mo-Su 18:00-24:00")),
    ];
    let mut map = LiveMap::new(registry(vec![counted_site], vec![]), NOW);
    map.apply([counted(11, 2, 60)], NOW);
    let beside = |at| {
        let driver = map.driver([], at);
        let parts = map.others_at(SiteId(11), &driver, NOW);
        let offer = map.site_offer(SiteId(11), HERE, &driver, NOW).unwrap();
        (offer.capacity, parts.iter().map(|p| (p.audience, p.capacity.unwrap())).collect::<Vec<_>>())
    };
    assert_eq!(beside(None), (7, vec![(Audience::Disabled, 2), (Audience::Resident, 1)]));
    let night = UtcMicros::parse("2026-11-22T20:00:00Z").unwrap();
    assert_eq!(beside(Some(night)), (4, vec![(Audience::Disabled, 2), (Audience::Resident, 4)]));
    let next =
        map.site_offer(SiteId(11), HERE, &map.driver([], None), NOW).unwrap().next_reservation.unwrap();
    assert_eq!((next.is_whole, next.from), (false, UtcMicros::parse("2026-11-22T17:00:00Z").unwrap()));
}
