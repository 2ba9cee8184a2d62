//! Ways within stations.

use proptest::prelude::*;

use super::*;
use crate::raptor::{Query, Search, When};
use crate::timetable::Access;

const STOPS: &str = "stop_id,stop_lat,stop_lon,location_type,parent_station,level_id\n";
const HEAD: &str =
    "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,length,traversal_time,stair_count\n";

/// A station S with platforms a, b and c some 70 m apart, entrances e and f, nodes n and o, and a bus stop x that no
/// pathway knows; two lines, one to a, one from b.
fn station(pathways: &str, transfers: &str) -> (Timetable, FeedProblems) {
    let stops = format!(
        "{STOPS}S,51,7,1,,\na,51,7,0,S,L0\nb,51,7.001,0,S,L1\nc,51,7.002,0,S,\nx,51,7.0005,0,S,\ne,51,7,2,S,L0\n\
         f,51,7.001,2,S,\nn,,,3,S,L1\no,,,3,S,\nb1,,,4,b,\nh,51,7.02,,,\nz,51,7.03,,,\n"
    );
    let times = "trip_id,stop_id,stop_sequence,arrival_time\n\
                 t,h,1,07:00:00\nt,a,2,07:10:00\nu,b,1,07:15:00\nu,z,2,07:30:00\n";
    let texts = with(base(), "stops.txt", &stops);
    let texts = with(texts, "levels.txt", "level_id,level_index\nL0,0\nL1,1\n");
    let texts = with(texts, "stop_times.txt", times);
    let texts =
        with(texts, "trips.txt", "route_id,service_id,trip_id,wheelchair_accessible\nR,S,t,1\nR,S,u,1\n");
    let transfers = format!("from_stop_id,to_stop_id,transfer_type,min_transfer_time\n{transfers}");
    one(with(with(texts, "transfers.txt", &transfers), "pathways.txt", &format!("{HEAD}{pathways}")))
}

/// Seconds from one stop to another.
fn seconds(timetable: &Timetable, wheelchair: bool, from: &str, to: &str) -> Option<i32> {
    let stop = |id: &str| timetable.stop(id).unwrap();
    let paths = timetable.footpaths_for(wheelchair).from(stop(from));
    paths.iter().find(|path| path.stop == stop(to)).map(|path| path.seconds)
}

#[test]
fn the_quickest_pathways_are_the_footpaths_between_platforms() {
    // From a by stairs or by elevator to the node, from there a walkway to b; to c one may go and not come back.
    let (timetable, problems) =
        station("1,a,n,2,1,,30,\n2,a,n,5,1,,80,\n3,n,b1,1,1,55,,\n4,b,c,7,0,,10,\n5,n,o,1,1,,5,\n", "");
    assert_eq!(reasons(&problems), Vec::<String>::new());
    let of = |wheelchair, from, to| seconds(&timetable, wheelchair, from, to);
    assert_eq!(
        (of(false, "a", "b"), of(false, "b", "a"), of(false, "a", "c")),
        (Some(80), Some(80), Some(90))
    );
    assert_eq!((of(true, "a", "b"), of(true, "a", "c")), (Some(130), Some(140)));
    assert_eq!((of(false, "c", "a"), of(false, "c", "b"), of(true, "c", "a")), (None, None, None));
    // What no pathway leads to has the footpaths that it had.
    assert_eq!(of(false, "a", "x"), Some(DEFAULT_CHANGE_S));
    assert_eq!(of(true, "x", "c"), of(false, "x", "c"));
    assert!(of(true, "x", "c").is_some());
    let path = |to: &str| {
        let paths = timetable.footpaths.from(timetable.stop("a").unwrap());
        paths.iter().find(|path| path.stop == timetable.stop(to).unwrap()).map(|path| path.metres)
    };
    assert_eq!(path("b"), Some(55));
}

#[test]
fn times_that_are_not_given_follow_from_length_stairs_and_levels() {
    for (row, expected) in [
        ("1,a,b,1,1,110,,", 100),
        ("1,a,b,1,1,110,42,", 42),
        ("1,a,b,2,1,,,-44", 16),
        ("1,a,b,2,1,110,,44", 100),
        // One level up.
        ("1,a,b,2,1,,,", 9),
        ("1,a,b,5,1,,,", 68),
        ("1,a,b,4,0,20,,", 40),
        ("1,a,b,3,0,20,0,", 40),
        ("1,a,b,6,1,11,,", 15),
    ] {
        let (timetable, problems) = station(&format!("{row}\n"), "");
        assert_eq!(reasons(&problems), Vec::<String>::new());
        assert_eq!(seconds(&timetable, false, "a", "b"), Some(expected), "{row}");
    }
}

#[test]
fn rows_of_transfers_that_say_more_have_priority() {
    let pathways = "1,a,b,1,1,,60,\n2,b,c,1,1,,60,\n";
    let of = |transfers: &str, from: &str, to: &str| {
        let (timetable, problems) = station(pathways, transfers);
        assert_eq!(problems.count(), 0, "{:?}", reasons(&problems));
        [false, true].map(|wheelchair| seconds(&timetable, wheelchair, from, to))
    };
    assert_eq!(of("", "a", "c"), [Some(120); 2]);
    assert_eq!(of("a,c,2,300\n", "a", "c"), [Some(300); 2]);
    // The feed's time is one on foot.
    assert_eq!(of("a,c,2,30\n", "a", "c"), [Some(30), Some(120)]);
    assert_eq!(of("a,c,3,\n", "a", "c"), [None; 2]);
    assert_eq!(of("S,S,3,\n", "a", "c"), [None; 2]);
    // Of a whole station: no less than the way takes.
    assert_eq!((of("S,S,2,90\n", "a", "c"), of("S,S,2,90\n", "a", "b")), ([Some(120); 2], [Some(90); 2]));
    // Rows without a time say nothing that pathways do not know better.
    assert_eq!((of("a,c,0,\n", "a", "c"), of("S,S,2,\n", "a", "c")), ([Some(120); 2], [Some(120); 2]));
}

#[test]
fn platforms_that_only_the_street_joins_are_left_by_an_entrance() {
    // a has stairs to the entrance e; b is reached from f without steps; c is reached by nothing.
    let (timetable, _) = station("1,a,e,2,1,,20,\n2,b,f,1,1,,30,\n3,o,c,1,0,,10,\n", "");
    // The walk between a and b as the crow flies takes less than the least time to change.
    assert_eq!(seconds(&timetable, false, "a", "b"), Some(DEFAULT_CHANGE_S + 50));
    assert_eq!((seconds(&timetable, true, "a", "b"), seconds(&timetable, true, "b", "a")), (None, None));
    assert_eq!((seconds(&timetable, false, "a", "c"), seconds(&timetable, false, "c", "a")), (None, None));
}

#[test]
fn faulty_rows_are_listed_with_what_to_do() {
    let rows = "1,a,nobody,1,1,,60,\n2,a,a,1,1,,60,\n3,a,b,8,1,,60,\n4,a,b,1,1,,-60,\n5,a,b,7,1,,60,\n6,a,S,1,1,,60,\n\
                7,a,b,1,2,,60,\n8,a,b,2,1,,60,many\n9,a,b,1,1,-5,60,\n5,b,a,1,1,,60,\n,b,a,1,1,,60,\n10,b,b1,1,1,,60,\n";
    let (timetable, problems) = station(rows, "");
    let listed: Vec<_> = problems.listed().iter().map(|p| (p.line, p.field, p.value.as_str())).collect();
    assert_eq!(
        listed,
        [
            (2, "to_stop_id", "nobody"),
            (3, "to_stop_id", "a"),
            (4, "pathway_mode", "8"),
            (5, "traversal_time", "-60"),
            (6, "is_bidirectional", "1"),
            (7, "to_stop_id", "S"),
            (8, "is_bidirectional", "2"),
            (9, "stair_count", "many"),
            (10, "length", "-5"),
            (11, "pathway_id", "5"),
            (12, "pathway_id", ""),
            (13, "to_stop_id", "b1"),
        ]
    );
    assert!(problems.listed().iter().all(|p| p.file == "bus.zip/pathways.txt"));
    // The exit gate is one from a to b.
    assert_eq!(
        (seconds(&timetable, false, "a", "b"), seconds(&timetable, false, "b", "a")),
        (Some(60), None)
    );
    let texts = with(base(), "levels.txt", "level_id,level_index\nL0,ground\nL1,1\nL1,2\n");
    let (_, problems) = one(texts);
    let listed: Vec<_> = problems.listed().iter().map(|p| (p.line, p.field)).collect();
    assert_eq!(listed, [(2, "level_index"), (4, "level_id")]);
}

/// Whether one comes from h to z, by a, b and a change of five minutes.
fn arrives(timetable: Timetable, access: Access) -> bool {
    let [h, z] = ["h", "z"].map(|id| timetable.stop(id).unwrap());
    let mut search = Search::new(std::sync::Arc::new(timetable));
    let (from, to) = ([(h, 0)], [(z, 0)]);
    let day = parse_day("20261124").unwrap();
    let query = Query { access, ..Query::new(&from, &to, day, When::DepartAt(6 * 3_600)) };
    search.run(&query, None, &mut || false).journeys.iter().any(|journey| journey.rides == 2)
}

#[test]
fn pathways_decide_which_changes_are_possible() {
    for (pathways, on_foot, in_wheelchair) in [
        ("1,a,b,1,1,,300,\n", true, true),
        ("1,a,b,1,1,,301,\n", false, false),
        ("1,a,b,2,1,,60,\n", true, false),
        ("1,a,b,4,0,,60,\n", true, false),
        ("1,a,b,2,1,,60,\n2,a,n,5,1,,100,\n3,n,b,1,1,,100,\n", true, true),
        // Nobody comes from a to b.
        ("1,b,a,1,0,,60,\n", false, false),
        // Only a takes part in pathways: the footpaths of the station hold.
        ("1,a,n,2,1,,60,\n", true, true),
    ] {
        let (timetable, problems) = station(pathways, "");
        assert_eq!(problems.count(), 0);
        assert_eq!(arrives(timetable.clone(), Access::Foot), on_foot, "{pathways}");
        assert_eq!(arrives(timetable, Access::Wheelchair), in_wheelchair, "{pathways}");
    }
}

const NODES: [&str; 7] = ["a", "b", "c", "e", "f", "n", "o"];

#[derive(Debug, Clone)]
struct Row {
    from: usize,
    to: usize,
    mode: usize,
    is_bidirectional: bool,
    seconds: u32,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0usize..7, 1usize..7, 1usize..8, any::<bool>(), 1u32..400);
    let row = row.prop_map(|(from, more, mode, both, seconds)| {
        let to = (from + more) % 7;
        Row { from, to, mode, is_bidirectional: both && mode != 7, seconds }
    });
    proptest::collection::vec(row, 1..14)
}

/// The shortest times between all nodes (Floyd, Warshall), stairs and escalators left out for wheelchairs.
fn shortest(rows: &[Row], wheelchair: bool) -> [[Option<u32>; 7]; 7] {
    let mut best = [[None; 7]; 7];
    (0..7).for_each(|at| best[at][at] = Some(0));
    let mut offer = |from: usize, to: usize, seconds: u32| {
        let held: &mut Option<u32> = &mut best[from][to];
        *held = Some(held.map_or(seconds, |held| held.min(seconds)));
    };
    for row in rows.iter().filter(|row| !wheelchair || !matches!(row.mode, 2 | 4)) {
        offer(row.from, row.to, row.seconds);
        if row.is_bidirectional {
            offer(row.to, row.from, row.seconds);
        }
    }
    for by in 0..7 {
        for from in 0..7 {
            for to in 0..7 {
                if let (Some(first), Some(second)) = (best[from][by], best[by][to]) {
                    let held = &mut best[from][to];
                    *held = Some(held.map_or(first + second, |held| held.min(first + second)));
                }
            }
        }
    }
    best
}

proptest! {
    #[test]
    fn changes_are_the_shortest_of_all_ways(rows in rows()) {
        let text: String = rows.iter().enumerate().map(|(id, row)| {
            let (from, to) = (NODES[row.from], NODES[row.to]);
            format!("{id},{from},{to},{},{},,{},\n", row.mode, u8::from(row.is_bidirectional), row.seconds)
        }).collect();
        let (timetable, problems) = station(&text, "");
        prop_assert_eq!(problems.count(), 0);
        let (without, _) = station("", "");
        let takes_part = |at: usize| rows.iter().any(|row| row.from == at || row.to == at);
        for wheelchair in [false, true] {
            let best = shortest(&rows, wheelchair);
            for (from, to) in (0..3).flat_map(|from| (0..3).map(move |to| (from, to))).filter(|(a, b)| a != b) {
                let found = seconds(&timetable, wheelchair, NODES[from], NODES[to]);
                let former = seconds(&without, wheelchair, NODES[from], NODES[to]);
                let over = |entrances: &dyn Fn(usize) -> Option<u32>| (3..5).filter_map(entrances).min();
                let out = over(&|entrance| best[from][entrance]);
                let back = over(&|entrance| best[entrance][to]);
                let expected = match (best[from][to], out.zip(back)) {
                    _ if !takes_part(from) || !takes_part(to) => former,
                    (Some(inside), _) => Some(inside as i32),
                    (None, Some((out, back))) => former.map(|former| former + (out + back) as i32),
                    (None, None) => None,
                };
                prop_assert_eq!(found, expected, "{} to {}, wheelchair {}", NODES[from], NODES[to], wheelchair);
            }
        }
    }
}
