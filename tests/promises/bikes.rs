//! A town with car parks and bike racks, whose figures stay separate.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// Adds racks and lockable boxes to the town of the tests, beside a car park in the same zone.
fn with_bikes(folder: &Path) {
    let edit = |name: &str, edit: &dyn Fn(&mut Vec<Value>)| {
        let file = folder.join(name);
        let mut all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        edit(all["features"].as_array_mut().unwrap());
        std::fs::write(&file, all.to_string()).unwrap();
    };
    let feature = |properties: Value| {
        json!({"type": "Feature", "properties": properties,
            "geometry": {"type": "Point", "coordinates": [7.2003, 51.9001]}})
    };
    let site = |id: &str, capacity: u32, zone: Option<&str>| {
        feature(json!({"id": id, "municipality": "altdorf", "name": id, "kind": "lot", "capacity": capacity,
            "purpose": "bike", "zone": zone}))
    };
    edit("sites.geojson", &|sites| {
        let garage = sites.iter_mut().find(|s| s["properties"]["id"] == "garage").unwrap();
        garage["properties"]["zone"] = json!("mitte");
        sites.extend([site("rack", 20, Some("mitte")), site("boxes", 2, None)]);
    });
    edit("bays.geojson", &|bays| {
        let one = |id: &str| feature(json!({"id": id, "municipality": "altdorf", "site": "boxes"}));
        bays.extend([one("box1"), one("box2")]);
    });
}

struct Request<'a> {
    instance: &'a Instance,
    key: &'a str,
    period: String,
}

impl Request<'_> {
    async fn rows(&self, what: &str, places: &str) -> Vec<Value> {
        let answer = self.instance.get_with(&format!("/v1/{what}?{places}&{}", self.period), self.key).await;
        answer["items"].as_array().unwrap_or_else(|| panic!("{places}: {answer}")).clone()
    }

    /// Hours of occupied spaces.
    async fn occupied_h(&self, places: &str) -> f64 {
        let rows = self.rows("occupancy", &format!("{places}&bucket=1h")).await;
        let sum: f64 = rows.iter().filter_map(|row| row["occupied_s"].as_f64()).sum();
        (sum / 360.0).round() / 10.0
    }

    async fn ids(&self, what: &str, places: &str, of: &str) -> BTreeSet<String> {
        let rows = self.rows(what, places).await;
        rows.iter().map(|row| row[of].as_str().unwrap_or("").to_owned()).collect()
    }
}

fn ids(items: &Value) -> BTreeSet<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cars_and_bikes_are_found_and_summed_up_apart() {
    let mut instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    with_bikes(&folder);
    instance.import(&folder);
    instance.subscribed().await;
    let period = format!("from={}&to={}", at(-5 * 3_600), at(-3_600));
    let message = |topic: &str, hours: i64, body: &str| {
        (format!("kv/1/alt/{topic}"), format!(r#"{{"at":"{}",{body}}}"#, at(-hours * 3_600)).into_bytes())
    };
    let (vacant, occupied) = (r#""state":"vacant""#, r#""state":"occupied""#);
    let messages = vec![
        message("site/garage", 6, r#""occupied":50"#),
        message("site/rack", 6, r#""occupied":10"#),
        message("bay/a1", 6, vacant),
        message("bay/a1", 4, occupied),
        message("bay/a1", 2, vacant),
        message("bay/box1", 6, vacant),
        message("bay/box1", 4, occupied),
        message("bay/box1", 3, vacant),
        message("bay/box2", 6, vacant),
    ];
    publish(port_of(&instance.text("mqtt")), messages).await;
    let pool = instance.pool().await;
    eventually("all is derived", || async {
        let sql = "SELECT (SELECT count(*) FROM bay_interval) + (SELECT count(*) FROM site_interval)";
        let n: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        (n == 9 && store::derive::backlog(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    let key = instance.admin_key();

    for (purpose, of_all, of_zone, sites, bays) in [
        ("", 202.0, 200.0, ["garage", "markt"], &["a1", "a2", "a3", "a-home"][..]),
        ("&purpose=car", 202.0, 200.0, ["garage", "markt"], &["a1", "a2", "a3", "a-home"]),
        ("&purpose=bike", 41.0, 40.0, ["boxes", "rack"], &["box1", "box2"]),
    ] {
        let asked = Request { instance: &instance, key: &key, period: period.clone() };
        let of = |places: &str| format!("{places}{purpose}");
        assert_eq!(asked.occupied_h(&of("municipality=altdorf")).await, of_all, "{purpose}");
        assert_eq!(asked.occupied_h(&of("bbox=7.1,51.8,7.25,51.92")).await, of_all, "{purpose}");
        assert_eq!(asked.occupied_h(&of("municipality=altdorf&zone=mitte")).await, of_zone, "{purpose}");
        // A count as a whole says nothing of single restrictions.
        for (by, expected) in [("site", of_all), ("municipality", of_all), ("restriction", of_all - of_zone)]
        {
            let sum = asked.occupied_h(&of(&format!("municipality=altdorf&group_by={by}"))).await;
            assert_eq!(sum, expected, "{purpose} by {by}");
        }
        let by_site = asked.ids("occupancy", &of("municipality=altdorf&group_by=site"), "site").await;
        assert_eq!(by_site, set(&sites), "{purpose}");
        let by_bay = asked.ids("stays", &of("municipality=altdorf&group_by=bay"), "bay").await;
        assert!(by_bay.iter().all(|bay| bays.contains(&bay.as_str())) && !by_bay.is_empty(), "{by_bay:?}");
        let stays = asked.rows("stays", &of("municipality=altdorf")).await;
        assert_eq!(stays[0]["count"], 1, "{purpose}: {stays:?}");
        // What is named is what it is.
        assert_eq!(asked.occupied_h(&of("site=rack")).await, 40.0);
        assert_eq!(asked.occupied_h(&of("site=boxes")).await, 1.0);
        assert_eq!(asked.occupied_h(&of("bay=box1")).await, 1.0);
        assert_eq!(asked.occupied_h(&of("site=garage")).await, 200.0);

        let near = of("/v1/parking?near=51.9,7.2&kind=bay,site");
        let (_, parking) = instance.get(&near).await;
        let found = ids(&parking["items"]);
        let all: BTreeSet<String> = sites.iter().chain(bays).map(|id| (*id).to_owned()).collect();
        assert!(found.is_subset(&all) && sites.iter().all(|site| found.contains(*site)), "{near}: {found:?}");
        let named = if purpose == "&purpose=bike" { "bike" } else { "car" };
        assert!(
            parking["items"].as_array().unwrap().iter().all(|item| item["purpose"] == named),
            "{parking}"
        );
    }
    for question in ["occupancy?municipality=altdorf&from=2026-01-01&to=2026-01-02", "parking?near=51.9,7.2"]
    {
        let answer = instance.get_with(&format!("/v1/{question}&purpose=boat"), &key).await;
        assert_eq!((&answer["status"], &answer["field"]), (&json!(400), &json!("purpose")), "{answer}");
    }
    // Forecasts are listed apart too; from the past, so they are there after a start.
    instance.kill().await;
    instance.restart().await;
    let soon = at(1_800);
    // A count of six hours ago is no state any more, but what was learned of it.
    eventually("the rack has a forecast", || async {
        let (_, rack) = instance.get(&format!("/v1/forecast?site=rack&at={soon}")).await;
        (rack["items"][0]["p_vacant"].as_f64() > Some(0.5)).then_some(())
    })
    .await;
    for (purpose, sites) in [("", ["garage", "markt"]), ("&purpose=bike", ["boxes", "rack"])] {
        let question = format!("/v1/forecast/quality?municipality=altdorf{purpose}");
        let listed = eventually("the forecast knows the sites", || async {
            let sites = ids(&instance.get_with(&question, &key).await["sites"]);
            (!sites.is_empty()).then_some(sites)
        })
        .await;
        assert!(listed.is_subset(&set(&sites)), "{purpose}: {listed:?}");
    }

    // The boxes were never for bikes; and from now on cars stand where the rack is.
    let file = folder.join("sites.geojson");
    let change = |id: &str| {
        let mut all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let sites = all["features"].as_array_mut().unwrap();
        let site = sites.iter_mut().find(|s| s["properties"]["id"] == id).unwrap();
        site["properties"]["purpose"] = json!("car");
        std::fs::write(&file, all.to_string()).unwrap();
    };
    let asked = Request { instance: &instance, key: &key, period };
    let sums = || async {
        let cars = asked.occupied_h("municipality=altdorf").await;
        (cars, asked.occupied_h("municipality=altdorf&purpose=bike").await)
    };
    change("boxes");
    let (ok, out, err) = instance.command(&["import", "--correct", &file.to_string_lossy()]);
    assert!(ok && out.contains("purpose bike -> car"), "{out}{err}");
    eventually("they are summed up with the cars'", || async {
        (sums().await == (203.0, 40.0)).then_some(())
    })
    .await;
    change("rack");
    instance.import(&file);
    eventually("cars are sent there", || async {
        let (_, parking) = instance.get("/v1/parking?near=51.9,7.2").await;
        ids(&parking["items"]).contains("rack").then_some(())
    })
    .await;
    eventually("the change is derived", || async {
        (store::derive::backlog(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(sums().await, (203.0, 40.0), "the past counts by what was parked then");
    let by_site = asked.ids("occupancy", "municipality=altdorf&group_by=site&purpose=bike", "site").await;
    assert_eq!(by_site, set(&["rack"]));
    pool.close().await;
    instance.stop().await;
}
