//! Delays along a trip, and which run an update is about.

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripRelationship, TripUpdate};

use super::*;
use crate::timetable::Options;
use crate::timetable::read::tests::read_texts;

/// 2026-11-24, a day with service.
const DAY: Day = 20_781;

/// Trip `t`: a 0/60, b 160/180, c 300/300 (arrival/departure after midnight), daily; `night` begins
/// at 25:00 and runs on the day before alone.
fn timetable() -> Timetable {
    let text = |text: &str| text.to_owned();
    let files = vec![
        ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_type\nR,3\n")),
        ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51,7\nb,51,7\nc,51,7\n")),
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
    let overlay = Overlay::new(&timetable, &[update], DAY);
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
    // Midnight in Berlin is 23:00 UTC.
    let midnight = i64::from(DAY) * 86_400 - 3_600;
    let late = StopUpdate { arrival: Some(StopEvent::At(midnight + 170)), ..stop(5) };
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
    let overlay = Overlay::new(&timetable(), &[skipping], DAY);
    let stops = overlay.days().next().unwrap().patterns.pattern(0).stops.to_vec();
    assert!(stops[0].can_board() && !stops[1].can_board() && !stops[1].can_alight() && stops[2].can_alight());
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
        run_of(&timetable, &update, DAY).map(|(day, trip)| (day, timetable.first_departure(trip)))
    };
    assert_eq!(run(named("t")), Some((DAY, 60)));
    // It does not run today, and yesterday's lasts past midnight.
    assert_eq!(run(named("night")), Some((DAY - 1, 90_000)));
    assert_eq!(run(TripUpdate { start_date: Some("20261123".into()), ..named("t") }), Some((DAY - 1, 60)));
    assert_eq!(run(TripUpdate { start_date: Some("20261126".into()), ..named("t") }), None);
    assert_eq!(
        run(TripUpdate { start_time: Some("10:20:00".into()), ..named("often") }),
        Some((DAY, 37_200))
    );
    assert_eq!(run(TripUpdate { start_time: Some("10:21:00".into()), ..named("often") }), None);
    assert_eq!(run(named("none")), None);
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
        of(TripRelationship::Scheduled, "none"),
    ];
    let overlay = Overlay::new(&timetable, &updates, DAY);
    assert_eq!(overlay.report, Report { changed: 0, cancelled: 1, unknown: 1, ignored: 1 });
    assert!(overlay.is_cancelled(DAY, timetable.trips("t")[0]));
    let late = Overlay::new(
        &timetable,
        &[TripUpdate { delay_s: Some(90), ..of(TripRelationship::Scheduled, "t") }],
        DAY,
    );
    assert_eq!((late.report.changed, late.is_cancelled(DAY, timetable.trips("t")[0])), (1, false));
}
