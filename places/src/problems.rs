//! All problems of files: the first are listed, all are counted. A wrong column makes a problem of every
//! row, and a file of some megabytes has millions of these.

use std::ops::Deref;

use crate::problem::FileProblem;

/// Problems that are listed: more than anybody reads.
pub const MAX_LISTED: usize = 500;

/// Bytes kept of each text of a problem: a cell may be as long as its file.
const MAX_TEXT_BYTES: usize = 1_000;

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileProblems {
    listed: Vec<FileProblem>,
    unlisted: u64,
}

impl FileProblems {
    /// Adds one.
    pub(crate) fn push(&mut self, problem: FileProblem) {
        self.push_with(|| problem);
    }

    /// Adds one that is costly to describe: it is made only if it is listed.
    pub(crate) fn push_with(&mut self, problem: impl FnOnce() -> FileProblem) {
        if self.is_full() {
            self.unlisted += 1;
        } else {
            self.listed.push(short(problem()));
        }
    }

    /// Whether no more are listed.
    pub(crate) fn is_full(&self) -> bool {
        self.listed.len() >= MAX_LISTED
    }

    /// How many there are, with those that are not listed.
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.unlisted
    }

    /// How many are not listed.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// In the order of files and lines.
    pub(crate) fn sorted(mut self) -> Self {
        self.listed.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        self
    }
}

fn short(mut problem: FileProblem) -> FileProblem {
    let FileProblem { field, value, message, remedy, .. } = &mut problem;
    for text in [field.as_mut(), value.as_mut(), Some(message), Some(remedy)].into_iter().flatten() {
        if text.len() > MAX_TEXT_BYTES {
            text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
            text.shrink_to_fit();
        }
    }
    problem
}

/// Those that are listed.
impl Deref for FileProblems {
    type Target = [FileProblem];

    fn deref(&self) -> &[FileProblem] {
        &self.listed
    }
}

impl Extend<FileProblem> for FileProblems {
    fn extend<I: IntoIterator<Item = FileProblem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}
