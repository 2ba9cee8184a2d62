//! Closures and days of the calendar: each once, and ending after it begins.

use std::collections::HashMap;
use std::hash::Hash;

use crate::problem::{FileProblem, Located, Location};
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
    let closures =
        files.closures.iter().map(|row| (&row.at, (row.value.kind, &row.value.place, row.value.from)));
    each_once(closures, "this closure of the place", problems);
    let days = files.calendar.iter().map(|day| {
        let entry = &day.value;
        (&day.at, (&entry.municipality, entry.date, entry.kind, &entry.name))
    });
    each_once(days, "this day", problems);
}

fn each_once<'a, K: Eq + Hash>(
    items: impl Iterator<Item = (&'a Location, K)>,
    what: &str,
    problems: &mut FileProblems,
) {
    let mut first: HashMap<K, &Location> = HashMap::new();
    for (at, key) in items {
        if let Some(earlier) = first.get(&key) {
            let message = format!("{what} stands twice: also in {earlier}");
            problems.push(FileProblem::at(at, message, "delete one of the two rows"));
        } else {
            first.insert(key, at);
        }
    }
}
