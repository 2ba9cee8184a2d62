//! Places, sensors and feeds: loaded into a registry, imported from files, read back for export.

mod import;
mod read;

pub use import::{Import, Missing, Report, Tally};
pub use read::{catalogue, registry};
