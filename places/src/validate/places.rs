//! Consistency of municipalities, sites and bays.

use domain::UtcMicros;
use domain::fee::Charge;
use domain::locality::Locality;
use domain::opening::{Hours, holiday_on_weekdays};
use domain::place::{Bay, Municipality, Restriction, Site};
use jiff::tz::TimeZone;

use super::view::View;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, view: &View, problems: &mut FileProblems) {
    problems.extend(files.municipalities.iter().filter_map(|m| zone_exists(&m.value, &m.at)));
    problems.extend(all_hours(files).filter_map(|(field, text, at)| hours_parse(&field, text, at)));
    for Located { value, at } in &files.sites {
        site(value, at, problems);
    }
    for Located { value, at } in &files.bays {
        problems.extend(validity(value.valid_from, value.valid_until, "valid_from", "valid_until", at));
        problems.extend(foreign_site(value, at, view));
    }
}

fn zone_exists(municipality: &Municipality, at: &Location) -> Option<FileProblem> {
    TimeZone::get(&municipality.tz).err().map(|_| {
        let remedy = "write an IANA name such as Europe/Berlin";
        FileProblem::at(at, "is not a time zone", remedy).field("tz").value(&municipality.tz)
    })
}

fn site(site: &Site, at: &Location, problems: &mut FileProblems) {
    for (i, r) in site.restrictions.iter().enumerate() {
        if let Some(kept) = r.capacity.filter(|kept| *kept > site.capacity) {
            let message = format!("is more than the site's capacity of {}", site.capacity);
            let problem = FileProblem::at(at, message, "correct one of the two numbers");
            problems.push(problem.field(format!("restrictions[{i}].capacity")).value(kept.to_string()));
        }
    }
    problems.extend(validity(site.valid_from, site.valid_until, "valid_from", "valid_until", at));
}

/// A bay whose site belongs to another municipality.
fn foreign_site(bay: &Bay, at: &Location, view: &View) -> Option<FileProblem> {
    let site = view.sites.get(bay.site.as_deref()?).filter(|s| s.municipality != bay.municipality)?;
    let [owner, wanted] = [&site.municipality, &bay.municipality].map(|slug| view.municipality_name(slug));
    let message = format!("this site belongs to {owner}, the bay to {wanted}");
    let remedy = "name a site of the bay's municipality, or correct the municipality";
    Some(FileProblem::at(at, message, remedy).field("site").value(&site.id))
}

/// Hours that begin to hold never.
pub(super) fn never_open(files: &PlaceFiles, now: UtcMicros) -> impl Iterator<Item = FileProblem> {
    let anywhere = Locality::default();
    let never = move |text: &str| {
        let hours = Hours::parse(text, &anywhere).ok()?;
        let opening = hours.at(now);
        let ends = opening.is_open == Some(false) && opening.until.is_none();
        // Of fallback rules the next change is not always found: so look at a week.
        let opens = || (0..=7 * 24).any(|hour| hours.at(now.plus_s(hour * 3_600)).is_open != Some(false));
        (ends && !opens()).then_some(())
    };
    files.sites.iter().filter_map(move |Located { value, at }| {
        let text = value.opening_hours.as_deref()?;
        never(text)?;
        let message = "by these hours the site is never open";
        let remedy =
            "say when it is open, e.g. 'Jun-Sep 24/7; Oct-May off'; a closure is a row of closures.csv";
        Some(FileProblem::at(at, message, remedy).field("opening_hours").value(text))
    })
}

/// Fees that could be computed with, and are texts.
pub(super) fn charges_as_texts(files: &PlaceFiles) -> impl Iterator<Item = FileProblem> {
    files.sites.iter().filter_map(|Located { value, at }| {
        let fee = value.fee.as_ref().filter(|fee| fee.tariff.is_none())?;
        let text = fee.de.iter().chain(&fee.en).find(|text| text.parse::<Charge>().is_ok())?;
        let message = "is a text for people, no price is computed from it";
        let remedy = format!("if it is the whole tariff, write {{\"charge\": \"{text}\"}}");
        Some(FileProblem::at(at, message, remedy).field("fee").value(text))
    })
}

/// Hours that name holidays on certain weekdays only, where mostly both are meant.
pub(super) fn holidays_on_weekdays(files: &PlaceFiles) -> impl Iterator<Item = FileProblem> {
    all_hours(files).filter_map(|(field, text, at)| {
        let (holidays, weekday) = holiday_on_weekdays(text)?;
        let message = format!("'{holidays} {weekday}' means only such holidays as fall on '{weekday}'");
        let remedy = format!("did you mean '{holidays},{weekday}': on holidays and on these days?");
        Some(FileProblem::at(at, message, remedy).field(field).value(text))
    })
}

/// Hours of openings, fees, restrictions, lines, desks and taxis: field, text and where they stand.
fn all_hours(files: &PlaceFiles) -> impl Iterator<Item = (String, &String, &Location)> {
    fn of_restrictions<'a>(
        list: &'a [Restriction],
        at: &'a Location,
    ) -> impl Iterator<Item = (String, &'a String, &'a Location)> {
        let hours = list.iter().enumerate().filter_map(|(i, r)| Some((i, r.hours.as_ref()?)));
        hours.map(move |(i, hours)| (format!("restrictions[{i}].hours"), hours, at))
    }
    let of_sites = files.sites.iter().flat_map(|Located { value, at }| {
        let own = value.opening_hours.iter().map(move |text| ("opening_hours".to_owned(), text, at));
        let charged = value.fee.iter().filter_map(|fee| fee.tariff.as_ref()?.hours.as_ref());
        let charged = charged.map(move |text| ("fee.hours".to_owned(), text, at));
        own.chain(charged).chain(of_restrictions(&value.restrictions, at))
    });
    let of_bays = files.bays.iter().flat_map(|bay| of_restrictions(&bay.value.restrictions, &bay.at));
    let of_lines = files.on_demand.iter().flat_map(|Located { value, at }| {
        let both = [("hours", &value.hours), ("phone_hours", &value.desk.phone_hours)];
        both.into_iter().filter_map(move |(field, text)| Some((field.to_owned(), text.as_ref()?, at)))
    });
    let of_taxis = files
        .taxis
        .iter()
        .filter_map(|Located { value, at }| Some(("hours".to_owned(), value.hours.as_ref()?, at)));
    let of_areas = files.on_demand_areas.iter().flat_map(|Located { value, at }| {
        let both = [("hours", Some(&value.hours)), ("phone_hours", value.desk.phone_hours.as_ref())];
        both.into_iter().filter_map(move |(field, text)| Some((field.to_owned(), text?, at)))
    });
    of_sites.chain(of_bays).chain(of_lines).chain(of_areas).chain(of_taxis)
}

fn hours_parse(field: &str, text: &str, at: &Location) -> Option<FileProblem> {
    Hours::parse(text, &Locality::default()).err().map(|e| {
        let remedy = "write it like 'Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off' or '24/7'";
        FileProblem::at(at, e.to_string(), remedy).field(field).value(text)
    })
}

/// An interval that ends before it begins.
pub(super) fn validity(
    from: Option<UtcMicros>,
    until: Option<UtcMicros>,
    from_field: &str,
    until_field: &str,
    at: &Location,
) -> Option<FileProblem> {
    let (from, until) = (from?, until?);
    (until <= from).then(|| {
        let message = format!("is not after {from_field} ({from})");
        let remedy =
            format!("correct one of the two; {until_field} is the first instant at which it no longer holds");
        FileProblem::at(at, message, remedy).field(until_field).value(until.to_string())
    })
}
