//! Devices that fail are found by the whole product: what they state is not shown, not counted, and somebody is told.

use std::fs;

use serde_json::json;

use crate::notices::subscribed;
use crate::support::{Instance, at, eventually, port_of, publish, town};

const DEVICE: &str = "70b3d57ed0000001";

/// A ChirpStack uplink of [`DEVICE`], as it was received so many seconds from now on.
fn uplink(n: i64, at_s: i64, is_occupied: bool) -> (String, Vec<u8>) {
    let body = json!({
        "deduplicationId": format!("{DEVICE}-{n}"), "time": at(at_s), "deviceInfo": {"devEui": DEVICE},
        "fCnt": n, "fPort": 1, "data": if is_occupied { "AQ==" } else { "AA==" },
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    (format!("application/a/device/{DEVICE}/event/up"), body.to_string().into_bytes())
}

async fn heard(instance: &Instance, messages: i64) {
    instance.counted(&format!("kv_health_heard_total {messages}")).await;
}

/// Code, whether it holds, and whether it hides a bay.
async fn reasons(pool: &store::Pool) -> Vec<(String, bool, bool)> {
    let sql = "SELECT code, until_utc = 'infinity', hides AND place IS NOT NULL FROM health_reason ORDER BY code, from_utc";
    sqlx::query_as(sql).fetch_all(pool).await.unwrap()
}

async fn becomes_unknown(instance: &Instance, last_state: &str) {
    eventually("the bay is unknown", || async {
        let bay = instance.get("/v1/bays/n1").await.1;
        (bay["state"] == "unknown" && bay["last_state"] == last_state).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wavering_sensor_is_found_across_a_kill_and_its_messages_count_once() {
    let mut instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let rule = "[[notice]]\nid = 'own'\nmunicipality = 'neudorf'\ntopic = 'notices/own'\n";
    fs::write(folder.join("notices.toml"), rule).unwrap();
    instance.import(&folder);
    instance.subscribed().await;
    // So far it is not enough for a verdict.
    let first: Vec<_> = (0..5).map(|n| uplink(n, -300 + n * 20, n % 2 == 0)).collect();
    publish(port_of(&instance.text("mqtt")), first.clone()).await;
    heard(&instance, 5).await;
    let pool = instance.pool().await;
    assert_eq!(reasons(&pool).await, []);

    instance.kill().await;
    instance.restart().await;
    instance.subscribed().await;
    heard(&instance, 5).await;
    let mut notices = subscribed(port_of(&instance.text("mqtt")), "notices/#").await;
    publish(port_of(&instance.text("mqtt")), first).await;
    let last: Vec<_> = (5..10).map(|n| uplink(n, -300 + n * 20, n % 2 == 0)).collect();
    publish(port_of(&instance.text("mqtt")), last).await;
    heard(&instance, 10).await;
    becomes_unknown(&instance, "vacant").await;
    let pool = instance.pool().await;
    assert_eq!(reasons(&pool).await, [("flapping".to_owned(), true, true)]);
    eventually("what it stated since is no observation", || async {
        let late: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM bay_interval i JOIN health_reason r ON r.place = i.bay AND i.last_at >= r.from_utc",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        (late == 0).then_some(())
    })
    .await;
    // It is worth a notice once it has held for a quarter of an hour.
    sqlx::query("UPDATE health_reason SET noticed_at = noticed_at - interval '1 hour'")
        .execute(&pool)
        .await
        .unwrap();
    let patience = std::time::Duration::from_secs(60);
    let notice = tokio::time::timeout(patience, notices.recv()).await.unwrap().unwrap();
    assert_eq!(notice["items"][0]["code"], "flapping", "{notice}");

    instance.kill().await;
    instance.restart().await;
    heard(&instance, 10).await;
    let pool = instance.pool().await;
    assert_eq!(reasons(&pool).await, [("flapping".to_owned(), true, true)]);

    // It is moved to another bay: what is wrong with the first one is over.
    let sensors = format!(
        "id,feed,decoder,bay,bound_from,bound_until\n70B3D57ED0000001,lora,bosch-tps110,n2,,\n\
         70B3D57ED0000003,lora,,n2,2020-01-01T00:00:00Z,{}\n",
        at(-3_600)
    );
    fs::write(folder.join("sensors.csv"), sensors).unwrap();
    instance.import(&folder.join("sensors.csv"));
    eventually("the reason has ended", || async {
        (reasons(&pool).await == [("flapping".to_owned(), false, true)]).then_some(())
    })
    .await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_that_is_stuck_for_days_is_found_from_its_kept_messages() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let pool = instance.pool().await;
    // Cars came and went every two hours for 24 days; since then it says the same every six hours.
    sqlx::query(
        "INSERT INTO uplink (municipality, device, dedup_id, feed, event, received_at, network_at, f_port, f_cnt, payload,
             gateways, qos, outcome, decoded)
         SELECT s.municipality, s.key, 'kept-' || n, s.feed, 'up', t, t, 1, n, set_byte('\\x00', 0, occupied), '{}', 1, 'stored',
             jsonb_build_object('kind', 'status', 'state', CASE occupied WHEN 1 THEN 'occupied' ELSE 'vacant' END)
         FROM sensor s, generate_series(1, 312) AS n,
             LATERAL (SELECT CASE WHEN n <= 288 THEN n % 2 ELSE 0 END AS occupied,
                 now() - interval '30 days' + CASE WHEN n <= 288 THEN n * interval '2 hours'
                     ELSE interval '24 days' + (n - 288) * interval '6 hours' - interval '1 minute' END AS t) AS x
         WHERE s.key = $1",
    )
    .bind(DEVICE)
    .execute(&pool)
    .await
    .unwrap();
    // State that was never stored is as good as lost.
    instance.kill().await;
    instance.restart().await;
    instance.subscribed().await;
    publish(port_of(&instance.text("mqtt")), vec![uplink(313, -1, false)]).await;
    becomes_unknown(&instance, "vacant").await;
    let pool = instance.pool().await;
    let stuck = reasons(&pool).await;
    assert!(stuck.contains(&("stuck".to_owned(), true, true)), "{stuck:?}");
    let days: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM now() - from_utc)::float8 / 86400 FROM health_reason WHERE code = 'stuck'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!((5.9..6.1).contains(&days), "since {days} days ago");
    instance.stop().await;
}
