//! Checks that files fit together, and with what exists already.

mod bindings;
mod days;
mod devices;
mod fares;
mod feeds;
mod lands;
mod on_demand;
mod owners;
mod places;
mod references;
mod unique;
mod view;
mod whereabouts;

use domain::UtcMicros;

use crate::problems::FileProblems;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;
pub(crate) use view::View;

/// All contradictions, in the order of files and lines, for an import at `now`: a binding that has no date begins then
/// (see [`domain::rebinding`]).
///
/// `files` are settled (see [`crate::settle`]); `known` is what the database holds.
pub fn validate(files: &PlaceFiles, known: &Catalogue, now: UtcMicros) -> FileProblems {
    let view = View::new(files, known);
    let mut problems = FileProblems::default();
    unique::check(files, known, &mut problems);
    owners::check(files, known, &view, &mut problems);
    references::check(files, &view, &mut problems);
    places::check(files, &view, &mut problems);
    whereabouts::check(files, &view, &mut problems);
    feeds::check(files, known, &mut problems);
    devices::check(files, &view, &mut problems);
    bindings::check(files, known, now, &mut problems);
    days::check(files, &mut problems);
    on_demand::check(files, &mut problems);
    fares::check(files, &mut problems);
    problems.sorted()
}

/// Warnings about valid files.
pub fn remarks(files: &PlaceFiles, known: &Catalogue, now: UtcMicros) -> FileProblems {
    let mut remarks = FileProblems::default();
    remarks.extend(places::never_open(files, now));
    remarks.extend(places::holidays_on_weekdays(files));
    remarks.extend(on_demand::unreachable(files));
    remarks.extend(places::charges_as_texts(files));
    bindings::remarks(files, known, &mut remarks);
    whereabouts::remarks(files, &View::new(files, known), &mut remarks);
    remarks.sorted()
}
