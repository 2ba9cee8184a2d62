//! Cars and bikes.

use super::*;

#[test]
fn a_bike_is_offered_racks_and_a_car_none() {
    let rack = Entry { def: Site { purpose: Purpose::Bike, ..site(2, 20.0).def }, ..site(2, 20.0) };
    let sites = vec![site(1, 10.0), rack];
    let bays = vec![bay(1, Some("s1"), 11.0), bay(2, Some("s2"), 21.0), bay(3, None, 30.0)];
    let mut map = LiveMap::new(registry(sites, bays), NOW);
    map.apply((1..=3).map(|id| reported(id, BayState::Vacant, 5)), NOW);
    let found = |purpose| {
        let everything = search(&map, &[]);
        let driver = everything.driver.clone().with(purpose);
        let search = Search { driver, bays: BaysWanted::All, ..everything };
        map.search(&search, NOW).offers.into_iter().map(|offer| offer.place).collect::<Vec<_>>()
    };
    let (site, bay) = (|id| PlaceRef::Site(SiteId(id)), |id| PlaceRef::Bay(BayId(id)));
    assert_eq!(found(Purpose::Car), [site(1), bay(1), bay(3)]);
    assert_eq!(found(Purpose::Bike), [site(2), bay(2)]);
}
