//! Against brute force: every way to buy tickets for every ride, over small tables made at random. The rules are written
//! again here, without index and without state.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::tables::{ANY, asked, sold, sold_v1};
use super::*;
use crate::v1;
use crate::v2::{Between, LegRule, Pays, Table, TransferRule};

fn leg_rule() -> impl Strategy<Value = LegRule> {
    let values = (of(0..3_u32), of(0..3_u32), of(0..3_u32), of(0..3_u32), 0..4_u32, 0..3_u32);
    values.prop_map(|(group, network, from_area, to_area, product, priority)| LegRule {
        group,
        network,
        from_area,
        to_area,
        product,
        priority,
        ..ANY
    })
}

fn transfer_rule() -> impl Strategy<Value = TransferRule> {
    let kinds = prop_oneof![Just(Pays::FirstAndTransfer), Just(Pays::All), Just(Pays::Transfer)];
    let between = prop_oneof![
        Just(Between::DepartureAndArrival),
        Just(Between::DepartureAndDeparture),
        Just(Between::ArrivalAndDeparture),
        Just(Between::ArrivalAndArrival),
    ];
    let values = (of(0..3_u32), of(0..3_u32), of(0..3_u32), of((0..6_000_u32, between)), kinds, of(0..4_u32));
    values.prop_map(|(from, to, most, limit, kind, product)| TransferRule {
        from,
        to,
        most,
        limit,
        kind,
        product,
    })
}

fn table() -> impl Strategy<Value = Table> {
    let pairs = || vec((0..4_u32, 0..3_u32), 0..5);
    let values = (
        vec(-1_i64..6, 4),
        vec(leg_rule(), 0..6),
        vec(transfer_rule(), 0..6),
        pairs(),
        pairs(),
        any::<bool>(),
    );
    values.prop_map(|(prices, leg_rules, transfer_rules, stop_areas, route_networks, has_priorities)| Table {
        products: prices.iter().enumerate().map(|(n, price)| sold(&n.to_string(), price * 100)).collect(),
        leg_rules: leg_rules
            .into_iter()
            .map(|rule| if has_priorities { rule } else { LegRule { priority: 0, ..rule } })
            .collect(),
        transfer_rules,
        stop_areas,
        route_networks,
        has_priorities,
        ..Table::default()
    })
}

fn rides() -> impl Strategy<Value = Vec<Ride<'static>>> {
    vec((0..4_u32, 0..4_u32, 0..4_u32, 1..60_i64), 1..5).prop_map(|all| {
        let mut minute = 0;
        all.into_iter()
            .map(|(from, to, route, wait)| {
                minute += 10 + wait;
                Ride { route, ..ride(minute, &[from, to]) }
            })
            .collect()
    })
}

fn values(pairs: &[(u32, u32)], of: u32) -> Vec<u32> {
    pairs.iter().filter(|(key, _)| *key == of).map(|(_, value)| *value).collect()
}

/// The rules for a ride.
fn options(table: &Table, ride: &Ride<'_>) -> Vec<LegRule> {
    let fits = |rule: &LegRule, field: fn(&LegRule) -> Option<u32>, own: Vec<u32>| match field(rule) {
        Some(value) => own.contains(&value),
        None => {
            let is_named = |value| table.leg_rules.iter().any(|other| field(other) == Some(value));
            table.has_priorities || !own.into_iter().any(is_named)
        }
    };
    let matching: Vec<LegRule> = table
        .leg_rules
        .iter()
        .filter(|rule| {
            fits(rule, |rule| rule.network, values(&table.route_networks, ride.route))
                && fits(rule, |rule| rule.from_area, values(&table.stop_areas, ride.stops[0]))
                && fits(rule, |rule| rule.to_area, values(&table.stop_areas, ride.stops[1]))
        })
        .copied()
        .collect();
    let highest = matching.iter().map(|rule| rule.priority).max();
    matching.into_iter().filter(|rule| Some(rule.priority) == highest).collect()
}

fn may_join(table: &Table, rule: &TransferRule, from: Option<u32>, to: Option<u32>) -> bool {
    let side = |own: u32, field: fn(&TransferRule) -> Option<u32>| match field(rule) {
        Some(group) => group == own,
        None => !table.transfer_rules.iter().any(|other| field(other) == Some(own)),
    };
    from.zip(to).is_some_and(|(from, to)| side(from, |rule| rule.from) && side(to, |rule| rule.to))
}

/// The least that rides cost, with these rules before the next one.
fn least(
    table: &Table,
    rides: &[Ride<'_>],
    legs: &mut Vec<LegRule>,
    joins: &mut Vec<Option<TransferRule>>,
) -> Option<i64> {
    let euro =
        |product: u32| f64::from(table.products[product as usize].price.clone().unwrap().amount) as i64;
    if legs.len() == rides.len() {
        let mut sum = 0;
        for (at, leg) in legs.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| joins[at]);
            let after = joins.get(at).copied().flatten();
            sum += before.and_then(|rule| rule.product).map_or(0, euro);
            let is_free = before.is_some_and(|rule| rule.kind != Pays::All)
                || after.is_some_and(|rule| rule.kind == Pays::Transfer);
            sum += if is_free { 0 } else { euro(leg.product) };
        }
        return Some(sum);
    }
    let mut best: Option<i64> = None;
    let at = legs.len();
    for option in options(table, &rides[at]) {
        let mut ways = vec![None];
        if at > 0 {
            let transfers = joins.iter().rev().take_while(|join| join.is_some()).count();
            let since = at - 1 - transfers;
            ways.extend(table.transfer_rules.iter().copied().map(Some).filter(|rule| {
                let rule = rule.unwrap();
                let (a, b) = (&rides[since], &rides[at]);
                let in_time = rule.limit.is_none_or(|(most, between)| {
                    i64::from(most)
                        >= match between {
                            Between::DepartureAndArrival => b.end - a.start,
                            Between::DepartureAndDeparture => b.start - a.start,
                            Between::ArrivalAndDeparture => b.start - a.end,
                            Between::ArrivalAndArrival => b.end - a.end,
                        }
                });
                let in_number = rule.most.is_none_or(|most| at - since <= most as usize);
                in_time && in_number && may_join(table, &rule, legs[at - 1].group, option.group)
            }));
        }
        for way in ways {
            legs.push(option);
            joins.extend((at > 0).then_some(way));
            best = [best, least(table, rides, legs, joins)].into_iter().flatten().min();
            legs.pop();
            if at > 0 {
                joins.pop();
            }
        }
    }
    best
}

fn v1_table() -> impl Strategy<Value = v1::Table> {
    let fare = (1..6_i64, of(0..3_u32), of(0..6_000_u32), vec(0..3_u32, 0..2));
    let rule = (of(0..3_u32), of(0..3_u32), 0..3_u32, of(0..3_u32));
    let values = (vec(fare, 3), vec(rule, 0..6), vec(0..3_u32, 4));
    values.prop_map(|(fares, rules, zones)| v1::Table {
        fares: fares
            .into_iter()
            .enumerate()
            .map(|(n, (euros, transfers, duration_s, contains))| v1::Fare {
                transfers,
                duration_s,
                has_rules: !contains.is_empty(),
                contains,
                ..sold_v1(&n.to_string(), euros * 100)
            })
            .collect(),
        rules: rules
            .into_iter()
            .map(|(origin, destination, fare, route)| v1::Rule { origin, destination, fare, route })
            .collect(),
        zones: (0..).zip(zones).collect(),
    })
}

/// Rides without a price and euros, at the least, from `at` on.
fn least_v1(table: &v1::Table, rides: &[Ride<'_>]) -> (usize, i64) {
    if rides.is_empty() {
        return (0, 0);
    }
    let zone = |stop: u32| values(&table.zones, stop)[0];
    let (unknown, cost) = least_v1(table, &rides[1..]);
    let mut best = (unknown + 1, cost);
    for len in 1..=rides.len() {
        let part = &rides[..len];
        let (first, last) = (&part[0], &part[len - 1]);
        for (number, fare) in table.fares.iter().enumerate() {
            let rules: Vec<&v1::Rule> =
                table.rules.iter().filter(|rule| rule.fare as usize == number).collect();
            let fits = |ride: &Ride<'_>| {
                rules.iter().any(|rule| {
                    rule.origin.is_none_or(|origin| origin == zone(first.stops[0]))
                        && rule.destination.is_none_or(|zone_id| zone_id == zone(last.stops[1]))
                        && rule.route.is_none_or(|route| route == ride.route)
                })
            };
            let mut passed: Vec<u32> =
                part.iter().flat_map(|ride| &ride.stops).map(|stop| zone(*stop)).collect();
            passed.sort_unstable();
            passed.dedup();
            let for_all = rules.is_empty() && fare.contains.is_empty();
            if (for_all || part.iter().all(fits))
                && (fare.contains.is_empty() || fare.contains == passed)
                && fare.transfers.is_none_or(|most| len - 1 <= most as usize)
                && fare.duration_s.is_none_or(|s| last.start - first.start <= i64::from(s))
            {
                let (unknown, cost) = least_v1(table, &rides[len..]);
                best = best.min((unknown, cost + f64::from(fare.price.amount) as i64));
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn v2_finds_the_cheapest(table in table(), rides in rides()) {
        let asked = asked(Some(table.clone()), None);
        let price = asked.price(&rides);
        let is_open = |ride: &&Ride<'_>| options(&table, ride).is_empty();
        prop_assert_eq!(price.unknown.len(), rides.iter().filter(is_open).count());
        if price.unknown.is_empty() {
            let cheapest = least(&table, &rides, &mut Vec::new(), &mut Vec::new()).map(|euros| Euros::cents(euros * 100));
            prop_assert_eq!(price.amount(), cheapest);
        }
    }

    #[test]
    fn v1_finds_the_cheapest(table in v1_table(), rides in rides()) {
        let asked = asked(None, Some(table.clone()));
        let price = asked.price(&rides);
        let sum: Euros = price.products.iter().map(|product| product.price).sum();
        let (unknown, euros) = least_v1(&table, &rides);
        prop_assert_eq!((price.unknown.len(), sum), (unknown, Euros::cents(euros * 100)));
        let mut all: Vec<usize> = price.products.iter().flat_map(|p| p.rides.clone()).chain(price.unknown).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..rides.len()).collect::<Vec<_>>());
    }
}
