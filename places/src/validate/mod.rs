//! Whether the files fit together, and with what is there already.

mod bindings;
mod feeds;
mod owners;
mod places;
mod references;
mod unique;
mod view;

use crate::existing::Existing;
use crate::problem::Problem;
use crate::read::PlaceFiles;
use view::View;

/// Everything that does not fit, in the order of files and lines.
///
/// `files` are settled (see [`crate::settle`]); `known` is what the database holds.
pub fn validate(files: &PlaceFiles, known: &Existing) -> Vec<Problem> {
    let view = View::new(files, known);
    let mut problems = Vec::new();
    unique::check(files, known, &mut problems);
    owners::check(files, known, &view, &mut problems);
    references::check(files, &view, &mut problems);
    places::check(files, &view, &mut problems);
    feeds::check(files, known, &mut problems);
    bindings::check(files, known, &view, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    problems
}
