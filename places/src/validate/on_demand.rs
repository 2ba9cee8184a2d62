//! Rules for lines that run on request: each once, and ending after it begins.

use super::unique::repeated;
use crate::problem::{FileProblem, Located};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, problems: &mut FileProblems) {
    for Located { value: rule, at } in &files.on_demand {
        if let Some((from, until)) =
            rule.valid_from.zip(rule.valid_until).filter(|(from, until)| until < from)
        {
            let message = format!("is before valid_from ({from})");
            let remedy = "correct one of the two; valid_until is the last day on which it holds";
            problems.push(FileProblem::at(at, message, remedy).field("valid_until").value(until.to_string()));
        }
    }
    problems.extend(repeated(&files.on_demand, |rule| rule.scope()).map(|(rule, earlier)| {
        let message = format!("this rule stands twice: also in {earlier}, for the same rides");
        FileProblem::at(&rule.at, message, "delete one of the two rows")
            .field("route")
            .value(&rule.value.route)
    }));
}

/// Rules that leave riders without a way to book.
pub(super) fn unreachable(files: &PlaceFiles) -> impl Iterator<Item = FileProblem> {
    let has_no_desk = |rule: &&Located<domain::booking::OnDemandLine>| {
        let desk = &rule.value.desk;
        [&desk.phone, &desk.url, &desk.info_url, &desk.message_de, &desk.message_en]
            .into_iter()
            .all(Option::is_none)
    };
    files.on_demand.iter().filter(has_no_desk).map(|rule| {
        let remedy = "write phone or booking_url, else nobody learns how to book these rides";
        FileProblem::at(&rule.at, "names no way to book", remedy).field("route").value(&rule.value.route)
    })
}
