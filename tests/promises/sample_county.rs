//! What the sample county shows of rides on request and on demand, alerts, cancelled runs and shared vehicles.

use std::fs;

use jiff::civil::time;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::journeys::{demo, order, plans};
use super::support::{Instance, eventually};

/// The market place of the county town, and the village that has a TaxiBus and nothing else.
const TOWN: &str = "51.9435,7.1683";
const VILLAGE: &str = "51.9143,7.0921";

/// Tomorrow at this hour by the county's clocks.
fn tomorrow(hour: i8, minute: i8) -> Timestamp {
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    tomorrow.to_datetime(time(hour, minute, 0, 0)).in_tz("Europe/Berlin").unwrap().timestamp()
}

fn legs(answer: &Value) -> impl Iterator<Item = &Value> {
    let itineraries = answer["itineraries"].as_array().into_iter().flatten();
    itineraries.flat_map(|itinerary| itinerary["legs"].as_array().into_iter().flatten())
}

/// Removes an order.
fn end(demo: &Instance, line: &str) {
    let file = demo.data().join("orders.txt");
    let orders = fs::read_to_string(&file).unwrap();
    let rest: String =
        orders.lines().filter(|other| *other != line).map(|line| format!("{line}\n")).collect();
    fs::write(file, rest).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_a_village_is_reached_by_what_can_still_be_booked() {
    let demo = demo().await;
    let question = format!("from={TOWN}&to={VILLAGE}&modes=TRANSIT&depart={}", tomorrow(23, 15));
    let answer = plans(&demo, &question).await;
    let ride = legs(&answer).find(|leg| leg["route_short_name"] == "T1").unwrap();
    let booking = &ride["booking"];
    assert_eq!((&booking["required"], &booking["phone"]), (&true.into(), &"0221 4710 110".into()), "{ride}");
    assert_eq!((&booking["notice_s"], &booking["surcharge_eur"]), (&1_800.into(), &json!(1.0)), "{ride}");
    let by: Timestamp = booking["by"].as_str().unwrap().parse().unwrap();
    let start: Timestamp = ride["start_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(by, start - 30.minutes());

    // A second after the deadline it is too late.
    let late = plans(&demo, &format!("{question}&book_at={}", by + 1.second())).await;
    assert!(legs(&late).all(|leg| leg["trip_id"] != ride["trip_id"]), "{late}");
    assert!(legs(&late).any(|leg| leg["route_short_name"] == "T1"), "the next one can be booked: {late}");
    let rejected = late["rejected"].as_array().unwrap().iter().find(|r| r["trip_id"] == ride["trip_id"]);
    let rejected = rejected.unwrap_or_else(|| panic!("{late}"));
    assert_eq!(rejected["reason"], "booking_closed");
    assert_eq!((&rejected["by"], &rejected["phone"]), (&booking["by"], &booking["phone"]));

    // By taxi at any hour.
    let question = format!("from={TOWN}&to={VILLAGE}&modes=TAXI&depart={}", tomorrow(23, 15));
    let answer = plans(&demo, &question).await;
    let phones: Vec<&Value> = legs(&answer).map(|leg| &leg["taxi"]["phone"]).collect();
    assert!(phones.contains(&&json!("0221 4710 200")), "{answer}");

    // Around another town rides are on demand, in the evening.
    let (from, to) = ("51.9750,7.3300", "51.9671,7.3501");
    let question = format!("from={from}&to={to}&modes=ON_DEMAND&depart={}", tomorrow(20, 0));
    let answer = plans(&demo, &question).await;
    let ride = legs(&answer).find(|leg| leg["mode"] == "ON_DEMAND").unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(
        (&ride["booking"]["phone"], &ride["booking"]["notice_s"]),
        (&"0221 4710 150".into(), &3_600.into())
    );
    let (_, around) = demo.get(&format!("/v1/on-demand?near={from}")).await;
    assert!(around.to_string().contains("heide-mobil"), "{around}");
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_cancelled_runs_come_and_go_with_their_orders() {
    let demo = demo().await;
    let headers = |answer: &Value| -> Vec<String> {
        let alerts = answer["items"].as_array().into_iter().flatten();
        let mut headers: Vec<String> =
            alerts.filter_map(|alert| alert["header"].as_str().map(str::to_owned)).collect();
        headers.sort();
        headers
    };
    order(&demo, "detour 540");
    eventually("both alerts are there", || async {
        let (_, alerts) = demo.get("/v1/alerts?lang=de").await;
        (headers(&alerts) == ["Linie 540: Umleitung", "Steverstadt, Markt: Haltestelle verlegt"])
            .then_some(())
    })
    .await;
    end(&demo, "works Steverstadt, Markt");
    eventually("one is withdrawn", || async {
        (headers(&demo.get("/v1/alerts").await.1) == ["Line 540: diversion"]).then_some(())
    })
    .await;

    // A run that has not left: it begins at the station.
    let (soon, board) = (Timestamp::now() + 3.minutes(), "/v1/stops/59991001/departures?limit=50");
    let (_, answer) = demo.get(&format!("{board}&from={soon}")).await;
    let departures = answer["items"].as_array().unwrap();
    let is_first = |item: &&Value| item["trip_id"].as_str().is_some_and(|id| id.starts_with("540-0-"));
    let trip = departures.iter().find(is_first).unwrap_or_else(|| panic!("{answer}"))["trip_id"].clone();
    let is_cancelled = || async {
        let (_, answer) = demo.get(&format!("{board}&from={soon}")).await;
        answer["items"].as_array()?.iter().find(|item| item["trip_id"] == trip)?["cancelled"].as_bool()
    };
    let line = format!("cancel {}", trip.as_str().unwrap());
    order(&demo, &line);
    eventually("it is cancelled", || async { is_cancelled().await?.then_some(()) }).await;
    end(&demo, &line);
    eventually("it runs after all", || async { (!is_cancelled().await?).then_some(()) }).await;
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_is_emptied_is_shown_empty_until_vehicles_are_brought_back() {
    let demo = demo().await;
    let station = || async {
        let (_, around) = demo.get("/v1/rentals?near=51.9419,7.1592&radius_m=500").await;
        // Before its simulator runs nothing is known of it.
        let is_known = |station: &&Value| station["id"] == "st-bahnhof" && station["vehicles"].is_u64();
        around["stations"].as_array()?.iter().find(is_known).cloned()
    };
    let shown = eventually("the station is there", station).await;
    assert_eq!(
        (&shown["system"], &shown["capacity"], &shown["stale"]),
        (&"steverland-rad".into(), &12.into(), &false.into())
    );
    let stands = |station: &Value, n: std::ops::Range<u64>| {
        station["vehicles"].as_u64().is_some_and(|v| n.contains(&v))
    };
    assert!(stands(&shown, 1..13), "{shown}");
    // From there to the north of the town by bicycle: the plan takes one of them, until there are none.
    let ride = || async {
        let question = "from=51.9419,7.1592&to=51.9571,7.1701&modes=RENTAL&rental=bicycle";
        let answer = plans(&demo, question).await;
        let from = |leg: &Value| leg["rental"]["station_from"]["id"].as_str().map(str::to_owned);
        legs(&answer).find_map(from)
    };
    let is_near = |from: Option<String>| from.as_deref() == Some("st-bahnhof");
    eventually("a bicycle is taken there", || async { is_near(ride().await).then_some(()) }).await;
    order(&demo, "empty st-bahnhof");
    eventually("the plan is another one", || async { (!is_near(ride().await)).then_some(()) }).await;
    let empty = eventually("it is empty", || async { station().await.filter(|s| stands(s, 0..1)) }).await;
    assert_eq!(empty["docks"], 12);
    end(&demo, "empty st-bahnhof");
    eventually("vehicles are back", || async { station().await.filter(|s| stands(s, 1..13)) }).await;
    order(&demo, "fill st-bahnhof");
    let full = eventually("it is full", || async { station().await.filter(|s| stands(s, 12..13)) }).await;
    assert_eq!(full["docks"], 0);
    demo.stop().await;
}
