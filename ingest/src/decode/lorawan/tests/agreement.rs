//! A message speaks of the device of its topic, or of none.

use domain::place::DevEui;
use domain::{FeedFormat, Reason};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::decode::Fault;
use crate::decode::lorawan;

fn chirpstack(topic: &str, stated: Value) -> Result<String, Fault> {
    let topic = format!("application/a/device/{topic}/event/up");
    let body = json!({ "deviceInfo": { "devEui": stated }, "fPort": 1, "data": "AQ==" });
    device(FeedFormat::Chirpstack, &topic, &body)
}

fn tts(topic: &str, stated: Value) -> Result<String, Fault> {
    let topic = format!("v3/app@t/devices/{topic}/up");
    let body = json!({ "end_device_ids": { "dev_eui": stated },
        "uplink_message": { "f_port": 1, "frm_payload": "AQ==" } });
    device(FeedFormat::Tts, &topic, &body)
}

fn device(format: FeedFormat, topic: &str, body: &Value) -> Result<String, Fault> {
    let text = body.to_string();
    lorawan::decode(format, lorawan::topic(format, topic)?, &text).map(|frame| frame.device)
}

/// The ways in which people and servers write a DevEUI.
fn spelled(eui: u64, spelling: u8) -> String {
    let digits = DevEui(eui).to_string();
    let pairs: Vec<&str> = (0..8).map(|n| &digits[2 * n..2 * n + 2]).collect();
    match spelling % 4 {
        0 => digits,
        1 => digits.to_uppercase(),
        2 => pairs.join("-"),
        _ => pairs.join(":").to_uppercase(),
    }
}

proptest! {
    #[test]
    fn topic_and_message_agree_or_nobody_is_believed(
        (named, stated) in (any::<u64>(), any::<u64>()),
        is_same in any::<bool>(),
        (a, b) in (any::<u8>(), any::<u8>()),
    ) {
        let stated = if is_same { named } else { stated };
        let text = json!(spelled(stated, b));
        for read in [
            chirpstack(&spelled(named, a), text.clone()),
            tts(&format!("eui-{}", spelled(named, a)), text),
        ] {
            match read {
                Ok(device) => {
                    prop_assert_eq!(named, stated);
                    prop_assert_eq!(device, DevEui(named).to_string());
                }
                Err(fault) => {
                    prop_assert!(named != stated);
                    prop_assert_eq!(fault.reason, Reason::Implausible);
                    prop_assert!(fault.detail.to_string().contains(&DevEui(stated).to_string()));
                    prop_assert!(fault.remedy.is_some_and(|remedy| remedy.sentence(domain::Lang::En).contains("topic of its own device")));
                }
            }
        }
    }
}

#[test]
fn a_message_that_names_no_device_is_the_topics() {
    let eui = "70b3d57ed0000001";
    for nothing in [Value::Null, json!(""), json!(7), json!("my sensor")] {
        assert_eq!(chirpstack(eui, nothing.clone()), Ok(eui.to_owned()), "{nothing}");
        assert_eq!(tts(&format!("eui-{eui}"), nothing.clone()), Ok(eui.to_owned()), "{nothing}");
    }
    // The Things Stack's devices may have any id; ChirpStack's topics always have the DevEUI.
    assert_eq!(tts("lot-7", json!(eui)), Ok(eui.to_owned()));
    assert_eq!(chirpstack("lot-7", json!(eui)).unwrap_err().reason, Reason::Implausible);
    assert_eq!(chirpstack("lot-7", Value::Null).unwrap_err().reason, Reason::Malformed);
}
