//! Places by name and by position.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use domain::{LatLon, Publish};
use journey::area::Area;
use journey::streets::osm::places::OsmPlace;
use journey::streets::osm::{Coord, OsmData, OsmWay, Tags};
use serde_json::{Value, json};

use super::fixture::{County, NOW, WARENDORF, contents};

pub fn east(metres: f64) -> Coord {
    Coord::from_degrees(WARENDORF.lat, WARENDORF.lon + metres / 68_500.0)
}

/// A street of 400 m with two houses, a pharmacy, a mapped car park with a name and the town itself.
pub fn lay(county: &County) {
    let mut data = OsmData::default();
    data.nodes.extend([(1, east(0.0)), (2, east(400.0))]);
    let street = Tags::new([("highway", "residential"), ("name", "Münsterstraße")]);
    data.ways.push(OsmWay { id: 9, nodes: vec![1, 2], tags: street });
    let place = |id: &str, at: f64, tags: &[(&str, &str)]| OsmPlace {
        id: id.into(),
        tags: Tags::new(tags.iter().copied()),
        lines: vec![vec![east(at)]],
    };
    let house =
        |id, at, number| place(id, at, &[("addr:housenumber", number), ("addr:street", "Münsterstr.")]);
    data.places = vec![
        place("node/1", 0.0, &[("place", "town"), ("name", "Warendorf")]),
        house("node/2", 100.0, "4"),
        house("node/3", 300.0, "12a"),
        place("node/4", 50.0, &[("amenity", "pharmacy"), ("name", "Löwen-Apotheke")]),
        place("way/5", 20.0, &[("amenity", "parking"), ("name", "Parkhaus Emsinsel")]),
    ];
    let feeds: [&Path; 0] = [];
    let area = Area::of(data, &feeds, &mut |_| ()).expect("streets").0;
    let registry = county.hub.read().map.registry().clone();
    county.app.journeys.replace_area(Arc::new(area), &registry);
}

fn county() -> County {
    let county = County::new();
    lay(&county);
    county
}

async fn items(county: &County, question: &str) -> Vec<Value> {
    let answer = county.get(question).await;
    assert_eq!(answer.status, StatusCode::OK, "{question}: {}", answer.body);
    answer.json()["items"].as_array().cloned().unwrap_or_default()
}

/// Kind, name and town of what was found.
async fn found(county: &County, question: &str) -> Vec<String> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or("null").to_owned();
    let items = items(county, question).await;
    items
        .iter()
        .map(|item| ["kind", "name", "municipality"].map(|field| text(item, field)).join(" | "))
        .collect()
}

#[tokio::test]
async fn an_address_is_found_and_says_where_it_is() {
    let county = county();
    let found = items(&county, "/v1/search?q=Muensterstr%204%20warendorf&near=51.953,7.991").await;
    let mut first = found[0].clone();
    let (lat, lon) = (first["lat"].take(), first["lon"].take());
    assert!(lat.as_f64().is_some_and(|lat| (lat - WARENDORF.lat).abs() < 1e-6) && lon.is_f64());
    let expected = json!({ "kind": "address", "id": "way/9/4", "name": "Münsterstraße 4", "detail": "Address",
        "municipality": "Warendorf", "lat": null, "lon": null, "distance_m": 100 });
    assert_eq!(first, expected);
    let other = items(&county, "/v1/search?q=m%C3%BCnsterstr.%2014&lang=de").await;
    assert_eq!(other[0]["name"], "Münsterstraße 12a");
    assert_eq!(other[0]["detail"], "Die gesuchte Hausnummer ist nicht bekannt, die nächste ist 12a");
    assert_eq!(other[0]["distance_m"], Value::Null);
    let german = county.get_with("/v1/search?q=apoteke", &[("accept-language", "de")]).await.json();
    assert_eq!(german["items"][0]["detail"], "Apotheke");
    assert_eq!(german["attribution"][0]["feed"], "openstreetmap");
}

#[tokio::test]
async fn sites_and_towns_are_found_without_any_map() {
    let county = County::new();
    assert_eq!(found(&county, "/v1/search?q=emsinsel").await, ["site | Parkhaus Emsinsel | Warendorf"]);
    assert_eq!(found(&county, "/v1/search?q=TELGT").await[0], "town | Telgte | Telgte");
    let at = format!("/v1/search/at?point={},{}&kind=town", WARENDORF.lat, WARENDORF.lon);
    assert_eq!(found(&county, &at).await, ["town | Warendorf | Warendorf"]);
}

#[tokio::test]
async fn what_the_map_and_the_county_both_have_is_one() {
    let county = county();
    assert_eq!(found(&county, "/v1/search?q=Emsinsel").await, ["site | Parkhaus Emsinsel | Warendorf"]);
    let towns = items(&county, "/v1/search?q=Warendorf&kind=town").await;
    assert_eq!(towns.len(), 1);
    assert_eq!(towns[0]["id"], "warendorf");
}

#[tokio::test]
async fn new_places_are_found_at_once_and_hidden_ones_never() {
    let county = county();
    let all = "/v1/search?q=w-&kind=site&limit=50";
    let near = "/v1/search/at?point=51.953,7.991&kind=site&limit=50";
    for question in [all, near, "/v1/search?q=w-secret", "/v1/search?q=secret"] {
        let answer = county.get(question).await.body;
        assert!(!answer.contains("secret"), "{question}: {answer}");
    }
    assert!(found(&county, "/v1/search?q=Neubau").await.is_empty());
    let mut more = contents();
    let mut site = more.sites[0].clone();
    site.id = domain::SiteId(99);
    (site.def.id, site.def.name) = ("w-new".into(), "Garage Neubau".into());
    site.def.valid_until = Some(NOW.plus_s(60));
    more.sites.push(site.clone());
    county.hub.replace_registry(Arc::new(domain::Registry::new(more.clone())), NOW);
    assert_eq!(found(&county, "/v1/search?q=Neubau").await, ["site | Garage Neubau | Warendorf"]);
    // A place that is none any more.
    let later = NOW.plus_s(61);
    county.at(later);
    assert!(found(&county, "/v1/search?q=Neubau").await.is_empty());
    site.def.publish = Publish::None;
    site.def.valid_until = None;
    *more.sites.last_mut().unwrap() = site;
    county.hub.replace_registry(Arc::new(domain::Registry::new(more)), later);
    assert!(found(&county, "/v1/search?q=Neubau").await.is_empty());
}

#[tokio::test]
async fn around_a_point_the_nearest_come_first() {
    let county = county();
    let LatLon { lat, lon } = east(102.0).degrees();
    let items = items(&county, &format!("/v1/search/at?point={lat},{lon}&limit=4")).await;
    assert_eq!(items[0]["name"], "Münsterstraße 4");
    assert_eq!((items[0]["distance_m"].as_i64(), items.len()), (Some(2), 4));
    let distances: Vec<i64> = items.iter().filter_map(|item| item["distance_m"].as_i64()).collect();
    assert!(distances.is_sorted() && distances.len() == 4, "{distances:?}");
    let streets = found(&county, &format!("/v1/search/at?point={lat},{lon}&kind=street")).await;
    assert_eq!(streets, ["street | Münsterstraße | Warendorf"]);
}

#[tokio::test]
async fn bad_questions_are_refused_and_odd_ones_answered() {
    let county = county();
    let long = format!("/v1/search?q={}", "a".repeat(201));
    for (question, field) in [
        ("/v1/search", "q"),
        ("/v1/search?q=", "q"),
        ("/v1/search?q=%20", "q"),
        ("/v1/search?q=a%00b", "q"),
        (&*long, "q"),
        ("/v1/search?q=a&limit=0", "limit"),
        ("/v1/search?q=a&limit=x", "limit"),
        ("/v1/search?q=a&kind=bay", "kind"),
        ("/v1/search?q=a&near=51.9", "near"),
        ("/v1/search?q=a&near=7.991,51.953", "near"),
        ("/v1/search?q=a&lang=fr", "lang"),
        ("/v1/search?q=a&radius_m=5", "radius_m"),
        ("/v1/search/at", "point"),
        ("/v1/search/at?point=0,0", "point"),
        ("/v1/search/at?point=7.991,51.953", "point"),
        ("/v1/search/at?point=51.953,7.991&q=a", "q"),
    ] {
        let answer = county.get(question).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{question}: {}", answer.body);
        let problem = answer.json();
        assert_eq!(problem["field"], field, "{question}");
        assert!(problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{problem}");
    }
    let most = format!("/v1/search?q={}", "a".repeat(200));
    for question in [
        &*most,
        "/v1/search?q=%21%3F.%2C",
        "/v1/search?q=%F0%9F%9A%B2",
        "/v1/search?q=%27%3B%20DROP%20TABLE%20site%3B--",
        "/v1/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/v1/search?q=%D7%A9%D7%9C%D7%95%D7%9D",
        "/v1/search?q=%E2%80%AEfrodneraW",
        "/v1/search?q=1%202%203%204%205%206%207%208%209",
    ] {
        assert!(items(&county, question).await.is_empty(), "{question}");
    }
    assert!(items(&county, "/v1/search?q=m&limit=1000").await.len() <= 50);
}
