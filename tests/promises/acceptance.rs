//! An installer tests a sensor on the kerb and signs it off.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

    let (status, nobody) = instance.post(&sign_off, &key, r#"{"note": "good"}"#).await;
    assert_eq!((status, &nobody["field"]), (400, &json!("name")), "{nobody}");
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
    assert_eq!(csv.lines().count(), 27, "a head and twenty-six checks: {csv}");

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

const RADAR: &str = "70b3d57ed0002001";
const TRACKER: &str = "70b3d57ed0003001";

/// A garage with a radar in its lane, a car park whose barriers speak natively, and a bus with a tracker.
fn lanes_and_vehicles(dir: &std::path::Path) -> std::path::PathBuf {
    let folder = dir.join("lanes-and-vehicles");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("municipalities.csv", "slug,name,ags,lat,lon\naltdorf,Altdorf,05999001,51.9,7.2\n");
    let site = |id| {
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [7.2, 51.9]},
            "properties": {"id": id, "municipality": "altdorf", "name": id, "kind": "car_park", "capacity": 50}})
    };
    let sites = json!({"type": "FeatureCollection", "features": [site("garage"), site("barrier")]});
    write("sites.geojson", &sites.to_string());
    write("vehicles.csv", "id,owner,label\nbus-7,altdorf,Bus 7\n");
    write(
        "feeds.toml",
        "[[feed]]\nid = \"lora\"\nmunicipality = \"altdorf\"\nformat = \"chirpstack\"\n\
         topic = \"application/+/device/+/event/+\"\n\
         [[feed]]\nid = \"own\"\nmunicipality = \"altdorf\"\nformat = \"native\"\ntopic = \"kv/1/own/#\"\n",
    );
    write(
        "sensors.csv",
        &format!(
            "id,feed,decoder,site,vehicle,direction\n{RADAR},lora,parametric-pcr2,garage,,out\n\
             {TRACKER},lora,digital-matter-oyster,,bus-7,\ngate-1,own,,barrier,,\n"
        ),
    );
    folder
}

fn lora(device: &str, n: u32, f_port: u8, payload: &[u8]) -> Vec<(String, Vec<u8>)> {
    let body = json!({
        "deduplicationId": format!("{device}-{n}"), "time": at(-1), "deviceInfo": {"devEui": device},
        "fCnt": n, "fPort": f_port, "data": STANDARD.encode(payload),
        "txInfo": {"modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9}}},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    vec![(format!("application/a/device/{device}/event/up"), body.to_string().into_bytes())]
}

/// What a radar has counted from left to right and back: since its last message, and in all.
fn counted(n: u32, since_last: [u16; 2], total: [u16; 2]) -> Vec<(String, Vec<u8>)> {
    let mut payload = vec![0xbe, 0x01, 0x04];
    for number in since_last.into_iter().chain(total).chain([7_200, 3_300, 215]) {
        payload.extend(number.to_be_bytes());
    }
    lora(RADAR, n, 14, &payload)
}

/// A position so many degrees north of the town's middle, at 36 km/h.
fn located(n: u32, north_deg: f64) -> Vec<(String, Vec<u8>)> {
    let mut payload = Vec::from((((51.9 + north_deg) * 1e7).round() as i32).to_le_bytes());
    payload.extend(72_000_000_i32.to_le_bytes());
    payload.extend([0x40, 36, 200]);
    lora(TRACKER, n, 1, &payload)
}

fn native(site: &str, mut body: Value) -> Vec<(String, Vec<u8>)> {
    body["at"] = at(-1).into();
    vec![(format!("kv/1/own/site/{site}"), body.to_string().into_bytes())]
}

async fn test_of(instance: &Instance, key: &str, device: &str, instruction: &str) -> Value {
    eventually(&format!("{device}: the installer is to {instruction}"), || async {
        let test = instance.get_with(&format!("/v1/sensors/{device}/acceptance"), key).await;
        (test["instruction"] == instruction).then_some(test)
    })
    .await
}

/// State, value and limit of some checks.
fn figures(test: &Value, names: &[&str]) -> Vec<(String, Value, Value)> {
    let of = |name: &&str| {
        let check = check(test, name);
        (check["state"].as_str().unwrap().to_owned(), check["value"].clone(), check["limit"].clone())
    };
    names.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_passes_with_a_car_that_drives_in_and_out_and_a_vehicle_with_a_drive() {
    let instance = Instance::serve(&[]).await;
    instance.import(&lanes_and_vehicles(instance.dir.path()));
    instance.subscriptions(2).await;
    let (port, key) = (port_of(&instance.text("mqtt")), instance.admin_key());
    let begin = async |device: &str, query: &str| {
        let path = format!("/v1/sensors/{device}/acceptance{query}");
        instance.post(&path, &key, "").await
    };
    publish(port, native("garage", json!({"occupied": 10}))).await;
    eventually("the garage is counted", || async {
        (instance.get("/v1/sites/garage").await.1["occupied"] == 10).then_some(())
    })
    .await;
    for (query, field) in [("?entries=21", "entries"), ("?entries=0&exits=0", "exits"), ("?exits=x", "exits")]
    {
        let (status, problem) = begin(RADAR, query).await;
        assert_eq!((status, problem["field"].as_str()), (400, Some(field)), "{problem}");
    }

    // From left to right is out here: it was bound so.
    let (status, test) = begin(RADAR, "").await;
    assert_eq!((status, &test["entries"], &test["exits"]), (201, &json!(1), &json!(1)), "{test}");
    publish(port, counted(1, [0, 0], [0, 0])).await;
    test_of(&instance, &key, RADAR, "drive_in").await;
    publish(port, counted(2, [0, 1], [0, 1])).await;
    test_of(&instance, &key, RADAR, "drive_out").await;
    publish(port, counted(3, [1, 0], [1, 1])).await;
    let test = test_of(&instance, &key, RADAR, "done").await;
    assert_eq!(test["state"], "passed", "{test}");
    let (pass, none) = ("pass".to_owned(), Value::Null);
    let names = ["entries_seen", "exits_seen", "lane_direction", "totals", "site_count"];
    let expected = [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [10.0, 50.0]];
    let expected = expected.map(|[value, limit]| (pass.clone(), json!(value), json!(limit)));
    assert_eq!(figures(&test, &names), expected);
    assert_eq!(check(&test, "occupied_seen")["skipped"], "other_kind");
    assert_eq!(figures(&test, &["moved"]), [("skipped".to_owned(), none.clone(), none)]);

    // Bound the wrong way round, and on a lane that nobody leaves by.
    let (status, _) = begin(RADAR, "?exits=0").await;
    assert_eq!(status, 201);
    publish(port, counted(4, [1, 0], [2, 1])).await;
    let test = eventually("the direction is wrong", || async {
        let test = instance.get_with(&format!("/v1/sensors/{RADAR}/acceptance"), &key).await;
        (check(&test, "lane_direction")["state"] == "fail").then_some(test)
    })
    .await;
    assert_eq!(check(&test, "lane_direction")["remedy"], "turn_direction");
    assert_eq!(check(&test, "exits_seen")["remedy"], "repeat_alone");

    // Barriers that speak natively.
    let (status, _) = begin("gate-1", "?exits=0").await;
    assert_eq!(status, 201);
    publish(port, native("barrier", json!({"in": 1, "out": 0}))).await;
    let test = test_of(&instance, &key, "gate-1", "done").await;
    assert_eq!(
        (&test["state"], &check(&test, "join")["skipped"]),
        (&json!("passed"), &json!("no_radio")),
        "{test}"
    );
    assert_eq!(check(&test, "site_count")["skipped"], "nothing_to_compare", "nobody has counted it");

    // A vehicle.
    let (status, test) = begin(TRACKER, "").await;
    assert_eq!((status, &test["entries"]), (201, &Value::Null));
    publish(port, located(1, 0.0)).await;
    let test = test_of(&instance, &key, TRACKER, "drive_around").await;
    assert_eq!(check(&test, "position_seen")["state"], "pass", "{test}");
    publish(port, located(2, 0.002)).await;
    let test = test_of(&instance, &key, TRACKER, "done").await;
    assert_eq!(test["state"], "passed", "{test}");
    let moved = check(&test, "moved")["value"].as_f64().unwrap();
    assert!((moved - 222.4).abs() < 1.0, "{moved} m");
    assert!(check(&test, "speed")["value"].as_f64() >= Some(10.0), "{test}");
    assert_eq!(check(&test, "entries_seen")["skipped"], "other_kind");
    for (lang, words) in [("de", "Bewegung erkannt"), ("en", "Seen to move")] {
        let page = format!("/v1/sensors/{TRACKER}/acceptance?format=html&lang={lang}");
        let page = String::from_utf8(instance.bytes_with(&page, &key).await).unwrap();
        assert!(page.contains(words) && page.contains("bus-7"), "{page}");
    }
    let csv =
        String::from_utf8(instance.bytes_with("/v1/acceptances?format=csv&lang=en", &key).await).unwrap();
    assert!(csv.contains("bus-7") && csv.contains("barrier") && csv.contains(",other_kind"), "{csv}");
    instance.stop().await;
}
