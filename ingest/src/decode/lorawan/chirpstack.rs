//! ChirpStack v4: `application/{id}/device/{dev_eui}/event/{event}`, JSON in the proto3 mapping:
//! fields with value 0, false or "" are absent.
//!
//! Source: chirpstack-docs, `src/chirpstack/integrations/events.md`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Reason;
use domain::place::DevEui;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::allow_list::{AllowList, Keep};
use super::{Frame, server_object};
use crate::decode::Fault;
use crate::decode::json::{finite, id, instant, optional_id, parse};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event<'a> {
    #[serde(borrow)]
    deduplication_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    device_info: DeviceInfo<'a>,
    dr: i16,
    f_cnt: i64,
    f_port: i32,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    object: Option<Map<String, Value>>,
    rx_info: Vec<RxInfo<'a>>,
    tx_info: TxInfo,
    battery_level: f64,
    battery_level_unavailable: bool,
    external_power_source: bool,
    #[serde(borrow)]
    level: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DeviceInfo<'a> {
    #[serde(borrow)]
    dev_eui: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RxInfo<'a> {
    #[serde(borrow)]
    gateway_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ns_time: Option<Cow<'a, str>>,
    rssi: Option<f64>,
    snr: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TxInfo {
    modulation: Modulation,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Modulation {
    lora: Lora,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Lora {
    spreading_factor: Option<i16>,
}

/// The fields of [`Event`].
pub(super) static ALLOWED: AllowList = AllowList {
    fields: Keep::Fields(&[
        ("deduplicationId", Keep::Value),
        ("time", Keep::Value),
        ("deviceInfo", Keep::Fields(&[("devEui", Keep::Value)])),
        ("dr", Keep::Value),
        ("fCnt", Keep::Value),
        ("fPort", Keep::Value),
        ("data", Keep::Value),
        ("object", Keep::Codec),
        (
            "rxInfo",
            Keep::Each(&Keep::Fields(&[
                ("gatewayId", Keep::Value),
                ("nsTime", Keep::Value),
                ("rssi", Keep::Value),
                ("snr", Keep::Value),
            ])),
        ),
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
    ]),
    dev_eui: "/deviceInfo/devEui",
    f_port: "/fPort",
    payload: "/data",
    device_of_topic: |topic| from_topic(topic).map(|(dev_eui, _)| dev_eui),
};

/// Reads one event.
///
/// # Errors
/// A topic that is none of ChirpStack's, or a payload that cannot be read.
pub fn decode(topic: &str, payload: &[u8]) -> Result<Frame, Fault> {
    let (dev_eui, event) = from_topic(topic).ok_or_else(|| {
        let wanted =
            "application/ID/device/DEV_EUI/event/(up|join|status|ack|txack|log|location|integration)";
        Fault::new(Reason::UnknownTopic, format!("topic: '{topic}' is not {wanted}"))
    })?;
    let e: Event = parse(payload)?;
    let dev_eui = e.device_info.dev_eui.as_deref().unwrap_or(dev_eui);
    let device: DevEui = dev_eui
        .parse()
        .map_err(|_| Fault::malformed(format!("devEui: '{dev_eui}' does not have 16 hexadecimal digits")))?;
    // The first gateway that the server stamped: later ones heard the same frame.
    let ns_time = e.rx_info.iter().find_map(|r| r.ns_time.as_deref());
    let network_at = match (ns_time, e.time.as_deref()) {
        (Some(text), _) => Some(instant("rxInfo.nsTime", text)?),
        (None, Some(text)) => Some(instant("time", text)?),
        (None, None) => None,
    };
    let payload = e.data.as_deref().unwrap_or("");
    let payload =
        STANDARD.decode(payload).map_err(|e| Fault::malformed(format!("data: not base64 ({e})")))?;
    let best =
        e.rx_info.iter().max_by(|a, b| a.rssi.unwrap_or(f64::MIN).total_cmp(&b.rssi.unwrap_or(f64::MIN)));
    let is_up = event == "up";
    // An absent level is an empty battery, unless the device says that it does not know.
    let has_level = event == "status" && !e.battery_level_unavailable && !e.external_power_source;
    let level = e.level.as_deref().unwrap_or("INFO");
    let log_code = e.code.map(|code| id("code", &format!("{level} {code}"))).transpose()?;
    Ok(Frame {
        device: device.to_string(),
        event,
        dedup_id: optional_id("deduplicationId", e.deduplication_id)?,
        network_at,
        f_port: e.f_port,
        f_cnt: e.f_cnt,
        payload,
        data_rate: is_up.then_some(e.dr),
        spreading_factor: e.tx_info.modulation.lora.spreading_factor,
        rssi_dbm: finite("rssi", best.and_then(|r| r.rssi))?,
        snr_db: finite("snr", best.map(|r| r.snr))?,
        gateways: e.rx_info.iter().filter_map(|r| id("gatewayId", r.gateway_id.as_deref()?).ok()).collect(),
        battery_pct: finite("batteryLevel", has_level.then_some(e.battery_level))?,
        server_decoded: server_object::read(e.object.as_ref()),
        log_code,
    })
}

const EVENTS: [&str; 8] = ["up", "join", "status", "ack", "txack", "log", "location", "integration"];

fn from_topic(topic: &str) -> Option<(&str, &'static str)> {
    let mut levels = topic.split('/');
    let fits =
        levels.next() == Some("application") && levels.next().is_some() && levels.next() == Some("device");
    let dev_eui = levels.next().filter(|_| fits)?;
    let event = (levels.next() == Some("event")).then(|| levels.next())??;
    let event = EVENTS.into_iter().find(|e| *e == event)?;
    levels.next().is_none().then_some((dev_eui, event))
}
