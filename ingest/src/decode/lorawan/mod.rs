//! LoRaWAN network servers and devices.
//!
//! [`chirpstack`] and [`tts`] read the servers' JSON into a [`Frame`]; the device decoders read a
//! frame's payload bytes into a [`Report`]. Fields are taken from an allow-list: whole vendor
//! objects carry keys and personal data, and are never kept.

mod allow_list;
pub mod bosch_tps110;
pub mod chirpstack;
pub mod device;
pub mod digital_matter_oyster;
pub mod dingtek;
pub mod libelium;
pub mod milesight_em400_udl;
pub mod parametric_pcr2;
pub mod pni_placepod;
pub mod server_object;
pub mod tekzitel_tekzipark;
#[cfg(test)]
mod tests;
pub mod tts;

pub use allow_list::{HEAD_BYTES, allowed};
pub use device::{Report, decode_device, read_as, read_payload, redact};
use device::{foreign_payload, foreign_port};

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::mistake::{Expected, Mistake, Remedy, Topics};
use domain::place::DevEui;
use domain::uplink::Reception;
use domain::{FeedFormat, Reason, UtcMicros};

use self::allow_list::AllowList;
use super::Fault;
use super::json::{Dropped, Fields, Invalid, check_id, text_of};

/// Bytes in proto3's JSON: padded or not, in either alphabet.
const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

/// Port 0 carries the network's commands, 224 its test protocol, those above are reserved
/// (LoRaWAN 1.0.4, 4.3.2).
const APPLICATION_PORTS: std::ops::RangeInclusive<i32> = 1..=223;

/// No frame is longer on any radio (the length of a LoRa packet has eight bits).
const MAX_FRAME_BYTES: usize = 255;

/// Gateways that are kept of one frame; where masts stand most densely some forty receive one.
const MAX_GATEWAYS: usize = 64;

/// Counters of LoRaWAN have 32 bits.
const F_CNT: std::ops::RangeInclusive<i64> = 0..=u32::MAX as i64;
const DATA_RATE: std::ops::RangeInclusive<i64> = 0..=15;
const SPREADING_FACTOR: std::ops::RangeInclusive<i64> = 5..=12;
/// What radios measure, dBm and dB.
const RSSI_DBM: std::ops::RangeInclusive<f64> = -200.0..=50.0;
const SNR_DB: std::ops::RangeInclusive<f64> = -100.0..=100.0;

/// One message of a network server, reduced to what may be kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame<'a> {
    /// DevEUI, 16 lower-case hex digits.
    pub device: String,
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`, `integration`; `simulated`: an
    /// uplink that somebody made up in the server's console.
    pub event: &'static str,
    /// The server's deduplication id, or session key id, frame counter and the network's time of
    /// receipt; `None` when the event has none (then its content names it).
    pub dedup_id: Option<String>,
    /// The network server's clock.
    pub network_at: Option<UtcMicros>,
    /// Why that clock could not be read, when it is there.
    pub bad_clock: Option<Fault>,
    /// 0 and absent are the network's own: what they carry is none of the device's payload.
    pub f_port: Option<i32>,
    /// The device's frame counter.
    pub f_cnt: Option<i64>,
    /// The device's bytes.
    pub payload: Vec<u8>,
    /// By the region's table, 0 to 15.
    pub data_rate: Option<i16>,
    /// Of LoRa, 5 to 12.
    pub spreading_factor: Option<i16>,
    /// Of the gateway with the best reception.
    pub rssi_dbm: Option<f32>,
    /// Of the same gateway.
    pub snr_db: Option<f32>,
    /// Where it was received, the loudest first: some dozens at most.
    pub gateways: Vec<Reception>,
    /// Battery in percent, from a status event.
    pub battery_pct: Option<f32>,
    /// The object of the server's own codec, unparsed: used only with `use_server_decoder`.
    pub codec: Option<&'a str>,
    /// Code and level of a log event, e.g. `ERROR UPLINK_MIC`: never its free text.
    pub log_code: Option<String>,
    /// Fields of a wrong type or value, without which it was accepted.
    pub dropped: Vec<Dropped>,
}

impl Frame<'_> {
    /// Whether it is a payload on a port of the device's own.
    pub fn is_applications(&self) -> bool {
        self.f_port.is_some_and(|port| APPLICATION_PORTS.contains(&port))
    }

    /// Whether it is an uplink of the device, real or simulated.
    pub fn is_uplink(&self) -> bool {
        matches!(self.event, "up" | "simulated")
    }
}

/// A topic of a network server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic<'t> {
    /// As the server writes it: a DevEUI, or The Things Stack's device id.
    pub device: &'t str,
    /// What is published.
    pub event: Event,
}

/// What is published on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something about the device; by the name under which it is kept.
    Of(&'static str),
    /// A command to the server, or a copy of another event.
    Ignored,
}

/// Reads a topic.
///
/// # Errors
/// It is none of `format`.
pub fn topic(format: FeedFormat, topic: &str) -> Result<Topic<'_>, Fault> {
    named_topic(format, topic, |device| check_id(device).is_ok())
}

/// Reads the topic that a posted message was given: the device is empty where the body names none.
///
/// # Errors
/// It is none of `format`.
pub fn posted_topic(format: FeedFormat, topic: &str) -> Result<Topic<'_>, Fault> {
    named_topic(format, topic, |device| device.is_empty() || check_id(device).is_ok())
}

fn named_topic(
    format: FeedFormat,
    topic: &str,
    is_device: impl FnOnce(&str) -> bool,
) -> Result<Topic<'_>, Fault> {
    let (read, wanted) = match format {
        FeedFormat::Tts => (tts::from_topic(topic), tts::TOPICS),
        _ => (chirpstack::from_topic(topic), chirpstack::TOPICS),
    };
    let read = read.filter(|read| is_device(read.device));
    read.ok_or_else(|| {
        Fault::new(
            Reason::UnknownTopic,
            "topic",
            Mistake::NoTopic(topic.into(), Topics::Server(wanted.into())),
        )
    })
}

/// The text of a message; `is_push`: it was posted by HTTP.
///
/// # Errors
/// It is empty, or no text.
pub fn text(format: FeedFormat, is_push: bool, payload: &[u8]) -> Result<Cow<'_, str>, Fault> {
    super::json::text(payload).map_err(|fault| match format {
        FeedFormat::Chirpstack if matches!(fault.detail.mistake, Mistake::Binary(..)) => {
            fault.remedy(if is_push { Remedy::ChirpstackEncoding } else { Remedy::ChirpstackJson })
        }
        _ => fault,
    })
}

/// Reads a message.
///
/// # Errors
/// A payload that cannot be read.
pub fn decode<'a>(format: FeedFormat, topic: Topic<'_>, text: &'a str) -> Result<Frame<'a>, Fault> {
    match format {
        FeedFormat::Tts => tts::decode(topic, text),
        _ => chirpstack::decode(topic, text),
    }
}

/// A message that names another device than its topic. Brokers check who may publish on a topic,
/// so the message cannot be attributed. Applications and tenants are not compared: nothing depends on them.
fn other_device(field: &str, stated: DevEui, topic: Topic<'_>) -> Fault {
    let mistake = Mistake::OtherDevice(stated.to_string().into(), topic.device.into());
    Fault::new(Reason::Implausible, field, mistake).remedy(Remedy::OwnTopic)
}

/// The name under which the device of a topic is known: its DevEUI, else as it stands.
pub fn device_of(topic: Topic<'_>) -> String {
    let device = topic.device.strip_prefix("eui-").unwrap_or(topic.device);
    device.parse::<DevEui>().map_or_else(|_| topic.device.to_owned(), |eui| eui.to_string())
}

fn allow_list_of(format: FeedFormat) -> &'static AllowList {
    if format == FeedFormat::Tts { &tts::ALLOWED } else { &chirpstack::ALLOWED }
}

/// Bytes, as the servers write them.
fn bytes(raw: &str) -> Result<Vec<u8>, Invalid> {
    let text = text_of(raw)?;
    let decoded = STANDARD.decode(text.as_bytes()).or_else(|_| URL_SAFE.decode(text.as_bytes()));
    let decoded = decoded.map_err(|_| Invalid::new(Expected::Base64))?;
    if decoded.len() > MAX_FRAME_BYTES {
        return Err(Invalid::implausible(Expected::FrameOf(MAX_FRAME_BYTES)));
    }
    Ok(decoded)
}

/// Takes over the best of the receptions, and all of gateways that have a name.
fn set_reception(frame: &mut Frame<'_>, mut receptions: Vec<Reception>) {
    let loudness = |r: &Reception| r.rssi_dbm.unwrap_or(f32::MIN);
    receptions.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
    let best = receptions.first();
    (frame.rssi_dbm, frame.snr_db) = (best.and_then(|r| r.rssi_dbm), best.and_then(|r| r.snr_db));
    receptions.retain(|r| !r.gateway.is_empty());
    receptions.truncate(MAX_GATEWAYS);
    frame.gateways = receptions;
}

/// Notes the network's clock, if it is there; what cannot be read is like a clock that is impossible.
fn set_clock(frame: &mut Frame<'_>, fields: &Fields<'_>, name: &'static str) {
    match fields.given(name, super::json::instant) {
        Ok(at) => frame.network_at = frame.network_at.or(at),
        Err(fault) => {
            fields.optional(name, super::json::instant, &mut frame.dropped);
            frame.bad_clock.get_or_insert(fault);
        }
    }
}
