//! Shared vehicles, as whoever looks for one sees them.

use std::sync::Arc;

use domain::rental::{
    FormFactor, Localized, Propulsion, ReturnRule, Station, StationStatus, System, TypeIndex, Vehicle,
    VehicleType,
};
use domain::{FeedFormat, FeedId, LatLon, UtcMicros};
use serde_json::{Value, json};
use testing::World;

use super::fixture::{County, NOW, WARENDORF};
use crate::HeldRentals;

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
