//! Taxis, as the last resort and for whoever asks.

use domain::opening::Hours;

use super::*;

const HOUR_S: i64 = 3_600;

fn hours(text: &str) -> Hours {
    Hours::parse(text, &Locality::new("Europe/Berlin", "08", [])).unwrap()
}

fn taxi(id: usize, hours: Option<&Hours>) -> Taxi<'_> {
    Taxi { id, hours, wheelchair: Permission::Unknown }
}

/// What is offered, in order.
fn kinds(plan: &PlanResult) -> Vec<(Modes, Option<usize>)> {
    plan.itineraries.iter().map(|one| (one.modes, one.taxi())).collect()
}

/// Between the ends of the line, which leaves every half hour from 8:00 on; too far to walk.
fn asked<'a>(taxis: &'a [Taxi<'a>], when: When, modes: Modes) -> Request<'a> {
    Request { taxis, max_direct_walk_m: 500.0, ..ask(&[], when, modes, &certain) }
}

#[test]
fn a_taxi_is_offered_by_itself_where_nothing_else_arrives_within_three_hours() {
    let mut planner = Planner::new(Arc::new(town()));
    let taxis = [taxi(7, None)];
    let modes = Modes::TRANSIT.with(Modes::WALK).with(Modes::CAR).with(Modes::BIKE);
    let mut offered = |when, modes| {
        let plan = planner.plan(&asked(&taxis, when, modes), None).unwrap();
        assert_eq!(plan.lost_taxis, []);
        let all = kinds(&plan);
        assert!(all.iter().all(|(modes, taxi)| (*modes == Modes::TAXI) == taxi.is_some()));
        (all.iter().any(|(modes, _)| *modes == Modes::TRANSIT), all.last().and_then(|(_, taxi)| *taxi))
    };
    // The first bus arrives a few minutes after eight.
    for (hour, taxi) in [(1, Some(7)), (4, Some(7)), (6, None), (8, None)] {
        assert_eq!(offered(When::DepartAt(time(hour * HOUR_S)), modes), (true, taxi), "{hour}");
    }
    // The last one leaves at half past five.
    for (hour, taxi) in [(18, None), (20, None), (21, Some(7)), (23, Some(7))] {
        assert_eq!(offered(When::ArriveBy(time(hour * HOUR_S)), modes), (true, taxi), "{hour}");
    }
    let night = When::DepartAt(time(HOUR_S));
    assert_eq!(offered(night, Modes::CAR.with(Modes::BIKE)), (false, Some(7)), "not everybody has a car");
    assert_eq!(offered(night, Modes::NONE), (false, Some(7)));
}

#[test]
fn a_walk_arrives() {
    let mut planner = Planner::new(Arc::new(town()));
    let taxis = [taxi(7, None)];
    let request = asked(&taxis, When::DepartAt(time(HOUR_S)), Modes::WALK);
    let plan = planner.plan(&Request { max_direct_walk_m: 5_000.0, ..request }, None).unwrap();
    assert_eq!(kinds(&plan), [(Modes::WALK, None)]);
}

#[test]
fn whoever_asks_for_taxis_gets_them_last_and_learns_which_do_not_drive() {
    let mut planner = Planner::new(Arc::new(town()));
    let (by_day, by_night, asking) =
        (hours("06:00-22:00"), hours("22:00-06:00"), hours("\"nach Absprache\""));
    let taxis = [taxi(0, Some(&by_night)), taxi(1, Some(&by_day)), taxi(2, None), taxi(3, Some(&asking))];
    let both = Modes::TRANSIT.with(Modes::TAXI);
    let (day, night) = (time(8 * HOUR_S + 60), time(2 * HOUR_S));
    let lost = |id, departure| vec![LostTaxi { id, departure, why: NoTaxi::NotInService }];
    for (at, offered, lost) in [(day, [1, 2, 3], lost(0, day)), (night, [0, 2, 3], lost(1, night))] {
        let plan = planner.plan(&asked(&taxis, When::DepartAt(at), both), None).unwrap();
        let (bus, rest) = plan.itineraries.split_first().unwrap();
        assert_eq!(bus.modes, Modes::TRANSIT, "the taxi is quicker, and hides nothing");
        assert!(rest.iter().all(|one| one.modes == Modes::TAXI && one.start == at && one.end < bus.end));
        assert_eq!(rest.iter().map(|one| one.taxi().unwrap()).collect::<Vec<_>>(), offered);
        assert_eq!(plan.lost_taxis, lost);
    }
    // Which hours count are those of the ride, not of the arrival.
    let arrive = When::ArriveBy(time(6 * HOUR_S + 30));
    let plan = planner.plan(&asked(&taxis, arrive, Modes::TAXI), None).unwrap();
    assert_eq!(kinds(&plan), [0, 2, 3].map(|id| (Modes::TAXI, Some(id))));
    assert!(plan.itineraries.iter().all(|one| one.end == arrive.time() && one.start < time(6 * HOUR_S)));
    // Nobody asked: those that do not drive are not spoken of.
    let plan = planner.plan(&asked(&taxis, When::DepartAt(night), Modes::TRANSIT), None).unwrap();
    assert_eq!((kinds(&plan).len(), plan.lost_taxis), (4, vec![]));
    // Of each combination of modes no more than the limit; other pages have none.
    let mut request = asked(&taxis, When::DepartAt(night), Modes::TAXI);
    request.page.limit = 2;
    assert_eq!(planner.plan(&request, None).unwrap().itineraries.len(), 2);
    request.page.which = WhichPage::Onward(&[]);
    assert_eq!(planner.plan(&request, None).unwrap().itineraries.len(), 0);
}

#[test]
fn a_wheelchair_is_taken_where_that_is_known() {
    let mut planner = Planner::new(Arc::new(town()));
    let taxis = [Permission::Unknown, Permission::Possible, Permission::Impossible];
    let taxis: Vec<_> =
        taxis.into_iter().enumerate().map(|(id, wheelchair)| Taxi { id, hours: None, wheelchair }).collect();
    let when = When::DepartAt(time(8 * HOUR_S));
    let lost = LostTaxi { id: 0, departure: when.time(), why: NoTaxi::WheelchairUnknown };
    for (access, offered, lost) in [
        (Access::Foot, &[0, 1, 2][..], vec![]),
        (Access::WheelchairOrUnknown, &[0, 1], vec![]),
        (Access::Wheelchair, &[1], vec![lost]),
    ] {
        let plan = planner.plan(&Request { access, ..asked(&taxis, when, Modes::TAXI) }, None).unwrap();
        assert_eq!(kinds(&plan), offered.iter().map(|id| (Modes::TAXI, Some(*id))).collect::<Vec<_>>());
        assert_eq!(plan.lost_taxis, lost);
    }
}

#[test]
fn no_taxi_goes_through_places_in_between() {
    let mut planner = Planner::new(Arc::new(town()));
    let taxis = [taxi(7, None)];
    let via = [Via { at: at(6.0, 5.0), stop: None }];
    let modes = Modes::BIKE.with(Modes::TAXI);
    let plan = planner.plan_via(&asked(&taxis, When::DepartAt(time(HOUR_S)), modes), &via, None).unwrap();
    assert_eq!(kinds(&plan), [(Modes::BIKE, None)]);
}
