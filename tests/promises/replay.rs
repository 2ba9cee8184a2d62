//! Rejected messages are replayed once their cause is fixed: in one process, and in several.

use std::process::Command;

use private_pg::PrivatePg;
use serde_json::{Value, json};

use crate::support::{BIN, Instance, Mosquitto, at, chirpstack, eventually, port_of, publish, town};

const REPLAY: &str = "/v1/rejections/replay";

/// Replays what `filter` says; the status and the numbers.
async fn replay(instance: &Instance, key: &str, query: &str, filter: &str) -> (u16, Value) {
    let (status, answer) = instance.post(&format!("{REPLAY}{query}"), key, filter).await;
    let number = |name: &str| (name.to_owned(), answer[name].clone());
    let numbers = ["replayed", "stored", "rejected", "left"].map(number);
    (status, Value::Object(numbers.into_iter().collect()))
}

/// How many rejections are listed.
async fn rejected(instance: &Instance, key: &str) -> usize {
    instance.get_with("/v1/rejections", key).await["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sensors_message_counts_once_it_is_known_as_of_its_time() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let key = instance.admin_key();
    let port = port_of(&instance.text("mqtt"));
    let (topic, body) = chirpstack("70b3d57ed00000ff", 1, 1, "AQ==");
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    publish(port, vec![(topic.clone(), body.clone()), ("kv/1/alt/bay/a1".into(), b"{".to_vec())]).await;
    eventually("both are rejected", || async { (rejected(&instance, &key).await == 2).then_some(()) }).await;

    // Nothing is fixed yet: it stays as it is.
    let none = json!({ "replayed": 1, "stored": 0, "rejected": 1, "left": 0 });
    let filter = r#"{"feed": "lora", "reason": "unknown_sensor"}"#;
    assert_eq!(replay(&instance, &key, "", filter).await, (200, none));
    let kept = instance.get_with("/v1/rejections?feed=lora", &key).await["items"][0].clone();
    assert_eq!(kept["reason"], "unknown_sensor");
    assert!(kept["replayed_at"].is_string());

    let row = "id,feed,decoder,bay\n70B3D57ED0000003,lora,,\n70B3D57ED00000FF,lora,bosch-tps110,n2\n";
    std::fs::write(folder.join("sensors.csv"), row).unwrap();
    instance.import(&folder.join("sensors.csv"));
    // A trial says what would happen, and changes nothing.
    let (status, trial) = instance.post(&format!("{REPLAY}?dry_run&reason=unknown_sensor"), &key, "").await;
    assert_eq!((status, &trial["stored"], &trial["dry_run"]), (200, &json!(1), &json!(true)), "{trial}");
    assert_eq!(trial["places"], json!([{ "kind": "bay", "id": "n2", "statements": 1 }]));
    assert_eq!(instance.get_with(&format!("{REPLAY}/{}", trial["id"]), &key).await, trial);
    assert_eq!(rejected(&instance, &key).await, 2);
    assert_eq!(instance.get("/v1/bays/n2").await.1["state"], "unknown");
    let answer = replay(&instance, &key, &format!("?ids={}", kept["id"]), "").await;
    assert_eq!(answer, (200, json!({ "replayed": 1, "stored": 1, "rejected": 0, "left": 0 })));
    let bay = eventually("the bay has its state", || async {
        let (_, bay) = instance.get("/v1/bays/n2").await;
        (bay["state"] == "occupied").then_some(bay)
    })
    .await;
    let instant = |v: &serde_json::Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(instant(&bay["observed_at"]).as_microsecond(), instant(&sent["time"]).as_microsecond());
    let heard = instance.get_with("/v1/sensors/70b3d57ed00000ff/messages", &key).await["items"].clone();
    assert_eq!((heard.as_array().unwrap().len(), &heard[0]["outcome"]), (1, &json!("stored")));
    assert_eq!(heard[0]["received_at"], kept["received_at"]);
    assert_eq!(rejected(&instance, &key).await, 1);

    // Delivered again it changes nothing, and whoever looks for it finds it.
    publish(port, vec![(topic.clone(), body.clone()), (topic, body)]).await;
    let heard = eventually("the redeliveries are noted", || async {
        let heard = instance.get_with("/v1/sensors/70b3d57ed00000ff/messages", &key).await["items"].clone();
        (heard[0]["times"] == 2).then_some(heard)
    })
    .await;
    let outcomes: Vec<&str> =
        heard.as_array().unwrap().iter().map(|m| m["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["duplicate", "stored"]);
    assert_eq!(instance.get_with("/v1/sensors/70b3d57ed00000ff", &key).await["messages"], 1);
    let first = instance.get_with("/v1/sensors/70b3d57ed00000ff/messages?limit=1", &key).await;
    let next =
        format!("/v1/sensors/70b3d57ed00000ff/messages?limit=1&cursor={}", first["cursor"].as_str().unwrap());
    assert_eq!(instance.get_with(&next, &key).await["items"][0]["outcome"], "stored");

    let pool = instance.pool().await;
    let audited: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'replay' AND actor LIKE 'key %'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(audited, 2);
    assert_eq!(instance.post(REPLAY, &key, "").await.0, 400);
    assert_eq!(instance.post(REPLAY, &"ab".repeat(32), filter).await.0, 401);
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_comes_back_across_processes() {
    let (mosquitto, dir) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let database = PrivatePg::start(&dir.path().join("data")).await.unwrap();
    let (url, broker) = (database.url(), mosquitto.url());
    let run = |args: &[&str]| {
        let done = Command::new(BIN).args(args).args(["--database-url", &url]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    let ingest = ["ingest", "--database-url", &url, "--mqtt-url", &broker, "--ops-http", "127.0.0.1:0"];
    let worker = Instance::run(&ingest).await;
    let api = Instance::run(&["api", "--database-url", &url, "--http", "127.0.0.1:0"]).await;
    let folder = town(dir.path());
    run(&["import", &folder.to_string_lossy()]);
    worker.subscribed().await;
    let key = run(&["key", "create", "--role", "installer", "--municipality", "altdorf"]);
    let t = at(-5);
    let batch = format!(
        r#"[{{"topic":"bay/a1","at":"{t}","state":"occupied"}},{{"topic":"bay/x1","at":"{t}","state":"occupied"}},
           {{"topic":"bay/x2","at":"{t}","state":"occupied"}},{{"topic":"bay/a2","state":"vacant"}},"x"]"#
    );
    publish(mosquitto.port, vec![("kv/1/alt/batch".into(), batch.into_bytes())]).await;
    eventually("four of its elements are rejected", || async {
        let items = api.get_with("/v1/rejections", &key).await["items"].clone();
        (items[0]["count"] == 4 && items.as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    let bay = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"x1","municipality":"altdorf"},"geometry":{"type":"Point","coordinates":[7.2,51.9]}}]}"#;
    std::fs::write(folder.join("bays.geojson"), bay).unwrap();
    run(&["import", &folder.join("bays.geojson").to_string_lossy()]);
    // The whole batch is processed again: what was accepted is a duplicate, what is fixed is new.
    let answer = replay(&api, &key, "", r#"{"reason": "unknown_place"}"#).await;
    assert_eq!(answer, (200, json!({ "replayed": 1, "stored": 0, "rejected": 1, "left": 0 })));
    eventually("the new bay has its state", || async {
        (api.get("/v1/bays/x1").await.1["state"] == "occupied").then_some(())
    })
    .await;
    let items = api.get_with("/v1/rejections", &key).await["items"].clone();
    let [left] = &items.as_array().unwrap()[..] else { panic!("{items}") };
    assert_eq!((&left["count"], &left["reason"]), (&json!(3), &json!("malformed")));
    let named: Vec<&serde_json::Value> =
        left["examples"].as_array().unwrap().iter().map(|e| &e["device"]).collect();
    assert_eq!(named, [&json!("a2"), &json!("x2"), &json!(null)]);

    // Another town's installer replays nothing of it.
    let stranger = run(&["key", "create", "--role", "installer", "--municipality", "neudorf"]);
    let answer = replay(&api, &stranger, "", r#"{"before": "2100-01-01T00:00:00Z"}"#).await;
    assert_eq!(answer, (200, json!({ "replayed": 0, "stored": 0, "rejected": 0, "left": 0 })));
    worker.stop().await;
    let (status, problem) = api.post(REPLAY, &key, r#"{"feed": "alt"}"#).await;
    assert!(status == 503 && problem["detail"].as_str().unwrap().contains("no ingest"), "{problem}");
    api.stop().await;
    database.stop().await.unwrap();
}
