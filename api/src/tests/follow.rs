//! What installers see of devices as it happens.

use domain::health::Code;
use domain::ids::SourceKey;
use futures_util::StreamExt;
use serde_json::{Value, json};
use store::writer::{Batch, Writer};

use super::fixture::NOW;
use super::installers::{BOUND, heard, with_devices};
use super::keys::Instance;

/// The events of `/v1/sensors/changes`, one by one.
struct Events {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Events {
    async fn open(instance: &Instance, key: &str, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = axum::http::Request::get(format!("/v1/sensors/changes{query}"))
            .header("authorization", format!("Bearer {key}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = instance.county.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Events { body: response.into_body().into_data_stream(), text: String::new() };
        assert_eq!(events.chunk().await.as_deref(), Some("retry: 3000\n\n"));
        events
    }

    async fn chunk(&mut self) -> Option<String> {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), self.body.next()).await;
        let bytes = next.expect("an event, a comment or the end")?.expect("bytes");
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Kind, data and id of the next event; `None`: the stream has ended.
    async fn next(&mut self) -> Option<(String, Value, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: "))
                {
                    return Some((kind, serde_json::from_str(&data).unwrap(), id));
                }
                continue;
            }
            let chunk = self.chunk().await?;
            self.text.push_str(&chunk);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_devices_sees_what_they_send_and_how_they_are_in_the_own_towns() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let app = instance.county.app.clone();
    tokio::spawn(app.clone().run_device_events());
    let (key, id) = instance.key("installer", &["warendorf"], 1, None).await;
    let (neighbour, _) = instance.key("installer", &["telgte"], 2, None).await;
    let mut mine = Events::open(&instance, &key, "", None).await;
    let mut theirs = Events::open(&instance, &neighbour, "", None).await;
    let mut of_new = Events::open(&instance, &key, "?id=70-B3-D5-7E-D0-05-1A-FF", None).await;
    let mut writer = Writer::connect(&store::pool::options(&instance.url).unwrap()).await.unwrap();
    let mut write = async |uplinks: Vec<domain::Uplink>| {
        let batch = Batch { uplinks, ..Batch::default() };
        let stored = writer.write(&batch, &instance.registry, NOW).await.unwrap();
        app.devices.note(&stored.committed.changes);
    };
    let new = "70b3d57ed0051aff";
    let bound = || heard(&instance, "warendorf", BOUND, 60);
    write(vec![bound(), heard(&instance, "warendorf", new, 30), heard(&instance, "telgte", new, 20)]).await;
    // Delivered again, it is no news.
    write(vec![bound(), heard(&instance, "telgte", new, 10)]).await;

    let (kind, data, first) = mine.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &data["sensor"], &data["outcome"]),
        ("message", &json!(BOUND), &json!("stored"))
    );
    let (_, data, _) = mine.next().await.unwrap();
    let shown = [&data["sensor"], &data["municipality"], &data["feed"], &data["hex"], &data["outcome"]];
    assert_eq!(
        shown.map(|v| v.as_str().unwrap()),
        [new, "warendorf", "feed-warendorf", "01", "rejected:unknown_sensor"]
    );
    assert_eq!(data["gateways"], json!(["gw-1"]));
    assert_eq!(of_new.next().await.unwrap().1, data);
    for age_s in [20, 10] {
        let (_, data, _) = theirs.next().await.unwrap();
        assert_eq!(
            (&data["municipality"], &data["id"]),
            (&json!("telgte"), &json!(format!("{new}-{age_s}")))
        );
    }

    let sensor = instance.registry.sensor_by_key(BOUND).unwrap();
    let source = SourceKey(sensor.id.0);
    let mut reason = store::health::Reason {
        municipality: sensor.municipality,
        source,
        bay: None,
        code: Code::Signal.as_str(),
        hides: false,
        since: NOW.plus_s(-900),
        until: None,
        value: Some(4.0),
        limit: Some(10.0),
    };
    let logged = async || -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM change");
        count.fetch_one(&instance.pool).await.unwrap()
    };
    let mut recorded = Vec::new();
    for (value, until) in [(4.0, None), (3.0, None), (3.0, Some(NOW))] {
        (reason.value, reason.until) = (Some(value), until);
        let mut tx = instance.pool.begin().await.unwrap();
        store::health::record(&mut tx, std::slice::from_ref(&reason), NOW).await.unwrap();
        tx.commit().await.unwrap();
        recorded.push(logged().await);
        app.devices.note(&[domain::live::Change::Judged {
            municipality: sensor.municipality,
            source,
            bay: None,
        }]);
        let (kind, data, _) = mine.next().await.unwrap();
        let health = if until.is_some() { "ok" } else { "watch" };
        assert_eq!((kind.as_str(), &data["id"], &data["health"]), ("health", &json!(BOUND), &json!(health)));
    }
    // Where it began and where it ended it is logged, and not while it goes on.
    assert_eq!((recorded[1] - recorded[0], recorded[2] - recorded[1]), (0, 1));

    // Whoever was away goes on, or learns that something was missed.
    let mut again = Events::open(&instance, &key, "", Some(&first)).await;
    assert_eq!(again.next().await.unwrap().1["sensor"], json!(new));
    let mut lost = Events::open(&instance, &key, "", Some("0-1")).await;
    assert_eq!(lost.next().await.unwrap().0, "missed");

    // The stream ends when the key does.
    assert!(store::keys::revoke(&instance.pool, id).await.unwrap());
    assert!(mine.next().await.is_none() && of_new.next().await.is_none());
    app.shutdown.cancel();
    assert!(theirs.next().await.is_none());
    instance.pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_devices_sees_how_a_test_goes() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let app = instance.county.app.clone();
    tokio::spawn(app.clone().run_acceptance());
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let (neighbour, _) = instance.key("installer", &["telgte"], 2, None).await;
    let mut mine = Events::open(&instance, &key, &format!("?id={BOUND}"), None).await;
    let mut theirs = Events::open(&instance, &neighbour, "", None).await;
    let ask = async |method: &str| {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("/v1/sensors/{BOUND}/acceptance"))
            .header("authorization", format!("Bearer {key}"));
        let response = instance.county.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert!(response.status().is_success(), "{method}");
    };
    ask("POST").await;
    let (kind, data, _) = mine.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["sensor"], &data["state"]), ("check", &json!(BOUND), &json!("running")));
    assert_eq!(data["checks"][0]["name"], "heard");
    ask("DELETE").await;
    assert_eq!(mine.next().await.unwrap().1["state"], "cancelled");
    app.shutdown.cancel();
    assert!(theirs.next().await.is_none(), "nothing came of another town");
    instance.pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_devices_sees_what_native_feeds_state_of_the_own_towns() {
    let Some(instance) = Instance::with(with_devices()).await else { return };
    let app = instance.county.app.clone();
    tokio::spawn(app.clone().run_device_events());
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let (neighbour, _) = instance.key("installer", &["telgte"], 2, None).await;
    let mut mine = Events::open(&instance, &key, "", None).await;
    let mut of_bay = Events::open(&instance, &key, "?id=w-hidden", None).await;
    let mut theirs = Events::open(&instance, &neighbour, "", None).await;
    let stated = |id: &str, age_s: i64| {
        let provenance = instance.provenance("warendorf", NOW.plus_s(-age_s));
        let bay = instance.registry.bay_by_key(id).unwrap().id;
        testing::observed::bay(provenance, bay, None, domain::BayState::Vacant)
    };
    let bays = testing::observed::dated([stated("w-m-1", 30), stated("w-hidden", 20)]);
    let mut writer = Writer::connect(&store::pool::options(&instance.url).unwrap()).await.unwrap();
    for _ in 0..2 {
        let batch = Batch { bays: bays.clone(), ..Batch::default() };
        // Delivered again, it is no news.
        let stored = writer.write(&batch, &instance.registry, NOW).await.unwrap();
        app.devices.note(&stored.committed.changes);
    }
    // One has a sensor in the files, the other is listed itself, also where the public does not see it.
    for (sensor, age_s) in [(BOUND, 30), ("w-hidden", 20)] {
        let (kind, data, _) = mine.next().await.unwrap();
        assert_eq!(
            (kind.as_str(), &data["sensor"], &data["outcome"]),
            ("message", &json!(sensor), &json!("stored"))
        );
        assert_eq!((&data["municipality"], &data["feed"]), (&json!("warendorf"), &json!("feed-warendorf")));
        let content = json!({ "kind": "bay", "state": "vacant", "at": NOW.plus_s(-age_s) });
        assert_eq!((&data["decoded"], &data["hex"], &data["qos"]), (&content, &Value::Null, &Value::Null));
    }
    assert_eq!(of_bay.next().await.unwrap().1["sensor"], "w-hidden");
    app.shutdown.cancel();
    assert!(mine.next().await.is_none(), "each comes once");
    assert!(theirs.next().await.is_none(), "nothing came of another town");
    instance.pool.close().await;
}
