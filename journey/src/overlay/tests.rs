//! Delays along a trip, and which run an update is about.

mod own;

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripRelationship, TripUpdate};

use super::*;
use crate::timetable::read::tests::read_texts;
use crate::timetable::{Options, StopIx};

/// 2026-11-24, a day with service.
const DAY: Day = 20_781;
/// Its midnight in Berlin, and a minute past it.
const MIDNIGHT: i64 = DAY as i64 * 86_400 - 3_600;
const NOW: i64 = MIDNIGHT + 60;

/// Trip `t`: a 0/60, b 160/180, c 300/300 (arrival/departure after midnight), daily; `night` begins
/// at 25:00 and runs on the day before alone.
fn timetable() -> Timetable {
    let text = |text: &str| text.to_owned();
    let files = vec![
        ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_type\nR,3\n")),
        ("stops.txt", text("stop_id,stop_name,stop_lat,stop_lon\na,,51,7\nb,,51,7\nc,Cee,51,7\n")),
        (
            "calendar_dates.txt",
            text("service_id,date,exception_type\nS,20261123,1\nS,20261124,1\nN,20261123,1\n"),
        ),
        ("trips.txt", text("route_id,service_id,trip_id\nR,S,t\nR,N,night\nR,S,often\n")),
        (
            "stop_times.txt",
            text(
                "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n\
                 t,a,1,00:00:00,00:01:00\nt,b,5,00:02:40,00:03:00\nt,c,7,00:05:00,00:05:00\n\
                 night,a,1,25:00:00,25:00:00\nnight,b,2,25:10:00,25:10:00\n\
                 often,a,1,00:00:00,00:00:00\noften,c,2,00:01:00,00:01:00\n",
            ),
        ),
        ("frequencies.txt", text("trip_id,start_time,end_time,headway_secs\noften,10:00:00,11:00:00,1200\n")),
    ];
    let (timetable, problems) = read_texts(vec![("net", files)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    timetable
}

fn stop(sequence: u32) -> StopUpdate {
    StopUpdate { stop_sequence: Some(sequence), ..StopUpdate::default() }
}

fn update(stops: Vec<StopUpdate>) -> TripUpdate {
    TripUpdate { trip_id: "t".to_owned(), stops, ..TripUpdate::default() }
}

fn expected(update: TripUpdate) -> Vec<(i32, i32)> {
    let timetable = timetable();
    let overlay = Overlay::new(&timetable, &[update], NOW);
    let day = overlay.days().next().unwrap();
    let pattern = day.patterns.pattern(0);
    (0..pattern.stops.len()).map(|at| (pattern.arrival(0, at), pattern.departure(0, at))).collect()
}

#[test]
fn a_delay_holds_for_the_stops_after_it() {
    let late = StopUpdate { departure: Some(StopEvent::Delay(30)), ..stop(5) };
    assert_eq!(expected(update(vec![late])), [(0, 60), (160, 210), (330, 330)]);
    let late = StopUpdate { arrival: Some(StopEvent::Delay(30)), ..stop(5) };
    assert_eq!(expected(update(vec![late])), [(0, 60), (190, 210), (330, 330)]);
}

#[test]
fn a_time_is_taken_by_the_zone_of_the_feed() {
    let late = StopUpdate { arrival: Some(StopEvent::At(MIDNIGHT + 170)), ..stop(5) };
    assert_eq!(expected(update(vec![late])), [(0, 60), (170, 190), (310, 310)]);
}

#[test]
fn times_never_fall() {
    let late = StopUpdate { departure: Some(StopEvent::Delay(300)), ..stop(1) };
    let early = StopUpdate { arrival: Some(StopEvent::Delay(-50)), ..stop(7) };
    assert_eq!(expected(update(vec![late, early])), [(0, 360), (460, 480), (480, 480)]);
}

#[test]
fn no_data_ends_a_delay_and_a_skipped_stop_passes_it_on() {
    let late = StopUpdate { departure: Some(StopEvent::Delay(30)), ..stop(1) };
    let none = StopUpdate { relationship: StopRelationship::NoData, ..stop(5) };
    assert_eq!(expected(update(vec![late.clone(), none])), [(0, 90), (160, 180), (300, 300)]);
    let skipped = StopUpdate { relationship: StopRelationship::Skipped, ..stop(5) };
    let skipping = update(vec![late, skipped]);
    assert_eq!(expected(skipping.clone()), [(0, 90), (190, 210), (330, 330)]);
    let overlay = Overlay::new(&timetable(), &[skipping], NOW);
    let stops = overlay.days().next().unwrap().patterns.pattern(0).stops.to_vec();
    assert!(stops[0].can_board() && !stops[1].can_board());
    assert!(!stops[1].can_alight() && stops[2].can_alight());
}

#[test]
fn stops_are_known_by_id_too() {
    let late = StopUpdate {
        stop_id: Some("b".to_owned()),
        arrival: Some(StopEvent::Delay(30)),
        ..StopUpdate::default()
    };
    assert_eq!(expected(update(vec![late])), [(0, 60), (190, 210), (330, 330)]);
}

#[test]
fn runs_are_found_by_day_and_start() {
    let timetable = timetable();
    let named =
        |trip: &str| TripUpdate { trip_id: trip.to_owned(), delay_s: Some(60), ..TripUpdate::default() };
    let run = |update: TripUpdate| {
        run_of(&timetable, FeedUpdate { feed: None, update: &update }, NOW)
            .map(|Run { day, trip }| (day, timetable.first_departure(trip)))
    };
    assert_eq!(run(named("t")), Ok((DAY, 60)));
    // It does not run today, and yesterday's lasts past midnight.
    assert_eq!(run(named("night")), Ok((DAY - 1, 90_000)));
    assert_eq!(run(TripUpdate { start_date: Some("20261123".into()), ..named("t") }), Ok((DAY - 1, 60)));
    let unknown = Err(NoRun::Unknown);
    assert_eq!(run(TripUpdate { start_date: Some("20261126".into()), ..named("t") }), unknown);
    assert_eq!(run(TripUpdate { start_time: Some("10:20:00".into()), ..named("often") }), Ok((DAY, 37_200)));
    assert_eq!(run(TripUpdate { start_time: Some("10:21:00".into()), ..named("often") }), unknown);
    assert_eq!(run(named("often")), Err(NoRun::Ambiguous));
    assert_eq!(run(named("none")), unknown);
}

/// Two trips of line R at 8:00, one of them on the 24th alone; S has two trips at 9:00.
fn two_trips() -> Timetable {
    let text = |text: &str| text.to_owned();
    let trips =
        [("there", 0, "08:00:00"), ("back", 1, "08:00:00"), ("s1", 0, "09:00:00"), ("s2", 0, "09:00:00")];
    let times = trips.map(|(id, _, at)| format!("{id},a,1,{at}\n{id},b,2,{at}\n")).concat();
    let files = vec![
        ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_type\nR,3\nS,3\n")),
        ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51,7\nb,51,7\n")),
        (
            "calendar_dates.txt",
            text("service_id,date,exception_type\nE,20261123,1\nE,20261124,1\nT,20261124,1\n"),
        ),
        (
            "trips.txt",
            text("route_id,service_id,trip_id,direction_id\nR,E,there,0\nR,T,back,1\nS,E,s1,0\nS,E,s2,\n"),
        ),
        ("stop_times.txt", format!("trip_id,stop_id,stop_sequence,arrival_time\n{times}")),
    ];
    read_texts(vec![("net", files)], Options::default()).0
}

#[test]
fn a_run_without_an_id_is_found_by_route_direction_and_start() {
    let timetable = two_trips();
    let found = |route: &str, direction: Option<u8>, date: Option<&str>, start: Option<&str>| {
        let update = TripUpdate {
            route_id: Some(route.to_owned()),
            direction,
            start_date: date.map(str::to_owned),
            start_time: start.map(str::to_owned),
            ..TripUpdate::default()
        };
        run_of(&timetable, FeedUpdate { feed: None, update: &update }, NOW)
            .map(|Run { day, trip }| (timetable.trip_id(trip).to_owned(), day))
    };
    let (unknown, ambiguous) = (Err(NoRun::Unknown), Err(NoRun::Ambiguous));
    let at = Some("8:00:00");
    let run = |id: &str, day| Ok((id.to_owned(), day));
    assert_eq!(found("R", Some(0), Some("20261124"), at), run("there", DAY));
    assert_eq!(found("R", Some(1), Some("20261124"), at), run("back", DAY));
    assert_eq!(found("R", Some(1), Some("20261123"), at), unknown, "it does not run then");
    assert_eq!(found("R", Some(1), None, at), run("back", DAY));
    assert_eq!(found("R", None, Some("20261124"), at), ambiguous);
    assert_eq!(found("R", None, Some("20261123"), at), run("there", DAY - 1), "the only one of that day");
    assert_eq!(found("R", Some(0), Some("20261124"), Some("08:00:30")), unknown);
    assert_eq!(found("R", Some(0), Some("20261124"), Some("8 o'clock")), unknown);
    assert_eq!(found("R", Some(0), Some("24.11.2026"), at), unknown);
    assert_eq!(found("R", Some(0), Some("20261124"), None), unknown);
    assert_eq!(found("S", Some(0), Some("20261124"), Some("09:00:00")), ambiguous, "one may be either way");
    assert_eq!(found("S", Some(1), Some("20261124"), Some("09:00:00")), run("s2", DAY));
    assert_eq!(found("Q", Some(0), Some("20261124"), at), unknown);
}

#[test]
fn what_became_of_updates_is_reported() {
    let timetable = timetable();
    let of = |relationship, trip: &str| TripUpdate {
        relationship,
        trip_id: trip.to_owned(),
        ..TripUpdate::default()
    };
    let updates = [
        of(TripRelationship::Cancelled, "t"),
        of(TripRelationship::Added, "extra"),
        of(TripRelationship::Other, "t"),
        TripUpdate { delay_s: Some(5), ..of(TripRelationship::Scheduled, "none") },
        TripUpdate { delay_s: Some(5), ..of(TripRelationship::Scheduled, "often") },
    ];
    let overlay = Overlay::new(&timetable, &updates, NOW);
    assert_eq!(
        overlay.report,
        Report { cancelled: 1, unknown: 1, ambiguous: 1, incomplete: 1, ignored: 1, ..Report::default() }
    );
    assert!(overlay.is_cancelled(DAY, timetable.trips("t")[0]));
    let late = Overlay::new(
        &timetable,
        &[TripUpdate { delay_s: Some(90), ..of(TripRelationship::Scheduled, "t") }],
        NOW,
    );
    assert_eq!((late.report.changed, late.is_cancelled(DAY, timetable.trips("t")[0])), (1, false));
}

#[test]
fn without_a_day_the_run_nearest_in_time_is_meant() {
    let timetable = timetable();
    let trip = timetable.trips("t")[0];
    let hour = 3_600;
    assert_eq!(timetable.nearest_day(trip, MIDNIGHT), Some(DAY));
    assert_eq!(timetable.nearest_day(trip, MIDNIGHT - 8 * hour), Some(DAY));
    assert_eq!(timetable.nearest_day(trip, MIDNIGHT - 16 * hour), Some(DAY - 1));
    let night = timetable.trips("night")[0];
    assert_eq!(timetable.nearest_day(night, MIDNIGHT + hour), Some(DAY - 1));
}

#[test]
fn a_delay_of_many_hours_is_believed_only_with_its_day() {
    let late = StopUpdate { arrival: Some(StopEvent::Delay(5 * 3_600)), ..stop(5) };
    let dated = TripUpdate { start_date: Some("20261124".into()), ..update(vec![late.clone()]) };
    assert_eq!(expected(dated)[1], (18_160, 18_180));
    assert_eq!(expected(update(vec![late]))[1], (160, 180));
}

#[test]
fn an_update_that_fits_no_stop_hides_none() {
    let id = |id: &str, delay| StopUpdate {
        stop_id: Some(id.to_owned()),
        arrival: Some(StopEvent::Delay(delay)),
        ..StopUpdate::default()
    };
    assert_eq!(expected(update(vec![id("nowhere", 900), id("b", 30)])), [(0, 60), (190, 210), (330, 330)]);
    let wrong = StopUpdate { stop_sequence: Some(5), ..id("a", 900) };
    assert_eq!(
        expected(update(vec![wrong, StopUpdate { stop_sequence: Some(7), ..id("c", 30) }]))[1..],
        [(160, 180), (330, 330)]
    );
}

#[test]
fn who_leaves_early_came_before() {
    let early = |sequence| StopUpdate { departure: Some(StopEvent::Delay(-40)), ..stop(sequence) };
    assert_eq!(expected(update(vec![early(1)]))[0].1, 20);
    let (arrives, departs) = expected(update(vec![early(5)]))[1];
    assert!(arrives <= departs && departs == 140, "{arrives} {departs}");
}

#[test]
fn that_nothing_is_known_is_no_real_time() {
    let none = StopUpdate { relationship: StopRelationship::NoData, ..stop(1) };
    let overlay = Overlay::new(&timetable(), &[update(vec![none])], NOW);
    assert_eq!((overlay.report.changed, overlay.days().next().map(|day| day.patterns.trips())), (0, Some(0)));
}

#[test]
fn another_platform_of_the_station_is_taken_in() {
    let text = |text: &str| text.to_owned();
    let files = vec![
        ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_type\nR,3\n")),
        (
            "stops.txt",
            text(
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,A,51,7,,\nS,B,51,7,1,\nb1,B,51,7,,S\nb2,B,51,7,,S\n\
                 b3,B,51,7,,S\na2,A,51.001,7,,\na3,A,51.1,7,,\n",
            ),
        ),
        ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261124,1\n")),
        ("trips.txt", text("route_id,service_id,trip_id\nR,S,t\nR,S,u\nR,S,v\nR,S,w\n")),
        (
            "stop_times.txt",
            text(
                "trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,00:00:00\nt,b1,2,00:10:00\nu,a,1,00:00:00\nu,b2,2,00:10:00\n\
                 v,a2,1,00:00:00\nv,b2,2,00:10:00\nw,a3,1,00:00:00\nw,b2,2,00:10:00\n",
            ),
        ),
    ];
    let (timetable, _) = read_texts(vec![("net", files)], Options::default());
    let at = |position: usize, id: &str, sequence: Option<u32>| {
        let stop_update = StopUpdate {
            stop_id: Some(id.to_owned()),
            stop_sequence: sequence,
            arrival: Some(StopEvent::Delay(60)),
            ..StopUpdate::default()
        };
        let overlay = Overlay::new(&timetable, &[update(vec![stop_update])], NOW);
        let patterns = &overlay.days().next().unwrap().patterns;
        (patterns.trips() > 0).then(|| {
            let pattern = patterns.pattern(0);
            (timetable.stops.ids.get(pattern.stops[position].stop()).to_owned(), pattern.arrival(0, position))
        })
    };
    let arrives_at = |id: &str, sequence| at(1, id, sequence);
    for sequence in [None, Some(2)] {
        assert_eq!(arrives_at("b2", sequence), Some(("b2".to_owned(), 660)));
        assert_eq!(arrives_at("S", sequence), Some(("b1".to_owned(), 660)));
        // No vehicle stops there by the timetable: no footpath leads there.
        assert_eq!(arrives_at("b3", sequence), Some(("b1".to_owned(), 660)));
    }
    // Where no station says what belongs together: near, and of the same name.
    assert_eq!(at(0, "a2", Some(1)), Some(("a2".to_owned(), 60)));
    assert_eq!(at(0, "a3", Some(1)), None);
}
