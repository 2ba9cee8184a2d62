//! [`FileProblem`]s of cells of history files.

use std::path::Path;

use places::FileProblem;

pub(crate) fn of_cell(
    (file, line): (&Path, u64),
    (field, value): (&str, &str),
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> FileProblem {
    let problem = FileProblem::of_file(file, message, remedy).field(field).value(value);
    FileProblem { line: u32::try_from(line).ok(), ..problem }
}
