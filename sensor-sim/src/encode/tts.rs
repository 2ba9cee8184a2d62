//! The Things Stack v3 as JSON. It leaves out fields whose value is zero, writes the frequency as a
//! text, and publishes no answers about batteries.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::is_default;
use super::lorawan::Uplink;
use super::native::json;
use crate::clock::later;

/// From the network server to the application server.
const APPLICATION_SERVER_DELAY: SignedDuration = SignedDuration::from_millis(205);

#[derive(Serialize)]
struct Message<T> {
    end_device_ids: EndDevice,
    correlation_ids: [String; 1],
    received_at: Timestamp,
    /// By its name.
    #[serde(flatten)]
    what: BTreeMap<&'static str, T>,
}

#[derive(Serialize)]
struct EndDevice {
    device_id: String,
    application_ids: BTreeMap<&'static str, String>,
    dev_eui: String,
    join_eui: &'static str,
    dev_addr: String,
}

#[derive(Serialize)]
struct UplinkBody {
    session_key_id: String,
    #[serde(skip_serializing_if = "is_default")]
    f_port: u8,
    #[serde(skip_serializing_if = "is_default")]
    f_cnt: u32,
    #[serde(skip_serializing_if = "is_default")]
    frm_payload: String,
    rx_metadata: Vec<RxMetadata>,
    settings: Settings,
    received_at: Timestamp,
}

#[derive(Serialize)]
struct RxMetadata {
    gateway_ids: Gateway,
    time: Timestamp,
    rssi: i32,
    channel_rssi: i32,
    #[serde(skip_serializing_if = "is_default")]
    snr: f64,
}

#[derive(Serialize)]
struct Gateway {
    gateway_id: String,
    eui: String,
}

#[derive(Serialize)]
struct Settings {
    data_rate: BTreeMap<&'static str, Lora>,
    frequency: String,
    time: Timestamp,
}

#[derive(Serialize)]
struct Lora {
    bandwidth: u32,
    spreading_factor: u8,
    coding_rate: &'static str,
}

#[derive(Serialize)]
struct JoinAccept {
    session_key_id: String,
    received_at: Timestamp,
}

fn session_key_id(uplink: &Uplink) -> String {
    STANDARD.encode(format!("{}{:04x}", &uplink.dev_eui[4..], uplink.session))
}

fn message(uplink: &Uplink, event: &str, name: &'static str, what: impl Serialize) -> (String, Bytes) {
    let device_id = format!("eui-{}", uplink.dev_eui);
    let application = uplink.application.split('@').next().unwrap_or_default();
    let topic = format!("v3/{}/devices/{device_id}/{event}", uplink.application);
    let message = Message {
        end_device_ids: EndDevice {
            device_id,
            application_ids: BTreeMap::from([("application_id", application.to_owned())]),
            dev_eui: uplink.dev_eui.to_uppercase(),
            join_eui: "0E00000000000001",
            dev_addr: format!("{:08X}", uplink.dev_addr),
        },
        correlation_ids: [format!("gs:uplink:{}", uplink.deduplication_id)],
        received_at: later(uplink.at, APPLICATION_SERVER_DELAY),
        what: BTreeMap::from([(name, what)]),
    };
    (topic, json(&message))
}

/// An uplink: topic and payload.
pub(crate) fn up(uplink: &Uplink) -> (String, Bytes) {
    let rx_metadata = uplink
        .receptions
        .iter()
        .map(|r| RxMetadata {
            gateway_ids: Gateway {
                gateway_id: format!("gw-{}", &r.gateway_id[8..]),
                eui: r.gateway_id.to_uppercase(),
            },
            time: uplink.at,
            rssi: r.rssi_dbm,
            channel_rssi: r.rssi_dbm,
            snr: r.snr_db,
        })
        .collect();
    let spreading_factor = uplink.spreading_factor;
    let lora = Lora { bandwidth: 125_000, spreading_factor, coding_rate: "4/5" };
    let body = UplinkBody {
        session_key_id: session_key_id(uplink),
        f_port: uplink.f_port,
        f_cnt: uplink.f_cnt,
        frm_payload: STANDARD.encode(uplink.payload),
        rx_metadata,
        settings: Settings {
            data_rate: BTreeMap::from([("lora", lora)]),
            frequency: uplink.frequency_hz.to_string(),
            time: uplink.at,
        },
        received_at: uplink.at,
    };
    message(uplink, "up", "uplink_message", body)
}

/// A device joined. Of the uplink only who, when and the session are used.
pub(crate) fn join(uplink: &Uplink) -> (String, Bytes) {
    let body = JoinAccept { session_key_id: session_key_id(uplink), received_at: uplink.at };
    message(uplink, "join", "join_accept", body)
}

#[cfg(test)]
mod tests {
    use super::super::lorawan::Reception;
    use super::*;

    #[test]
    fn an_uplink_has_the_stacks_shape() {
        let receptions = [Reception {
            gateway_id: "0e9a7e00aabbccdd".into(),
            rssi_dbm: -90,
            snr_db: 5.5,
            lat: 0.0,
            lon: 0.0,
        }];
        let uplink = Uplink {
            dev_eui: "0e02000000000001",
            dev_addr: 0x01a2_b3c4,
            profile: "",
            application: "parking@holtkirchen",
            at: "2026-11-22T12:00:00.25Z".parse().unwrap(),
            f_port: 3,
            f_cnt: 0,
            payload: &[0x80, 0x5b],
            spreading_factor: 7,
            frequency_hz: 868_300_000,
            receptions: &receptions,
            deduplication_id: "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
            session: 2,
        };
        let (topic, payload) = up(&uplink);
        assert_eq!(topic, "v3/parking@holtkirchen/devices/eui-0e02000000000001/up");
        let up: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let body = &up["uplink_message"];
        assert_eq!(up["end_device_ids"]["dev_eui"], "0E02000000000001");
        assert_eq!(up["end_device_ids"]["application_ids"]["application_id"], "parking");
        assert_eq!((body.get("f_cnt"), &body["f_port"]), (None, &3.into()));
        assert_eq!(
            (&body["frm_payload"], &body["settings"]["frequency"]),
            (&"gFs=".into(), &"868300000".into())
        );
        assert_eq!(body["received_at"], "2026-11-22T12:00:00.25Z");
        assert_eq!(up["received_at"], "2026-11-22T12:00:00.455Z");
        let (topic, payload) = join(&uplink);
        assert!(topic.ends_with("/join"));
        let join: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(join["join_accept"]["session_key_id"], body["session_key_id"]);
    }
}
