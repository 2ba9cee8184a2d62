//! GTFS-Realtime updates of runs, from the broker to a rider's journeys and departures.

use std::process::Command;

use sensor_sim::encode::gtfs_rt::{
    FeedEntity, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, full_dataset,
};
use serde_json::Value;

use crate::support::{BIN, Instance, eventually, port_of, publish};

/// Two places in Steverstadt; the stops `a` and `b` of every line lie beside them.
pub(crate) const FROM: (f64, f64) = (51.952, 7.182);
pub(crate) const TO: (f64, f64) = (51.944, 7.168);

const NEW: i32 = 8;
const CANCELED: i32 = 3;

/// Two GTFS folders with the same ids: a bus at 12:00 and 13:00, and a train at 18:00, tomorrow.
pub(crate) fn build(instance: &Instance, date: &str) {
    let folder = instance.dir.path().to_owned();
    let text = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let run = |args: &[&str]| {
        let done = Command::new(BIN).args(args).env("KV_LOG", "warn").output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["simulate", "--write-places", &text("sample")]);
    let write = |feed: &str, trips: &[(&str, &str, &str)]| {
        std::fs::create_dir_all(folder.join(feed)).unwrap();
        let rows = trips.iter().map(|(id, ..)| format!("R,S,{id},0,Centre\n")).collect::<String>();
        let times = trips.iter().map(|(id, from, to)| format!("{id},a,1,{from}\n{id},b,2,{to}\n"));
        let (a, b) = (FROM, TO);
        for (file, text) in [
            ("agency.txt", "agency_id,agency_name,agency_timezone\nA,Bus,Europe/Berlin\n".to_owned()),
            ("routes.txt", format!("route_id,route_short_name,route_type\nR,{feed} 7,3\n")),
            (
                "stops.txt",
                format!("stop_id,stop_name,stop_lat,stop_lon\na,A,{},{}\nb,B,{},{}\n", a.0, a.1, b.0, b.1),
            ),
            ("calendar_dates.txt", format!("service_id,date,exception_type\nS,{date},1\n")),
            ("trips.txt", format!("route_id,service_id,trip_id,direction_id,trip_headsign\n{rows}")),
            (
                "stop_times.txt",
                format!("trip_id,stop_id,stop_sequence,arrival_time\n{}", times.collect::<String>()),
            ),
        ] {
            std::fs::write(folder.join(feed).join(file), text).unwrap();
        }
    };
    write("bus", &[("t1", "12:00:00", "12:08:00"), ("t2", "13:00:00", "13:08:00")]);
    write("rail", &[("t1", "18:00:00", "18:08:00")]);
    let (data, osm) = (instance.data(), text("sample/streets.osm.pbf"));
    let data = data.to_string_lossy().into_owned();
    let (bus, rail) = (text("bus"), text("rail"));
    run(&["journey", "build", "--data-dir", &data, "--osm", &osm, "--gtfs", &bus, "--gtfs", &rail]);
}

fn entity(trip: TripDescriptor, stop_time_update: Vec<StopTimeUpdate>) -> FeedEntity {
    let update = TripUpdate { trip, stop_time_update, ..TripUpdate::default() };
    FeedEntity { id: "e".into(), trip_update: Some(update), ..FeedEntity::default() }
}

fn stop(id: &str, delay: Option<i32>, time: Option<i64>) -> StopTimeUpdate {
    let departure = Some(StopTimeEvent { delay, time });
    StopTimeUpdate { stop_id: Some(id.into()), departure, ..StopTimeUpdate::default() }
}

/// The trips of an answer's rides.
fn trips(answer: &Value) -> Vec<&str> {
    let legs =
        answer["itineraries"].as_array().unwrap().iter().flat_map(|way| way["legs"].as_array().unwrap());
    legs.filter_map(|leg| leg["trip_id"].as_str()).collect()
}

/// Turns pages to later connections and back. Returns the id of the first itinerary.
async fn pages_follow_one_another(instance: &Instance, question: &str) -> String {
    let first = format!("{question}&limit=1&window_s=600");
    let mut page = eventually("the timetable is loaded", || async {
        let (status, page) = instance.get(&first).await;
        (status == 200).then_some(page)
    })
    .await;
    let chosen = page["itineraries"][0]["id"].as_str().unwrap().to_owned();
    for (trip, next_cursor) in [
        ("bus:t1", "next_cursor"),
        ("t2", "next_cursor"),
        ("rail:t1", "previous_cursor"),
        ("t2", "previous_cursor"),
    ] {
        assert_eq!(trips(&page), [trip], "{page}");
        let (window, start) = (&page["window"], page["itineraries"][0]["start_time"].as_str());
        assert!(window["from"].as_str() <= start && start < window["until"].as_str(), "{page}");
        let cursor = page[next_cursor].as_str().unwrap();
        page = instance.get(&format!("{question}&limit=1&window_s=600&cursor={cursor}")).await.1;
    }
    assert_eq!(trips(&page), ["bus:t1"], "{page}");
    let all = instance.get(&format!("{question}&window_s=86400")).await.1;
    assert_eq!(trips(&all), ["bus:t1", "t2", "rail:t1"], "{all}");
    let cursor = all["next_cursor"].as_str().unwrap();
    let none = instance.get(&format!("{question}&cursor={cursor}")).await.1;
    let codes: Vec<&str> =
        none["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect();
    assert_eq!((trips(&none), codes), (vec![], vec!["outside_timetable", "nothing_in_window"]), "{none}");
    let (status, problem) = instance.get(&format!("{question}&cursor=bm9uZQ")).await;
    assert_eq!((status, &problem["field"]), (400, &"cursor".into()), "{problem}");
    chosen
}

#[tokio::test(flavor = "multi_thread")]
async fn riders_see_what_a_feed_changes() {
    let instance = Instance::serve(&["--timescaledb", "false"]).await;
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let date = tomorrow.strftime("%Y%m%d").to_string();
    let at = |hour, minute| tomorrow.at(hour, minute, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let places = instance.dir.path().join("places");
    std::fs::create_dir(&places).unwrap();
    std::fs::write(places.join("municipalities.csv"), "slug,name,ags\nkreis,Kreis,05999\n").unwrap();
    let feed = |id: &str, timetable: &str| {
        format!(
            "[[feed]]\nid = \"{id}\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\ntopic = \"rt/{id}\"\ntimetable = \"{timetable}\"\n"
        )
    };
    std::fs::write(places.join("feeds.toml"), feed("live", "bus") + &feed("lost", "tram.zip")).unwrap();
    build(&instance, &date);
    instance.import(&places);
    instance.subscriptions(2).await;
    let warned = || async { instance.log().contains("timetable = 'tram.zip'").then_some(()) };
    eventually("there is a warning of a feed that is tied to no timetable", warned).await;
    let ends = format!("timetable bus ends on {tomorrow}");
    eventually("it says that the timetable ends", || async { instance.log().contains(&ends).then_some(()) })
        .await;
    instance.counted("kv_journey_timetable_days_left{timetable=\"bus\"} 1").await;

    let (from, to) = (format!("{},{}", FROM.0, FROM.1), format!("{},{}", TO.0, TO.1));
    let question = format!("/v1/journeys?from={from}&to={to}&modes=TRANSIT&depart={}", at(11, 50));
    let chosen = pages_follow_one_another(&instance, &question).await;
    let (_, again) = instance.get(&format!("/v1/journeys/{chosen}")).await;
    assert_eq!((&again["holds"], trips(&again)), (&true.into(), vec!["bus:t1"]), "{again}");

    let corner =
        format!("/v1/journeys?from={from}&to=51.9425,7.1705&via=bus:b&modes=TRANSIT&depart={}", at(11, 50));
    let (_, through) = instance.get(&corner).await;
    assert_eq!(trips(&through)[0], "bus:t1", "{through}");
    let legs = through["itineraries"][0]["legs"].as_array().unwrap();
    let last = legs.last().unwrap();
    assert_eq!((&last["from"]["kind"], &last["from"]["id"]), (&"via".into(), &"bus:b".into()), "{through}");
    let id = through["itineraries"][0]["id"].as_str().unwrap();
    let (_, again) = instance.get(&format!("/v1/journeys/{id}")).await;
    assert_eq!(
        (&again["holds"], &again["itineraries"][0]["legs"]),
        (&true.into(), &legs[..].into()),
        "{again}"
    );

    let named = |trip: &str, relationship| TripDescriptor {
        trip_id: Some(trip.into()),
        start_date: Some(date.clone()),
        route_id: Some("R".into()),
        schedule_relationship: relationship,
        ..TripDescriptor::default()
    };
    let nameless = TripDescriptor {
        trip_id: None,
        start_time: Some("13:00:00".into()),
        direction_id: Some(0),
        ..named("", None)
    };
    let new =
        vec![stop("a", None, Some(at(12, 30).as_second())), stop("b", None, Some(at(12, 38).as_second()))];
    let entities = vec![
        entity(named("extra", Some(NEW)), new),
        entity(named("t1", Some(CANCELED)), Vec::new()),
        entity(nameless, vec![stop("a", Some(120), None)]),
    ];
    let now = jiff::Timestamp::now().as_second() as u64;
    let lost = full_dataset(now, vec![entity(named("t2", Some(CANCELED)), Vec::new())]);
    let messages = vec![
        ("rt/lost".to_owned(), lost.to_vec()),
        ("rt/live".to_owned(), full_dataset(now, entities).to_vec()),
    ];
    publish(port_of(&instance.text("mqtt")), messages).await;

    let board = format!("/v1/stops/bus:a/departures?from={}", at(11, 50));
    let extra = |board: &Value| {
        board["items"].as_array()?.iter().position(|item| item["trip_id"] == "extra" && item["added"] == true)
    };
    let board = eventually("the new run is on the board", || async {
        let (_, board) = instance.get(&board).await;
        extra(&board).map(|_| board)
    })
    .await;
    let reported: Vec<(&str, bool, bool, Option<i64>)> = (board["items"].as_array().unwrap().iter())
        .map(|item| {
            let is = |field: &str| item[field].as_bool().unwrap();
            (item["trip_id"].as_str().unwrap(), is("realtime"), is("cancelled"), item["delay_s"].as_i64())
        })
        .collect();
    let expected =
        [("bus:t1", true, true, None), ("extra", true, false, Some(0)), ("t2", true, false, Some(120))];
    assert_eq!(reported, expected, "{board}");
    let new = &board["items"][extra(&board).unwrap()];
    assert_eq!((&new["route_short_name"], &new["headsign"]), (&"bus 7".into(), &"Centre".into()));
    // The other file's trip of the same id runs.
    let (_, other) = instance.get(&format!("/v1/stops/rail:a/departures?from={}", at(11, 50))).await;
    assert_eq!(
        (&other["items"][0]["trip_id"], &other["items"][0]["cancelled"]),
        (&"rail:t1".into(), &false.into())
    );

    let (_, answer) = instance.get(&question).await;
    let legs = answer.pointer("/itineraries/0/legs").unwrap().as_array().unwrap();
    let ride = legs.iter().find(|leg| !leg["trip_id"].is_null()).unwrap();
    assert_eq!(
        (&ride["trip_id"], &ride["added"], &ride["realtime"]),
        (&"extra".into(), &true.into(), &true.into())
    );
    assert_eq!(ride["start_time"], at(12, 30).to_string(), "{ride}");
    let rejected = &answer["rejected"][0];
    assert_eq!((&rejected["kind"], &rejected["reason"]), (&"line".into(), &"cancelled".into()), "{answer}");
    assert_eq!((&rejected["id"], &rejected["trip_id"]), (&"R".into(), &"bus:t1".into()));
    assert_eq!(rejected["scheduled_departure_time"], at(12, 0).to_string());
    assert_eq!((&rejected["from"]["id"], &rejected["to"]["id"]), (&"bus:a".into(), &"bus:b".into()));

    let (_, again) = instance.get(&format!("/v1/journeys/{chosen}?lang=de")).await;
    let broken = &again["breaks"][0];
    assert_eq!((&again["holds"], &broken["code"]), (&false.into(), &"cancelled".into()), "{again}");
    let leg = &again["itineraries"][0]["legs"][broken["leg"].as_u64().unwrap() as usize];
    assert_eq!((&leg["trip_id"], &leg["cancelled"]), (&"bus:t1".into(), &true.into()));
    assert_eq!(broken["text"], "Die Fahrt fällt aus.");
    let (_, late) = instance.get(&format!("/v1/trips/t2?date={tomorrow}")).await;
    assert_eq!((&late["delay_s"], &late["cancelled"]), (&120.into(), &false.into()), "{late}");
    assert_eq!(late["stop_times"][0]["departure"], at(13, 2).to_string());
    assert_eq!(late["stop_times"][0]["scheduled_departure"], at(13, 0).to_string());
    let (_, cancelled) = instance.get("/v1/trips/bus:t1").await;
    assert_eq!(
        (&cancelled["cancelled"], &cancelled["service_date"]),
        (&true.into(), &tomorrow.to_string().into())
    );
    for missing in ["/v1/trips/t9", "/v1/trips/t2?date=2001-01-01", "/v1/journeys/t2", "/v1/journeys/e30"] {
        let (status, problem) = instance.get(missing).await;
        assert!(status == 404 && problem["remedy"].is_string(), "{missing}: {problem}");
    }
    instance.stop().await;
}
