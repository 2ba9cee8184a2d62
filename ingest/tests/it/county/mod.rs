//! A town with a feed of every format, for tests of what becomes of a message.

use domain::registry::{Contents, Entry};
use domain::{
    BayId, Binding, Decoder, Feed, FeedId, MunicipalityId, Registry, Rejection, Sensor, SensorId, SiteId,
    Target, Uplink, UtcMicros, VehicleId,
};
use ingest::message::{Message, Received};
use ingest::receive::receive;
use ingest::trips::TripMemory;
use serde_json::{Value, json};
use store::writer::Batch;

pub const TOWN: MunicipalityId = MunicipalityId(1);
pub const EUI: &str = "70b3d57ed0000001";
pub const VP: &str = "/hfp/v2/journey/ongoing/vp/bus/0018/01029/1069/1/x/17:35/1362114/5/60;24/19/83/46";
pub const TTS: &str = "v3/app@t/devices/eui-70b3d57ed0000004/up";
pub const CS: &str = "application/a/device/70b3d57ed0000001/event/up";

fn def<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn entry<I, T: serde::de::DeserializeOwned>(id: I, value: Value) -> Entry<I, T> {
    Entry { id, municipality: TOWN, def: def(value) }
}

/// Feeds by id; `decoded` uses the server's codec, `receipt` our own clock, `strict` rejects bad ones.
const FEEDS: [(&str, &str, &str); 8] = [
    ("native", "native", "kv/1/native/#"),
    ("chirpstack", "chirpstack", "application/a/#"),
    ("decoded", "chirpstack", "application/b/#"),
    ("strict", "chirpstack", "application/c/#"),
    ("tts", "tts", "v3/app@t/#"),
    ("receipt", "tts", "v3/other@t/#"),
    ("hfp", "hfp", "/hfp/v2/#"),
    ("gtfs", "gtfs-rt", "gtfs"),
];

fn feeds() -> Vec<Entry<FeedId, Feed>> {
    let feed = |(nth, (id, format, topic)): (usize, &(&str, &str, &str))| {
        let mut value = json!({ "id": id, "municipality": "town", "format": format, "topic": topic, "qos": 1,
            "use_server_decoder": *id == "decoded" });
        if *id == "receipt" {
            value["clock"] = json!("receipt");
        }
        if *id == "strict" {
            value["on_bad_clock"] = json!("reject");
        }
        entry(FeedId(nth as i32 + 1), value)
    };
    FEEDS.iter().enumerate().map(feed).collect()
}

/// Bay `b1` has a Bosch sensor (EUI ...01) of feed `chirpstack`, and so on for each LoRaWAN feed.
pub fn registry() -> Registry {
    let point = json!({ "type": "Point", "coordinates": [7.2, 51.9] });
    let place =
        |id: &str| json!({ "id": id, "municipality": "town", "publish": "public", "geometry": point });
    let bays = (1..=6).map(|n| entry(BayId(n), place(&format!("b{n}")))).collect();
    let mut site = place("s");
    for (name, value) in
        [("name", json!("S")), ("kind", json!("lot")), ("capacity", json!(100)), ("purpose", json!("car"))]
    {
        site[name] = value;
    }
    let vehicle = |id: i32, key: &str, seats: Option<u32>| {
        entry(VehicleId(id), json!({ "id": key, "owner": "town", "seats": seats, "standing": null }))
    };
    let feeds = feeds();
    let sensor = |nth: i32, feed: &str, decoder: Option<Decoder>| Sensor {
        id: SensorId(nth),
        key: format!("70b3d57ed000000{nth}"),
        feed: feeds.iter().find(|f| f.def.id == feed).unwrap().id,
        municipality: TOWN,
        decoder,
        bindings: vec![Binding {
            target: Some(Target::Bay(BayId(nth))),
            direction: None,
            from: None,
            until: None,
            heartbeat_s: None,
            stale_after_s: None,
            threshold_mm: None,
        }],
    };
    let bosch = Some(Decoder::BoschTps110);
    let sensors = vec![
        sensor(1, "chirpstack", bosch),
        sensor(2, "decoded", None),
        sensor(3, "strict", bosch),
        sensor(4, "tts", bosch),
        sensor(5, "receipt", bosch),
        sensor(6, "chirpstack", Some(Decoder::Placepod)),
    ];
    Registry::new(Contents {
        municipalities: vec![(
            TOWN,
            def(
                json!({ "slug": "town", "name": "Town", "ags": "05999001", "lat": null, "lon": null, "tz": "UTC",
                "public_planning": false }),
            ),
        )],
        sites: vec![entry(SiteId(1), site)],
        bays,
        vehicles: vec![vehicle(1, "v", Some(40)), vehicle(2, "0018-01029", None)],
        sensors,
        feeds: feeds.clone(),
        ..Contents::default()
    })
}

pub const NOW: &str = "2026-11-22T12:00:00Z";

pub fn now() -> UtcMicros {
    UtcMicros::parse(NOW).unwrap()
}

/// Receives one message, ten seconds after [`NOW`].
pub fn take(registry: &Registry, feed: &str, topic: &str, payload: &[u8]) -> (Batch, Received) {
    let feed = registry.feeds().find(|f| f.def.id == feed).unwrap();
    let message = Message { topic, payload, qos: 1, received_at: now().plus_s(10) };
    let mut batch = Batch::default();
    let received = receive(registry, feed, message, &TripMemory::default(), &mut batch);
    (batch, received)
}

pub fn tts_up() -> Value {
    json!({ "end_device_ids": { "dev_eui": "70B3D57ED0000004" },
        "uplink_message": { "session_key_id": "s", "f_port": 1, "f_cnt": 1, "frm_payload": "AQ==", "received_at": NOW } })
}

pub fn with(mut body: Value, pointer: &str, value: Value) -> Vec<u8> {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body.to_string().into_bytes()
}

pub fn uplink(batch: &Batch) -> &Uplink {
    let [uplink] = &batch.uplinks[..] else { panic!("{:?}", batch.uplinks) };
    uplink
}

pub fn rejection(batch: &Batch) -> &Rejection {
    let [rejection] = &batch.rejections[..] else { panic!("{:?}", batch.rejections) };
    rejection
}
