//! Rules for lines that run on request, and areas on demand: each once, and ending after it begins.

use domain::booking::Desk;
use jiff::civil::Date;

use super::unique::repeated;
use crate::problem::{FileProblem, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, problems: &mut FileProblems) {
    let lines = files.on_demand.iter().map(|l| (&l.at, l.value.valid_from, l.value.valid_until));
    let areas = files.on_demand_areas.iter().map(|a| (&a.at, a.value.valid_from, a.value.valid_until));
    problems.extend(lines.chain(areas).filter_map(|(at, from, until)| ends_early(at, from?, until?)));
    problems.extend(repeated(&files.on_demand, |rule| rule.scope()).map(|(rule, earlier)| {
        let message = format!("this rule stands twice: also in {earlier}, for the same rides");
        FileProblem::at(&rule.at, message, "delete one of the two rows")
            .field("route")
            .value(&rule.value.route)
    }));
}

fn ends_early(at: &Location, from: Date, until: Date) -> Option<FileProblem> {
    (until < from).then(|| {
        let message = format!("is before valid_from ({from})");
        let remedy = "correct one of the two; valid_until is the last day on which it holds";
        FileProblem::at(at, message, remedy).field("valid_until").value(until.to_string())
    })
}

/// Rules and areas that leave riders without a way to book.
pub(super) fn unreachable(files: &PlaceFiles) -> impl Iterator<Item = FileProblem> {
    let is_silent = |desk: &Desk| {
        [&desk.phone, &desk.url, &desk.info_url, &desk.message_de, &desk.message_en]
            .into_iter()
            .all(Option::is_none)
    };
    let lines = files.on_demand.iter().map(|l| (&l.at, &l.value.desk, "route", &l.value.route));
    let areas = files.on_demand_areas.iter().map(|a| (&a.at, &a.value.desk, "id", &a.value.id));
    lines.chain(areas).filter(move |(_, desk, ..)| is_silent(desk)).map(|(at, _, field, value)| {
        let remedy = "write phone or booking_url, else nobody learns how to book these rides";
        FileProblem::at(at, "names no way to book", remedy).field(field).value(value)
    })
}
