//! The forecast in the product: trained from imported years, taken over while it runs, kept over a
//! `kill -9`, caught up with what was stored meanwhile.

use std::fmt::Write;

use serde_json::Value;

use crate::support::{Instance, at, eventually, port_of, publish, town};

const STEP_S: i64 = 900;

const MAPPING: &str = "time_column = \"t\"\ntime_format = \"%Y-%m-%dT%H:%M:%SZ\"\nvalue = \"vacant\"\n\
                       [[column]]\nname = \"Garage\"\nsite = \"garage\"\n";

/// Quarter-hours of three weeks up to the one before now: full in the afternoon.
fn counts() -> String {
    let now = jiff::Timestamp::now().as_second().div_euclid(STEP_S) * STEP_S;
    let mut text = "t,Garage\n".to_owned();
    for i in (0..21 * 96).rev() {
        let at = jiff::Timestamp::from_second(now - i * STEP_S).unwrap();
        let hour = at.as_second().rem_euclid(86_400) as f64 / 3_600.0;
        let vacant = 100.0 - 95.0 * (-((hour - 15.0) / 3.0).powi(2)).exp();
        let _ = writeln!(text, "{at},{}", vacant as u32);
    }
    text
}

async fn item(instance: &Instance, at: &str) -> Option<Value> {
    let (status, answer) = instance.get(&format!("/v1/forecast?site=garage&at={at}")).await;
    (status == 200).then(|| answer["items"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_from_imported_years_is_served_and_outlives_a_kill() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let soon = at(3_600);
    let before = eventually("the town's forecast answers", || item(&instance, &soon)).await;
    assert_eq!((&before["basis"], &before["reason"]), (&"unknown".into(), &"no_data".into()));

    let write = |name: &str, text: &str| {
        let file = instance.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_string_lossy().into_owned()
    };
    let (csv, mapping) = (write("counts.csv", &counts()), write("mapping.toml", MAPPING));
    let (ok, out, err) = instance.command(&["import", "history", &csv, "--mapping", &mapping]);
    assert!(ok && out.contains("2016 new"), "{out}{err}");
    let (ok, out, err) = instance.command(&["forecast", "train", "--municipality", "altdorf"]);
    assert!(ok && out.contains("garage: ok") && out.contains("60 min ahead"), "{out}{err}");

    // The live count says what the forecast stands on.
    let live = format!(r#"{{"at":"{}","vacant":77}}"#, at(-1));
    let topic = "kv/1/alt/site/garage".to_owned();
    publish(port_of(&instance.text("mqtt")), vec![(topic, live.into_bytes())]).await;
    let basis = |wanted: &'static str| {
        let (instance, soon) = (&instance, &soon);
        move || async move { item(instance, soon).await.filter(|item| item["basis"] == wanted) }
    };
    let shown = eventually("the running product has taken it over", basis("history")).await;
    assert!(shown["p_vacant"].is_f64() && shown["vacant"]["expected"].is_f64(), "{shown}");
    let key = instance.admin_key();
    let quality = instance.get_with("/v1/forecast/quality?site=garage", &key).await;
    let hour = &quality["horizons"][2];
    assert_eq!(hour["minutes"], 60);
    assert!(hour["n"].as_u64() > Some(100), "{quality}");
    assert!(hour["mae_pct"].as_f64() < hour["persistence"]["mae_pct"].as_f64(), "{quality}");
    let pool = instance.pool().await;
    let kept = "SELECT m.slug, f.generation, length(f.body) FROM forecast_model f JOIN municipality m ON m.id = f.municipality";
    let model: Vec<(String, i64, i32)> = sqlx::query_as(kept).fetch_all(&pool).await.unwrap();
    assert_eq!(model.len(), 1, "{model:?}");
    pool.close().await;

    instance.kill().await;
    instance.restart().await;
    let again = || item(&instance, &soon);
    let shown = eventually("it is served again", || async {
        again().await.filter(|item| item["basis"] == "history")
    })
    .await;
    assert!(shown["p_vacant"].is_f64(), "{shown}");
    let same = instance.get_with("/v1/forecast/quality?site=garage", &key).await;
    assert!(same["horizons"][2]["n"].as_u64() >= hour["n"].as_u64(), "{same}");
    let pool = instance.pool().await;
    let again: Vec<(String, i64, i32)> = sqlx::query_as(kept).fetch_all(&pool).await.unwrap();
    assert_eq!((&again[0].0, again[0].1), (&model[0].0, model[0].1), "not trained again");

    // The garage always had more spaces: shares were learned wrong, and are learned again from all that is stored.
    let sites = instance.dir.path().join("places/sites.geojson");
    let text = std::fs::read_to_string(&sites).unwrap().replace(r#""capacity":100"#, r#""capacity":125"#);
    std::fs::write(&sites, text).unwrap();
    let (ok, out, err) = instance.command(&["import", "--correct", &sites.to_string_lossy()]);
    assert!(ok && out.contains("forecast"), "{out}{err}");
    eventually("it is learned again", || async {
        let learned: Vec<(String, i64, i32)> = sqlx::query_as(kept).fetch_all(&pool).await.unwrap();
        let wanted: i64 =
            sqlx::query_scalar("SELECT count(*) FROM forecast_again").fetch_one(&pool).await.unwrap();
        (learned[0].1 > model[0].1 && wanted == 0).then_some(())
    })
    .await;
    let served = eventually("it is served", || async {
        item(&instance, &soon).await.filter(|item| item["basis"] == "history")
    })
    .await;
    assert!(served["p_vacant"].is_f64(), "{served}");
    let learned = instance.get_with("/v1/forecast/quality?site=garage", &key).await;
    assert!(learned["horizons"][2]["n"].as_u64() > Some(100), "{learned}");
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trained_says_why() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let (ok, _, err) = instance.command(&["forecast", "train"]);
    assert!(!ok && err.contains("remedy") && err.contains("import history"), "{err}");
    let (ok, _, err) = instance.command(&["forecast", "train", "--municipality", "altdrof"]);
    assert!(!ok && err.contains("altdorf, kreis, neudorf"), "{err}");
    instance.stop().await;
}
