//! Figures of the past follow a correction, and no other import.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// Sets a property of one place in a file.
fn set(file: &Path, id: &str, property: &str, value: Value) {
    let mut all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let places = all["features"].as_array_mut().unwrap();
    let place = places.iter_mut().find(|place| place["properties"]["id"] == id).unwrap();
    place["properties"][property] = value;
    std::fs::write(file, all.to_string()).unwrap();
}

/// Sums of a question's rows: occupied and observed seconds; and the least coverage.
async fn sums(instance: &Instance, key: &str, question: &str) -> [f64; 3] {
    let answer = instance.get_with(question, key).await;
    let rows = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let of = |field: &str| rows.iter().filter_map(|row| row[field].as_f64()).collect::<Vec<f64>>();
    let least = of("coverage").into_iter().fold(1.0, f64::min);
    [of("occupied_s").iter().sum(), of("observed_s").iter().sum(), least]
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

async fn derived(pool: &store::Pool, intervals: i64) {
    let count = "SELECT (SELECT count(*) FROM bay_interval) + (SELECT count(*) FROM site_interval)";
    eventually("all is derived", || async {
        let n: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
        (n == intervals && store::derive::backlog(pool).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_follow_a_correction_and_stand_under_any_other_import() {
    let mut instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let (sites, bays) = (folder.join("sites.geojson"), folder.join("bays.geojson"));
    instance.import(&folder);
    instance.subscribed().await;
    let (from, until) = (at(-8 * 3_600), at(-2 * 3_600));
    let message = |topic: &str, hours: i64, body: &str| {
        (format!("kv/1/alt/{topic}"), format!(r#"{{"at":"{}",{body}}}"#, at(-hours * 3_600)).into_bytes())
    };
    let messages = vec![
        message("site/garage", 10, r#""occupied":50"#),
        message("site/garage", 5, r#""occupied":80"#),
        message("site/garage", 4, r#""vacant":20"#),
        message("bay/a1", 10, r#""state":"vacant""#),
        message("bay/a1", 6, r#""state":"occupied""#),
        message("bay/a1", 2, r#""state":"vacant""#),
        message("bay/a2", 9, r#""state":"vacant""#),
        message("bay/a2", 7, r#""state":"occupied""#),
        message("bay/a2", 3, r#""state":"vacant""#),
    ];
    publish(port_of(&instance.text("mqtt")), messages).await;
    let pool = instance.pool().await;
    derived(&pool, 9).await;
    let key = instance.admin_key();
    let garage = format!("/v1/occupancy?site=garage&bucket=1h&from={from}&to={until}");
    let before = sums(&instance, &key, &garage).await;
    // Three hours of 50, then 80 as it was message and 80 as 20 are vacant.
    let expected = (3.0 * 50.0 + 3.0 * 80.0) * 3_600.0;
    assert!((before[0] - expected).abs() < 100.0 && near(before[2], 1.0), "{before:?} {expected}");

    set(&sites, "garage", "capacity", json!(200));
    let file = sites.to_string_lossy().into_owned();
    let (ok, out, err) = instance.command(&["import", "--check", "--correct", &file]);
    assert!(ok, "{err}");
    for part in [
        "1 version would be rewritten",
        "site garage from the beginning: capacity 100 -> 200",
        "derived again: occupancy, coverage",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(instance.get("/v1/sites/garage").await.1["capacity"], 100, "nothing was done");

    let (ok, out, err) = instance.command(&["import", "--correct", &file]);
    assert!(ok && out.contains("1 version rewritten"), "{out}{err}");
    let done = Instant::now();
    eventually("live state has it", || async {
        let (_, site) = instance.get("/v1/sites/garage").await;
        (site["capacity"] == 200 && site["vacant"] == 20 && site["occupied"] == 180).then_some(())
    })
    .await;
    assert!(done.elapsed() < Duration::from_secs(1), "{:?}", done.elapsed());
    // Of 200 spaces 20 are vacant: so many more are taken in the last two of the six hours.
    let expected = before[0] + 2.0 * 100.0 * 3_600.0;
    let is_corrected = async |instance: &Instance| {
        let [occupied, observed, coverage] = sums(instance, &key, &garage).await;
        let is_so = (occupied - expected).abs() < 200.0 && near(observed, 2.0 * before[1]);
        (is_so && near(coverage, 1.0)).then_some(())
    };
    eventually("the figures follow", || is_corrected(&instance)).await;
    let (was, is): (Value, Value) = sqlx::query_as(
        "SELECT before -> 'capacity', after -> 'capacity' FROM audit WHERE action = 'correct'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!((was, is), (json!(100), json!(200)), "the audit keeps both");
    let (ok, out, _) = instance.command(&["import", "--correct", &file]);
    assert!(ok && out.contains("corrections: none"), "{out}");

    // What holds from now on changes nothing of the past.
    set(&sites, "garage", "capacity", json!(120));
    instance.import(&sites);
    eventually("live state has it", || async {
        (instance.get("/v1/sites/garage").await.1["capacity"] == 120).then_some(())
    })
    .await;
    // Bays: a1 was for disabled people all along. The product is down meanwhile, and was killed.
    instance.kill().await;
    set(&bays, "a1", "restriction", json!("disabled"));
    let (ok, out, err) = instance.command(&["import", "--correct", &bays.to_string_lossy()]);
    assert!(ok && out.contains("bay a1 from the beginning: restrictions"), "{out}{err}");
    instance.restart().await;
    let by = format!("/v1/occupancy?site=markt&group_by=restriction&bucket=1h&from={from}&to={until}");
    eventually("it counts for them from the beginning", || async {
        let answer = instance.get_with(&by, &key).await;
        let of = |who: &str, field: &str| -> f64 {
            let rows = answer["items"].as_array().into_iter().flatten();
            rows.filter(|r| r["restriction"] == who).filter_map(|r| r[field].as_f64()).sum()
        };
        let is_so = (of("disabled", "occupied_s") - 4.0 * 3_600.0).abs() < 10.0
            && (of("disabled", "arrivals"), of("none", "arrivals")) == (1.0, 1.0)
            && near(of("none", "observed_s"), 6.0 * 3_600.0);
        is_so.then_some(())
    })
    .await;
    eventually("the garage's past stands", || is_corrected(&instance)).await;

    // a1 was occupied for four hours. A limit from now on makes no overstay of that; one that always held does.
    let overstays = async || {
        let answer =
            instance.get_with(&format!("/v1/stays?bay=a1&from={}&to={}", at(-8 * 3_600), at(0)), &key).await;
        answer["items"][0]["overstays"].clone()
    };
    assert_eq!(overstays().await, 0);
    set(&bays, "a1", "max_stay_min", json!(60));
    instance.import(&bays);
    assert_eq!(overstays().await, 0);
    set(&bays, "a2", "max_stay_min", json!(60));
    set(&bays, "a1", "max_stay_min", json!(30));
    let (ok, out, err) = instance.command(&["import", "--correct", &bays.to_string_lossy()]);
    assert!(ok && out.contains("max_stay_min 60 -> 30; derived again: overstays"), "{out}{err}");
    assert_eq!(overstays().await, 0, "the version in force began after it");
    let a2 = format!("/v1/stays?bay=a2&from={}&to={}", at(-8 * 3_600), at(0));
    eventually("the limit of a2 always held", || async {
        (instance.get_with(&a2, &key).await["items"][0]["overstays"] == 1).then_some(())
    })
    .await;
    pool.close().await;
    instance.stop().await;
}
