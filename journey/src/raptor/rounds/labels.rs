//! Labels of a search.

use crate::bits;
use crate::raptor::layers::LayerIx;
use crate::timetable::StopIx;

/// How a stop was reached by vehicle.
#[derive(Debug, Clone, Copy, Default)]
pub struct RideLabel {
    /// Trip in its network.
    pub trip: u32,
    /// Where it was entered, in the direction of the search, or [`SEATED`].
    pub entered: u16,
    pub layer: LayerIx,
}

/// Entered by staying seated; no position.
pub const SEATED: u16 = u16::MAX;

impl RideLabel {
    /// The position from which one is in the vehicle: the first one after staying seated.
    pub fn entered_at(self) -> usize {
        if self.entered == SEATED { 0 } else { usize::from(self.entered) }
    }
}

/// What one round found. Only what the bit sets name is valid: nothing is cleared for a query.
#[derive(Debug, Default)]
pub struct Round {
    /// Stops that one may now board at earlier than before.
    pub marked: Vec<u64>,
    pub ready: Vec<i32>,
    /// Where the way to a marked stop began: the stop itself, or that of a footpath; [`NONE`](crate::timetable::NONE)
    /// where the journey begins here.
    pub came_from: Vec<StopIx>,
    /// Stops reached by vehicle earlier than before.
    pub reached: Vec<u64>,
    pub ride: Vec<RideLabel>,
}

/// The journeys' ends: the time from each stop to the end, and over which stop.
#[derive(Debug, Default)]
pub struct Ends {
    pub seconds: Vec<i32>,
    pub over: Vec<StopIx>,
}

impl Round {
    /// Sets that one may board at `stop` from `ready` on, if that is earlier than `best`.
    #[inline]
    pub fn mark(&mut self, best: &mut [i32], stop: StopIx, ready: i32, came_from: StopIx) {
        let at = stop as usize;
        if ready < best[at] {
            best[at] = ready;
            self.ready[at] = ready;
            self.came_from[at] = came_from;
            bits::set(&mut self.marked, at);
        }
    }
}

impl Ends {
    /// Sets the egress from `stop`, if it is the shortest.
    pub fn offer(&mut self, stop: StopIx, over: StopIx, seconds: i32) {
        let at = stop as usize;
        if seconds < self.seconds[at] {
            self.seconds[at] = seconds;
            self.over[at] = over;
        }
    }
}
