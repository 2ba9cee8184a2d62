//! Prices of the county's own list.

use domain::fare::Factor;
use proptest::prelude::*;

use super::*;
use crate::listed::started_km;

/// A point so far north of 52 N.
fn north(metres: f64) -> LatLon {
    let begin = LatLon { lat: 52.0, lon: 7.0 };
    let per_m = 1.0 / begin.distance_m(LatLon { lat: 53.0, lon: 7.0 });
    LatLon { lat: 52.0 + metres * per_m, lon: 7.0 }
}

#[test]
fn kilometres_count_once_they_have_begun() {
    for (metres, expected) in
        [(0.0, 0), (0.5, 1), (999.9, 1), (1_000.0, 1), (2_000.0, 2), (2_001.0, 3), (2_000.000_1, 2)]
    {
        assert_eq!(started_km(metres), expected, "{metres}");
    }
    let asked = Asked::of(vec![fare("eezy", FareKind::CrowFly, 1.4, Some(0.27))], vec![]);
    for (metres, expected) in [(2_000.0, 194), (2_001.0, 221), (0.0, 140)] {
        let rides = [Ride { to: north(metres), ..ride(0, &[0, 1]) }];
        assert_eq!(asked.price(&rides).amount(), Some(Euros::cents(expected)), "{metres}");
    }
}

#[test]
fn a_trip_is_from_its_first_stop_to_its_last_whatever_the_changes() {
    let asked = Asked::of(vec![fare("eezy", FareKind::CrowFly, 1.0, Some(0.2))], vec![]);
    // 5 km there, and back up to 1 km.
    let rides = [
        Ride { to: north(5_000.0), ..ride(0, &[0, 1]) },
        Ride { from: north(5_000.0), to: north(1_000.0), line: "9", ..ride(20, &[1, 2]) },
    ];
    assert_eq!(shown(&asked.price(&rides)), ["eezy 1.20 [0, 1]"]);
}

#[test]
fn the_first_fare_that_matches_counts_on_its_days() {
    let old = Fare { valid_until: Some(date(2026, 11, 30)), ..fare("old", FareKind::Flat, 1.0, None) };
    let new = Fare { valid_from: date(2026, 12, 2), ..fare("new", FareKind::Flat, 2.0, None) };
    let town = Fare { routes: vec!["C*".into()], ..fare("town", FareKind::Flat, 0.5, None) };
    let other = Fare { agencies: vec!["*münsterland".into()], ..fare("other", FareKind::Flat, 3.0, None) };
    let asked = Asked::of(vec![town, old, new], vec![]);
    assert_eq!(shown(&asked.price(&[ride(0, &[0])])), ["unknown [0]"]);
    let late = ride(12 * 60, &[0]);
    assert_eq!(
        shown(&asked.price(std::slice::from_ref(&late))),
        ["new 2.00 [0]"],
        "midnight by the agency's clock"
    );
    assert_eq!(shown(&asked.price(&[ride(12 * 60 - 1, &[0])])), ["unknown [0]"]);
    assert_eq!(
        shown(&asked.price(&[Ride { line: "c1", ..ride(0, &[0]) }, late])),
        ["town 0.50 [0]", "new 2.00 [1]"]
    );
    let by_name = Asked::of(vec![other], vec![]);
    assert_eq!(shown(&by_name.price(&[ride(0, &[0])])), ["other 3.00 [0]"]);
    let db = Ride { agency_id: "db", agency_name: "DB", ..ride(0, &[0]) };
    let price = by_name.price(&[ride(0, &[0]), db, ride(40, &[0])]);
    assert_eq!(shown(&price), ["other 3.00 [0]", "other 3.00 [2]", "unknown [1]"]);
    assert_eq!(price.amount(), None);
}

#[test]
fn children_pay_their_part_where_it_is_known() {
    let half = Fare {
        child_factor: Factor::exact(0.5),
        cap_24h_eur: Some(eur(3.0)),
        ..fare("half", FareKind::CrowFly, 1.05, Some(0.27))
    };
    let mut asked = Asked { is_child: true, ..Asked::of(vec![half], vec![]) };
    let long = |km: f64| [Ride { to: north(km * 1_000.0), ..ride(0, &[0]) }];
    // Half of 1.32: rounded once, at the end.
    assert_eq!(asked.price(&long(1.0)).amount(), Some(Euros::cents(66)));
    assert_eq!(asked.price(&long(90.0)).amount(), Some(Euros::cents(150)), "half of the cap");
    asked.list.fares[0].child_factor = None;
    assert_eq!(asked.price(&long(1.0)).amount(), None);
}

#[test]
fn passes_cover_what_they_cover() {
    let regional = Pass { route_types: vec![2, 3], agencies_except: vec!["flix*".into()], ..pass("regio") };
    let mut asked = Asked::of(vec![fare("flat", FareKind::Flat, 2.0, None)], vec![regional]);
    let express = Ride { route_type: 101, ..ride(20, &[0]) };
    let coach = Ride { agency_id: "FlixBus", ..ride(40, &[0]) };
    let rides = [ride(0, &[0]), express, coach, ride(60, &[0])];
    assert_eq!(shown(&asked.price(&rides)), ["flat 2.00 [0, 1, 2, 3]"], "without it");
    asked.passes = vec!["regio".into()];
    assert_eq!(shown(&asked.price(&rides)), ["pass regio 0.00 [0, 3]", "flat 2.00 [1, 2]"]);
    assert!(!asked.price(&rides).is_covered());
    let taxi = Ride { surcharge: Some(eur(0.8)), ..ride(0, &[0]) };
    let covered = asked.price(std::slice::from_ref(&taxi));
    assert!(covered.is_covered());
    assert_eq!(covered.amount(), Some(Euros::cents(80)), "surcharges are due with a pass as well");
    asked.list.passes[0].valid_until = Some(date(2026, 11, 30));
    assert!(!asked.price(&[taxi]).is_covered());
}

proptest! {
    /// Whatever trips there are: those that begin within 24 hours of the first cost no more than the cap, and no trip
    /// costs less than nothing or more than without one.
    #[test]
    fn a_cap_is_kept(
        trips in proptest::collection::vec((0_i64..3_000, 0_u32..40), 1..8),
        cap in 0_i64..1_500,
    ) {
        let mut trips = trips;
        trips.sort_unstable();
        let other = Ride { agency_id: "other", agency_name: "", ..ride(0, &[0]) };
        let mut rides = Vec::new();
        for (minute, km) in trips {
            rides.push(Ride { to: north(f64::from(km) * 1_000.0), ..ride(minute, &[0]) });
            rides.push(other.clone());
        }
        let own = Fare { agencies: vec!["rvm".into()], ..fare("own", FareKind::CrowFly, 1.4, Some(0.27)) };
        let free = Asked::of(vec![own.clone()], vec![]);
        let capped = Asked::of(vec![Fare { cap_24h_eur: Some(Euros::cents(cap)), ..own }], vec![]);
        let (free, capped) = (free.price(&rides), capped.price(&rides));
        prop_assert_eq!(free.products.len(), capped.products.len());
        let (mut since, mut sum, mut without) = (i64::MIN / 2, Euros::ZERO, Euros::ZERO);
        for (a, b) in free.products.iter().zip(&capped.products) {
            let start = rides[a.rides[0]].start;
            if start - since >= 86_400 {
                (since, sum, without) = (start, Euros::ZERO, Euros::ZERO);
            }
            (sum, without) = (sum + b.price, without + a.price);
            prop_assert!(b.price >= Euros::ZERO && b.price <= a.price);
            prop_assert_eq!(sum, without.min(Euros::cents(cap)));
        }
    }
}

#[test]
fn what_is_paid_to_people_who_take_others_along_is_in_no_fare() {
    let asked = Asked::of(vec![fare("all", FareKind::Flat, 2.0, None)], vec![]);
    let price = asked.price(&[Ride { is_private: true, ..ride(0, &[0]) }, ride(10, &[0])]);
    assert_eq!((price.amount(), price.products.len(), price.unknown), (None, 1, vec![0]));
}
