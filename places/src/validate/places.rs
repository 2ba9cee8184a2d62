//! What a municipality, site or bay says fits itself and its surroundings.

use domain::UtcMicros;
use domain::geo::LatLon;
use domain::opening::Hours;
use domain::place::{Bay, Municipality, Restriction, Site};
use jiff::tz::TimeZone;

use super::view::View;
use crate::problem::{Located, Location, Problem};
use crate::read::PlaceFiles;

/// Farther than any place from the middle of its municipality, metres: a swapped or wrong position.
const MAX_DISTANCE_M: f64 = 300_000.0;

/// Hours are parsed in some zone; their syntax does not depend on it.
const ANY_TZ: &str = "UTC";

pub(super) fn check(files: &PlaceFiles, view: &View, problems: &mut Vec<Problem>) {
    for Located { value, at } in &files.municipalities {
        problems.extend(zone_exists(value, at));
    }
    for Located { value, at } in &files.sites {
        site(value, at, view, problems);
    }
    for Located { value, at } in &files.bays {
        bay(value, at, view, problems);
    }
}

fn zone_exists(municipality: &Municipality, at: &Location) -> Option<Problem> {
    TimeZone::get(&municipality.tz).err().map(|_| {
        let remedy = "write an IANA name such as Europe/Berlin";
        Problem::at(at, "is not a time zone", remedy).field("tz").value(&municipality.tz)
    })
}

fn site(site: &Site, at: &Location, view: &View, problems: &mut Vec<Problem>) {
    if let Some(hours) = &site.opening_hours {
        problems.extend(hours_parse("opening_hours", hours, at));
    }
    restrictions(&site.restrictions, at, problems);
    for (i, r) in site.restrictions.iter().enumerate() {
        if let Some(kept) = r.capacity.filter(|kept| *kept > site.capacity) {
            let message = format!("is more than the site's capacity of {}", site.capacity);
            let problem = Problem::at(at, message, "mend one of the two numbers");
            problems.push(problem.field(format!("restrictions[{i}].capacity")).value(kept.to_string()));
        }
    }
    problems.extend(validity(site.valid_from, site.valid_until, "valid_from", "valid_until", at));
    problems.extend(near_its_municipality(site.position(), &site.municipality, at, view));
}

fn bay(bay: &Bay, at: &Location, view: &View, problems: &mut Vec<Problem>) {
    restrictions(&bay.restrictions, at, problems);
    problems.extend(validity(bay.valid_from, bay.valid_until, "valid_from", "valid_until", at));
    problems.extend(near_its_municipality(bay.position(), &bay.municipality, at, view));
    if let Some(site) = bay.site.as_deref().and_then(|id| view.sites.get(id))
        && site.municipality != bay.municipality
    {
        let message = format!(
            "this site belongs to {}, the bay to {}",
            view.municipality_name(&site.municipality),
            view.municipality_name(&bay.municipality)
        );
        let remedy = "name a site of the bay's municipality, or mend the municipality";
        problems.push(Problem::at(at, message, remedy).field("site").value(&site.id));
    }
}

fn restrictions(list: &[Restriction], at: &Location, problems: &mut Vec<Problem>) {
    for (i, restriction) in list.iter().enumerate() {
        if let Some(hours) = &restriction.hours {
            problems.extend(hours_parse(&format!("restrictions[{i}].hours"), hours, at));
        }
    }
}

fn hours_parse(field: &str, text: &str, at: &Location) -> Option<Problem> {
    Hours::parse(text, ANY_TZ).err().map(|e| {
        let remedy = "write it like 'Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off' or '24/7'";
        Problem::at(at, e.to_string(), remedy).field(field).value(text)
    })
}

/// An interval that ends before it begins.
pub(super) fn validity(
    from: Option<UtcMicros>,
    until: Option<UtcMicros>,
    from_field: &str,
    until_field: &str,
    at: &Location,
) -> Option<Problem> {
    let (from, until) = (from?, until?);
    (until <= from).then(|| {
        let message = format!("is not after {from_field} ({from})");
        let remedy =
            format!("mend one of the two; {until_field} is the first instant at which it no longer holds");
        Problem::at(at, message, remedy).field(until_field).value(until.to_string())
    })
}

fn near_its_municipality(position: LatLon, slug: &str, at: &Location, view: &View) -> Option<Problem> {
    let municipality = view.municipalities.get(slug)?;
    let middle = LatLon::new(municipality.lat?, municipality.lon?)?;
    let distance_m = position.distance_m(middle);
    if distance_m <= MAX_DISTANCE_M {
        return None;
    }
    let swapped =
        LatLon::new(position.lon, position.lat).is_some_and(|p| p.distance_m(middle) <= MAX_DISTANCE_M);
    let remedy = if swapped {
        "longitude and latitude are swapped: GeoJSON is [lon, lat]".to_owned()
    } else {
        format!("mend the position, or lat and lon of '{slug}' in municipalities.csv")
    };
    let message = format!(
        "[{}, {}] lies {:.0} km away from {}",
        position.lon,
        position.lat,
        distance_m / 1000.0,
        view.municipality_name(slug)
    );
    Some(Problem::at(at, message, remedy).field("geometry"))
}
