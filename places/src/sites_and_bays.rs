//! Features of the GeoJSON files: sites and bays.

use domain::fare::Euros;
use domain::fee::{self, Charge, Fee, Tariff};
use domain::geo::Geometry;
use domain::place::{Audience, Bay, Publish, Purpose, Restriction, Site};
use serde_json::Value;

use crate::cell::{self, Cell, MAX_WHOLE, Parsed, complain};
use crate::characters::readable;
use crate::record::{Fields, Record};
use crate::schema::{FEE, RESTRICTION};

/// The longest stay that a sign allows, minutes: a year.
const MAX_STAY_MIN: u32 = 366 * 24 * 60;

/// No barrier stands higher, metres.
const MAX_HEIGHT_M: f64 = 100.0;

pub(crate) fn site(mut r: Record, geometry: Option<Geometry>) -> Option<Site> {
    let id = r.required("id", cell::id);
    let municipality = r.required("municipality", cell::slug);
    let name = r.required("name", cell::text);
    let kind = r.required("kind", cell::choice);
    let capacity = r.required("capacity", cell::whole(1..=MAX_WHOLE));
    Some(Site {
        purpose: r.optional("purpose", cell::choice).unwrap_or(Purpose::Car),
        zone: r.optional("zone", cell::id),
        opening_hours: r.optional("opening_hours", cell::text),
        fee: fee(&mut r),
        max_height_m: r.optional("max_height_m", cell::decimal(0.1..=MAX_HEIGHT_M)),
        restrictions: restrictions(&mut r),
        publish: r.optional("publish", cell::choice).unwrap_or(Publish::Public),
        valid_from: r.optional("valid_from", cell::instant),
        valid_until: r.optional("valid_until", cell::instant),
        id: id?,
        municipality: municipality?,
        name: name?,
        kind: kind?,
        capacity: capacity?,
        geometry: geometry?,
    })
}

pub(crate) fn bay(mut r: Record, geometry: Option<Geometry>) -> Option<Bay> {
    let id = r.required("id", cell::id);
    let municipality = r.required("municipality", cell::slug);
    Some(Bay {
        site: r.optional("site", cell::id),
        zone: r.optional("zone", cell::id),
        restrictions: restrictions(&mut r),
        max_stay_min: r.optional("max_stay_min", cell::whole(1..=MAX_STAY_MIN)),
        publish: r.optional("publish", cell::choice),
        valid_from: r.optional("valid_from", cell::instant),
        valid_until: r.optional("valid_until", cell::instant),
        id: id?,
        municipality: municipality?,
        geometry: geometry?,
    })
}

/// No day of parking costs more, euros.
const MAX_DAY_EUR: f64 = 1_000.0;

/// A plain text is the fee in both languages; `no` is OSM's word for none.
fn fee(r: &mut Record) -> Option<Fee> {
    let fee = match r.optional("fee", text_or_object)? {
        Value::Object(fields) => {
            let mut nested = r.nested("fee", fields);
            nested.refuse_unknown_fields(&FEE);
            let tariff = tariff(&mut nested);
            Fee { de: nested.optional("de", cell::text), en: nested.optional("en", cell::text), tariff }
        }
        other => {
            let text = readable(&cell::shown(&other));
            if text == "no" {
                let tariff = Tariff { charge: Charge::Free, free_min: None, day_max_eur: None, hours: None };
                Fee { de: None, en: None, tariff: Some(tariff) }
            } else {
                Fee { de: Some(text.clone()), en: Some(text), tariff: None }
            }
        }
    };
    (fee.de.is_some() || fee.en.is_some() || fee.tariff.is_some()).then_some(fee)
}

/// What amounts are computed from: a charge, and what limits it.
fn tariff(r: &mut Record) -> Option<Tariff> {
    let charge = r.optional("charge", |cell| {
        cell::exact(cell)?.parse::<Charge>().or_else(|error| complain(error.message, error.remedy))
    });
    let tariff = Tariff {
        charge: charge.unwrap_or(Charge::Free),
        free_min: r.optional("free_min", cell::whole(1..=fee::MAX_STAY_MIN)),
        day_max_eur: r.optional("day_max_eur", cents),
        hours: r.optional("hours", cell::text),
    };
    let limits = ["free_min", "day_max_eur", "hours"];
    let (useless, message, remedy) = match charge {
        None if r.has("charge") => return None,
        None => (&limits[..], "says nothing without a charge", "add \"charge\", e.g. \"1.50 EUR/hour\""),
        Some(Charge::Free) => {
            (&limits[..], "has no meaning where parking is free", "delete it, or correct 'charge'")
        }
        Some(Charge::Stay(_) | Charge::Day(_)) => {
            let remedy = "delete it, or write a charge by the hour or by minutes";
            (&limits[1..2], "has no meaning where time does not count within a day", remedy)
        }
        Some(Charge::Unit { .. }) => (&[][..], "", ""),
    };
    for name in useless.iter().filter(|name| r.has(name)).copied().collect::<Vec<_>>() {
        r.refuse(name, message, remedy);
    }
    charge.map(|charge| Tariff { charge, ..tariff })
}

fn cents(cell: Cell) -> Parsed<Euros> {
    let amount = cell::decimal(0.01..=MAX_DAY_EUR)(cell)?;
    match Euros::exact(amount).filter(|amount| amount.charged() == *amount) {
        Some(amount) => Ok(amount),
        None => complain("has parts of a cent", "write at most two digits behind the point"),
    }
}

fn text_or_object(cell: Cell) -> Parsed<Value> {
    match cell.value {
        Value::String(_) | Value::Object(_) => Ok(cell.value.clone()),
        _ => complain(
            "is neither a text nor {de, en, charge}",
            "write {\"de\": \"...\", \"en\": \"...\", \"charge\": \"1.50 EUR/hour\"}",
        ),
    }
}

/// The list `restrictions`, or the shorthand `restriction`.
fn restrictions(r: &mut Record) -> Vec<Restriction> {
    if r.has("restriction") && r.has("restrictions") {
        let remedy = "keep 'restrictions', delete the shorthand";
        r.complain("restriction", "stands beside 'restrictions'", remedy);
    }
    if let Some(audience) = r.optional("restriction", shorthand).flatten() {
        let audience = Some(audience);
        return vec![Restriction { audience, capacity: None, hours: None, max_stay_min: None }];
    }
    let list = r.optional("restrictions", list_of_objects).unwrap_or_default();
    let numbered = list.into_iter().enumerate();
    numbered.map(|(i, fields)| restriction(r.nested(&format!("restrictions[{i}]"), fields))).collect()
}

fn shorthand(cell: Cell) -> Parsed<Option<Audience>> {
    if cell::exact(cell)? == "none" {
        return Ok(None);
    }
    cell::choice(cell).map(Some).map_err(|complaint| cell::Complaint {
        remedy: complaint.remedy.replace("choices: ", "choices: none, "),
        ..complaint
    })
}

fn list_of_objects(cell: Cell) -> Parsed<Vec<Fields>> {
    let objects = cell.value.as_array().map(|list| list.iter().map(|v| v.as_object().cloned()).collect());
    match objects {
        Some(Some(objects)) => Ok(objects),
        _ => complain(
            "is not a list of restrictions",
            "write [{\"for\": \"disabled\", \"capacity\": 4}], or [] for none",
        ),
    }
}

/// One audience: a list of them is as many restrictions.
fn audience(cell: Cell) -> Parsed<Audience> {
    let Value::Array(list) = cell.value else { return cell::choice(cell) };
    let each: Vec<String> = list.iter().map(|a| format!("{{\"for\": {a}, ...}}")).collect();
    complain(
        "is a list: a restriction is for one audience",
        format!("write one restriction for each, with its own capacity: [{}]", each.join(", ")),
    )
}

fn restriction(mut r: Record) -> Restriction {
    r.refuse_unknown_fields(&RESTRICTION);
    let restriction = Restriction {
        audience: r.optional("for", audience),
        capacity: r.optional("capacity", cell::whole(0..=MAX_WHOLE)),
        hours: r.optional("hours", cell::text),
        max_stay_min: r.optional("max_stay_min", cell::whole(1..=MAX_STAY_MIN)),
    };
    if !RESTRICTION.names().any(|name| r.has(name)) {
        r.complain("for", "the restriction says nothing", "fill it or delete it");
    }
    restriction
}
