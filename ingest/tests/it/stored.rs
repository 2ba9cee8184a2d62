//! Whatever is believed of a message, and whatever is kept of one that is not, the database stores: there
//! is no value that passes our door and not its own.

use std::cell::RefCell;
use std::sync::Arc;

use crate::county::{now, world};
use domain::Registry;
use ingest::message::Message;
use ingest::receive::receive;
use ingest::trips::TripMemory;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use prost::Message as _;
use store::writer::{Batch, Writer};
use tokio::runtime::Runtime;

/// Values that some part of the way does not expect, as JSON.
const HOSTILE: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "[[[{}]]]",
    "0",
    "-0.0",
    "-1",
    "1e39",
    "3.5e38",
    "-1e308",
    "1e999",
    "5e-324",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "32768",
    "39.0",
    r#""""#,
    r#""\u0000""#,
    r#""a\u0000b""#,
    r#""\u001f""#,
    r#""\ud800""#,
    r#""\udc00x""#,
    r#""\u0085""#,
    r#""NaN""#,
    r#""Infinity""#,
    r#""'; --""#,
    r#""\\""#,
    r#""{1,2}""#,
    r#""00000101""#,
    r#""99991231""#,
    r#""20261122""#,
    r#""0000-01-01T00:00:00Z""#,
    r#""-009999-01-01T00:00:00Z""#,
    r#""9999-12-31T23:59:59.999999999Z""#,
    r#""0001-01-01T00:00:00Z""#,
    r#""-004713-01-01T00:00:00Z""#,
    r#""1970-01-01T00:00:00Z""#,
    r#""x""#,
    r#""AQ==""#,
    r#""AAAAAAAA""#,
    r#""vacant""#,
    r#""open""#,
    r#""disabled""#,
    "1",
    "17",
];

/// A feed, its topic, and the fields of its message with values that are right. `@` in a name leads into objects.
type Template = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const AT: &str = r#""2026-11-22T12:00:00Z""#;

const TEMPLATES: &[Template] = &[
    (
        "native",
        "kv/1/native/bay/b1",
        &[
            ("at", AT),
            ("state", r#""vacant""#),
            ("seq", "1"),
            ("battery_v", "3"),
            ("rssi_dbm", "-9"),
            ("temperature_c", "4"),
        ],
    ),
    (
        "native",
        "kv/1/native/site/s",
        &[
            ("at", AT),
            ("occupied", "3"),
            ("status", r#""open""#),
            ("capacity", "90"),
            ("for", "null"),
            ("source", r#""g""#),
            ("seq", "1"),
        ],
    ),
    ("native", "kv/1/native/site/s", &[("at", AT), ("in", "3"), ("out", "1"), ("source", r#""g""#)]),
    (
        "native",
        "kv/1/native/vehicle/v",
        &[
            ("at", AT),
            ("lat", "51.9"),
            ("lon", "7.2"),
            ("speed_mps", "8"),
            ("bearing_deg", "90"),
            ("trip_id", r#""t""#),
            ("start_date", r#""20261122""#),
            ("route_id", r#""r""#),
            ("stop_id", r#""s""#),
            ("delay_s", "60"),
            ("occupancy_pct", "40"),
        ],
    ),
    (
        "native",
        "kv/1/native/passengers/v",
        &[
            ("at", AT),
            ("stop_id", r#""s""#),
            ("trip_id", r#""t""#),
            ("doors", r#"[{"door":"1","in":1,"out":2}]"#),
            ("on_board", "17"),
            ("source", r#""u""#),
            ("seq", "4"),
        ],
    ),
    ("native", "kv/1/native/batch", &[("topic", r#""bay/b1""#), ("at", AT), ("state", r#""vacant""#)]),
    (
        "chirpstack",
        "application/a/device/70b3d57ed0000001/event/up",
        &[
            ("deduplicationId", r#""d""#),
            ("time", AT),
            ("dr", "5"),
            ("fCnt", "7"),
            ("fPort", "1"),
            ("data", r#""AQ==""#),
            ("rxInfo@gatewayId", r#""g""#),
            ("rxInfo@nsTime", AT),
            ("rxInfo@rssi", "-9"),
            ("rxInfo@snr", "3"),
            ("txInfo", r#"{"modulation":{"lora":{"spreadingFactor":7}}}"#),
            ("object", "{}"),
        ],
    ),
    (
        "chirpstack",
        "application/a/device/70b3d57ed0000001/event/log",
        &[("time", AT), ("level", r#""ERROR""#), ("code", r#""UPLINK_MIC""#), ("batteryLevel", "88.3")],
    ),
    (
        "decoded",
        "application/b/device/70b3d57ed0000002/event/up",
        &[("time", AT), ("fPort", "1"), ("object", r#"{"occupied":true,"battery_v":3.5}"#)],
    ),
    (
        "tts",
        "v3/app@t/devices/eui-70b3d57ed0000004/up",
        &[
            ("received_at", AT),
            ("uplink_message@session_key_id", r#""s""#),
            ("uplink_message@f_port", "1"),
            ("uplink_message@f_cnt", "1"),
            ("uplink_message@frm_payload", r#""AQ==""#),
            ("uplink_message@received_at", AT),
            ("uplink_message@rx_metadata", r#"[{"rssi":-9,"gateway_ids":{"eui":"AA"}}]"#),
            ("uplink_message@last_battery_percentage", r#"{"value":50}"#),
        ],
    ),
    (
        "receipt",
        "v3/other@t/devices/eui-70b3d57ed0000005/join",
        &[("received_at", AT), ("join_accept@session_key_id", r#""s""#), ("join_accept@received_at", AT)],
    ),
    (
        "hfp",
        "/hfp/v2/journey/ongoing/vp/bus/0018/01029/1069/1/x/17:35/1362114/5/60;24/19/83/46",
        &[
            ("VP@tst", AT),
            ("VP@lat", "51.9"),
            ("VP@long", "7.2"),
            ("VP@spd", "8"),
            ("VP@hdg", "9"),
            ("VP@dl", "-60"),
            ("VP@occu", "4"),
            ("VP@dir", r#""1""#),
            ("VP@oday", r#""2026-11-22""#),
            ("VP@start", r#""17:35""#),
            ("VP@stop", "1362114"),
            ("VP@route", r#""1069""#),
        ],
    ),
    (
        "hfp",
        "/hfp/v2/journey/ongoing/apc/bus/0018/01029",
        &[
            ("APC@tst", AT),
            ("APC@stop", "1"),
            ("APC@vehiclecounts", r#"{"vehicleload":3,"doorcounts":[{"door":"1","count":[{"in":1}]}]}"#),
        ],
    ),
];

/// A message of a template, with some of its values replaced.
fn message(template: &Template, replaced: &[(usize, &str)]) -> Vec<u8> {
    let (_, topic, fields) = template;
    let value = |nth: usize| {
        let of = replaced.iter().find(|(at, _)| at % fields.len() == nth);
        of.map_or(fields[nth].1, |(_, hostile)| hostile)
    };
    let mut outer: Vec<String> = Vec::new();
    let mut inner: Vec<(&str, Vec<String>)> = Vec::new();
    for (nth, (name, _)) in fields.iter().enumerate() {
        match name.split_once('@') {
            None => outer.push(format!("\"{name}\":{}", value(nth))),
            Some((object, name)) => {
                let entry = format!("\"{name}\":{}", value(nth));
                match inner.iter_mut().find(|(known, _)| *known == object) {
                    Some((_, entries)) => entries.push(entry),
                    None => inner.push((object, vec![entry])),
                }
            }
        }
    }
    outer.extend(inner.into_iter().map(|(object, entries)| {
        let body = format!("{{{}}}", entries.join(","));
        if object == "rxInfo" { format!("\"{object}\":[{body}]") } else { format!("\"{object}\":{body}") }
    }));
    let object = format!("{{{}}}", outer.join(","));
    if topic.ends_with("/batch") { format!("[{object},17,{object}]") } else { object }.into_bytes()
}

/// What of GTFS-Realtime becomes rows.
#[derive(Clone, PartialEq, prost::Message)]
struct GtfsFeed {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    entity: Vec<Entity>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(uint64, optional, tag = "3")]
    timestamp: Option<u64>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Entity {
    #[prost(string, optional, tag = "1")]
    id: Option<String>,
    #[prost(message, optional, tag = "3")]
    update: Option<Update>,
    #[prost(message, optional, tag = "4")]
    vehicle: Option<Vehicle>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Update {
    #[prost(message, optional, tag = "1")]
    trip: Option<Trip>,
    #[prost(message, repeated, tag = "2")]
    stops: Vec<Stop>,
    #[prost(uint64, optional, tag = "4")]
    timestamp: Option<u64>,
    #[prost(int32, optional, tag = "5")]
    delay: Option<i32>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Trip {
    #[prost(string, optional, tag = "1")]
    trip_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    start_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    start_date: Option<String>,
    #[prost(string, optional, tag = "5")]
    route_id: Option<String>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Stop {
    #[prost(uint32, optional, tag = "1")]
    sequence: Option<u32>,
    #[prost(message, optional, tag = "3")]
    departure: Option<Event>,
    #[prost(string, optional, tag = "4")]
    stop_id: Option<String>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(int32, optional, tag = "1")]
    delay: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    time: Option<i64>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Vehicle {
    #[prost(message, optional, tag = "1")]
    trip: Option<Trip>,
    #[prost(message, optional, tag = "2")]
    position: Option<Position>,
    #[prost(string, optional, tag = "7")]
    stop_id: Option<String>,
    #[prost(message, optional, tag = "8")]
    descriptor: Option<Descriptor>,
    #[prost(uint32, optional, tag = "10")]
    occupancy: Option<u32>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Position {
    #[prost(float, optional, tag = "1")]
    lat: Option<f32>,
    #[prost(float, optional, tag = "2")]
    lon: Option<f32>,
    #[prost(float, optional, tag = "3")]
    bearing: Option<f32>,
    #[prost(float, optional, tag = "5")]
    speed: Option<f32>,
}
#[derive(Clone, PartialEq, prost::Message)]
struct Descriptor {
    #[prost(string, optional, tag = "1")]
    id: Option<String>,
}

fn text() -> impl Strategy<Value = Option<String>> {
    const KNOWN: &[&str] =
        &["", "t", "v", "\0", "a\0b", "20261122", "00000101", "99999999", "17:35:00", "\u{1f}", "\u{10ffff}"];
    prop_oneof![
        Just(None),
        select(KNOWN).prop_map(|text: &str| Some(text.to_owned())),
        Just(Some("x".repeat(300))),
    ]
}

fn float() -> impl Strategy<Value = Option<f32>> {
    const KNOWN: &[f32] =
        &[0.0, 51.9, 7.2, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, -1.0];
    prop_oneof![Just(None), select(KNOWN).prop_map(Some)]
}

fn seconds() -> impl Strategy<Value = u64> {
    let at = (now().0 / 1_000_000) as u64;
    prop_oneof![3 => Just(at), 1 => select(&[0, 1, u64::MAX, i64::MAX as u64, 253_402_300_800][..])]
}

prop_compose! {
    fn trip()(trip_id in text(), start_time in text(), start_date in text(), route_id in text()) -> Trip {
        Trip { trip_id, start_time, start_date, route_id }
    }
}

prop_compose! {
    fn stop()(sequence in any::<Option<u32>>(), stop_id in text(), delay in any::<Option<i32>>(), time in seconds())
        -> Stop
    {
        Stop { sequence, stop_id, departure: Some(Event { delay, time: Some(time as i64) }) }
    }
}

prop_compose! {
    fn gtfs()(
        header in seconds(), at in seconds(), of_update in trip(), of_vehicle in trip(), stops in vec(stop(), 0..3),
        delay in any::<Option<i32>>(), occupancy in any::<Option<u32>>(), stop_id in text(), id in text(),
        (lat, lon, bearing, speed) in (float(), float(), float(), float()),
    ) -> Vec<u8> {
        let update = Update { trip: Some(of_update), stops, timestamp: Some(at), delay };
        let vehicle = Vehicle {
            trip: Some(of_vehicle),
            position: Some(Position { lat, lon, bearing, speed }),
            stop_id,
            descriptor: Some(Descriptor { id: Some("v".into()) }),
            occupancy,
        };
        let entities = vec![
            Entity { id: id.clone(), vehicle: Some(vehicle), ..Entity::default() },
            Entity { id, update: Some(update), ..Entity::default() },
        ];
        GtfsFeed { header: Some(Header { timestamp: Some(header) }), entity: entities }.encode_to_vec()
    }
}

/// A feed with its topic and payload.
type Sent = (&'static str, String, Vec<u8>);

fn sent() -> impl Strategy<Value = Sent> {
    let replaced = vec((any::<usize>(), select(HOSTILE)), 0..4);
    let template = (select(TEMPLATES), replaced)
        .prop_map(|(template, replaced)| (template.0, template.1.to_owned(), message(&template, &replaced)));
    let tail = "[a-z/\\x00\u{1f}é@#+0-9]{0,40}";
    let strange =
        (select(TEMPLATES), tail, vec(any::<u8>(), 0..80)).prop_map(|((feed, topic, _), tail, payload)| {
            // Whatever stands last, and where the device or place stands.
            let at = if topic.starts_with('v') || topic.starts_with('a') { 3 } else { 4 };
            let mut levels: Vec<&str> = topic.split('/').collect();
            let nth = (payload.len() % 2 * at).min(levels.len() - 1);
            let nth = if nth == 0 { levels.len() - 1 } else { nth };
            levels[nth] = &tail;
            (feed, levels.join("/"), payload)
        });
    prop_oneof![
        6 => template,
        2 => gtfs().prop_map(|payload| ("gtfs", "gtfs".to_owned(), payload)),
        1 => strange,
    ]
}

/// A database, with a writer on it.
struct Database {
    runtime: Runtime,
    writer: RefCell<Writer>,
    registry: Arc<Registry>,
}

impl Database {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let (writer, registry) = runtime.block_on(async {
            let url = testing::database::create(false).await.unwrap();
            let pool = store::connect(&url).await.unwrap();
            let registry = testing::world::import(&world().contents, &pool).await;
            pool.close().await;
            (Writer::connect(&store::pool::options(&url).unwrap()).await.unwrap(), registry)
        });
        Database { runtime, writer: RefCell::new(writer), registry }
    }

    /// What becomes of messages, in one transaction.
    fn store(&self, messages: &[Sent]) -> Result<Batch, TestCaseError> {
        let mut batch = Batch::default();
        for (feed, topic, payload) in messages {
            let feed = self.registry.feeds().find(|f| f.def.id == *feed).unwrap();
            let message = Message { topic, payload, qos: 1, received_at: now().plus_s(10) };
            receive(&self.registry, feed, message, &TripMemory::default(), &mut batch);
        }
        let mut writer = self.writer.borrow_mut();
        let stored = self.runtime.block_on(writer.write(&batch, &self.registry, now().plus_s(10)));
        prop_assert!(stored.is_ok(), "{:?}: {batch:#?}", stored.err());
        Ok(batch)
    }

    /// Each hostile value in each place, the rest of the message being right.
    fn each_in_each_place(&self) -> Result<(), TestCaseError> {
        for template in TEMPLATES {
            let sent =
                |replaced: &[(usize, &str)]| (template.0, template.1.to_owned(), message(template, replaced));
            let right = self.store(&[sent(&[])])?;
            prop_assert!(
                right.observations() + right.uplinks.len() > 0,
                "{}: nothing would be tried",
                template.1
            );
            let all = (0..template.2.len()).flat_map(|nth| HOSTILE.iter().map(move |value| (nth, *value)));
            let messages: Vec<Sent> = all.map(|one| sent(&[one])).collect();
            self.store(&messages)?;
        }
        Ok(())
    }
}

#[test]
fn whatever_is_made_of_messages_is_stored() {
    let db = Database::start();
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let each = db.each_in_each_place();
    let many = TestRunner::new(config).run(&vec(sent(), 1..30), |messages| db.store(&messages).map(drop));
    each.unwrap();
    many.unwrap();
}
