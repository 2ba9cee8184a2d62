//! ChirpStack v4: `application/{id}/device/{dev_eui}/event/{event}`, JSON in the proto3 mapping:
//! fields with value 0, false or "" are absent, numbers may stand as texts.
//!
//! Source: chirpstack-docs, `src/chirpstack/integrations/events.md` and `mqtt.md`.

use domain::Reason;
use domain::mistake::{Expected, Mistake, Remedy};
use domain::place::DevEui;
use domain::uplink::Reception;

use super::allow_list::{AllowList, Keep, names};
use super::{
    DATA_RATE, Event, F_CNT, Frame, RSSI_DBM, SNR_DB, SPREADING_FACTOR, Topic, bytes, other_device,
    set_clock, set_reception,
};
use crate::decode::Fault;
use crate::decode::json::{
    Dropped, Fields, PERCENT, check_id, label, list, loose, measurement, object, text_of, whole_in,
};

/// The topics of the format.
pub(super) const TOPICS: &str =
    "application/ID/device/DEV_EUI/event/(up|join|status|ack|txack|log|location|integration)";

/// Of an event.
const FIELDS: [(&str, Keep); 16] = [
    ("deduplicationId", Keep::Value),
    ("time", Keep::Value),
    ("deviceInfo", Keep::Fields(&[("devEui", Keep::Value)])),
    ("dr", Keep::Value),
    ("fCnt", Keep::Value),
    ("fPort", Keep::Value),
    ("data", Keep::Payload),
    ("object", Keep::Codec),
    ("rxInfo", Keep::Each(&Keep::Fields(&RX_INFO))),
    (
        "txInfo",
        Keep::Fields(&[(
            "modulation",
            Keep::Fields(&[("lora", Keep::Fields(&[("spreadingFactor", Keep::Value)]))]),
        )]),
    ),
    ("batteryLevel", Keep::Value),
    ("batteryLevelUnavailable", Keep::Value),
    ("externalPowerSource", Keep::Value),
    ("level", Keep::Value),
    ("code", Keep::Value),
    // Version 3 has it: what is kept of its messages must stay what it is.
    ("applicationID", Keep::Value),
];
const RX_INFO: [(&str, Keep); 4] =
    [("gatewayId", Keep::Value), ("nsTime", Keep::Value), ("rssi", Keep::Value), ("snr", Keep::Value)];

pub(super) static ALLOWED: AllowList =
    AllowList { fields: Keep::Fields(&FIELDS), f_port: &["fPort"], dev_eui: &["deviceInfo", "devEui"] };

/// Reads one event.
///
/// # Errors
/// A payload that cannot be read.
pub fn decode<'a>(topic: Topic<'_>, text: &'a str) -> Result<Frame<'a>, Fault> {
    let e = Fields::read("", text, &const { names(&FIELDS) })?;
    let is_v3 =
        || e.has("applicationID") || Fields::read("", text, &["devEUI"]).is_ok_and(|it| it.has("devEUI"));
    if !e.has("deviceInfo") && is_v3() {
        return Err(
            Fault::malformed("applicationID, devEUI", Mistake::ChirpstackV3).remedy(Remedy::UpdateChirpstack)
        );
    }
    let mut dropped = Vec::new();
    let d = &mut dropped;
    let is_up = topic.event == Event::Of("up");
    let flag = |name, d: &mut Vec<Dropped>| e.optional(name, flag, d).unwrap_or(false);
    // An absent level is an empty battery, unless the device says that it does not know.
    let has_level = topic.event == Event::Of("status")
        && !flag("batteryLevelUnavailable", d)
        && !flag("externalPowerSource", d);
    let level = e.or_zero("batteryLevel", loose(measurement(PERCENT)), 0.0, d);
    let data_rate = e.or_zero("dr", loose(whole_in(DATA_RATE)), 0, d);
    let f_cnt = e.or_zero("fCnt", loose(whole_in(F_CNT)), 0, d);
    let mut frame = Frame {
        device: device(topic, &e, d)?.to_string(),
        event: if let Event::Of(event) = topic.event { event } else { "up" },
        dedup_id: e.optional("deduplicationId", label, d).flatten(),
        f_port: e.given("fPort", loose(whole_in(0..=255)))?,
        f_cnt,
        payload: e.given("data", bytes)?.unwrap_or_default(),
        data_rate: data_rate.filter(|_| is_up),
        spreading_factor: spreading_factor(&e, d),
        battery_pct: level.filter(|_| has_level),
        codec: e.optional("object", Ok, d),
        log_code: log_code(&e, d),
        ..Frame::default()
    };
    let mut receptions = Vec::new();
    for rx in e.optional("rxInfo", list, d).unwrap_or_default() {
        let Ok(rx) = Fields::read("rxInfo", rx, &const { names(&RX_INFO) }) else {
            Dropped::note("rxInfo", Reason::Malformed, d);
            continue;
        };
        let snr_db = rx.or_zero("snr", loose(measurement(SNR_DB)), 0.0, d);
        receptions.push(Reception {
            snr_db,
            rssi_dbm: rx.optional("rssi", loose(measurement(RSSI_DBM)), d),
            gateway: rx.optional("gatewayId", label, d).flatten().unwrap_or_default(),
        });
        // The first gateway that the server stamped: later ones received the same frame.
        set_clock(&mut frame, &rx, "nsTime");
    }
    if frame.network_at.is_none() {
        set_clock(&mut frame, &e, "time");
    }
    set_reception(&mut frame, receptions);
    dropped.append(&mut frame.dropped);
    frame.dropped = dropped;
    Ok(frame)
}

/// The topic's device, since brokers check who may publish on a topic. The message must not name another one.
fn device(topic: Topic<'_>, e: &Fields<'_>, d: &mut Vec<Dropped>) -> Result<DevEui, Fault> {
    const DEVICE_INFO: &[&str] = &["devEui"];
    let info = e.optional("deviceInfo", object("deviceInfo", DEVICE_INFO), d);
    let stated = info.and_then(|info| info.optional("devEui", text_of, d)).filter(|text| !text.is_empty());
    let eui = stated.as_deref().and_then(|text| text.parse().ok());
    if stated.is_some() && eui.is_none() {
        Dropped::note("deviceInfo.devEui", Reason::Malformed, d);
    }
    match (topic.device.parse(), eui) {
        (Ok(named), Some(eui)) if eui != named => Err(other_device("deviceInfo.devEui", eui, topic)),
        (Ok(named), _) => Ok(named),
        (Err(_), Some(eui)) => Err(other_device("deviceInfo.devEui", eui, topic)),
        (Err(_), None) => {
            let text = stated.as_deref().unwrap_or(topic.device);
            Err(Fault::malformed("devEui", Mistake::NoDevEui(text.into())))
        }
    }
}

fn flag(raw: &str) -> Result<bool, crate::decode::json::Invalid> {
    match raw {
        "true" | "\"true\"" => Ok(true),
        "false" | "\"false\"" => Ok(false),
        _ => Err(crate::decode::json::Invalid::new(Expected::Flag)),
    }
}

fn spreading_factor(e: &Fields<'_>, d: &mut Vec<Dropped>) -> Option<i16> {
    let info = e.optional("txInfo", object("txInfo", &["modulation"]), d)?;
    let modulation = info.optional("modulation", object("txInfo.modulation", &["lora"]), d)?;
    let lora = modulation.optional("lora", object("txInfo.modulation.lora", &["spreadingFactor"]), d)?;
    lora.optional("spreadingFactor", loose(whole_in(SPREADING_FACTOR)), d)
}

fn log_code(e: &Fields<'_>, d: &mut Vec<Dropped>) -> Option<String> {
    let code = e.optional("code", text_of, d)?;
    let level = e.optional("level", text_of, d);
    let code = format!("{} {code}", level.as_deref().unwrap_or("INFO"));
    check_id(&code).is_ok().then_some(code)
}

const EVENTS: &str = "up join status ack txack log location integration";

pub(super) fn from_topic(topic: &str) -> Option<Topic<'_>> {
    let mut levels = topic.split('/');
    let fits =
        levels.next() == Some("application") && levels.next().is_some() && levels.next() == Some("device");
    let device = levels.next().filter(|_| fits)?;
    let event = match (levels.next()?, levels.next()?) {
        ("event", event) => Event::Of(EVENTS.split(' ').find(|known| *known == event)?),
        // Downlinks that somebody's own program enqueues.
        ("command", "down") => Event::Ignored,
        _ => return None,
    };
    levels.next().is_none().then_some(Topic { device, event })
}
