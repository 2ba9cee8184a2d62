//! CSV (RFC 4180): a line of names, then a line for each row.

use ::csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value};

use super::{Cell, Column, Encoder, Unwritable};

/// Adds the cells of a row.
type Cells<R> = Box<dyn Fn(&R, &mut Vec<String>) + Send>;

/// Writes CSV of some dialect.
pub struct Csv<R: 'static> {
    /// What the file begins with.
    pub begin: &'static str,
    pub delimiter: u8,
    /// Names of the columns; empty once they are written.
    pub header: Vec<String>,
    /// The cells of a row.
    pub cells: Cells<R>,
}

impl<R> Csv<R> {
    /// Commas, decimal points, RFC 3339.
    pub fn plain(columns: Vec<Column<R>>) -> Self {
        let header = columns.iter().map(Column::flat_name).collect();
        let cells = move |row: &R, out: &mut Vec<String>| {
            out.extend(columns.iter().map(|c| c.cell(row).map(text).unwrap_or_default()));
        };
        Csv { begin: "", delimiter: b',', header, cells: Box::new(cells) }
    }
}

fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => harmless(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Float(number) => number.to_string(),
        Cell::Boolean(is) => is.to_string(),
        Cell::Time(at) => at.to_string(),
    }
}

impl<R: Send + Sync> Encoder<R> for Csv<R> {
    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let header = std::mem::take(&mut self.header);
        if !header.is_empty() {
            out.extend_from_slice(self.begin.as_bytes());
        }
        let mut writer =
            WriterBuilder::new().delimiter(self.delimiter).terminator(Terminator::CRLF).from_writer(out);
        if !header.is_empty() {
            writer.write_record(header)?;
        }
        let mut cells = Vec::new();
        for row in rows {
            (self.cells)(row, &mut cells);
            writer.write_record(&cells)?;
            cells.clear();
        }
        writer.flush()?;
        Ok(())
    }

    fn finish(self: Box<Self>, _: Map<String, Value>, _: &mut Vec<u8>) -> Result<(), Unwritable> {
        Ok(())
    }
}

/// Text that no spreadsheet takes for a formula (OWASP, "CSV Injection"): a single quote goes before
/// the signs that begin one, unless it is a number.
pub fn harmless(text: &str) -> String {
    if is_formula(text) && text.parse::<f64>().is_err() { format!("'{text}") } else { text.to_owned() }
}

/// Whether a spreadsheet takes `text` for a formula.
pub(super) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}
