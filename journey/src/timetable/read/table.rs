//! The rows of one file of a feed.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::ByteRecord;
use domain::LatLon;
use rustc_hash::FxHashMap;

use super::ReadError;
use super::source::Source;
use crate::files::Watched;
use crate::timetable::FeedProblems;

/// Numbers of ids of one kind in one feed.
pub type Ids = FxHashMap<Box<[u8]>, u32>;

/// The longest row, bytes. A quote that is never closed would make one row of a whole file.
const MAX_ROW_BYTES: u64 = 1 << 20;

/// One file, row by row. Columns are known by their place in the header that it was opened with.
pub struct Table<'a> {
    /// Feed and file, for problems.
    pub file: String,
    reader: csv::Reader<Box<dyn Read + 'a>>,
    since_row: Rc<Cell<u64>>,
    record: ByteRecord,
    names: Vec<&'static str>,
    /// As the file has them.
    heads: Vec<String>,
    columns: Vec<Option<usize>>,
}

impl<'a> Table<'a> {
    /// Opens `file`; `None` when the feed has none. Of the columns in `header`, as GTFS names them, the first `required`
    /// must be there.
    ///
    /// # Errors
    /// It cannot be read, or a required column is missing.
    pub fn open(
        source: &'a mut Source,
        file: &str,
        required: usize,
        header: &'static str,
    ) -> Result<Option<Self>, ReadError> {
        let label = format!("{}/{file}", source.name);
        let Some(bytes) = source.file(file)? else { return Ok(None) };
        let bytes = utf8(bytes).map_err(|error| ReadError::File { file: label.clone(), error })?;
        let since_row = Rc::new(Cell::new(0));
        let bytes_since_row = since_row.clone();
        let within_row = move |bytes| {
            if bytes_since_row.get() > MAX_ROW_BYTES {
                return Err(io::Error::other("a row is longer than 1 MiB: is a quote not closed?"));
            }
            bytes_since_row.set(bytes_since_row.get() + bytes);
            Ok(())
        };
        let limited: Box<dyn Read> = Box::new(Watched { inner: bytes, watch: within_row });
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(limited);
        let mut first = ByteRecord::new();
        reader.read_byte_record(&mut first).map_err(|error| broken(&label, error))?;
        let heads: Vec<String> = first.iter().map(|name| clean(name).to_ascii_lowercase()).collect();
        let names: Vec<&str> = header.split(',').collect();
        let columns: Vec<_> = names.iter().map(|name| heads.iter().position(|head| head == name)).collect();
        if let Some(missing) = (0..required).find(|at| columns[*at].is_none()) {
            return Err(ReadError::Column { file: label, column: names[missing] });
        }
        Ok(Some(Table { file: label, reader, since_row, record: ByteRecord::new(), names, heads, columns }))
    }

    /// As [`Table::open`], for a file that a feed must have.
    ///
    /// # Errors
    /// It is missing, cannot be read, or a required column is missing.
    pub fn open_required(
        source: &'a mut Source,
        file: &'static str,
        required: usize,
        header: &'static str,
    ) -> Result<Self, ReadError> {
        let feed = source.name.clone();
        Self::open(source, file, required, header)?.ok_or(ReadError::Missing { feed, file })
    }

    /// The numbers of its columns, in the order of its header.
    pub fn columns<const N: usize>(&self) -> [usize; N] {
        debug_assert_eq!(N, self.names.len());
        std::array::from_fn(|at| at)
    }

    /// Whether the file has this column.
    pub fn has(&self, column: usize) -> bool {
        self.columns[column].is_some()
    }

    /// Columns of the header that the file lacks, each with one that looks like a slip of the pen for it; `slips_known` are columns
    /// of the header that are slips themselves.
    pub fn misspelt(&self, slips_known: &[usize]) -> Vec<(&'static str, &str)> {
        /// Shorter names are like too many others.
        const LEAST_LETTERS: usize = 10;
        const MAX_SLIPS: usize = 2;
        let letters = |name: &str| name.replace(['_', '-', ' '], "");
        let right = || (0..self.names.len()).filter(|at| !slips_known.contains(at));
        let missing = right().filter(|at| self.columns[*at].is_none()).map(|at| self.names[at]);
        let missing = missing.filter(|name| name.len() >= LEAST_LETTERS);
        let unknown = |head: &&String| !right().any(|at| self.names[at] == head.as_str());
        let like = |name: &'static str| {
            let is_like = |head: &&String| slips(&letters(head), &letters(name)) <= MAX_SLIPS;
            Some((name, self.heads.iter().filter(unknown).find(is_like)?.as_str()))
        };
        missing.filter_map(like).collect()
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

    /// As [`Table::bytes`], as text: what is no UTF-8 is read as Windows-1252, of which Latin-1 is part.
    pub fn text(&self, column: usize) -> String {
        let bytes = self.bytes(column);
        std::str::from_utf8(bytes).map_or_else(|_| windows_1252(bytes), str::to_owned)
    }

    /// A field as a number; `None` when it is empty or not one.
    pub fn number<T: std::str::FromStr>(&self, column: usize) -> Option<T> {
        std::str::from_utf8(self.bytes(column)).ok()?.parse().ok()
    }

    /// Line of the present row, from 1.
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// A field as one of the values that it may have.
    ///
    /// # Errors
    /// It is none of them, for this reason.
    pub fn choice<T>(
        &self,
        column: usize,
        choose: impl FnOnce(&[u8]) -> Option<T>,
        reason: &str,
    ) -> Result<T, Fault> {
        choose(self.bytes(column)).ok_or_else(|| fault(column, reason))
    }

    /// The number of an id of the feed.
    ///
    /// # Errors
    /// There is no such one.
    pub fn id(&self, column: usize, ids: &Ids, what: &str) -> Result<u32, Fault> {
        let number = ids.get(self.bytes(column)).copied();
        number.ok_or_else(|| fault(column, format!("there is no such {what}")))
    }

    /// A new id.
    ///
    /// # Errors
    /// It is there already.
    pub fn new_id(&self, column: usize, ids: &Ids) -> Result<Box<[u8]>, Fault> {
        let id = self.bytes(column);
        if ids.contains_key(id) { Err(fault(column, "there is one already")) } else { Ok(id.into()) }
    }

    /// As [`Table::new_id`]; it must not be empty.
    ///
    /// # Errors
    /// It is empty, or there already.
    pub fn new_named_id(&self, column: usize, ids: &Ids) -> Result<Box<[u8]>, Fault> {
        let id = self.new_id(column, ids).ok().filter(|id| !id.is_empty());
        id.ok_or_else(|| fault(column, "it is empty, or there is one already"))
    }

    /// A position.
    ///
    /// # Errors
    /// It is none.
    pub fn position(&self, lat: usize, lon: usize) -> Result<LatLon, Fault> {
        let position = self.number(lat).zip(self.number(lon)).and_then(|(lat, lon)| LatLon::new(lat, lon));
        position.ok_or_else(|| {
            let is_lat = self.number::<f64>(lat).is_some_and(|lat| lat.abs() <= 90.0);
            fault(if is_lat { lon } else { lat }, "it is not a degree of latitude and longitude")
        })
    }

    /// Notes what is wrong with a field of the present row.
    pub fn fault(&self, problems: &mut FeedProblems, column: usize, reason: impl Into<String>) {
        problems.add(&self.file, self.line(), self.names[column], &self.text(column), reason);
    }

    /// What the present row was read as; notes why it is left out.
    pub fn read<T>(&self, problems: &mut FeedProblems, row: Result<T, Fault>) -> Option<T> {
        row.map_err(|Fault { column, reason }| self.fault(problems, column, reason)).ok()
    }
}

/// Why a row is left out.
#[derive(Debug)]
pub struct Fault {
    column: usize,
    reason: String,
}

impl Fault {
    /// The same with what follows from it.
    pub fn and(mut self, consequence: &str) -> Self {
        self.reason.push_str(consequence);
        self
    }
}

/// Letters to add, drop or change to make one text of another (Levenshtein's distance).
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (number, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = number + 1;
        for (at, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[at + 1];
            row[at + 1] = changed.min(before + 1).min(row[at] + 1);
        }
    }
    row[b.len()]
}

/// What is wrong with a field.
pub fn fault(column: usize, reason: impl Into<String>) -> Fault {
    Fault { column, reason: reason.into() }
}

/// The largest file in UTF-16 that is decoded, bytes: it is held in memory meanwhile.
const MAX_UTF16_BYTES: u64 = 256 << 20;

/// A file in UTF-16, which its byte order mark gives away, as UTF-8; any other as it is.
fn utf8<'a>(mut file: Box<dyn Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    let mut mark = Vec::new();
    file.by_ref().take(2).read_to_end(&mut mark)?;
    let unit: fn([u8; 2]) -> u16 = match mark[..] {
        [0xFF, 0xFE] => u16::from_le_bytes,
        [0xFE, 0xFF] => u16::from_be_bytes,
        _ => return Ok(Box::new(io::Cursor::new(mark).chain(file))),
    };
    let refused = |reason: &str| io::Error::other(format!("it is UTF-16, {reason}; save it as UTF-8"));
    let mut bytes = Vec::new();
    file.take(MAX_UTF16_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_UTF16_BYTES {
        return Err(refused("and larger than 256 MiB"));
    }
    let (units, rest) = bytes.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|pair| unit(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(Box::new(io::Cursor::new(text.into_bytes()))),
        _ => Err(refused("and damaged")),
    }
}

/// Bytes 80 to 9F in Windows-1252; those that it leaves open stay control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

fn clean(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned()
}

fn broken(file: &str, error: csv::Error) -> ReadError {
    ReadError::File { file: file.to_owned(), error: io::Error::other(error) }
}
