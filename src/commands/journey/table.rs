//! CSV files of queries: with commas or semicolons, columns by name.

use std::path::Path;

use anyhow::{Context, Result};

/// Reads `path` and lets `parse` read its text; errors name the file.
///
/// # Errors
/// The file cannot be read or parsed.
pub fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let text = places::read_regular(path).with_context(|| format!("{}", path.display()))?;
    parse(&text).with_context(|| format!("{}", path.display()))
}

/// Rows under the names of their columns, in lower case.
pub struct Table<'t> {
    pub columns: Vec<String>,
    reader: csv::Reader<&'t [u8]>,
}

/// A row with its line in the file.
pub struct Row {
    pub line: u64,
    record: csv::StringRecord,
}

impl<'t> Table<'t> {
    /// # Errors
    /// The first line is not CSV.
    pub fn new(text: &'t str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let head = text.lines().next().unwrap_or_default();
        let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let columns = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        Ok(Table { columns, reader })
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// All rows, in order.
    pub fn rows(&mut self) -> impl Iterator<Item = Result<Row>> + '_ {
        self.reader.records().enumerate().map(|(number, record)| {
            let record = record?;
            let line = record.position().map_or(number as u64 + 2, csv::Position::line);
            Ok(Row { line, record })
        })
    }
}

impl Row {
    /// The value in a column; empty in a short row.
    pub fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }
}
