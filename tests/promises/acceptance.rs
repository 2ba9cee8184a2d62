//! An installer tests a sensor on the kerb and signs it off.

use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// Bound to n1.
const SENSOR: &str = "70b3d57ed0000001";
const TEST: &str = "/v1/sensors/70B3D57ED0000001/acceptance";

fn uplink(n: u32, data: &str) -> Vec<(String, Vec<u8>)> {
    let body = json!({
        "deduplicationId": format!("00000000-0000-0000-0000-{n:012}"), "time": at(-1), "deviceInfo": {"devEui": SENSOR},
        "fCnt": n, "fPort": 1, "data": data,
        "txInfo": {"modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9}}},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    vec![(format!("application/a/device/{SENSOR}/event/up"), body.to_string().into_bytes())]
}

fn check<'v>(test: &'v Value, name: &str) -> &'v Value {
    let checks = test["checks"].as_array().unwrap_or_else(|| panic!("{test}"));
    checks.iter().find(|check| check["name"] == name).unwrap()
}

async fn instructed(instance: &Instance, key: &str, instruction: &str) -> Value {
    eventually(&format!("the installer is to {instruction}"), || async {
        let test = instance.get_with(TEST, key).await;
        (test["instruction"] == instruction).then_some(test)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_passes_with_a_car_that_comes_and_goes_and_a_restart_between() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let create = |town: &str| {
        let (ok, key, err) =
            instance.command(&["key", "create", "--role", "installer", "--municipality", town]);
        assert!(ok, "{err}");
        key.trim().to_owned()
    };
    let (key, stranger) = (create("neudorf"), create("altdorf"));

    assert_eq!(instance.get_with(TEST, &key).await["status"], 404, "never tested");
    assert_eq!(instance.post(TEST, &stranger, "").await.0, 404, "another town's");
    let (status, unbound) = instance.post("/v1/sensors/70b3d57ed00000ff/acceptance", &key, "").await;
    assert_eq!(status, 404, "{unbound}");
    let (status, test) = instance.post(TEST, &key, "").await;
    assert_eq!((status, &test["state"], &test["bay"]), (201, &json!("running"), &json!("n1")), "{test}");
    assert_eq!(test["instruction"], "wait_for_message");
    let (status, second) = instance.post(TEST, &key, "").await;
    assert_eq!((status, &second["type"]), (409, &json!("/problems/conflict")), "{second}");
    let sign_off = format!("{TEST}/sign-off");
    assert_eq!(instance.post(&sign_off, &key, r#"{"name": "A. Meier"}"#).await.0, 409, "it still runs");

    publish(port_of(&instance.text("mqtt")), uplink(1, "AQ==")).await;
    let test = instructed(&instance, &key, "drive_off").await;
    assert_eq!(check(&test, "occupied_seen")["state"], "pass");
    instance.kill().await;
    instance.restart().await;
    instance.subscribed().await;
    let test = instructed(&instance, &key, "drive_off").await;
    assert_eq!(
        (&test["state"], &check(&test, "vacant_seen")["state"]),
        (&json!("running"), &json!("waiting"))
    );
    publish(port_of(&instance.text("mqtt")), uplink(2, "AA==")).await;
    let test = instructed(&instance, &key, "done").await;
    assert_eq!(test["state"], "passed", "{test}");
    let signal = check(&test, "signal");
    assert_eq!(
        (&signal["value"], &signal["limit"]),
        (&json!(20.0), &json!(10.0)),
        "7.5 dB at a floor of -12.5 dB"
    );

    let (status, signed) = instance.post(&sign_off, &key, r#"{"name": " A. Meier ", "note": ""}"#).await;
    assert_eq!((status, &signed["sign_off"]["name"]), (200, &json!("A. Meier")), "{signed}");
    assert_eq!(instance.post(&sign_off, &key, r#"{"name": "B"}"#).await.0, 409, "it is signed");
    for (lang, words) in [("de", "Der Sensor meldet richtig"), ("en", "It reports rightly")] {
        let page = instance.bytes_with(&format!("{TEST}?format=html&lang={lang}"), &key).await;
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(words) && page.contains("A. Meier"), "{page}");
    }
    let list = instance.get_with("/v1/acceptances", &key).await;
    let totals = json!({"sensors": 1, "passed": 1, "failed": 0, "open": 0, "signed": 1});
    assert_eq!((&list["totals"], &list["items"][0]["sensor"]), (&totals, &json!(SENSOR)), "{list}");
    assert_eq!(instance.get_with("/v1/acceptances", &stranger).await["items"], json!([]));
    let csv =
        String::from_utf8(instance.bytes_with("/v1/acceptances?format=csv&lang=en", &key).await).unwrap();
    assert_eq!(csv.lines().count(), 18, "a head and seventeen checks: {csv}");

    // Another one is ended before, and signs nothing.
    assert_eq!(instance.post(TEST, &key, "").await.0, 201);
    let (status, cancelled) = instance.ask("DELETE", TEST, Some(&key), "").await;
    assert_eq!((status, &cancelled["state"]), (200, &json!("cancelled")), "{cancelled}");
    assert_eq!(instance.post(&sign_off, &key, r#"{"name": "A"}"#).await.0, 409);
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_fails_is_signed_with_a_reason_only() {
    let dir = tempfile::tempdir().unwrap();
    let limits = dir.path().join("limits.toml");
    let product = include_str!("../../api/src/installers/acceptance/limits.toml");
    std::fs::write(&limits, product.replace("timeout_s = 900", "timeout_s = 1")).unwrap();
    let instance = Instance::serve(&["--acceptance-limits", &limits.to_string_lossy()]).await;
    instance.import(&town(instance.dir.path()));
    let key = instance.admin_key();
    assert_eq!(instance.post(TEST, &key, "").await.0, 201);
    // Nobody asks for it: the server ends it.
    let pool = instance.pool().await;
    eventually("the test has ended", || async {
        let ended: bool = sqlx::query_scalar("SELECT bool_and(ended_at IS NOT NULL) FROM acceptance")
            .fetch_one(&pool)
            .await
            .unwrap();
        ended.then_some(())
    })
    .await;
    pool.close().await;
    let test = instance.get_with(TEST, &key).await;
    let heard = check(&test, "heard");
    assert_eq!(
        (&test["state"], &heard["remedy"]),
        (&json!("failed"), &json!("check_power_and_gateway")),
        "{test}"
    );
    let sign_off = format!("{TEST}/sign-off");
    let (status, problem) = instance.post(&sign_off, &key, r#"{"name": "A. Meier"}"#).await;
    assert_eq!((status, &problem["field"]), (400, &json!("note")), "{problem}");
    let (status, signed) =
        instance.post(&sign_off, &key, r#"{"name": "A. Meier", "note": "Gateway follows in May"}"#).await;
    assert_eq!((status, &signed["sign_off"]["note"]), (200, &json!("Gateway follows in May")), "{signed}");
    let audit = instance.get_with("/v1/audit?subject=sensor%2070b3d57ed0000001", &key).await;
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().filter_map(|item| item["action"].as_str()).collect();
    assert_eq!(actions[..2], ["sign off", "accept"], "{audit}");
    instance.stop().await;
}
