use domain::time::UtcMicros;
use proptest::prelude::*;

use super::*;
use crate::booking::Bookings;
use crate::timetable::Options;
use crate::timetable::read::tests::read_texts;
use crate::timetable::services::parse_day;

/// A zone with these rows and rules; `S` runs on working days but not on 2026-11-25.
fn timetable(rows: &str, rules: &str) -> Timetable {
    let text = |text: &str| text.to_owned();
    let files = vec![
        ("agency.txt", text("agency_id,agency_name,agency_timezone\nA,Bus,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_short_name,route_type\nR,B7,3\n")),
        ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51.0,7.0\n")),
        (
            "calendar.txt",
            text(
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nS,1,1,1,1,1,0,0,20260101,20271231\nD,1,1,1,1,1,1,1,20260101,20271231\n",
            ),
        ),
        ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261125,2\n")),
        (
            "trips.txt",
            text("route_id,service_id,trip_id,safe_duration_factor,safe_duration_offset\nR,D,t,2,300\n"),
        ),
        (
            "locations.geojson",
            text(
                r#"{"features": [{"id": "z", "geometry": {"type": "Polygon", "coordinates": [[[6,50],[8,50],[8,52],[6,52],[6,50]]]}}]}"#,
            ),
        ),
        (
            "booking_rules.txt",
            format!(
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day,prior_notice_last_time,prior_notice_start_day,prior_notice_start_time,prior_notice_service_id\n{rules}"
            ),
        ),
        (
            "stop_times.txt",
            format!(
                "trip_id,stop_sequence,location_id,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type,pickup_booking_rule_id\n{rows}"
            ),
        ),
    ];
    let (timetable, problems) = read_texts(vec![("bus", files)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    timetable
}

fn window(from: &str, until: &str) -> String {
    format!("t,1,z,{from},{until},2,1,r\nt,2,z,{from},{until},1,2,\n")
}

fn at(text: &str) -> i64 {
    UtcMicros::parse(text).unwrap().0 / 1_000_000
}

const PAIR: Pair = Pair { trip: 0, board: 0, alight: 1 };

/// The first pick-up over a drive of 600 s after `ready` when booking at `now`, and what is missed.
fn first(timetable: &Timetable, now: i64, ready: i64) -> (Option<i64>, Option<Missed>) {
    let bookings = Bookings::default();
    let rides = BookedRides::OpenAt(UtcMicros::from_unix_s(now));
    let booked = Booked { bookings: &bookings, rides, carpools: true, wheelchair: false };
    let asked = Asked { timetable, booked, access: Access::Foot, from: ready, until: ready + 86_400 };
    let days = asked.days(PAIR);
    let rides = days.iter().filter_map(|day| asked.ride(*day, 600.0));
    (rides.filter_map(|ride| ride.pickup_after(ready)).min(), asked.missed(&days, 600.0))
}

#[test]
fn the_earliest_pick_up_is_after_ready_window_and_notice() {
    let timetable = timetable(&window("08:00:00", "12:00:00"), "r,1,30,,,,,\n");
    let day = |clock: &str| at(&format!("2026-11-24T{clock}+01:00"));
    for (now, ready, expected) in [
        ("06:00:00", "07:00:00", "08:00:00"),
        ("06:00:00", "09:00:00", "09:00:00"),
        ("08:50:00", "09:00:00", "09:20:00"),
        // Ten minutes of the drive before the window ends.
        ("11:20:00", "11:00:00", "11:50:00"),
    ] {
        let (pickup, missed) = first(&timetable, day(now), day(ready));
        assert_eq!((pickup, missed), (Some(day(expected)), None), "{now} {ready}");
    }
    let (pickup, missed) = first(&timetable, day("11:20:01"), day("11:00:00"));
    assert_eq!(pickup, Some(at("2026-11-25T08:00:00+01:00")));
    let missed = missed.unwrap();
    assert_eq!((missed.why, missed.ride.on_day.day), (WhyNot::BookingClosed, parse_day("20261124").unwrap()));
    assert_eq!(missed.booking.window.unwrap().by, UtcMicros::from_unix_s(day("11:20:00")));
    assert_eq!((missed.ride.expected_s, missed.ride.longest_s), (600, 1_500));
}

/// One second before the deadline and one after it, in windows across midnight and both clock changes.
#[test]
fn a_deadline_holds_to_the_second_across_midnight_and_clock_changes() {
    for (rules, from, until, ready, deadline) in [
        ("r,1,30,,,,,\n", "23:00:00", "25:00:00", "2026-11-24T23:30:00+01:00", "2026-11-25T00:20:00+01:00"),
        (
            "r,2,,1,17:00:00,,,\n",
            "08:00:00",
            "12:00:00",
            "2026-11-24T08:00:00+01:00",
            "2026-11-23T17:00:00+01:00",
        ),
        (
            "r,2,,1,17:00:00,,,\n",
            "23:00:00",
            "25:00:00",
            "2026-11-24T23:00:00+01:00",
            "2026-11-24T17:00:00+01:00",
        ),
        // Times of a service day count from noon minus 12 h, deadlines by the clock.
        (
            "r,2,,1,17:00:00,,,\n",
            "08:00:00",
            "12:00:00",
            "2026-10-25T08:00:00+01:00",
            "2026-10-24T17:00:00+02:00",
        ),
        ("r,1,480,,,,,\n", "08:00:00", "08:30:00", "2026-10-25T08:00:00+01:00", "2026-10-25T01:20:00+02:00"),
        (
            "r,2,,1,17:00:00,,,\n",
            "08:00:00",
            "12:00:00",
            "2027-03-28T08:00:00+02:00",
            "2027-03-27T17:00:00+01:00",
        ),
        ("r,1,480,,,,,\n", "08:00:00", "08:30:00", "2027-03-28T08:00:00+02:00", "2027-03-27T23:20:00+01:00"),
        // Wednesday 2026-11-25 is off: two days that count before Thursday are Tuesday and Monday.
        (
            "r,2,,2,12:00:00,,,S\n",
            "08:00:00",
            "12:00:00",
            "2026-11-26T08:00:00+01:00",
            "2026-11-23T12:00:00+01:00",
        ),
    ] {
        let timetable = timetable(&window(from, until), rules);
        let (ready, deadline) = (at(ready), at(deadline));
        let of_day = |pickup: Option<i64>| pickup.filter(|pickup| *pickup < ready + 4 * 3_600);
        for now in [deadline - 1, deadline] {
            assert!(of_day(first(&timetable, now, ready).0).is_some(), "{rules} {ready} {now}");
        }
        let (pickup, missed) = first(&timetable, deadline + 1, ready);
        assert_eq!(of_day(pickup), None, "{rules} {ready}");
        assert_eq!(missed.unwrap().booking.window.unwrap().by, UtcMicros::from_unix_s(deadline), "{rules}");
    }
}

#[test]
fn what_cannot_be_booked_yet_says_so() {
    let timetable = timetable(&window("08:00:00", "12:00:00"), "r,2,,1,17:00:00,7,08:00:00,\n");
    let (pickup, missed) = first(&timetable, at("2026-11-01T08:00:00Z"), at("2026-11-24T00:00:00Z"));
    assert_eq!((pickup, missed.map(|missed| missed.why)), (None, Some(WhyNot::BookingNotOpen)));
}

proptest! {
    /// Second by second: one gets on in the first row's window and off in the second one's, and books in time.
    #[test]
    fn pick_ups_are_those_that_the_rules_allow(
        on in (0i32..30, 1i32..20), off in (0i32..30, 1i32..20), notice in 0i32..120, now in -60i64..900, ready in 0i64..900,
        drive in 0i32..60,
    ) {
        let clock = |minutes: i32| format!("{:02}:{:02}:00", 8 + minutes / 60, minutes % 60);
        let rows = format!(
            "t,1,z,{},{},2,1,r\nt,2,z,{},{},1,2,\n",
            clock(on.0), clock(on.0 + on.1), clock(off.0), clock(off.0 + off.1),
        );
        let timetable = timetable(&rows, &format!("r,1,{notice},,,,,\n"));
        let begin = at("2026-11-24T08:00:00+01:00");
        let bookings = Bookings::default();
        let rides = BookedRides::OpenAt(UtcMicros::from_unix_s(begin + now));
        let booked = Booked { bookings: &bookings, rides, carpools: true, wheelchair: false };
        let asked = Asked { timetable: &timetable, booked, access: Access::Foot, from: begin + ready, until: begin + 80_000 };
        let drive_s = drive * 30;
        let ride = asked.days(PAIR).into_iter().find_map(|day| asked.ride(day, f64::from(drive_s)));
        let is_allowed = |s: i64| {
            let on_s = i64::from(on.0) * 60..=i64::from(on.0 + on.1) * 60;
            let off_s = i64::from(off.0) * 60..=i64::from(off.0 + off.1) * 60;
            s >= ready && on_s.contains(&s) && off_s.contains(&(s + i64::from(drive_s))) && now + i64::from(notice) * 60 <= s
        };
        let allowed: Vec<i64> = (0..4_000).filter(|s| is_allowed(*s)).collect();
        let expected = allowed.first().copied().zip(allowed.last().copied());
        prop_assert_eq!(ride.map(|ride| (ride.first - begin, ride.last - begin)), expected);
    }
}
