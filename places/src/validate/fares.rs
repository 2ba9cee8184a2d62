//! Fares that contradict each other.

use crate::problem::FileProblem;
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

/// Two fares for the same agencies and lines on the same day: the second never counts on it.
pub(super) fn check(files: &PlaceFiles, problems: &mut FileProblems) {
    for (number, fare) in files.fares.iter().enumerate() {
        let mut before = files.fares[..number].iter();
        let overlaps = |other: &&crate::problem::Located<domain::fare::Fare>| {
            other.value.scope() == fare.value.scope() && other.value.meets(&fare.value)
        };
        if let Some(earlier) = before.find(overlaps) {
            let message = format!(
                "is for the same agencies and routes on the same days as '{}' in {}",
                earlier.value.id, earlier.at
            );
            let remedy = "write valid_until, the last day of the older one, or other agencies or routes";
            problems.push(FileProblem::at(&fare.at, message, remedy).field("id").value(&fare.value.id));
        }
    }
}
