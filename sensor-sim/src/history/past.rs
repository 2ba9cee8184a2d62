//! The statements of all bays, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::town;
use crate::clock::{US_PER_S, ZoneClock};
use crate::world::Cause;
use crate::world::bays::BayProcess;

/// One statement of one bay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BayStatement {
    /// Counts from 0.
    pub(super) bay: u32,
    /// Whole seconds since the beginning.
    pub(super) at_s: i64,
    pub(super) occupied: bool,
    pub(super) cause: Cause,
}

/// The statements of all bays, from the beginning on: each bay reports its state, then every change, and a heartbeat when
/// it has been silent for too long.
#[derive(Debug)]
pub(super) struct Past {
    bays: Vec<Bay>,
    /// The next statement of each bay.
    agenda: BinaryHeap<Reverse<(i64, u32)>>,
    clock: ZoneClock,
    until_s: i64,
}

#[derive(Debug)]
struct Bay {
    process: BayProcess,
    next_change_us: i64,
    has_reported: bool,
}

impl Past {
    /// Bays `0..bays` until `until_s`, with the hours of `clock`.
    pub(super) fn new(seed: u64, bays: u32, clock: ZoneClock, until_s: i64) -> Self {
        let start = |bay: u32| {
            let (process, next_change_us) =
                BayProcess::start(seed, bay as usize, town::usage_of(bay), &clock);
            Bay { process, next_change_us, has_reported: false }
        };
        let lives = (0..bays).map(start).collect();
        Past { bays: lives, agenda: (0..bays).map(|bay| Reverse((0, bay))).collect(), clock, until_s }
    }
}

impl Iterator for Past {
    type Item = BayStatement;

    fn next(&mut self) -> Option<BayStatement> {
        let Reverse((at_s, number)) = self.agenda.pop()?;
        if at_s >= self.until_s {
            // The others come later still.
            return None;
        }
        let bay = &mut self.bays[number as usize];
        let cause = if !bay.has_reported {
            bay.has_reported = true;
            Cause::Start
        } else if seconds(bay.next_change_us) == at_s {
            bay.next_change_us = bay.process.change(bay.next_change_us, &self.clock);
            Cause::Change
        } else {
            Cause::Heartbeat
        };
        let next_s = seconds(bay.next_change_us).min(at_s + town::HEARTBEAT_S);
        self.agenda.push(Reverse((next_s, number)));
        Some(BayStatement { bay: number, at_s, occupied: bay.process.occupied, cause })
    }
}

/// Devices report whole seconds. No two changes of a bay fall into one: stays and gaps are longer.
fn seconds(us: i64) -> i64 {
    us.div_euclid(US_PER_S)
}
