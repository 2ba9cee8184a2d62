//! What is closed is offered to nobody, and opens by itself.

use super::*;
use crate::closure::{NEVER, Spans};
use crate::ids::PlaceId;
use crate::observation::SiteStatus;
use crate::opening::Opening;

fn with_closures(closures: Vec<(PlaceId, Spans)>) -> LiveMap {
    let sites = vec![site(11, 10.0), site(12, 20.0)];
    let bays = vec![bay(1, Some("s12"), 20.0), bay(2, Some("s12"), 20.0), bay(3, None, 30.0)];
    let open = registry(sites.clone(), bays.clone());
    let registry = Registry::new(Contents {
        municipalities: open.municipalities().map(|(id, m)| (id, m.clone())).collect(),
        feeds: open.feeds().cloned().collect(),
        sites,
        bays,
        closures,
        ..Contents::default()
    });
    let mut map = LiveMap::new(Arc::new(registry), NOW);
    let vacant = (1..4).map(|id| reported(id, BayState::Vacant, 60));
    map.apply([counted(11, 4, 60)].into_iter().chain(vacant), NOW);
    map
}

/// What is offered, nearest first, how much is vacant there, and how many places are closed.
fn offered(map: &LiveMap, arrive: Option<UtcMicros>, now: UtcMicros) -> (Vec<(PlaceRef, Option<i64>)>, u32) {
    let search = Search { driver: map.driver([], arrive), bays: BaysWanted::All, ..search(map, &[]) };
    let found = map.search(&search, now);
    (found.offers.iter().map(|o| (o.place, o.vacant)).collect(), found.left_out.closed)
}

const S11: (PlaceRef, Option<i64>) = (PlaceRef::Site(SiteId(11)), Some(6));
const B3: (PlaceRef, Option<i64>) = (PlaceRef::Bay(BayId(3)), Some(1));

#[test]
fn a_closed_site_closes_its_bays_and_opens_again() {
    let end = NOW.plus_s(600);
    let mut map = with_closures(vec![(PlaceId(12), Spans::union([(NOW.plus_s(-10), end)]))]);
    assert_eq!(offered(&map, None, NOW), (vec![S11, B3], 3));
    let opening = map.site(SiteId(12), NOW).unwrap().opening;
    assert_eq!(opening, Opening { is_open: Some(false), until: Some(end) });
    // Who comes after the end finds it open.
    assert_eq!(offered(&map, Some(end), NOW).1, 0);

    let events = map.tick(end);
    assert!(
        events.contains(&LiveEvent::Site { site: SiteId(12), reason: EventReason::Changed }),
        "{events:?}"
    );
    assert_eq!(offered(&map, None, end).1, 0);
    assert_eq!(map.site(SiteId(12), end).unwrap().opening, Opening::ALWAYS);
}

#[test]
fn a_closed_bay_is_not_offered_and_counts_nowhere() {
    let begin = NOW.plus_s(600);
    let mut map = with_closures(vec![
        (PlaceId(1), Spans::union([(NOW, NEVER)])),
        (PlaceId(3), Spans::union([(begin, begin.plus_s(60))])),
    ]);
    let s12 = |vacant| (PlaceRef::Site(SiteId(12)), Some(vacant));
    let b2 = (PlaceRef::Bay(BayId(2)), Some(1));
    assert_eq!(offered(&map, None, NOW), (vec![S11, b2, s12(1), B3], 1));
    assert_eq!(offered(&map, Some(begin), NOW).1, 2);

    map.tick(begin);
    assert_eq!(offered(&map, None, begin), (vec![S11, b2, s12(1)], 2));
    let unusable = Search { include_unusable: true, bays: BaysWanted::All, ..search(&map, &[]) };
    let closed = map.search(&unusable, begin).offers.into_iter().find(|o| o.place == B3.0).unwrap();
    assert_eq!(closed.opening, Opening { is_open: Some(false), until: Some(begin.plus_s(60)) });

    map.tick(begin.plus_s(60));
    assert!(offered(&map, None, begin.plus_s(60)).0.contains(&B3));
}

#[test]
fn what_its_supplier_calls_closed_stays_closed_until_the_hours_open_it() {
    let mut with_hours = site(12, 20.0);
    // NOW is a Sunday.
    with_hours.def.opening_hours = Some("Mo-Su 06:00-22:00".into());
    let mut map = LiveMap::new(registry(vec![site(11, 10.0), with_hours], vec![]), NOW);
    let closed = |id| {
        let Change::Site { site, audience, version, mut count } = counted(id, 4, 60) else { unreachable!() };
        count.status = count.observed_at.map(|at| (at, SiteStatus::Closed));
        Change::Site { site, audience, version, count }
    };
    map.apply([closed(11), closed(12)], NOW);
    let closed_at = |arrive: Option<&str>| {
        let arrive = arrive.map(|text| UtcMicros::parse(text).unwrap());
        let search = Search { driver: map.driver([], arrive), include_unusable: true, ..search(&map, &[]) };
        let mut offers = map.search(&search, NOW).offers;
        offers.retain(|offer| offer.verdict == Verdict::Closed);
        let ids: Vec<PlaceRef> = offers.iter().map(|offer| offer.place).collect();
        ids
    };
    let both = vec![PlaceRef::Site(SiteId(11)), PlaceRef::Site(SiteId(12))];
    assert_eq!(closed_at(None), both);
    let soon = NOW.plus_s(600).timestamp().to_string();
    assert_eq!(closed_at(Some(&soon)), both, "ten minutes later nobody has opened it");
    assert_eq!(closed_at(Some("2026-11-23T08:00:00Z")), both[..1], "opened by its hours on the next day");
}
