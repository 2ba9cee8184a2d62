//! An uplink as any LoRaWAN network server has it.

use jiff::Timestamp;
use rand::Rng;

use crate::random::normal;

/// One gateway's reception of a frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reception {
    /// EUI-64, 16 lower-case hex digits.
    pub(crate) gateway_id: String,
    pub(crate) rssi_dbm: i32,
    /// To a tenth.
    pub(crate) snr_db: f64,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

/// One uplink as the network server has it.
#[derive(Debug, Clone)]
pub(crate) struct Uplink<'a> {
    pub(crate) dev_eui: &'a str,
    pub(crate) dev_addr: u32,
    pub(crate) profile: &'a str,
    /// Application UUID (ChirpStack) or `application@tenant` (The Things Stack).
    pub(crate) application: &'a str,
    /// When the network server received it, by its clock.
    pub(crate) at: Timestamp,
    pub(crate) f_port: u8,
    pub(crate) f_cnt: u32,
    pub(crate) payload: &'a [u8],
    /// 7..=12.
    pub(crate) spreading_factor: u8,
    pub(crate) frequency_hz: u32,
    pub(crate) receptions: &'a [Reception],
    /// ChirpStack's deduplication id, a UUID.
    pub(crate) deduplication_id: &'a str,
    /// Counts the sessions of the device: a join begins a new one.
    pub(crate) session: u32,
}

/// The EU868 channels every network has.
pub(crate) const CHANNELS_HZ: [u32; 8] =
    [868_100_000, 868_300_000, 868_500_000, 867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000];

/// How well a gateway `distance_m` away hears a sensor in the ground: log-distance path loss with
/// exponent 3.2 and 8 dB of shadowing (an assumption in the range of published LoRa measurements in
/// towns), and `weaker_db` less from a device that is failing. Returns RSSI and SNR.
pub(crate) fn reception(rng: &mut impl Rng, distance_m: f64, weaker_db: f64) -> (i32, f64) {
    let rssi_dbm = -62.0 - 32.0 * (distance_m.max(30.0) / 100.0).log10() + 4.0 * normal(rng);
    let snr_db = ((rssi_dbm + 125.0) / 4.0 + normal(rng) - weaker_db).clamp(-20.0, 13.0);
    let rssi_dbm = rssi_dbm - weaker_db;
    (rssi_dbm.clamp(-137.0, -30.0) as i32, (snr_db * 10.0).round() / 10.0)
}

/// The spreading factor adaptive data rate settles on for the best SNR.
pub(crate) fn spreading_factor(best_snr_db: f64) -> u8 {
    match best_snr_db {
        s if s > 5.0 => 7,
        s if s > 1.0 => 8,
        s if s > -3.0 => 9,
        s if s > -8.0 => 10,
        s if s > -13.0 => 11,
        _ => 12,
    }
}
