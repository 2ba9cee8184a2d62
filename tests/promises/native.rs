//! Native messages and LoRaWAN uplinks reach rows, live state and the API, through both brokers
//! and on both engines.

use serde_json::json;

use crate::support::{Instance, Mosquitto, at, chirpstack, eventually, port_of, publish, town};

async fn the_same_everywhere(extra: &[&str], mosquitto: Option<&Mosquitto>) {
    let url = mosquitto.map(Mosquitto::url);
    let mut args = extra.to_vec();
    if let Some(url) = &url {
        args.extend(["--mqtt-url", url]);
    }
    let instance = Instance::serve(&args).await;
    instance.import(&town(instance.dir.path()));
    let port = mosquitto.map_or_else(|| port_of(&instance.text("mqtt")), |m| m.port);
    instance.subscribed().await;

    let (t1, t2, t3) = (at(-30), at(-20), at(-10));
    let bay = |bay: &str, body: String| (format!("kv/1/alt/bay/{bay}"), body.into_bytes());
    let site = |body: String| ("kv/1/alt/site/garage".to_owned(), body.into_bytes());
    publish(
        port,
        vec![
            // Out of order, duplicated; at one instant the higher seq corrects.
            bay("a1", format!(r#"{{"at":"{t2}","state":"occupied","seq":2}}"#)),
            bay("a1", format!(r#"{{"at":"{t1}","state":"vacant","seq":1}}"#)),
            bay("a1", format!(r#"{{"at":"{t2}","state":"occupied","seq":2}}"#)),
            bay("a2", format!(r#"{{"at":"{t1}","state":"occupied","seq":1}}"#)),
            bay("a2", format!(r#"{{"at":"{t1}","state":"vacant","seq":2}}"#)),
            bay("a-home", format!(r#"{{"at":"{t1}","state":"vacant"}}"#)),
            // Flows before the first count mean nothing; those after it move it, late ones too.
            site(format!(r#"{{"at":"{t1}","in":50,"out":0,"source":"gate-1"}}"#)),
            site(format!(r#"{{"at":"{t3}","in":2,"out":1,"source":"gate-1"}}"#)),
            site(format!(r#"{{"at":"{t2}","occupied":90}}"#)),
            site(format!(r#"{{"at":"{t3}","in":2,"out":1,"source":"gate-1"}}"#)),
            site(format!(r#"{{"at":"{t3}","in":3,"out":0,"source":"gate-2"}}"#)),
            (
                "kv/1/county/batch".into(),
                format!(
                    r#"[{{"topic":"bay/a3","at":"{t1}","state":"occupied"}},{{"topic":"bay/nowhere","at":"{t1}","state":"vacant"}},{{"topic":"vehicle/bus-1","at":"{t1}","lat":51.91,"lon":7.21,"delay_s":120}},{{"topic":"passengers/bus-1","at":"{t1}","doors":[{{"door":"1","in":3,"out":1}}],"on_board":17}}]"#
                )
                .into_bytes(),
            ),
            chirpstack("70b3d57ed0000001", 1, 1, "AQ=="),
        ],
    )
    .await;

    let pool = instance.pool().await;
    let rows = eventually("all is stored", || async {
        let rows: (i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM bay_observation), (SELECT count(*) FROM site_count),
                    (SELECT count(*) FROM vehicle_position), (SELECT count(*) FROM passenger_count),
                    (SELECT count(*) FROM uplink)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        // Two writers store: what came last may be there first.
        (rows.0 >= 7 && rows.1 >= 4 && rows.2 >= 1 && rows.3 >= 1 && rows.4 >= 1).then_some(rows)
    })
    .await;
    assert_eq!(rows, (7, 4, 1, 1, 1), "bays, counts, positions, passengers, uplinks");

    let site = eventually("the garage counts 94", || async {
        let (_, site) = instance.get("/v1/sites/garage").await;
        (site["occupied"] == json!(94)).then_some(site)
    })
    .await;
    assert_eq!((&site["vacant"], &site["basis"]), (&json!(6), &json!("count")));
    let states = |bay: &'static str| {
        let instance = &instance;
        async move { instance.get(&format!("/v1/bays/{bay}")).await.1["state"].clone() }
    };
    // Live state follows what is stored.
    for (bay, state) in [("a1", "occupied"), ("a2", "vacant"), ("a3", "occupied"), ("n1", "occupied")] {
        eventually("the bays' states", || async { (states(bay).await == json!(state)).then_some(()) }).await;
    }
    // A resident's bay counts in its site and answers like one that does not exist.
    assert_eq!(instance.get("/v1/bays/a-home").await.0, 404);
    assert_eq!(instance.get("/v1/bays/a-nowhere").await.0, 404);
    let (_, markt) = instance.get("/v1/sites/markt").await;
    // Beside bays that are shown it does not count.
    let numbers = (&markt["vacant"], &markt["occupied"], &markt["flags"]);
    assert_eq!(numbers, (&json!(1), &json!(2), &json!(["without_hidden_bays"])));
    let (_, near) = instance.get("/v1/parking?near=51.9,7.2").await;
    assert_eq!(near["items"][0]["id"], json!("markt"));
    assert_eq!(near["items"][0]["vacant"], json!(1), "{near}");
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_embedded_broker_into_plain_postgresql() {
    the_same_everywhere(&["--timescaledb", "false"], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_mosquitto_into_plain_postgresql() {
    let mosquitto = Mosquitto::start();
    the_same_everywhere(&["--timescaledb", "false"], Some(&mosquitto)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_mosquitto_into_timescaledb() {
    let has_timescaledb = std::fs::read_dir("/usr/lib/postgresql")
        .is_ok_and(|versions| versions.flatten().any(|v| v.path().join("lib/timescaledb.so").exists()));
    if !has_timescaledb {
        eprintln!("SKIPPED: this machine has no TimescaleDB; the same test ran on plain PostgreSQL only");
        return;
    }
    let mosquitto = Mosquitto::start();
    the_same_everywhere(&["--timescaledb", "true"], Some(&mosquitto)).await;
}
