//! Changes of single lines and trips, and staying seated.

use super::*;
use crate::timetable::NONE;

const TIMES: &str = "trip_id,stop_id,stop_sequence,arrival_time\n\
                     t,a,1,07:00:00\nt,b,2,07:10:00\nu,b,1,07:15:00\nu,c,2,07:30:00\nv,b,1,07:15:00\nv,a,2,07:20:00\n\
                     w,b,1,07:21:00\nw,c,2,07:40:00\nx,c,1,07:12:00\nx,a,2,07:14:00\n";

/// Trips of block `1` unless given otherwise; `transfers` has both trips of each row.
fn linked(trips: &str, transfers: &str) -> (Timetable, FeedProblems) {
    let trips = format!("route_id,service_id,trip_id,block_id\n{trips}");
    let transfers = format!("transfer_type,from_trip_id,to_trip_id\n{transfers}");
    let texts = with(with(base(), "stop_times.txt", TIMES), "trips.txt", &trips);
    let head = "from_stop_id,to_stop_id,";
    let rows = transfers
        .lines()
        .enumerate()
        .map(|(at, row)| if at == 0 { format!("{head}{row}\n") } else { format!(",,{row}\n") });
    one(with(texts, "transfers.txt", &rows.collect::<String>()))
}

fn goes_on(timetable: &Timetable, trip: &str) -> Vec<String> {
    let next = timetable.in_seat.of(timetable.trips(trip)[0], false);
    next.map(|trip| timetable.trip_id(trip).to_owned()).collect()
}

#[test]
fn a_block_goes_on_at_the_same_stop_within_ten_minutes() {
    let (timetable, problems) = linked("R,S,t,1\nR,S,u,1\nR,S,w,2\n", "");
    assert_eq!(problems.listed().iter().filter(|p| p.field != "trip_id").count(), 0);
    assert_eq!((goes_on(&timetable, "t"), goes_on(&timetable, "u")), (vec!["u".to_owned()], vec![]));
    // Eleven minutes are too long, another stop is another vehicle's business.
    let (timetable, _) = linked("R,S,t,1\nR,S,w,1\n", "");
    assert_eq!(goes_on(&timetable, "t"), Vec::<String>::new());
    let (timetable, _) = linked("R,S,t,1\nR,S,x,1\n", "");
    assert_eq!(goes_on(&timetable, "t"), Vec::<String>::new());
}

#[test]
fn a_row_for_two_trips_holds_before_their_block() {
    let all = "R,S,t,1\nR,S,u,1\nR,S,w,\n";
    let (timetable, _) = linked(all, "4,t,w\n");
    assert_eq!(goes_on(&timetable, "t"), ["w"]);
    let (timetable, _) = linked(all, "5,t,u\n");
    assert_eq!(goes_on(&timetable, "t"), Vec::<String>::new());
}

#[test]
fn rows_that_cannot_hold_are_reported() {
    let (timetable, problems) = linked("R,S,t,\nR,S,u,\n", "4,u,t\n4,t,\n4,t,nobody\n");
    assert!(timetable.in_seat.is_empty());
    let mut listed: Vec<_> = problems.listed().iter().filter(|p| p.file.contains("transfers")).collect();
    listed.sort_by_key(|p| p.line);
    let listed: Vec<_> = listed.iter().map(|p| (p.line, p.field)).collect();
    assert_eq!(listed, [(2, "from_trip_id"), (3, "to_trip_id"), (4, "to_trip_id")]);
}

/// The rows of lines at a station hold for all its platforms.
#[test]
fn changes_of_single_lines_hold_at_all_platforms() {
    let stops = "stop_id,stop_lat,stop_lon,location_type,parent_station\nS,51,7,1,\na,51,7,,\nb,51,7,,S\nc,51,7.001,,S\n";
    let transfers = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id,to_trip_id\nS,S,1,,t,u\nb,b,3,,t,v\n";
    let trips = "route_id,service_id,trip_id\nR,S,t\nR,S,u\nR,S,v\n";
    let texts = with(with(base(), "stop_times.txt", TIMES), "trips.txt", trips);
    let (timetable, _) = one(with(with(texts, "stops.txt", stops), "transfers.txt", transfers));
    let node = |trip: &str, at: usize| {
        let trip = timetable.trips(trip)[0];
        timetable.patterns.pattern(timetable.patterns.pattern_of(trip)).stops[at].stop()
    };
    let b = timetable.stop("b").unwrap();
    let [t, u, v] = [node("t", 1), node("u", 0), node("v", 0)];
    assert!([t, u, v].iter().all(|node| timetable.variants.stop(*node) == b && *node != b));
    let seconds = |from, to| {
        timetable.footpaths.from(from).iter().find(|path| path.stop == to).map(|path| path.seconds)
    };
    assert_eq!((seconds(t, u), seconds(t, v), seconds(u, v)), (Some(0), None, Some(DEFAULT_CHANGE_S)));
    assert_eq!(timetable.passing(b).count(), 3);
    assert!(timetable.stops.parents[b as usize] != NONE);
}
