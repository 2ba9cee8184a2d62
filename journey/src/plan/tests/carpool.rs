//! Drives of people who take others along.

use super::*;
use crate::area::tests::town_with_carpools;

#[test]
fn what_one_can_count_on_comes_first_and_is_never_hidden() {
    // The first two runs of the day are carpools.
    let area = Arc::new(town_with_carpools(&[], &[0, 1]));
    let bookings = bookings(&area);
    let mut planner = Planner::new(area);
    let mut starts = |when, modes| {
        let plan =
            planner.plan(&Request { bookings: &bookings, ..ask(&[], when, modes, &certain) }, None).unwrap();
        let ride = |one: &Itinerary| (one.has_carpool(), one.rides().next().unwrap().start);
        plan.itineraries.iter().map(ride).collect::<Vec<_>>()
    };
    let (eight, half_hour) = (time(8 * 3600), 1_800);
    let depart = When::DepartAt(eight - 600);
    let both = Modes::TRANSIT.with(Modes::CARPOOL);
    assert_eq!(starts(depart, both), [(false, eight + 2 * half_hour), (true, eight)]);
    assert_eq!(starts(depart, Modes::TRANSIT), [(false, eight + 2 * half_hour)]);
    let arrive = When::ArriveBy(eight + half_hour + 600);
    let evening_before = (false, time(17 * 3600 + 1_800) - 86_400);
    assert_eq!(starts(arrive, both), [evening_before, (true, eight + half_hour)]);
    assert_eq!(starts(arrive, Modes::TRANSIT), [evening_before]);
}
