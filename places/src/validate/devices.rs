//! Devices in the rows of sensors, and whether their feed may name their place.

use std::collections::HashMap;

use domain::Decoder;
use domain::place::DevEui;
use domain::sensor::SensorRow;

use super::view::View;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, view: &View, problems: &mut FileProblems) {
    for Located { value: row, at } in &files.sensors {
        problems.extend(dev_eui(row, at, view));
        problems.extend(threshold(row, at));
        problems.extend(misfit(row, at, view));
        problems.extend(foreign_place(row, at, view));
    }
    problems.extend(contradictions(&files.sensors));
}

/// A device of a LoRaWAN feed is known by its DevEUI.
fn dev_eui(row: &SensorRow, at: &Location, view: &View) -> Option<FileProblem> {
    view.feeds.get(row.feed.as_str()).filter(|feed| feed.format.is_lorawan())?;
    let canonical = row.id.parse::<DevEui>().is_ok_and(|eui| eui.to_string() == row.id);
    if canonical {
        return None;
    }
    let digits = row.id.chars().filter(char::is_ascii_hexdigit).count();
    let message = format!("is not a DevEUI: 16 hexadecimal digits are needed, this has {digits}");
    let remedy =
        "copy it from the network server (Excel drops leading zeros: format the column as Text first)";
    Some(FileProblem::at(at, message, remedy).field("id").value(&row.id))
}

fn threshold(row: &SensorRow, at: &Location) -> Option<FileProblem> {
    let decoder = row.decoder.filter(|d| d.needs_threshold() && row.target().is_some())?;
    row.threshold_mm.is_none().then(|| {
        let message = format!("is missing: {decoder} reports a distance only");
        let remedy = "write the distance in millimetres below which the space is occupied, e.g. 1000";
        FileProblem::at(at, message, remedy).field("threshold_mm")
    })
}

/// A decoder of devices that report on something else. A binding that has an end may be of the past, when the device was read
/// otherwise: what was exported is imported again.
fn misfit(row: &SensorRow, at: &Location, view: &View) -> Option<FileProblem> {
    view.feeds.get(row.feed.as_str()).filter(|feed| feed.format.is_lorawan())?;
    let (decoder, (kind, id)) = (row.decoder?, row.target().filter(|_| row.bound_until.is_none())?);
    if decoder.reports_on() == kind {
        return None;
    }
    let of = decoder.reports_on();
    let message = format!("its devices report on a {of}, and this row binds one to {kind} '{id}'");
    let choices = Decoder::choices_for(kind);
    let remedy =
        format!("name the {of} that it is at, or the decoder of the device that is there: {choices}");
    Some(FileProblem::at(at, message, remedy).field("decoder").value(decoder.as_str()))
}

/// A feed may name the places of its own municipality only, a county's those of its towns.
fn foreign_place(row: &SensorRow, at: &Location, view: &View) -> Option<FileProblem> {
    let feed = view.feeds.get(row.feed.as_str())?;
    let owner = view.owner_of_target(row)?;
    let (kind, id) = row.target()?;
    // What is not known is the concern of another check.
    let (speaker, of) = (view.municipalities.get(&*feed.municipality)?, view.municipalities.get(owner)?);
    if speaker.may_name(of) {
        return None;
    }
    let (rule, remedy) = if speaker.is_county() {
        let rule =
            format!("county's feed names places of municipalities whose keys begin with {}", speaker.ags);
        (
            rule,
            format!("name a {kind} of that county, a feed of {owner}, or correct the ags of one of the two"),
        )
    } else {
        let remedy = format!("name a {kind} of {}, or a feed of {owner} or of its county", feed.municipality);
        ("feed names places of its own municipality only".to_owned(), remedy)
    };
    let message = format!(
        "this {kind} belongs to {}, feed '{}' to {}: a {rule}",
        view.municipality_name(owner),
        feed.id,
        view.municipality_name(&feed.municipality)
    );
    Some(FileProblem::at(at, message, remedy).field(kind).value(id))
}

/// Rows of one sensor that contradict each other about the device itself.
fn contradictions(rows: &[Located<SensorRow>]) -> Vec<FileProblem> {
    let mut first: HashMap<&str, &Located<SensorRow>> = HashMap::new();
    let mut problems = Vec::new();
    for row in rows {
        let earlier = *first.entry(&row.value.id).or_insert(row);
        let (a, b) = (&earlier.value, &row.value);
        let mut differ = |field: &str, was: &str, is: &str| {
            let message = format!("sensor '{}' has {field} '{was}' in {}", b.id, earlier.at);
            let remedy = "write the same in all rows of one sensor";
            problems.push(FileProblem::at(&row.at, message, remedy).field(field).value(is));
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
