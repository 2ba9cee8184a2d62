//! Which decoders accept the payloads of LoRaWAN devices. None is chosen: several accept the same bytes, and only whoever
//! holds the device knows its make.

use std::collections::BTreeMap;

use domain::Decoder;
use serde::Serialize;

use crate::judge::accepting;

/// Devices of which is noted what accepts them; of more, only the sums are kept.
const MAX_DEVICES: usize = 2_000;

/// How many payloads a decoder accepts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accepted {
    /// Its name, as in `sensors.csv`.
    pub decoder: &'static str,
    /// Payloads that it accepts.
    pub accepted: u64,
    /// Payloads that were seen.
    pub of: u64,
    /// Devices all of whose payloads it accepts.
    pub devices: u64,
}

/// Payloads that no decoder accepts, which are shown.
const SHOWN_UNREAD: usize = 5;

/// A payload that no decoder accepts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unread {
    /// DevEUI.
    pub device: String,
    /// Its port.
    pub f_port: i32,
    /// Its bytes.
    pub hex: String,
}

#[derive(Default)]
struct Device {
    seen: u64,
    accepted: [u64; Decoder::ALL.len()],
}

/// See the module's description.
#[derive(Default)]
pub struct Decoders {
    seen: u64,
    accepted: [u64; Decoder::ALL.len()],
    unread: u64,
    unread_examples: Vec<Unread>,
    devices: BTreeMap<String, Device>,
}

impl Decoders {
    /// Notes which decoders accept a payload.
    /// `is_read_otherwise`: it needs none of them.
    pub fn note(&mut self, device: &str, port: i32, payload: &[u8], is_read_otherwise: bool) {
        self.seen += 1;
        let has_room = self.devices.len() < MAX_DEVICES || self.devices.contains_key(device);
        let mut unnoted = Device::default();
        let of_device =
            if has_room { self.devices.entry(device.to_owned()).or_default() } else { &mut unnoted };
        of_device.seen += 1;
        let mut is_read = is_read_otherwise;
        for decoder in accepting(port, payload) {
            let nth = Decoder::ALL.iter().position(|d| *d == decoder).unwrap_or(0);
            self.accepted[nth] += 1;
            of_device.accepted[nth] += 1;
            is_read = true;
        }
        if is_read {
            return;
        }
        self.unread += 1;
        if self.unread_examples.len() < SHOWN_UNREAD {
            let hex = payload.iter().map(|byte| format!("{byte:02x}")).collect();
            self.unread_examples.push(Unread { device: device.to_owned(), f_port: port, hex });
        }
    }

    /// Payloads that were seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Payloads that no decoder accepts.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Some of those that no decoder accepts.
    pub fn unread_examples(&self) -> &[Unread] {
        &self.unread_examples
    }

    /// Decoders that accept any payload, the most first.
    pub fn accepted(&self) -> Vec<Accepted> {
        let whole = |nth: usize| self.devices.values().filter(|d| d.accepted[nth] == d.seen).count() as u64;
        let mut all: Vec<Accepted> = Decoder::ALL
            .iter()
            .enumerate()
            .filter(|(nth, _)| self.accepted[*nth] > 0)
            .map(|(nth, decoder)| Accepted {
                decoder: decoder.as_str(),
                accepted: self.accepted[nth],
                of: self.seen,
                devices: whole(nth),
            })
            .collect();
        all.sort_by_key(|a| std::cmp::Reverse((a.accepted, a.devices)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_decoders_may_accept_the_same_bytes() {
        let mut decoders = Decoders::default();
        decoders.note("a", 1, &[1], false);
        decoders.note("a", 2, &[1, 20], false);
        decoders.note("b", 9, &[0x15, 0x66, 0], false);
        decoders.note("c", 99, &[1], false);
        decoders.note("d", 99, &[1], true);
        let all = decoders.accepted();
        assert_eq!((decoders.seen(), decoders.unread()), (5, 1));
        assert_eq!(
            (decoders.unread_examples()[0].f_port, decoders.unread_examples()[0].hex.as_str()),
            (99, "01")
        );
        let bosch = all.iter().find(|a| a.decoder == "bosch-tps110").unwrap();
        assert_eq!((bosch.accepted, bosch.of, bosch.devices), (2, 5, 1));
        assert!(all.iter().any(|a| a.decoder == "pni-placepod" && a.accepted == 1), "{all:?}");
    }
}
