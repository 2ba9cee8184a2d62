//! GTFS's fare tables, case by case.

use super::*;
use crate::v2::{Between, FareProduct, LegRule, Pays, Timeframe, TransferRule};
use crate::{FeedFares, Money, v1, v2};

pub(super) fn euros(cents: i64) -> Money {
    Money { amount: Euros::cents(cents), currency: "EUR".into() }
}

pub(super) fn sold(id: &str, cents: i64) -> FareProduct {
    FareProduct { id: id.into(), name: id.into(), price: Some(euros(cents)) }
}

pub(super) const ANY: LegRule = LegRule {
    group: Some(0),
    network: None,
    from_area: None,
    to_area: None,
    from_timeframe: None,
    to_timeframe: None,
    product: 0,
    priority: 0,
};

fn transfer(kind: Pays, product: Option<u32>) -> TransferRule {
    TransferRule { from: Some(0), to: Some(0), most: None, limit: None, kind, product }
}

pub(super) fn asked(v2: Option<v2::Table>, v1: Option<v1::Table>) -> Asked {
    let feed = FeedFares { v2: v2.map(v2::Table::sealed), v1: v1.map(v1::Table::sealed) };
    Asked { gtfs: GtfsFares { feeds: vec![feed] }, ..Asked::of(vec![], vec![]) }
}

fn three() -> [Ride<'static>; 3] {
    [ride(0, &[0, 1]), ride(30, &[1, 2]), ride(60, &[2, 3])]
}

fn joined(rules: Vec<TransferRule>) -> Vec<String> {
    let products = vec![sold("single", 200), sold("change", 50)];
    let table = v2::Table { products, leg_rules: vec![ANY], transfer_rules: rules, ..v2::Table::default() };
    shown(&asked(Some(table), None).price(&three()))
}

#[test]
fn transfers_join_fares_as_their_type_says() {
    assert_eq!(joined(vec![]), ["single 2.00 [0]", "single 2.00 [1]", "single 2.00 [2]"]);
    assert_eq!(joined(vec![transfer(Pays::FirstAndTransfer, None)]), ["single 2.00 [0, 1, 2]"]);
    assert_eq!(
        joined(vec![transfer(Pays::FirstAndTransfer, Some(1))]),
        ["single 2.00 [0]", "change 0.50 [0, 1]", "change 0.50 [1, 2]"]
    );
    let all = transfer(Pays::All, None);
    assert_eq!(joined(vec![all]), ["single 2.00 [0]", "single 2.00 [1]", "single 2.00 [2]"]);
    assert_eq!(joined(vec![transfer(Pays::Transfer, Some(1))]), ["change 0.50 [0, 1]", "change 0.50 [1, 2]"]);
}

#[test]
fn transfers_end_with_their_number_and_their_time() {
    let free = transfer(Pays::FirstAndTransfer, None);
    let once = TransferRule { most: Some(1), ..free };
    assert_eq!(joined(vec![once]), ["single 2.00 [0, 1]", "single 2.00 [2]"]);
    let limits = [
        (Between::DepartureAndDeparture, 3_600),
        (Between::DepartureAndArrival, 4_200),
        (Between::ArrivalAndDeparture, 3_000),
        (Between::ArrivalAndArrival, 3_600),
    ];
    for (between, enough) in limits {
        let limited = |seconds| TransferRule { limit: Some((seconds, between)), ..free };
        assert_eq!(joined(vec![limited(enough)]), ["single 2.00 [0, 1, 2]"], "{between:?}");
        assert_eq!(joined(vec![limited(enough - 1)]).len(), 2, "{between:?}");
    }
}

#[test]
fn rules_that_lead_to_each_other_end() {
    let groups = [LegRule { group: Some(0), ..ANY }, LegRule { group: Some(1), ..ANY }];
    let rule = |from, to| TransferRule { from: Some(from), to: Some(to), ..transfer(Pays::Transfer, None) };
    let table = v2::Table {
        products: vec![sold("single", 200)],
        leg_rules: groups.to_vec(),
        transfer_rules: vec![rule(0, 1), rule(1, 0), rule(0, 0), rule(1, 1)],
        ..v2::Table::default()
    };
    let rides: Vec<Ride<'_>> = (0..40).map(|n| ride(n * 20, &[0, 1])).collect();
    let asked = asked(Some(table), None);
    let price = asked.price(&rides);
    assert_eq!((price.amount(), price.unknown.len()), (Some(Euros::ZERO), 0));
}

#[test]
fn an_empty_field_is_what_no_rule_names_or_anything_by_priority() {
    let table = |has_priorities, priority| v2::Table {
        products: vec![sold("one", 100), sold("rest", 300)],
        leg_rules: vec![LegRule { network: Some(7), priority, ..ANY }, LegRule { product: 1, ..ANY }],
        route_networks: vec![(0, 7), (1, 8)],
        has_priorities,
        ..v2::Table::default()
    };
    let rides = [ride(0, &[0]), Ride { route: 1, ..ride(20, &[0]) }, Ride { route: 2, ..ride(40, &[0]) }];
    let expected = ["one 1.00 [0]", "rest 3.00 [1]", "rest 3.00 [2]"];
    assert_eq!(shown(&asked(Some(table(false, 0)), None).price(&rides)), expected);
    assert_eq!(shown(&asked(Some(table(true, 1)), None).price(&rides)), expected);
    let mut dear = table(true, 0);
    dear.leg_rules[1].priority = 2;
    assert_eq!(
        shown(&asked(Some(dear), None).price(&rides)),
        ["rest 3.00 [0]", "rest 3.00 [1]", "rest 3.00 [2]"]
    );
}

#[test]
fn what_no_rule_matches_is_unknown_and_v1_is_not_asked() {
    let cheap = v1::Table { fares: vec![sold_v1("v1", 50)], ..v1::Table::default() };
    let table = v2::Table {
        products: vec![sold("a", 100), FareProduct { price: None, ..sold("seniors", 0) }],
        leg_rules: vec![
            LegRule { from_area: Some(1), ..ANY },
            LegRule { from_area: Some(2), product: 1, ..ANY },
        ],
        stop_areas: vec![(0, 1), (1, 2)],
        ..v2::Table::default()
    };
    let mut both = asked(Some(table), Some(cheap.clone()));
    assert_eq!(shown(&both.price(&three())), ["a 1.00 [0]", "unknown [1, 2]"]);
    let mut dollars = sold("dollars", 100);
    dollars.price.as_mut().unwrap().currency = "USD".into();
    both.gtfs.feeds[0].v2.as_mut().unwrap().products[0] = dollars;
    assert_eq!(shown(&both.price(&three())), ["unknown [0, 1, 2]"]);
    let alone = asked(None, Some(cheap.clone()));
    assert_eq!(alone.price(&three()).amount(), Some(Euros::cents(50)));
    let child = Asked { is_child: true, ..asked(None, Some(cheap)) };
    assert_eq!(shown(&child.price(&three())), ["unknown [0, 1, 2]"], "no file says what children pay");
}

#[test]
fn timeframes_hold_on_the_days_of_their_service() {
    // Noon to half past, and the night before.
    let frame = |group, from_s, until_s, service| Timeframe { group, from_s, until_s, service };
    let table = v2::Table {
        products: vec![sold("noon", 100), sold("else", 300)],
        leg_rules: vec![
            LegRule { from_timeframe: Some(5), priority: 1, ..ANY },
            LegRule { from_timeframe: Some(6), priority: 1, ..ANY },
            LegRule { product: 1, ..ANY },
        ],
        timeframes: vec![frame(5, 43_200, 45_000, 0), frame(6, 0, 86_400, 9)],
        has_priorities: true,
        ..v2::Table::default()
    };
    let asked = asked(Some(table), None);
    assert_eq!(shown(&asked.price(&three())), ["noon 1.00 [0]", "else 3.00 [1]", "else 3.00 [2]"]);
    let tomorrow = [ride(24 * 60, &[0])];
    assert_eq!(shown(&asked.price(&tomorrow)), ["else 3.00 [0]"]);
}

#[test]
fn rides_in_one_vehicle_are_one_leg() {
    let table = || v2::Table { products: vec![sold("a", 100)], leg_rules: vec![ANY], ..v2::Table::default() };
    let rides = [ride(0, &[0, 1]), Ride { stay_seated: true, ..ride(15, &[1, 2]) }, ride(40, &[2])];
    assert_eq!(shown(&asked(Some(table()), None).price(&rides)), ["a 1.00 [0, 1]", "a 1.00 [2]"]);
    let joins = v2::Table { has_joins: true, ..table() };
    assert_eq!(shown(&asked(Some(joins), None).price(&rides)), ["unknown [0, 1, 2]"]);
}

pub(super) fn sold_v1(id: &str, cents: i64) -> v1::Fare {
    v1::Fare {
        id: id.into(),
        price: euros(cents),
        transfers: None,
        duration_s: None,
        agency: None,
        contains: Vec::new(),
        has_rules: false,
    }
}

#[test]
fn zones_and_transfers_of_v1() {
    let rule = |origin, destination, fare| v1::Rule { origin, destination, fare, route: None };
    let table = v1::Table {
        fares: vec![
            v1::Fare { transfers: Some(0), ..sold_v1("short", 150) },
            v1::Fare { transfers: Some(1), duration_s: Some(3_600), ..sold_v1("long", 200) },
            v1::Fare { contains: vec![1, 0], ..sold_v1("through", 250) },
            v1::Fare { agency: Some(3), ..sold_v1("of another agency", 1) },
        ],
        rules: vec![rule(Some(0), Some(0), 0), rule(Some(0), Some(1), 1), rule(None, None, 2)],
        zones: vec![(0, 0), (1, 0), (2, 1), (3, 2)],
    };
    let asked = asked(None, Some(table));
    let [a, b, c] = three();
    assert_eq!(shown(&asked.price(std::slice::from_ref(&a))), ["short 1.50 [0]"]);
    assert_eq!(shown(&asked.price(&[a.clone(), b.clone()])), ["long 2.00 [0, 1]"]);
    assert_eq!(
        shown(&asked.price(&[a.clone(), ride(61, &[1, 2])])),
        ["through 2.50 [0, 1]"],
        "too late to change"
    );
    assert_eq!(shown(&asked.price(&[a, b, c])), ["long 2.00 [0, 1]", "unknown [2]"]);
}
