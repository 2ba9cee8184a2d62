//! Suppliers' messages, from the broker to what an installer sees of them.

use serde_json::{Value, json};

use crate::support::{Instance, at, chirpstack, eventually, port_of, publish, town};

async fn sensor(instance: &Instance, key: &str, id: &str) -> Value {
    instance.get_with(&format!("/v1/sensors/{id}"), key).await
}

async fn messages(instance: &Instance, key: &str, id: &str) -> Vec<Value> {
    let found = instance.get_with(&format!("/v1/sensors/{id}/messages"), key).await;
    found["items"].as_array().unwrap().clone()
}

fn broken(device: &str) -> (String, Vec<u8>) {
    (format!("application/a/device/{device}/event/up"), format!("{{\"{device}\":").into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn installers_find_the_messages_of_their_devices_and_places() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let (port, key) = (port_of(&instance.text("mqtt")), instance.admin_key());
    let (well, bad) = ("70b3d57ed0000001", "70b3d57ed0000003");
    let bay =
        |bay: &str, body: &str| (format!("kv/1/alt/bay/{bay}"), body.replace('@', &at(-1)).into_bytes());
    let good = r#"{"at":"@","state":"occupied"}"#;

    // One broken frame says nothing about a sensor, nor does it hide the bay.
    publish(
        port,
        vec![chirpstack(well, 1, 1, "AQ=="), broken(well), chirpstack(bad, 2, 1, "AQ=="), broken(bad)],
    )
    .await;
    publish(
        port,
        vec![bay("a1", good), bay("a1", "{"), bay("a2", "nan"), bay("a2", "{}"), bay("nowhere", good)],
    )
    .await;
    let seen = eventually("the broken frame is its sensor's", || async {
        let seen = messages(&instance, &key, well).await;
        (seen.len() == 2
            && messages(&instance, &key, "a2").await.len() == 2
            && sensor(&instance, &key, "nowhere").await["health"] == "new")
            .then_some(seen)
    })
    .await;
    let mut outcomes: Vec<&str> = seen.iter().map(|m| m["outcome"].as_str().unwrap()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["rejected:malformed", "stored"]);
    assert!(seen.iter().any(|m| m["detail"].as_str().is_some_and(|d| d.contains("breaks off"))), "{seen:?}");
    assert_eq!(instance.get("/v1/bays/n1").await.1["state"], "occupied");
    assert_eq!(sensor(&instance, &key, well).await["health"], "ok");
    assert_eq!(sensor(&instance, &key, bad).await["health"], "ok", "two are not enough");
    let a1 = sensor(&instance, &key, "a1").await;
    assert_eq!((&a1["health"], &a1["kind"], &a1["format"]), (&json!("ok"), &json!("bay"), &json!("native")));
    assert_eq!((&a1["feed"], &a1["binding"]["bay"]), (&json!("alt"), &json!("a1")));
    assert_eq!(a1["binding"]["heartbeat_s"], 86_400);
    assert_eq!(sensor(&instance, &key, "a2").await["health"], "ok", "two are not enough");
    assert_eq!(sensor(&instance, &key, "nowhere").await["kind"], "place");

    // Three in a row, or two after one that was believed.
    publish(
        port,
        vec![
            (broken(bad).0, b"[]".to_vec()),
            (broken(well).0, b"[]".to_vec()),
            bay("a2", "[]"),
            bay("a1", "[]"),
        ],
    )
    .await;
    eventually("what is rejected only is faulty", || async {
        let faulty = instance.get_with("/v1/sensors?health=faulty", &key).await["items"].clone();
        let ids: Vec<&str> = faulty.as_array()?.iter().filter_map(|s| s["id"].as_str()).collect();
        (ids == [bad, "a2"]).then_some(())
    })
    .await;
    let refused = messages(&instance, &key, "a2").await;
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|m| m["outcome"] == "rejected:malformed" && m["detail"].is_string()));
    eventually("all are listed", || async {
        (messages(&instance, &key, "a1").await.len() == 2 && messages(&instance, &key, well).await.len() == 3)
            .then_some(())
    })
    .await;
    for id in ["a1", well] {
        assert_eq!(sensor(&instance, &key, id).await["health"], "ok", "{id} was believed a moment ago");
    }
    let of_a2 = instance.get_with("/v1/rejections?device=a2&reason=malformed", &key).await["items"].clone();
    assert_eq!(of_a2.as_array().unwrap().len(), 3);
    assert!(
        of_a2
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["device"] == "a2" && r["remedy"].is_string() && r["count"] == 1)
    );

    // A field of a wrong type is named, and costs nothing else.
    publish(port, vec![bay("a3", r#"{"at":"@","state":"occupied","battery_v":"3.6"}"#)]).await;
    let dropped = r#"kv_ingest_dropped_fields_total{field="battery_v",reason="malformed"} 1"#;
    instance.counted(dropped).await;
    eventually("the state is taken", || async {
        (instance.get("/v1/bays/a3").await.1["state"] == "occupied").then_some(())
    })
    .await;

    // Within the key's towns.
    let (ok, neighbour, err) =
        instance.command(&["key", "create", "--role", "installer", "--municipality", "neudorf"]);
    assert!(ok, "{err}");
    let theirs = instance.get_with("/v1/sensors", neighbour.trim()).await["items"].clone();
    let ids: Vec<&str> = theirs.as_array().unwrap().iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, [well, "70b3d57ed0000002", bad]);
    assert_eq!(messages(&instance, neighbour.trim(), "a2").await, [] as [Value; 0]);
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_name_in_latin_1_can_be_replayed() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let (port, key) = (port_of(&instance.text("mqtt")), instance.admin_key());
    let (topic, body) = chirpstack("70b3d57ed00000ff", 1, 1, "AQ==");
    let mut body = String::from_utf8(body)
        .unwrap()
        .replacen("\"deviceInfo\":{", "\"deviceInfo\":{\"deviceName\":\"~\",", 1)
        .into_bytes();
    let at = body.iter().position(|b| *b == b'~').unwrap();
    body[at] = 0xdf;
    publish(port, vec![(topic, body)]).await;
    eventually("it is rejected", || async {
        let found = instance.get_with("/v1/rejections?device=70B3D57ED00000FF", &key).await["items"].clone();
        (found[0]["reason"] == "unknown_sensor").then_some(())
    })
    .await;
    std::fs::write(
        folder.join("sensors.csv"),
        "id,feed,decoder,bay\n70B3D57ED0000003,lora,,\n70B3D57ED00000FF,lora,bosch-tps110,n2\n",
    )
    .unwrap();
    instance.import(&folder.join("sensors.csv"));
    let answer = instance.post("/v1/rejections/replay?feed=lora", &key, "").await;
    let counts = ["replayed", "stored", "rejected", "left"].map(|name| answer.1[name].as_u64());
    assert_eq!((answer.0, counts), (200, [1, 1, 0, 0].map(Some)), "{answer:?}");
    eventually("the bay has its state", || async {
        (instance.get("/v1/bays/n2").await.1["state"] == "occupied").then_some(())
    })
    .await;
    instance.stop().await;
}
