//! What installers find: devices, what they sent, and what they could be bound to.

use axum::http::StatusCode;
use domain::Decoder;
use domain::registry::Contents;
use serde_json::{Value, json};
use store::writer::Batch;

use super::fixture::world;
use super::keys::{Instance, uplink};

const BOUND: &str = "70b3d57ed0051a01";
const SPARE: &str = "70b3d57ed0051a02";

/// The small county with two devices, of which one is bound to `w-m-1`.
fn with_devices() -> Contents {
    world()
        .in_town("warendorf")
        .sensor(BOUND, "feed-warendorf", "w-m-1")
        .with_sensor(|s| {
            s.decoder = Some(Decoder::BoschTps110);
            s.bindings[0].threshold_mm = Some(300);
        })
        .sensor(SPARE, "feed-warendorf", "w-m-2")
        .with_sensor(|s| s.bindings[0].target = None)
        .contents
}

fn column<'v>(list: &'v Value, name: &str) -> Vec<&'v str> {
    list["items"].as_array().unwrap().iter().map(|i| i[name].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn what_a_device_could_be_bound_to_is_found_by_place_and_by_name() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let get = async |query: &str| instance.get(&format!("/v1/binding-targets{query}"), &key).await.json();

    // Nearest first, with its distance, and those that the public does not see.
    let near = get("?near=51.953,7.991&limit=3").await;
    assert_eq!(column(&near, "id"), ["w-hidden", "w-kerb-5", "w-kerb-6"]);
    assert_eq!(
        (near["items"][0]["kind"].as_str(), near["items"][0]["distance_m"].as_f64()),
        (Some("bay"), Some(12.0))
    );

    // By its own name or that of its site, whatever its case; with the device that is there.
    let market = get("?q=MARKET&near=51.953,7.991").await;
    assert_eq!(column(&market, "id"), ["w-m-1", "w-market", "w-m-2", "w-m-3", "w-m-4"]);
    let sensors = [BOUND, "-", "-", "-", "-"];
    assert_eq!((column(&market, "sensor"), column(&market, "site")[0]), (sensors.to_vec(), "w-market"));
    assert_eq!(column(&get("?q=emsinsel").await, "id"), ["w-garage"]);
    assert_eq!(column(&get("?q=w-m-&unbound").await, "id"), ["w-m-2", "w-m-3", "w-m-4"]);
    assert_eq!(column(&get("?q=w-m-&unbound=false").await, "id")[0], "w-m-1");

    // Page by page the same as at once.
    for query in ["?", "?near=51.953,7.991&", "?unbound=true&"] {
        let all = get(&format!("{query}limit=1000")).await;
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&format!("{query}limit=2{cursor}")).await;
            paged.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all["items"], Value::from(paged), "{query}");
    }

    // A key's own towns only; a vehicle has no place.
    let all = column(&get("?limit=1000").await, "id").join(" ");
    assert!(!all.contains("t-station") && !all.contains("bus-1"), "{all}");
    let (county, _) = instance.key("installer", &["kreis"], 2, None).await;
    let buses = instance.get("/v1/binding-targets?near=51.953,7.991", &county).await.json();
    let expected = json!({
        "kind": "vehicle", "id": "bus-1", "name": "R11", "site": null, "lat": null, "lon": null, "distance_m": null,
        "sensor": null,
    });
    assert_eq!(buses["items"], json!([expected]));

    for (query, field) in [
        ("near=noon", "near"),
        ("unbound=perhaps", "unbound"),
        ("cursor=abc", "cursor"),
        ("q=", "q"),
        ("kind=bay", "kind"),
    ] {
        let wrong = instance.get(&format!("/v1/binding-targets?{query}"), &key).await;
        assert_eq!((wrong.status, wrong.json()["field"].as_str()), (StatusCode::BAD_REQUEST, Some(field)));
        assert!(wrong.json()["remedy"].is_string(), "{query}");
    }
    instance.pool.close().await;
}

#[tokio::test]
async fn every_decoder_is_tried_on_what_a_device_has_sent_and_none_is_chosen() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let (neighbour, _) = instance.key("installer", &["telgte"], 2, None).await;
    let sent = |device: &str, n: i64, payload: &[u8], port: i32| domain::Uplink {
        payload: Some(payload.to_vec()),
        f_port: Some(port),
        ..uplink(&instance, "warendorf", device, n, "rejected:unknown_sensor")
    };
    let new = "70b3d57ed0051aff";
    let uplinks = vec![
        sent(new, 1, &[7], 1),
        sent(new, 2, &[1, 2, 3], 1),
        sent(new, 3, &[9], 1),
        // The network's own, and nothing at all.
        sent(new, 4, &[1], 0),
        sent(new, 5, &[], 1),
        domain::Uplink { outcome: "stored".into(), is_stranger: false, ..sent(BOUND, 1, &[2], 1) },
    ];
    instance.write(&Batch { uplinks, ..Batch::default() }).await;

    let tried = instance.get(&format!("/v1/sensors/{}/decoders", new.to_uppercase()), &key).await.json();
    let items = tried["items"].as_array().unwrap();
    assert_eq!(items.len(), Decoder::ALL.len());
    let first = json!({
        "decoder": "bosch-tps110", "accepted": 2, "of": 3, "preview": { "byte": 9, "threshold_mm": null }, "refused": null,
    });
    assert_eq!(items[0], first);
    for other in &items[1..] {
        assert_eq!(
            (&other["accepted"], &other["of"], &other["preview"], &other["refused"]),
            (&json!(0), &json!(3), &Value::Null, &json!("payload: 1 bytes"))
        );
    }
    // Read as it is bound.
    let bound = instance.get(&format!("/v1/sensors/{BOUND}/decoders"), &key).await.json();
    assert_eq!(bound["items"][0]["preview"], json!({ "byte": 2, "threshold_mm": 300 }));
    // One that never sent can be read by none; one of another town is as if it were not there.
    let silent = instance.get(&format!("/v1/sensors/{SPARE}/decoders"), &key).await.json();
    assert_eq!((&silent["items"][0]["of"], &silent["items"][0]["preview"]), (&json!(0), &Value::Null));
    let foreign = instance.get(&format!("/v1/sensors/{new}/decoders"), &neighbour).await;
    let nothing = instance.get("/v1/sensors/nothing/decoders", &neighbour).await;
    assert_eq!((foreign.status, foreign.body), (StatusCode::NOT_FOUND, nothing.body));
    instance.pool.close().await;
}
