//! The Things Stack v3: `v3/{application}[@{tenant}]/devices/{device}/{event}`, JSON in the proto3
//! mapping: fields with value 0, false or "" are absent, numbers may stand as texts.
//!
//! Source: TheThingsIndustries/lorawan-stack-docs, `concepts/data-formats`; topics:
//! TheThingsNetwork/lorawan-stack, `pkg/applicationserver/io/mqtt/topics/v3.go`. Of its four clocks the
//! network server's is taken, `uplink_message.received_at`.

use domain::mistake::{Mistake, Remedy};
use domain::place::DevEui;
use domain::uplink::Reception;
use domain::{Reason, UtcMicros};

use super::allow_list::{AllowList, Keep, names};
use super::{
    Event, F_CNT, Frame, RSSI_DBM, SNR_DB, SPREADING_FACTOR, Topic, bytes, other_device, set_clock,
    set_reception,
};
use crate::decode::Fault;
use crate::decode::json::{
    Dropped, Fields, PERCENT, check_id, label, list, loose, measurement, object, text_of, whole_in,
};

/// The topics of the format.
pub(super) const TOPICS: &str = "v3/APPLICATION@TENANT/devices/DEVICE/(up|join|down/queued|down/sent|down/ack|\
     down/nack|down/failed|down/invalidated|service/data|location/solved)";

const MESSAGE: [(&str, Keep); 6] = [
    ("end_device_ids", Keep::Fields(&[("dev_eui", Keep::Value)])),
    ("received_at", Keep::Value),
    ("uplink_message", Keep::Fields(&UPLINK)),
    ("join_accept", Keep::Fields(&JOIN)),
    ("downlink_failed", Keep::Fields(&[("error", Keep::Fields(&[("name", Keep::Value)]))])),
    ("simulated", Keep::Value),
];
const UPLINK: [(&str, Keep); 9] = [
    ("session_key_id", Keep::Value),
    ("f_port", Keep::Value),
    ("f_cnt", Keep::Value),
    ("frm_payload", Keep::Payload),
    ("decoded_payload", Keep::Codec),
    ("rx_metadata", Keep::Each(&Keep::Fields(&RX))),
    (
        "settings",
        Keep::Fields(&[(
            "data_rate",
            Keep::Fields(&[("lora", Keep::Fields(&[("spreading_factor", Keep::Value)]))]),
        )]),
    ),
    ("received_at", Keep::Value),
    ("last_battery_percentage", Keep::Fields(&[("value", Keep::Value)])),
];
const RX: [(&str, Keep); 4] = [
    ("gateway_ids", Keep::Fields(&IDS)),
    ("rssi", Keep::Value),
    ("channel_rssi", Keep::Value),
    ("snr", Keep::Value),
];
const IDS: [(&str, Keep); 2] = [("gateway_id", Keep::Value), ("eui", Keep::Value)];
const JOIN: [(&str, Keep); 2] = [("session_key_id", Keep::Value), ("received_at", Keep::Value)];

pub(super) static ALLOWED: AllowList = AllowList {
    fields: Keep::Fields(&MESSAGE),
    f_port: &["uplink_message", "f_port"],
    dev_eui: &["end_device_ids", "dev_eui"],
};

/// Reads one message.
///
/// # Errors
/// A payload that cannot be read.
pub fn decode<'a>(topic: Topic<'_>, text: &'a str) -> Result<Frame<'a>, Fault> {
    let m = Fields::read("", text, &const { names(&MESSAGE) })?;
    let mut frame =
        Frame { event: if let Event::Of(event) = topic.event { event } else { "up" }, ..Frame::default() };
    frame.device = device(topic, &m, &mut frame.dropped)?.to_string();
    match frame.event {
        "up" => {
            let simulated = m.optional("simulated", Ok, &mut frame.dropped);
            if m.has("simulated") && !matches!(simulated, Some("false" | "\"false\"")) {
                frame.event = "simulated";
            }
            let uplink = m
                .given("uplink_message", object("uplink_message", &const { names(&UPLINK) }))?
                .ok_or_else(|| Fault::malformed("uplink_message", Mistake::UplinkMissing))?;
            set_clock(&mut frame, &uplink, "received_at");
            read_uplink(&uplink, &mut frame)?;
        }
        "join" => {
            let join = object("join_accept", &const { names(&JOIN) });
            if let Some(join) = m.optional("join_accept", join, &mut frame.dropped) {
                let session = join.optional("session_key_id", text_of, &mut frame.dropped);
                frame.dedup_id = session.and_then(|session| name(&session, "join", ""));
                set_clock(&mut frame, &join, "received_at");
            }
        }
        "log" => frame.log_code = Some(log_code(&m, &mut frame.dropped)),
        _ => {}
    }
    if frame.network_at.is_none() {
        set_clock(&mut frame, &m, "received_at");
    }
    Ok(frame)
}

fn read_uplink<'a>(uplink: &Fields<'a>, frame: &mut Frame<'a>) -> Result<(), Fault> {
    frame.f_port = uplink.given("f_port", loose(whole_in(0..=255)))?;
    frame.payload = uplink.given("frm_payload", bytes)?.unwrap_or_default();
    let d = &mut frame.dropped;
    frame.f_cnt = uplink.or_zero("f_cnt", loose(whole_in(F_CNT)), 0, d);
    // The application server's `received_at` and this one are of one message, and stay when it is
    // delivered again; a device with fixed keys that counts from one again has another.
    let received_at = uplink.optional("received_at", text_of, &mut Vec::new());
    frame.dedup_id = uplink
        .optional("session_key_id", text_of, d)
        .and_then(|session| name(&session, &frame.f_cnt?.to_string(), &of_clock(received_at.as_deref())));
    frame.spreading_factor = spreading_factor(uplink, d);
    let battery =
        uplink.optional("last_battery_percentage", object("last_battery_percentage", &["value"]), d);
    frame.battery_pct =
        battery.and_then(|battery| battery.or_zero("value", loose(measurement(PERCENT)), 0.0, d));
    frame.codec = uplink.optional("decoded_payload", Ok, d);
    let metadata = uplink.optional("rx_metadata", list, d).unwrap_or_default();
    let receptions = metadata.into_iter().filter_map(|rx| reception(rx, d)).collect();
    set_reception(frame, receptions);
    Ok(())
}

fn reception(rx: &str, d: &mut Vec<Dropped>) -> Option<Reception> {
    let Ok(rx) = Fields::read("rx_metadata", rx, &const { names(&RX) }) else {
        Dropped::note("rx_metadata", Reason::Malformed, d);
        return None;
    };
    let rssi = rx.optional("rssi", loose(measurement(RSSI_DBM)), d);
    let snr_db = rx.or_zero("snr", loose(measurement(SNR_DB)), 0.0, d);
    let ids = rx.optional("gateway_ids", object("rx_metadata.gateway_ids", &const { names(&IDS) }), d);
    // Its EUI in ChirpStack's spelling, so that one gateway has one name on both servers.
    let gateway = ids.and_then(|ids| {
        let eui = ids.optional("eui", label, d).flatten().map(|eui| eui.to_ascii_lowercase());
        eui.or_else(|| ids.optional("gateway_id", label, d).flatten())
    });
    Some(Reception {
        rssi_dbm: rssi.or_else(|| rx.optional("channel_rssi", loose(measurement(RSSI_DBM)), d)),
        snr_db,
        gateway: gateway.unwrap_or_default(),
    })
}

fn spreading_factor(uplink: &Fields<'_>, d: &mut Vec<Dropped>) -> Option<i16> {
    let settings = uplink.optional("settings", object("settings", &["data_rate"]), d)?;
    let rate = settings.optional("data_rate", object("settings.data_rate", &["lora"]), d)?;
    let lora = rate.optional("lora", object("settings.data_rate.lora", &["spreading_factor"]), d)?;
    lora.optional("spreading_factor", loose(whole_in(SPREADING_FACTOR)), d)
}

fn log_code(m: &Fields<'_>, d: &mut Vec<Dropped>) -> String {
    let failed = m.optional("downlink_failed", object("downlink_failed", &["error"]), d);
    let error =
        failed.and_then(|failed| failed.optional("error", object("downlink_failed.error", &["name"]), d));
    let name = error.and_then(|error| error.optional("name", text_of, d).map(std::borrow::Cow::into_owned));
    let code = format!("ERROR {}", name.as_deref().unwrap_or("downlink_failed"));
    if check_id(&code).is_ok() { code } else { "ERROR downlink_failed".to_owned() }
}

/// A time of receipt as it stands in an id: the same however many digits the server writes of it, live and from its storage.
fn of_clock(received_at: Option<&str>) -> String {
    let text = received_at.unwrap_or_default();
    UtcMicros::parse(text).map_or_else(|_| text.to_owned(), |at| at.to_string())
}

/// The id of a message; `None`: it would not be valid.
fn name(session: &str, of: &str, received_at: &str) -> Option<String> {
    let name = [session, of, received_at].into_iter().filter(|part| !part.is_empty());
    let name = name.collect::<Vec<_>>().join(":");
    (!session.is_empty() && check_id(&name).is_ok()).then_some(name)
}

fn device(topic: Topic<'_>, m: &Fields<'_>, d: &mut Vec<Dropped>) -> Result<DevEui, Fault> {
    let ids = m.optional("end_device_ids", object("end_device_ids", &["dev_eui"]), d);
    let stated = ids.and_then(|ids| ids.optional("dev_eui", text_of, d));
    let stated = stated.filter(|text| !text.is_empty());
    let eui: Option<DevEui> = stated.as_deref().and_then(|text| text.parse().ok());
    // The console names a device after its EUI by default.
    let named = topic.device.strip_prefix("eui-").and_then(|text| text.parse().ok());
    match (stated, eui, named) {
        (_, Some(eui), Some(named)) if eui != named => {
            Err(other_device("end_device_ids.dev_eui", eui, topic))
        }
        (_, Some(eui), _) | (_, None, Some(eui)) => Ok(eui),
        (Some(text), None, None) => {
            Err(Fault::malformed("end_device_ids.dev_eui", Mistake::NoDevEui(text.into())))
        }
        (None, None, None) => {
            let mistake = Mistake::DevEuiMissing(topic.device.into());
            Err(Fault::malformed("end_device_ids.dev_eui", mistake).remedy(Remedy::EnterDevEui))
        }
    }
}

pub(super) fn from_topic(topic: &str) -> Option<Topic<'_>> {
    let mut levels = topic.splitn(5, '/');
    let is_ours = levels.next() == Some("v3")
        && levels.next().is_some_and(|application| !application.is_empty())
        && levels.next() == Some("devices");
    let device = levels.next().filter(|_| is_ours)?;
    let event = match levels.next()? {
        "up" => Event::Of("up"),
        "join" => Event::Of("join"),
        "down/queued" | "down/sent" | "down/invalidated" => Event::Of("txack"),
        "down/ack" | "down/nack" => Event::Of("ack"),
        "down/failed" => Event::Of("log"),
        "service/data" => Event::Of("integration"),
        "location/solved" => Event::Of("location"),
        // Downlinks that somebody's own program enqueues; and the uplink once more, as the server's
        // codec put it.
        "down/push" | "down/replace" | "up/normalized" => Event::Ignored,
        _ => return None,
    };
    Some(Topic { device, event })
}
