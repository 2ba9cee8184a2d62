//! What arrives by MQTT and HTTP.

use ::gbfs::{FileKind, Files, Options};
use domain::posted::PostedHead;
use domain::rental::TypeIndex;
use domain::{Decoder, Feed, FeedFormat, FeedId, UtcMicros};
use ingest::decode::json::text;
use ingest::decode::lorawan::{allowed, decode, decode_device, posted_topic, redact, server_object, topic};
use ingest::decode::{gtfs_rt as rt, hfp as hfp_format, native as own, parkapi_v3 as parkapi};
use ingest::posted::message::{limit, read};

/// The payload of one decoder's devices, behind a port and a threshold in mm (0: none). What is kept of one must say
/// the same when it is decoded again.
pub fn device<const DECODER: usize>(input: &[u8]) {
    let [port, high, low, payload @ ..] = input else { return };
    let decoder = Decoder::ALL[DECODER];
    let threshold_mm = Some(u32::from(u16::from_be_bytes([*high, *low]))).filter(|mm| *mm > 0);
    let decoded = decode_device(decoder, (*port).into(), payload, threshold_mm);
    let kept = redact(decoder, (*port).into(), payload);
    if decoded.is_ok() {
        assert_eq!(decode_device(decoder, (*port).into(), &kept, threshold_mm), decoded);
    }
}

/// The product's own format: which topic, then the payload.
pub fn native(input: &[u8]) {
    const SUFFIXES: [&str; 5] = ["bay/b", "site/s", "vehicle/v", "passengers/v", "batch"];
    let [which, payload @ ..] = input else { return };
    let Ok(text) = text(payload) else { return };
    let suffix = SUFFIXES[usize::from(*which) % SUFFIXES.len()];
    own::decode("f", &format!("kv/1/f/{suffix}"), &text);
}

/// ChirpStack: which event, then the payload.
pub fn chirpstack(input: &[u8]) {
    server(
        FeedFormat::Chirpstack,
        "application/a/device/0101010101010101/event",
        ["up", "status", "log"],
        input,
    );
}

/// The Things Stack: which event, then the payload.
pub fn tts(input: &[u8]) {
    server(FeedFormat::Tts, "v3/a@t/devices/eui-0101010101010101", ["up", "join", "down/failed"], input);
}

fn server(format: FeedFormat, device: &str, events: [&str; 3], input: &[u8]) {
    let [which, payload @ ..] = input else { return };
    let on = format!("{device}/{}", events[usize::from(*which) % events.len()]);
    let _ = allowed(format, &on, payload, |_| None);
    let (Ok(text), Ok(topic)) = (text(payload), topic(format, &on)) else { return };
    let _ = decode(format, topic, &text).ok().and_then(|frame| frame.codec.map(server_object::read));
}

/// HFP: the topic, a line feed, the payload; a topic that is empty stands for a good one.
pub fn hfp(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (on, payload) = input.split_at(end);
    let (Ok(on), Ok(text)) = (std::str::from_utf8(on), text(payload)) else { return };
    if !on.is_empty() {
        hfp_format::decode(on, &text);
        return;
    }
    for event in ["vp", "apc-partial"] {
        hfp_format::decode(&format!("/hfp/v2/journey/ongoing/{event}/bus/0018/01029"), &text);
    }
}

/// A GTFS-Realtime feed. Both ways of reading one agree on what is one at all.
pub fn gtfs_rt(input: &[u8]) {
    let decoded = rt::decode(input);
    if rt::trip_updates(input).is_err() {
        assert!(decoded.statements.is_empty() && decoded.faults.count() == 1);
    }
}

/// Files of shared vehicles: which one, then its body; joined with clean ones of the others.
pub fn gbfs(input: &[u8]) {
    const CLEAN: [(FileKind, &str); 3] = [
        (
            FileKind::SystemInformation,
            r#"{"version":"3.0","data":{"system_id":"s","name":[{"text":"S","language":"de"}]}}"#,
        ),
        (
            FileKind::VehicleTypes,
            r#"{"version":"3.0","data":{"vehicle_types":[{"vehicle_type_id":"t","form_factor":"bicycle"}]}}"#,
        ),
        (
            FileKind::StationInformation,
            r#"{"version":"3.0","data":{"stations":[{"station_id":"a","lat":52.28,"lon":7.44,"capacity":9}]}}"#,
        ),
    ];
    let [which, body @ ..] = input else { return };
    let options = Options { now: UtcMicros(1_795_348_800_000_000), area: None };
    let _ = ::gbfs::entry(body, &options);
    let mut files = Files::default();
    for (file, clean) in CLEAN {
        files.read(file, clean.as_bytes(), &options);
    }
    let file = FileKind::OF_A_SYSTEM[usize::from(*which) % FileKind::OF_A_SYSTEM.len()];
    files.read(file, body, &options);
    let (system, _) = files.system().expect("who rents is known");
    for at in system.stations.iter().map(|station| station.at).chain(system.vehicles.iter().map(|v| v.at)) {
        let _ = system.permissions(at, TypeIndex(0), options.now);
    }
    for plan in &system.plans {
        let _ = plan.price_eur(1_800.0, 5_000.0);
    }
}

/// ParkAPI's sites and spots.
pub fn parkapi_v3(input: &[u8]) {
    let Ok(text) = text(input) else { return };
    let decoded = parkapi::decode(&text);
    // Each element is stated or at fault, or only describes a place.
    assert!(
        decoded.statements.iter().all(|statement| statement.subject.place().is_some_and(|id| !id.is_empty()))
    );
}

/// A feed that is posted to, as the handler reads it: which format and how it is packed (one byte), event or topic up to a
/// line feed, the body.
pub fn http_in(input: &[u8]) {
    const FORMATS: [FeedFormat; 6] = [
        FeedFormat::Chirpstack,
        FeedFormat::Tts,
        FeedFormat::Native,
        FeedFormat::Hfp,
        FeedFormat::GtfsRt,
        FeedFormat::ParkapiV3,
    ];
    let [which, rest @ ..] = input else { return };
    let format = FORMATS[usize::from(*which & 0x7f) % FORMATS.len()];
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (name, body) = rest.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_owned);
    let head = PostedHead {
        feed: FeedId(1),
        address: None,
        path: name.clone().unwrap_or_default(),
        event: name.clone(),
        topic: name,
        encoding: (*which >= 0x80).then(|| "gzip".to_owned()),
    };
    let feed: Feed = toml::from_str(&format!(
        "id = 'f'\nmunicipality = 'm'\nformat = '{format}'\ntopic = ''\nqos = 1\nuse_server_decoder = false\npush = true"
    ))
    .expect("a feed");
    let Ok(posted) = read(&feed, &head, body.to_vec()) else { return };
    let most = limit(&feed, &head).expect("it was read") + 1;
    assert!(posted.payload.len() <= most.max(body.len()), "a body is unpacked without bound");
    match format {
        FeedFormat::Chirpstack | FeedFormat::Tts => {
            let _ = allowed(format, &posted.topic, &posted.payload, |_| None);
            let (Ok(text), Ok(topic)) = (text(&posted.payload), posted_topic(format, &posted.topic)) else {
                return;
            };
            let _ = decode(format, topic, &text);
        }
        FeedFormat::GtfsRt => drop(rt::decode(&posted.payload)),
        _ => {
            let Ok(text) = text(&posted.payload) else { return };
            match format {
                FeedFormat::Hfp => drop(hfp_format::decode(&posted.topic, &text)),
                FeedFormat::ParkapiV3 => drop(parkapi::decode(&text)),
                _ => drop(own::decode("f", &posted.topic, &text)),
            }
        }
    }
}
