//! Bindings of sensors over time.

use std::collections::BTreeMap;

use domain::UtcMicros;
use domain::rebinding::rebind;
use domain::sensor::SensorRow;

use super::places::validity;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;

/// A binding after the import.
struct Bound<'a> {
    row: SensorRow,
    /// `None`: the files do not contain it.
    at: Option<&'a Location>,
}

pub(super) fn check(files: &PlaceFiles, known: &Catalogue, now: UtcMicros, problems: &mut FileProblems) {
    for Located { value: row, at } in &files.sensors {
        problems.extend(validity(row.bound_from, row.bound_until, "bound_from", "bound_until", at));
    }
    let bindings = bindings_after(files, known, now);
    for bindings in &bindings {
        problems.extend(bindings.iter().filter_map(|row| ends_before_now(row, now)));
        problems.extend(overlapping(bindings).filter_map(|(a, b)| bound_twice(a, b)));
    }
    let mut open: BTreeMap<&str, Vec<&Bound>> = BTreeMap::new();
    for bound in bindings.iter().flatten().filter(|bound| bound.row.bound_until.is_none()) {
        if let Some(bay) = &bound.row.bay {
            open.entry(bay).or_default().push(bound);
        }
    }
    for bindings in open.values() {
        problems.extend(bindings.windows(2).filter_map(|pair| two_on_one_bay(pair[0], pair[1])));
    }
}

/// The bindings of each sensor after the import.
fn bindings_after<'a>(files: &'a PlaceFiles, known: &Catalogue, now: UtcMicros) -> Vec<Vec<Bound<'a>>> {
    let mut new: BTreeMap<&str, Vec<&Located<SensorRow>>> = BTreeMap::new();
    for row in &files.sensors {
        new.entry(&row.value.id).or_default().push(row);
    }
    let mut stored: BTreeMap<&str, Vec<SensorRow>> = BTreeMap::new();
    for row in &known.sensors {
        stored.entry(&row.id).or_default().push(row.clone());
    }
    let untouched = stored.iter().filter(|(id, _)| !new.contains_key(*id));
    let untouched =
        untouched.map(|(_, rows)| rows.iter().map(|row| Bound { row: row.clone(), at: None }).collect());
    let touched = new.iter().map(|(id, rows)| {
        let values: Vec<&SensorRow> = rows.iter().map(|row| &row.value).collect();
        let commissioned_at = known.commissioned.get(*id).copied();
        let merged = rebind(stored.get(id).map_or(&[], Vec::as_slice), &values, now, commissioned_at);
        merged.into_iter().map(|m| Bound { row: m.row, at: m.of_file.map(|i| &rows[i].at) }).collect()
    });
    untouched.chain(touched).collect()
}

/// Rows that change nothing, since an installer has bound the sensor to something else.
pub(super) fn remarks(files: &PlaceFiles, known: &Catalogue, remarks: &mut FileProblems) {
    for Located { value: row, at } in &files.sensors {
        let commissioned_at = known.commissioned.get(&row.id).copied();
        if commissioned_at.is_none_or(|at| row.bound_from.max(row.bound_until) > Some(at)) {
            continue;
        }
        let mut stored = known.sensors.iter().filter(|stored| stored.id == row.id);
        let Some(open) = stored.find(|stored| stored.bound_until.is_none()) else { continue };
        if open.target() != row.target() {
            let message =
                format!("sensor '{}' stays bound to {}, as an installer has stated", row.id, described(open));
            let remedy = "write what `kreisverkehr export` writes, or a later bound_from to bind it again";
            remarks.push(FileProblem::at(at, message, remedy).field("id").value(&row.id));
        }
    }
}

/// A binding without a date begins now when its sensor was somewhere else before.
fn ends_before_now(Bound { row, at }: &Bound, now: UtcMicros) -> Option<FileProblem> {
    let until = row.bound_until.filter(|until| row.bound_from == Some(now) && *until <= now)?;
    let message =
        "is over, and without bound_from this binding would begin now: its sensor was bound elsewhere";
    let problem = FileProblem::at((*at)?, message, "write its bound_from");
    Some(problem.field("bound_until").value(until.to_string()))
}

fn bound_twice(a: &Bound, b: &Bound) -> Option<FileProblem> {
    let starts_before_end = |x: &SensorRow, y: &SensorRow| match (x.bound_from, y.bound_until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    if !(starts_before_end(&a.row, &b.row) && starts_before_end(&b.row, &a.row)) {
        return None;
    }
    let (at, here, there) = in_files(a, b)?;
    let [first, second] = [a, b].map(|bound| described(&bound.row));
    let message = format!("sensor '{}' is bound to {first} and to {second} at the same time", a.row.id);
    let remedy = format!(
        "end the earlier binding: its bound_until is the bound_from of the later one (the other row: {there})"
    );
    Some(FileProblem::at(at, message, remedy).field("id").value(&here.id))
}

/// `bay '17' (2026-05-01T00:00:00Z to open)`
fn described(row: &SensorRow) -> String {
    let end = |at: Option<UtcMicros>| at.map_or_else(|| "open".to_owned(), |at| at.to_string());
    let place = row.target().map_or_else(|| "no place".to_owned(), |(kind, id)| format!("{kind} '{id}'"));
    format!("{place} ({} to {})", end(row.bound_from), end(row.bound_until))
}

fn two_on_one_bay(a: &Bound, b: &Bound) -> Option<FileProblem> {
    if a.row.id == b.row.id {
        return None;
    }
    let (at, here, there) = in_files(a, b)?;
    let bay = here.bay.as_deref()?;
    let message =
        format!("bay '{bay}' has two open bindings: sensor '{}' and sensor '{}'", a.row.id, b.row.id);
    let remedy = format!("end one of them with a bound_until (the other row: {there})");
    Some(FileProblem::at(at, message, remedy).field("bay").value(bay))
}

/// Of two rows the one in the files, the later line if both are; and where the other one stands.
fn in_files<'r>(a: &'r Bound, b: &'r Bound) -> Option<(&'r Location, &'r SensorRow, String)> {
    let (here, other) = match (a.at, b.at) {
        (Some(x), Some(y)) if x.line > y.line => (a, b),
        (Some(_), None) => (a, b),
        _ => (b, a),
    };
    Some((here.at?, &here.row, other.at.map_or_else(|| "in the database".to_owned(), Location::to_string)))
}

/// Each row that begins before those that begin before it have all ended, with the one of these that ends last: not
/// each with each, of which a table of one sensor has as many as the square of its rows.
fn overlapping<'r, 'a>(rows: &'r [Bound<'a>]) -> impl Iterator<Item = (&'r Bound<'a>, &'r Bound<'a>)> {
    let end = |bound: &Bound| bound.row.bound_until.unwrap_or(UtcMicros(i64::MAX));
    let mut by_start: Vec<&Bound> = rows.iter().collect();
    by_start.sort_by_key(|bound| bound.row.bound_from);
    let mut longest: Option<&Bound> = None;
    by_start.into_iter().filter_map(move |row| {
        let earlier = longest;
        if longest.is_none_or(|held| end(held) < end(row)) {
            longest = Some(row);
        }
        earlier.map(|earlier| (earlier, row))
    })
}
