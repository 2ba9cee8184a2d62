//! Shorthands for [`Problem`]s of history files.

use std::path::Path;

use places::Problem;

pub(crate) fn of_file(file: &Path, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem {
        file: file.to_owned(),
        line: None,
        field: None,
        value: None,
        message: message.into(),
        remedy: remedy.into(),
    }
}

pub(crate) fn of_cell(
    (file, line): (&Path, u64),
    (field, value): (&str, &str),
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem {
        line: u32::try_from(line).ok(),
        field: Some(field.to_owned()),
        value: Some(value.to_owned()),
        ..of_file(file, message, remedy)
    }
}
