//! Drives of people who take others along.

use super::*;
use crate::area::tests::town_with;

#[test]
fn what_one_can_count_on_comes_first_and_is_never_hidden() {
    let trips = ["c,s,car,1".to_owned()];
    let times = [(0, "a", "08:10:00"), (1, "z", "08:12:00")]
        .map(|(sequence, stop, time)| format!("car,{time},{time},{stop},{sequence}"));
    let area = Arc::new(town_with(&[], &trips, &times, Vec::new()));
    let bookings = bookings(&area);
    let mut planner = Planner::new(area);
    let mut starts = |when, modes| {
        let request = Request { bookings: &bookings, ..ask(&[], when, modes, &certain) };
        let plan = planner.plan(&request, None).unwrap();
        let ride = |one: &Itinerary| (one.has_carpool(), one.rides().next().unwrap().start);
        plan.itineraries.iter().map(ride).collect::<Vec<_>>()
    };
    let [bus, car, next_bus] = [0, 10, 30].map(|minutes| time(8 * 3600 + minutes * 60));
    let (depart, arrive) = (When::DepartAt(bus + 60), When::ArriveBy(next_bus));
    let both = Modes::TRANSIT.with(Modes::CARPOOL);
    assert_eq!(starts(depart, both), [(false, next_bus), (true, car)]);
    assert_eq!(starts(depart, Modes::TRANSIT), [(false, next_bus)]);
    assert_eq!(starts(arrive, both), [(false, bus), (true, car)]);
    assert_eq!(starts(arrive, Modes::TRANSIT), [(false, bus)]);
}
