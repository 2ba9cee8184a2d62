//! An installer binds devices: new ones, in place of others, and back in time.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Instance, at, chirpstack, eventually, port_of, publish, town};

/// The device that is bound to the wrong bay in one of two worlds.
const MOVED: &str = "70b3d57ed0001000";
/// Its messages: more than are decoded in two transactions.
const MESSAGES: i64 = 1_300;
const STEP_S: i64 = 200;

/// Two sites of three bays. The neighbours have devices, and so has `moved_to`.
fn two_sites(dir: &Path, moved_to: &str, since: jiff::Timestamp) -> PathBuf {
    let folder = dir.join("two-sites");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let collection =
        |features: Vec<Value>| json!({"type": "FeatureCollection", "features": features}).to_string();
    let feature = |properties: Value| {
        let point = json!({"type": "Point", "coordinates": [7.2, 51.9]});
        json!({"type": "Feature", "properties": properties, "geometry": point})
    };
    write("municipalities.csv", "slug,name,ags,lat,lon\naltdorf,Altdorf,05999001,51.9,7.2\n");
    let site =
        |id| feature(json!({"id": id, "municipality": "altdorf", "name": id, "kind": "lot", "capacity": 3}));
    write("sites.geojson", &collection(vec![site("p"), site("q")]));
    let bay = |id: &str| {
        feature(json!({"id": id, "municipality": "altdorf", "site": &id[..1], "max_stay_min": 60}))
    };
    write("bays.geojson", &collection(["p1", "p2", "p3", "q1", "q2", "q3"].map(bay).to_vec()));
    write(
        "feeds.toml",
        "[[feed]]\nid = \"lora\"\nmunicipality = \"altdorf\"\nformat = \"chirpstack\"\n\
         topic = \"application/+/device/+/event/+\"\nheartbeat_s = 900\n",
    );
    let rows: Vec<String> =
        NEIGHBOURS.iter().map(|(eui, bay)| format!("{eui},lora,bosch-tps110,{bay},\n")).collect();
    let rows = format!(
        "id,feed,decoder,bay,bound_from\n{MOVED},lora,bosch-tps110,{moved_to},{since}\n{}",
        rows.concat()
    );
    write("sensors.csv", &rows);
    folder
}

/// `p1` and `q1` are watched by the moved device, or by none.
const NEIGHBOURS: [(&str, &str); 4] = [
    ("70b3d57ed0001002", "p2"),
    ("70b3d57ed0001003", "p3"),
    ("70b3d57ed0001012", "q2"),
    ("70b3d57ed0001013", "q3"),
];

/// What a device sends as its message `n`: one of a pattern of its own.
fn message(device: &str, n: i64, begin: jiff::Timestamp) -> (String, Vec<u8>) {
    let pattern = i64::from(device.as_bytes()[15]) + i64::from(device.as_bytes()[14]);
    let is_occupied = (n * n + pattern * n) % 7 < 3;
    let sent = begin + jiff::SignedDuration::from_secs(n * STEP_S);
    let body = json!({
        "deduplicationId": format!("{device}-{n}"), "time": sent.to_string(), "deviceInfo": {"devEui": device},
        "fCnt": n, "fPort": 1, "data": if is_occupied { "AQ==" } else { "AA==" },
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    (format!("application/a/device/{device}/event/up"), body.to_string().into_bytes())
}

/// All that is sent from `range` on, late and twice here and there.
fn messages(range: std::ops::Range<i64>, begin: jiff::Timestamp) -> Vec<(String, Vec<u8>)> {
    let mut sent: Vec<(i64, (String, Vec<u8>))> = Vec::new();
    for n in range {
        let late = if n % 17 == 3 { 40 } else { 0 };
        sent.push((n + late, message(MOVED, n, begin)));
        if n % 11 == 5 {
            sent.push((n + 60, message(MOVED, n, begin)));
        }
        if n % 4 == 0 {
            sent.extend(NEIGHBOURS.iter().map(|(eui, _)| (n, message(eui, n, begin))));
        }
    }
    sent.sort_by_key(|(at, _)| *at);
    sent.into_iter().map(|(_, message)| message).collect()
}

async fn stored(pool: &store::Pool, messages: i64) {
    eventually("all messages are stored", || async {
        let n: i64 =
            sqlx::query_scalar("SELECT count(*) FROM uplink WHERE copy = 0").fetch_one(pool).await.unwrap();
        (n == messages).then_some(())
    })
    .await;
}

/// What everyone asks about both places.
async fn figures(instance: &Instance, key: &str, from: &str, until: &str) -> Vec<Value> {
    let about = |place| {
        let span = format!("{place}&from={from}&to={until}");
        [
            format!("/v1/occupancy?{span}&bucket=1h"),
            format!("/v1/occupancy?{span}&bucket=all"),
            format!("/v1/stays?{span}"),
        ]
    };
    let questions: Vec<String> = ["bay=p1", "bay=q1", "bay=p2", "site=p", "site=q"].map(about).concat();
    let places = ["bays/p1", "bays/q1", "bays/p2", "sites/p", "sites/q"];
    crate::figures::figures(instance, key, &questions, &places).await
}

/// Waits until everything is derived up to now.
async fn derived(instance: &Instance, key: &str, pool: &store::Pool, from: &str, until: &str) {
    eventually("all is derived", || async {
        if store::derive::backlog(pool).await.unwrap() > 0 {
            return None;
        }
        let answer =
            instance.get_with(&format!("/v1/occupancy?site=q&from={from}&to={until}&bucket=all"), key).await;
        (answer["complete"] == true
            || answer["items"].as_array().is_some_and(|i| i[0]["complete"] == true)
            || answer["complete_until"].as_str().is_some_and(|at| at >= until))
        .then_some(())
    })
    .await;
}

/// Bound to `p1` at first, it belongs to `q1`: three days are moved while messages come, through a `kill -9`.
#[tokio::test(flavor = "multi_thread")]
async fn a_misbound_devices_days_move_as_if_it_had_been_right_from_the_start() {
    let begin = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(MESSAGES * STEP_S + 60);
    let hour =
        |at: jiff::Timestamp| jiff::Timestamp::from_second(at.as_second().div_euclid(3_600) * 3_600).unwrap();
    let from = hour(begin).to_string();
    let until = hour(jiff::Timestamp::now()).to_string();
    let most = MESSAGES - 100;
    let neighbours = |n: i64| NEIGHBOURS.len() as i64 * ((n + 3) / 4);

    // Right from the start.
    let right = Instance::serve(&[]).await;
    right.import(&two_sites(right.dir.path(), "q1", begin));
    right.subscriptions(1).await;
    publish(port_of(&right.text("mqtt")), messages(0..MESSAGES, begin)).await;
    let right_pool = right.pool().await;
    stored(&right_pool, MESSAGES + neighbours(MESSAGES)).await;
    let right_key = right.admin_key();
    derived(&right, &right_key, &right_pool, &from, &until).await;

    let mut moved = Instance::serve(&[]).await;
    moved.import(&two_sites(moved.dir.path(), "p1", begin));
    moved.subscriptions(1).await;
    publish(port_of(&moved.text("mqtt")), messages(0..most, begin)).await;
    let pool = moved.pool().await;
    stored(&pool, most + neighbours(most)).await;
    let key = moved.admin_key();
    derived(&moved, &key, &pool, &from, &until).await;
    let wrong = figures(&moved, &key, &from, &until).await;

    let path = format!("/v1/sensors/{MOVED}/binding");
    let body = json!({"bay": "q1", "from": begin.to_string()}).to_string();
    let (status, trial) = moved.put(&format!("{path}?dry_run"), &key, &body).await;
    assert_eq!(
        (status, &trial["decoded_again"], &trial["job"]),
        (200, &json!(most), &Value::Null),
        "{trial}"
    );
    assert_eq!(trial["ends"][0]["bay"], "p1");
    assert_eq!(trial["hours_changed"]["from"], json!(from));
    assert_eq!(figures(&moved, &key, &from, &until).await, wrong, "a trial changes nothing");

    // A message in the middle is held by somebody else, so what decodes it waits there, and is killed.
    let mut held = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM uplink WHERE device = $1 AND f_cnt = 700 FOR UPDATE")
        .bind(MOVED)
        .execute(&mut *held)
        .await
        .unwrap();
    let (status, change) = moved.put(&path, &key, &body).await;
    assert_eq!(status, 200, "{change}");
    assert_eq!((&change["ends"], &change["decoded_again"]), (&trial["ends"], &trial["decoded_again"]));
    assert!(change["job"].is_i64());
    let sensor = format!("/v1/sensors/{MOVED}");
    let running = eventually("a part is decoded again", || async {
        let rebinding = moved.get_with(&sensor, &key).await["rebinding"].clone();
        (rebinding["done"].as_i64() > Some(0)).then_some(rebinding)
    })
    .await;
    assert_eq!((&running["state"], &running["of"]), (&json!("running"), &json!(most)), "{running}");
    // Live traffic meanwhile.
    publish(port_of(&moved.text("mqtt")), messages(most..MESSAGES - 50, begin)).await;
    stored(&pool, MESSAGES - 50 + neighbours(MESSAGES - 50)).await;
    moved.kill().await;
    held.rollback().await.unwrap();
    moved.restart().await;
    moved.subscriptions(1).await;
    publish(port_of(&moved.text("mqtt")), messages(MESSAGES - 50..MESSAGES, begin)).await;
    stored(&pool, MESSAGES + neighbours(MESSAGES)).await;
    eventually("all is decoded again", || async {
        let rebinding = moved.get_with(&sensor, &key).await["rebinding"].clone();
        (rebinding["state"] == "done" && rebinding["done"] == rebinding["of"]).then_some(())
    })
    .await;
    derived(&moved, &key, &pool, &from, &until).await;

    let expected = figures(&right, &right_key, &from, &until).await;
    let found = figures(&moved, &key, &from, &until).await;
    assert_ne!(wrong, found);
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    // Nothing else is left of the time at the other bay, in the database and after a new start.
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM bay_observation o JOIN place p ON p.id = o.bay WHERE p.key = 'p1')
              + (SELECT count(*) FROM bay_state s JOIN place p ON p.id = s.bay WHERE p.key = 'p1')",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
    moved.end().await;
    moved.restart().await;
    assert_eq!(figures(&moved, &key, &from, &until).await, found);
    // The file that bound it to the wrong bay does not undo it.
    moved.import(&moved.dir.path().join("two-sites"));
    assert_eq!(moved.get_with(&sensor, &key).await["binding"]["bay"], "q1");
    // Once more: nothing changes.
    let (status, again) = moved.put(&path, &key, &body).await;
    assert_eq!(
        (status, again["ends"].as_array().unwrap().len(), &again["job"]),
        (200, 0, &Value::Null),
        "{again}"
    );
    pool.close().await;
    right_pool.close().await;
    right.stop().await;
    moved.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_is_bound_then_swapped_and_the_bays_history_goes_on() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let key = instance.admin_key();
    let port = port_of(&instance.text("mqtt"));
    let (new, next) = ("70b3d57ed00000aa", "70b3d57ed00000bb");
    let path = |device: &str| format!("/v1/sensors/{device}/binding");
    assert_eq!(instance.put(&path(new), &key, r#"{"bay": "n2"}"#).await.0, 404, "it was never heard");

    publish(port, vec![chirpstack(new, 1, 1, "AQ==")]).await;
    eventually("the device is new", || async {
        let sensor = instance.get_with(&format!("/v1/sensors/{new}"), &key).await;
        (sensor["health"] == "new").then_some(())
    })
    .await;
    // Without a decoder it cannot work, and none is chosen for it.
    let (status, problem) = instance.put(&path(new), &key, r#"{"bay": "n2"}"#).await;
    assert_eq!((status, &problem["field"]), (400, &json!("decoder")), "{problem}");
    // Nor with a distance of which nobody says what it means.
    let body = r#"{"bay": "n2", "decoder": "milesight-em400-udl"}"#;
    let (status, problem) = instance.put(&path(new), &key, body).await;
    assert_eq!((status, &problem["field"]), (400, &json!("threshold_mm")), "{problem}");
    let (status, problem) = instance.post(&format!("/v1/sensors/{new}/acceptance"), &key, "").await;
    assert_eq!(status, 409, "it was heard, and is bound to nothing: {problem}");
    let body = json!({"bay": "n2", "decoder": "bosch-tps110", "from": at(-3_600)}).to_string();
    let (status, change) = instance.put(&path(new), &key, &body).await;
    assert_eq!((status, &change["decoded_again"]), (200, &json!(1)), "{change}");
    assert_eq!(change["ends"][0]["sensor"], "70b3d57ed0000003", "which waited at this bay");
    // What it sent before it was bound counts, and is no rejection any more.
    eventually("the bay has its state", || async {
        (instance.get("/v1/bays/n2").await.1["state"] == "occupied").then_some(())
    })
    .await;
    eventually("the rejection is gone", || async {
        let rejected = instance.get_with("/v1/rejections?feed=lora", &key).await;
        rejected["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let sensor = instance.get_with(&format!("/v1/sensors/{new}"), &key).await;
    assert_eq!((&sensor["binding"]["bay"], &sensor["last_outcome"]), (&json!("n2"), &json!("stored")));
    let gateway = &sensor["gateways"][0]["id"];
    assert_eq!(gateway, "0016c001f153a14c", "which heard it before it was bound: {sensor}");
    let by_gateway = format!("/v1/sensors?gateway=0016c001f153a14c&q={new}");
    assert_eq!(instance.get_with(&by_gateway, &key).await["items"][0]["id"], new);

    // Another device takes its place from now on.
    publish(port, vec![chirpstack(next, 1, 1, "AA==")]).await;
    let body = r#"{"bay": "n2", "decoder": "bosch-tps110"}"#;
    let change = eventually("the other one is bound", || async {
        let (status, change) = instance.put(&path(next), &key, body).await;
        (status == 200).then_some(change)
    })
    .await;
    assert_eq!(
        (&change["ends"][0]["sensor"], &change["hours_changed"]),
        (&json!(new), &Value::Null),
        "{change}"
    );
    let former = instance.get_with(&format!("/v1/sensors/{new}"), &key).await;
    assert_eq!(former["binding"], Value::Null);
    assert!(
        former["bindings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|b| b["bay"] == "n2" && b["bound_until"].is_string())
    );
    publish(
        port,
        vec![message(next, 5, jiff::Timestamp::now() - jiff::SignedDuration::from_secs(5 * STEP_S))],
    )
    .await;
    eventually("the bay follows the new one", || async {
        (instance.get("/v1/bays/n2").await.1["state"] == "vacant").then_some(())
    })
    .await;
    let pool = instance.pool().await;
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM bay_observation o JOIN place p ON p.id = o.bay WHERE p.key = 'n2'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(kept >= 2, "{kept}");

    // A file without a newer statement undoes nothing.
    instance.import(&folder);
    let sensor = instance.get_with(&format!("/v1/sensors/{next}"), &key).await;
    assert_eq!(sensor["binding"]["bay"], "n2");
    let audited: Vec<String> = sqlx::query_scalar(
        "SELECT subject FROM audit WHERE action = 'bind' AND actor LIKE 'key %' ORDER BY id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(
        audited.contains(&format!("sensor {new}")) && audited.contains(&format!("sensor {next}")),
        "{audited:?}"
    );

    // Released, and to nothing.
    let (status, change) = instance.put(&path(next), &key, "{}").await;
    assert_eq!((status, &change["ends"][0]["bay"]), (200, &json!("n2")));
    assert_eq!(instance.get_with(&format!("/v1/sensors/{next}"), &key).await["binding"]["bay"], Value::Null);
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_bound_says_what_is_wrong_and_changes_nothing() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let bays = std::fs::read_to_string(folder.join("bays.geojson")).unwrap();
    let since = at(-7_200);
    let dated = bays.replace(r#""id":"n1","#, &format!(r#""id":"n1","valid_from":"{since}","#));
    std::fs::write(folder.join("bays.geojson"), dated).unwrap();
    instance.import(&folder);
    instance.subscribed().await;
    let key = instance.admin_key();
    let device = "70b3d57ed0000003";
    let path = format!("/v1/sensors/{device}/binding");
    let before = instance.get_with(&format!("/v1/sensors/{device}"), &key).await;
    let (past, future) = (at(-86_400), at(3_600));
    let cases = [
        (json!({"bay": "a1"}), "bay", "altdorf is another town than the feed's"),
        (json!({"bay": "nowhere"}), "bay", "there is no such bay"),
        (json!({"site": "nowhere"}), "site", "there is no such site"),
        (json!({"vehicle": "nowhere"}), "vehicle", "there is no such vehicle"),
        (json!({"bay": "n1", "site": "markt"}), "site", "two targets"),
        (json!({"bay": "n1", "direction": "in"}), "direction", "a direction without a site"),
        (json!({"bay": "n1", "decoder": "bosch-tps110", "from": past}), "from", "before the bay existed"),
        (json!({"bay": "n1", "decoder": "bosch-tps110", "from": future}), "from", "in the future"),
        (json!({"bay": "n1", "from": "yesterday"}), "from", "no instant"),
        (json!({"bay": "n1", "decoder": "bosch"}), "decoder", "an unknown decoder"),
        (json!({"bay": "n1", "decoder": "parametric-pcr2"}), "decoder", "it counts in lanes"),
        (json!({"bay": "n1", "decoder": "digital-matter-oyster"}), "decoder", "it is in a vehicle"),
        (json!({"bay": "n1", "direction": "up"}), "direction", "an unknown direction"),
        (json!({"bay": "n1", "heartbeat_s": 0}), "heartbeat_s", "no heartbeat at all"),
        (json!({"bay": "n1", "threshold_mm": "1 m"}), "threshold_mm", "no number"),
        (json!({"bay": 7}), "bay", "no text"),
        (json!({"bai": "n1"}), "bai", "an unknown field"),
        (json!(["n1"]), "body", "no object"),
    ];
    for (body, field, why) in &cases {
        let (status, problem) = instance.put(&path, &key, &body.to_string()).await;
        assert_eq!((status, problem["field"].as_str()), (400, Some(*field)), "{why}: {problem}");
        assert!(problem["remedy"].is_string() && problem["value"].is_string(), "{why}: {problem}");
    }
    let misfit = json!({"bay": "n1", "decoder": "parametric-pcr2"}).to_string();
    let (_, problem) = instance.put(&path, &key, &misfit).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("'parametric-pcr2' report on a site, not on bay 'n1'"), "{problem}");
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(remedy.contains("bosch-tps110") && !remedy.contains("parametric-pcr2"), "{problem}");
    let town_key = |town: &str| {
        let (ok, key, err) =
            instance.command(&["key", "create", "--role", "installer", "--municipality", town]);
        assert!(ok, "{err}");
        key.trim().to_owned()
    };
    let neighbour = town_key("altdorf");
    let foreign = instance.put(&path, &neighbour, r#"{"bay": "a1"}"#).await;
    let unknown = instance.put("/v1/sensors/70b3d57ed0000fff/binding", &neighbour, r#"{"bay": "a1"}"#).await;
    assert_eq!((foreign.0, foreign), (404, unknown), "another town's device is like one that does not exist");
    let own = town_key("neudorf");
    let (_, of_town) = instance.put(&path, &own, r#"{"bay": "a1"}"#).await;
    let (_, of_none) = instance.put(&path, &own, r#"{"bay": "a9"}"#).await;
    assert_eq!(of_town.to_string().replace("a1", "a9"), of_none.to_string(), "so is another town's bay");
    assert_eq!(instance.put(&path, &"ab".repeat(32), "{}").await.0, 401);
    let mut after = instance.get_with(&format!("/v1/sensors/{device}"), &key).await;
    after["age_s"] = before["age_s"].clone();
    assert_eq!(before, after);

    // Two at once for one bay: one after the other, and one device has it.
    let body = r#"{"bay": "n1", "decoder": "bosch-tps110"}"#;
    let both = ["70b3d57ed0000002", device].map(|id| format!("/v1/sensors/{id}/binding"));
    let answers = tokio::join!(instance.put(&both[0], &own, body), instance.put(&both[1], &own, body));
    assert_eq!((answers.0.0, answers.1.0), (200, 200), "{answers:?}");
    let pool = instance.pool().await;
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sensor_binding b JOIN place p ON p.id = b.bay WHERE p.key = 'n1' AND until_utc = 'infinity'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(open, 1);
    pool.close().await;
    instance.stop().await;
}
