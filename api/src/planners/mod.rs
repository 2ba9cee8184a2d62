//! For planners: figures about buses and trains, and who may see them.

pub mod period;
pub mod planning;
pub mod punctuality;
pub mod ridership;
mod transit;
