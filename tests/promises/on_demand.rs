//! Rides on demand in areas, of the timetable and as a county draws them, over HTTP.

use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::{BIN, Instance, eventually};

/// In the main town of the sample county, and in its centre.
const FROM: &str = "51.9520,7.1820";
const CENTRE: &str = "51.9440,7.1680";

/// Corners of a box around both.
const BOX: [[f64; 2]; 5] = [[7.1, 51.9], [7.25, 51.9], [7.25, 52.0], [7.1, 52.0], [7.1, 51.9]];

/// Writes a GTFS feed of one line on demand within the box: 8 to 20 h, to be booked an hour before. Rides take five minutes more than
/// the drive.
fn write_flex(folder: &Path) {
    let zone = json!({"type": "FeatureCollection", "features": [{
        "type": "Feature", "id": "zone", "properties": {"stop_name": "Rufbus-Zone"},
        "geometry": {"type": "Polygon", "coordinates": [BOX]},
    }]});
    let window = "08:00:00,20:00:00";
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in [
        ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nF,Rufbus,http://f,Europe/Berlin\n".to_owned()),
        ("routes.txt", "route_id,agency_id,route_short_name,route_type\nflex,F,R1,715\n".to_owned()),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\nflex-stop,Rathaus,51.9440,7.1680\n".to_owned()),
        (
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nD,1,1,1,1,1,1,1,20260101,20351231\n"
                .to_owned(),
        ),
        ("trips.txt", "route_id,service_id,trip_id,mean_duration_factor,mean_duration_offset\nflex,D,flex-trip,1,300\n".to_owned()),
        ("locations.geojson", zone.to_string()),
        ("booking_rules.txt", "booking_rule_id,booking_type,prior_notice_duration_min,phone_number\nr,1,60,0251 2\n".to_owned()),
        (
            "stop_times.txt",
            format!(
                "trip_id,stop_sequence,location_id,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type,pickup_booking_rule_id\nflex-trip,1,zone,{window},2,1,r\nflex-trip,2,zone,{window},1,2,\n"
            ),
        ),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Writes the file of a county with these areas in the box.
fn write_areas(file: &Path, areas: &[Value]) {
    let feature = |properties: &Value| json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [BOX]}});
    let features: Vec<Value> = areas.iter().map(feature).collect();
    std::fs::write(file, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
}

/// The ride on demand of an answer in this area.
fn ride(answer: &Value, area: &str) -> Option<Value> {
    let legs = answer["itineraries"].as_array()?.iter().flat_map(|way| way["legs"].as_array().cloned());
    legs.flatten().find(|leg| leg["mode"] == "ON_DEMAND" && leg["area_id"] == area)
}

/// The id of the itinerary with a ride on demand in this area.
fn way(answer: &Value, area: &str) -> String {
    let has_ride = |way: &&Value| way["legs"].as_array().unwrap().iter().any(|leg| leg["area_id"] == area);
    let way = answer["itineraries"].as_array().unwrap().iter().find(has_ride);
    way.unwrap_or_else(|| panic!("{area}: {answer}"))["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn areas_of_timetables_and_of_the_county_are_offered_until_their_deadlines() {
    let instance = Instance::serve(&[]).await;
    let places = instance.dir.path().join("places");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let run = |args: &[&str]| {
        let done = Command::new(BIN).args(args).env("KV_LOG", "warn").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
    };
    run(&["simulate", "--write-places", &text(&places)]);
    instance.import(&places);
    let flex = instance.dir.path().join("flex");
    write_flex(&flex);
    let (data, osm) = (text(&instance.data()), text(&places.join("streets.osm.pbf")));
    let (timed, flex) = (text(&places.join("gtfs.zip")), text(&flex));
    run(&["journey", "build", "--data-dir", &data, "--osm", &osm, "--gtfs", &timed, &flex]);

    let tomorrow = Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let clock = |hour| tomorrow.at(hour, 0, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let question = format!("/v1/journeys?from={FROM}&to={CENTRE}&modes=ON_DEMAND&depart={}", clock(12));
    let asked_at = async |at: Timestamp| instance.get(&format!("{question}&book_at={at}")).await.1;
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let start = |leg: &Value| time(&leg["start_time"]);

    // The timetable's own area.
    let first = eventually("the timetable's area is offered", || async {
        ride(&instance.get(&question).await.1, "zone")
    })
    .await;
    assert_eq!((&first["route_short_name"], &first["to_door"]), (&json!("R1"), &json!(true)), "{first}");
    assert_eq!((&first["area_name"], &first["trip_id"]), (&json!("Rufbus-Zone"), &json!("flex-trip")));
    let chosen = way(&instance.get(&question).await.1, "zone");
    let by = time(&first["booking"]["by"]);
    assert_eq!(by, clock(11), "an hour before noon: {first}");
    // At the deadline it comes at noon, and a second later a second later; in the evening the day is over.
    let second = SignedDuration::from_secs(1);
    for (book_at, pickup) in [(by, clock(12)), (by + second, clock(12) + second)] {
        assert_eq!(start(&ride(&asked_at(book_at).await, "zone").unwrap()), pickup);
    }
    let late = instance.get(&format!("{question}&book_at={}&lang=de", clock(19))).await.1;
    let closed = late["rejected"].as_array().unwrap().iter().find(|lost| lost["kind"] == "area");
    let closed = closed.unwrap_or_else(|| panic!("{late}"));
    assert_eq!((&closed["id"], &closed["reason"]), (&json!("zone"), &json!("booking_closed")));
    assert_eq!(closed["detail"], "die Fahrt kommt nur auf Anmeldung und ist nicht mehr buchbar");
    assert_eq!(closed["phone"], "0251 2");
    let deadline = time(&closed["by"]);
    assert!(deadline > clock(18) && deadline < clock(19), "{closed}");

    // The county's, imported while all this runs.
    let town = instance.get("/v1/sites?limit=1").await.1["items"][0]["municipality"].clone();
    let area = json!({
        "id": "bb", "municipality": town, "name": "Bürgerbus Steverstadt", "kind": "buergerbus", "hours": "Mo-Su 08:00-20:00",
        "agency": "Bürgerbusverein", "min_notice_min": 30, "phone": "0251 1", "phone_hours": "Mo-Su 08:00-09:00",
        "booking_url": "https://book.example", "message_de": "Bitte anrufen", "source": "county", "wheelchair": true,
    });
    let file = instance.dir.path().join("on_demand_areas.geojson");
    write_areas(&file, std::slice::from_ref(&area));
    let (ok, out, err) = instance.command(&["import", &file.to_string_lossy()]);
    assert!(ok && out.contains("on_demand_areas: 1 added"), "{out}{err}");
    let drawn =
        eventually("the county's area is offered", || async { ride(&instance.get(&question).await.1, "bb") })
            .await;
    assert_eq!((&drawn["area_name"], &drawn["agency_name"]), (&area["name"], &area["agency"]), "{drawn}");
    assert_eq!(
        (&drawn["trip_id"], &drawn["route_id"], &drawn["wheelchair"]),
        (&Value::Null, &Value::Null, &json!(true))
    );
    assert_eq!(start(&drawn), clock(12));
    assert_eq!([&drawn["window"]["start"], &drawn["window"]["end"]].map(time), [clock(8), clock(20)]);
    // Nobody answers the number any more, and the address is open.
    let answer = instance.get(&format!("{question}&book_at={}&lang=de", clock(11))).await.1;
    let booking = ride(&answer, "bb").unwrap()["booking"].clone();
    assert_eq!(
        (&booking["open_now"], &booking["phone_open_now"], &booking["notice_s"]),
        (&json!(true), &json!(false), &json!(1_800)),
        "{booking}"
    );
    assert_eq!((&booking["message"], &booking["source"]), (&json!("Bitte anrufen"), &json!("county")));
    // Without the address nobody can book before the number is answered again.
    let mut by_phone = area.clone();
    by_phone.as_object_mut().unwrap().remove("booking_url");
    write_areas(&file, &[by_phone]);
    instance.import(&file);
    eventually("the number is the only way", || async {
        ride(&asked_at(clock(11)).await, "bb").is_none_or(|leg| start(&leg) >= clock(20)).then_some(())
    })
    .await;
    write_areas(&file, std::slice::from_ref(&area));
    instance.import(&file);
    eventually("it is as before", || async {
        ride(&asked_at(clock(11)).await, "bb").filter(|leg| start(leg) == clock(12))
    })
    .await;

    let near = instance.get(&format!("/v1/on-demand?near={FROM}")).await.1;
    let mut areas: Vec<&str> =
        near["items"].as_array().unwrap().iter().map(|item| item["area_id"].as_str().unwrap()).collect();
    areas.sort_unstable();
    assert_eq!(areas, ["bb", "zone"], "{near}");

    // What was chosen is that, though the other one is quicker, and gone once the county ends it.
    let again = async |id: &str| instance.get(&format!("/v1/journeys/{id}")).await.1;
    let of_timetable = again(&chosen).await;
    assert_eq!(
        (&of_timetable["holds"], ride(&of_timetable, "zone").is_some()),
        (&json!(true), true),
        "{of_timetable}"
    );
    let chosen = way(&instance.get(&question).await.1, "bb");
    let of_county = again(&chosen).await;
    assert_eq!((&of_county["holds"], ride(&of_county, "bb").is_some()), (&json!(true), true), "{of_county}");
    write_areas(&file, &[]);
    let (ok, out, err) = instance.command(&["import", &file.to_string_lossy()]);
    assert!(ok && out.contains("on_demand_areas: 0 added, 0 changed, 0 unchanged, 1 removed"), "{out}{err}");
    let gone = eventually("it is gone", || async {
        Some(again(&chosen).await).filter(|answer| answer["holds"] == false)
    })
    .await;
    assert_eq!(gone["breaks"][0]["code"], "gone", "{gone}");
    instance.stop().await;
}
