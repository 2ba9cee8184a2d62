//! How much of single messages of a batch was new: the answer to who posted one has it, the others cost nothing.

use std::collections::HashSet;

use domain::Uplink;

use super::{Batch, Keyed, Lens};

/// A message's rows in a batch: of each kind from the first number to before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where they begin.
    pub from: Lens,
    /// Where they end.
    pub to: Lens,
}

/// New rows of a batch, each by where it is in memory.
#[derive(Default)]
pub(super) struct NewRows(HashSet<usize>);

fn place_of<T>(row: &T) -> usize {
    std::ptr::from_ref(row).addr()
}

impl NewRows {
    pub(super) fn note<T>(&mut self, rows: &[&T]) {
        self.0.extend(rows.iter().map(|row| place_of(*row)));
    }

    /// How many rows of `part` are new: observations, and messages of devices that were heard alone.
    pub(super) fn of(&self, batch: &Batch, part: &Part) -> usize {
        let Part { from, to } = part;
        let heard = |u: &&Uplink| u.outcome == Uplink::HEARD && self.0.contains(&place_of(*u));
        self.keyed(&batch.bays[from[0]..to[0]])
            + self.keyed(&batch.sites[from[1]..to[1]])
            + self.keyed(&batch.vehicles[from[2]..to[2]])
            + self.keyed(&batch.passengers[from[3]..to[3]])
            + batch.trips[from[4]..to[4]].iter().filter(|trip| self.0.contains(&place_of(*trip))).count()
            + batch.uplinks[from[5]..to[5]].iter().filter(heard).count()
            + (batch.alerts[from[7]..to[7]].iter())
                .filter(|alerts| self.0.contains(&place_of(*alerts)))
                .map(|alerts| alerts.report.set.alerts.len())
                .sum::<usize>()
    }

    fn keyed<T>(&self, rows: &[Keyed<T>]) -> usize {
        rows.iter().filter(|row| self.0.contains(&place_of(&row.observation))).count()
    }
}
