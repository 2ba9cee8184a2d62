//! Devices in lanes, over LoRaWAN: what they count, and what becomes of it when a binding is corrected.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Instance, eventually, port_of, publish};

const FIRST: &str = "70b3d57ed0002001";
const SECOND: &str = "70b3d57ed0002002";
const THIRD: &str = "70b3d57ed0002003";
/// Measures a distance.
const DISTANCE: &str = "70b3d57ed0002004";

const STEP_S: i64 = 240;
/// More than are decoded in one transaction.
const MESSAGES: i64 = 700;

/// How sensors are bound: device, decoder, site, bay, direction, threshold.
type Rows<'a> = &'a [(&'a str, &'a str, &'a str, &'a str, &'a str, &'a str)];

fn two_sites(dir: &Path, rows: Rows<'_>, since: Timestamp) -> PathBuf {
    let folder = dir.join("lanes");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let point = json!({"type": "Point", "coordinates": [7.2, 51.9]});
    let collection = |all: Vec<Value>| {
        let feature = |p: Value| json!({"type": "Feature", "properties": p, "geometry": point});
        let features: Vec<Value> = all.into_iter().map(feature).collect();
        json!({"type": "FeatureCollection", "features": features}).to_string()
    };
    write("municipalities.csv", "slug,name,ags,lat,lon\naltdorf,Altdorf,05999001,51.9,7.2\n");
    let site = |id| json!({"id": id, "municipality": "altdorf", "name": id, "kind": "car_park", "capacity": 100_000});
    write("sites.geojson", &collection(["p", "q", "r"].map(site).to_vec()));
    write("bays.geojson", &collection(vec![json!({"id": "b", "municipality": "altdorf"})]));
    write(
        "feeds.toml",
        "[[feed]]\nid = \"lora\"\nmunicipality = \"altdorf\"\nformat = \"chirpstack\"\n\
         topic = \"application/+/device/+/event/+\"\nheartbeat_s = 3600\n\
         [[feed]]\nid = \"gates\"\nmunicipality = \"altdorf\"\nformat = \"native\"\ntopic = \"kv/1/gates/#\"\n",
    );
    let rows = rows.iter().map(|(id, decoder, site, bay, direction, threshold)| {
        format!("{id},lora,{decoder},{site},{bay},{direction},{threshold},{since}\n")
    });
    let head = "id,feed,decoder,site,bay,direction,threshold_mm,bound_from\n";
    write("sensors.csv", &(head.to_owned() + &rows.collect::<String>()));
    folder
}

/// Who passed in step `n` of a lane, from left to right and back.
fn passed(lane: i64, n: i64) -> (i64, i64) {
    ((n * n + lane * n) % 7, (n * 3 + lane) % 5)
}

/// A radar's messages: in the middle it is switched off and on again, and its counters wrap round before.
struct Radar {
    device: &'static str,
    lane: i64,
}

impl Radar {
    const RESTART: i64 = 400;

    /// What it says in step `n`: totals since it was switched on, and its frame counter.
    fn message(&self, n: i64, begin: Timestamp) -> (String, Vec<u8>) {
        let (mut total, from) =
            if n < Self::RESTART { ((65_000, 64_900 - 40_000), 0) } else { ((0, 0), Self::RESTART) };
        for step in from..=n {
            let (right, left) = passed(self.lane, step);
            total = ((total.0 + right) % 65_536, (total.1 + left) % 65_536);
        }
        let (right, left) = passed(self.lane, n);
        let mut payload = vec![0xbe, 0x01, 0x04];
        for number in [right, left, total.0, total.1, 7_200, 3_300, 215] {
            payload.extend(u16::try_from(number).unwrap().to_be_bytes());
        }
        uplink(self.device, n, n - from, 14, &payload, begin)
    }

    /// All that arrives of `range`: some are lost, some late, some twice, but for the ends of what is counted.
    fn messages(&self, range: std::ops::Range<i64>, begin: Timestamp) -> Vec<(i64, (String, Vec<u8>))> {
        let is_end = |n: i64| [0, Self::RESTART - 1, Self::RESTART, MESSAGES - 1].contains(&n);
        let mut sent = Vec::new();
        for n in range.filter(|n| is_end(*n) || !is_lost(*n)) {
            sent.push((n + if n % 17 == 3 { 40 } else { 0 }, self.message(n, begin)));
            if n % 11 == 5 {
                sent.push((n + 60, self.message(n, begin)));
            }
        }
        sent
    }

    /// Who came in less who went out after step 0.
    fn net(&self) -> i64 {
        (1..MESSAGES).map(|n| passed(self.lane, n)).map(|(right, left)| right - left).sum()
    }
}

fn is_lost(n: i64) -> bool {
    n % 13 == 7 || n % 50 > 45
}

fn uplink(
    device: &str,
    n: i64,
    f_cnt: i64,
    f_port: u8,
    payload: &[u8],
    begin: Timestamp,
) -> (String, Vec<u8>) {
    let sent = begin + SignedDuration::from_secs(n * STEP_S);
    let body = json!({
        "deduplicationId": format!("{device}-{n}"), "time": sent.to_string(), "deviceInfo": {"devEui": device},
        "fCnt": f_cnt, "fPort": f_port, "data": STANDARD.encode(payload),
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
    });
    (format!("application/a/device/{device}/event/up"), body.to_string().into_bytes())
}

/// A distance from 300 to 1,199 mm.
fn distance(n: i64, begin: Timestamp) -> (String, Vec<u8>) {
    let [low, high] = u16::try_from(300 + (n * 331) % 900).unwrap().to_le_bytes();
    uplink(DISTANCE, n, n, 85, &[0x04, 0x82, low, high], begin)
}

const RADARS: [Radar; 3] =
    [Radar { device: FIRST, lane: 1 }, Radar { device: SECOND, lane: 2 }, Radar { device: THIRD, lane: 3 }];

/// What all send in `range`, in the order of arrival; first each site has a count.
fn all(range: std::ops::Range<i64>, begin: Timestamp) -> Vec<(String, Vec<u8>)> {
    let mut sent: Vec<(i64, (String, Vec<u8>))> = Vec::new();
    if range.start == 0 {
        for site in ["p", "q", "r"] {
            let at = begin + SignedDuration::from_secs(1);
            let count = json!({"at": at.to_string(), "occupied": 50_000}).to_string();
            sent.push((-1, (format!("kv/1/gates/site/{site}"), count.into_bytes())));
        }
    }
    sent.extend(RADARS.iter().flat_map(|radar| radar.messages(range.clone(), begin)));
    sent.extend(range.clone().step_by(5).map(|n| (n, distance(n, begin))));
    sent.sort_by_key(|(at, _)| *at);
    sent.into_iter().map(|(_, message)| message).collect()
}

fn arriving(range: std::ops::Range<i64>, begin: Timestamp) -> i64 {
    let topics: std::collections::BTreeSet<Vec<u8>> = all(range, begin)
        .into_iter()
        .filter(|(topic, _)| !topic.starts_with("kv"))
        .map(|(_, payload)| payload)
        .collect();
    topics.len() as i64
}

async fn stored(pool: &store::Pool, messages: i64) {
    eventually("all messages are stored", || async {
        let n: i64 =
            sqlx::query_scalar("SELECT count(*) FROM uplink WHERE copy = 0").fetch_one(pool).await.unwrap();
        (n == messages).then_some(())
    })
    .await;
}

async fn derived(instance: &Instance, key: &str, pool: &store::Pool, from: &str, until: &str) {
    eventually("all is derived", || async {
        let pending: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM derive_wanted)
                  + (SELECT count(*) FROM rebinding WHERE done_at IS NULL)",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if pending > 0 || store::derive::backlog(pool).await.unwrap() > 0 {
            return None;
        }
        let question = format!("/v1/occupancy?site=q&from={from}&to={until}&bucket=all");
        let answer = instance.get_with(&question, key).await;
        answer["complete_until"].as_str().is_some_and(|at| at >= until).then_some(())
    })
    .await;
}

async fn figures(instance: &Instance, key: &str, from: &str, until: &str) -> Vec<Value> {
    let places = ["site=p", "site=q", "site=r", "bay=b"];
    let question = |place, bucket| format!("/v1/occupancy?{place}&from={from}&to={until}&bucket={bucket}");
    let questions: Vec<String> =
        places.iter().flat_map(|place| ["1h", "all"].map(|bucket| question(place, bucket))).collect();
    crate::figures::figures(instance, key, &questions, &["sites/p", "sites/q", "sites/r", "bays/b"]).await
}

async fn occupied(instance: &Instance, site: &str) -> Option<i64> {
    instance.get(&format!("/v1/sites/{site}")).await.1["occupied"].as_i64()
}

const RADAR: &str = "parametric-pcr2";
const UDL: &str = "milesight-em400-udl";

/// Nothing of what a radar counts is lost or counted twice; and where bindings were wrong in every way that they can be, they
/// are corrected back in time, and all is as in the world in which they were right.
#[tokio::test(flavor = "multi_thread")]
async fn lanes_count_each_car_once_and_follow_a_corrected_binding() {
    let begin = Timestamp::now() - SignedDuration::from_secs(MESSAGES * STEP_S + 60);
    let hour = |at: Timestamp| Timestamp::from_second(at.as_second().div_euclid(3_600) * 3_600).unwrap();
    let (from, until) = (hour(begin).to_string(), hour(Timestamp::now()).to_string());
    let messages = arriving(0..MESSAGES, begin);

    let right = Instance::serve(&[]).await;
    let rows: Rows<'_> = &[
        (FIRST, RADAR, "q", "", "in", ""),
        (SECOND, RADAR, "q", "", "out", ""),
        (THIRD, RADAR, "r", "", "", ""),
        (DISTANCE, UDL, "", "b", "", "700"),
    ];
    right.import(&two_sites(right.dir.path(), rows, begin));
    right.subscriptions(2).await;
    publish(port_of(&right.text("mqtt")), all(0..MESSAGES, begin)).await;
    let right_pool = right.pool().await;
    stored(&right_pool, messages).await;
    let right_key = right.admin_key();
    derived(&right, &right_key, &right_pool, &from, &until).await;
    let [first, second, third] = RADARS.map(|radar| radar.net());
    assert_eq!(occupied(&right, "q").await, Some(50_000 + first - second));
    assert_eq!(occupied(&right, "r").await, Some(50_000 + third));
    assert_eq!(occupied(&right, "p").await, Some(50_000));

    // At another site, the other way round, without a decoder, with another threshold.
    let mut wrong = Instance::serve(&[]).await;
    let rows: Rows<'_> = &[
        (FIRST, RADAR, "p", "", "in", ""),
        (SECOND, RADAR, "q", "", "in", ""),
        (THIRD, "", "r", "", "", ""),
        (DISTANCE, UDL, "", "b", "", "400"),
    ];
    wrong.import(&two_sites(wrong.dir.path(), rows, begin));
    wrong.subscriptions(2).await;
    let most = MESSAGES - 50;
    publish(port_of(&wrong.text("mqtt")), all(0..most, begin)).await;
    let pool = wrong.pool().await;
    stored(&pool, arriving(0..most, begin)).await;
    let key = wrong.admin_key();
    assert_ne!(occupied(&wrong, "p").await, Some(50_000));
    let since = begin.to_string();
    let corrections = [
        (FIRST, json!({"site": "q", "direction": "in", "from": since})),
        (SECOND, json!({"site": "q", "direction": "out", "from": since})),
        (THIRD, json!({"site": "r", "decoder": RADAR, "from": since})),
        (DISTANCE, json!({"bay": "b", "threshold_mm": 700, "from": since})),
    ];
    for (device, body) in &corrections {
        let path = format!("/v1/sensors/{device}/binding");
        let (status, trial) = wrong.put(&format!("{path}?dry_run"), &key, &body.to_string()).await;
        assert_eq!((status, trial["decoded_again"].as_i64() > Some(100)), (200, true), "{device}: {trial}");
        let (status, change) = wrong.put(&path, &key, &body.to_string()).await;
        assert_eq!(status, 200, "{device}: {change}");
        assert!(change["job"].is_i64(), "{device}: {change}");
        if *device == FIRST {
            // Others go on sending meanwhile, and it does.
            publish(port_of(&wrong.text("mqtt")), all(most..MESSAGES, begin)).await;
        }
    }
    stored(&pool, messages).await;
    for (device, _) in &corrections {
        eventually("all is decoded again", || async {
            let rebinding = wrong.get_with(&format!("/v1/sensors/{device}"), &key).await["rebinding"].clone();
            (rebinding["state"] == "done").then_some(())
        })
        .await;
    }
    derived(&wrong, &key, &pool, &from, &until).await;
    let expected = figures(&right, &right_key, &from, &until).await;
    for (expected, found) in expected.iter().zip(figures(&wrong, &key, &from, &until).await) {
        assert_eq!(*expected, found);
    }
    // No count is left at the wrong site but the native one, and no rejection of the device without a decoder.
    let (left,): (i64,) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM site_count c JOIN place p ON p.id = c.site WHERE p.key = 'p' AND c.sensor IS NOT NULL)
              + (SELECT count(*) FROM rejection)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
    // After a new start live state says the same.
    wrong.end().await;
    wrong.restart().await;
    assert_eq!(figures(&wrong, &key, &from, &until).await, expected);
    pool.close().await;
    right_pool.close().await;
    right.stop().await;
    wrong.stop().await;
}
