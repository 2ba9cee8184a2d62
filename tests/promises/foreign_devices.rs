//! Two towns with sensors of one product: what one's feed publishes under the other's device id stays with the feed.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// Neudorf's, bound to n1.
const FOREIGN: &str = "70b3d57ed0000001";
/// Altdorf's, bound to a1.
const OWN: &str = "70b3d57ed000000a";

/// The county's places, with a ChirpStack for Altdorf as well.
fn two_towns(dir: &Path) -> std::path::PathBuf {
    let folder = town(dir);
    let change = |name: &str, change: &dyn Fn(String) -> String| {
        let path = folder.join(name);
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
    };
    change("feeds.toml", &|text| {
        text.replace("application/+/", "application/neu/")
            + "\n[[feed]]\nid = \"lora-alt\"\nmunicipality = \"altdorf\"\nformat = \"chirpstack\"\n\
               topic = \"application/alt/device/+/event/+\"\n"
    });
    change("sensors.csv", &|text| format!("{text}{OWN},lora-alt,bosch-tps110,a1,,\n"));
    folder
}

/// An uplink over an application of the network server: which device its topic and which its payload names.
fn uplink(application: &str, topic: &str, payload: &str, n: i64, data: &str) -> (String, Vec<u8>) {
    let rssi = if application == "neu" { -90 } else { -20 };
    let body = json!({
        "deduplicationId": format!("00000000-0000-0000-0000-{n:012}"), "time": at(-1), "deviceInfo": {"devEui": payload},
        "fCnt": n, "fPort": 1, "data": data, "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": rssi, "snr": 7.5}],
    });
    (format!("application/{application}/device/{topic}/event/up"), body.to_string().into_bytes())
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("{list}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_about_another_towns_device_stay_with_their_feed() {
    let instance = Instance::serve(&[]).await;
    instance.import(&two_towns(instance.dir.path()));
    instance.subscriptions(4).await;
    let port = port_of(&instance.text("mqtt"));
    let key = |role: &str, town: &str| {
        let (ok, key, err) = instance.command(&["key", "create", "--role", role, "--municipality", town]);
        assert!(ok, "{err}");
        key.trim().to_owned()
    };
    let (alt, neu) = (key("installer", "altdorf"), key("installer", "neudorf"));

    let occupied = "AQ==";
    publish(port, vec![uplink("neu", FOREIGN, FOREIGN, 7, occupied)]).await;
    eventually("the bay is occupied", || async {
        (instance.get("/v1/bays/n1").await.1["state"] == "occupied").then_some(())
    })
    .await;
    let vacant = "AA==";
    let mut uplinks = vec![
        uplink("alt", FOREIGN, FOREIGN, 900, vacant),
        uplink("alt", OWN, FOREIGN, 901, vacant),
        uplink("alt", FOREIGN, OWN, 902, vacant),
        (format!("application/alt/device/{FOREIGN}/event/up"), b"{".to_vec()),
        (format!("application/alt/device/{FOREIGN}/event/up"), vec![b' '; 70_000]),
        (format!("application/alt/device/{FOREIGN}/event/status"), br#"{"batteryLevel": 3}"#.to_vec()),
        uplink("none", FOREIGN, FOREIGN, 903, vacant),
    ];
    uplinks.push(uplink("alt", OWN, OWN, 904, occupied));
    publish(port, uplinks).await;
    eventually("the own device is believed, and the others are kept", || async {
        let state = &instance.get("/v1/bays/a1").await.1["state"];
        let kept = items(&instance.get_with("/v1/rejections", &alt).await).len();
        let unmatched = items(&instance.get_with("/v1/unmatched-topics", &neu).await).len();
        (*state == "occupied" && kept >= 5 && unmatched == 1).then_some(())
    })
    .await;

    // Nothing of it reaches the town whose device it is.
    assert_eq!(instance.get("/v1/bays/n1").await.1["state"], "occupied");
    let its_own = |sensor: &Value| {
        assert_eq!((&sensor["last_f_cnt"], &sensor["messages"]), (&json!(7), &json!(1)), "{sensor}");
        assert_eq!((&sensor["rssi_dbm"], &sensor["battery_pct"]), (&json!(-90.0), &Value::Null), "{sensor}");
        assert_eq!((&sensor["feed"], &sensor["health"]), (&json!("lora"), &json!("ok")), "{sensor}");
        assert_eq!((&sensor["binding"]["bay"], &sensor["last_outcome"]), (&json!("n1"), &json!("stored")));
    };
    its_own(&instance.get_with(&format!("/v1/sensors/{FOREIGN}"), &neu).await);
    for path in ["/v1/rejections".to_owned(), format!("/v1/rejections?device={FOREIGN}")] {
        assert_eq!(items(&instance.get_with(&path, &neu).await), [] as [Value; 0], "{path}");
    }
    let messages = items(&instance.get_with(&format!("/v1/sensors/{FOREIGN}/messages"), &neu).await);
    assert_eq!(messages.iter().map(|m| &m["f_cnt"]).collect::<Vec<_>>(), [&json!(7)]);
    let listed = instance.get_with("/v1/sensors", &neu).await.to_string();
    assert!(!listed.contains(OWN) && !listed.contains("lora-alt"), "{listed}");
    let nothing = instance.get_with(&format!("/v1/sensors/{OWN}"), &neu).await;
    assert_eq!(nothing["status"], 404);

    // Nor does the town that named it learn what it is.
    let stranger = instance.get_with(&format!("/v1/sensors/{FOREIGN}"), &alt).await;
    assert_eq!((&stranger["feed"], &stranger["health"]), (&json!("lora-alt"), &json!("new")), "{stranger}");
    for name in ["decoder", "binding"] {
        assert_eq!(stranger[name], Value::Null, "{stranger}");
    }
    assert_eq!(stranger["bindings"], json!([]), "{stranger}");
    let mut texts = vec![stranger.to_string()];
    for path in [
        "/v1/sensors".to_owned(),
        format!("/v1/sensors/{FOREIGN}/messages"),
        "/v1/rejections".into(),
        format!("/v1/rejections?device={FOREIGN}"),
    ] {
        texts.push(instance.get_with(&path, &alt).await.to_string());
    }
    for text in &texts {
        for word in ["n1", "neudorf", "\"lora\"", "\"f_cnt\":7,", "\"rssi_dbm\":-90.0"] {
            assert!(!text.contains(&word.replace("n1", "\"n1\"")), "{word}: {text}");
        }
    }
    assert_eq!(items(&instance.get_with("/v1/unmatched-topics", &alt).await), [] as [Value; 0]);
    let of_own = instance.get_with(&format!("/v1/sensors/{OWN}"), &alt).await;
    assert_eq!((&of_own["last_f_cnt"], &of_own["binding"]["bay"]), (&json!(904), &json!("a1")), "{of_own}");

    // For a key of both towns it is the device that it is.
    its_own(&instance.get_with(&format!("/v1/sensors/{FOREIGN}"), &instance.admin_key()).await);

    // The import of both towns is noted for each without the other's devices.
    for (town, device) in [("altdorf", FOREIGN), ("neudorf", OWN)] {
        let audit = instance.get_with("/v1/audit", &key("operator", town)).await.to_string();
        let own = if device == OWN { FOREIGN } else { OWN };
        assert!(audit.contains(own) && !audit.contains(device), "{town}: {audit}");
    }
    instance.stop().await;
}
