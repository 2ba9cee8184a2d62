//! All tables together: one series of readings a site.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::UtcMicros;
use domain::forecast::Reading;
use jiff::tz::TimeZone;
use places::Problem;

use crate::mapping::Mapping;
use crate::source;
use crate::table::{self, Count, Sink};

/// What the files said.
#[derive(Debug, Default)]
pub struct History {
    /// In the order of the mapping's columns.
    pub series: Vec<Series>,
    /// What could not be read; at most `MAX_PROBLEMS` are kept.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub problem_count: u64,
    /// Headers that the mapping does not name.
    pub unmapped: BTreeSet<String>,
    /// Tables read.
    pub tables: u64,
}

/// One site's readings, by time, one an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub site: String,
    /// The column's header.
    pub name: String,
    /// Spaces: as the mapping says, else the last that the files said, else the most that was
    /// ever vacant. 0: never heard of.
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

/// Reads `paths`: CSV files, plain or as `.gz` and `.xz`, `.tar` archives of them packed the same
/// ways, and folders that hold any of these.
///
/// `capacity_until`: what came later does not tell the capacity (a test must not look ahead).
pub fn read(
    paths: &[PathBuf],
    mapping: &Mapping,
    capacity_until: UtcMicros,
    mut progress: impl FnMut(Progress),
) -> History {
    let mut collected = Collected {
        columns: mapping.columns.iter().map(|_| (Vec::new(), None)).collect(),
        ..Collected::default()
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
    let mut history = collected.history;
    let columns = mapping.columns.iter().zip(collected.columns);
    history.series = columns
        .map(|(column, (counts, said))| {
            let (capacity, readings) = settle(counts, column.capacity.or(said), capacity_until);
            Series { site: column.site.clone(), name: column.name.clone(), capacity, readings }
        })
        .collect();
    history
}

#[derive(Default)]
struct Collected {
    history: History,
    readings: u64,
    columns: Vec<Said>,
}

/// A column's counts, and the capacity that the files stated.
type Said = (Vec<(UtcMicros, Count)>, Option<u32>);

impl Sink for Collected {
    fn count(&mut self, column: usize, at: UtcMicros, count: Count) {
        self.columns[column].0.push((at, count));
        self.readings += 1;
    }

    fn capacity(&mut self, column: usize, capacity: u32) {
        if capacity > 0 {
            self.columns[column].1 = Some(capacity);
        }
    }

    fn unmapped(&mut self, header: &str) {
        if !self.history.unmapped.contains(header) && self.history.unmapped.len() < MAX_PROBLEMS {
            self.history.unmapped.insert(header.to_owned());
        }
    }

    fn problem(&mut self, problem: Problem) {
        self.history.problem_count += 1;
        if self.history.problems.len() < MAX_PROBLEMS {
            self.history.problems.push(problem);
        }
    }
}

/// Orders the counts by time (of several at one instant the last read holds) and turns them into
/// vacant spaces.
fn settle(
    mut counts: Vec<(UtcMicros, Count)>,
    capacity: Option<u32>,
    capacity_until: UtcMicros,
) -> (u32, Vec<(UtcMicros, Reading)>) {
    counts.sort_by_key(|(at, _)| *at);
    let capacity = capacity.unwrap_or_else(|| {
        let early = counts.partition_point(|(at, _)| *at < capacity_until);
        highest(if early > 0 { &counts[..early] } else { &counts })
    });
    let mut readings: Vec<(UtcMicros, Reading)> = Vec::with_capacity(counts.len());
    for (at, count) in counts {
        let reading = match count {
            Count::Vacant(n) => Reading::Vacant(n),
            Count::Occupied(n) => Reading::Vacant(capacity.saturating_sub(n)),
            Count::Rate(r) => {
                Reading::Vacant(((1.0 - r).clamp(0.0, 1.0) * f64::from(capacity)).round() as u32)
            }
            Count::Said(reading) => reading,
        };
        match readings.last_mut() {
            Some(last) if last.0 == at => last.1 = reading,
            _ => readings.push((at, reading)),
        }
    }
    (capacity, readings)
}

fn highest(counts: &[(UtcMicros, Count)]) -> u32 {
    if counts.iter().any(|(_, count)| matches!(count, Count::Rate(_))) {
        return RATE_CAPACITY;
    }
    let mut numbers: Vec<u32> = counts
        .iter()
        .filter_map(|(_, count)| match count {
            Count::Vacant(n) | Count::Occupied(n) if *n > 0 => Some(*n),
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
        let said: Vec<_> = sued.readings.iter().map(|(at, r)| (at.to_string(), *r)).collect();
        assert_eq!(
            said,
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
