//! The rows of one file of a feed.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::ByteRecord;

use super::ReadError;
use super::source::Source;
use crate::timetable::Problems;

/// The longest row, bytes. A quote that is never closed would make one row of a whole file.
const MAX_ROW_BYTES: u64 = 1 << 20;

/// One file, row by row. `N` columns are looked at, known by their place in the list of names
/// that it was opened with.
pub struct Table<'a, const N: usize> {
    /// Feed and file, for problems.
    pub file: String,
    reader: csv::Reader<RowLimit<Box<dyn Read + 'a>>>,
    since_row: Rc<Cell<u64>>,
    record: ByteRecord,
    names: [&'static str; N],
    columns: [Option<usize>; N],
}

impl<'a, const N: usize> Table<'a, N> {
    /// Opens `file`; `None` when the feed has none. The first `required` of the columns must be
    /// there.
    ///
    /// # Errors
    /// It cannot be read, or a required column is missing.
    pub fn open(
        source: &'a mut Source,
        file: &str,
        required: usize,
        names: [&'static str; N],
    ) -> Result<Option<Self>, ReadError> {
        let label = format!("{}/{file}", source.name);
        let Some(bytes) = source.file(file)? else { return Ok(None) };
        let since_row = Rc::new(Cell::new(0));
        let limited = RowLimit { inner: bytes, since_row: since_row.clone() };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(limited);
        let mut header = ByteRecord::new();
        reader.read_byte_record(&mut header).map_err(|error| broken(&label, error))?;
        let heads: Vec<String> = header.iter().map(|name| clean(name).to_ascii_lowercase()).collect();
        let columns = names.map(|name| heads.iter().position(|head| head == name));
        if let Some(missing) = (0..required).find(|at| columns[*at].is_none()) {
            return Err(ReadError::Column { file: label, column: names[missing] });
        }
        Ok(Some(Table { file: label, reader, since_row, record: ByteRecord::new(), names, columns }))
    }

    /// Whether the file has this column.
    pub fn has(&self, column: usize) -> bool {
        self.columns[column].is_some()
    }

    /// Reads the next row; `false` at the end.
    ///
    /// # Errors
    /// The file cannot be read on, or a row is longer than [`MAX_ROW_BYTES`].
    pub fn next(&mut self) -> Result<bool, ReadError> {
        self.since_row.set(0);
        self.reader.read_byte_record(&mut self.record).map_err(|error| broken(&self.file, error))
    }

    /// A field of the present row without the space around it; empty when it is absent.
    #[inline]
    pub fn bytes(&self, column: usize) -> &[u8] {
        let field = self.columns[column].and_then(|at| self.record.get(at)).unwrap_or_default();
        field.trim_ascii()
    }

    /// As [`Table::bytes`], as text: what is no UTF-8 becomes the replacement character.
    pub fn text(&self, column: usize) -> String {
        String::from_utf8_lossy(self.bytes(column)).into_owned()
    }

    /// A field as a number; `None` when it is empty or not one.
    pub fn number<T: std::str::FromStr>(&self, column: usize) -> Option<T> {
        std::str::from_utf8(self.bytes(column)).ok()?.parse().ok()
    }

    /// Line of the present row, from 1.
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// Notes what is wrong with a field of the present row.
    pub fn fault(&self, problems: &mut Problems, column: usize, reason: impl Into<String>) {
        problems.add(&self.file, self.line(), self.names[column], &self.text(column), reason);
    }
}

fn clean(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned()
}

fn broken(file: &str, error: csv::Error) -> ReadError {
    ReadError::File { file: file.to_owned(), error: io::Error::other(error) }
}

/// Fails once more than a row's worth of bytes was read for one row.
struct RowLimit<R> {
    inner: R,
    since_row: Rc<Cell<u64>>,
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > MAX_ROW_BYTES {
            return Err(io::Error::other("a row is longer than 1 MiB: is a quote not closed?"));
        }
        let read = self.inner.read(buffer)?;
        self.since_row.set(self.since_row.get() + read as u64);
        Ok(read)
    }
}
