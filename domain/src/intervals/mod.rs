//! From what was said of a place to what it was over time: the ground of occupancy and stays.
//!
//! A statement holds from its instant to the next one's, and at most as long as its source is
//! trusted to be alive (`stale_after`). What lies outside is unobserved. So what a bay was is a function of the *set* of statements,
//! and any order with any doubles gives the same [`BayInterval`]s: [`derive_intervals`] says which. [`BayIntervals`] keeps them as statements
//! come one by one, and [`derive_count_intervals`] does the same for counted sites.
//!
//! A [`Timeline`] says when a place could be observed at all and what it counts in, piece by piece of
//! time; [`Delta`] is what intervals within a timeline add to hours.

mod bay_intervals;
mod count_intervals;
mod hours;
#[cfg(test)]
mod tests;
mod timeline;

pub use bay_intervals::{Applied, BayInterval, BayIntervals, BayStatement, decide, derive_intervals};
pub use count_intervals::{CountInterval, CountStatement, derive_count_intervals};
pub use hours::{Delta, HOUR_US, HourSums, QUARTERS, SLICE_US, SLICES};
pub use timeline::{Conditions, Hold, Piece, ScopeId, Span, Timeline, hull, pieces};
