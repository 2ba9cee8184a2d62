//! What installers find: devices, what they sent, and what they could be bound to.

use axum::http::StatusCode;
use domain::Decoder;
use domain::health::Code;
use domain::ids::SourceKey;
use domain::registry::Contents;
use serde_json::{Value, json};
use store::writer::Batch;

use super::fixture::{NOW, world};
use super::keys::{Instance, uplink};

pub const BOUND: &str = "70b3d57ed0051a01";
const SPARE: &str = "70b3d57ed0051a02";

/// The small county with two devices, of which one is bound to `w-m-1`.
pub fn with_devices() -> Contents {
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
        ("near=7.991,51.953", "near"),
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

/// Devices that were heard, so many seconds ago.
pub fn heard(instance: &Instance, town: &str, device: &str, age_s: i64) -> domain::Uplink {
    let is_stranger = instance.registry.sensor_by_key(device).is_none();
    domain::Uplink {
        received_at: NOW.plus_s(-age_s),
        is_stranger,
        dedup_id: format!("{device}-{age_s}"),
        ..uplink(instance, town, device, 1, if is_stranger { "rejected:unknown_sensor" } else { "stored" })
    }
}

fn ids(list: &Value) -> Vec<&str> {
    column(list, "id")
}

/// What is in a list, page by page, and at once.
async fn both_ways(instance: &Instance, key: &str, query: &str) -> Vec<String> {
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = instance.get(&format!("/v1/sensors?limit=2&{query}{cursor}"), key).await.json();
        assert!(page["items"].as_array().unwrap().len() <= 2);
        paged.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let whole = instance.get(&format!("/v1/sensors?limit=1000&{query}"), key).await.json();
    assert_eq!(ids(&whole), paged, "{query}");
    paged
}

#[tokio::test]
async fn who_was_heard_last_stands_first_and_is_found_by_id_place_and_gateway() {
    let contents = world()
        .in_town("warendorf")
        .feed("lora")
        .with_feed(|feed| feed.format = domain::FeedFormat::Chirpstack)
        .sensor(BOUND, "lora", "w-m-1")
        .sensor(SPARE, "lora", "w-m-2")
        .sensor("sensor-9", "feed-warendorf", "w-m-4")
        .sensor("never", "lora", "w-kerb-6")
        .in_town("telgte")
        .feed("lora-t")
        .with_feed(|feed| feed.format = domain::FeedFormat::Chirpstack)
        .contents;
    let Some(instance) = Instance::with(contents).await else { return };
    let lora = |town: &str, feed: &str, device: &str, age_s| domain::Uplink {
        feed: testing::world::feed_id(&instance.registry, feed),
        ..heard(&instance, town, device, age_s)
    };
    let new = "70b3d57ed0051aff";
    let by_roof = |mut u: domain::Uplink| {
        u.gateways.insert(0, domain::uplink::Reception::at("roof"));
        u
    };
    let native = |id: &str, age_s: i64| {
        let provenance = instance.provenance("warendorf", NOW.plus_s(-age_s));
        testing::observed::bay(
            provenance,
            instance.registry.bay_by_key(id).unwrap().id,
            None,
            domain::BayState::Vacant,
        )
    };
    let bays = testing::observed::dated([native("w-m-4", 30), native("w-kerb-5", 70)]);
    let uplinks = vec![
        lora("warendorf", "lora", BOUND, 600),
        by_roof(lora("warendorf", "lora", BOUND, 60)),
        lora("warendorf", "lora", SPARE, 4_000),
        // One that two towns hear is where it was heard last; of one's own only one's own messages count.
        lora("warendorf", "lora", new, 20),
        by_roof(lora("telgte", "lora-t", new, 10)),
        lora("telgte", "lora-t", BOUND, 5),
    ];
    instance.write(&Batch { bays, uplinks, ..Batch::default() }).await;
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let (neighbour, _) = instance.key("installer", &["telgte"], 2, None).await;
    let (both, _) = instance.key("installer", &["warendorf", "telgte"], 3, None).await;

    let all = ["sensor-9", BOUND, "w-kerb-5", SPARE, "never"];
    let mut expected = vec![new];
    expected.extend(all);
    assert_eq!(both_ways(&instance, &key, "sort=heard").await, expected);
    assert_eq!(both_ways(&instance, &both, "sort=heard").await, expected);
    // As a stranger of theirs it shows nothing of whose it is.
    assert_eq!(both_ways(&instance, &neighbour, "sort=heard").await, [BOUND, new]);
    assert_eq!(both_ways(&instance, &key, "sort=heard&heard_within_s=65").await, [new, "sensor-9", BOUND]);
    assert_eq!(both_ways(&instance, &key, "heard_within_s=65").await, [BOUND, new, "sensor-9"]);
    let mut by_id = expected.clone();
    by_id.sort_unstable();
    assert_eq!(both_ways(&instance, &key, "").await, by_id);

    // By the last digits, however they are spelled; by bay, site and name; never by digits from the middle.
    for (q, found) in [
        ("1A01", vec![BOUND]),
        ("51a-ff", vec![new]),
        ("70-B3-D5-7E-D0-05-1A-02", vec![SPARE]),
        ("d005", vec![]),
        ("w-m-1", vec![BOUND]),
        ("Site w-market", vec!["sensor-9", BOUND, SPARE]),
        ("sensor-", vec!["sensor-9"]),
        ("kerb", vec!["w-kerb-5", "never"]),
    ] {
        assert_eq!(
            both_ways(&instance, &key, &format!("sort=heard&q={}", q.replace(' ', "%20"))).await,
            found,
            "{q}"
        );
    }

    let through = instance.get("/v1/sensors?gateway=roof", &key).await.json();
    assert_eq!(ids(&through), [BOUND]);
    let gateways = &through["items"][0]["gateways"];
    assert_eq!(
        (&gateways[0]["id"], &gateways[0]["rssi_dbm"], &gateways[0]["snr_db"]),
        (&json!("gw-1"), &json!(-101.0), &json!(7.5))
    );
    assert_eq!((&gateways[1]["id"], &gateways[1]["rssi_dbm"]), (&json!("roof"), &Value::Null));
    assert_eq!(both_ways(&instance, &both, "gateway=roof&sort=heard").await, [new, BOUND]);
    assert_eq!(both_ways(&instance, &both, "gateway=roof&health=new").await, [new]);
    assert_eq!(both_ways(&instance, &key, "health=new&sort=heard").await, [new]);

    let shown = instance.get("/v1/sensors?health=new", &both).await.json()["items"][0].clone();
    assert_eq!(
        (
            &shown["municipality"],
            &shown["feed"],
            &shown["last_hex"],
            &shown["last_f_port"],
            &shown["spreading_factor"]
        ),
        (&json!("telgte"), &json!("lora-t"), &json!("01"), &json!(1), &json!(7))
    );
    assert_eq!((&shown["reasons"], &shown["gateways"][0]["id"]), (&json!([]), &json!("roof")));

    for (query, field) in [
        ("sort=age", "sort"),
        ("heard_within_s=0", "heard_within_s"),
        ("heard_within_s=1h", "heard_within_s"),
        ("health=ill", "health"),
        ("sort=heard&cursor=YWJj", "cursor"),
        ("gateway=", "gateway"),
    ] {
        let wrong = instance.get(&format!("/v1/sensors?{query}"), &key).await;
        assert_eq!(
            (wrong.status, wrong.json()["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some(field)),
            "{query}"
        );
        assert!(wrong.json()["remedy"].is_string(), "{query}");
    }
    instance.pool.close().await;
}

#[tokio::test]
async fn a_sensor_says_what_is_wrong_with_it_and_since_when() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let uplinks = vec![heard(&instance, "warendorf", BOUND, 60), heard(&instance, "warendorf", SPARE, 60)];
    instance.write(&Batch { uplinks, ..Batch::default() }).await;
    let sensor = instance.registry.sensor_by_key(BOUND).unwrap();
    let found = |code: Code, since: i64, until: Option<i64>, value: f64| store::health::Reason {
        municipality: sensor.municipality,
        source: SourceKey(sensor.id.0),
        bay: None,
        code: code.as_str(),
        hides: false,
        since: NOW.plus_s(since),
        until: until.map(|s| NOW.plus_s(s)),
        value: Some(value),
        limit: Some(10.0),
    };
    let record = async |reasons: &[store::health::Reason]| {
        let mut tx = instance.pool.begin().await.unwrap();
        store::health::record(&mut tx, reasons, NOW).await.unwrap();
        tx.commit().await.unwrap();
    };
    let shown = async |id: &str| {
        let shown = instance.get(&format!("/v1/sensors/{id}"), &key).await.json();
        (shown["health"].as_str().unwrap().to_owned(), shown["reasons"].clone())
    };
    assert_eq!(shown(BOUND).await, ("ok".to_owned(), json!([])));

    record(&[found(Code::Signal, -900, None, 4.0), found(Code::Rejected, -50, Some(-40), 3.0)]).await;
    let signal = json!({ "code": "signal", "since": NOW.plus_s(-900), "value": 4.0, "limit": 10.0 });
    assert_eq!(shown(BOUND).await, ("watch".to_owned(), json!([signal])));
    record(&[found(Code::Flapping, -20, None, 12.5)]).await;
    let flapping = json!({ "code": "flapping", "since": NOW.plus_s(-20), "value": 12.5, "limit": 10.0 });
    assert_eq!(shown(BOUND).await, ("faulty".to_owned(), json!([flapping, signal])));
    assert_eq!(both_ways(&instance, &key, "health=faulty").await, [BOUND]);
    assert_eq!(both_ways(&instance, &key, "health=watch,silent").await, [] as [&str; 0]);
    record(&[found(Code::Flapping, -20, Some(0), 12.5), found(Code::Signal, -900, Some(0), 4.0)]).await;
    assert_eq!(both_ways(&instance, &key, "health=ok").await, [BOUND, SPARE]);

    // While nobody has judged it, it is silent by its heartbeat.
    instance.county.at(NOW.plus_s(3_000));
    let (health, reasons) = shown(BOUND).await;
    assert_eq!(health, "silent");
    assert_eq!(
        reasons,
        json!([{ "code": "silent", "since": NOW.plus_s(-60), "value": 3060.0, "limit": 2200.0 }])
    );
    // Nobody waits for one that is bound to nothing.
    assert_eq!(both_ways(&instance, &key, "health=silent&sort=heard").await, [BOUND]);
    assert_eq!(shown(SPARE).await, ("ok".to_owned(), json!([])));
    instance.pool.close().await;
}

#[tokio::test]
async fn a_spare_sensor_is_new_until_it_is_heard_or_bound() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let stranger = "70b3d57ed0051aff";
    let uplinks = vec![heard(&instance, "warendorf", stranger, 60)];
    instance.write(&Batch { uplinks, ..Batch::default() }).await;
    assert_eq!(both_ways(&instance, &key, "health=new").await, [SPARE, stranger]);
    assert_eq!(both_ways(&instance, &key, "health=new&sort=heard").await, [stranger, SPARE]);
    assert_eq!(both_ways(&instance, &key, "health=silent").await, [BOUND]);
    let spare = instance.get(&format!("/v1/sensors/{SPARE}"), &key).await.json();
    assert_eq!((&spare["health"], &spare["reasons"]), (&json!("new"), &json!([])));
    let uplinks = vec![heard(&instance, "warendorf", SPARE, 30)];
    instance.write(&Batch { uplinks, ..Batch::default() }).await;
    assert_eq!(both_ways(&instance, &key, "health=new").await, [stranger]);
    assert_eq!(both_ways(&instance, &key, "health=ok").await, [SPARE]);
    instance.pool.close().await;
}
