//! Counts of past years, from municipalities' CSV files.
//!
//! A [`Mapping`] (TOML) describes the columns; [`read_counts`] turns files, folders and archives into one series per site.
//! Unreadable values are returned as problems beside it.

mod mapping;
mod problem;
mod read;
mod source;
mod table;
mod time;

pub use mapping::{Code, Column, Mapping, Town, Value};
pub use read::{Counts, History, Progress, Row, Series, read, read_counts};
pub use table::Count;
