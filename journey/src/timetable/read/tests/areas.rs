//! Rides on demand: what is taken of GTFS-Flex, and what is refused.

use std::fmt::Write;
use std::path::PathBuf;

use super::*;
use crate::timetable::areas::{AreaPlace, Stretch};

const HEAD: &str = "trip_id,stop_sequence,stop_id,location_group_id,location_id,start_pickup_drop_off_window,\
                    end_pickup_drop_off_window,pickup_type,drop_off_type,pickup_booking_rule_id,drop_off_booking_rule_id,\
                    arrival_time,departure_time\n";

const ZONES: &str = r#"{"type": "FeatureCollection", "features": [
{"type": "Feature", "id": "z", "properties": {"stop_name": "Nord"},
 "geometry": {"type": "Polygon", "coordinates": [[[6.99, 50.99], [7.02, 50.99], [7.02, 51.01], [6.99, 51.01], [6.99, 50.99]]]}},
{"type": "Feature", "id": "two", "properties": {},
 "geometry": {"type": "MultiPolygon", "coordinates": [
  [[[7.03, 50.99], [7.05, 50.99], [7.05, 51.01], [7.03, 51.01], [7.03, 50.99]],
   [[7.038, 50.999], [7.042, 50.999], [7.042, 51.001], [7.038, 51.001], [7.038, 50.999]]],
  [[[8.0, 50.0], [8.1, 50.0], [8.1, 50.1], [8.0, 50.0]]]]}}
]}"#;

fn flex(rows: &str) -> Texts {
    let files = with(base(), "stop_times.txt", &format!("{HEAD}{rows}"));
    let files = with(files, "locations.geojson", ZONES);
    let files =
        with(files, "location_groups.txt", "location_group_id,location_group_name\ng,Mitte\nempty,\n");
    let files =
        with(files, "location_group_stops.txt", "location_group_id,stop_id\ng,b\ng,c\ng,b\ng,x\nh,a\n");
    with(
        files,
        "booking_rules.txt",
        "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day,prior_notice_last_time\n\
         hour,1,60,,\nbad,1,,,\n",
    )
}

fn listed(problems: &FeedProblems) -> Vec<(u64, &str, &str)> {
    problems.listed().iter().map(|p| (p.line, p.field, p.value.as_str())).collect()
}

/// Faults of the files that all of these feeds have.
const ALWAYS: usize = 3;

#[test]
fn zones_groups_and_windows_are_read() {
    let (timetable, problems) = one(flex(
        "t,2,,,z,06:00:00,24:30:00,2,2,hour,hour,,\nt,1,,,z,06:00:00,24:30:00,2,2,hour,hour,,\nt,3,,g,,07:00:00,08:00:00,1,2,,hour,,\n",
    ));
    let always = [(5, "stop_id", "x"), (6, "location_group_id", "h"), (3, "prior_notice_duration_min", "")];
    assert_eq!(listed(&problems), always);
    let areas = &timetable.areas;
    let [trip] = areas.trips.as_slice() else { panic!("{:?}", areas.trips) };
    let rows: Vec<_> = trip.rows.iter().map(|row| (areas.id(row.place), row.start_s, row.end_s)).collect();
    assert_eq!(rows, [(Some("z"), 21_600, 88_200), (Some("z"), 21_600, 88_200), (Some("g"), 25_200, 28_800)]);
    let ids = |stops: &[u32]| {
        stops.iter().map(|stop| timetable.stops.ids.get(*stop).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(areas.stops(trip.rows[2].place)), ["b", "c"]);
    let mut inside = ids(areas.stops(trip.rows[0].place));
    inside.sort();
    assert_eq!((inside, areas.name(trip.rows[0].place)), (vec!["a".to_owned(), "b".to_owned()], "Nord"));
    // c lies in the hole of the other zone.
    assert_eq!(areas.zones[1].stops, Vec::<u32>::new());
    let at = |lat, lon| areas.rows_at(domain::geo::LatLon { lat, lon }).len();
    assert_eq!((at(51.0, 7.0), at(51.0, 7.035), at(52.0, 7.0)), (2, 0, 0));
    assert!(timetable.trips.is_empty() && timetable.is_used(timetable.stop("c").unwrap()));
    assert_eq!((trip.mean, trip.safe), (Stretch::DRIVE, Stretch::LONGEST));
}

/// Each fault by its line, field and value; the trip is left out and the other one is there.
#[test]
fn faults_take_their_trip_and_nothing_else() {
    let good = "u,1,,,z,06:00:00,07:00:00,2,2,hour,,,\nu,2,a,,,06:00:00,07:00:00,,,,,,\n";
    for (rows, field, value, remedy) in [
        ("t,1,,,z,06:00:00,07:00:00,2,2,,,,\n", "trip_id", "t", "needs two, with the same id"),
        ("t,1,a,,,06:00:00,07:00:00,2,2,,,,\n", "trip_id", "t", "one to get on and a later one"),
        ("t,1,,,z,06:00:00,07:00:00,2,2,,,06:00:00,\n", "arrival_time", "06:00:00", "not both"),
        ("t,1,,,z,06:00:00,07:00:00,0,2,,,,\n", "pickup_type", "0", "set 2"),
        ("t,1,,,z,06:00:00,07:00:00,3,2,,,,\n", "pickup_type", "3", "set 2"),
        ("t,1,,,z,06:00:00,07:00:00,2,0,,,,\n", "drop_off_type", "0", "set 2"),
        ("t,1,,,z,06:00:00,07:00:00,2,2,none,,,\n", "pickup_booking_rule_id", "none", "no such rule"),
        ("t,1,,,z,06:00:00,07:00:00,2,2,,bad,,\n", "drop_off_booking_rule_id", "bad", "no such rule"),
        ("t,1,,,y,06:00:00,07:00:00,2,2,,,,\n", "location_id", "y", "no such zone"),
        ("t,1,,y,,06:00:00,07:00:00,2,2,,,,\n", "location_group_id", "y", "no such group"),
        ("t,1,,empty,,06:00:00,07:00:00,2,2,,,,\n", "location_group_id", "empty", "location_group_stops.txt"),
        ("t,1,y,,,06:00:00,07:00:00,2,2,,,,\n", "stop_id", "y", "no such stop"),
        ("t,1,a,g,,06:00:00,07:00:00,2,2,,,,\n", "location_group_id", "g", "no more"),
        ("t,1,,,,06:00:00,07:00:00,2,2,,,,\n", "stop_id", "", "is needed"),
        ("t,1,,,z,06:00:00,,2,2,,,,\n", "end_pickup_drop_off_window", "", "missing"),
        ("t,1,,,z,,,2,2,,,,\n", "start_pickup_drop_off_window", "", "missing"),
        ("t,1,,,z,08:00:00,07:00:00,2,2,,,,\n", "end_pickup_drop_off_window", "07:00:00", "before"),
        ("t,1,,,z,6 Uhr,07:00:00,2,2,,,,\n", "start_pickup_drop_off_window", "6 Uhr", "HH:MM:SS"),
        ("t,x,,,z,06:00:00,07:00:00,2,2,,,,\n", "stop_sequence", "x", "whole number"),
        (
            "t,1,,,z,06:00:00,09:00:00,2,1,,,,\nt,2,,,z,08:00:00,10:00:00,2,2,,,,\n",
            "start_pickup_drop_off_window",
            "08:00:00",
            "make it one window",
        ),
        (
            "t,1,,,z,06:00:00,07:00:00,2,2,,,,\nt,1,,,z,06:00:00,07:00:00,2,2,,,,\n",
            "stop_sequence",
            "1",
            "already",
        ),
        (
            "t,1,,,z,06:00:00,07:00:00,1,2,,,,\nt,2,,,z,06:00:00,07:00:00,2,1,,,,\n",
            "trip_id",
            "t",
            "no row to get on",
        ),
    ] {
        let files =
            with(flex(&format!("{good}{rows}")), "trips.txt", "route_id,service_id,trip_id\nR,S,t\nR,S,u\n");
        let (timetable, problems) = one(files);
        let trips: Vec<&str> = timetable.areas.trips.iter().map(|trip| trip.id.as_str()).collect();
        assert_eq!(trips, ["u"], "{rows}");
        assert_eq!(problems.count() as usize, ALWAYS + 1, "{rows}: {:?}", reasons(&problems));
        let problem = problems.listed().last().unwrap();
        assert_eq!((problem.field, problem.value.as_str()), (field, value), "{rows}");
        assert!(problem.reason.contains(remedy) && problem.line > 3, "{problem}");
        assert!(
            problem.file == "bus.zip/stop_times.txt"
                && problem.reason.contains("rides on demand of the trip")
        );
    }
}

#[test]
fn ids_of_stops_groups_and_zones_are_one_list() {
    let zones = ZONES.replace("\"two\"", "\"a\"");
    let files = with(flex(""), "locations.geojson", &zones);
    let files = with(files, "location_groups.txt", "location_group_id\nz\nb\ng\ng\n");
    let (timetable, problems) = one(files);
    assert_eq!((timetable.areas.zones.len(), timetable.areas.groups.len()), (1, 1));
    let found = listed(&problems);
    assert_eq!(
        found[..4],
        [
            (4, "id", "a"),
            (2, "location_group_id", "z"),
            (3, "location_group_id", "b"),
            (5, "location_group_id", "g")
        ]
    );
}

#[test]
fn what_is_no_zone_is_named_and_the_others_stay() {
    let bad = |kind: &str, lon: &str| {
        ZONES.replacen("\"Polygon\"", &format!("\"{kind}\""), 1).replacen(
            "[[[6.99,",
            &format!("[[[{lon},"),
            1,
        )
    };
    for (text, field, reason) in [
        (bad("Point", "6.99"), "geometry", "not Polygon or MultiPolygon"),
        (bad("Polygon", "1000"), "geometry", "closed rings"),
        (ZONES.replacen("\"id\": \"z\",", "", 1), "id", "feature 1 has none"),
    ] {
        let (timetable, problems) = one(with(flex(""), "locations.geojson", &text));
        assert_eq!(timetable.areas.zones.len(), 1);
        let problem = &problems.listed()[0];
        assert!(problem.field == field && problem.reason.contains(reason), "{problem}");
    }
    for text in ["{", "{}", "[]", ""] {
        let (timetable, problems) = one(with(flex(""), "locations.geojson", text));
        assert!(timetable.areas.zones.is_empty() && problems.listed()[0].file.ends_with("locations.geojson"));
    }
}

#[test]
fn columns_that_are_misspelt_are_named_and_never_read_as_no_window() {
    let head =
        HEAD.replace("drop_off_window", "dropoff_window").replace("drop_off_booking", "dropoff_booking");
    let rows = "t,1,,,z,06:00:00,07:00:00,2,2,hour,,,\nt,2,,,z,06:00:00,07:00:00,2,2,hour,,,\n";
    let (timetable, problems) = one(with(flex(""), "stop_times.txt", &format!("{head}{rows}")));
    assert!(timetable.areas.is_empty() && timetable.trips.is_empty());
    let found = &listed(&problems)[ALWAYS..];
    assert_eq!(
        found,
        [
            (1, "drop_off_booking_rule_id", "dropoff_booking_rule_id"),
            (1, "start_pickup_drop_off_window", "start_pickup_dropoff_window"),
            (1, "end_pickup_drop_off_window", "end_pickup_dropoff_window"),
            (2, "start_pickup_dropoff_window", "06:00:00"),
            (3, "start_pickup_dropoff_window", "06:00:00"),
        ]
    );
    assert!(reasons(&problems)[ALWAYS + 1].contains("did you mean `start_pickup_drop_off_window`?"));
}

#[test]
fn durations_stand_in_trips_or_in_a_draft_at_the_rows_in_minutes() {
    let rows = "t,1,,,z,06:00:00,07:00:00,2,2,hour,,,,1.25,5,2,10\nt,2,a,,,06:00:00,07:00:00,,,,,,,,,,\n";
    let head = HEAD.trim_end().to_owned()
        + ",mean_duration_factor,mean_duration_offset,safe_duration_factor,safe_duration_offset\n";
    let files = with(flex(""), "stop_times.txt", &format!("{head}{rows}"));
    let (timetable, _) = one(files.clone());
    let trip = &timetable.areas.trips[0];
    assert_eq!((trip.mean.offset_s, trip.safe), (300.0, Stretch { factor: 2.0, offset_s: 600.0 }));
    assert_eq!(trip.duration_s(100.0), (425, 800));
    let trips = "route_id,service_id,trip_id,safe_duration_factor,safe_duration_offset\nR,S,t,1.5,900\n";
    let (timetable, _) = one(with(files, "trips.txt", trips));
    assert_eq!(timetable.areas.trips[0].safe, Stretch { factor: 1.5, offset_s: 900.0 });
}

#[test]
fn stops_with_minutes_between_zones_are_ends_of_rides_and_of_the_timetable() {
    let (timetable, problems) = one(flex(
        "t,1,a,,,,,,,,,07:00:00,07:00:00\nt,2,,,z,07:00:00,07:08:00,1,3,,hour,,\nt,3,c,,,,,,,,,07:08:00,07:09:00\n",
    ));
    assert_eq!(problems.count() as usize, ALWAYS, "{:?}", reasons(&problems));
    assert_eq!(times(&timetable, "t"), [[25_200, 25_680]]);
    let rows: Vec<_> =
        timetable.areas.trips[0].rows.iter().map(|r| (r.is_timed, r.start_s, r.end_s)).collect();
    assert_eq!(rows, [(true, 25_200, 25_200), (false, 25_200, 25_680), (true, 25_680, 25_740)]);
    assert!(matches!(timetable.areas.trips[0].rows[0].place, AreaPlace::Stop(_)));
}

/// Feeds in use: what is taken, and all that is refused.
#[test]
fn feeds_in_use_are_taken_or_refused_row_by_row() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/flex"));
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return;
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut problems = FeedProblems::default();
        let (_folder, path) = with_calendar(&path);
        let report = match read(&[&path], Options::default(), &mut |_| {}, &mut problems) {
            Ok(timetable) => report(&timetable, &problems),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(format!("flex_{name}"), report);
    }
}

/// A copy of a feed with days for its services, where it has none.
fn with_calendar(path: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(path.file_name().unwrap());
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
        std::fs::write(copy.join(entry.file_name()), std::fs::read(entry.path()).unwrap()).unwrap();
    }
    if !["calendar.txt", "calendar_dates.txt"].iter().any(|file| copy.join(file).exists()) {
        let mut trips = csv::Reader::from_path(copy.join("trips.txt")).unwrap();
        let at = trips.headers().unwrap().iter().position(|head| head == "service_id").unwrap();
        let mut services: Vec<String> = trips.records().map(|row| row.unwrap()[at].to_owned()).collect();
        services.sort();
        services.dedup();
        let days: String = services.iter().map(|service| format!("{service},20261124,1\n")).collect();
        std::fs::write(copy.join("calendar_dates.txt"), format!("service_id,date,exception_type\n{days}"))
            .unwrap();
    }
    (folder, copy)
}

/// What is taken of a feed, in short, and its problems; of those that differ in line and value alone the first three.
fn report(timetable: &Timetable, problems: &FeedProblems) -> String {
    let areas = &timetable.areas;
    let mut text = format!(
        "{} zones, {} groups, {} trips on demand, {} by the timetable, {} booking rules\n",
        areas.zones.len(),
        areas.groups.len(),
        areas.trips.len(),
        timetable.trips.len(),
        timetable.booking_rules.len()
    );
    for trip in areas.trips.iter().take(3) {
        writeln!(text, "{} {:?} {:?}", trip.id, trip.mean, trip.safe).unwrap();
        for row in trip.rows.iter().take(4) {
            let id = areas.id(row.place).unwrap_or("a stop");
            writeln!(text, "  {id} {}-{} {:?} {:?}", row.start_s, row.end_s, row.pickup, row.drop_off)
                .unwrap();
        }
    }
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for problem in problems.listed() {
        let file = problem.file.split_once('/').map_or("", |(_, file)| file);
        let kind = format!("{file} {}: {}", problem.field, problem.reason);
        let place = format!("{} '{}'", problem.line, problem.value);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, places)) => places.push(place),
            None => kinds.push((kind, vec![place])),
        }
    }
    for (kind, places) in kinds {
        writeln!(text, "{kind}\n  {} times, at {}", places.len(), places[..places.len().min(3)].join(", "))
            .unwrap();
    }
    text
}
