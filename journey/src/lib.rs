//! Journeys from A to B: streets, timetable, search.
//!
//! Pure compute over data that does not change while it is searched: no clock, no network, no
//! database. Reading the source files is done once, at building.

pub mod area;
mod bits;
mod interner;
pub mod overlay;
pub mod plan;
pub mod raptor;
mod regular;
mod rows;
pub mod streets;
pub mod timetable;
