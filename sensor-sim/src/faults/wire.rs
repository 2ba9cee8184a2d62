//! Transmission from a device to the broker: messages are lost, duplicated, delayed.

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Faults;
use super::faulty_world::DeviceReport;
use crate::clock::later;
use crate::message::Message;
use crate::random::stream;

/// An overtaken message is held back so long, seconds.
const OVERTAKEN_S: (f64, f64) = (1.0, 5.0);
/// The second copy comes within so many seconds.
const COPY_WITHIN_S: f64 = 2.0;

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) message: Message,
    /// When it goes out; `None` = it is lost.
    pub(crate) at: Option<Timestamp>,
    pub(crate) faults: Vec<&'static str>,
}

/// The fate of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fate {
    pub(crate) faults: Vec<&'static str>,
    /// How long it is held back; `None` = it is lost.
    pub(crate) wait_s: Option<f64>,
    /// When a copy follows it.
    pub(crate) copy_after_s: Option<f64>,
}

/// Decides the fate of each message.
#[derive(Debug)]
pub(crate) struct Wire {
    rng: ChaCha8Rng,
    faults: Faults,
}

impl Wire {
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        Self { rng: stream(seed, "wire", 0), faults }
    }

    /// A device's message as it arrives, if a gateway receives it.
    pub(crate) fn send_report(&mut self, message: Message, report: &DeviceReport) -> Vec<Sending> {
        let faults = report.faults.clone();
        if report.is_heard { self.send(message, faults) } else { vec![Sending { message, at: None, faults }] }
    }

    /// The message as it arrives: not at all, once or twice, now or later. `faults` are those it
    /// already carries.
    pub(crate) fn send(&mut self, message: Message, mut faults: Vec<&'static str>) -> Vec<Sending> {
        let fate = self.fate();
        faults.extend(fate.faults);
        let Some(wait_s) = fate.wait_s else { return vec![Sending { message, at: None, faults }] };
        let at = later(message.intended_utc, seconds(wait_s));
        let mut sendings = vec![Sending { message, at: Some(at), faults }];
        if let Some(after_s) = fate.copy_after_s {
            let mut copy = sendings[0].clone();
            copy.at = Some(later(at, seconds(after_s)));
            copy.faults.push("double");
            sendings.push(copy);
        }
        sendings
    }

    /// The fate of the next message.
    pub(crate) fn fate(&mut self) -> Fate {
        let mut fate = Fate { faults: Vec::new(), wait_s: None, copy_after_s: None };
        if self.happens(self.faults.loss) {
            fate.faults.push("loss");
            return fate;
        }
        let mut wait_s = 0.0;
        if self.faults.delay_s > 0.0 {
            wait_s += self.rng.random_range(0.0..self.faults.delay_s);
            fate.faults.push("delay");
        }
        if self.happens(self.faults.reorder) {
            wait_s += self.rng.random_range(OVERTAKEN_S.0..OVERTAKEN_S.1);
            fate.faults.push("reorder");
        }
        fate.wait_s = Some(wait_s);
        if self.happens(self.faults.double) {
            fate.copy_after_s = Some(self.rng.random_range(0.0..COPY_WITHIN_S));
        }
        fate
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
    }
}

fn seconds(s: f64) -> SignedDuration {
    SignedDuration::from_micros((s * 1e6) as i64)
}
