//! The faults of one message: all are counted, some are described.
//!
//! A message of a mebibyte may hold half a million elements at fault. What is kept of them must not grow with
//! their number, so it is bounded while the message is decoded, not afterwards.

use std::collections::{BTreeMap, BTreeSet};

use domain::Reason;
use domain::rejection::{MAX_DEVICES, MAX_EXAMPLES};

use super::Fault;

/// Ids have 128 bytes at most (`check_id`).
const MAX_DEVICE_BYTES: usize = 128;

/// See the module's description.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Faults {
    /// The first of each reason, and others up to [`MAX_EXAMPLES`], in their order.
    described: Vec<Fault>,
    counts: BTreeMap<Reason, u64>,
    /// The devices they are about, at most [`MAX_DEVICES`].
    devices: BTreeSet<String>,
    has_whole: bool,
}

impl Faults {
    /// Counts `fault`, and keeps it while there is room.
    pub fn push(&mut self, mut fault: Fault) {
        fault.device = fault.device.map(short);
        let n = self.counts.entry(fault.reason).or_default();
        *n += 1;
        let is_first = *n == 1;
        self.has_whole |= !fault.is_element;
        self.note_device(fault.device.as_deref());
        if is_first || self.described.len() < MAX_EXAMPLES {
            self.described.push(fault);
        }
    }

    fn note_device(&mut self, device: Option<&str>) {
        if let Some(device) = device
            && self.devices.len() < MAX_DEVICES
            && !self.devices.contains(device)
        {
            self.devices.insert(device.to_owned());
        }
    }

    /// Names the device that the first fault is about, where it does not say so itself.
    pub fn first_is_about(&mut self, device: impl FnOnce(&Fault) -> Option<String>) {
        let Some(first) = self.described.first_mut().filter(|first| first.device.is_none()) else { return };
        first.device = device(first).map(short);
        let device = first.device.clone();
        self.note_device(device.as_deref());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many there were, also of those that are not described.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many there were of each reason.
    pub fn counts(&self) -> &BTreeMap<Reason, u64> {
        &self.counts
    }

    /// Some of them, in their order; of each reason the first is among them.
    pub fn described(&self) -> &[Fault] {
        &self.described
    }

    /// The devices they are about.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(String::as_str)
    }

    /// Whether each is about one element of a message of many.
    pub fn are_all_elements(&self) -> bool {
        !self.has_whole
    }
}

/// A device name as it is stored: a sender's may be as long as the message.
fn short(mut device: String) -> String {
    device.truncate(device.floor_char_boundary(MAX_DEVICE_BYTES));
    device
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        let mut faults = Faults::default();
        faults.push(fault);
        faults
    }
}

#[cfg(test)]
mod tests {
    use domain::mistake::{Mistake, Spot};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    proptest! {
        #[test]
        fn all_are_counted_and_a_bounded_part_is_kept(
            reasons in vec((select(Reason::ALL), 0..3_000_u16, any::<bool>()), 1..3_000),
        ) {
            let mut faults = Faults::default();
            for (reason, device, is_element) in &reasons {
                let fault = Fault::new(*reason, Spot::Message, Mistake::Empty).about(device.to_string());
                faults.push(Fault { is_element: *is_element, ..fault });
            }
            prop_assert_eq!(faults.count(), reasons.len() as u64);
            for reason in Reason::ALL {
                let n = reasons.iter().filter(|(r, ..)| r == reason).count() as u64;
                prop_assert_eq!(faults.counts().get(reason).copied().unwrap_or(0), n);
                prop_assert_eq!(faults.described().iter().any(|f| f.reason == *reason), n > 0);
            }
            prop_assert_eq!(faults.described()[0].reason, reasons[0].0);
            prop_assert!(faults.described().len() <= MAX_EXAMPLES + Reason::ALL.len());
            let content: BTreeSet<u16> = reasons.iter().map(|(_, device, _)| *device).collect();
            prop_assert_eq!(faults.devices().count(), content.len().min(MAX_DEVICES));
            prop_assert_eq!(faults.are_all_elements(), reasons.iter().all(|(.., is_element)| *is_element));
        }
    }
}
