//! A LoRaWAN message as it is kept: allow-listed fields and nothing else, so that whatever was
//! ever received can be decoded again and nothing personal is stored.

use crate::bay_state::BayState;
use crate::health::{Event, Message};
use crate::ids::{FeedId, MunicipalityId};
use crate::time::UtcMicros;

/// A message at one of the gateways that received it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reception {
    /// Id of the gateway.
    pub gateway: String,
    /// Received signal strength.
    pub rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio.
    pub snr_db: Option<f32>,
}

impl Reception {
    /// At a gateway that does not say how well.
    pub fn at(gateway: impl Into<String>) -> Self {
        Reception { gateway: gateway.into(), ..Reception::default() }
    }
}

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
    /// Where it was received, the loudest first.
    pub gateways: Vec<Reception>,
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
    /// What the device itself says of its battery.
    pub battery_low: Option<bool>,
    /// As the device measured it.
    pub temperature_c: Option<f32>,
    /// What it states of a bay.
    pub state: Option<BayState>,
}

impl Uplink {
    /// Outcome of a message that carried no state.
    pub const HEARD: &str = "heard";

    /// Before the reason in the outcome of a rejected message.
    pub const REJECTED: &str = "rejected:";

    /// What the health of its device is judged by; `None`: the network or somebody at its console speaks, not the device.
    pub fn message(&self) -> Option<Message> {
        let event = Event::of(self.event)?;
        Some(Message {
            received_at: self.received_at,
            observed_at: self.network_at,
            event,
            f_cnt: self.f_cnt.and_then(|n| u32::try_from(n).ok()),
            spreading_factor: self.spreading_factor.and_then(|sf| u8::try_from(sf).ok()),
            snr_db: self.snr_db,
            battery_v: self.battery_v,
            battery_pct: self.battery_pct,
            battery_low: self.battery_low,
            temperature_c: self.temperature_c,
            state: self.state,
            rejected: self.outcome.strip_prefix(Self::REJECTED).and_then(|reason| reason.parse().ok()),
        })
    }
}
