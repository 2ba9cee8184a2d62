//! Counts of years past, from CSV files as towns keep them.
//!
//! A [`Mapping`] (TOML) says what the columns mean; [`read_counts`] turns files, folders and archives
//! into one series a site. What cannot be read comes back as problems beside what can.

mod mapping;
mod problem;
mod read;
mod source;
mod table;
mod time;

pub use mapping::{Code, Column, Mapping, Town, Value};
pub use read::{Counts, History, Progress, Row, Series, read, read_counts};
pub use table::Count;
