//! From statements about a place to its intervals over time, from which occupancy and stays are computed.
//!
//! A statement holds from its instant to the next one's, and at most as long as its source counts as
//! alive (`stale_after`). The rest is unobserved. So the intervals are a function of the *set* of statements:
//! any order with any duplicates gives the same [`BayInterval`]s. [`derive_intervals`] computes them from all
//! statements, [`BayIntervals`] updates them statement by statement, and [`derive_count_intervals`] does the same for counted sites.
//!
//! A [`Timeline`] says when a place could be observed at all and what it counts in, piece by piece of
//! time; [`Delta`] is the contribution of intervals to the sums of hours.

mod bay_intervals;
mod count_intervals;
mod diff;
mod hours;
#[cfg(test)]
mod tests;
mod timeline;

pub use bay_intervals::{Applied, BayInterval, BayIntervals, BayStatement, derive_intervals};
pub use count_intervals::{CountInterval, CountStatement, derive_count_intervals};
pub use diff::{Diff, diff};
pub use hours::{Delta, HOUR_US, HourSums, QUARTERS, SLICE_US, SLICES};
pub use timeline::{Conditions, Hold, Piece, Span, Timeline, hull, pieces};
