//! Journeys from A to B: streets, timetable, search.
//!
//! Pure compute over data that does not change while it is searched: no clock, no network, no
//! database. Reading the source files is done once, at building.

#![warn(missing_docs)]

pub mod alerts;
pub mod area;
pub mod areas;
mod bits;
pub mod booking;
mod files;
mod names;
pub mod overlay;
pub mod plan;
pub mod prices;
pub mod raptor;
pub mod rental;
mod rows;
pub mod streets;
mod strings;
pub mod timetable;
