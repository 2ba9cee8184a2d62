//! The Things Stack v3: `v3/{application}[@{tenant}]/devices/{device}/{event}`, JSON in the proto3
//! mapping: fields with value 0, false or "" are absent.
//!
//! Source: TheThingsIndustries/lorawan-stack-docs, `concepts/data-formats`. Of its four clocks the
//! network server's is taken, `uplink_message.received_at`.

use std::borrow::Cow;
use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Reason;
use domain::place::DevEui;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::allow_list::{AllowList, Keep};
use super::{Frame, server_object};
use crate::decode::Fault;
use crate::decode::json::{finite, id, instant, parse};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    end_device_ids: EndDeviceIds<'a>,
    #[serde(borrow)]
    received_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uplink_message: Option<Uplink<'a>>,
    #[serde(borrow)]
    join_accept: Option<JoinAccept<'a>>,
    #[serde(borrow)]
    downlink_failed: Option<DownlinkFailed<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EndDeviceIds<'a> {
    #[serde(borrow)]
    dev_eui: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Uplink<'a> {
    #[serde(borrow)]
    session_key_id: Option<Cow<'a, str>>,
    f_port: i32,
    f_cnt: i64,
    #[serde(borrow)]
    frm_payload: Option<Cow<'a, str>>,
    decoded_payload: Option<Map<String, Value>>,
    #[serde(borrow)]
    rx_metadata: Vec<RxMetadata<'a>>,
    settings: Settings,
    #[serde(borrow)]
    received_at: Option<Cow<'a, str>>,
    last_battery_percentage: Option<Battery>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RxMetadata<'a> {
    #[serde(borrow)]
    gateway_ids: GatewayIds<'a>,
    rssi: Option<f64>,
    channel_rssi: Option<f64>,
    snr: f64,
}

impl RxMetadata<'_> {
    fn rssi_dbm(&self) -> Option<f64> {
        self.rssi.or(self.channel_rssi)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GatewayIds<'a> {
    #[serde(borrow)]
    gateway_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    eui: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    data_rate: DataRate,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DataRate {
    lora: Lora,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lora {
    spreading_factor: Option<i16>,
}

#[derive(Deserialize)]
struct Battery {
    #[serde(default)]
    value: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JoinAccept<'a> {
    #[serde(borrow)]
    session_key_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    received_at: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DownlinkFailed<'a> {
    #[serde(borrow)]
    error: ErrorDetails<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorDetails<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// The fields of [`Message`].
pub(super) static ALLOWED: AllowList = AllowList {
    fields: Keep::Fields(&[
        ("end_device_ids", Keep::Fields(&[("dev_eui", Keep::Value)])),
        ("received_at", Keep::Value),
        (
            "uplink_message",
            Keep::Fields(&[
                ("session_key_id", Keep::Value),
                ("f_port", Keep::Value),
                ("f_cnt", Keep::Value),
                ("frm_payload", Keep::Value),
                ("decoded_payload", Keep::Codec),
                (
                    "rx_metadata",
                    Keep::Each(&Keep::Fields(&[
                        ("gateway_ids", Keep::Fields(&[("gateway_id", Keep::Value), ("eui", Keep::Value)])),
                        ("rssi", Keep::Value),
                        ("channel_rssi", Keep::Value),
                        ("snr", Keep::Value),
                    ])),
                ),
                (
                    "settings",
                    Keep::Fields(&[(
                        "data_rate",
                        Keep::Fields(&[("lora", Keep::Fields(&[("spreading_factor", Keep::Value)]))]),
                    )]),
                ),
                ("received_at", Keep::Value),
                ("last_battery_percentage", Keep::Fields(&[("value", Keep::Value)])),
            ]),
        ),
        ("join_accept", Keep::Fields(&[("session_key_id", Keep::Value), ("received_at", Keep::Value)])),
        ("downlink_failed", Keep::Fields(&[("error", Keep::Fields(&[("name", Keep::Value)]))])),
    ]),
    dev_eui: "/end_device_ids/dev_eui",
    f_port: "/uplink_message/f_port",
    payload: "/uplink_message/frm_payload",
    device_of_topic: |topic| from_topic(topic)?.0.strip_prefix("eui-"),
};

/// Reads one event. Events of downlinks keep ChirpStack's names: `txack`, `ack`, `log`.
///
/// # Errors
/// A topic that is none of The Things Stack's, or a payload that cannot be read.
pub fn decode(topic: &str, payload: &[u8]) -> Result<Frame, Fault> {
    let (device_id, event) = from_topic(topic).ok_or_else(|| {
        let wanted = "v3/APPLICATION@TENANT/devices/DEVICE/(up|join|down/queued|down/sent|down/ack|down/nack|\
                      down/failed|service/data|location/solved)";
        Fault::new(Reason::UnknownTopic, format!("topic: '{topic}' is not {wanted}"))
    })?;
    let m: Message = parse(payload)?;
    let mut frame = Frame {
        device: dev_eui(device_id, m.end_device_ids.dev_eui.as_deref())?.to_string(),
        event,
        ..Frame::default()
    };
    let mut network_at = m.received_at.as_deref().map(|text| ("received_at", text));
    match event {
        "up" => {
            let uplink = m.uplink_message.as_ref().ok_or_else(|| {
                Fault::malformed("uplink_message: it is missing from a message on an up topic")
            })?;
            network_at =
                uplink.received_at.as_deref().map(|t| ("uplink_message.received_at", t)).or(network_at);
            read_uplink(uplink, &mut frame)?;
        }
        "join" => {
            let join = m.join_accept.unwrap_or_default();
            frame.dedup_id = dedup_id(join.session_key_id.as_deref(), "join")?;
            if let Some((field, text)) = join.received_at.as_deref().map(|t| ("join_accept.received_at", t)) {
                frame.network_at = Some(instant(field, text)?);
                return Ok(frame);
            }
        }
        "log" => {
            let name = m.downlink_failed.and_then(|f| f.error.name);
            let name = name.as_deref().unwrap_or("downlink_failed");
            frame.log_code = Some(id("downlink_failed.error.name", &format!("ERROR {name}"))?);
        }
        _ => {}
    }
    frame.network_at = network_at.map(|(field, text)| instant(field, text)).transpose()?;
    Ok(frame)
}

fn read_uplink(uplink: &Uplink<'_>, frame: &mut Frame) -> Result<(), Fault> {
    frame.dedup_id = dedup_id(uplink.session_key_id.as_deref(), uplink.f_cnt)?;
    frame.f_port = uplink.f_port;
    frame.f_cnt = uplink.f_cnt;
    frame.payload = STANDARD
        .decode(uplink.frm_payload.as_deref().unwrap_or(""))
        .map_err(|e| Fault::malformed(format!("uplink_message.frm_payload: not base64 ({e})")))?;
    frame.spreading_factor = uplink.settings.data_rate.lora.spreading_factor;
    let loudness = |r: &&RxMetadata| r.rssi_dbm().unwrap_or(f64::MIN);
    let best = uplink.rx_metadata.iter().max_by(|a, b| loudness(a).total_cmp(&loudness(b)));
    frame.rssi_dbm = finite("rssi", best.and_then(RxMetadata::rssi_dbm))?;
    frame.snr_db = finite("snr", best.map(|r| r.snr))?;
    frame.gateways = uplink.rx_metadata.iter().filter_map(|r| gateway(&r.gateway_ids)).collect();
    let battery_pct = uplink.last_battery_percentage.as_ref().map(|b| b.value);
    frame.battery_pct = finite("last_battery_percentage.value", battery_pct)?;
    frame.server_decoded = server_object::read(uplink.decoded_payload.as_ref());
    Ok(())
}

fn dedup_id(session_key_id: Option<&str>, of: impl Display) -> Result<Option<String>, Fault> {
    session_key_id.map(|session| id("session_key_id", &format!("{session}:{of}"))).transpose()
}

/// Its EUI in ChirpStack's spelling, so that one gateway has one name on both servers.
fn gateway(ids: &GatewayIds<'_>) -> Option<String> {
    let name = ids.eui.as_deref().map(str::to_ascii_lowercase);
    id("gateway_ids", name.as_deref().or(ids.gateway_id.as_deref())?).ok()
}

fn dev_eui(device_id: &str, stated: Option<&str>) -> Result<DevEui, Fault> {
    // The console names a device after its EUI unless told otherwise.
    let text = stated.or_else(|| device_id.strip_prefix("eui-")).ok_or_else(|| {
        Fault::malformed(format!(
            "end_device_ids.dev_eui: it is missing, and '{device_id}' is not named after it"
        ))
    })?;
    text.parse().map_err(|_| {
        Fault::malformed(format!("end_device_ids.dev_eui: '{text}' does not have 16 hexadecimal digits"))
    })
}

fn from_topic(topic: &str) -> Option<(&str, &'static str)> {
    let mut levels = topic.splitn(5, '/');
    let is_ours = levels.next() == Some("v3")
        && levels.next().is_some_and(|application| !application.is_empty())
        && levels.next() == Some("devices");
    let device = levels.next().filter(|device| is_ours && !device.is_empty())?;
    let event = match levels.next()? {
        "up" => "up",
        "join" => "join",
        "down/queued" | "down/sent" => "txack",
        "down/ack" | "down/nack" => "ack",
        "down/failed" => "log",
        "service/data" => "integration",
        "location/solved" => "location",
        _ => return None,
    };
    Some((device, event))
}
