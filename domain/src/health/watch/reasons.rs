//! Which reasons are stored, and which should be.

use std::collections::BTreeSet;

use super::watched::{Open, Watched};
use super::{DeviceKey, Reason, Watch};
use crate::health::code::{Code, Finding};
use crate::ids::BayId;
use crate::time::UtcMicros;

/// A stored value is brought up to date this often at most, seconds, and only when it has moved by this share.
const VALUE_EVERY_S: i64 = 3_600;
const VALUE_MOVED: f32 = 0.25;

/// The same decimal number: 0.1 stays 0.1.
fn widened(n: f32) -> f64 {
    n.to_string().parse().unwrap_or(f64::from(n))
}

impl Watched {
    /// The bay of a reason: a sensor's is named where it hides the bay's state.
    fn bay_of(&self, key: DeviceKey, code: Code) -> Option<BayId> {
        if code.hides_state() { self.spot.bay() } else { key.bay }
    }

    fn reason(&self, key: DeviceKey, open: &Open, until: Option<UtcMicros>) -> Reason {
        let finding = &open.finding;
        Reason {
            municipality: self.spot.municipality,
            source: key.source,
            bay: open.bay,
            code: finding.code.as_str(),
            hides: finding.code.hides_state() && open.bay.is_some(),
            since: finding.since,
            until,
            value: Some(widened(finding.value)),
            limit: Some(widened(finding.limit)),
        }
    }

    /// What is to be stored, so that the stored reasons are those that it has.
    fn compare(&mut self, key: DeviceKey, now: UtcMicros, changed: &mut Vec<Reason>) {
        if !self.is_known {
            return;
        }
        let current: Vec<Open> = match self.spot.target {
            None => Vec::new(),
            Some(_) => (self.state.device.findings())
                .map(|finding| Open { finding, bay: self.bay_of(key, finding.code), stored_at: now })
                .collect(),
        };
        let identity = |open: &Open| (open.finding.code, open.finding.since, open.bay);
        let mut held = std::mem::take(&mut self.open);
        for new in &current {
            match held.iter_mut().find(|open| identity(open) == identity(new)) {
                Some(open) => {
                    let moved = (new.finding.value - open.finding.value).abs();
                    let is_due = now.age_s(open.stored_at) >= VALUE_EVERY_S;
                    if is_due && moved > VALUE_MOVED * open.finding.value.abs() {
                        *open = *new;
                        changed.push(self.reason(key, new, None));
                    }
                }
                None => {
                    held.push(*new);
                    changed.push(self.reason(key, new, None));
                }
            }
        }
        held.retain(|open| {
            let holds = current.iter().any(|new| identity(new) == identity(open));
            if !holds {
                changed.push(self.reason(key, open, Some(now)));
            }
            holds
        });
        self.open = held;
    }

    /// It is gone.
    pub(super) fn end_all(&mut self, key: DeviceKey, now: UtcMicros, changed: &mut Vec<Reason>) {
        let held = std::mem::take(&mut self.open);
        changed.extend(held.iter().map(|open| self.reason(key, open, Some(now))));
    }
}

impl Watch {
    /// Takes over a reason that is stored and has not ended; before it is asked for any.
    pub fn hold(&mut self, reason: &Reason, now: UtcMicros) {
        let bay = reason.bay.filter(|_| reason.source.0 < 0);
        let key = DeviceKey { source: reason.source, bay };
        let (Ok(code), Some(watched)) = (reason.code.parse::<Code>(), self.devices.get_mut(&key)) else {
            // Whoever had it is gone. What is wrong with a feed as a whole is not ours.
            if reason.source.0 > 0 || reason.bay.is_some() {
                self.ended.push(Reason { until: Some(now), ..reason.clone() });
            }
            return;
        };
        let number = |n: Option<f64>| n.unwrap_or_default() as f32;
        let (value, limit) = (number(reason.value), number(reason.limit));
        let finding = Finding { code, since: reason.since, value, limit };
        watched.open.push(Open { finding, bay: reason.bay, stored_at: now });
        self.ailing.insert(key);
    }

    /// The reasons that began, ended or moved since it was last asked: they are taken for stored from then on.
    pub fn reasons(&mut self, now: UtcMicros) -> Vec<Reason> {
        let mut changed = std::mem::take(&mut self.ended);
        // In an order of their own, so that two runs say the same.
        for key in BTreeSet::from_iter(self.ailing.iter().copied()) {
            let is_ailing = self.devices.get_mut(&key).is_some_and(|watched| {
                watched.compare(key, now, &mut changed);
                watched.is_ailing()
            });
            if !is_ailing {
                self.ailing.remove(&key);
            }
        }
        changed
    }
}
