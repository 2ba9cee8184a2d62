//! What became of one message, for whoever waits for the answer: counted while it is decoded, and while its rows are stored.

use domain::posted::{RejectedPart, Taken};
use domain::{Lang, Reason, Rejection, Uplink};
use parking_lot::Mutex;
use store::writer::{Batch, Lens};

use crate::message::Received;

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Observations, and messages of devices that carry none, that were believed.
    accepted: usize,
    /// Of these, those that the database refused for good.
    refused: usize,
    taken: Taken,
}

impl Tally {
    /// Notes what decoding added to `batch`, of which `before` was there before.
    pub fn decoded(&self, batch: &Batch, before: Lens, received: &Received) {
        let mut counts = self.0.lock();
        let heard = batch.uplinks[before[5]..].iter().filter(|u| u.outcome == Uplink::HEARD).count();
        let rows = batch.lens();
        let observations: usize = (0..5).map(|kind| rows[kind] - before[kind]).sum();
        let alerts: usize = batch.alerts[before[7]..].iter().map(|o| o.report.set.alerts.len()).sum();
        counts.accepted =
            observations + heard + alerts + received.unchanged_trips + received.unchanged_alerts;
        for rejection in &batch.rejections[before[6]..] {
            reject(&mut counts.taken, rejection);
        }
        counts.taken.dropped_fields = received.dropped.iter().map(|d| d.field.clone()).collect();
        counts.taken.ignored_fields = received.ignored_fields.iter().map(|&name| name.to_owned()).collect();
    }

    /// So many of its rows were new.
    pub fn stored(&self, new: usize) {
        self.0.lock().taken.stored += new;
    }

    /// The database refuses so many of its rows for good.
    pub fn refused(&self, rows: usize) {
        self.0.lock().refused += rows;
    }

    /// It went to quarantine after all.
    pub fn rejected(&self, rejection: &Rejection) {
        reject(&mut self.0.lock().taken, rejection);
    }

    /// What became of it, once all is stored.
    pub fn result(&self) -> Taken {
        let counts = self.0.lock();
        let duplicates = counts.accepted.saturating_sub(counts.taken.stored + counts.refused);
        Taken { duplicates, ..counts.taken.clone() }
    }
}

fn reject(taken: &mut Taken, r: &Rejection) {
    taken.rejected_elements += r.count as usize;
    let remedy = |reason: Reason| match &r.remedy {
        Some(remedy) if reason == r.reason => remedy.clone(),
        _ => reason.remedy(Lang::En).to_owned(),
    };
    if r.examples.is_empty() {
        let device = <[String; 1]>::try_from(r.devices.clone()).ok().map(|[device]| device);
        let (reason, detail) = (r.reason, r.detail.clone());
        taken.rejected.push(RejectedPart { reason, device, detail, remedy: remedy(reason) });
    }
    taken.rejected.extend(r.examples.iter().map(|e| RejectedPart {
        reason: e.reason,
        device: e.device.clone(),
        detail: e.detail.clone(),
        remedy: remedy(e.reason),
    }));
}
