//! Rides that must be booked, and rides without minutes.

use super::*;
use crate::timetable::patterns::Boarding;

const HEAD: &str = "trip_id,stop_id,stop_sequence,arrival_time,departure_time,pickup_type,drop_off_type,stop_headsign,\
                    location_id,location_group_id,start_pickup_drop_off_window,end_pickup_drop_off_window\n";

fn stop_times(rows: &str) -> (Timetable, FeedProblems) {
    one(with(base(), "stop_times.txt", &format!("{HEAD}{rows}")))
}

#[test]
fn how_one_gets_on_and_off_is_kept_stop_by_stop() {
    let (timetable, problems) = stop_times(
        "t,a,1,07:00:00,07:00:00,2,1,,,,,\nt,b,2,07:04:00,07:04:00,3,,Nord,,,,\nt,c,3,07:08:00,07:08:00,1,2,,,,,\n",
    );
    assert_eq!(reasons(&problems), Vec::<String>::new());
    let stops = timetable.patterns.pattern(0).stops;
    let boardings: Vec<_> = stops.iter().map(|stop| (stop.pickup(), stop.drop_off())).collect();
    use Boarding::{AskDriver, Book, None, Scheduled};
    assert_eq!(boardings, [(Book, None), (AskDriver, Scheduled), (None, Book)]);
    let may: Vec<_> = stops.iter().map(|stop| (stop.can_board(), stop.can_alight())).collect();
    assert_eq!(may, [(true, false), (true, true), (false, true)]);
    let trip = timetable.trips("t")[0];
    let headsigns: Vec<_> = (0..3).map(|at| timetable.headsign_at(trip, at)).collect();
    assert_eq!(headsigns, ["Mitte", "Nord", "Mitte"]);
}

#[test]
fn rules_of_booking_are_read_and_those_that_cannot_be_take_their_trips_with_them() {
    use domain::booking::{DayTime, Notice, Opens};
    let head = "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max,prior_notice_last_day,\
                prior_notice_last_time,prior_notice_start_day,prior_notice_start_time,prior_notice_service_id,message,\
                phone_number,booking_url\n";
    let rules = "hour,1,60,,,,,,,Bitte anrufen,0251 1,https://b\n\
                 eve,2,,,1,17:00:00,7,08:00:00,S,,,\n\
                 now,0,,,,,,,,,,\n\
                 none,1,,,,,,,,,,\n\
                 late,2,,,1,,,,,,,\n\
                 odd,3,,,,,,,,,,\n\
                 less,1,60,30,,,,,,,,\n\
                 lost,2,,,1,17:00:00,,,x,,,\n\
                 hour,1,5,,,,,,,,,\n";
    let times = |rule: &str| {
        format!(
            "trip_id,stop_id,stop_sequence,arrival_time,departure_time,pickup_type,pickup_booking_rule_id\n\
             t,a,1,07:00:00,07:00:00,2,{rule}\nt,b,2,07:04:00,07:04:00,,\n"
        )
    };
    let read = |rule: &str| {
        let files = with(base(), "stop_times.txt", &times(rule));
        one(with(files, "booking_rules.txt", &format!("{head}{rules}")))
    };
    let (timetable, problems) = read("hour");
    let found: Vec<_> = problems.listed().iter().map(|p| (p.line, p.field, p.value.as_str())).collect();
    assert_eq!(
        found,
        [
            (5, "prior_notice_duration_min", ""),
            (6, "prior_notice_last_time", ""),
            (7, "booking_type", "3"),
            (8, "prior_notice_duration_max", "30"),
            (9, "prior_notice_service_id", "x"),
            (10, "booking_rule_id", "hour"),
        ]
    );
    let rules: Vec<_> =
        timetable.booking_rules.iter().map(|rule| (rule.terms.notice, rule.terms.opens)).collect();
    let at = |days_before, hour| DayTime { days_before, time_s: hour * 3_600 };
    assert_eq!(
        rules,
        [
            (Notice::Before { at_least_s: 3_600 }, Opens::Always),
            (Notice::OnDay(at(1, 17)), Opens::OnDay(at(7, 8))),
            (Notice::RealTime, Opens::Always),
        ]
    );
    let desk = &timetable.booking_rules[0].desk;
    assert_eq!((desk.phone.as_deref(), desk.message_de.as_deref()), (Some("0251 1"), Some("Bitte anrufen")));
    let trip = timetable.trips("t")[0];
    assert_eq!([0, 1].map(|at| timetable.stop_booking(trip, at).pickup), [0, crate::timetable::NONE]);
    let (timetable, problems) = read("late");
    assert!(timetable.trips("t").is_empty());
    let last = problems.listed().last().unwrap();
    assert_eq!((last.line, last.field, last.value.as_str()), (2, "pickup_booking_rule_id", "late"));
}

#[test]
fn an_unknown_way_to_get_on_is_reported_and_read_as_regular() {
    let (timetable, problems) =
        stop_times("t,a,1,07:00:00,07:00:00,9,,,,,,\nt,b,2,07:04:00,07:04:00,,x,,,,,\n");
    let fields: Vec<_> = problems.listed().iter().map(|p| (p.line, p.field)).collect();
    assert_eq!(fields, [(2, "pickup_type"), (3, "drop_off_type")]);
    assert!(timetable.patterns.pattern(0).stops.iter().all(|s| s.pickup() == Boarding::Scheduled));
}

/// Between two stops with minutes a vehicle may leave its way: what it serves there has no minute.
#[test]
fn windows_and_areas_never_become_minutes() {
    let (timetable, problems) = stop_times(
        "t,a,1,07:00:00,07:00:00,,,,,,,\nt,b,2,,,2,2,,,,07:00:00,07:08:00\nt,,3,,,2,2,,zone,,07:00:00,07:08:00\n\
         t,,4,,,2,2,,,group,,\nt,c,5,07:08:00,07:08:00,,,,,,,\n",
    );
    assert_eq!(times(&timetable, "t"), [[25_200, 25_680]]);
    let fields: Vec<_> = problems.listed().iter().map(|p| (p.line, p.field)).collect();
    assert_eq!(fields, [(4, "location_id"), (5, "location_group_id")]);
    assert!(timetable.areas.is_empty());
}

#[test]
fn a_feed_of_areas_alone_needs_no_column_of_stops() {
    let text =
        "trip_id,stop_sequence,location_id,start_pickup_dropoff_window\nt,1,z,07:00:00\nt,2,z,07:00:00\n";
    let (timetable, problems) = one(with(base(), "stop_times.txt", text));
    assert_eq!((timetable.trips.len(), problems.count()), (0, 3));
    let texts = with(base(), "stop_times.txt", "trip_id,stop_sequence\nt,1\n");
    let texts = texts.into_iter().map(|(file, text)| (file, text.into_bytes()));
    let mut draft = Draft::default();
    draft.begin_feed(Path::new("x"));
    let (_folder, mut source) = source("x", texts);
    let error = read_feed(&mut source, &mut draft, &mut |_| {}, &mut FeedProblems::default()).unwrap_err();
    assert_eq!(error.to_string(), "x/stop_times.txt has no column stop_id");
}
