use std::fs;
use std::sync::Arc;

use domain::geo::LatLon;

use super::*;
use crate::streets::tests::Town;
use crate::timetable::read::tests::read_texts;

const STREET: &[(&str, &str)] = &[("highway", "residential")];

fn text(lines: &[&str]) -> String {
    lines.join("\n")
}

/// A town of a grid of streets, 100 m apart, with a bus along its middle row every half hour, and a
/// second platform across the street at the line's end.
pub(crate) fn town() -> Area {
    town_with_orders(&[])
}

/// The same where some of the runs must be booked.
pub(crate) fn town_with_orders(ordered: &[i32]) -> Area {
    town_with(ordered, &[], &[], Vec::new())
}

/// The same with further trips and stop times, and further files. The stop times' columns are `trip_id, arrival_time,
/// departure_time, stop_id, stop_sequence, pickup_type, drop_off_type, location_group_id, location_id,
/// start_pickup_drop_off_window, end_pickup_drop_off_window, pickup_booking_rule_id`, those of trips `route_id, service_id, trip_id,
/// wheelchair_accessible, mean_duration_factor, mean_duration_offset, safe_duration_factor, safe_duration_offset`.
pub(crate) fn town_with(
    ordered: &[i32],
    more_trips: &[String],
    more_times: &[String],
    more_files: Vec<(&'static str, String)>,
) -> Area {
    let mut town = Town::new();
    for at in 0..10 {
        let row: Vec<i64> = (0..10).map(|x| 10 * at + x).collect();
        let column: Vec<i64> = (0..10).map(|y| 10 * y + at).collect();
        town = town.way(&row, STREET).way(&column, STREET);
    }
    let network = town.build();
    let lat = |row: f64| 48.6 + row * 9e-4;
    let stops = [("a", 4.0, 0.0), ("m", 4.0, 5.0), ("z", 4.0, 9.0), ("zz", 4.3, 9.0)]
        .map(|(id, row, column)| format!("{id},{id},{},{},1", lat(row), 8.8 + column * 13.6e-4));
    let mut times = vec!["trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type,location_group_id,location_id,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_booking_rule_id".to_owned()];
    let mut trips = vec!["route_id,service_id,trip_id,wheelchair_accessible,mean_duration_factor,mean_duration_offset,safe_duration_factor,safe_duration_offset".to_owned()];
    for n in 0..20 {
        let pickup = if ordered.contains(&n) { 2 } else { 0 };
        let minute = |more: i32| {
            let minute = 8 * 60 + n * 30 + more;
            format!("{:02}:{:02}:00", minute / 60, minute % 60)
        };
        trips.push(format!("r,s,t{n},1"));
        for (sequence, (stop, at)) in [("a", 0), ("m", 1), ("z", 2)].into_iter().enumerate() {
            times.push(format!("t{n},{0},{0},{stop},{sequence},{pickup}", minute(at)));
        }
    }
    trips.extend_from_slice(more_trips);
    times.extend_from_slice(more_times);
    let mut stop_lines = vec!["stop_id,stop_name,stop_lat,stop_lon,wheelchair_boarding".to_owned()];
    stop_lines.extend(stops);
    let mut files = vec![
        (
            "agency.txt",
            text(&["agency_id,agency_name,agency_url,agency_timezone", "b,Bus,http://b,Europe/Berlin"]),
        ),
        (
            "routes.txt",
            text(&[
                "route_id,agency_id,route_short_name,route_type",
                "r,b,1,3",
                "d,b,B7,3",
                "e,b,B8,3",
                "c,b,c,1551",
            ]),
        ),
        (
            "calendar.txt",
            text(&[
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
                "s,1,1,1,1,1,1,1,20261101,20261231",
            ]),
        ),
        ("stops.txt", stop_lines.join("\n")),
        ("trips.txt", trips.join("\n")),
        ("stop_times.txt", times.join("\n")),
    ];
    files.extend(more_files);
    let (mut timetable, problems) = read_texts(vec![("bus", files)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    let stops = StopLinks::new(&network, &timetable);
    stops::add_footpaths(&network, &stops, &mut timetable, &mut |_| ());
    let times = super::times(&network, &timetable);
    Area {
        network,
        timetable: Arc::new(timetable),
        stops,
        names: Arc::default(),
        times,
        checksum: String::new(),
    }
}

#[test]
fn a_file_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("town.kvj");
    let zone = r#"{"features":[{"id":"zone","geometry":{"type":"Polygon","coordinates":[[[8,48],[9,48],[9,49],[8,48]]]}}]}"#;
    let rows = [1, 2].map(|row| format!("d0,,,,{row},2,2,,zone,08:00:00,20:00:00,"));
    let files = vec![("locations.geojson", zone.to_owned())];
    let area = town_with(&[], &["d,s,d0,1".to_owned()], &rows, files);
    let bytes = write(&area, &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), bytes);
    let back = read(&file).unwrap();
    assert_eq!(back.network.streets(), area.network.streets());
    // The index of areas is made when it is first used.
    let rows = |area: &Area| area.timetable.areas.rows_at(LatLon { lat: 48.1, lon: 8.2 }).len();
    assert_eq!((rows(&back), rows(&area)), (2, 2));
    assert_eq!(format!("{:?}", back.timetable), format!("{:?}", area.timetable));
    assert_eq!(back.checksum.len(), 64);
    assert_eq!(back.bounds(), area.bounds());
    let at = area.network.streets().junctions[0].degrees();
    let near = |area: &Area| area.stops.around(&area.timetable, at, 2_000.0);
    assert_eq!(near(&back), near(&area));
    assert!(!near(&area).is_empty());
}

#[test]
fn a_damaged_file_or_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("town.kvj");
    write(&town(), &file).unwrap();
    let good = fs::read(&file).unwrap();
    for (at, byte) in [(50, 1u8), (good.len() - 1, 1)] {
        let mut bad = good.clone();
        bad[at] ^= byte;
        fs::write(&file, bad).unwrap();
        assert!(matches!(read(&file), Err(FileError::Damaged { .. })));
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(matches!(read(&file), Err(FileError::Damaged { .. })));
    let mut newer = good.clone();
    newer[8] = newer[8].wrapping_add(1);
    fs::write(&file, newer).unwrap();
    assert!(matches!(read(&file), Err(FileError::Version { .. })));
    for other in [&b"PK\x03\x04"[..], b"", b"KVJOURNY"] {
        fs::write(&file, other).unwrap();
        assert!(matches!(read(&file), Err(FileError::NotOurs { .. })), "{other:?}");
    }
    assert!(matches!(read(&folder.path().join("none")), Err(FileError::Io { .. })));
}

/// Stop `m` at column 2 and stop `n` at `column` of one row, each with a line of its own; between
/// columns 3 and 4 the row is as `between` says. `transfers` are rows of `transfers.txt`.
fn two_lines(between: &[(&str, &str)], column: f64, transfers: &[&str]) -> Area {
    two_platforms(between, column, transfers, &[])
}

/// The same as platforms of one station, with entrances `e` and `f` beside them, if there are `pathways`: rows of
/// `pathways.txt`.
pub(crate) fn two_platforms(
    between: &[(&str, &str)],
    column: f64,
    transfers: &[&str],
    pathways: &[&str],
) -> Area {
    let network = Town::new()
        .way(&[40, 41, 42, 43], STREET)
        .way(&[43, 44], between)
        .way(&[44, 45, 46, 47, 48, 49], STREET)
        .way(&[2, 12, 22, 32, 42, 52, 62], STREET)
        .build();
    let lat = 48.6 + 4.0 * 9e-4;
    let lon = |column: f64| 8.8 + column * 13.6e-4;
    let stops = [("a", 0.0), ("m", 2.0), ("n", column), ("z", 9.0)].map(|(id, column)| {
        let station = if pathways.is_empty() || matches!(id, "a" | "z") { "" } else { "S" };
        format!("{id},{id},{lat},{},0,{station}", lon(column))
    });
    let mut stop_lines = vec!["stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station".to_owned()];
    stop_lines.extend(stops);
    stop_lines.push(format!("S,S,{lat},{},1,", lon(2.0)));
    for (entrance, column) in [("e", 2.0), ("f", column)] {
        stop_lines.push(format!("{entrance},{entrance},{lat},{},2,S", lon(column)));
    }
    let mut pathway_lines =
        vec!["pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time"];
    pathway_lines.extend(pathways);
    let mut transfer_lines = vec!["from_stop_id,to_stop_id,transfer_type,min_transfer_time"];
    transfer_lines.extend(transfers);
    let times = [
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
        "t1,08:00:00,08:00:00,a,1",
        "t1,08:05:00,08:05:00,m,2",
        "t2,08:30:00,08:30:00,n,1",
        "t2,08:35:00,08:35:00,z,2",
    ];
    let agency = "agency_id,agency_name,agency_url,agency_timezone\nb,Bus,http://b,Europe/Berlin".to_owned();
    let service = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                   s,1,1,1,1,1,1,1,20261101,20261231";
    let (mut timetable, problems) = read_texts(
        vec![(
            "bus",
            vec![
                ("agency.txt", agency),
                ("routes.txt", text(&["route_id,route_short_name,route_type", "r,1,3", "s,2,3"])),
                ("calendar.txt", service.to_owned()),
                ("stops.txt", stop_lines.join("\n")),
                (
                    "trips.txt",
                    text(&["route_id,service_id,trip_id,wheelchair_accessible", "r,s,t1,1", "s,s,t2,1"]),
                ),
                ("stop_times.txt", text(&times)),
                ("transfers.txt", transfer_lines.join("\n")),
                ("pathways.txt", pathway_lines.join("\n")),
            ],
        )],
        Options::default(),
    );
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    let stops = StopLinks::new(&network, &timetable);
    stops::add_footpaths(&network, &stops, &mut timetable, &mut |_| ());
    let times = super::times(&network, &timetable);
    Area {
        network,
        timetable: Arc::new(timetable),
        stops,
        names: Arc::default(),
        times,
        checksum: String::new(),
    }
}

/// How the change from `m` to `n` goes: seconds and metres.
fn change(area: &Area, wheelchair: bool) -> Option<(i32, u16)> {
    let timetable = &area.timetable;
    let (from, to) = (timetable.stop("m")?, timetable.stop("n")?);
    let path = timetable.footpaths_for(wheelchair).from(from).iter().find(|path| path.stop == to)?;
    Some((path.seconds, path.metres))
}

#[test]
fn a_change_over_steps_is_none_for_wheelchair_users_whatever_the_feed_says() {
    let steps: &[(&str, &str)] = &[("highway", "steps"), ("foot", "yes")];
    for transfers in [&[][..], &["m,n,2,180"], &["m,n,0,"], &["m,n,1,"]] {
        let area = two_lines(steps, 5.0, transfers);
        assert!(change(&area, false).is_some(), "{transfers:?}");
        assert_eq!(change(&area, true), None, "{transfers:?}");
        let level = two_lines(STREET, 5.0, transfers);
        assert!(change(&level, true).is_some(), "{transfers:?}");
    }
    // The feed's time is for those on foot: a wheelchair takes as long as it takes.
    let hurried = two_lines(STREET, 5.0, &["m,n,2,60"]);
    assert_eq!(change(&hurried, false).unwrap().0, 60);
    assert!(change(&hurried, true).unwrap().0 > 250);
}

#[test]
fn pathways_hold_instead_of_streets() {
    let none: &[(&str, &str)] = &[("highway", "proposed")];
    let both = |between, transfers: &[&str], pathways: &[&str]| {
        let area = two_platforms(between, 5.0, transfers, pathways);
        [false, true].map(|wheelchair| change(&area, wheelchair).map(|(seconds, _)| seconds))
    };
    assert_eq!(both(STREET, &[], &["1,m,n,2,1,30"]), [Some(30), None]);
    assert_eq!(both(none, &[], &["1,m,n,5,1,90"]), [Some(90); 2]);
    assert_eq!(both(none, &["m,n,2,40"], &["1,m,n,5,1,90"]), [Some(40), Some(90)]);
    assert_eq!(both(STREET, &[], &["1,n,m,1,0,30"]), [None; 2]);
    assert_eq!(both(STREET, &["m,n,3,"], &["1,m,n,1,1,30"]), [None; 2]);
    // Out by one entrance, 300 m along the street, in by the other.
    let outside = &["1,m,e,1,1,20", "2,f,n,1,1,30"];
    let [foot, wheelchair] = both(STREET, &[], outside).map(Option::unwrap);
    assert!((255..270).contains(&foot) && (315..330).contains(&wheelchair), "{foot} {wheelchair}");
    assert_eq!(both(STREET, &["S,S,2,600"], outside), [Some(600); 2]);
    assert_eq!(both(STREET, &["m,n,2,60"], outside), [Some(60), Some(wheelchair)]);
    assert_eq!(both(none, &[], outside), [None; 2]);
    assert_eq!(both(STREET, &["m,n,3,"], outside), [None; 2]);
}

#[test]
fn what_the_feed_forbids_is_not_walked() {
    for wheelchair in [false, true] {
        assert!(change(&two_lines(STREET, 5.0, &[]), wheelchair).is_some());
        assert_eq!(change(&two_lines(STREET, 5.0, &["m,n,3,"]), wheelchair), None);
    }
}

#[test]
fn lines_that_stop_some_hundred_metres_apart_connect() {
    for (column, is_near) in [(5.0, true), (6.5, true), (9.0, true)] {
        let found = change(&two_lines(STREET, column, &[]), false);
        let metres = found.map(|(_, metres)| f64::from(metres));
        assert_eq!(
            metres.is_some_and(|m| (m - (column - 2.0) * 100.0).abs() < 15.0),
            is_near,
            "{column} {found:?}"
        );
    }
}
