//! From what was said of a place to what it was over time: the ground of occupancy and stays.
//!
//! A statement holds from its instant to the next one's, and at most as long as its source is
//! trusted to be alive (`stale_after`). What lies outside is unobserved. So what a bay was is a function of the *set* of statements,
//! and any order with any doubles gives the same [`Run`]s: [`derive_runs`] says which. [`Runs`] keeps them as statements
//! come one by one, and [`derive_counts`] does the same for counted sites.
//!
//! A [`Layout`] says when a place could be observed at all and what it counts in, piece by piece of
//! time; [`Delta`] is what runs within a layout add to hours.

mod counts;
mod hours;
mod layout;
mod runs;
#[cfg(test)]
mod tests;

pub use counts::{CountRun, Counted, derive_counts};
pub use hours::{Delta, HOUR_US, HourSums, QUARTERS, SLICE_US, SLICES};
pub use layout::{Facts, Hold, Layout, Piece, ScopeId, Span, hull, pieces};
pub use runs::{Applied, Run, Runs, Statement, decide, derive_runs};
