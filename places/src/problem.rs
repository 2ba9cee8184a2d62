//! Problems of files, with their location.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::shown::shown;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its path.
    pub file: Arc<Path>,
    /// 1-based; the line where the row, feature or table begins.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A definition and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The definition.
    pub value: T,
    /// Where it stands.
    pub at: Location,
}

/// A problem, with its remedy.
///
/// Displays as a block of one to two lines: `file:line: field = 'value': message`, `remedy: ...`; control characters
/// are written as escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Its path.
    pub file: PathBuf,
    /// 1-based; `None`: the whole file.
    pub line: Option<u32>,
    /// Column, property or key.
    pub field: Option<String>,
    /// As it stands there.
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty: that goes without saying.
    pub remedy: String,
}

impl FileProblem {
    /// A problem of a whole file.
    pub(crate) fn of_file(file: &Path, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        FileProblem {
            file: file.to_owned(),
            line: None,
            field: None,
            value: None,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// A problem of the definition at `at`.
    pub(crate) fn at(at: &Location, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        FileProblem { line: Some(at.line), ..FileProblem::of_file(&at.file, message, remedy) }
    }

    /// With its line.
    pub(crate) fn line(self, line: u32) -> Self {
        FileProblem { line: Some(line), ..self }
    }

    /// With its column, property or key.
    pub(crate) fn field(self, field: impl Into<String>) -> Self {
        FileProblem { field: Some(field.into()), ..self }
    }

    /// With the value as given.
    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        FileProblem { value: Some(value.into()), ..self }
    }
}

/// Longer values are cut in the text: a polygon or a pasted page must not fill the screen.
const SHOWN_VALUE_CHARS: usize = 80;

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.file.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if let Some(field) = &self.field {
            f.write_str(&shown(field))?;
        }
        if let Some(value) = &self.value {
            let cut: String = value.chars().take(SHOWN_VALUE_CHARS).collect();
            let dots = if cut.len() < value.len() { "..." } else { "" };
            let equals = if self.field.is_some() { " = " } else { "" };
            write!(f, "{equals}'{}{dots}'", shown(&cut))?;
        }
        if self.field.is_some() || self.value.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&shown(&self.message))?;
        if !self.remedy.is_empty() {
            write!(f, "\n  remedy: {}", shown(&self.remedy))?;
        }
        Ok(())
    }
}

impl std::error::Error for FileProblem {}
