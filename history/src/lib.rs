//! Counts of years past, from CSV files as towns keep them.
//!
//! A [`Mapping`] (TOML) says what the columns mean; [`read()`] turns files, folders and archives
//! into one [`Series`] a site. What cannot be read comes back as problems beside what can.

mod mapping;
mod problem;
mod read;
mod source;
mod table;
mod time;

pub use mapping::{Code, Column, Mapping, Value};
pub use read::{History, Progress, Series, read};
