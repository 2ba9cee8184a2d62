//! Gates of a site whose bays are watched as well: who parks there drove in before, who leaves drives out afterwards.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Due, Event, Passage, World};
use crate::clock::us;
use crate::random::{lognormal, stream};

/// From the gate to the bay: median, seconds, and the deviation of its logarithm (an assumption; so are the others).
const DRIVE_S: (f64, f64) = (55.0, 0.5);
/// Share of those who drive through and find nothing that suits them, and how long it takes them, seconds.
const DRIVE_THROUGH: f64 = 0.05;
const DRIVE_THROUGH_S: (f64, f64) = (60.0, 300.0);

/// The count of such a site and its own randomness.
#[derive(Debug)]
pub(super) struct Gates {
    rng: ChaCha8Rng,
    pub(super) occupied: u32,
}

impl Gates {
    fn drive_s(&mut self) -> f64 {
        lognormal(&mut self.rng, DRIVE_S.0, DRIVE_S.1)
    }
}

impl World {
    /// The sites that have bays and gates, empty.
    pub(super) fn start_gates(&mut self, seed: u64) {
        self.gates.extend(self.county.sites.iter().map(|_| None));
        for site in self.county.bays.iter().filter_map(|bay| bay.site) {
            if self.county.sites[site].counted.is_some() {
                let rng = || stream(seed, "gates", site as u64);
                self.gates[site].get_or_insert_with(|| Gates { rng: rng(), occupied: 0 });
            }
        }
    }

    /// How a bay stands at the start, and when it will first change.
    pub(super) fn start_behind_gates(&mut self, bay: usize, change_at: i64) {
        if !self.bays[bay].occupied {
            return self.plan_entry(0, bay, change_at);
        }
        if let Some((_, gates)) = self.gates_of(bay) {
            gates.occupied += 1;
        }
    }

    /// A bay will change at `change_at`: who arrives passes the gate before.
    pub(super) fn plan_entry(&mut self, now: i64, bay: usize, change_at: i64) {
        if let Some((site, gates)) = self.gates_of(bay)
            && let drive_s = gates.drive_s()
        {
            self.plan((change_at - us(drive_s)).max(now), Due::Passage(site, Passage::In));
        }
    }

    /// A bay has become vacant: who left passes the gate after.
    pub(super) fn plan_exit(&mut self, now: i64, bay: usize) {
        if let Some((site, gates)) = self.gates_of(bay)
            && let drive_s = gates.drive_s()
        {
            self.plan(now + us(drive_s), Due::Passage(site, Passage::Out));
        }
    }

    fn gates_of(&mut self, bay: usize) -> Option<(usize, &mut Gates)> {
        let site = self.county.bays[bay].site?;
        Some((site, self.gates[site].as_mut()?))
    }

    pub(super) fn pass(&mut self, at: i64, site: usize, passage: Passage) {
        let Some(gates) = &mut self.gates[site] else { return };
        let gate = gates.rng.random_range(1..=2);
        let leaves_after_s = (passage == Passage::In && gates.rng.random_bool(DRIVE_THROUGH))
            .then(|| gates.rng.random_range(DRIVE_THROUGH_S.0..DRIVE_THROUGH_S.1));
        match passage {
            Passage::In => gates.occupied += 1,
            Passage::Out => gates.occupied = gates.occupied.saturating_sub(1),
        }
        let occupied = gates.occupied;
        self.emit(at, Event::Gate { site, gate, passage, occupied, open: true });
        if let Some(after_s) = leaves_after_s {
            // Another one, who will not park.
            self.plan(at, Due::DriveThrough(site));
            self.plan(at + us(after_s), Due::Passage(site, Passage::Out));
        }
    }

    /// One who will not park drives in.
    pub(super) fn drive_through(&mut self, at: i64, site: usize) {
        let Some(gates) = &mut self.gates[site] else { return };
        gates.occupied += 1;
        let event = Event::Gate { site, gate: 1, passage: Passage::In, occupied: gates.occupied, open: true };
        self.emit(at, event);
    }
}
