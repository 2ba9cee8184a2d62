//! For planners: figures about parking, buses and trains, and who may see them.

pub mod analysis;
mod parameters;
pub mod period;
pub mod planning;
pub mod punctuality;
pub mod ridership;
mod transit;
