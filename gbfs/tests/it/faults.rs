//! Feeds that lie: what is at fault costs what it must, and the rest is taken.

use domain::mistake::Remedy;
use domain::rental::{FormFactor, ReturnRule, System, TypeIndex};
use domain::{Bbox, Lang, LatLon, Reason, UtcMicros};
use gbfs::{Effect, Entry, FileKind, FileRead, Files, MAX_ELEMENTS, Options};

use crate::report::{NOW, OPTIONS};

/// A file of this version, a minute old.
fn file(version: &str, data: &str) -> String {
    let at = NOW.plus_s(-60);
    let at = if version.starts_with('3') { format!("\"{at}\"") } else { (at.0 / 1_000_000).to_string() };
    format!("{{\"last_updated\":{at},\"ttl\":60,\"version\":\"{version}\",\"data\":{data}}}")
}

struct Feed {
    version: &'static str,
    files: Files,
    options: Options,
}

impl Feed {
    fn new(version: &'static str) -> Self {
        let mut feed = Feed { version, files: Files::default(), options: OPTIONS };
        let name = if version == "3.0" { r#"[{"text":"Roller","language":"de"}]"# } else { "\"Roller\"" };
        let clean = feed.read(
            FileKind::SystemInformation,
            &format!(r#"{{"system_id":"rheine","language":"de","name":{name}}}"#),
        );
        assert!(clean.faults.is_empty(), "{:?}", clean.faults);
        feed
    }

    fn read(&mut self, kind: FileKind, data: &str) -> FileRead {
        self.files.read(kind, file(self.version, data).as_bytes(), &self.options)
    }

    fn system(&self) -> System {
        self.files.system().unwrap().0
    }
}

/// The faults as path, effect and reason.
fn of(read: &FileRead) -> Vec<String> {
    let short = |f: &gbfs::Fault| {
        let path = f.detail.to_string();
        format!("{} {} {}", path.split(": ").next().unwrap(), f.effect.as_str(), f.reason)
    };
    read.faults.described().iter().map(short).collect()
}

const AT: &str = r#""lat":52.28,"lon":7.44"#;

#[test]
fn fields_of_another_version_are_taken_and_named() {
    let mut third = Feed::new("3.0");
    let read = third.read(
        FileKind::VehicleStatus,
        &format!(r#"{{"bikes":[{{"bike_id":"x",{AT},"is_reserved":0,"is_disabled":false}}]}}"#),
    );
    assert_eq!(of(&read), ["data.bikes taken malformed", "data.bikes[0].is_reserved taken malformed"]);
    assert_eq!(read.faults.described()[0].remedy, Some(Remedy::FieldsOfVersion));
    assert_eq!(third.system().vehicles.len(), 1);
    third.read(
        FileKind::StationInformation,
        &format!(r#"{{"stations":[{{"station_id":"a","name":"A",{AT}}}]}}"#),
    );
    let read = third.read(
        FileKind::StationStatus,
        r#"{"stations":[{"station_id":"a","num_bikes_available":4,"is_renting":true,"is_returning":true,
            "is_installed":true,"last_reported":1795348700}]}"#,
    );
    let expected =
        ["num_bikes_available", "last_reported"].map(|f| format!("data.stations[0].{f} taken malformed"));
    assert_eq!(of(&read), expected);
    let station = third.system().stations[0].clone();
    assert_eq!(station.name.in_lang(Lang::De), "A");
    assert_eq!(station.status.unwrap().at, UtcMicros::from_unix_s(1_795_348_700));

    let mut second = Feed::new("2.3");
    second.read(
        FileKind::StationInformation,
        &format!(r#"{{"stations":[{{"station_id":"a","name":"A",{AT}}}]}}"#),
    );
    let read = second.read(
        FileKind::StationStatus,
        r#"{"stations":[{"station_id":"a","num_vehicles_available":4,"is_renting":true,"is_returning":true,
            "is_installed":true,"last_reported":"2026-11-22T12:00:00+01:00"}]}"#,
    );
    let expected =
        ["num_vehicles_available", "last_reported"].map(|f| format!("data.stations[0].{f} taken malformed"));
    assert_eq!(of(&read), expected);
    assert_eq!(second.system().stations[0].status.as_ref().unwrap().vehicles, Some(4));
    let read = second.read(
        FileKind::StationInformation,
        &format!(r#"{{"stations":[{{"station_id":"a","name":[{{"text":"B","language":"de"}}],{AT}}}]}}"#),
    );
    assert_eq!(of(&read), ["data.stations[0].name taken malformed"]);
    assert_eq!(second.system().stations[0].name.in_lang(Lang::De), "B");
}

#[test]
fn of_stations_the_first_holds_and_of_their_states_the_latest() {
    let mut feed = Feed::new("2.3");
    let read = feed.read(
        FileKind::StationInformation,
        &format!(
            r#"{{"stations":[{{"station_id":"a","name":"A",{AT}}},{{"station_id":"a","name":"B",{AT}}}]}}"#
        ),
    );
    assert_eq!(of(&read), ["data.stations[1].station_id element implausible"]);
    assert_eq!(read.taken, 1);
    let status = |n: u32, at: u32| {
        format!(
            r#"{{"station_id":"a","num_bikes_available":{n},"is_renting":true,"is_returning":true,"is_installed":true,
                "last_reported":{at}}}"#
        )
    };
    let read = feed.read(
        FileKind::StationStatus,
        &format!(
            r#"{{"stations":[{},{},{}]}}"#,
            status(1, 1_795_348_700),
            status(2, 1_795_348_720),
            status(3, 1_795_348_710)
        ),
    );
    assert_eq!((read.faults.count(), read.taken), (2, 1));
    let system = feed.system();
    assert_eq!(system.stations[0].name.in_lang(Lang::De), "A");
    assert_eq!(system.stations[0].status.as_ref().unwrap().vehicles, Some(2));
}

#[test]
fn positions_that_cannot_be_cost_their_element() {
    let mut feed = Feed::new("2.3");
    let at = |id: &str, lat: f64, lon: f64| {
        format!(r#"{{"station_id":"{id}","name":"N","lat":{lat},"lon":{lon}}}"#)
    };
    let all = [
        at("a", 52.28, 7.44),
        at("b", 0.0, 0.0),
        at("c", 7.44, 52.28),
        at("d", 152.0, 7.0),
        at("e", 52.3, 7.5),
        at("f", 52.2, 7.4),
    ];
    let data = format!(r#"{{"stations":[{}]}}"#, all.join(","));
    let expected =
        |order: [usize; 3]| order.map(|i| format!("data.stations[{i}].lat, lon element implausible"));
    let ids = |feed: &Feed| feed.system().stations.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    let read = feed.read(FileKind::StationInformation, &data);
    // Among the others one lies in the sea off Somalia, and would lie in Rheine.
    assert_eq!(
        of(&read),
        [&expected([1, 3, 2])[..2], &["data.stations[2] element implausible".to_owned()]].concat()
    );
    assert_eq!(read.faults.described()[2].remedy, Some(Remedy::Swapped));
    assert_eq!(ids(&feed), ["a", "e", "f"]);
    feed.options.area = Bbox::new(7.0, 52.0, 7.46, 53.0);
    let read = feed.read(FileKind::StationInformation, &data);
    assert_eq!(of(&read), [1, 2, 3, 4].map(|i| format!("data.stations[{i}].lat, lon element implausible")));
    let remedies: Vec<_> = read.faults.described().iter().map(|f| f.remedy).collect();
    assert_eq!(remedies, [None, Some(Remedy::Swapped), Some(Remedy::Swapped), None]);
    assert_eq!(ids(&feed), ["a", "f"]);
}

#[test]
fn impossible_counts_are_unknown_and_never_zero() {
    let mut feed = Feed::new("2.3");
    let station = |id: &str| format!(r#"{{"station_id":"{id}","name":"N","capacity":5,{AT}}}"#);
    let ids = ["a", "b", "c", "d"];
    feed.read(FileKind::StationInformation, &format!(r#"{{"stations":[{}]}}"#, ids.map(station).join(",")));
    let status = |id: &str, n: &str, docks: &str, at: i64| {
        format!(
            r#"{{"station_id":"{id}","num_bikes_available":{n},"num_docks_available":{docks},"is_renting":true,
                "is_returning":true,"is_installed":true,"last_reported":{at}}}"#
        )
    };
    let now_s = NOW.0 / 1_000_000;
    let all = [
        status("a", "-3", "2", now_s),
        status("b", "2.5", "20", now_s),
        status("c", "9", "null", now_s + 3_600),
        status("d", "4000000000", "0", -1),
    ];
    let read = feed.read(FileKind::StationStatus, &format!(r#"{{"stations":[{}]}}"#, all.join(",")));
    let expected = [
        "data.stations[0].num_bikes_available field implausible",
        "data.stations[1].num_bikes_available field malformed",
        "data.stations[2].last_reported field clock_ahead",
        "data.stations[3].num_bikes_available field implausible",
        "data.stations[3].last_reported field implausible",
    ];
    assert_eq!(of(&read), expected);
    let (system, joined) = feed.files.system().unwrap();
    let [a, b, c, d] = system.stations.as_slice() else { panic!() };
    let status = |s: &domain::rental::Station| s.status.clone().map(|s| (s.vehicles, s.docks, s.at)).unwrap();
    let updated_at = NOW.plus_s(-60);
    assert_eq!(status(a), (None, Some(2), NOW));
    assert_eq!(status(b), (None, Some(20), NOW));
    assert_eq!(status(c), (Some(9), None, updated_at), "its own clock is ahead: the file's holds");
    assert_eq!(status(d), (None, Some(0), updated_at));
    // More docks and more vehicles than there are places.
    assert_eq!([a, b, c, d].map(|s| s.capacity), [Some(5), None, None, Some(5)]);
    assert_eq!(joined.count(), 2);
}

#[test]
fn unknown_words_cost_the_field_alone() {
    let mut feed = Feed::new("3.0");
    let read = feed.read(
        FileKind::VehicleTypes,
        r#"{"vehicle_types":[
            {"vehicle_type_id":"a","form_factor":"hoverboard","propulsion_type":"steam","return_constraint":"hybrid"},
            {"vehicle_type_id":"b","form_factor":"cargo_bicycle","propulsion_type":"human","return_constraint":"home"},
            {"vehicle_type_id":"c","form_factor":"scooter_seated","propulsion_type":"Electric","max_range_meters":-5}]}"#,
    );
    let expected = ["[0].form_factor", "[0].propulsion_type", "[1].return_constraint"];
    assert_eq!(of(&read)[..3], expected.map(|f| format!("data.vehicle_types{f} field malformed")));
    assert_eq!(of(&read)[3..], ["data.vehicle_types[2].max_range_meters field implausible"]);
    let system = feed.system();
    let forms: Vec<_> = system.types.iter().map(|t| (t.form, t.return_rule)).collect();
    assert_eq!(
        forms,
        [
            (FormFactor::Other, Some(ReturnRule::Hybrid)),
            (FormFactor::CargoBicycle, None),
            (FormFactor::Scooter, None)
        ]
    );
    let read = feed.read(
        FileKind::VehicleStatus,
        &format!(r#"{{"vehicles":[{{"vehicle_id":"x",{AT},"is_reserved":false,"is_disabled":false,"vehicle_type_id":"z"}}]}}"#),
    );
    assert!(read.faults.is_empty());
    let (system, joined) = feed.files.system().unwrap();
    assert_eq!(
        joined.described()[0].to_string().split(" (").next(),
        Some("vehicle_status: data.vehicles[0].vehicle_type_id: 'z' is not in vehicle_types")
    );
    assert_eq!(system.vehicle_type(system.vehicles[0].vehicle_type).unwrap().form, FormFactor::Other);
}

#[test]
fn a_feed_that_cannot_be_read_leaves_what_was_known() {
    let mut feed = Feed::new("2.3");
    let data = format!(r#"{{"stations":[{{"station_id":"a","name":"A",{AT}}}]}}"#);
    feed.read(FileKind::StationInformation, &data);
    let whole = file("2.3", &data);
    for body in
        [&whole[..whole.len() / 2], "", "<html>", "[1,2]", "{\"data\":[]}", "{\"data\":{}}", "nonsense"]
    {
        let read = feed.files.read(FileKind::SystemInformation, body.as_bytes(), &OPTIONS);
        assert_eq!(read.taken, 0);
        assert!(!read.faults.is_empty(), "{body}");
    }
    assert_eq!(feed.system().id, "rheine");
    for (ttl, is_known) in [("60", true), ("-1", false), ("\"x\"", false), ("1e12", false), ("null", false)] {
        let body = whole.replace("\"ttl\":60", &format!("\"ttl\":{ttl}"));
        let read = feed.files.read(FileKind::StationInformation, body.as_bytes(), &OPTIONS);
        assert_eq!((read.ttl_s.is_some(), read.taken), (is_known, 1), "{ttl}");
    }
}

#[test]
fn what_has_no_end_is_cut() {
    let mut feed = Feed::new("2.3");
    let many = (0..MAX_ELEMENTS + 50).map(|i| format!(r#"{{"station_id":"{i}","name":"N",{AT}}}"#));
    let data = format!(r#"{{"stations":[{}]}}"#, many.collect::<Vec<_>>().join(","));
    let read = feed.read(FileKind::StationInformation, &data);
    assert_eq!((read.taken, read.faults.count()), (MAX_ELEMENTS, 1));
    assert_eq!(read.faults.described()[0].reason, Reason::TooLarge);
    let read =
        feed.read(FileKind::StationInformation, &format!(r#"{{"stations":[{}1]}}"#, "1,".repeat(500_000)));
    assert_eq!(read.faults.count(), MAX_ELEMENTS as u64 + 1);
    assert!(read.faults.described().len() < 10);
    let deep = format!(r#"{{"stations":[{}{}]}}"#, "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(feed.read(FileKind::StationInformation, &deep).taken, 0);
}

/// A zone around Rheine with `corners` corners.
fn zone(corners: u32, rules: &str) -> String {
    let corner = |i: u32| {
        let (sin, cos) = (f64::from(i) / f64::from(corners) * std::f64::consts::TAU).sin_cos();
        format!("[{},{}]", 7.44 + 0.05 * cos, 52.28 + 0.03 * sin)
    };
    let ring = (0..corners).chain([0]).map(corner).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[[{ring}]]}},"properties":{{"rules":[{rules}]}}}}"#
    )
}

fn zones(all: &[String], global: &str) -> String {
    format!(
        r#"{{"geofencing_zones":{{"type":"FeatureCollection","features":[{}]}},"global_rules":[{global}]}}"#,
        all.join(",")
    )
}

#[test]
fn a_zone_of_ten_thousand_corners_is_exact_and_one_of_too_many_refused() {
    let mut feed = Feed::new("3.0");
    let no_end = r#"{"ride_start_allowed":true,"ride_end_allowed":false,"ride_through_allowed":true}"#;
    let read =
        feed.read(FileKind::GeofencingZones, &zones(&[zone(10_000, no_end), zone(60_000, no_end)], ""));
    assert_eq!(read.taken, 1);
    assert_eq!(of(&read), ["data.geofencing_zones.features[1].geometry.coordinates element too_large"]);
    let system = feed.system();
    let end = |lat, lon| system.permissions(LatLon { lat, lon }, TypeIndex(0), NOW).end;
    assert!(!end(52.28, 7.4899) && end(52.28, 7.4901), "to ten metres");
}

#[test]
fn a_station_area_holds_over_zones_and_zones_over_global_rules() {
    let mut feed = Feed::new("3.0");
    feed.read(
        FileKind::VehicleTypes,
        r#"{"vehicle_types":[{"vehicle_type_id":"s","form_factor":"scooter_standing","propulsion_type":"electric"},
            {"vehicle_type_id":"b","form_factor":"bicycle","propulsion_type":"human"}]}"#,
    );
    let no = r#"{"vehicle_type_ids":["s"],"ride_start_allowed":false,"ride_end_allowed":false,"ride_through_allowed":false}"#;
    let yes = r#"{"ride_start_allowed":true,"ride_end_allowed":true,"ride_through_allowed":true,"maximum_speed_kph":20}"#;
    let read = feed.read(FileKind::GeofencingZones, &zones(&[zone(40, no), zone(40, yes)], no));
    assert!(read.faults.is_empty(), "{:?}", read.faults);
    let area = r#"{"type":"MultiPolygon","coordinates":[[[[7.44,52.28],[7.441,52.28],[7.441,52.281],[7.44,52.281],[7.44,52.28]]]]}"#;
    feed.read(
        FileKind::StationInformation,
        &format!(r#"{{"stations":[{{"station_id":"a","name":[{{"text":"A","language":"de"}}],{AT},"station_area":{area}}}]}}"#),
    );
    let system = feed.system();
    let at = |lat, lon, index| {
        let p = system.permissions(LatLon { lat, lon }, TypeIndex(index), NOW);
        (p.end, p.through, p.speed_kmh)
    };
    assert_eq!(
        at(52.29, 7.44, 0),
        (false, false, Some(20)),
        "the earlier zone; of the later what that does not say"
    );
    assert_eq!(at(52.29, 7.44, 1), (true, true, Some(20)), "the earlier zone is for scooters");
    assert_eq!(at(52.5, 7.44, 0), (false, false, None), "the global rule");
    assert_eq!(at(52.5, 7.44, 1), (true, true, None));
    assert_eq!(at(52.2805, 7.4405, 0), (true, false, Some(20)), "at the station");
}

#[test]
fn no_id_of_a_vehicle_is_kept_nor_named() {
    let mut feed = Feed::new("2.3");
    let read = feed.read(
        FileKind::VehicleStatus,
        &format!(
            r#"{{"bikes":[{{"bike_id":"secret-1",{AT},"is_reserved":false,"is_disabled":false,
                "rental_uris":{{"web":"https://o.example/secret-1"}}}},{{"bike_id":"secret-2","lat":"x"}}]}}"#
        ),
    );
    assert_eq!(read.taken, 1);
    let kept = format!("{:?} {:?} {:?}", feed.files, read, feed.system());
    assert!(!kept.contains("secret"), "{kept}");
}

#[test]
fn an_entry_names_files_in_german_where_there_are_several_languages() {
    let feeds = |lang: &str| {
        format!(
            r#"{{"feeds":[{{"name":"station_status","url":"https://o.example/{lang}/s"}},{{"name":"station_status","url":"https://x"}},
                {{"name":"system_hours","url":"https://o.example/h"}},{{"name":"free_bike_status","url":"ftp://o.example/b"}}]}}"#
        )
    };
    let body = file("2.3", &format!(r#"{{"nl":{},"de-DE":{}}}"#, feeds("nl"), feeds("de")));
    let (entry, faults) = gbfs::entry(body.as_bytes(), &OPTIONS);
    let Some(Entry::Discovery(found)) = entry else { panic!("{faults:?}") };
    assert_eq!(found.files, [(FileKind::StationStatus, "https://o.example/de/s".to_owned())]);
    assert_eq!((found.language.as_deref(), found.ttl_s), (Some("de-DE"), Some(60)));
    let effects: Vec<_> = faults.described().iter().map(|f| f.effect).collect();
    assert_eq!(effects, [Effect::Element, Effect::Element]);
    let (none, faults) = gbfs::entry(file("3.0", "{}").as_bytes(), &OPTIONS);
    assert_eq!((none, faults.count()), (None, 1));
}
