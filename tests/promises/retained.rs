//! Messages that a broker kept for whoever subscribes later: they count as of their own time, or not
//! at all.

use crate::support::{Instance, Mosquitto, at, eventually, publish_retained, town};

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_is_as_old_as_it_says() {
    let mosquitto = Mosquitto::start();
    let bay = |bay: &str, seconds: i64| {
        let body = format!(r#"{{"at":"{}","state":"occupied"}}"#, at(seconds));
        (format!("kv/1/alt/bay/{bay}"), body.into_bytes())
    };
    let (hour, day) = (3_600, 86_400);
    publish_retained(mosquitto.port, vec![bay("a1", -hour), bay("a2", -3 * day), bay("a3", -40 * day)]).await;

    let mut instance = Instance::serve(&["--mqtt-url", &mosquitto.url()]).await;
    instance.import(&town(instance.dir.path()));
    eventually("the recent one counts", || async {
        (instance.get("/v1/bays/a1").await.1["state"] == "occupied").then_some(())
    })
    .await;
    let key = instance.admin_key();
    let rejected = || async {
        let found = instance.get_with("/v1/rejections", &key).await["items"].clone();
        let reasons: Vec<String> =
            found.as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap().to_owned()).collect();
        (!reasons.is_empty()).then_some(reasons)
    };
    assert_eq!(eventually("the oldest is rejected", rejected).await, ["too_old"]);
    let old = instance.get("/v1/bays/a2").await.1;
    assert_eq!(
        (&old["state"], &old["last_state"], &old["stale"]),
        (&"unknown".into(), &"occupied".into(), &true.into())
    );

    // It comes again with each subscription, and is the same observation.
    instance.kill().await;
    instance.restart().await;
    instance.subscribed().await;
    instance.counted("kv_ingest_observations_duplicate_total 2").await;
    let pool = instance.pool().await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bay_observation").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 2);
    pool.close().await;
    instance.stop().await;
}
