//! An installer's day: a device from the box is found, bound, tested, signed off, and replaced when it fails.

use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

const NEW: &str = "70b3d57ed00000aa";
const NEXT: &str = "70b3d57ed00000bb";

/// A message of ChirpStack, as good as an installer could wish.
fn uplink(device: &str, n: u32, sent_s: i64, is_occupied: bool) -> (String, Vec<u8>) {
    let body = json!({
        "deduplicationId": format!("{device}-{n}"), "time": at(sent_s), "deviceInfo": {"devEui": device},
        "fCnt": n, "fPort": 1, "data": if is_occupied { "AQ==" } else { "AA==" },
        "txInfo": {"modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9}}},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    (format!("application/a/device/{device}/event/up"), body.to_string().into_bytes())
}

/// Tests the device with a car that comes and goes, and signs.
async fn accepted(instance: &Instance, key: &str, device: &str, first: u32) -> Value {
    let test = format!("/v1/sensors/{device}/acceptance");
    let (status, begun) = instance.post(&test, key, "").await;
    assert_eq!(status, 201, "{begun}");
    let port = port_of(&instance.text("mqtt"));
    for (n, is_occupied, then) in [(first, true, "drive_off"), (first + 1, false, "done")] {
        publish(port, vec![uplink(device, n, 0, is_occupied)]).await;
        eventually(&format!("{device}: {then}"), || async {
            let test = instance.get_with(&test, key).await;
            (test["instruction"] == then).then_some(())
        })
        .await;
    }
    let (status, signed) = instance.post(&format!("{test}/sign-off"), key, r#"{"name": "A. Meier"}"#).await;
    assert_eq!((status, &signed["state"]), (200, &json!("passed")), "{signed}");
    signed
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_goes_from_the_box_to_the_hand_over_list_and_swaps_a_device() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let args = ["key", "create", "--role", "installer", "--municipality", "neudorf"];
    let (is_made, key, log) = instance.command(&args);
    assert!(is_made, "{log}");
    let key = key.trim();
    let port = port_of(&instance.text("mqtt"));

    // The box is opened: two hours ago it spoke for the first time, on the bench.
    publish(port, vec![uplink(NEW, 1, -7_200, false), uplink(NEW, 2, -3_600, true)]).await;
    let found = eventually("the unknown device is on top of the list", || async {
        let list = instance.get_with("/v1/sensors?health=new&sort=heard", key).await;
        (list["items"][0]["id"] == NEW).then(|| list["items"][0].clone())
    })
    .await;
    assert_eq!((&found["health"], &found["binding"]), (&json!("new"), &Value::Null), "{found}");
    assert_eq!(found["gateways"][0]["id"], "0016c001f153a14c", "{found}");
    let by_digits = instance.get_with("/v1/sensors?q=00aa", key).await;
    assert_eq!(by_digits["items"][0]["id"], NEW, "{by_digits}");
    let decoders = instance.get_with(&format!("/v1/sensors/{NEW}/decoders"), key).await;
    let decoder =
        decoders["items"].as_array().unwrap().iter().find(|d| d["decoder"] == "bosch-tps110").unwrap();
    assert_eq!((&decoder["accepted"], &decoder["of"]), (&json!(2), &json!(2)), "{decoder}");
    assert_eq!(decoder["preview"]["state"], "occupied");
    let targets = instance.get_with("/v1/binding-targets?near=51.95,7.3001&limit=1", key).await;
    assert_eq!(targets["items"][0]["id"], "n2", "{targets}");

    // Tried, then bound from before its first message.
    let binding = |device: &str| format!("/v1/sensors/{device}/binding");
    let body = json!({"bay": "n2", "decoder": "bosch-tps110", "from": at(-10_800)}).to_string();
    let (status, trial) = instance.put(&format!("{}?dry_run", binding(NEW)), key, &body).await;
    assert_eq!((status, &trial["decoded_again"], &trial["job"]), (200, &json!(2), &Value::Null), "{trial}");
    assert_eq!(instance.get_with(&format!("/v1/sensors/{NEW}"), key).await["health"], "new");
    let (status, bound) = instance.put(&binding(NEW), key, &body).await;
    assert_eq!((status, &bound["decoded_again"]), (200, &trial["decoded_again"]), "{bound}");
    eventually("what it sent on the bench is the bay's state", || async {
        (instance.get("/v1/bays/n2").await.1["state"] == "occupied").then_some(())
    })
    .await;
    publish(port, vec![uplink(NEW, 3, -60, false)]).await;
    accepted(&instance, key, NEW, 4).await;
    let sensor = instance.get_with(&format!("/v1/sensors/{NEW}"), key).await;
    assert_eq!((&sensor["health"], &sensor["binding"]["bay"]), (&json!("ok"), &json!("n2")), "{sensor}");

    // Its successor takes the bay, is tested as well, and the bay's history goes on.
    publish(port, vec![uplink(NEXT, 1, 0, true)]).await;
    eventually("the successor is heard", || async {
        let list = instance.get_with("/v1/sensors?health=new&sort=heard", key).await;
        (list["items"][0]["id"] == NEXT).then_some(())
    })
    .await;
    let (status, swap) =
        instance.put(&binding(NEXT), key, r#"{"bay": "n2", "decoder": "bosch-tps110"}"#).await;
    assert_eq!((status, &swap["ends"][0]["sensor"]), (200, &json!(NEW)), "{swap}");
    accepted(&instance, key, NEXT, 2).await;
    let list = instance.get_with("/v1/acceptances", key).await;
    let totals = json!({"sensors": 2, "passed": 2, "failed": 0, "open": 0, "signed": 2});
    assert_eq!(list["totals"], totals, "{list}");

    // One car stood there while the first was on the bench, one at each test.
    let planner = instance.admin_key();
    let question = format!("/v1/stays?bay=n2&min_stay_s=0&from={}&to={}", at(-14_400), at(60));
    eventually("three stays are derived", || async {
        let stays = instance.get_with(&question, &planner).await;
        (stays["items"][0]["count"] == 3 && stays["items"][0]["censored"] == 0).then_some(())
    })
    .await;
    instance.stop().await;
}
