//! Closures and days of the calendar: each once, and ending after it begins.

use super::unique::repeated;
use crate::problem::{FileProblem, Located};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, problems: &mut FileProblems) {
    for Located { value: row, at } in &files.closures {
        if let Some(from) = row.from.instant()
            && let Some(until) = row.until.and_then(|until| until.instant())
            && until < from
        {
            let message = format!("is before from ({from})");
            let remedy = "correct one of the two; until is the first instant at which the place is open again, empty = \
                          until further notice, the same as from = the closure is taken back";
            problems.push(FileProblem::at(at, message, remedy).field("until").value(until.to_string()));
        }
    }
    for Located { value: day, at } in &files.calendar {
        if day.until < day.date {
            let message = format!("is before date ({})", day.date);
            let remedy = "correct one of the two; until is the last day, empty = the same day";
            problems.push(FileProblem::at(at, message, remedy).field("until").value(day.until.to_string()));
        }
    }
    let closures = repeated(&files.closures, |row| (row.kind, &row.place, row.from));
    let twice = |at, earlier, what| {
        let message = format!("{what} stands twice: also in {earlier}");
        FileProblem::at(at, message, "delete one of the two rows")
    };
    problems.extend(closures.map(|(row, earlier)| twice(&row.at, earlier, "this closure of the place")));
    let days = repeated(&files.calendar, |day| (&day.municipality, day.date, day.kind, &day.name));
    problems.extend(days.map(|(day, earlier)| twice(&day.at, earlier, "this day")));
}
