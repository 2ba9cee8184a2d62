//! The search against trying everything out, on small random networks.

mod brute;
mod network;
mod zones;

use std::sync::Arc;

use domain::time::UtcMicros;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::brute::{Ask, Brute};
use self::network::{Change, DAY, Network, network};
use super::*;
use crate::booking::{BookedRides, Bookings};
use crate::overlay::Overlay;
use crate::timetable::Access;

/// Every other network is searched as a large one is.
fn search(network: &Network) -> (Search, Overlay) {
    let timetable = Arc::new(network.timetable());
    let overlay = Overlay::new(&timetable, &network.updates(), i64::from(DAY) * 86_400);
    let mut search = Search::new(timetable);
    search.looks_back = network.trips.len().is_multiple_of(2);
    (search, overlay)
}

fn stop(search: &Search, number: usize) -> StopIx {
    search.timetable().stop(&format!("s{number}")).unwrap()
}

/// Legs join, keep their change times, and add up to what the journey says.
fn check(search: &Search, journey: &Journey) {
    let rides = journey.legs.iter().filter(|leg| matches!(leg, Leg::Ride(r) if !r.stay_seated)).count();
    assert_eq!(rides, usize::from(journey.rides));
    for pair in journey.legs.windows(2) {
        let ends = |leg: &Leg| match leg {
            Leg::Ride(ride) => (ride.from, ride.to),
            Leg::Walk(walk) => (walk.from, walk.to),
        };
        let (before, after) = (ends(&pair[0]), ends(&pair[1]));
        if matches!(pair, [Leg::Ride(_), Leg::Ride(to)] if to.stay_seated) {
            assert!(pair[0].arrival_s() <= pair[1].departure_s(), "{journey:?}");
            continue;
        }
        assert_eq!(before.1, after.0);
        let change = match pair {
            // Single lines and trips may have other times.
            [Leg::Ride(_), Leg::Ride(_)] if search.timetable().variants.is_empty() => {
                search.timetable().change_s[after.0 as usize]
            }
            _ => 0,
        };
        assert!(pair[0].arrival_s() + change <= pair[1].departure_s(), "{journey:?}");
    }
    for leg in &journey.legs {
        assert!(leg.departure_s() <= leg.arrival_s());
    }
    if let (Some(first), Some(last)) = (journey.legs.first(), journey.legs.last()) {
        assert!(journey.departure_s <= first.departure_s() && journey.arrival_s >= last.arrival_s());
    }
}

/// What a query knows of bookings.
fn booked(bookings: &Bookings, ask: Ask) -> Option<Booked<'_>> {
    let rides = match ask {
        Ask::All | Ask::CountedOn => BookedRides::All,
        Ask::OpenAt(s) => BookedRides::OpenAt(UtcMicros::from_unix_s(i64::from(DAY) * 86_400 + i64::from(s))),
        Ask::Unbooked => BookedRides::None,
    };
    Some(Booked { bookings, rides, carpools: ask != Ask::CountedOn, wheelchair: false })
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![1 => Just(Ask::All), 1 => Just(Ask::Unbooked), 1 => Just(Ask::CountedOn), 3 => (-90_000i32..110_000).prop_map(Ask::OpenAt)]
}

/// Who travels, and the time to change that they need.
fn travellers() -> impl Strategy<Value = (Access, i32)> {
    let access = prop_oneof![
        Just(Access::Foot),
        Just(Access::WheelchairOrUnknown),
        Just(Access::Wheelchair),
        Just(Access::WithBike)
    ];
    (access, prop_oneof![2 => Just(0), 1 => (0i32..20).prop_map(|minutes| minutes * 60)])
}

fn set(journeys: &[Journey]) -> Vec<(u8, i32)> {
    journeys.iter().map(|j| (j.rides, j.arrival_s)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn departures_are_as_good_as_can_be(
        network in network(), from in 0usize..6, to in 0usize..6, dep in 0i32..100_000,
        live: bool, (access, min_change_s) in travellers(), ask in ask(), max_rides in 1u8..5, extra in 0i32..300,
    ) {
        let (from, to) = (from % network.stops, to % network.stops);
        let (mut search, overlay) = search(&network);
        let (origins, destinations) = ([(stop(&search, from), extra)], [(stop(&search, to), extra / 2)]);
        let bookings = network.bookings(search.timetable());
        let booked = booked(&bookings, ask);
        let query = Query {
            max_rides, access, min_change_s, booked, ..Query::new(&origins, &destinations, DAY, When::DepartAt(dep))
        };
        let overlay = live.then_some(&overlay);
        let found = search.run(&query, overlay, &mut || false);
        let brute = Brute::new(&network, live, access, min_change_s, ask);
        let expected = brute.pareto((from, dep + extra), to, extra / 2, max_rides, dep + HORIZON_S);
        prop_assert_eq!(set(&found.journeys), expected);
        for journey in &found.journeys {
            check(&search, journey);
            prop_assert!(journey.departure_s >= dep);
            let is_permitted = |ride: &Ride| ride.booking.is_none_or(|booking| booked.unwrap().has(search.timetable(), &booking));
            prop_assert!(journey.vehicles().all(is_permitted), "{journey:?}");
        }
        // Setting out late changes neither rides nor arrival, and is as late as arrive-by says.
        let late = search.run_late(&query, overlay, &mut || false);
        prop_assert_eq!(set(&late.journeys), set(&found.journeys));
        for (late, early) in late.journeys.iter().zip(&found.journeys) {
            check(&search, late);
            prop_assert!(late.departure_s >= early.departure_s);
            if late.rides > 0 {
                let latest = brute.latest(from, (to, late.arrival_s - extra / 2), late.rides, dep + extra);
                prop_assert_eq!(Some(late.departure_s), latest.map(|at| at - extra));
            }
        }
    }

    #[test]
    fn arrivals_are_as_late_as_can_be(
        network in network(), from in 0usize..6, to in 0usize..6, arr in 20_000i32..110_000,
        live: bool, (access, min_change_s) in travellers(), ask in ask(),
    ) {
        let (from, to) = (from % network.stops, to % network.stops);
        let (mut search, overlay) = search(&network);
        let (origins, destinations) = ([(stop(&search, from), 0)], [(stop(&search, to), 0)]);
        let bookings = network.bookings(search.timetable());
        let booked = booked(&bookings, ask);
        let query = Query {
            access, min_change_s, booked, max_rides: 3, ..Query::new(&origins, &destinations, DAY, When::ArriveBy(arr))
        };
        let found = search.run(&query, live.then_some(&overlay), &mut || false);
        let brute = Brute::new(&network, live, access, min_change_s, ask);
        let on_foot = brute.pareto((from, 0), to, 0, 0, HORIZON_S).first().map(|(_, walk)| arr - walk);
        let mut expected: Vec<(u8, i32)> = on_foot.map(|at| (0, at)).into_iter().collect();
        for rides in 1..=3 {
            let latest = brute.latest(from, (to, arr), rides, arr - HORIZON_S);
            let best = expected.last().map_or(i32::MIN, |last| last.1);
            expected.extend(latest.filter(|at| *at > best).map(|at| (rides, at)));
        }
        let got: Vec<(u8, i32)> = found.journeys.iter().map(|j| (j.rides, j.departure_s)).collect();
        prop_assert_eq!(got, expected);
        for journey in &found.journeys {
            check(&search, journey);
            prop_assert!(journey.arrival_s <= arr);
        }
        // Nobody waits in vain: who sets out then cannot be there earlier.
        let late = search.run_late(&query, live.then_some(&overlay), &mut || false);
        prop_assert_eq!(late.journeys.len(), found.journeys.len());
        for (late, first) in late.journeys.iter().zip(&found.journeys).filter(|(late, _)| late.rides > 0) {
            check(&search, late);
            prop_assert!(late.departure_s >= first.departure_s && late.rides <= first.rides);
            let earliest = brute.pareto((from, late.departure_s), to, 0, late.rides, arr);
            let by_vehicle = earliest.last().filter(|last| last.0 > 0).map(|last| last.1);
            if let Some(earliest) = by_vehicle {
                prop_assert_eq!(late.arrival_s, earliest);
            }
        }
    }

    #[test]
    fn departures_of_a_stop_are_all_of_them(network in network(), at in 0usize..6, dep in 0i32..90_000) {
        let at = at % network.stops;
        let (mut search, overlay) = search(&network);
        let stop = stop(&search, at);
        let wanted = DepartureQuery { stop, to: None, day: DAY, from_s: dep, within_s: 40_000, count: usize::MAX, booked: None };
        let found = search.departures(Some(&overlay), &wanted);
        let got: Vec<i32> = found.iter().filter(|d| !d.cancelled).map(|d| d.departure_s).collect();
        prop_assert_eq!(got, Brute::new(&network, true, Access::Foot, 0, Ask::All).departures(at, dep, dep + 40_000));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, rng_seed: RngSeed::Fixed(2), failure_persistence: None, ..ProptestConfig::default() })]

    /// What is cancelled runs, what is skipped is stopped at, all else is as real time has it.
    #[test]
    fn a_search_as_planned_finds_what_was_cancelled(
        mut network in network(), from in 0usize..6, to in 0usize..6, dep in 0i32..100_000,
    ) {
        let (from, to) = (from % network.stops, to % network.stops);
        // A run that is late and skips a stop may be looked for either way: left out here.
        for trip in &mut network.trips {
            if matches!(trip.change, Change::Late(_, _, Some(_))) {
                trip.change = Change::None;
            }
        }
        let (mut search, overlay) = search(&network);
        let (origins, destinations) = ([(stop(&search, from), 0)], [(stop(&search, to), 0)]);
        let query = Query {
            as_planned: true, max_rides: 3, ..Query::new(&origins, &destinations, DAY, When::DepartAt(dep))
        };
        let found = search.run(&query, Some(&overlay), &mut || false);
        for trip in &mut network.trips {
            if trip.change == Change::Cancelled {
                trip.change = Change::None;
            }
        }
        let expected = Brute::new(&network, true, Access::Foot, 0, Ask::All).pareto((from, dep), to, 0, 3, dep + HORIZON_S);
        prop_assert_eq!(set(&found.journeys), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_holds_all_that_is_best_at_any_time_of_it(
        network in network(), from in 0usize..6, to in 0usize..6, time in 0i32..100_000, length_s in 0i32..40_000, enough in 1usize..8,
        back: bool, live: bool, (access, min_change_s) in travellers(), ask in ask(), max_rides in 1u8..5,
    ) {
        let (from, to) = (from % network.stops, to % network.stops);
        let (mut search, overlay) = search(&network);
        let (origins, destinations) = ([(stop(&search, from), 0)], [(stop(&search, to), 0)]);
        let bookings = network.bookings(search.timetable());
        let booked = booked(&bookings, ask);
        let when = if back { When::ArriveBy(time) } else { When::DepartAt(time) };
        let query = Query {
            max_rides, access, min_change_s, booked, horizon_s: 400_000, ..Query::new(&origins, &destinations, DAY, when)
        };
        let overlay = live.then_some(&overlay);
        let brute = Brute::new(&network, live, access, min_change_s, ask);
        prop_assume!(brute.walk_s(from, to).is_none());
        let found = search.run_window(&query, Window { length_s, enough }, overlay, &mut || false);
        // Whatever the window, what is best at its begin is there.
        let best = search.run_late(&query, overlay, &mut || false).journeys;
        prop_assert_eq!(&found.journeys[..found.best], &best);
        found.journeys.iter().for_each(|journey| check(&search, journey));
        let within = |ahead_s: i32| (0..found.complete_s).contains(&ahead_s);
        let mut got: Vec<_> = found.journeys.iter().filter(|journey| within(when.ahead_s(journey)))
            .map(|journey| (journey.departure_s, journey.arrival_s, journey.rides)).collect();
        got.sort_unstable();
        let of = |(departure, arrival, _): &(i32, i32, u8)| if back { time - arrival } else { departure - time };
        let mut expected = brute.profile(from, to, max_rides, if back { time - 400_000 } else { time });
        expected.retain(|one| within(of(one)));
        expected.sort_unstable();
        prop_assert_eq!(&got, &expected);
        prop_assert!(found.complete_s >= length_s.max(1) || got.len() >= enough);
    }
}

#[test]
fn a_search_that_is_cut_says_so() {
    let (mut search, _) = search(&Network::line(200));
    let (origins, destinations) = ([(stop(&search, 0), 0)], [(stop(&search, 1), 0)]);
    let query = Query::new(&origins, &destinations, DAY, When::DepartAt(0));
    assert!(search.run(&query, None, &mut || true).cut);
    assert!(!search.run(&query, None, &mut || false).cut);
}

#[test]
fn unknown_stops_find_nothing() {
    let (mut search, _) = search(&Network::line(2));
    let origins = [(9_999, 0)];
    let query = Query::new(&origins, &origins, DAY, When::DepartAt(0));
    assert!(search.run(&query, None, &mut || false).journeys.is_empty());
    assert!(search.run(&Query { when: When::ArriveBy(5), ..query }, None, &mut || false).journeys.is_empty());
}
