//! Places as files: reads, checks and writes the municipalities, sites, bays, sensors, vehicles,
//! brokers, feeds, closures, calendars, notices, lines on request, areas on demand and taxis of a county. Knows nothing of a database.
//!
//! An import is [`read`], then [`settle`], then [`validate`]; an export is [`write()`]. Whatever is
//! wrong with the files comes back as [`FileProblem`]s, all at once.
//!
//! Counts of past years have a module of their own: [`history`].

#![warn(missing_docs)]

mod address;
mod age;
mod booking;
mod broker;
mod cell;
mod characters;
mod csv_file;
mod days;
mod fare;
mod feed;
mod geojson_file;
mod geometry;
pub mod history;
mod kind;
mod nearest;
mod notice;
mod on_demand;
mod on_demand_area;
mod problem;
mod problems;
mod read;
mod record;
mod regular;
mod rows;
mod schema;
mod settle;
mod shown;
mod sites_and_bays;
mod text_file;
mod toml_file;
mod validate;
mod write;

pub use days::{ClosureRow, Moment};
pub use kind::FileKind;
pub use problem::{FileProblem, Located, Location};
pub use problems::{FileProblems, MAX_LISTED};
pub use read::{PlaceFiles, read};
pub use regular::{open_regular, read_regular};
pub use settle::settle;
pub use shown::{shown, shown_lines};
pub use validate::{remarks, validate};
pub use write::write;
