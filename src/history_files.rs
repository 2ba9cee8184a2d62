//! Files of counts of past years, as several commands read them.

use std::path::Path;

use anyhow::{Context, Result};
use places::history::{History, Mapping};

/// Problems shown; the rest are counted.
const SHOWN_PROBLEMS: usize = 10;

/// Reads the mapping of the columns.
///
/// # Errors
/// The file cannot be read, or is no mapping.
pub fn mapping(file: &Path) -> Result<Mapping> {
    let text =
        places::read_regular(file).with_context(|| format!("--mapping {} cannot be read", file.display()))?;
    Ok(Mapping::parse(file, &text)?)
}

/// Prints on standard error what could not be read.
pub fn print_problems<S>(history: &History<S>) {
    for problem in history.problems.iter().take(SHOWN_PROBLEMS) {
        errln!("{problem}");
    }
    let count = history.problems.count();
    if count > SHOWN_PROBLEMS as u64 {
        errln!("... and {} problems more", count - SHOWN_PROBLEMS as u64);
    }
    if !history.unmapped.is_empty() {
        let names: Vec<&str> = history.unmapped.iter().map(String::as_str).collect();
        errln!("note: columns that the mapping does not name: {}", names.join(", "));
    }
}
