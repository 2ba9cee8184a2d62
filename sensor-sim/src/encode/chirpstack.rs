//! ChirpStack v4 events as JSON.
//!
//! Its proto3 mapping leaves out every field whose value is 0, false or "": absent means default.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::lorawan::{Reception, Uplink};
use super::native::json;
use super::{is_default, round};

const TENANT_ID: &str = "3d1f2c0a-6a53-4b5e-9c47-5a1d5b1e7a10";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a, T> {
    deduplication_id: &'a str,
    time: String,
    device_info: DeviceInfo<'a>,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo<'a> {
    tenant_id: &'a str,
    tenant_name: &'a str,
    application_id: &'a str,
    application_name: &'a str,
    device_profile_name: &'a str,
    device_name: &'a str,
    dev_eui: &'a str,
    device_class_enabled: &'a str,
    tags: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Up<'a> {
    dev_addr: String,
    adr: bool,
    #[serde(skip_serializing_if = "is_default")]
    dr: u8,
    #[serde(skip_serializing_if = "is_default")]
    f_cnt: u32,
    #[serde(skip_serializing_if = "is_default")]
    f_port: u8,
    #[serde(skip_serializing_if = "is_default")]
    data: String,
    rx_info: Vec<RxInfo<'a>>,
    tx_info: TxInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RxInfo<'a> {
    gateway_id: &'a str,
    uplink_id: u32,
    ns_time: String,
    #[serde(skip_serializing_if = "is_default")]
    rssi: i32,
    #[serde(skip_serializing_if = "is_default")]
    snr: f64,
    #[serde(skip_serializing_if = "is_default")]
    channel: u32,
    location: Value,
    crc_status: &'static str,
}

#[derive(Serialize)]
struct TxInfo {
    frequency: u32,
    modulation: BTreeMap<&'static str, Lora>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lora {
    bandwidth: u32,
    spreading_factor: u8,
    code_rate: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Join {
    dev_addr: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(skip_serializing_if = "is_default")]
    margin: i32,
    #[serde(skip_serializing_if = "is_default")]
    battery_level: f64,
}

/// Topic and payload of an event.
fn event(uplink: &Uplink, name: &str, what: impl Serialize) -> (String, Bytes) {
    let device_info = DeviceInfo {
        tenant_id: TENANT_ID,
        tenant_name: "Kreis Steverland",
        application_id: uplink.application,
        application_name: "parking",
        device_profile_name: uplink.profile,
        device_name: uplink.dev_eui,
        dev_eui: uplink.dev_eui,
        device_class_enabled: "CLASS_A",
        tags: BTreeMap::new(),
    };
    let (deduplication_id, time) = (uplink.deduplication_id, time(uplink.at));
    let topic = format!("application/{}/device/{}/event/{name}", uplink.application, uplink.dev_eui);
    (topic, json(&Event { deduplication_id, time, device_info, what }))
}

/// ChirpStack writes its offset out: `+00:00`, never `Z`.
fn time(at: Timestamp) -> String {
    at.to_string().replace('Z', "+00:00")
}

fn dev_addr(uplink: &Uplink) -> String {
    format!("{:08x}", uplink.dev_addr)
}

/// An uplink (`event/up`): topic and payload.
pub(crate) fn up(uplink: &Uplink) -> (String, Bytes) {
    let received = (0..).zip(uplink.receptions).map(|(i, r): (u32, &Reception)| RxInfo {
        gateway_id: &r.gateway_id,
        uplink_id: uplink.f_cnt.wrapping_mul(2_654_435_761).wrapping_add(i),
        ns_time: time(uplink.at),
        rssi: r.rssi_dbm,
        snr: r.snr_db,
        channel: uplink.f_cnt % 8,
        location: json!({"latitude": r.lat, "longitude": r.lon}),
        crc_status: "CRC_OK",
    });
    let spreading_factor = uplink.spreading_factor;
    let lora = Lora { bandwidth: 125_000, spreading_factor, code_rate: "CR_4_5" };
    let what = Up {
        dev_addr: dev_addr(uplink),
        adr: true,
        dr: 12 - spreading_factor,
        f_cnt: uplink.f_cnt,
        f_port: uplink.f_port,
        data: STANDARD.encode(uplink.payload),
        rx_info: received.collect(),
        tx_info: TxInfo { frequency: uplink.frequency_hz, modulation: BTreeMap::from([("lora", lora)]) },
    };
    event(uplink, "up", what)
}

/// A device joined (`event/join`). Of the uplink only who, when and where are used.
pub(crate) fn join(uplink: &Uplink) -> (String, Bytes) {
    event(uplink, "join", Join { dev_addr: dev_addr(uplink) })
}

/// A device's answer about its battery (`event/status`).
///
/// `margin_db`: SNR of the last downlink; `battery_percent`: 0..100.
pub(crate) fn status(uplink: &Uplink, margin_db: i32, battery_percent: f64) -> (String, Bytes) {
    event(uplink, "status", Status { margin: margin_db, battery_level: round(battery_percent, 2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_fields_are_absent() {
        let receptions = [Reception {
            gateway_id: "0016c001f153a14c".into(),
            rssi_dbm: -36,
            snr_db: 0.0,
            lat: 51.9,
            lon: 7.2,
        }];
        let uplink = Uplink {
            dev_eui: "0e01000000000001",
            dev_addr: 0x0018_9440,
            profile: "test",
            application: "17c82e96-be03-4f38-aef3-f83d48582d97",
            at: "2026-11-22T12:00:00.25Z".parse().unwrap(),
            f_port: 1,
            f_cnt: 0,
            payload: &[0],
            spreading_factor: 12,
            frequency_hz: 868_100_000,
            receptions: &receptions,
            deduplication_id: "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
            session: 1,
        };
        let (topic, payload) = up(&uplink);
        assert_eq!(
            topic,
            "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0e01000000000001/event/up"
        );
        let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        for absent in ["fCnt", "dr", "confirmed", "object"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
        assert_eq!(event["rxInfo"][0].get("snr"), None);
        assert_eq!(event["fPort"], 1);
        assert_eq!(event["data"], "AA==");
        assert_eq!(event["rxInfo"][0]["nsTime"], "2026-11-22T12:00:00.25+00:00");
        assert_eq!(event["devAddr"], "00189440");
        let (topic, payload) = status(&uplink, 0, 88.3);
        assert!(topic.ends_with("/event/status"));
        let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((event.get("margin"), event["batteryLevel"].as_f64()), (None, Some(88.3)));
    }
}
