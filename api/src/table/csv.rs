//! CSV (RFC 4180): a line of names, then a line for each row.

use ::csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value};

use super::format::Locale;
use super::{Cell, Column, Encoder, TEXT_ROWS, Unwritable};

pub struct Csv<R: 'static> {
    columns: &'static [Column<R>],
    locale: Locale,
    has_header: bool,
}

impl<R> Csv<R> {
    pub fn new(columns: &'static [Column<R>], locale: Locale) -> Self {
        Csv { columns, locale, has_header: false }
    }

    fn text(&self, cell: Cell<'_>) -> String {
        match cell {
            Cell::Text(text) => harmless(text),
            Cell::Integer(number) => number.to_string(),
            Cell::Float(number) => match self.locale {
                Locale::Plain => number.to_string(),
                Locale::German => number.to_string().replace('.', ","),
            },
            Cell::Boolean(is) => is.to_string(),
            Cell::Time(at) => at.to_string(),
        }
    }
}

impl<R: Send + Sync> Encoder<R> for Csv<R> {
    fn rows_at_once(&self) -> usize {
        TEXT_ROWS
    }

    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let delimiter = match self.locale {
            Locale::Plain => b',',
            Locale::German => b';',
        };
        let mut writer =
            WriterBuilder::new().delimiter(delimiter).terminator(Terminator::CRLF).from_writer(out);
        if !std::mem::replace(&mut self.has_header, true) {
            writer.write_record(self.columns.iter().map(Column::flat_name))?;
        }
        for row in rows {
            let cells = self.columns.iter().map(|c| c.cell(row).map(|cell| self.text(cell)));
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
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}
