//! Whether the files fit together, and with what is there already.

mod bindings;
mod days;
mod devices;
mod feeds;
mod lands;
mod owners;
mod places;
mod references;
mod unique;
mod view;
mod whereabouts;

use domain::UtcMicros;

use crate::existing::Existing;
use crate::problem::Problem;
use crate::read::PlaceFiles;
pub(crate) use view::View;

/// Everything that does not fit, in the order of files and lines.
///
/// `files` are settled (see [`crate::settle`]); `known` is what the database holds.
pub fn validate(files: &PlaceFiles, known: &Existing) -> Vec<Problem> {
    validate_at(files, known, jiff::Timestamp::now().into())
}

/// The same for an import at `now`: a binding that has no date begins then (see
/// [`domain::rebinding`]).
pub fn validate_at(files: &PlaceFiles, known: &Existing, now: UtcMicros) -> Vec<Problem> {
    let view = View::new(files, known);
    let mut problems = Vec::new();
    unique::check(files, known, &mut problems);
    owners::check(files, known, &view, &mut problems);
    references::check(files, &view, &mut problems);
    places::check(files, &view, &mut problems);
    whereabouts::check(files, &view, &mut problems);
    feeds::check(files, known, &mut problems);
    devices::check(files, &view, &mut problems);
    bindings::check(files, known, now, &mut problems);
    days::check(files, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    problems
}

/// What is worth a second look in files that fit, and stops nothing.
pub fn remarks(files: &PlaceFiles, known: &Existing, now: UtcMicros) -> Vec<Problem> {
    let mut remarks = places::never_open(files, now);
    remarks.extend(places::holidays_on_weekdays(files));
    remarks.extend(whereabouts::remarks(files, &View::new(files, known)));
    remarks.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    remarks
}
