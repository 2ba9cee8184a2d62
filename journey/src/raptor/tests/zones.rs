//! Agencies in other zones: each trip runs by its agency's clock.

use domain::trip_update::{StopEvent, StopUpdate, TripRelationship, TripUpdate};

use super::*;
use crate::overlay::Runs;
use crate::timetable::read::tests::read_texts;
use crate::timetable::services::parse_day;
use crate::timetable::{Options, Timetable};

/// In one file a line of Berlin (8:00 from a) and one of London (7:05 from b, and 23:30); in another file one
/// of New York (2:20 from x), whose agency alone has it.
fn timetable() -> Timetable {
    let file = |agencies: &str, routes: &str, stops: [&str; 3], trips: &str, times: &str| {
        let stops = stops.map(|id| format!("{id},51,7\n")).concat();
        vec![
            ("agency.txt", format!("agency_id,agency_timezone\n{agencies}")),
            ("routes.txt", format!("route_id,agency_id,route_type\n{routes}")),
            ("stops.txt", format!("stop_id,stop_lat,stop_lon\n{stops}")),
            (
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                 S,1,1,1,1,1,1,1,20261001,20261231\n"
                    .to_owned(),
            ),
            ("trips.txt", format!("route_id,service_id,trip_id\n{trips}")),
            ("stop_times.txt", format!("trip_id,stop_id,stop_sequence,arrival_time\n{times}")),
        ]
    };
    let europe = file(
        "B,Europe/Berlin\nA,Europe/Amsterdam\nL,Europe/London\n",
        "R,B,3\nS,L,3\nT,A,3\n",
        ["a", "b", "c"],
        "R,S,german\nS,S,british\nS,S,night\nT,S,dutch\n",
        "german,a,1,08:00:00\ngerman,b,2,08:01:00\nbritish,b,1,07:05:00\nbritish,c,2,07:15:00\n\
         night,b,1,23:30:00\nnight,c,2,23:40:00\ndutch,c,1,09:00:00\ndutch,a,2,09:10:00\n",
    );
    let america = file(
        ",America/New_York\n",
        "U,,3\n",
        ["x", "y", "z"],
        "U,S,american\n",
        "american,x,1,02:20:00\namerican,y,2,02:30:00\n",
    );
    let (timetable, problems) =
        read_texts(vec![("europe", europe), ("america", america)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    timetable
}

fn clock(hours: i32, minutes: i32) -> i32 {
    hours * 3_600 + minutes * 60
}

/// What leaves a stop on a day of Berlin: names, service days, when, when planned.
fn board(
    search: &mut Search,
    overlay: Option<&Overlay>,
    stop: &str,
    date: &str,
) -> Vec<(String, Day, i32, i32)> {
    let timetable = search.timetable().clone();
    let (stop, day) = (timetable.stop(stop).unwrap(), parse_day(date).unwrap());
    let wanted = DepartureQuery { stop, to: None, day, from_s: 0, within_s: 86_399, count: 99, booked: None };
    let found = search.departures(overlay, &wanted);
    let runs = Runs { timetable: &timetable, overlay };
    let reported =
        |d: Departure| (runs.trip_id(d.trip).to_owned(), d.service_day, d.departure_s, d.scheduled_s);
    found.into_iter().map(reported).collect()
}

#[test]
fn each_trip_runs_by_its_agencys_clock() {
    let timetable = timetable();
    assert_eq!(
        timetable.zones,
        ["Europe/Berlin", "Europe/London", "America/New_York"],
        "Amsterdam's is Berlin's"
    );
    let mut search = Search::new(Arc::new(timetable));
    let day = |date| parse_day(date).unwrap();
    let planned = |name: &str, day, at| (name.to_owned(), day, at, at);
    let monday = day("20261123");
    let expected = [planned("night", monday - 1, clock(0, 30)), planned("british", monday, clock(8, 5))];
    assert_eq!(board(&mut search, None, "b", "20261123"), expected);
    assert_eq!(board(&mut search, None, "c", "20261123"), [planned("dutch", monday, clock(9, 0))]);
    // America's clocks change a week later.
    let american = |date, hour| [planned("american", day(date), clock(hour, 20))];
    assert_eq!(board(&mut search, None, "x", "20261123"), american("20261123", 8));
    assert_eq!(board(&mut search, None, "x", "20261028"), american("20261028", 7));
    // One changes from one to the other.
    let stop = |search: &Search, id| [(search.timetable().stop(id).unwrap(), 0)];
    let (origins, destinations) = (stop(&search, "a"), stop(&search, "c"));
    for when in [When::DepartAt(clock(7, 0)), When::ArriveBy(clock(8, 15))] {
        let query = Query::new(&origins, &destinations, monday, when);
        let journey = search.run(&query, None, &mut || false).journeys.remove(0);
        assert_eq!((journey.rides, journey.departure_s, journey.arrival_s), (2, clock(8, 0), clock(8, 15)));
    }
}

#[test]
fn real_time_is_by_the_agencys_clock_too() {
    let timetable = Arc::new(timetable());
    let monday = parse_day("20261123").unwrap();
    let midnight = timetable.day_begins_at(monday);
    let at = |hours, minutes| midnight + i64::from(clock(hours, minutes));
    let call = |stop: &str, at: i64| StopUpdate {
        stop_id: Some(stop.to_owned()),
        departure: Some(StopEvent::At(at)),
        ..StopUpdate::default()
    };
    let late = TripUpdate {
        start_date: Some("20261123".into()),
        route_id: Some("S".into()),
        start_time: Some("07:05:00".into()),
        stops: vec![call("b", at(8, 7))],
        ..TripUpdate::default()
    };
    // By its own clock the run of yesterday is under way at half past twelve.
    let night = TripUpdate { trip_id: "night".into(), delay_s: Some(60), ..TripUpdate::default() };
    let extra = TripUpdate {
        trip_id: "extra".into(),
        route_id: Some("S".into()),
        relationship: TripRelationship::Added,
        stops: vec![call("b", at(10, 0)), call("c", at(10, 10))],
        ..TripUpdate::default()
    };
    let overlay = Overlay::new(&timetable, &[late, night, extra], at(0, 35));
    assert_eq!((overlay.report.changed, overlay.report.added), (2, 1));
    let mut search = Search::new(timetable);
    let run = |name: &str, day, at: i32, planned| (name.to_owned(), day, at, planned);
    let expected = [
        run("night", monday - 1, clock(0, 31), clock(0, 30)),
        run("british", monday, clock(8, 7), clock(8, 5)),
        run("extra", monday, clock(10, 0), clock(10, 0)),
    ];
    assert_eq!(board(&mut search, Some(&overlay), "b", "20261123"), expected);
}
