//! Where stops are, and in which letters they are written.

use super::*;
use crate::timetable::shapes::NOWHERE;

#[test]
fn a_stop_without_a_place_is_named_and_no_ride_leads_past_it() {
    for nowhere in ["0,0", "0.0004,-0.0002", "-51.0,-170.0"] {
        let stops = format!("stop_id,stop_lat,stop_lon\na,51.0,7.0\nb,{nowhere}\nc,51.0,7.04\n");
        let (timetable, problems) = one(with(base(), "stops.txt", &stops));
        let is_named = problems.listed().iter().any(|p| (p.line, p.field) == (3, "stop_id"));
        assert!(is_named, "{:?}", reasons(&problems));
        let trip = timetable.trips("t")[0];
        assert_eq!(
            timetable.geometry(trip, 0, 2),
            [point(51_000_000, 7_000_000), point(51_000_000, 7_040_000)]
        );
        // Its minutes do not come from a way over the ocean.
        let found = &times(&timetable, "t")[0];
        assert!(found[0] <= found[1] && found[1] <= found[2], "{found:?}");
        assert_eq!(timetable.stops.points[timetable.stop("b").unwrap() as usize], NOWHERE);
    }
}

#[test]
fn a_platform_without_coordinates_is_where_its_station_is() {
    let stops = "stop_id,stop_lat,stop_lon,location_type,parent_station\n\
                 a,51.0,7.0,,\nb,,,,S\nc,0,0,,S\nS,51.0,7.02,1,\n";
    let (timetable, problems) = one(with(base(), "stops.txt", stops));
    assert_eq!(reasons(&problems), Vec::<String>::new());
    for id in ["b", "c"] {
        assert_eq!(
            timetable.stops.points[timetable.stop(id).unwrap() as usize],
            point(51_000_000, 7_020_000)
        );
    }
}

#[test]
fn a_national_feed_may_reach_abroad() {
    let mut stops = "stop_id,stop_lat,stop_lon\na,51.0,7.0\nb,51.0,7.01\nc,48.9,2.35\n".to_owned();
    for at in 0..20 {
        stops += &format!("x{at},{},10\n", 47.5 + f64::from(at) * 0.3);
    }
    let (_, problems) = one(with(base(), "stops.txt", &stops));
    assert_eq!(reasons(&problems), Vec::<String>::new());
}

/// Reads `stops.txt` in these bytes.
fn named(bytes: Vec<u8>) -> Result<Vec<String>, ReadError> {
    let (_folder, mut source) = source("bus.zip", [("stops.txt", bytes)]);
    let mut draft = Draft::default();
    draft.begin_feed(Path::new("bus.zip"));
    stops::read(&mut source, &mut draft, &mut FeedProblems::default())?;
    Ok((0..draft.stops.points.len() as u32).map(|at| draft.stops.names.get(at).to_owned()).collect())
}

#[test]
fn other_letters_than_utf8_are_decoded_or_refused_by_name() {
    let text = "stop_id,stop_name,stop_lat,stop_lon\na,Lüdinghausen „Straße“ 5 €,51,7\nb,Süd,51,7.1\n";
    let expected = ["Lüdinghausen „Straße“ 5 €", "Süd"];
    assert_eq!(named(text.as_bytes().to_vec()).unwrap(), expected);
    let letter = |c: char| match c {
        '„' => 0x84,
        '“' => 0x93,
        '€' => 0x80,
        c => u8::try_from(u32::from(c)).unwrap(),
    };
    assert_eq!(named(text.chars().map(letter).collect()).unwrap(), expected);
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(units.iter().flat_map(|u| u.to_le_bytes())).collect();
    let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(units.iter().flat_map(|u| u.to_be_bytes())).collect();
    assert_eq!(named(little.clone()).unwrap(), expected);
    assert_eq!(named(big).unwrap(), expected);
    let error = named(little[..little.len() - 1].to_vec()).unwrap_err().to_string();
    assert!(error.contains("bus.zip/stops.txt") && error.contains("UTF-16"), "{error}");
}
