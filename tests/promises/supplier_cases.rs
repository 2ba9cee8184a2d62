//! Small messages that went wrong elsewhere, where they lie beside the checkout: each ends as it should.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Instance, at, eventually, port_of, publish};

/// What a case must come to, in the state of the place that it is about.
enum Expected {
    /// The bay's state.
    Bay(&'static str),
    /// The site's vacant spaces.
    Site(i64),
    /// The outcome of the device's newest message, and that no state came of it.
    Message(&'static str),
    /// A rejection of this reason, in whose detail or remedy this stands.
    Rejected(&'static str, &'static str),
    /// One row for this query.
    Row(&'static str),
}

fn expected(id: &str) -> Option<Expected> {
    use Expected::*;
    Some(match id {
        "c36" | "c25" | "t14" | "t01" => Message("heard"),
        "c01" | "c03" | "t10" | "n06" | "n36" | "c13" | "c21" | "n01" | "n22" | "c10" | "n15" | "d02"
        | "d08" | "c24" | "t08" => Bay("occupied"),
        "c40" => Message("stored"),
        "n08" => Site(39),
        "n33" => Site(12),
        "h03" => Row("SELECT count(*) FROM vehicle_position WHERE delay_s = 60"),
        "h11" => Row("SELECT count(*) FROM passenger_count WHERE on_board IS NULL"),
        "n04" => Rejected("malformed", "temperature_c: nan"),
        "n07" => Rejected("malformed", "battery_v: NaN"),
        "n39" => Rejected("malformed", "list"),
        "n50" => Rejected("malformed", "occupied: \"\""),
        "c17" => Rejected("malformed", "ChirpStack v4"),
        "c18" => Rejected("malformed", "json = true"),
        "d05" => Rejected("malformed", "{\"occupied\": true}"),
        "c30" => Rejected("unknown_sensor", "sensors.csv"),
        "t02" => Rejected("malformed", "console"),
        "t03" => Rejected("malformed", "empty, on port 8"),
        _ => return None,
    })
}

fn read(folder: &Path, file: &str) -> Vec<u8> {
    let raw = std::fs::read(folder.join(file)).unwrap();
    let put = |raw: Vec<u8>, name: &str, value: &str| -> Vec<u8> {
        let mut out = Vec::with_capacity(raw.len());
        let mut rest = &raw[..];
        while let Some(found) = rest.windows(name.len()).position(|w| w == name.as_bytes()) {
            out.extend([&rest[..found], value.as_bytes()].concat());
            rest = &rest[found + name.len()..];
        }
        out.extend(rest);
        out
    };
    let now = at(-1);
    let raw = put(raw, "@NOW@", &now);
    let raw = put(raw, "@NOW-10@", &at(-10));
    let raw = put(raw, "@LOCAL@", &now[..19]);
    let raw = put(raw, "@DAY@", &now[..10]);
    put(
        raw,
        "@UUID@",
        &format!("00000000-0000-0000-0000-{:0>12}", file.len() * 1_000 + usize::from(file.as_bytes()[2])),
    )
}

/// The device or place that a topic is about.
fn device_of(topic: &str) -> &str {
    let levels: Vec<&str> = topic.split('/').collect();
    let device = match levels[0] {
        "v3" | "application" => levels[3],
        _ => levels.last().unwrap(),
    };
    device.strip_prefix("eui-").unwrap_or(device)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_small_message_ends_as_it_should() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let Ok(index) = std::fs::read(folder.join("messages/cases.json")) else {
        eprintln!("SKIPPED: there are no suppliers' messages at {}", folder.display());
        return;
    };
    let cases: Vec<Value> = serde_json::from_slice(&index).unwrap();
    let instance = Instance::serve(&[]).await;
    instance.import(&folder.join("places"));
    instance.subscriptions(6).await;
    let (port, key, pool) = (port_of(&instance.text("mqtt")), instance.admin_key(), instance.pool().await);
    for case in &cases {
        let (id, topic) = (case["id"].as_str().unwrap(), case["topic"].as_str().unwrap());
        let Some(expected) = expected(id) else {
            eprintln!("SKIPPED: nothing is expected of the case '{id}'");
            continue;
        };
        publish(
            port,
            vec![(topic.to_owned(), read(&folder.join("messages"), case["file"].as_str().unwrap()))],
        )
        .await;
        let device = device_of(topic);
        let what = format!("{id}: {}", case["title"]);
        let newest = async || {
            let found = instance.get_with(&format!("/v1/sensors/{device}/messages?limit=1"), &key).await;
            found["items"][0].clone()
        };
        eventually(&what, || async {
            match &expected {
                Expected::Bay(state) => {
                    (instance.get(&format!("/v1/bays/{id}")).await.1["state"] == *state).then_some(())
                }
                Expected::Site(vacant) => {
                    (instance.get(&format!("/v1/sites/{id}")).await.1["vacant"] == *vacant).then_some(())
                }
                Expected::Message(outcome) => {
                    let bay = instance.get(&format!("/v1/bays/{id}")).await.1;
                    assert!(bay["state"] == "unknown" || bay["state"].is_null(), "{what}: {bay}");
                    (newest().await["outcome"] == *outcome).then_some(())
                }
                Expected::Rejected(reason, words) => {
                    let found = instance.get_with("/v1/rejections?limit=1", &key).await["items"][0].clone();
                    let sentences = format!("{} {}", found["detail"].as_str()?, found["remedy"].as_str()?);
                    (found["topic"] == topic && found["reason"] == *reason && sentences.contains(words))
                        .then_some(())
                }
                Expected::Row(sql) => {
                    let n: i64 = sqlx::query_scalar(*sql).fetch_one(&pool).await.unwrap();
                    (n == 1).then_some(())
                }
            }
        })
        .await;
        if id == "t08" {
            // The same counter once more is a new state, not the same message.
            publish(port, vec![(topic.to_owned(), read(&folder.join("messages"), "t08.json"))]).await;
            eventually("both are stored", || async {
                let found =
                    instance.get_with(&format!("/v1/sensors/{device}/messages"), &key).await["items"].clone();
                let stored = found.as_array()?.iter().filter(|m| m["outcome"] == "stored").count();
                (stored == 2).then_some(())
            })
            .await;
        }
    }
    pool.close().await;
    instance.stop().await;
}
