//! Journeys in the sample county, over HTTP.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::support::{BIN, Instance, at, eventually, port_of, publish};

/// In Steverstadt, a short drive from its centre; and the car park there.
pub const FROM: &str = "51.9520,7.1820";
pub const CENTRE: &str = "51.9440,7.1680";

pub async fn demo() -> Instance {
    let demo = Instance::run(&["demo", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]).await;
    eventually("streets and timetable are loaded", || async {
        (demo.get(&format!("/v1/stops?near={CENTRE}")).await.0 == 200).then_some(())
    })
    .await;
    demo
}

pub fn order(demo: &Instance, line: &str) {
    let file = std::fs::OpenOptions::new().append(true).open(demo.data().join("orders.txt"));
    writeln!(file.unwrap(), "{line}").unwrap();
}

fn strings<'a>(items: &'a Value, pointer: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().filter_map(|item| item.pointer(pointer)?.as_str()).collect()
}

pub async fn plans(demo: &Instance, query: &str) -> Value {
    let (status, answer) = demo.get(&format!("/v1/journeys?{query}")).await;
    assert_eq!(status, 200, "{query}: {answer}");
    answer
}

/// Where the first itinerary by car parks.
async fn first_parking(demo: &Instance) -> Option<(String, Value)> {
    let answer = plans(demo, &format!("from={FROM}&to={CENTRE}&modes=CAR")).await;
    let parking = answer.pointer("/itineraries/0/legs/0/parking/id")?.as_str()?.to_owned();
    Some((parking, answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_answers_and_legs_join() {
    let demo = demo().await;
    let (_, sites) = demo.get("/v1/sites?municipality=bergheide&limit=1").await;
    let far = format!("{},{}", sites["items"][0]["lat"], sites["items"][0]["lon"]);
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let noon = tomorrow.at(12, 0, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    for (mode, to) in [
        ("WALK", CENTRE),
        ("BIKE", CENTRE),
        ("CAR", CENTRE),
        ("TRANSIT", far.as_str()),
        ("PARK_RIDE", far.as_str()),
        ("BIKE_RIDE", far.as_str()),
    ] {
        for when in ["depart", "arrive"] {
            let query = format!("from={FROM}&to={to}&modes={mode}&{when}={noon}&steps=true&lang=de");
            let answer = plans(&demo, &query).await;
            let ways = answer["itineraries"].as_array().unwrap();
            assert!(!ways.is_empty(), "{mode} {when}: {answer}");
            assert_eq!(answer["cut"], false);
            for way in ways {
                assert_eq!(way["mode"], mode);
                let legs = way["legs"].as_array().unwrap();
                assert_eq!(legs[0]["from"]["kind"], "origin");
                assert_eq!(legs[legs.len() - 1]["to"]["kind"], "destination");
                assert_eq!(legs[0]["start_time"], way["start_time"]);
                assert_eq!(legs[legs.len() - 1]["end_time"], way["end_time"]);
                for pair in legs.windows(2) {
                    assert_eq!(pair[0]["to"]["id"], pair[1]["from"]["id"], "{way}");
                    assert!(pair[0]["end_time"].as_str() <= pair[1]["start_time"].as_str(), "{way}");
                }
                let (start, end) = (way["start_time"].as_str().unwrap(), way["end_time"].as_str().unwrap());
                let noon = noon.to_string();
                if when == "depart" {
                    assert!(*start >= *noon, "{start} {noon}");
                } else {
                    assert!(*end <= *noon, "{end} {noon}");
                }
                for leg in legs {
                    assert!(!leg["geometry"].as_str().unwrap().is_empty() || leg["distance_m"] == 0, "{leg}");
                    steps_lead_along(leg);
                }
            }
        }
    }
    let short = plans(&demo, &format!("from={FROM}&to={CENTRE}&modes=WALK")).await;
    assert_eq!(short["itineraries"][0]["legs"][0]["steps"], json!([]));
    demo.stop().await;
}

/// Steps of a leg over streets begin where it begins, add up to its length, and are sentences; rides have none.
fn steps_lead_along(leg: &Value) {
    let steps = leg["steps"].as_array().unwrap();
    if !matches!(leg["mode"].as_str(), Some("WALK" | "BIKE" | "CAR")) {
        assert!(steps.is_empty(), "{leg}");
        return;
    }
    assert_eq!(steps[0]["relative_direction"], "DEPART");
    let length_m: i64 = steps.iter().map(|step| step["distance_m"].as_i64().unwrap()).sum();
    assert_eq!(length_m, leg["distance_m"].as_i64().unwrap(), "{leg}");
    assert!(steps[0]["text"].as_str().unwrap().starts_with("Richtung "), "{leg}");
    assert!(steps.iter().all(|step| step["text"].as_str().unwrap().ends_with('.')), "{leg}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_park_that_fills_moves_the_plan_elsewhere() {
    let demo = demo().await;
    let (full, before) = eventually("there is parking in the centre", || first_parking(&demo)).await;
    assert!(before.pointer("/itineraries/0/certainty").unwrap().as_f64().unwrap() > 0.2);
    order(&demo, &format!("fill {full}"));
    let shown = eventually("the plan goes elsewhere and says why", || async {
        let (now, answer) = first_parking(&demo).await?;
        let shown = answer["rejected"].as_array()?.iter().find(|r| r["id"] == full.as_str())?.clone();
        (now != full).then_some(shown)
    })
    .await;
    assert_eq!(shown["reason"], "full");
    assert!(shown["detail"].as_str().unwrap().starts_with("probably full when you get there"), "{shown}");
    demo.stop().await;
}

/// A lot in the centre of which so many spaces are silent, and who names it.
fn silent_lot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let feature = |properties: Value, east: f64| {
        let geometry = json!({"type": "Point", "coordinates": [7.1680 + east, 51.9440]});
        json!({"type": "Feature", "properties": properties, "geometry": geometry})
    };
    let all = |features: Vec<Value>| json!({"type": "FeatureCollection", "features": features}).to_string();
    let lot = json!({"id": "half-silent", "municipality": "steverstadt", "name": "Half silent", "kind": "lot",
        "capacity": 10});
    let bay = |n: i32| json!({"id": format!("hs-{n}"), "municipality": "steverstadt", "site": "half-silent"});
    let bays = (0..10).map(|n| feature(bay(n), f64::from(n) * 1e-5)).collect();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("sites.geojson"), all(vec![feature(lot, 0.0)])).unwrap();
    std::fs::write(folder.join("bays.geojson"), all(bays)).unwrap();
    let feed =
        "[[feed]]\nid = \"hs\"\nmunicipality = \"steverstadt\"\nformat = \"native\"\ntopic = \"kv/1/hs/#\"\n";
    std::fs::write(folder.join("feeds.toml"), feed).unwrap();
    // Two vacant, three occupied; the others have reported nothing.
    let statement = |n: i32| {
        let state = if n < 2 { "vacant" } else { "occupied" };
        (format!("kv/1/hs/bay/hs-{n}"), format!(r#"{{"at":"{}","state":"{state}"}}"#, at(-5)).into_bytes())
    };
    (0..5).map(statement).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_silent_spaces_journeys_lists_and_forecasts_say_the_same() {
    let demo = demo().await;
    let folder = demo.dir.path().join("silent");
    let messages = silent_lot(&folder);
    demo.import(&folder);
    publish(port_of(&demo.text("mqtt")), messages).await;
    let parked = |answer: Value| {
        let legs = answer["itineraries"].as_array()?.iter().flat_map(|way| way["legs"].as_array().cloned());
        let parking = legs.flatten().filter_map(|leg| leg.get("parking").cloned());
        let and_others = |p: Value| [vec![p.clone()], p["alternatives"].as_array().cloned()?].concat().into();
        let mut places = parking.filter_map(and_others).flat_map(|all: Vec<Value>| all);
        places.find(|place| place["id"] == "half-silent" && !place["chance"].is_null())
    };
    eventually("all three say the same", || async {
        let question = format!("from={FROM}&to={CENTRE}&modes=CAR");
        let journey = parked(plans(&demo, &question).await)?["chance"].clone();
        let arrive = journey["at"].as_str()?.to_owned();
        let near = format!("/v1/parking?near={CENTRE}&include=full,stale&limit=100&arrive={arrive}");
        let parking =
            demo.get(&near).await.1["items"].as_array()?.iter().find(|i| i["id"] == "half-silent")?.clone();
        let forecast = demo.get(&format!("/v1/forecast?site=half-silent&at={arrive}")).await.1;
        if (&parking["vacant"], &parking["unknown"]) != (&json!(2), &json!(5)) {
            return None;
        }
        let p = [&journey["p"], &parking["chance"]["p"], &forecast["items"][0]["p_vacant"]];
        let p = p.map(|p| p.as_f64().unwrap());
        // Each looks at a moment of its own, and the site may begin to fill.
        assert!((p[0] - p[1]).abs() < 0.02 && (p[1] - p[2]).abs() < 0.02, "{p:?}");
        Some(())
    })
    .await;
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_matches_no_line_is_named_by_the_import_and_in_the_log_of_what_runs() {
    let demo = demo().await;
    let file = demo.dir.path().join("on_demand.csv");
    std::fs::write(&file, "route,kind,phone\nZZ9*,ast,115\n").unwrap();
    let (ok, out, err) = demo.command(&["import", &file.to_string_lossy()]);
    let unmatched = "on_demand.csv: route 'ZZ9*' matches no line of the timetable";
    assert!(ok && out.contains("on_demand: 1 added") && err.contains(unmatched), "{out}{err}");
    eventually("the log warns", || async { demo.log().contains(unmatched).then_some(()) }).await;
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_name_the_field_and_the_remedy() {
    let demo = demo().await;
    for (query, kind, field) in [
        (format!("to={CENTRE}"), "missing-parameter", "from"),
        (format!("from={CENTRE}&to={CENTRE}"), "bad-parameter", "to"),
        (format!("from=7.168,51.944&to={CENTRE}"), "outside-area", "from"),
        (format!("from={FROM}&to=10,10"), "outside-area", "to"),
        (format!("from={FROM}&to={CENTRE}&modes=JETPACK"), "bad-parameter", "modes"),
        (
            format!("from={FROM}&to={CENTRE}&depart=2026-11-24T10:00:00Z&arrive=2026-11-24T11:00:00Z"),
            "bad-parameter",
            "arrive",
        ),
        (
            format!("from={FROM}&to={CENTRE}&modes=TRANSIT&depart=1999-01-01T00:00:00Z"),
            "bad-parameter",
            "depart",
        ),
        (format!("from={FROM}&to={CENTRE}&wheelchair=perhaps"), "bad-parameter", "wheelchair"),
        (format!("from={FROM}&to={CENTRE}&max_walk_m=-1"), "bad-parameter", "max_walk_m"),
        (format!("from={FROM}&to={CENTRE}&via=nowhere"), "bad-parameter", "via"),
        (format!("from={FROM}&to={CENTRE}&via=10,10"), "outside-area", "via"),
        (format!("from={FROM}&to={CENTRE}&via={FROM};{FROM};{FROM}"), "bad-parameter", "via"),
        (format!("from={FROM}&to={CENTRE}&via={CENTRE}&modes=CAR"), "bad-parameter", "via"),
        (format!("from={FROM}&to={CENTRE}&rider=dog"), "bad-parameter", "rider"),
        (format!("from=nowhere&to={CENTRE}"), "bad-parameter", "from"),
    ] {
        let (status, problem) = demo.get(&format!("/v1/journeys?{query}")).await;
        assert_eq!(status, 400, "{query}: {problem}");
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{query}");
        assert_eq!(problem["field"], field, "{query}");
        assert!(problem["remedy"].as_str().is_some_and(|r| !r.is_empty()), "{problem}");
    }
    let swapped = demo.get(&format!("/v1/journeys?from=7.168,51.944&to={CENTRE}")).await.1;
    assert!(swapped["remedy"].as_str().unwrap().contains("swapped"), "{swapped}");
    let old = plans(&demo, &format!("from={FROM}&to={CENTRE}&depart=1999-01-01T00:00:00Z")).await;
    assert!(old["notes"][0]["text"].as_str().unwrap().starts_with("The timetable reaches from"), "{old}");
    demo.stop().await;
}

/// `kind` and `feed` of everybody who is to be named.
fn named(answer: &Value) -> Vec<(&str, &str)> {
    let sources = answer["attribution"].as_array().unwrap();
    sources.iter().map(|s| (s["kind"].as_str().unwrap(), s["feed"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_name_all_that_they_rest_on() {
    let demo = demo().await;
    eventually("real time is there", || async {
        let vehicles = demo.get("/v1/vehicles?limit=5").await.1;
        vehicles["items"].as_array().is_some_and(|v| !v.is_empty()).then_some(())
    })
    .await;
    let (_, sites) = demo.get("/v1/sites?municipality=bergheide&limit=1").await;
    let far = format!("{},{}", sites["items"][0]["lat"], sites["items"][0]["lon"]);
    let streets = ("streets", "openstreetmap");
    let walk = plans(&demo, &format!("from={FROM}&to={CENTRE}&modes=WALK")).await;
    assert_eq!(named(&walk), [streets]);
    assert_eq!(walk["attribution"][0]["licence"], "ODbL-1.0");
    let drive = eventually("a drive parks where a feed counts", || async {
        let drive = plans(&demo, &format!("from={FROM}&to={CENTRE}&modes=CAR")).await;
        named(&drive).iter().any(|s| s.0 == "feed").then_some(drive)
    })
    .await;
    assert!(named(&drive).contains(&streets), "{drive}");
    let ride = plans(&demo, &format!("from={FROM}&to={far}&modes=TRANSIT")).await;
    assert!(named(&ride).contains(&("timetable", "gtfs")), "{ride}");
    let (_, stops) = demo.get(&format!("/v1/stops?near={CENTRE}")).await;
    assert_eq!(named(&stops), [("timetable", "gtfs"), streets]);
    assert!(stops["attribution"][0]["attribution"].is_string(), "{stops}");
    let stop = stops["items"][0]["id"].as_str().unwrap();
    let (_, departures) = demo.get(&format!("/v1/stops/{stop}/departures")).await;
    assert!(named(&departures).contains(&("timetable", "gtfs")), "{departures}");
    let (_, parking) = demo.get(&format!("/v1/parking?near={CENTRE}")).await;
    assert!(named(&parking).contains(&streets), "walks go over the streets");
    let page = |path: String| {
        ureq::get(format!("{}{path}", demo.text("http"))).call().unwrap().into_body().read_to_string()
    };
    for path in [format!("/?near={CENTRE}&lang=en"), "/sign/steverstadt?lang=en".to_owned()] {
        let page = page(path.clone()).unwrap();
        assert!(page.contains("Data: "), "{path}");
    }
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_and_what_leaves_them() {
    let demo = demo().await;
    let (status, stops) = demo.get(&format!("/v1/stops?near={CENTRE}&radius_m=3000&limit=50")).await;
    assert_eq!(status, 200, "{stops}");
    let ids = strings(&stops["items"], "/id");
    assert!(!ids.is_empty());
    assert!(stops["items"][0]["walk_s"].as_i64().unwrap() > 0);
    let mut shown = 0;
    for id in &ids {
        let (status, departures) = demo.get(&format!("/v1/stops/{id}/departures?limit=5")).await;
        assert_eq!(status, 200, "{departures}");
        let times = strings(&departures["items"], "/departure_time");
        assert!(times.is_sorted(), "{times:?}");
        shown += times.len();
        if let Some(first) = times.first() {
            let board = format!("/v1/stops/{id}/departures?from={first}");
            let (_, whole) = demo.get(&format!("{board}&limit=9")).await;
            let mut pages = Vec::new();
            let mut next = format!("{board}&limit=2");
            for _ in 0..4 {
                let (_, page) = demo.get(&next).await;
                pages.extend(page["items"].as_array().unwrap().clone());
                let Some(cursor) = page["cursor"].as_str() else { break };
                next = format!("{board}&limit=2&cursor={cursor}");
            }
            let trips = |items: &[Value]| items.iter().map(|one| one["trip_id"].clone()).collect::<Vec<_>>();
            let expected = trips(whole["items"].as_array().unwrap());
            assert_eq!(trips(&pages), expected[..pages.len()], "{id}");
            assert_eq!(pages.len(), expected.len().min(8), "{id}");
        }
    }
    let (status, problem) = demo.get(&format!("/v1/stops/{}/departures?cursor=b64", ids[0])).await;
    assert_eq!((status, &problem["field"]), (400, &"cursor".into()), "{problem}");
    assert!(shown > 0);
    assert_eq!(demo.get("/v1/stops/none/departures").await.0, 404);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_late_changes_the_departure() {
    let demo = demo().await;
    let (_, stops) = demo.get(&format!("/v1/stops?near={CENTRE}&radius_m=3000&limit=50")).await;
    let ids: Vec<String> = strings(&stops["items"], "/id").into_iter().map(Into::into).collect();
    // A line whose vehicle is on the way now, so that real time has it.
    let late = |at_least: i64| {
        let (demo, ids) = (&demo, &ids);
        move || async move {
            for id in ids {
                let (_, departures) = demo.get(&format!("/v1/stops/{id}/departures?limit=10")).await;
                for departure in departures["items"].as_array()? {
                    if departure["realtime"] == true && departure["delay_s"].as_i64()? >= at_least {
                        return Some(departure.clone());
                    }
                }
            }
            None
        }
    };
    let running = eventually("real time is known of a departure", late(i64::MIN)).await;
    let route = running["route_short_name"].as_str().unwrap();
    order(&demo, &format!("delay {route}=900"));
    let delayed = eventually("the delay is shown", late(840)).await;
    assert_eq!(delayed["route_short_name"], route);
    assert!(delayed["departure_time"].as_str() > delayed["scheduled_departure_time"].as_str());
    demo.stop().await;
}

fn run(args: &[&str]) -> (bool, String) {
    let done = Command::new(BIN).args(args).env("KV_LOG", "warn").output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_built_is_taken_in_while_the_product_runs() {
    let instance = Instance::serve(&[]).await;
    let question = format!("/v1/journeys?from={FROM}&to={CENTRE}");
    let (status, problem) = instance.get(&question).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("journey build"), "{problem}");

    let (data, places) = (instance.data(), instance.dir.path().join("places"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (ok, shown) = run(&["simulate", "--write-places", &text(&places)]);
    assert!(ok, "{shown}");
    instance.import(&places);
    let (osm, gtfs) = (text(&places.join("streets.osm.pbf")), text(&places.join("gtfs.zip")));
    let data = text(&data);
    let build = ["journey", "build", "--data-dir", &data, "--osm", &osm];
    let (ok, report) = run(&build);
    assert!(ok && report.contains("41 of 41 imported car parks are linked"), "{report}");
    let stops = || async {
        let (status, answer) = instance.get(&format!("/v1/stops?near={CENTRE}&radius_m=3000")).await;
        (status == 200).then(|| answer["items"].as_array().unwrap().len())
    };
    assert_eq!(eventually("streets are taken in", stops).await, 0);
    assert_eq!(instance.get(&question).await.0, 200);
    let (ok, shown) = run(&[&build[..], &["--gtfs", &gtfs]].concat());
    assert!(ok, "{shown}");
    let more = || async { stops().await.filter(|found| *found > 0) };
    eventually("the timetable is taken in", more).await;

    // A damaged file is refused, and what was loaded stays.
    std::fs::write(instance.data().join("journey.kvj"), b"KVJOURNYdamaged").unwrap();
    eventually("the refusal is shown", || async {
        instance.log().contains("what was loaded before stays").then_some(())
    })
    .await;
    assert_eq!(instance.get(&question).await.0, 200);
    let (ok, shown) =
        run(&["journey", "build", "--no-places", "--osm", &gtfs, "--out", &text(&places.join("x.kvj"))]);
    assert!(!ok && shown.contains("gtfs.zip"), "{shown}");
    instance.stop().await;
}

/// Writes the feed in `zip` as files into `folder`, with two more columns in `stop_times.txt`.
fn unpack_with_orders(zip: &Path, folder: &Path) {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).unwrap();
        let name = file.name().to_owned();
        let mut text = std::io::read_to_string(&mut file).unwrap();
        if name == "stop_times.txt" {
            let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let head = lines.next().unwrap();
            let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
            let [arrives, pickup, drop_off] = ["arrival_time", "pickup_type", "drop_off_type"].map(at);
            let ordered = lines.map(|mut row| {
                if !row[arrives].is_empty() {
                    (row[pickup], row[drop_off]) = ("2", "3");
                }
                row.join(",")
            });
            text = std::iter::once(head.join(",")).chain(ordered).map(|line| line + "\n").collect();
        }
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// An instance with the sample county, and a question about rides of tomorrow noon from its main town to another.
pub async fn county(unpack: Option<&str>) -> (Instance, String, jiff::Timestamp) {
    let instance = Instance::serve(&[]).await;
    let places = instance.dir.path().join("places");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (ok, output) = run(&["simulate", "--write-places", &text(&places)]);
    assert!(ok, "{output}");
    instance.import(&places);
    let mut gtfs = places.join("gtfs.zip");
    if let Some(folder) = unpack {
        let unpacked = instance.dir.path().join(folder);
        unpack_with_orders(&gtfs, &unpacked);
        gtfs = unpacked;
    }
    let (data, osm) = (text(&instance.data()), text(&places.join("streets.osm.pbf")));
    let (ok, output) = run(&["journey", "build", "--data-dir", &data, "--osm", &osm, "--gtfs", &text(&gtfs)]);
    assert!(ok, "{output}");
    let (_, sites) = instance.get("/v1/sites?municipality=bergheide&limit=1").await;
    let far = format!("{},{}", sites["items"][0]["lat"], sites["items"][0]["lon"]);
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let noon = tomorrow.at(12, 0, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let question = format!("/v1/journeys?from={FROM}&to={far}&modes=TRANSIT&depart={noon}");
    (instance, question, noon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ride_that_must_be_ordered_says_so() {
    let (instance, question, noon) = county(Some("ordered")).await;
    let answer = eventually("there is a ride", || async {
        let (status, answer) = instance.get(&question).await;
        (status == 200 && answer.pointer("/itineraries/0").is_some()).then_some(answer)
    })
    .await;
    let legs = answer.pointer("/itineraries/0/legs").unwrap().as_array().unwrap();
    let ride = legs.iter().find(|leg| !leg["trip_id"].is_null()).unwrap();
    assert_eq!((&ride["pickup"], &ride["drop_off"]), (&"book".into(), &"ask_driver".into()), "{ride}");
    assert_eq!((&ride["booking"]["required"], &ride["booking"]["phone"]), (&true.into(), &Value::Null));
    let walk = legs.iter().find(|leg| leg["mode"] == "WALK").unwrap();
    assert!(walk["pickup"].is_null() && walk["booking"].is_null(), "{walk}");
    let stop = ride["from"]["id"].as_str().unwrap();
    let (_, board) = instance.get(&format!("/v1/stops/{stop}/departures?from={noon}")).await;
    let items = board["items"].as_array().unwrap();
    let is_ordered = |item: &Value| item["pickup"] == "book" && item["booking"]["required"] == true;
    assert!(!items.is_empty() && items.iter().all(is_ordered), "{board}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_a_county_lists_is_offered_until_its_deadline() {
    let (instance, question, noon) = county(None).await;
    let ride_of = |answer: &Value| {
        let legs = answer.pointer("/itineraries/0/legs")?.as_array()?.clone();
        legs.into_iter().find(|leg| !leg["trip_id"].is_null())
    };
    let free = eventually("there is a ride", || async { ride_of(&instance.get(&question).await.1) }).await;
    assert_eq!((&free["pickup"], &free["booking"]), (&"scheduled".into(), &Value::Null));

    let listed = instance.dir.path().join("places/on_demand.csv");
    let columns = "route,kind,min_notice_min,relative_to,phone,phone_hours,message_de,message_en,source";
    let line = free["route_short_name"].as_str().unwrap();
    let row =
        format!("{line},taxibus,30,first_stop,0251 1,Mo-Su 06:00-22:00,Bitte anrufen,Please call,county");
    std::fs::write(&listed, format!("{columns}\n{row}\n")).unwrap();
    instance.import(&listed);
    let is_booked = |leg: &Value| leg["booking"]["required"] == true;
    let ride = eventually("the rule is known", || async {
        ride_of(&instance.get(&question).await.1).filter(is_booked)
    })
    .await;
    assert_eq!((&ride["trip_id"], &ride["pickup"]), (&free["trip_id"], &"book".into()));
    let between = ride["intermediate_stops"].as_array().unwrap();
    assert_eq!(between.len() as i64, ride["stops"].as_i64().unwrap() - 1, "{ride}");
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let times = between.iter().flat_map(|stop| [time(&stop["arrival"]), time(&stop["departure"])]);
    let times: Vec<_> =
        [time(&ride["start_time"])].into_iter().chain(times).chain([time(&ride["end_time"])]).collect();
    assert!(times.is_sorted() && ride["agency_id"].is_string(), "{ride}");
    let (_, answer) = instance.get(&question).await;
    assert_eq!(
        (&answer["itineraries"][0]["bookings"], &ride["booking"]["notice_s"]),
        (&1.into(), &1800.into())
    );
    let by: jiff::Timestamp = ride["booking"]["by"].as_str().unwrap().parse().unwrap();
    let at_deadline = format!("{question}&book_at={by}");
    let booking =
        ride_of(&instance.get(&format!("{at_deadline}&lang=de")).await.1).unwrap()["booking"].clone();
    let expected = serde_json::json!({
        "required": true, "open_now": true, "from": null, "by": ride["booking"]["by"], "notice_s": 1800,
        "phone": "0251 1", "phone_open_now": true, "phone_hours": "Mo-Su 06:00-22:00", "url": null, "info_url": null,
        "message": "Bitte anrufen", "surcharge_eur": null, "to_door_m": null, "source": "county",
    });
    assert_eq!(booking, expected);

    let late = by + jiff::SignedDuration::from_secs(1);
    let (_, answer) = instance.get(&format!("{question}&book_at={late}")).await;
    let taken: Vec<&Value> = answer["itineraries"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|i| i["legs"].as_array().unwrap())
        .collect();
    assert!(taken.iter().all(|leg| leg["trip_id"] != ride["trip_id"]), "{answer}");
    let rejected =
        answer["rejected"].as_array().unwrap().iter().find(|r| r["trip_id"] == ride["trip_id"]).unwrap();
    assert_eq!((&rejected["reason"], &rejected["kind"]), (&"booking_closed".into(), &"line".into()));
    assert_eq!((&rejected["by"], &rejected["phone"]), (&ride["booking"]["by"], &"0251 1".into()));
    assert_eq!(rejected["booking"]["message"], "Please call");
    let (_, none) = instance.get(&format!("{question}&booking=none")).await;
    assert!(none["itineraries"].as_array().unwrap().iter().all(|i| i["bookings"] == 0), "{none}");
    let (status, problem) = instance.get(&format!("{question}&booking=some")).await;
    assert_eq!((status, &problem["field"]), (400, &"booking".into()));

    let stop = ride["from"]["id"].as_str().unwrap();
    let (_, board) = instance.get(&format!("/v1/stops/{stop}/departures?from={noon}")).await;
    let is_of_line = |item: &&Value| item["route_short_name"] == line;
    let items: Vec<&Value> = board["items"].as_array().unwrap().iter().filter(is_of_line).collect();
    let says_when = |item: &Value| item["booking"]["by"].is_string() && item["pickup"] == "book";
    assert!(!items.is_empty() && items.iter().all(|item| says_when(item)), "{board}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timetable_that_cannot_serve_is_not_written_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let places = folder.path().join("places");
    let (ok, output) = run(&["simulate", "--write-places", &text(&places)]);
    assert!(ok, "{output}");
    let (osm, out) = (text(&places.join("streets.osm.pbf")), folder.path().join("x.kvj"));
    let write = |name: &str, date: &str, lat: f64| {
        let feed = folder.path().join(name);
        std::fs::create_dir_all(&feed).unwrap();
        for (file, rows) in [
            ("agency.txt", "agency_id,agency_name,agency_timezone\nA,Bus,Europe/Berlin\n".to_owned()),
            ("routes.txt", "route_id,route_type\nR,3\n".to_owned()),
            ("stops.txt", format!("stop_id,stop_lat,stop_lon\na,{lat},7.168\nb,{lat},7.170\n")),
            ("calendar_dates.txt", format!("service_id,date,exception_type\nS,{date},1\n")),
            ("trips.txt", "route_id,service_id,trip_id\nR,S,t\n".to_owned()),
            (
                "stop_times.txt",
                "trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,08:00:00\nt,b,2,08:05:00\n".to_owned(),
            ),
        ] {
            std::fs::write(feed.join(file), rows).unwrap();
        }
        text(&feed)
    };
    let out_text = text(&out);
    let build = |gtfs: &str, more: &[&str]| {
        let args = ["journey", "build", "--no-places", "--osm", &osm, "--gtfs", gtfs, "--out", &out_text];
        let done = Command::new(BIN).args([&args[..], more].concat()).env("KV_LOG", "warn").output().unwrap();
        let output = String::from_utf8_lossy(&done.stdout).into_owned();
        (done.status.code(), output.lines().last().unwrap_or_default().to_owned())
    };
    for (gtfs, words) in [
        (write("past", "20200101", 51.944), "expired: its last day is 2020-01-01"),
        (write("elsewhere", "20991231", 48.0), "no stop has a street"),
    ] {
        let (code, last) = build(&gtfs, &[]);
        assert_eq!(code, Some(3), "{last}");
        assert!(last.contains(words) && !out.exists(), "{last}");
        let (code, last) = build(&gtfs, &["--force"]);
        assert!(code == Some(3) && last.starts_with("warning") && last.contains(words), "{code:?} {last}");
        std::fs::remove_file(&out).unwrap();
    }
    let (code, last) = build(&write("good", "20991231", 51.944), &[]);
    assert!(code == Some(0) && out.exists(), "{code:?} {last}");
}
