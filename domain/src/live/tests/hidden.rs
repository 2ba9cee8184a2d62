//! Hidden bays count as a crowd or not at all.

use super::*;

/// Bays of a site from id `first` on, each reserved for `audience`.
fn reserved(first: i32, n: i32, audience: Audience) -> Vec<crate::registry::Entry<BayId, crate::place::Bay>> {
    let of = |id| {
        let mut bay = bay(id, Some("s11"), 10.0);
        bay.def.restrictions = vec![reserved_for(audience, None)];
        bay
    };
    (first..first + n).map(of).collect()
}

fn shown(ids: std::ops::Range<i32>) -> Vec<crate::registry::Entry<BayId, crate::place::Bay>> {
    ids.map(|id| bay(id, Some("s11"), 10.0)).collect()
}

fn of_capacity(n: u32) -> crate::registry::Entry<SiteId, crate::place::Site> {
    let mut site = site(11, 50.0);
    site.def.capacity = n;
    site
}

fn numbers(map: &LiveMap) -> (i64, Option<i64>, Option<i64>, i64, bool) {
    let view = map.site(SiteId(11), NOW).unwrap();
    let is_without = view.flags.has(Flags::WITHOUT_HIDDEN_BAYS);
    (view.capacity, view.vacant, view.occupied, view.unknown, is_without)
}

const CHANGED: LiveEvent = LiveEvent::Site { site: SiteId(11), reason: EventReason::Changed };

#[test]
fn beside_bays_that_are_shown_hidden_ones_move_nothing() {
    let bays = [shown(1..3), reserved(3, 6, Audience::Resident), reserved(9, 1, Audience::Disabled)].concat();
    let mut map = LiveMap::new(registry(vec![of_capacity(9)], bays), NOW);
    map.apply([reported(1, BayState::Occupied, 60), reported(2, BayState::Vacant, 50)], NOW);
    let before = (map.site(SiteId(11), NOW), map.by_restriction(SiteId(11), NOW));
    assert_eq!(numbers(&map), (3, Some(1), Some(1), 1, true));
    let parts: Vec<_> = before.1.iter().map(|part| (part.audience, part.capacity)).collect();
    assert_eq!(parts, [(Audience::Disabled, Some(1))]);
    for bay in 3..9 {
        assert_eq!(map.apply([reported(bay, BayState::Vacant, 1)], NOW), []);
    }
    assert_eq!((map.site(SiteId(11), NOW), map.by_restriction(SiteId(11), NOW)), before);
    assert!(map.bay_by_key("b3", NOW).is_none());
    assert_eq!(map.bays_page(&Within::default(), None, 10).0.len(), 3);
    let late = NOW.plus_s(STALE_AFTER_S - 30);
    assert_eq!(map.tick(late).len(), 3, "two bays and their site");
    assert_eq!(map.tick(NOW.plus_s(STALE_AFTER_S + 9)), [], "the hidden ones are silent too");
}

#[test]
fn five_hidden_bays_count_once_five_are_known_and_four_never() {
    for n in [4, 5] {
        let bays = [reserved(1, n, Audience::Resident), reserved(11, 3, Audience::AssignedDisabled)].concat();
        let mut map = LiveMap::new(registry(vec![of_capacity(n as u32 + 3)], bays), NOW);
        for bay in 1..5 {
            assert_eq!(map.apply([reported(bay, BayState::Vacant, 60 - i64::from(bay))], NOW), []);
            assert_eq!(map.site(SiteId(11), NOW).unwrap().observed_at, None);
        }
        assert_eq!(map.apply([reported(11, BayState::Occupied, 1)], NOW), [], "one person's");
        if n == 4 {
            assert_eq!(numbers(&map), (0, None, None, 0, true));
            continue;
        }
        assert_eq!(map.apply([reported(5, BayState::Occupied, 30)], NOW), [CHANGED]);
        assert_eq!(numbers(&map), (5, Some(4), Some(1), 0, false));
        assert_eq!(map.site(SiteId(11), NOW).unwrap().observed_at, Some(NOW.plus_s(-30)));
        let parts = map.by_restriction(SiteId(11), NOW);
        assert_eq!((parts[0].audience, parts[0].vacant), (Audience::Resident, Some(4)));
    }
}

#[test]
fn groups_of_hidden_bays_are_listed_only_where_each_is_a_crowd() {
    for (charging, published) in [(4, None), (5, Some(5))] {
        let bays = [reserved(1, 6, Audience::Resident), reserved(7, charging, Audience::Charging)]
            .concat()
            .into_iter();
        let bays = bays.map(|mut bay| {
            bay.def.publish = Some(Publish::SiteOnly);
            bay
        });
        let n = 6 + charging;
        let mut map = LiveMap::new(registry(vec![of_capacity(n as u32)], bays.collect()), NOW);
        map.apply((1..=n).map(|bay| reported(bay, BayState::Vacant, 60)), NOW);
        assert_eq!(numbers(&map), (n.into(), Some(n.into()), Some(0), 0, false));
        let vacant = |audience| {
            let parts = map.by_restriction(SiteId(11), NOW);
            parts.iter().find(|part| part.audience == audience).unwrap().vacant
        };
        assert_eq!(
            (vacant(Audience::Charging), vacant(Audience::Resident)),
            (published, published.map(|_| 6))
        );
        let driver = map.driver([Audience::Charging], None);
        let offer = map.site_offer(SiteId(11), HERE, &driver, NOW).unwrap();
        assert_eq!((offer.vacant, offer.capacity), (published, charging.into()));
    }
}

#[test]
fn a_count_is_used_where_five_of_its_spaces_are_not_shown() {
    for (capacity, is_used) in [(9, false), (10, true)] {
        let bays = [shown(1..6), reserved(6, 2, Audience::Resident)].concat();
        let mut map = LiveMap::new(registry(vec![of_capacity(capacity)], bays), NOW);
        map.apply((1..6).map(|bay| reported(bay, BayState::Vacant, 60)), NOW);
        let events = map.apply([counted(11, 7, 20)], NOW);
        if is_used {
            assert_eq!((events, numbers(&map)), (vec![CHANGED], (10, Some(3), Some(7), 0, false)));
        } else {
            assert_eq!((events, numbers(&map)), (vec![], (5, Some(5), Some(0), 0, true)));
            assert_eq!(map.site(SiteId(11), NOW).unwrap().observed_at, Some(NOW.plus_s(-60)));
            assert_eq!(map.tick(NOW.plus_s(STALE_AFTER_S - 60)).len(), 6, "five bays and their site");
            assert_eq!(map.tick(NOW.plus_s(STALE_AFTER_S)), [], "no event for the count");
        }
    }
    // Nothing is hidden in a site without bays.
    let mut map = LiveMap::new(registry(vec![of_capacity(3)], vec![]), NOW);
    map.apply([counted(11, 1, 20)], NOW);
    assert_eq!(numbers(&map), (3, Some(2), Some(1), 0, false));
}

#[test]
fn a_site_is_not_kept_whole_for_those_for_whom_hidden_bays_are() {
    let mut mixed = of_capacity(4);
    mixed.def.restrictions = vec![reserved_for(Audience::Resident, None)];
    let bays = [shown(1..3), reserved(3, 2, Audience::Resident)].concat();
    let mut map = LiveMap::new(registry(vec![mixed], bays), NOW);
    map.apply([reported(1, BayState::Vacant, 60)], NOW);
    let offer = map.site_offer(SiteId(11), HERE, &map.driver([], None), NOW).unwrap();
    assert_eq!((offer.verdict, offer.vacant, offer.capacity), (Verdict::Vacant, Some(1), 2));
}

/// A bay and a counted site, public since an instant.
fn public_since(since: UtcMicros) -> Arc<Registry> {
    let known =
        registry(vec![site(11, 50.0), site(12, 60.0)], vec![bay(1, Some("s11"), 10.0), bay(2, None, 20.0)]);
    Arc::new(Registry::new(Contents {
        municipalities: known.municipalities().map(|(id, m)| (id, m.clone())).collect(),
        feeds: known.feeds().cloned().collect(),
        sites: known.sites().cloned().collect(),
        bays: known.bays().cloned().collect(),
        public_since: vec![(BayId(1).into(), since), (SiteId(12).into(), since)],
        ..Contents::default()
    }))
}

#[test]
fn what_was_observed_while_a_place_was_hidden_is_not_shown_later() {
    let mut map =
        LiveMap::new(registry(vec![site(11, 50.0), site(12, 60.0)], reserved(1, 1, Audience::Resident)), NOW);
    let before = [reported(1, BayState::Occupied, 90), counted(12, 4, 80)];
    map.apply(before.clone(), NOW);
    let since = NOW.plus_s(-30);
    let events = map.replace_registry(public_since(since), NOW);
    let unknown = |e: &LiveEvent| {
        matches!(e, LiveEvent::Bay { bay: BayId(1), state: BayState::Unknown, observed_at: None, .. })
    };
    assert!(events.iter().any(unknown), "{events:?}");
    // Whoever starts then, and whoever hears it late, shows no more.
    let mut late = LiveMap::new(public_since(since), NOW);
    late.apply(before.clone(), NOW);
    map.apply(before, NOW);
    for map in [&mut map, &mut late] {
        let times = |map: &LiveMap| {
            [map.bay(BayId(1), NOW).unwrap().observed_at, map.site(SiteId(11), NOW).unwrap().observed_at]
                .into_iter()
                .chain([map.site(SiteId(12), NOW).unwrap().observed_at])
                .collect::<Vec<_>>()
        };
        assert_eq!(times(map), [None; 3]);
        assert_eq!(map.site(SiteId(12), NOW).unwrap().vacant, None);
        map.apply([reported(1, BayState::Vacant, 30), counted(12, 4, 20)], NOW);
        assert_eq!(times(map), [Some(since), Some(since), Some(NOW.plus_s(-20))]);
        assert_eq!(map.site(SiteId(12), NOW).unwrap().vacant, Some(6));
    }
}
