//! LoRaWAN network servers and devices.
//!
//! [`chirpstack`] and [`tts`] read the servers' JSON into a [`Frame`]; the device decoders read a
//! frame's payload bytes into a [`Report`]. Fields are taken from an allow-list: whole vendor
//! objects carry keys and personal data, and are never kept.

mod allow_list;
pub mod bosch_tps110;
pub mod chirpstack;
pub mod device;
pub mod dingtek;
pub mod libelium;
pub mod milesight_em400_udl;
pub mod pni_placepod;
mod server_object;
pub mod tekzitel_tekzipark;
#[cfg(test)]
mod tests;
pub mod tts;

pub use allow_list::{HEAD_BYTES, allowed};
pub use device::{Report, decode_device, redact};

use domain::UtcMicros;

/// One message of a network server, reduced to what may be kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// DevEUI, 16 lower-case hex digits.
    pub device: String,
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`, `integration`.
    pub event: &'static str,
    /// The server's deduplication id, or session key id and frame counter; `None` when the event
    /// has none (then its content names it).
    pub dedup_id: Option<String>,
    /// The network server's clock.
    pub network_at: Option<UtcMicros>,
    /// Absent in proto3 JSON means 0.
    pub f_port: i32,
    pub f_cnt: i64,
    pub payload: Vec<u8>,
    pub data_rate: Option<i16>,
    pub spreading_factor: Option<i16>,
    /// Of the gateway that heard it best.
    pub rssi_dbm: Option<f32>,
    pub snr_db: Option<f32>,
    pub gateways: Vec<String>,
    /// Battery in percent, from a status event.
    pub battery_pct: Option<f32>,
    /// What the server's own codec made of it: used when the feed says so.
    pub server_decoded: Option<ServerDecoded>,
    /// Code and level of a log event, e.g. `ERROR UPLINK_MIC`: never its free text.
    pub log_code: Option<String>,
}

/// The fields of a server-side codec's object that are understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerDecoded {
    pub occupied: Option<bool>,
    pub battery_v: Option<f32>,
    pub temperature_c: Option<f32>,
}
