//! One table: its header, its rows, its cells.

use std::borrow::Cow;
use std::path::Path;

use csv::StringRecord;
use domain::UtcMicros;
use domain::forecast::Reading;
use jiff::tz::TimeZone;
use places::FileProblem;

use crate::mapping::{Code, Mapping, Value};
use crate::problem::of_cell;
use crate::time::{Clock, NoTime};

/// An event of reading a table.
pub(crate) trait Sink {
    /// A table begins.
    fn table(&mut self);
    /// A count of the mapping's column number `column`.
    fn count(&mut self, column: usize, at: UtcMicros, count: Count);
    fn capacity(&mut self, column: usize, capacity: u32);
    /// A header that the mapping does not name.
    fn unmapped(&mut self, header: &str);
    fn problem(&mut self, problem: FileProblem);
}

/// The value of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    Vacant(u32),
    Occupied(u32),
    /// Occupied share.
    Rate(f64),
    /// A code.
    Code(Reading),
}

/// Reads a table; problems do not end it, but a wrong header does.
pub(crate) fn read(file: &Path, bytes: &[u8], mapping: &Mapping, tz: &TimeZone, sink: &mut impl Sink) {
    let text = text_of(bytes);
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(mapping.delimiter as u8)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut row = StringRecord::new();
    let mut columns: Option<Columns> = None;
    sink.table();
    let mut clock = Clock::new(&mapping.time_format, tz);
    loop {
        match rows.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                sink.problem(FileProblem::of_file(file, format!("is not CSV: {e}"), "check the quotes"));
                break;
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        match &columns {
            _ if row.iter().all(str::is_empty) => {}
            None => match Columns::find(file, line, &row, mapping, sink) {
                Some(found) => columns = Some(found),
                None => return,
            },
            Some(columns) => columns.row((file, line), &row, mapping, &mut clock, sink),
        }
    }
    if columns.is_none() {
        sink.problem(FileProblem::of_file(
            file,
            "is empty",
            "delete it, or write a first line with the columns",
        ));
    }
}

/// UTF-8 with or without BOM; else Latin-1, in which every byte is a character.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect::<String>().into(),
    }
}

struct Columns {
    time: usize,
    /// Place in the row, number in the mapping.
    sites: Vec<(usize, usize)>,
}

impl Columns {
    fn find(
        file: &Path,
        line: u64,
        header: &StringRecord,
        mapping: &Mapping,
        sink: &mut impl Sink,
    ) -> Option<Self> {
        let Some(time) = header.iter().position(|name| name == mapping.time_column) else {
            let found: Vec<&str> = header.iter().take(5).collect();
            sink.problem(of_cell(
                (file, line),
                ("time_column", &mapping.time_column),
                format!("is not in the header, which begins: {}", found.join(" | ")),
                "write the column's header into the mapping as it stands, and check delimiter",
            ));
            return None;
        };
        let mut sites = Vec::new();
        for (place, name) in header.iter().enumerate().filter(|(i, name)| *i != time && !name.is_empty()) {
            match mapping.columns.iter().position(|column| column.is_named(name)) {
                Some(column) if sites.iter().any(|(_, known)| *known == column) => {
                    let remedy = "delete one of the columns";
                    sink.problem(of_cell(
                        (file, line),
                        ("header", name),
                        "means a site that has a column already",
                        remedy,
                    ));
                }
                Some(column) => sites.push((place, column)),
                None => sink.unmapped(name),
            }
        }
        Some(Columns { time, sites })
    }

    fn row(
        &self,
        at: (&Path, u64),
        row: &StringRecord,
        mapping: &Mapping,
        clock: &mut Clock,
        sink: &mut impl Sink,
    ) {
        let time = row.get(self.time).unwrap_or_default();
        if mapping.skip_rows.iter().any(|skipped| skipped == time) {
            return;
        }
        let cells = || self.sites.iter().filter_map(|(place, column)| Some((*column, row.get(*place)?)));
        let mut is_capacities = false;
        for (column, cell) in cells() {
            if let Some(capacity) = mapping.capacity_in(cell) {
                is_capacities = true;
                sink.capacity(column, capacity);
            }
        }
        if is_capacities {
            return;
        }
        let instant = match clock.instant(time) {
            Ok(instant) => instant,
            Err(why) => return sink.problem(no_time(at, time, mapping, why)),
        };
        for (column, cell) in cells().filter(|(_, cell)| !cell.is_empty()) {
            match count(cell, mapping) {
                Some(count) => sink.count(column, instant, count),
                None => {
                    let name = mapping.columns[column].name.as_str();
                    let remedy =
                        "write what it means under [codes] (closed, none or full), or correct the cell";
                    sink.problem(of_cell(at, (name, cell), "is neither a count nor a known code", remedy));
                }
            }
        }
    }
}

fn no_time(at: (&Path, u64), time: &str, mapping: &Mapping, why: NoTime) -> FileProblem {
    let (message, remedy) = match why {
        NoTime::Format => (
            format!("is not written as {}", mapping.time_format),
            "correct time_format, or name the row under skip_rows or capacity_cells",
        ),
        NoTime::Skipped => (
            format!("does not exist in {}: the clock was put forward", mapping.tz),
            "correct tz (UTC when the clock is never changed); the row is left out",
        ),
    };
    of_cell(at, (&mapping.time_column, time), message, remedy)
}

fn count(cell: &str, mapping: &Mapping) -> Option<Count> {
    if let Some(code) = mapping.codes.get(cell) {
        return Some(Count::Code(match code {
            Code::Closed => Reading::Closed,
            Code::None => Reading::Unknown,
            Code::Full => Reading::Vacant(0),
        }));
    }
    match mapping.value {
        Value::Vacant => cell.parse().ok().map(Count::Vacant),
        Value::Occupied => cell.parse().ok().map(Count::Occupied),
        Value::Rate => cell.parse().ok().filter(|rate: &f64| rate.is_finite()).map(Count::Rate),
    }
}
