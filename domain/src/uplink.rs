//! A LoRaWAN message as it is kept: allow-listed fields and nothing else, so that whatever was
//! ever received can be decoded again and nothing personal is stored.

use crate::ids::{FeedId, MunicipalityId};
use crate::time::UtcMicros;

/// See the module's description.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplink {
    /// Whose feed it is.
    pub municipality: MunicipalityId,
    /// The feed that it came from.
    pub feed: FeedId,
    /// DevEUI, 16 lower-case hex digits.
    pub device: String,
    /// The places it was read with: see [`crate::Registry::generation`].
    pub generation: i64,
    /// It is no sensor of the feed: of these only the newest messages are kept.
    pub is_stranger: bool,
    /// The network server's deduplication id, or one made of session key id, frame counter and the
    /// network's time of receipt: a device with fixed keys counts from one again.
    pub dedup_id: String,
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`, `integration`; `simulated`: an
    /// uplink that somebody made up in the server's console.
    pub event: &'static str,
    /// When it reached us.
    pub received_at: UtcMicros,
    /// The network server's clock.
    pub network_at: Option<UtcMicros>,
    /// LoRaWAN's FPort.
    pub f_port: Option<i32>,
    /// LoRaWAN's frame counter.
    pub f_cnt: Option<i64>,
    /// Payload bytes; personal parts are cut out before.
    pub payload: Option<Vec<u8>>,
    /// LoRaWAN's data rate, as the region numbers it.
    pub data_rate: Option<i16>,
    /// LoRaWAN's spreading factor, 7 to 12.
    pub spreading_factor: Option<i16>,
    /// Of the gateway that received it best.
    pub rssi_dbm: Option<f32>,
    /// Of the gateway that received it best.
    pub snr_db: Option<f32>,
    /// Those that received it.
    pub gateways: Vec<String>,
    /// What read the payload.
    pub decoder: Option<&'static str>,
    /// Its version: it grows when the same bytes are read otherwise.
    pub decoder_version: Option<i16>,
    /// QoS it was delivered with.
    pub qos: u8,
    /// The decoded payload: a JSON object, as text.
    pub decoded: Option<String>,
    /// `stored`, `heard` (carried no state), or `rejected:REASON`.
    pub outcome: String,
    /// Of a rejected one: the field, its value and what would be right.
    pub detail: Option<String>,
    /// Fields of a wrong type or value, without which it was accepted.
    pub dropped_fields: Vec<String>,
    /// Of the device's battery.
    pub battery_v: Option<f32>,
    /// Of the device's battery.
    pub battery_pct: Option<f32>,
    /// As the device measured it.
    pub temperature_c: Option<f32>,
}

impl Uplink {
    /// Outcome of a message that carried no state.
    pub const HEARD: &str = "heard";
}
