//! Counts of past years by site.

use std::collections::{BTreeMap, BTreeSet};

use domain::UtcMicros;
use domain::forecast::Reading;

use crate::problem::FileProblem;
use crate::problems::FileProblems;

/// Kinds of problems, and unknown headers, that are remembered.
const MAX_KINDS: usize = 100;
/// Capacity of a site of which only rates are known: rates stay exact to a hundredth of a percent.
const RATE_CAPACITY: u32 = 10_000;
/// The capacity is at least what was vacant in all but this part of the readings: a single wild
/// number does not count.
const WILD_PART: f64 = 0.001;

/// The content of the files, with one `S` per site.
#[derive(Debug)]
pub struct History<S = Series> {
    /// In the order of the mapping's columns.
    pub series: Vec<S>,
    /// What could not be read.
    pub problems: FileProblems,
    /// How many of each kind, by what the problems say; of at most a hundred kinds.
    pub problem_kinds: BTreeMap<String, u64>,
    /// Headers that the mapping does not name, at most a hundred of them.
    pub unmapped: BTreeSet<String>,
    /// Tables read.
    pub tables: u64,
}

impl<S> History<S> {
    pub(super) fn of(series: impl Iterator<Item = S>) -> Self {
        History {
            series: series.collect(),
            problems: FileProblems::default(),
            problem_kinds: BTreeMap::new(),
            unmapped: BTreeSet::new(),
            tables: 0,
        }
    }

    pub(super) fn map<T>(self, each: impl Fn(S) -> T) -> History<T> {
        let History { series, problems, problem_kinds, unmapped, tables } = self;
        let series = series.into_iter().map(each).collect();
        History { series, problems, problem_kinds, unmapped, tables }
    }

    pub(super) fn unmapped(&mut self, header: &str) {
        if self.unmapped.len() < MAX_KINDS {
            self.unmapped.insert(header.to_owned());
        }
    }

    pub(super) fn problem(&mut self, problem: FileProblem) {
        let kinds = &mut self.problem_kinds;
        if kinds.len() < MAX_KINDS || kinds.contains_key(&problem.message) {
            *kinds.entry(problem.message.clone()).or_default() += 1;
        }
        self.problems.push(problem);
    }
}

/// One site's counts as the files have them, by time, one an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Id of the site.
    pub site: String,
    /// The column's header.
    pub name: String,
    /// Spaces: by the mapping, else the last in the files.
    pub capacity: Option<u32>,
    /// The counts.
    pub rows: Vec<DatedCount>,
}

/// One count and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatedCount {
    /// When it was so.
    pub at: UtcMicros,
    /// What was counted.
    pub count: Count,
    /// Spaces at that time: by the mapping, else by the row's table before it.
    pub capacity: Option<u32>,
}

/// The value of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    /// Vacant spaces.
    Vacant(u32),
    /// Occupied spaces.
    Occupied(u32),
    /// Occupied share of the capacity, 0 to 1.
    Rate(f64),
    /// The meaning of a code.
    Code(Reading),
}

/// One site's readings, by time, one an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Id of the site.
    pub site: String,
    /// The column's header.
    pub name: String,
    /// Spaces: by the mapping, else the last in the files, else the most that was ever vacant. 0: no
    /// data.
    pub capacity: u32,
    /// The readings.
    pub readings: Vec<(UtcMicros, Reading)>,
}

impl Counts {
    /// The largest count, but for wild numbers; `None`: only shares of the capacity are known.
    pub fn largest(&self) -> Option<u32> {
        let is_share = |row: &DatedCount| matches!(row.count, Count::Rate(_));
        (!self.rows.iter().any(is_share)).then(|| highest(&self.rows))
    }

    /// Orders them by time; of several at one instant the last read holds.
    pub(super) fn order(&mut self) {
        self.rows.sort_by_key(|row| row.at);
        self.rows.dedup_by(|later, held| {
            let is_same = later.at == held.at;
            if is_same {
                *held = *later;
            }
            is_same
        });
    }

    /// As vacant spaces. Counts from `capacity_until` on do not determine the capacity, if there are earlier ones.
    pub(super) fn into_vacant(self, capacity_until: UtcMicros) -> Series {
        let Counts { site, name, capacity, rows } = self;
        let capacity = capacity.unwrap_or_else(|| {
            let early = rows.partition_point(|row| row.at < capacity_until);
            highest(if early > 0 { &rows[..early] } else { &rows })
        });
        let vacant = |count| match count {
            Count::Vacant(n) => Reading::Vacant(n),
            Count::Occupied(n) => Reading::Vacant(capacity.saturating_sub(n)),
            Count::Rate(r) => {
                Reading::Vacant(((1.0 - r).clamp(0.0, 1.0) * f64::from(capacity)).round() as u32)
            }
            Count::Code(reading) => reading,
        };
        let readings = rows.iter().map(|row| (row.at, vacant(row.count))).collect();
        Series { site, name, capacity, readings }
    }
}

fn highest(rows: &[DatedCount]) -> u32 {
    if rows.iter().any(|row| matches!(row.count, Count::Rate(_))) {
        return RATE_CAPACITY;
    }
    let number = |row: &DatedCount| match row.count {
        Count::Vacant(n) | Count::Occupied(n) if n > 0 => Some(n),
        _ => None,
    };
    let mut numbers: Vec<u32> = rows.iter().filter_map(number).collect();
    numbers.sort_unstable();
    let rank = (numbers.len() as f64 * (1.0 - WILD_PART)) as usize;
    numbers.get(rank.min(numbers.len().saturating_sub(1))).copied().unwrap_or(0)
}
