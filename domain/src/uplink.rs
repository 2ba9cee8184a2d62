//! A LoRaWAN message as it is kept: allow-listed fields and nothing else, so that whatever was
//! ever received can be decoded again and nothing personal is stored.

use crate::ids::{FeedId, MunicipalityId};
use crate::time::UtcMicros;

/// See the module's description.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplink {
    pub municipality: MunicipalityId,
    pub feed: FeedId,
    /// DevEUI, 16 lower-case hex digits.
    pub device: String,
    /// It is no sensor of the feed: of these only the newest messages are kept.
    pub is_stranger: bool,
    /// The network server's deduplication id, or one made of session key id, frame counter and the
    /// network's time of receipt: a device with fixed keys counts from one again.
    pub dedup_id: String,
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`, `integration`; `simulated`: an
    /// uplink that somebody made up in the server's console.
    pub event: &'static str,
    pub received_at: UtcMicros,
    /// The network server's clock.
    pub network_at: Option<UtcMicros>,
    pub f_port: Option<i32>,
    pub f_cnt: Option<i64>,
    /// Payload bytes; personal parts are cut out before.
    pub payload: Option<Vec<u8>>,
    pub data_rate: Option<i16>,
    pub spreading_factor: Option<i16>,
    /// Of the gateway that heard it best.
    pub rssi_dbm: Option<f32>,
    pub snr_db: Option<f32>,
    pub gateways: Vec<String>,
    pub decoder: Option<&'static str>,
    pub decoder_version: Option<i16>,
    pub qos: u8,
    /// The decoded payload: a JSON object, as text.
    pub decoded: Option<String>,
    /// `stored`, `heard` (carried no state), or `rejected:REASON`.
    pub outcome: String,
    /// Of a rejected one: the field, its value and what would be right.
    pub detail: Option<String>,
    /// Fields of a wrong type or value, without which it was taken.
    pub dropped_fields: Vec<String>,
    pub battery_v: Option<f32>,
    pub battery_pct: Option<f32>,
    pub temperature_c: Option<f32>,
}
