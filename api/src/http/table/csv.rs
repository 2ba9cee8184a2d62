//! CSV (RFC 4180): a line of names, then a line for each row.

use ::csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value};

use super::{Cell, Column, Encoder, TEXT_ROWS, Unwritable};

pub struct Csv<R: 'static> {
    columns: &'static [Column<R>],
    has_header: bool,
}

impl<R> Csv<R> {
    pub fn new(columns: &'static [Column<R>]) -> Self {
        Csv { columns, has_header: false }
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
    fn rows_at_once(&self) -> usize {
        TEXT_ROWS
    }

    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        if !std::mem::replace(&mut self.has_header, true) {
            writer.write_record(self.columns.iter().map(Column::flat_name))?;
        }
        for row in rows {
            let cells = self.columns.iter().map(|c| c.cell(row).map(text));
            writer.write_record(cells.map(Option::unwrap_or_default))?;
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
fn harmless(text: &str) -> String {
    if is_formula(text) && text.parse::<f64>().is_err() { format!("'{text}") } else { text.to_owned() }
}

/// Whether a spreadsheet takes `text` for a formula.
pub(super) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}
