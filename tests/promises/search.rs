//! Places by name, in the sample county and after imports.

use serde_json::{Value, json};

use super::support::{Instance, eventually};

const CENTRE: &str = "51.9440,7.1680";

async fn found(demo: &Instance, question: &str) -> Vec<Value> {
    let (status, answer) = demo.get(question).await;
    assert_eq!(status, 200, "{question}: {answer}");
    answer["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_stops_and_sites_are_found_by_what_people_type() {
    let demo = Instance::run(&["demo", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]).await;
    let around = format!("/v1/search/at?point={CENTRE}&limit=50");
    let house = eventually("the map is loaded", || async {
        found(&demo, &format!("{around}&kind=address")).await.into_iter().next()
    })
    .await;
    assert_eq!(house["municipality"], "Steverstadt", "{house}");
    // An address, folded, with its town and a letter wrong.
    let name = house["name"].as_str().unwrap();
    let (street, number) = name.rsplit_once(' ').unwrap();
    let wrong = format!("{}x{}", &street[..1], &street[1..]);
    let city = "Steverstadt";
    for typed in [
        format!("{name} {city}"),
        format!("{} {number} {city}", street.to_uppercase()),
        format!("{wrong} {number} {city}"),
    ] {
        let typed = typed.replace(' ', "%20");
        let first = found(&demo, &format!("/v1/search?q={typed}&near={CENTRE}")).await;
        assert!(first.iter().any(|hit| hit["name"] == name), "{typed}: {first:?}");
    }
    for kind in ["stop", "site", "town"] {
        let near = found(&demo, &format!("{around}&kind={kind}")).await;
        let first = near.first().unwrap_or_else(|| panic!("no {kind} in {CENTRE}"));
        assert!(first["municipality"].is_string(), "{first}");
        let by_name = format!(
            "/v1/search?q={}&kind={kind}&near={CENTRE}",
            first["name"].as_str().unwrap().replace(' ', "%20")
        );
        let again = found(&demo, &by_name).await;
        assert!(again.iter().any(|hit| hit["id"] == first["id"]), "{first} by {by_name}: {again:?}");
    }
    // What is imported is found at once, what is hidden is not.
    let folder = demo.dir.path().join("more");
    std::fs::create_dir_all(&folder).unwrap();
    let site = |id: &str, name: &str, publish: &str| {
        json!({ "type": "Feature", "geometry": { "type": "Point", "coordinates": [7.1680, 51.9440] },
            "properties": { "id": id, "municipality": "steverstadt", "name": name, "kind": "lot", "capacity": 5, "publish": publish } })
    };
    let sites = json!({ "type": "FeatureCollection",
        "features": [site("new-lot", "Wiese am Zoo", "public"), site("staff", "Wiese der Verwaltung", "none")] });
    std::fs::write(folder.join("sites.geojson"), sites.to_string()).unwrap();
    demo.import(&folder);
    let hits = eventually("the new site is found", || async {
        Some(found(&demo, "/v1/search?q=wiese&kind=site").await).filter(|hits| !hits.is_empty())
    })
    .await;
    let ids: Vec<&str> = hits.iter().filter_map(|hit| hit["id"].as_str()).collect();
    assert_eq!(ids, ["new-lot"]);
    demo.stop().await;
}
