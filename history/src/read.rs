//! Merges all tables into one series of counts per site.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::UtcMicros;
use domain::forecast::Reading;
use jiff::tz::TimeZone;
use places::FileProblem;

use crate::mapping::Mapping;
use crate::source;
use crate::table::{self, Count, Sink};

/// The content of the files, with one `S` per site.
#[derive(Debug, Default)]
pub struct History<S = Series> {
    /// In the order of the mapping's columns.
    pub series: Vec<S>,
    /// What could not be read; at most `MAX_PROBLEMS` are kept.
    pub problems: Vec<FileProblem>,
    /// How many there were.
    pub problem_count: u64,
    /// How many of each kind, by what the problems say; at most `MAX_PROBLEMS` kinds.
    pub problem_kinds: BTreeMap<String, u64>,
    /// Headers that the mapping does not name.
    pub unmapped: BTreeSet<String>,
    /// Tables read.
    pub tables: u64,
}

/// One site's counts as the files have them, by time, one an instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    pub site: String,
    /// The column's header.
    pub name: String,
    /// Spaces: by the mapping, else the last in the files.
    pub capacity: Option<u32>,
    pub rows: Vec<Row>,
}

impl Counts {
    /// The largest count, but for wild numbers; `None`: only shares of the capacity are known.
    pub fn largest(&self) -> Option<u32> {
        let is_share = |row: &Row| matches!(row.count, Count::Rate(_));
        (!self.rows.iter().any(is_share)).then(|| highest(&self.rows))
    }
}

/// One count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub at: UtcMicros,
    pub count: Count,
    /// Spaces at that time: by the mapping, else by the row's table before it.
    pub capacity: Option<u32>,
}

/// One site's readings, by time, one an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub site: String,
    /// The column's header.
    pub name: String,
    /// Spaces: by the mapping, else the last in the files, else the most that was ever vacant. 0: no
    /// data.
    pub capacity: u32,
    pub readings: Vec<(UtcMicros, Reading)>,
}

/// How far reading is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Tables read so far.
    pub tables: u64,
    /// Readings so far.
    pub readings: u64,
}

/// Problems that are kept; the rest are counted: a wrong format makes one of every row.
pub const MAX_PROBLEMS: usize = 100;
/// Capacity of a site of which only rates are known: rates stay exact to a hundredth of a percent.
const RATE_CAPACITY: u32 = 10_000;
/// The capacity is at least what was vacant in all but this part of the readings: a single wild
/// number does not count.
const WILD_PART: f64 = 0.001;

/// Reads `paths` as vacant spaces: see [`read_counts`].
///
/// `capacity_until`: later counts do not determine the capacity (a test must not look ahead).
pub fn read(
    paths: &[PathBuf],
    mapping: &Mapping,
    capacity_until: UtcMicros,
    progress: impl FnMut(Progress),
) -> History {
    let History { series, problems, problem_count, problem_kinds, unmapped, tables } =
        read_counts(paths, mapping, progress);
    let series = series.into_iter().map(|counts| settle(counts, capacity_until)).collect();
    History { series, problems, problem_count, problem_kinds, unmapped, tables }
}

/// Reads `paths`: CSV files, plain or as `.gz` and `.xz`, `.tar` archives of them with the same compression, and folders
/// that hold any of these.
pub fn read_counts(
    paths: &[PathBuf],
    mapping: &Mapping,
    mut progress: impl FnMut(Progress),
) -> History<Counts> {
    let counts = |column: &crate::Column| Counts {
        site: column.site.clone(),
        name: column.name.clone(),
        capacity: column.capacity,
        rows: Vec::new(),
    };
    let mut collected = Collected {
        stated: mapping.columns.iter().map(|column| column.capacity).collect(),
        history: History { series: mapping.columns.iter().map(counts).collect(), ..History::default() },
        readings: 0,
        mapping,
    };
    let tz = TimeZone::get(&mapping.tz).unwrap_or(TimeZone::UTC);
    let mut problems = Vec::new();
    for file in source::files(paths, &mut problems) {
        let done = source::tables(&file, |name, bytes| {
            table::read(name, &bytes, mapping, &tz, &mut collected);
            collected.history.tables += 1;
            progress(Progress { tables: collected.history.tables, readings: collected.readings });
        });
        problems.extend(done.err().map(|problem| *problem));
    }
    problems.into_iter().for_each(|problem| collected.problem(problem));
    for counts in &mut collected.history.series {
        order(&mut counts.rows);
    }
    collected.history
}

/// Orders counts by time; of several at one instant the last read holds.
fn order(rows: &mut Vec<Row>) {
    rows.sort_by_key(|row| row.at);
    rows.dedup_by(|later, held| {
        let is_same = later.at == held.at;
        if is_same {
            *held = *later;
        }
        is_same
    });
}

struct Collected<'a> {
    mapping: &'a Mapping,
    history: History<Counts>,
    readings: u64,
    /// By column, the capacity that holds in the table that is read.
    stated: Vec<Option<u32>>,
}

impl Sink for Collected<'_> {
    fn table(&mut self) {
        self.stated = self.mapping.columns.iter().map(|column| column.capacity).collect();
    }

    fn count(&mut self, column: usize, at: UtcMicros, count: Count) {
        self.history.series[column].rows.push(Row { at, count, capacity: self.stated[column] });
        self.readings += 1;
    }

    fn capacity(&mut self, column: usize, capacity: u32) {
        if capacity > 0 && self.mapping.columns[column].capacity.is_none() {
            self.stated[column] = Some(capacity);
            self.history.series[column].capacity = Some(capacity);
        }
    }

    fn unmapped(&mut self, header: &str) {
        if !self.history.unmapped.contains(header) && self.history.unmapped.len() < MAX_PROBLEMS {
            self.history.unmapped.insert(header.to_owned());
        }
    }

    fn problem(&mut self, problem: FileProblem) {
        let history = &mut self.history;
        history.problem_count += 1;
        let kinds = &mut history.problem_kinds;
        if kinds.len() < MAX_PROBLEMS || kinds.contains_key(&problem.message) {
            *kinds.entry(problem.message.clone()).or_default() += 1;
        }
        if history.problems.len() < MAX_PROBLEMS {
            history.problems.push(problem);
        }
    }
}

/// Turns counts into vacant spaces.
fn settle(counts: Counts, capacity_until: UtcMicros) -> Series {
    let Counts { site, name, capacity, rows } = counts;
    let capacity = capacity.unwrap_or_else(|| {
        let early = rows.partition_point(|row| row.at < capacity_until);
        highest(if early > 0 { &rows[..early] } else { &rows })
    });
    let readings = rows.iter().map(|row| {
        let reading = match row.count {
            Count::Vacant(n) => Reading::Vacant(n),
            Count::Occupied(n) => Reading::Vacant(capacity.saturating_sub(n)),
            Count::Rate(r) => {
                Reading::Vacant(((1.0 - r).clamp(0.0, 1.0) * f64::from(capacity)).round() as u32)
            }
            Count::Code(reading) => reading,
        };
        (row.at, reading)
    });
    Series { site, name, capacity, readings: readings.collect() }
}

fn highest(rows: &[Row]) -> u32 {
    if rows.iter().any(|row| matches!(row.count, Count::Rate(_))) {
        return RATE_CAPACITY;
    }
    let mut numbers: Vec<u32> = rows
        .iter()
        .filter_map(|row| match row.count {
            Count::Vacant(n) | Count::Occupied(n) if n > 0 => Some(n),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    let rank = (numbers.len() as f64 * (1.0 - WILD_PART)) as usize;
    numbers.get(rank.min(numbers.len().saturating_sub(1))).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const MAPPING: &str = r#"
time_column = "Zeit"
time_format = "%Y-%m-%d %H:%M"
tz = "Europe/Berlin"
value = "vacant"
skip_rows = ["Summe"]
capacity_cells = "(N)"
[codes]
ges = "closed"
kei = "none"
besetzt = "full"
[[column]]
name = "PH Süd"
also = ["Süd"]
site = "sued"
[[column]]
name = "Nord"
site = "nord"
"#;

    fn history(files: &[(&str, &str)]) -> History {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mapping = Mapping::parse(Path::new("m.toml"), MAPPING).unwrap();
        read(&[folder.path().to_owned()], &mapping, UtcMicros(i64::MAX), |_| {})
    }

    #[test]
    fn files_of_several_years_become_one_series() {
        let read = history(&[
            (
                "2024.csv",
                "\u{feff}Zeit,Nord,Süd,Neu\n,(40),(90),(7)\n2024-01-01 00:00,ges,besetzt,1\nSumme,1,2,3\n",
            ),
            ("2023.csv", "Zeit,PH Süd\n2023-12-31 23:45,17\n2023-12-31 23:30,kei\n"),
        ]);
        assert_eq!(read.problems, []);
        assert_eq!(read.unmapped.iter().collect::<Vec<_>>(), ["Neu"]);
        let [sued, nord] = read.series.as_slice() else { panic!("two series") };
        let readings_of: Vec<_> = sued.readings.iter().map(|(at, r)| (at.to_string(), *r)).collect();
        assert_eq!(
            readings_of,
            [
                ("2023-12-31T22:30:00Z".to_owned(), Reading::Unknown),
                ("2023-12-31T22:45:00Z".to_owned(), Reading::Vacant(17)),
                ("2023-12-31T23:00:00Z".to_owned(), Reading::Vacant(0)),
            ]
        );
        assert_eq!((sued.capacity, nord.capacity), (90, 40));
        assert_eq!(nord.readings[0].1, Reading::Closed);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_read() {
        let read = history(&[
            ("a.csv", "Zeit,Nord\n2024-01-01 00:00,viele\n1.1.2024,3\n2024-01-01 00:30,5\n"),
            ("b.csv", "Datum,Nord\n2024-01-01 00:45,5\n"),
        ]);
        let texts: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        for (text, parts) in texts.iter().zip([
            ["a.csv:2", "Nord = 'viele'", "[codes]"],
            ["a.csv:3", "Zeit = '1.1.2024'", "time_format"],
            ["b.csv:1", "time_column = 'Zeit'", "Datum | Nord"],
        ]) {
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
        assert_eq!(read.series[1].readings.len(), 1);
    }
}
