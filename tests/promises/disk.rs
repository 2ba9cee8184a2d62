//! A disk that is nearly full: nothing is acknowledged, so nothing is lost; reading goes on.

use std::time::Duration;

use crate::support::{Instance, Mosquitto, at, eventually, publish, town};

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_stops_acknowledging_and_is_reported() {
    let mosquitto = Mosquitto::start();
    let mut instance = Instance::serve(&["--mqtt-url", &mosquitto.url(), "--min-free-disk-pct", "100"]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let (status, readiness) = instance.get("/readyz").await;
    assert_eq!((status, &readiness["checks"][0]["name"]), (503, &"disk".into()));
    assert!(
        readiness["checks"][0]["reason"].as_str().unwrap().contains("--min-free-disk-pct"),
        "{readiness}"
    );

    let body = format!(r#"{{"at":"{}","state":"occupied"}}"#, at(-1));
    publish(mosquitto.port, vec![("kv/1/alt/bay/a1".into(), body.into_bytes())]).await;
    instance.counted(r#"kv_ingest_messages_total 1"#).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, bay) = instance.get("/v1/bays/a1").await;
    assert_eq!((status, &bay["state"]), (200, &"unknown".into()));
    assert!(instance.log().contains("nothing is stored or acknowledged"), "{}", instance.log());

    // The broker has it still: with room it comes again.
    instance.kill().await;
    instance.set("--min-free-disk-pct", "0");
    instance.restart().await;
    eventually("the message is stored", || async {
        (instance.get("/v1/bays/a1").await.1["state"] == "occupied").then_some(())
    })
    .await;
    assert_eq!(instance.get("/readyz").await.0, 200);
    instance.stop().await;
}
