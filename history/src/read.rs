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
        problems.extend(done.err());
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
    columns: Vec<(Vec<(UtcMicros, Count)>, Option<u32>)>,
}

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
