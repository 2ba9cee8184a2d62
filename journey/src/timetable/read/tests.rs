//! Whole small feeds.

mod areas;
mod demand;
mod fares;
mod links;
mod pathways;
mod places;

use std::path::Path;

use tempfile::TempDir;

use super::source::Source;
use super::*;
use crate::timetable::services::parse_day;
use crate::timetable::shapes::PointE6;
use crate::timetable::{DEFAULT_CHANGE_S, NO_CHANGE};

/// A feed as (file, text).
pub(crate) type Texts = Vec<(&'static str, String)>;

/// A feed of these files, and the folder in which they lie.
fn source<'t>(name: &str, files: impl IntoIterator<Item = (&'t str, Vec<u8>)>) -> (TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in files {
        std::fs::write(folder.path().join(file), bytes).unwrap();
    }
    let mut source = Source::open(folder.path()).unwrap();
    source.name = name.to_owned();
    (folder, source)
}

/// Reads feeds, each with its name.
pub(crate) fn read_texts(feeds: Vec<(&str, Texts)>, options: Options) -> (Timetable, FeedProblems) {
    let mut draft = Draft::default();
    let mut problems = FeedProblems::default();
    for (name, texts) in feeds {
        draft.begin_feed(Path::new(name));
        let texts = texts.into_iter().map(|(file, text)| (file, text.into_bytes()));
        let (_folder, mut source) = source(name, texts);
        read_feed(&mut source, &mut draft, &mut |_| {}, &mut problems).unwrap();
    }
    (draft.finish(options, &mut problems), problems)
}

fn base() -> Texts {
    let text = |text: &str| text.to_owned();
    vec![
        ("agency.txt", text("agency_id,agency_name,agency_timezone\nA,Bus,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_short_name,route_type,route_color\nR,7,3,FF0000\n")),
        ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51.0,7.0\nb,51.0,7.01\nc,51.0,7.04\n")),
        ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261124,1\n")),
        ("trips.txt", text("route_id,service_id,trip_id,trip_headsign\nR,S,t,Mitte\n")),
        (
            "stop_times.txt",
            text(
                "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n\
                 t,a,1,07:00:00,07:00:00\nt,b,5,,\nt,c,9,07:08:00,07:08:00\n",
            ),
        ),
    ]
}

fn with(mut texts: Texts, file: &'static str, text: &str) -> Texts {
    texts.retain(|(name, _)| *name != file);
    texts.push((file, text.to_owned()));
    texts
}

fn one(texts: Texts) -> (Timetable, FeedProblems) {
    read_texts(vec![("bus.zip", texts)], Options::default())
}

fn times(timetable: &Timetable, id: &str) -> Vec<Vec<i32>> {
    let of = |trip: &u32| {
        let pattern = timetable.patterns.pattern(timetable.patterns.pattern_of(*trip));
        (0..pattern.stops.len()).map(|p| pattern.arrival(*trip as usize - pattern.first_trip, p)).collect()
    };
    timetable.trips(id).iter().map(of).collect()
}

fn point(lat: i32, lon: i32) -> PointE6 {
    PointE6 { lat, lon }
}

fn reasons(problems: &FeedProblems) -> Vec<String> {
    problems.listed().iter().map(ToString::to_string).collect()
}

#[test]
fn a_small_feed_is_read_whole() {
    let (timetable, problems) = one(base());
    assert_eq!(reasons(&problems), Vec::<String>::new());
    // b lies a quarter of the way.
    assert_eq!(times(&timetable, "t"), [[25_200, 25_320, 25_680]]);
    let trip = timetable.trips("t")[0];
    assert_eq!((timetable.trip_id(trip), timetable.headsign(trip)), ("t", "Mitte"));
    let route = timetable.route(trip).unwrap();
    assert_eq!((route.short_name.as_str(), route.color, route.agency), ("7", Some(0xFF_0000), 0));
    assert_eq!(*timetable.sequences[timetable.trips[trip as usize].sequence as usize], [1, 5, 9]);
    assert!(timetable.runs_on(trip, parse_day("20261124").unwrap()));
    assert_eq!(timetable.last_time_s, 25_680);
    assert_eq!(timetable.geometry(trip, 0, 1), [point(51_000_000, 7_000_000), point(51_000_000, 7_010_000)]);
}

#[test]
fn days_begin_twelve_hours_before_noon() {
    let (timetable, _) = one(base());
    let length = |day: &str| {
        let day = parse_day(day).unwrap();
        timetable.day_begins_at(day + 1) - timetable.day_begins_at(day)
    };
    assert_eq!(length("20261124"), 86_400);
    // Clocks go back on the 25th at three: its "midnight" is one o'clock.
    assert_eq!((length("20261024"), length("20261025")), (90_000, 86_400));
}

#[test]
fn frequencies_become_runs() {
    let text = "trip_id,start_time,end_time,headway_secs,exact_times\nt,08:00:00,09:00:00,1200,1\nt,10:00:00,10:01:00,60,0\nt,11:00:00,12:00:00,0,\n";
    let (timetable, problems) = one(with(base(), "frequencies.txt", text));
    let starts: Vec<i32> = times(&timetable, "t").iter().map(|t| t[0]).collect();
    assert_eq!(starts, [28_800, 30_000, 31_200, 36_000]);
    assert_eq!(
        reasons(&problems),
        ["bus.zip/frequencies.txt:4: headway_secs '0': it is not a number of seconds above 0"]
    );
}

#[test]
fn bad_rows_are_listed_and_left_out() {
    let texts = with(
        base(),
        "stop_times.txt",
        "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n\
         t,a,1,07:00:00,07:00:00\nt,x,2,07:01:00,07:01:00\nt,b,3,07:62:00,07:62:00\nt,b,4,06:00:00,06:00:00\n\
         t,b,5,07:05:00,07:04:00\nt,b,y,07:05:00,07:05:00\nu,b,1,07:05:00,07:05:00\nt,c,9,07:08:00,07:08:00\nt,a,10,,\n\
         t\n",
    );
    let texts = with(
        texts,
        "stops.txt",
        "stop_id,stop_lat,stop_lon,location_type\na,51,7,\nb,51,7,0\nc,51,7,0\nd,91,7,0\ne,1,,\nb,1,1,\nf,1,1,9\n",
    );
    let (timetable, problems) = one(texts);
    assert_eq!(times(&timetable, "t"), [[25_200, 25_680]]);
    assert_eq!(timetable.stop_count(), 3);
    let lines: Vec<(u64, &str)> = problems.listed().iter().map(|p| (p.line, p.field)).collect();
    assert_eq!(
        lines,
        [
            (5, "stop_lat"),
            (6, "stop_lon"),
            (7, "stop_id"),
            (8, "location_type"),
            (3, "stop_id"),
            (4, "arrival_time"),
            (6, "departure_time"),
            (7, "stop_sequence"),
            (8, "trip_id"),
            (11, "stop_id"),
            (5, "arrival_time"),
            (10, "arrival_time"),
        ]
    );
}

#[test]
fn problems_are_bounded() {
    let mut text = "trip_id,stop_id,stop_sequence\n".to_owned();
    for _ in 0..3_000 {
        text.push_str("nobody,a,1\n");
    }
    let (timetable, problems) = one(with(base(), "stop_times.txt", &text));
    assert_eq!((problems.listed().len(), problems.more(), timetable.trips.len()), (1_000, 2_000, 0));
}

#[test]
fn a_quote_that_is_never_closed_ends_the_reading() {
    let text = format!("stop_id,stop_lat,stop_lon\n\"a{}", "x".repeat(3 << 20));
    let (_folder, mut source) = source("bus.zip", [("stops.txt", text.into_bytes())]);
    let mut draft = Draft::default();
    draft.begin_feed(Path::new("bus.zip"));
    let error = stops::read(&mut source, &mut draft, &mut FeedProblems::default()).unwrap_err();
    assert!(error.to_string().contains("quote"), "{error}");
}

#[test]
fn what_is_no_feed_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| read(&[path], Options::default(), &mut |_| {}, &mut FeedProblems::default());
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no routes.txt"), "{error}");
    let file = folder.path().join("x.zip");
    std::fs::write(&file, "hello").unwrap();
    assert!(matches!(read(&file), Err(ReadError::Zip { .. })));
    assert!(matches!(read(&folder.path().join("none.zip")), Err(ReadError::Open { .. })));
}

#[test]
fn transfers_of_all_kinds() {
    let stops = "stop_id,stop_lat,stop_lon,location_type,parent_station\n\
                 S,51,7,1,\na,51,7,,S\nb,51,7.001,,S\nc,51,7.002,,S\nd,51,7.01,,\ne,51,7.02,,\n";
    let transfers = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_route_id\n\
                     a,a,2,300,\nb,b,3,,\na,b,2,60,\nb,a,3,,\nS,d,2,90,\nd,e,1,,\ne,d,0,,\na,d,2,10,R\nd,d,9,,\na,c,3,,\n";
    let texts = with(with(base(), "stops.txt", stops), "transfers.txt", transfers);
    let (timetable, problems) = one(texts);
    let stop = |id: &str| timetable.stop(id).unwrap();
    let path = |from: &str, to: &str| {
        timetable.footpaths.from(stop(from)).iter().find(|p| p.stop == stop(to)).map(|p| p.seconds)
    };
    assert_eq!(timetable.change_s[stop("a") as usize], 300);
    assert_eq!(timetable.change_s[stop("b") as usize], NO_CHANGE);
    assert_eq!(timetable.change_s[stop("c") as usize], DEFAULT_CHANGE_S);
    assert_eq!((path("a", "b"), path("b", "a"), path("a", "c")), (Some(60), None, None));
    // Without a row of their own: the walk, at least the change time.
    assert_eq!((path("b", "c"), path("c", "a")), (Some(DEFAULT_CHANGE_S), Some(152)));
    assert_eq!((path("a", "d"), path("c", "d"), path("d", "e")), (Some(90), Some(90), Some(0)));
    assert_eq!(path("e", "d"), Some(759));
    let fields: Vec<&str> = problems.listed().iter().map(|p| p.field).collect();
    assert_eq!(fields, ["transfer_type"]);
    // A row for one line: 10 s hold for it alone.
    assert_eq!(timetable.variants.nodes(), timetable.stop_count() + 1);
    assert_eq!(timetable.platforms(stop("S")).count(), 4);
}

#[test]
fn ids_of_two_feeds_are_prefixed_only_where_needed() {
    let second = with(base(), "stops.txt", "stop_id,stop_lat,stop_lon\na,1,1\nz,1,1\nc,1,1\n");
    let second = with(
        second,
        "stop_times.txt",
        "trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,07:00:00\nt,z,2,07:09:00\n",
    );
    let (timetable, problems) =
        read_texts(vec![("bus.zip", base()), ("rail.zip", second)], Options::default());
    assert_eq!(reasons(&problems), Vec::<String>::new());
    assert!(timetable.stop("a").is_none() && timetable.stop("bus:a").is_some());
    assert!(timetable.stop("rail:a").is_some() && timetable.stop("z").is_some());
    assert_eq!((times(&timetable, "bus:t").len(), times(&timetable, "rail:t").len()), (1, 1));
}

#[test]
fn rows_may_come_in_any_order() {
    let text = "stop_id,trip_id,arrival_time,stop_sequence\nc,t,07:08:00,9\na,t,07:00:00,1\n";
    let (timetable, _) = one(with(base(), "stop_times.txt", text));
    assert_eq!(times(&timetable, "t"), [[25_200, 25_680]]);
}
