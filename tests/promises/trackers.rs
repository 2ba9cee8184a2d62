//! Trackers of vehicles over LoRaWAN, and devices that report something else than what they are bound to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Instance, eventually, port_of, publish};

const TRACKER: &str = "70b3d57ed0003001";
/// Its network server's own codec says that a bay is occupied.
const PARKING: &str = "70b3d57ed0003002";
const MESSAGES: i64 = 20;
const STEP_S: i64 = 10;
const FAILED: u8 = 0b10;

fn places(dir: &std::path::Path) -> std::path::PathBuf {
    let folder = dir.join("trackers");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("municipalities.csv", "slug,name,ags,lat,lon\naltdorf,Altdorf,05999001,51.9,7.2\n");
    write("vehicles.csv", "id,owner,label\nbus-1,altdorf,Bus 1\nbus-2,altdorf,Bus 2\n");
    write(
        "feeds.toml",
        "[[feed]]\nid = \"lora\"\nmunicipality = \"altdorf\"\nformat = \"chirpstack\"\n\
         topic = \"application/+/device/+/event/+\"\nuse_server_decoder = true\n\
         [[feed]]\nid = \"own\"\nmunicipality = \"altdorf\"\nformat = \"native\"\ntopic = \"kv/1/own/#\"\n",
    );
    write(
        "sensors.csv",
        &format!(
            "id,feed,decoder,vehicle\n{TRACKER},lora,digital-matter-oyster,bus-1\n{PARKING},lora,,bus-2\n"
        ),
    );
    folder
}

/// Latitude in step `n`, degrees.
fn lat(n: i64) -> f64 {
    51.9 + n as f64 * 1e-3
}

fn position(n: i64, begin: Timestamp, flags: u8) -> (String, Vec<u8>) {
    let mut payload = Vec::new();
    payload.extend(((lat(n) * 1e7).round() as i32).to_le_bytes());
    payload.extend(72_000_000_i32.to_le_bytes());
    payload.extend([flags, 36, 200]);
    let at = begin + SignedDuration::from_secs(n * STEP_S);
    let body = json!({
        "deduplicationId": format!("t-{n}"), "time": at.to_string(), "deviceInfo": {"devEui": TRACKER},
        "fCnt": n, "fPort": 1, "data": STANDARD.encode(payload),
    });
    (format!("application/a/device/{TRACKER}/event/up"), body.to_string().into_bytes())
}

async fn vehicle(instance: &Instance, id: &str) -> Option<Value> {
    let all = instance.get("/v1/vehicles").await.1;
    all["items"].as_array()?.iter().find(|vehicle| vehicle["id"] == id).cloned()
}

async fn is_at(instance: &Instance, id: &str, lat: f64) {
    eventually(&format!("{id} is at {lat}"), || async {
        let vehicle = vehicle(instance, id).await?;
        ((vehicle["lat"].as_f64()? - lat).abs() < 1e-6).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_states_where_its_vehicle_is_and_follows_a_corrected_binding() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&places(instance.dir.path()));
    instance.subscriptions(2).await;
    let key = instance.admin_key();
    let port = port_of(&instance.text("mqtt"));
    let begin = Timestamp::now() - SignedDuration::from_secs(MESSAGES * STEP_S);
    let own = json!({"at": (begin - SignedDuration::from_secs(5)).to_string(), "lat": 51.5, "lon": 7.5});
    publish(port, vec![("kv/1/own/vehicle/bus-1".into(), own.to_string().into_bytes())]).await;
    is_at(&instance, "bus-1", 51.5).await;
    // Out of order, and the last one has no fix: the vehicle is where it was last seen.
    let mut all: Vec<_> = (0..MESSAGES - 1).map(|n| position(n, begin, 0x40)).collect();
    all.swap(5, 15);
    all.push(position(MESSAGES - 1, begin, FAILED));
    publish(port, all).await;
    is_at(&instance, "bus-1", lat(MESSAGES - 2)).await;
    let bus = vehicle(&instance, "bus-1").await.unwrap();
    assert_eq!((&bus["speed_mps"], &bus["bearing_deg"]), (&json!(10.0), &json!(90.0)), "{bus}");
    assert_eq!(vehicle(&instance, "bus-2").await, None);

    // It was on the other one all the time.
    let body = json!({"vehicle": "bus-2", "from": begin.to_string()}).to_string();
    let path = format!("/v1/sensors/{TRACKER}/binding");
    let (_, trial) = instance.put(&format!("{path}?dry_run"), &key, &body).await;
    // The hours of its positions.
    let from = trial["hours_changed"]["from"].as_str().unwrap_or_default();
    assert!(from <= &*begin.to_string() && from.ends_with(":00:00Z"), "{trial}");
    let (status, change) = instance.put(&path, &key, &body).await;
    assert_eq!((status, &change["decoded_again"]), (200, &json!(MESSAGES)), "{change}");
    is_at(&instance, "bus-2", lat(MESSAGES - 2)).await;
    is_at(&instance, "bus-1", 51.5).await;
    let pool = instance.pool().await;
    eventually("all is decoded again", || async {
        let rebinding = instance.get_with(&format!("/v1/sensors/{TRACKER}"), &key).await["rebinding"].clone();
        (rebinding["state"] == "done").then_some(())
    })
    .await;
    let of: Vec<(String, i64)> = sqlx::query_as(
        "SELECT v.key, count(*) FROM vehicle_position o JOIN vehicle v ON v.id = o.vehicle GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(of, [("bus-1".to_owned(), 1), ("bus-2".to_owned(), MESSAGES - 1)]);
    instance.end().await;
    instance.restart().await;
    is_at(&instance, "bus-1", 51.5).await;
    is_at(&instance, "bus-2", lat(MESSAGES - 2)).await;
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_bound_to_what_it_does_not_report_is_rejected_with_both() {
    let instance = Instance::serve(&[]).await;
    instance.import(&places(instance.dir.path()));
    instance.subscriptions(2).await;
    let key = instance.admin_key();
    let body = json!({
        "deduplicationId": "p-1", "time": Timestamp::now().to_string(), "deviceInfo": {"devEui": PARKING},
        "fCnt": 1, "fPort": 1, "data": STANDARD.encode([1]), "object": {"occupied": true},
    });
    let topic = format!("application/a/device/{PARKING}/event/up");
    publish(port_of(&instance.text("mqtt")), vec![(topic, body.to_string().into_bytes())]).await;
    let rejected = eventually("it is rejected", || async {
        instance.get_with("/v1/rejections?feed=lora", &key).await["items"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(rejected["reason"], "unsupported_device");
    let detail = rejected["detail"].as_str().unwrap();
    assert!(detail.contains("the state of a bay") && detail.contains("is bound to a vehicle"), "{detail}");
    assert!(rejected["remedy"].as_str().unwrap().contains("what it reports"), "{rejected}");
    assert_eq!(vehicle(&instance, "bus-2").await, None);
    instance.stop().await;
}
