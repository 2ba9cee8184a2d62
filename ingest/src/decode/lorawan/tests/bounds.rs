//! What is kept of a frame has the size of a frame, whatever a server sends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::FeedFormat;
use serde_json::{Value, json};

use crate::decode::lorawan::{self, Frame, MAX_FRAME_BYTES, MAX_GATEWAYS};

const EUI: &str = "0004a30b001c0530";

/// The same message of each server.
fn messages(payload: &[u8], receptions: usize) -> [(FeedFormat, String, Value); 2] {
    let payload = STANDARD.encode(payload);
    let gateway = |n: usize| format!("{n:016x}");
    // Every other one is no object.
    let each =
        |of: &dyn Fn(usize) -> Value| (0..receptions).flat_map(|n| [of(n), json!(n)]).collect::<Vec<_>>();
    [
        (
            FeedFormat::Chirpstack,
            format!("application/a/device/{EUI}/event/up"),
            json!({ "data": payload, "fPort": 1, "rxInfo": each(&|n| json!({ "gatewayId": gateway(n) })) }),
        ),
        (
            FeedFormat::Tts,
            format!("v3/app@tenant/devices/eui-{EUI}/up"),
            json!({ "uplink_message": { "frm_payload": payload, "f_port": 1,
                "rx_metadata": each(&|n| json!({ "gateway_ids": { "eui": gateway(n) } })) } }),
        ),
    ]
}

#[test]
fn payload_gateways_and_dropped_fields_are_bounded() {
    for receptions in [0, 1, MAX_GATEWAYS, 20 * MAX_GATEWAYS] {
        for bytes in [0, 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1, 40_000] {
            for (format, topic, message) in messages(&vec![7; bytes], receptions) {
                let text = message.to_string();
                let read = lorawan::decode(format, lorawan::topic(format, &topic).unwrap(), &text);
                if bytes > MAX_FRAME_BYTES {
                    let fault = read.unwrap_err();
                    assert!(
                        fault.detail.to_string().contains("255 bytes")
                            && fault.detail.to_string().len() < 200,
                        "{}",
                        fault.detail
                    );
                    continue;
                }
                let Frame { payload, gateways, dropped, .. } = read.unwrap();
                assert_eq!((payload.len(), gateways.len()), (bytes, receptions.min(MAX_GATEWAYS)));
                assert_eq!(dropped.len(), receptions.min(1), "{dropped:?}");
            }
        }
    }
}
