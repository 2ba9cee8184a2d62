//! One table: its header, its rows, its cells.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use domain::forecast::Reading;
use jiff::tz::TimeZone;

use super::counts::{Count, Counts, DatedCount, History};
use super::mapping::{Code, Mapping, Value};
use super::time::{Clock, NoTime};
use crate::problem::{FileProblem, Location};

/// Reads a table into `history`; problems do not end it, but a wrong header does.
pub(super) fn read(
    file: &Path,
    bytes: &[u8],
    mapping: &Mapping,
    tz: &TimeZone,
    history: &mut History<Counts>,
) {
    let text = text_of(bytes);
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(mapping.delimiter as u8)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut row = StringRecord::new();
    let mut table: Option<Table> = None;
    let mut at = Location { file: Arc::from(file), line: 0 };
    loop {
        match rows.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                let problem = FileProblem::of_file(file, format!("is not CSV: {e}"), "check the quotes");
                history.problem(problem);
                break;
            }
        }
        at.line = row.position().map_or(0, |position| position.line() as u32);
        match &mut table {
            _ if row.iter().all(str::is_empty) => {}
            None => match Table::find(&at, &row, mapping, tz, history) {
                Some(found) => table = Some(found),
                None => return,
            },
            Some(table) => table.row(&at, &row, history),
        }
    }
    if table.is_none() {
        let remedy = "delete it, or write a first line with the columns";
        history.problem(FileProblem::of_file(file, "is empty", remedy));
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

/// A table by its header.
struct Table<'a> {
    mapping: &'a Mapping,
    clock: Clock<'a>,
    /// Which cell of a row holds the time.
    time: usize,
    sites: Vec<SiteCells>,
}

/// The cells of one site.
struct SiteCells {
    /// Which cell of a row it is.
    cell: usize,
    /// Which column of the mapping, and which series of the history.
    column: usize,
    /// Spaces: by the mapping, else as the table says so far.
    capacity: Option<u32>,
}

impl<'a> Table<'a> {
    fn find(
        at: &Location,
        header: &StringRecord,
        mapping: &'a Mapping,
        tz: &'a TimeZone,
        history: &mut History<Counts>,
    ) -> Option<Self> {
        let Some(time) = header.iter().position(|name| name == mapping.time_column) else {
            let found: Vec<&str> = header.iter().take(5).collect();
            let message = format!("is not in the header, which begins: {}", found.join(" | "));
            let remedy = "write the column's header into the mapping as it stands, and check delimiter";
            let problem = FileProblem::at(at, message, remedy).field("time_column");
            history.problem(problem.value(&mapping.time_column));
            return None;
        };
        let mut sites: Vec<SiteCells> = Vec::new();
        for (cell, name) in header.iter().enumerate().filter(|(i, name)| *i != time && !name.is_empty()) {
            match mapping.columns.iter().position(|column| column.is_named(name)) {
                Some(column) if sites.iter().any(|known| known.column == column) => {
                    let message = "means a site that has a column already";
                    let problem = FileProblem::at(at, message, "delete one of the columns");
                    history.problem(problem.field("header").value(name));
                }
                Some(column) => {
                    sites.push(SiteCells { cell, column, capacity: mapping.columns[column].capacity });
                }
                None => history.unmapped(name),
            }
        }
        Some(Table { mapping, clock: Clock::new(&mapping.time_format, tz), time, sites })
    }

    fn row(&mut self, at: &Location, row: &StringRecord, history: &mut History<Counts>) {
        let mapping = self.mapping;
        let time = row.get(self.time).unwrap_or_default();
        if mapping.skip_rows.iter().any(|skipped| skipped == time) {
            return;
        }
        let mut is_capacities = false;
        for site in &mut self.sites {
            let Some(capacity) = row.get(site.cell).and_then(|cell| mapping.capacity_in(cell)) else {
                continue;
            };
            is_capacities = true;
            if capacity > 0 && mapping.columns[site.column].capacity.is_none() {
                site.capacity = Some(capacity);
                history.series[site.column].capacity = Some(capacity);
            }
        }
        if is_capacities {
            return;
        }
        let instant = match self.clock.instant(time) {
            Ok(instant) => instant,
            Err(why) => return history.problem(no_time(at, time, mapping, why)),
        };
        for site in &self.sites {
            let Some(cell) = row.get(site.cell).filter(|cell| !cell.is_empty()) else { continue };
            if let Some(count) = count(cell, mapping) {
                let dated = DatedCount { at: instant, count, capacity: site.capacity };
                history.series[site.column].rows.push(dated);
            } else {
                let remedy = "write what it means under [codes] (closed, none or full), or correct the cell";
                let problem = FileProblem::at(at, "is neither a count nor a known code", remedy);
                history.problem(problem.field(&mapping.columns[site.column].name).value(cell));
            }
        }
    }
}

fn no_time(at: &Location, time: &str, mapping: &Mapping, why: NoTime) -> FileProblem {
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
    FileProblem::at(at, message, remedy).field(&mapping.time_column).value(time)
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
