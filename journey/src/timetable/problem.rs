//! Problems of a feed, with their lines.

use std::fmt;

/// Problems that are listed; a feed with a wrong separator has one in every row.
const MAX_LISTED: usize = 1_000;
/// A field is quoted to this length, bytes.
const MAX_VALUE_BYTES: usize = 100;

/// A problem. Its row was skipped unless `reason` states otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedProblem {
    /// Feed and file, e.g. `bus.zip/stop_times.txt`.
    pub file: String,
    /// From 1; 0 when it is not about one line.
    pub line: u64,
    /// Name of the column; may be empty.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for FeedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {} '{}'", self.field, self.value)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The first problems, and how many more there were.
#[derive(Debug, Clone, Default)]
pub struct FeedProblems {
    listed: Vec<FeedProblem>,
    more: u64,
}

impl FeedProblems {
    /// Adds a problem.
    pub(crate) fn add(
        &mut self,
        file: &str,
        line: u64,
        field: &'static str,
        value: &str,
        reason: impl Into<String>,
    ) {
        if self.listed.len() == MAX_LISTED {
            self.more += 1;
            return;
        }
        let value = value[..value.floor_char_boundary(MAX_VALUE_BYTES)].to_owned();
        self.listed.push(FeedProblem { file: file.to_owned(), line, field, value, reason: reason.into() });
    }

    /// Adds a problem that is not about one line.
    pub(crate) fn note(&mut self, what: &str, reason: impl Into<String>) {
        self.add(what, 0, "", "", reason);
    }

    /// The first ones, in the order found.
    pub fn listed(&self) -> &[FeedProblem] {
        &self.listed
    }

    /// How many are not listed.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// How many there were in all.
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.more
    }
}
