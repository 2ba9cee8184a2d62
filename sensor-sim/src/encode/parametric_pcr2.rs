//! Parametric PCR2, a radar that counts who passes: the payload of its fourth version (`vendor/parametric/pcr2-codec.yaml` of
//! TheThingsNetwork/lorawan-devices). All numbers are big-endian.

use super::Frame;

/// Its decoder's name in `sensors.csv`.
pub(crate) const DECODER: &str = "parametric-pcr2";

/// The maker's name for it, as a device profile.
pub(crate) const PROFILE: &str = "Parametric PCR2";

/// The longest silence that it is configured for, seconds.
pub(crate) const HEARTBEAT_S: u32 = 900;

/// What it has counted: from left to right, and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    /// Since its last message.
    pub(crate) since_last: [u16; 2],
    /// Since it was switched on; after 65,535 comes 0.
    pub(crate) total: [u16; 2],
    pub(crate) battery_mv: u16,
    pub(crate) temperature_c: f64,
}

/// The message that it sends.
pub(crate) fn encode(counts: &Counts) -> Frame {
    const SOLAR_MW: u16 = 3_300;
    let mut payload = vec![0xbe, 0x01, 0x04];
    let [right, left] = counts.since_last;
    let [total_right, total_left] = counts.total;
    for number in [right, left, total_right, total_left, counts.battery_mv, SOLAR_MW] {
        payload.extend(number.to_be_bytes());
    }
    payload.extend(((counts.temperature_c * 10.0).round() as i16).to_be_bytes());
    Frame { f_port: 14, payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_makers_example_is_encoded_to_its_bytes() {
        let counts = Counts { since_last: [1, 2], total: [3, 4], battery_mv: 7_200, temperature_c: 31.3 };
        let expected = [0xbe, 1, 4, 0, 1, 0, 2, 0, 3, 0, 4, 0x1c, 0x20, 0x0c, 0xe4, 1, 0x39];
        assert_eq!(encode(&counts), Frame { f_port: 14, payload: expected.to_vec() });
    }
}
