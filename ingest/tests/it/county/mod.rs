//! A town with a feed of every format, for tests of what becomes of a message.

use std::sync::Arc;

use domain::{ClockPolicy, Decoder, OnBadClock, Publish, Rejection, Uplink, UtcMicros};
use ingest::accumulator::Accumulator;
use ingest::message::{Message, Received};
use ingest::metrics::Metrics;
use ingest::quota::{DefaultLimits, Quotas};
use ingest::receive::receive;
use ingest::session::Shared;
use ingest::trips::TripMemory;
use serde_json::{Value, json};
use store::writer::Batch;
use testing::World;

pub const EUI: &str = "70b3d57ed0000001";
pub const VP: &str = "/hfp/v2/journey/ongoing/vp/bus/0018/01029/1069/1/x/17:35/1362114/5/60;24/19/83/46";
pub const TTS: &str = "v3/app@t/devices/eui-70b3d57ed0000004/up";
pub const CS: &str = "application/a/device/70b3d57ed0000001/event/up";

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

/// Bay `b1` has a Bosch sensor (EUI ...01) of feed `chirpstack`, and so on for each LoRaWAN feed.
pub fn world() -> World {
    let town = World::town("town").with_town(|town| town.tz = "UTC".into());
    let with_feeds = FEEDS.iter().fold(town, |town, (id, format, topic)| {
        town.feed(id).with_feed(|feed| {
            (feed.format, feed.topic) = (format.parse().unwrap(), (*topic).into());
            feed.use_server_decoder = *id == "decoded";
            feed.clock = (*id == "receipt").then_some(ClockPolicy::Receipt);
            feed.on_bad_clock = (*id == "strict").then_some(OnBadClock::Reject);
        })
    });
    let bosch = Some(Decoder::BoschTps110);
    let sensors = [
        ("chirpstack", bosch),
        ("decoded", None),
        ("strict", bosch),
        ("tts", bosch),
        ("receipt", bosch),
        ("chirpstack", Some(Decoder::Placepod)),
    ];
    let with_bays = (1..).zip(sensors).fold(with_feeds, |town, (n, (feed, decoder))| {
        let (key, bay) = (format!("70b3d57ed000000{n}"), format!("b{n}"));
        let town = town.bay(&bay).with_bay(|bay| bay.publish = Some(Publish::Public));
        town.sensor(&key, feed, &bay).with_sensor(|sensor| sensor.decoder = decoder)
    });
    let with_bus = with_bays.site("s", 100).vehicle("v").with_vehicle(|bus| bus.seats = Some(40));
    with_bus.vehicle("0018-01029")
}

/// What sessions share, and what they announce.
pub fn shared(usual: DefaultLimits) -> (Shared, async_channel::Receiver<Arc<Accumulator>>) {
    let (ready, announced) = async_channel::unbounded();
    let shared = Shared {
        metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
        clock: Arc::new(ingest::now_utc),
        ready,
        trips: Arc::default(),
        quotas: Arc::new(Quotas::new(usual)),
        ended: tokio::sync::mpsc::unbounded_channel().0,
    };
    (shared, announced)
}

pub const NOW: &str = "2026-11-22T12:00:00Z";

pub fn now() -> UtcMicros {
    UtcMicros::parse(NOW).unwrap()
}

/// Receives one message of a feed of [`world`], ten seconds after [`NOW`].
pub fn take(feed: &str, topic: &str, payload: &[u8]) -> (Batch, Received) {
    take_at(now().plus_s(10), feed, topic, payload)
}

pub fn take_at(received_at: UtcMicros, feed: &str, topic: &str, payload: &[u8]) -> (Batch, Received) {
    let registry = world().registry();
    let feed = registry.feeds().find(|f| f.def.id == feed).unwrap();
    let message = Message { topic, payload, qos: 1, received_at };
    let mut batch = Batch::default();
    let received = receive(&registry, feed, message, &TripMemory::default(), &mut batch);
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
