//! Will there be a vehicle at a station of shared vehicles, or a dock, when somebody arrives?
//!
//! By what the station says now ([`crate::rental`]), and by what was learned of it ([`StationModel`]) with the forecast of parking sites
//! ([`crate::forecast`]).

mod chance;
mod model;
#[cfg(test)]
mod simulated;

pub use chance::{Chances, chances};
pub use model::{Offered, StationCount, StationModel};
