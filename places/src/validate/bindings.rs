//! Sensors and what they are bound to, over time.

use std::collections::HashMap;

use domain::place::DevEui;
use domain::{Decoder, UtcMicros};

use super::places::validity;
use super::view::View;
use crate::existing::{Existing, bindings_after};
use crate::problem::{Located, Location, Problem};
use crate::read::PlaceFiles;
use crate::rows::SensorRow;

/// A row and where it stands; known rows stand in no file.
type Row<'a> = (&'a SensorRow, Option<&'a Location>);

pub(super) fn check(files: &PlaceFiles, known: &Existing, view: &View, problems: &mut Vec<Problem>) {
    for Located { value: row, at } in &files.sensors {
        problems.extend(dev_eui(row, at, view));
        problems.extend(validity(row.bound_from, row.bound_until, "bound_from", "bound_until", at));
        problems.extend(threshold(row, at));
        problems.extend(foreign_place(row, at, view));
    }
    problems.extend(contradictions(&files.sensors));
    let rows = bindings_after(&known.sensors, &files.sensors);
    for bindings in grouped(&rows, |row| Some(row.id.as_str())).values() {
        problems.extend(pairs(bindings).filter_map(|(a, b)| bound_twice(a, b)));
    }
    let open = |row: &'_ SensorRow| row.bound_until.is_none();
    for bindings in grouped(&rows, |row| row.bay.as_deref().filter(|_| open(row))).values() {
        problems.extend(pairs(bindings).filter_map(|(a, b)| two_on_one_bay(a, b)));
    }
}

/// A device of a LoRaWAN feed is known by its DevEUI.
fn dev_eui(row: &SensorRow, at: &Location, view: &View) -> Option<Problem> {
    view.feeds.get(row.feed.as_str()).filter(|feed| feed.format.is_lorawan())?;
    let canonical = row.id.parse::<DevEui>().is_ok_and(|eui| eui.to_string() == row.id);
    if canonical {
        return None;
    }
    let digits = row.id.chars().filter(char::is_ascii_hexdigit).count();
    let message = format!("is not a DevEUI: 16 hexadecimal digits are needed, this has {digits}");
    let remedy =
        "copy it from the network server (Excel drops leading zeros: format the column as Text first)";
    Some(Problem::at(at, message, remedy).field("id").value(&row.id))
}

fn threshold(row: &SensorRow, at: &Location) -> Option<Problem> {
    let needed = row.decoder == Some(Decoder::MilesightEm400Udl) && row.target().is_some();
    (needed && row.threshold_mm.is_none()).then(|| {
        let message = format!("is missing: {} tells a distance only", Decoder::MilesightEm400Udl);
        let remedy = "write the distance in millimetres below which the space is occupied, e.g. 1000";
        Problem::at(at, message, remedy).field("threshold_mm")
    })
}

/// A feed may name the places of its own municipality only, the county's all.
fn foreign_place(row: &SensorRow, at: &Location, view: &View) -> Option<Problem> {
    let feed = view.feeds.get(row.feed.as_str())?;
    let owner = view.owner_of_target(row)?;
    let (kind, id) = row.target()?;
    let county = view.municipalities.get(feed.municipality.as_str()).is_some_and(|m| m.is_county());
    if county || owner == feed.municipality {
        return None;
    }
    let message = format!(
        "this {kind} belongs to {}, feed '{}' to {}: a feed names places of its own municipality only",
        view.municipality_name(owner),
        feed.id,
        view.municipality_name(&feed.municipality)
    );
    let remedy = format!("name a {kind} of {}, or a feed of {owner}", feed.municipality);
    Some(Problem::at(at, message, remedy).field(kind).value(id))
}

/// Rows of one sensor that say different things of the device itself.
fn contradictions(rows: &[Located<SensorRow>]) -> Vec<Problem> {
    let mut first: HashMap<&str, &Located<SensorRow>> = HashMap::new();
    let mut problems = Vec::new();
    for row in rows {
        let earlier = *first.entry(&row.value.id).or_insert(row);
        let (a, b) = (&earlier.value, &row.value);
        let mut differ = |field: &str, was: &str, is: &str| {
            let message = format!("sensor '{}' has {field} '{was}' in {}", b.id, earlier.at);
            let remedy = "write the same in all rows of one sensor";
            problems.push(Problem::at(&row.at, message, remedy).field(field).value(is));
        };
        if a.feed != b.feed {
            differ("feed", &a.feed, &b.feed);
        }
        if let (Some(was), Some(is)) = (a.decoder, b.decoder)
            && was != is
        {
            differ("decoder", was.as_str(), is.as_str());
        }
    }
    problems
}

fn bound_twice(a: &Row, b: &Row) -> Option<Problem> {
    let ((_, a_place), (_, b_place)) = (a.0.target()?, b.0.target()?);
    let begins_before_end = |x: &SensorRow, y: &SensorRow| {
        y.bound_until.is_none_or(|end| x.bound_from.is_none_or(|from| from < end))
    };
    if !(begins_before_end(a.0, b.0) && begins_before_end(b.0, a.0)) {
        return None;
    }
    let (at, here, there) = in_files(a, b)?;
    let message = format!(
        "sensor '{}' is bound to '{a_place}' ({}) and to '{b_place}' ({}) at the same time",
        a.0.id,
        interval(a.0),
        interval(b.0)
    );
    let remedy = format!(
        "end the earlier binding: its bound_until is the bound_from of the later one (the other row: {there})"
    );
    Some(Problem::at(at, message, remedy).field("id").value(&here.id))
}

fn two_on_one_bay(a: &Row, b: &Row) -> Option<Problem> {
    if a.0.id == b.0.id {
        return None;
    }
    let (at, here, there) = in_files(a, b)?;
    let bay = here.bay.as_deref()?;
    let message = format!("bay '{bay}' has two open bindings: sensor '{}' and sensor '{}'", a.0.id, b.0.id);
    let remedy = format!("end one of them with a bound_until (the other row: {there})");
    Some(Problem::at(at, message, remedy).field("bay").value(bay))
}

/// Of two rows the one in the files, the later one if both are; and where the other one stands.
fn in_files<'a>(a: &Row<'a>, b: &Row<'a>) -> Option<(&'a Location, &'a SensorRow, String)> {
    let place = |at: Option<&Location>| at.map_or_else(|| "in the database".to_owned(), Location::to_string);
    match (a.1, b.1) {
        (_, Some(at)) => Some((at, b.0, place(a.1))),
        (Some(at), None) => Some((at, a.0, place(b.1))),
        (None, None) => None,
    }
}

fn interval(row: &SensorRow) -> String {
    let end = |at: Option<UtcMicros>| at.map_or_else(|| "open".to_owned(), |at| at.to_string());
    format!("{} to {}", end(row.bound_from), end(row.bound_until))
}

/// Rows by the name that `key` gives them.
fn grouped<'a>(
    rows: &[Row<'a>],
    key: impl Fn(&'a SensorRow) -> Option<&'a str>,
) -> HashMap<&'a str, Vec<Row<'a>>> {
    let mut groups: HashMap<&str, Vec<Row>> = HashMap::new();
    for row in rows {
        if let Some(name) = key(row.0) {
            groups.entry(name).or_default().push(*row);
        }
    }
    groups
}

fn pairs<'r, 'a>(rows: &'r [Row<'a>]) -> impl Iterator<Item = (&'r Row<'a>, &'r Row<'a>)> {
    rows.iter().enumerate().flat_map(|(i, a)| rows[i + 1..].iter().map(move |b| (a, b)))
}
