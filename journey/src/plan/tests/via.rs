//! Journeys through places in between.

use proptest::prelude::*;

use super::*;
use crate::raptor::{Chosen, ChosenStop};

/// Planned through `via`, on a page.
fn through(planner: &mut Planner, when: When, modes: Modes, page: Page<'_>, via: &[Via]) -> PlanResult {
    planner.plan_via(&Request { page, ..ask(&[], when, modes, &certain) }, via, None).unwrap()
}

fn point(column: f64) -> Via {
    Via { at: at(4.2, column), stop: None }
}

/// The legs follow one another in time and place, and the places in between are in their order.
fn check(itinerary: &Itinerary, via: usize) {
    let mut passed = 0;
    let mut at = itinerary.start;
    for leg in &itinerary.legs {
        let (start, end) = match leg {
            Leg::Street(leg) => {
                for place in [leg.from, leg.to] {
                    if let End::Via(number) = place {
                        assert!(number == passed || number + 1 == passed, "{itinerary:?}");
                        passed = passed.max(number + 1);
                    }
                }
                (leg.start, leg.end)
            }
            Leg::Ride(leg) => (leg.start, leg.end),
            Leg::Area(leg) => (leg.start, leg.end),
        };
        assert!(start >= at, "{itinerary:?}");
        at = end;
    }
    assert_eq!((passed, at), (via, itinerary.end), "{itinerary:?}");
}

#[test]
fn who_comes_through_a_stop_stays_seated() {
    let area = Arc::new(town());
    let stop = area.timetable.stop("m").unwrap();
    let mut planner = Planner::new(area);
    for when in [When::DepartAt(time(8 * 3600)), When::ArriveBy(time(9 * 3600))] {
        let direct = planner.plan(&ask(&[], when, Modes::TRANSIT, &certain), None).unwrap();
        let via = [Via { at: at(4.0, 5.0), stop: Some(stop) }];
        let plan = through(&mut planner, when, Modes::TRANSIT, Page::BEST, &via);
        let [one] = &plan.itineraries[..] else { panic!("{plan:?}") };
        let [whole] = &direct.itineraries[..] else { panic!("{direct:?}") };
        assert_eq!((one.start, one.end, one.transfers), (whole.start, whole.end, 0), "{one:?}");
        let seated: Vec<bool> = one.rides().map(|leg| leg.ride.stay_seated).collect();
        assert_eq!(seated, [false, true]);
    }
}

#[test]
fn a_place_beside_the_line_takes_the_next_bus() {
    let mut planner = Planner::new(Arc::new(town()));
    let near = ask(&[], When::DepartAt(time(8 * 3600 - 900)), Modes::TRANSIT, &certain);
    let near = Request { max_walk_m: 100.0, ..near };
    let plan = planner.plan_via(&near, &[point(5.0)], None).unwrap();
    let [one] = &plan.itineraries[..] else { panic!("{plan:?}") };
    check(one, 1);
    let rides: Vec<i64> = one.rides().map(|leg| leg.start).collect();
    assert_eq!((one.transfers, &rides[..]), (1, &[time(8 * 3600), time(8 * 3600 + 31 * 60)][..]));
    let without_changes = Request { max_transfers: Some(0), ..near };
    assert!(planner.plan_via(&without_changes, &[point(5.0)], None).unwrap().itineraries.is_empty());
}

#[test]
fn a_place_far_from_any_street_is_in_no_itinerary() {
    let mut planner = Planner::new(Arc::new(town()));
    let far = Via { at: LatLon { lat: 48.7, lon: 9.2 }, stop: None };
    let when = When::DepartAt(time(8 * 3600));
    assert!(planner.plan_via(&ask(&[], when, all_modes(), &certain), &[far], None).is_err());
    assert!(planner.plan_via(&ask(&[], when, all_modes(), &certain), &[point(3.0), far], None).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_earliest_and_the_latest_are_those_of_the_parts(
        minute in 470i64..1000, arrive: bool, columns in proptest::collection::vec(1.0..8.0f64, 1..3), walk: bool,
    ) {
        let mut planner = Planner::new(Arc::new(town()));
        let when = if arrive { When::ArriveBy(time(minute * 60)) } else { When::DepartAt(time(minute * 60)) };
        let modes = if walk { Modes::WALK.with(Modes::TRANSIT) } else { Modes::BIKE };
        let via: Vec<Via> = columns.iter().map(|column| point(*column)).collect();
        // No walk is too long for one part alone.
        let ask = Request { max_walk_m: 5_000.0, ..ask(&[], when, modes, &certain) };
        let plan = planner.plan_via(&ask, &via, None).unwrap();
        plan.itineraries.iter().for_each(|one| check(one, via.len()));
        let mut points = vec![ask.from];
        points.extend(via.iter().map(|via| via.at));
        points.push(ask.to);
        let mut pairs: Vec<[LatLon; 2]> = points.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        if arrive {
            pairs.reverse();
        }
        // One part after the other, each as early (arrive-by: as late) as it can be.
        let mut at = when;
        for [from, to] in pairs {
            let part = planner.plan(&Request { from, to, when: at, ..ask }, None).unwrap();
            at = match at {
                When::DepartAt(_) => When::DepartAt(part.itineraries.iter().map(|one| one.end).min().unwrap()),
                When::ArriveBy(_) => When::ArriveBy(part.itineraries.iter().map(|one| one.start).max().unwrap()),
            };
        }
        let best = match when {
            When::DepartAt(_) => plan.itineraries.iter().map(|one| one.end).min(),
            When::ArriveBy(_) => plan.itineraries.iter().map(|one| one.start).max(),
        };
        prop_assert!(best.is_some_and(|best| best.abs_diff(at.time()) <= 1), "{best:?} {at:?} {plan:?}");
    }

    #[test]
    fn pages_follow_one_another(minute in 470i64..700, arrive: bool, column in 1.0..8.0f64, limit in 1usize..4) {
        let area = Arc::new(town());
        let mut planner = Planner::new(area.clone());
        let begin = time(minute * 60);
        let when = if arrive { When::ArriveBy(begin + 6 * 3600) } else { When::DepartAt(begin) };
        let via = point(column);
        fn prints(planner: &mut Planner, when: When, page: Page<'_>, via: Via) -> (Vec<(i64, i64)>, Beyond) {
            let plan = through(planner, when, Modes::TRANSIT, page, &[via]);
            (plan.itineraries.iter().map(|one| (one.start, one.end)).collect(), plan.beyond)
        }
        let (mut expected, _) = prints(&mut planner, when, Page { window_s: 4 * 3600, limit: usize::MAX, which: WhichPage::First }, via);
        let (mut all, mut at, mut ahead, mut is_first) = (Vec::new(), when, Vec::new(), true);
        while at.time().abs_diff(when.time()) < 5 * 3600 {
            let which = if is_first { WhichPage::First } else { WhichPage::Onward(&ahead) };
            let (shown, beyond) = prints(&mut planner, at, Page { window_s: 3600, limit, which }, via);
            all.extend(shown);
            at = match when {
                When::DepartAt(_) => When::DepartAt(beyond.until),
                When::ArriveBy(_) => When::ArriveBy(beyond.until),
            };
            (ahead, is_first) = (beyond.ahead, false);
        }
        // Of those that are as good any may be shown.
        expected.retain(|(start, end)| {
            !all.iter().any(|(other_start, other_end)| start - 1 <= *other_start && *other_end <= end + 1)
        });
        prop_assert!(expected.is_empty(), "{} are on no page", expected.len());
    }

    #[test]
    fn what_was_chosen_is_found_again(minute in 470i64..900, arrive: bool, column in 1.0..8.0f64) {
        let area = Arc::new(town());
        let runs = Runs { timetable: &area.timetable, overlay: None };
        let mut planner = Planner::new(area.clone());
        let when = if arrive { When::ArriveBy(time(minute * 60)) } else { When::DepartAt(time(minute * 60)) };
        let via = [point(column)];
        for one in through(&mut planner, when, Modes::TRANSIT, Page::BEST, &via).itineraries {
            let chosen: Vec<Chosen> = one.rides().map(|leg| {
                let ride = &leg.ride;
                let stop = |stop, position| ChosenStop { id: area.timetable.stops.ids.get(stop).to_owned(), position };
                Chosen {
                    trip_id: runs.trip_id(ride.trip).to_owned(),
                    service_day: ride.service_day,
                    ends: Some([stop(ride.from, ride.board), stop(ride.to, ride.alight)]),
                    stay_seated: ride.stay_seated,
                }
            }).collect();
            let again = Request {
                chosen: Some(&chosen),
                ..ask(&[], When::DepartAt(one.start), Modes::TRANSIT, &certain)
            };
            let again = planner.plan_via(&again, &via, None).unwrap();
            let same = again.itineraries.first().map(|again| (again.start, again.end, again.print(runs)));
            prop_assert_eq!(same, Some((one.start, one.end, one.print(runs))));
        }
    }
}

#[test]
fn who_stays_seated_through_a_place_is_found_again() {
    let area = Arc::new(town());
    let mut planner = Planner::new(area.clone());
    let stop = area.timetable.stop("m").unwrap();
    let via = [Via { at: area.timetable.stops.point(stop), stop: Some(stop) }];
    let request = ask(&[], When::DepartAt(time(8 * 3600 + 60)), Modes::TRANSIT, &certain);
    let plan = planner.plan_via(&request, &via, None).unwrap();
    let one = plan.itineraries.iter().find(|one| one.rides().any(|leg| leg.ride.stay_seated)).unwrap();
    let stops = &area.timetable.stops;
    let chosen: Vec<Chosen> = one
        .rides()
        .map(|leg| {
            let end = |stop, position| ChosenStop { id: stops.ids.get(stop).to_owned(), position };
            Chosen {
                trip_id: Runs { timetable: &area.timetable, overlay: None }.trip_id(leg.ride.trip).to_owned(),
                service_day: leg.ride.service_day,
                ends: Some([end(leg.ride.from, leg.ride.board), end(leg.ride.to, leg.ride.alight)]),
                stay_seated: leg.ride.stay_seated,
            }
        })
        .collect();
    let again = planner.plan_via(&Request { chosen: Some(&chosen), ..request }, &via, None).unwrap();
    let rides =
        |one: &Itinerary| one.rides().map(|leg| (leg.ride.trip, leg.start, leg.end)).collect::<Vec<_>>();
    assert_eq!(again.itineraries.iter().map(rides).collect::<Vec<_>>(), [rides(one)]);
}

#[test]
fn through_a_place_goes_nobody_by_car_or_with_a_shared_vehicle() {
    let area = Arc::new(town());
    let lots = Lots::new(&area, &[at(4.5, 1.0)]);
    let lots = lots.lots();
    let mut planner = Planner::new(area);
    let when = When::DepartAt(time(8 * 3600 + 60));
    let plan = planner.plan_via(&ask(&lots, when, all_modes(), &certain), &[point(5.0)], None).unwrap();
    assert!(!plan.itineraries.is_empty());
    for one in &plan.itineraries {
        check(one, 1);
        let is_driven = |leg: &Leg| matches!(leg, Leg::Street(StreetLeg { mode: Mode::Car, .. }));
        assert!(!one.legs.iter().any(|leg| is_driven(leg) || leg.rented().is_some() || leg.area().is_some()));
        assert!([Modes::WALK, Modes::BIKE, Modes::TRANSIT].contains(&one.modes), "{one:?}");
    }
}
