//! Shared vehicles, as whoever looks for one sees them.

use std::sync::Arc;

use domain::forecast::{Calendar, Town};
use domain::rental::{
    FormFactor, Localized, Plan, Propulsion, ReturnRule, Station, StationStatus, System, TypeIndex, Vehicle,
    VehicleType,
};
use domain::stations::{StationCount, StationModel};
use domain::{FeedFormat, FeedId, LatLon, UtcMicros};
use serde_json::{Value, json};
use testing::World;

use super::fixture::{County, NOW, WARENDORF};
use super::search::{east, lay};
use crate::{HeldRentals, LearnedRentals};

fn name(text: &str) -> Localized {
    Localized::new(vec![("de".into(), text.into())]).unwrap()
}

fn station(id: &str, north_deg: f64, vehicles: Option<u32>, at: UtcMicros) -> Station {
    let status = StationStatus {
        vehicles,
        by_type: vec![(TypeIndex(0), vehicles.unwrap_or(0))],
        docks: Some(3),
        docks_by_type: vec![],
        is_installed: true,
        is_renting: true,
        is_returning: false,
        at,
    };
    Station {
        id: id.into(),
        name: name("Bahnhof"),
        at: LatLon { lat: WARENDORF.lat + north_deg, lon: WARENDORF.lon },
        area: None,
        is_virtual: true,
        capacity: Some(8),
        url: None,
        status: Some(status),
    }
}

/// Two stations and two scooters, one of them reserved, as they were `age_s` ago.
fn system(age_s: i64) -> System {
    let at = NOW.plus_s(-age_s);
    let scooter = VehicleType {
        id: "s".into(),
        form: FormFactor::Scooter,
        propulsion: Some(Propulsion::Electric),
        max_range_m: Some(30_000.0),
        return_rule: Some(ReturnRule::FreeFloating),
        ..VehicleType::bicycle()
    };
    let vehicle = |is_reserved| Vehicle {
        at: WARENDORF,
        vehicle_type: TypeIndex(1),
        is_reserved,
        is_disabled: false,
        range_m: Some(12_345.6),
    };
    System {
        id: "rad".into(),
        name: name("Kreisrad"),
        operator: Some(name("Kreiswerke")),
        url: Some("https://o.example".into()),
        types: vec![VehicleType::bicycle(), scooter],
        stations: vec![station("far", 0.004, None, at), station("near", 0.001, Some(0), at)],
        vehicles: vec![vehicle(false), vehicle(true)],
        vehicles_at: at,
        geofencing: Default::default(),
        plans: vec![],
    }
}

fn county() -> County {
    let world = World::town("warendorf").feed("rad").with_feed(|feed| {
        feed.format = FeedFormat::Gbfs;
        feed.attribution = Some("Kreiswerke".into());
    });
    County::with(world.contents)
}

async fn asked(county: &County, age_s: i64, query: &str) -> Value {
    let held = |feed| HeldRentals { feed: FeedId(feed), system: Arc::new(system(age_s)) };
    // The other comes from a feed that is no longer there.
    county.app.rentals.replace(vec![held(1), held(99)]);
    county.get(&format!("/v1/rentals?{query}")).await.json()
}

#[tokio::test]
async fn stations_and_vehicles_are_listed_with_every_field() {
    let county = county();
    insta::assert_json_snapshot!("rentals", asked(&county, 60, "near=51.953,7.991").await);
    let ids =
        |all: &Value| all["stations"].as_array().unwrap().iter().map(|s| s["id"].clone()).collect::<Vec<_>>();
    let boxed = asked(&county, 60, "bbox=7.9,51.9,8.1,52.0&form=bicycle&limit=1").await;
    assert_eq!((ids(&boxed), &boxed["vehicles"]), (vec![json!("far")], &json!([])));
    let scooters = asked(&county, 60, "near=51.953,7.991&form=scooter").await;
    assert_eq!((ids(&scooters).len(), scooters["vehicles"].as_array().unwrap().len()), (0, 1));
    assert_eq!(ids(&asked(&county, 60, "near=51.953,7.991&radius_m=200").await), ["near"]);
}

#[tokio::test]
async fn a_state_that_is_too_old_is_unknown_and_never_zero() {
    let county = county();
    let counts = |all: &Value| {
        json!([all["stations"][0]["vehicles"], all["stations"][0]["stale"], all["vehicles"][0]["stale"]])
    };
    assert_eq!(counts(&asked(&county, 300, "near=51.953,7.991").await), json!([0, false, false]));
    let old = asked(&county, 301, "near=51.953,7.991").await;
    assert_eq!(counts(&old), json!([null, true, true]));
    assert_eq!(old["stations"][0]["types"][0]["vehicles"], json!(null));
    assert_eq!(asked(&county, 3_601, "near=51.953,7.991").await["vehicles"], json!([]));
}

#[tokio::test]
async fn a_question_is_about_a_point_or_a_box() {
    let county = county();
    for query in ["", "near=51.953,7.991&bbox=7,51,8,52", "near=x", "bbox=1,2", "near=51.953,7.991&form=boat"]
    {
        let answer = county.get(&format!("/v1/rentals?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(answer.json()["remedy"].is_string());
    }
}

/// Two stations at the ends of a street of 400 m, with these vehicles at the first and docks at the second one.
fn street(vehicles: u32, docks: u32, age_s: i64) -> System {
    let mut system = system(age_s);
    let station = |id: &str, metres: f64| {
        let mut station = station(id, 0.0, Some(vehicles), NOW.plus_s(-age_s));
        station.at = east(metres).degrees();
        if let Some(status) = &mut station.status {
            (status.docks, status.is_returning) = (Some(docks), true);
        }
        station
    };
    system.stations = vec![station("west", 10.0), station("east", 390.0)];
    system.vehicles.clear();
    system.types[0].plan = Some("p".into());
    system.plans =
        vec![Plan { id: "p".into(), currency: "EUR".into(), price: 1.5, per_min: vec![], per_km: vec![] }];
    system
}

async fn ridden(system: System, more: &str) -> Value {
    let county = county();
    lay(&county);
    let system = Arc::new(system);
    county.app.rentals.replace(vec![HeldRentals { feed: FeedId(1), system }]);
    county.app.journeys.link_rentals(&county.app.rentals, NOW);
    let point = |metres| {
        let LatLon { lat, lon } = east(metres).degrees();
        format!("{lat},{lon}")
    };
    let question = format!("/v1/journeys?from={}&to={}&modes=RENTAL{more}", point(0.0), point(400.0));
    county.get(&question).await.json()
}

#[tokio::test]
async fn a_journey_says_of_its_shared_vehicle_what_one_must_know() {
    let answer = ridden(street(2, 1, 60), "").await;
    let itinerary = &answer["itineraries"][0];
    assert_eq!(
        (&itinerary["mode"], &itinerary["fare"]["amount_eur"]),
        (&json!("RENTAL"), &json!(1.5)),
        "{answer}"
    );
    assert_eq!(itinerary["fare"]["products"][0]["kind"], "rental");
    assert_eq!((&itinerary["bike_m"], &itinerary["rental_m"]), (&json!(0), &json!(380)));
    let modes: Vec<&Value> = itinerary["legs"].as_array().unwrap().iter().map(|leg| &leg["mode"]).collect();
    assert_eq!(modes, ["WALK", "RENTAL", "WALK"]);
    let leg = &itinerary["legs"][1];
    let expected = json!({
        "system": "rad", "system_name": "Kreisrad", "operator": "Kreiswerke",
        "station_from": { "id": "west", "name": "Bahnhof" }, "station_to": { "id": "east", "name": "Bahnhof" },
        "form": "bicycle", "propulsion": "human", "return_rule": "any_station", "range_m": null,
        "vehicle_chance": leg["rental"]["vehicle_chance"], "dock_chance": leg["rental"]["dock_chance"],
        "price_eur": 1.5, "url": "https://o.example", "observed_at": "2026-11-23T11:59:00Z", "stale": false,
    });
    assert_eq!(leg["rental"], expected);
    assert!(["vehicle_chance", "dock_chance"].iter().all(|p| leg["rental"][p].as_f64() > Some(0.5)));
    assert_eq!((&leg["from"]["kind"], &leg["from"]["id"]), (&json!("rental"), &json!("west")));
    assert_eq!(answer["rejected"], json!([]));
    let again = county_again(&answer).await;
    assert_eq!(again["itineraries"][0]["legs"][1]["rental"]["station_to"]["id"], "east");
    assert_eq!(again["holds"], true);
}

/// The chosen itinerary again, of the same system.
async fn county_again(answer: &Value) -> Value {
    let county = county();
    lay(&county);
    county.app.rentals.replace(vec![HeldRentals { feed: FeedId(1), system: Arc::new(street(2, 1, 60)) }]);
    county.app.journeys.link_rentals(&county.app.rentals, NOW);
    let id = answer["itineraries"][0]["id"].as_str().unwrap();
    county.get(&format!("/v1/journeys/{id}")).await.json()
}

#[tokio::test]
async fn shared_vehicles_that_cannot_be_used_are_rejected_with_the_reason() {
    let reason = |answer: &Value| {
        let of = |field: &str| answer["rejected"][0][field].as_str().unwrap_or("null").to_owned();
        (answer["itineraries"].as_array().unwrap().len(), of("kind"), of("id"), of("reason"))
    };
    let rejected = |why: &str| (0, "rental".to_owned(), "rad".to_owned(), why.to_owned());
    assert_eq!(reason(&ridden(street(0, 1, 60), "").await), rejected("no_vehicle"));
    assert_eq!(reason(&ridden(street(2, 0, 60), "").await), rejected("no_dock"));
    let german = ridden(street(2, 0, 60), "&lang=de").await;
    assert!(german["rejected"][0]["detail"].as_str().unwrap().contains("Rückgabe"), "{german}");
    // Older than five minutes is neither empty nor full.
    let old = ridden(street(0, 0, 301), "").await;
    let rental = &old["itineraries"][0]["legs"][1]["rental"];
    assert_eq!((&rental["vehicle_chance"], &rental["stale"]), (&Value::Null, &json!(true)), "{old}");
    let others = ridden(street(2, 1, 60), "&rental=car,moped").await;
    assert_eq!((&others["itineraries"], &others["rejected"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn chances_are_about_the_arrival() {
    let county = county();
    let asked = async |age_s, arrive_at: UtcMicros| {
        let all = asked(&county, age_s, &format!("near=51.953,7.991&arrive_at={arrive_at}")).await;
        let station = &all["stations"][0];
        (station["vehicle_chance"].as_f64(), station["dock_chance"].as_f64())
    };
    let (soon, late) = (NOW.plus_s(600), NOW.plus_s(10 * 3_600));
    // Nothing is taken back.
    assert_eq!(asked(60, NOW).await, (Some(0.0), Some(0.0)));
    assert_eq!(asked(60, late).await, (None, Some(0.0)));
    assert_eq!(asked(301, NOW).await, (None, None));
    let before = asked(60, soon).await.0.unwrap();
    assert!(0.0 < before && before < 0.5, "{before}");
    // Two weeks with vehicles, but for the last hour.
    let count = |n: i64| StationCount {
        station: "near".into(),
        at: Town::sample_time(NOW).plus_s(900 * (n - 14 * 96)),
        vehicles: Some(if n > 14 * 96 - 4 { 0 } else { 3 }),
        docks: None,
    };
    let counts: Vec<_> = (0..=14 * 96).map(count).collect();
    let mut model = StationModel::new(Calendar::new("Europe/Berlin", None));
    model.learn(&counts, counts[0].at.plus_s(-1), counts[14 * 96].at, 900);
    let learned = LearnedRentals { feed: FeedId(1), system: "rad".into(), model: Arc::new(model) };
    county.app.rentals.replace_learned(vec![learned]);
    let (now, later) = (asked(60, NOW).await.0, asked(60, late).await.0);
    assert!(now == Some(0.0) && later > Some(0.5), "{now:?} {later:?}");
    assert_eq!(asked(301, late).await, (None, None), "whatever was learned");
    for at in [NOW.plus_s(86_401), NOW.plus_s(-61)] {
        let answer = county.get(&format!("/v1/rentals?near=51.953,7.991&arrive_at={at}")).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let [field, remedy] = ["field", "remedy"].map(|name| answer.json()[name].clone());
        assert!(field == "arrive_at" && remedy.is_string(), "{}", answer.body);
    }
}
