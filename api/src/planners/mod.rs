//! For planners: figures of the past.

pub mod period;
pub mod planning;
pub mod punctuality;
pub mod ridership;
mod transit;
