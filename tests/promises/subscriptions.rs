//! Which messages reach the product: from when an import returns, until no feed names their topic.

use std::path::Path;

use serde_json::Value;

use crate::support::{Instance, Mosquitto, at, eventually, free_port, port_of, publish, town};

fn state(feed: &str, seq: usize) -> (String, Vec<u8>) {
    let payload = format!(r#"{{"at":"{}","state":"occupied","seq":{seq}}}"#, at(0));
    (format!("kv/1/{feed}/bay/a1"), payload.into_bytes())
}

/// Adds a feed to the town's files.
fn add_feed(folder: &Path, id: &str, rest: &str) {
    let file = folder.join("feeds.toml");
    let feeds = std::fs::read_to_string(&file).unwrap();
    let feed =
        format!("\n[[feed]]\nid = \"{id}\"\nmunicipality = \"altdorf\"\nformat = \"native\"\n{rest}\n");
    std::fs::write(file, feeds + &feed).unwrap();
}

async fn stored(instance: &Instance) -> i64 {
    let pool = instance.pool().await;
    let rows = sqlx::query_scalar("SELECT count(*) FROM bay_observation").fetch_one(&pool).await.unwrap();
    pool.close().await;
    rows
}

async fn held(instance: &Instance) -> Vec<(String, String)> {
    let pool = instance.pool().await;
    let sql = "SELECT broker, filter FROM mqtt_subscription ORDER BY broker, filter";
    let rows = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
    pool.close().await;
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_when_an_import_has_returned_is_stored() {
    const ROUNDS: usize = 5;
    let instance = Instance::serve(&[]).await;
    let broker = port_of(&instance.text("mqtt"));
    let folder = town(instance.dir.path());
    for round in 0..ROUNDS {
        let id = format!("new{round}");
        add_feed(&folder, &id, &format!("topic = \"kv/1/{id}/#\""));
        instance.import(&folder);
        publish(broker, vec![state(&id, round)]).await;
    }
    eventually("all are stored", || async { (stored(&instance).await == ROUNDS as i64).then_some(()) }).await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_which_broker_cannot_be_reached() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let broker = format!("\n[[broker]]\nid = \"away\"\nurl = \"mqtt://127.0.0.1:{}\"\n", free_port());
    let file = folder.join("feeds.toml");
    let feeds = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, feeds + &broker).unwrap();
    add_feed(&folder, "far", "broker = \"away\"\ntopic = \"kv/1/far/#\"");
    let (ok, out, err) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(ok, "{out}{err}");
    assert!(err.contains("broker 'away'"), "{err}");
    instance.counted("kv_ingest_broker_connected{broker=\"away\"} 0").await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_no_feed_names_any_more_are_ended_at_the_broker() {
    let mosquitto = Mosquitto::start();
    let mut instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let broker = format!("\n[[broker]]\nid = \"town\"\nurl = \"{}\"\n", mosquitto.url());
    let file = folder.join("feeds.toml");
    let feeds = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{feeds}{broker}")).unwrap();
    add_feed(&folder, "m", "broker = \"town\"\ntopic = \"kv/1/m/#\"");
    let with_first = std::fs::read_to_string(&file).unwrap();
    instance.import(&folder);
    publish(mosquitto.port, vec![state("m", 1)]).await;
    eventually("it is stored", || async { (stored(&instance).await == 1).then_some(()) }).await;

    // Another filter while nothing runs.
    instance.end().await;
    let moved = with_first.replace("kv/1/m/#", "kv/1/m/bay/+");
    std::fs::write(&file, &moved).unwrap();
    instance.import(&folder);
    instance.restart().await;
    eventually("the old filter is ended", || async {
        let of_town = |h: &(String, String)| h.0 == "town";
        let held: Vec<_> = held(&instance).await.into_iter().filter(of_town).collect();
        (held == [("town".to_owned(), "kv/1/m/bay/+".to_owned())]).then_some(())
    })
    .await;
    let elsewhere = ("kv/1/m/site/garage".to_owned(), format!(r#"{{"at":"{}","occupied":1}}"#, at(0)).into());
    publish(mosquitto.port, vec![elsewhere, state("m", 2)]).await;
    eventually("the new one holds", || async { (stored(&instance).await == 2).then_some(()) }).await;
    instance.counted("kv_ingest_messages_total 1").await;
    instance.counted("kv_ingest_unmatched_messages_total 0").await;

    // No feed names the broker any more.
    std::fs::write(
        &file,
        moved.replace("broker = \"town\"\ntopic = \"kv/1/m/bay/+\"", "topic = \"kv/1/m/#\""),
    )
    .unwrap();
    instance.import(&folder);
    eventually("nothing is held there", || async {
        (!held(&instance).await.iter().any(|h| h.0 == "town")).then_some(())
    })
    .await;
    let metrics = ureq::get(format!("{}/metrics", instance.text("http"))).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    assert!(!metrics.contains("broker=\"town\"} 1\nkv_ingest_broker_connected"), "{metrics}");
    publish(port_of(&instance.text("mqtt")), vec![state("m", 3)]).await;
    eventually("the feed goes on elsewhere", || async { (stored(&instance).await == 3).then_some(()) }).await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_no_feed_reads_leaves_a_trace_for_its_town() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let key = |role: &str, town: &str| {
        let (ok, key, err) = instance.command(&["key", "create", "--role", role, "--municipality", town]);
        assert!(ok, "{err}");
        key.trim().to_owned()
    };
    let (altdorf, neudorf) = (key("installer", "altdorf"), key("operator", "neudorf"));
    let wrong =
        [("/kv/1/alt/bay/a1".to_owned(), b"{}".to_vec()), ("kv/1/atl/bay/x".to_owned(), b"{}".to_vec())];
    publish(port_of(&instance.text("mqtt")), wrong.to_vec()).await;
    publish(port_of(&instance.text("mqtt")), wrong.to_vec()).await;
    instance.counted("kv_ingest_unmatched_messages_total 4").await;
    let admin = instance.admin_key();
    let topics = |answer: &Value| -> Vec<(String, u64)> {
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let of = |i: &Value| (i["topic"].as_str().unwrap().to_owned(), i["messages"].as_u64().unwrap());
        let mut topics: Vec<_> = items.iter().map(of).collect();
        topics.sort();
        topics
    };
    let path = "/v1/unmatched-topics";
    let all = eventually("it is noted", || async {
        Some(topics(&instance.get_with(path, &admin).await))
            .filter(|t| t.len() == 2 && t.iter().all(|t| t.1 == 2))
    })
    .await;
    assert_eq!(all[0].0, "/kv/1/alt/bay/a1");
    // The first names a feed and a bay of Altdorf, the second nobody's.
    assert_eq!(topics(&instance.get_with(path, &altdorf).await), [("/kv/1/alt/bay/a1".to_owned(), 2)]);
    assert_eq!(topics(&instance.get_with(path, &neudorf).await), []);
    assert_eq!(instance.get(path).await.0, 401);
    instance.stop().await;
}
