//! [`Problem`]s of cells of history files.

use std::path::Path;

use places::Problem;

pub(crate) fn of_cell(
    (file, line): (&Path, u64),
    (field, value): (&str, &str),
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    let problem = Problem::of_file(file, message, remedy).field(field).value(value);
    Problem { line: u32::try_from(line).ok(), ..problem }
}
