//! `[[fare]]` and `[[pass]]` tables of `fares.toml`.

use std::ops::RangeInclusive;

use domain::fare::{Euros, Factor, Fare, FareKind, Pass};
use jiff::civil::Date;
use serde_json::Value;

use crate::cell::{self, Cell, Parsed, complain};
use crate::record::Record;
use crate::schema::{FARE, PASS};

/// Nothing that a ride costs is dearer, euros.
const MAX_EUR: f64 = 1_000.0;
/// And no pass.
const MAX_PASS_EUR: f64 = 10_000.0;
/// The largest of GTFS's route types, basic and extended.
const MAX_ROUTE_TYPE: u32 = 1_799;

pub(crate) fn fare(mut r: Record) -> Option<Fare> {
    r.refuse_unknown_fields(&FARE);
    let (id, kind) = (r.required("id", cell::id), r.required("kind", cell::choice));
    let (valid_from, valid_until) = validity(&mut r);
    let source = source(&mut r);
    let price = |cell: Cell| euros(cell, 0.0..=MAX_EUR);
    let base_eur = r.optional("base_eur", price);
    let per_started_km_eur = r.optional("per_started_km_eur", price);
    match kind {
        Some(FareKind::CrowFly) if !r.has("per_started_km_eur") => {
            r.complain("per_started_km_eur", "is missing: a crow_fly fare is by the kilometre", {
                "add 'per_started_km_eur', or write kind = \"flat\""
            });
        }
        Some(FareKind::Flat) if r.has("per_started_km_eur") => {
            r.refuse("per_started_km_eur", "has no meaning in a flat fare", {
                "delete it, or write kind = \"crow_fly\""
            });
        }
        Some(FareKind::Flat) if !r.has("base_eur") => {
            r.complain("base_eur", "is missing: it is the price of a flat fare", "add 'base_eur'");
        }
        _ => {}
    }
    Some(Fare {
        name: r.optional("name", cell::text),
        agencies: r.optional("agencies", patterns).unwrap_or_default(),
        routes: r.optional("routes", patterns).unwrap_or_default(),
        base_eur,
        per_started_km_eur,
        cap_24h_eur: r.optional("cap_24h_eur", price),
        child_factor: r.optional("child_factor", factor),
        valid_until,
        id: id?,
        kind: kind?,
        valid_from: valid_from?,
        source: source?,
    })
}

pub(crate) fn pass(mut r: Record) -> Option<Pass> {
    r.refuse_unknown_fields(&PASS);
    let id = r.required("id", pass_id);
    let price_eur = r.required("price_eur", |cell| euros(cell, 0.0..=MAX_PASS_EUR));
    let (valid_from, valid_until) = validity(&mut r);
    let source = source(&mut r);
    Some(Pass {
        name: r.optional("name", cell::text),
        route_types: r.optional("route_types", route_types).unwrap_or_default(),
        agencies_except: r.optional("agencies_except", patterns).unwrap_or_default(),
        valid_until,
        id: id?,
        price_eur: price_eur?,
        valid_from: valid_from?,
        source: source?,
    })
}

fn validity(r: &mut Record) -> (Option<Date>, Option<Date>) {
    let (from, until) = (r.required("valid_from", cell::date), r.optional("valid_until", cell::date));
    if let Some((from, _)) = from.zip(until).filter(|(from, until)| until < from) {
        let remedy = "correct one of the two; valid_until is the last day on which it holds";
        r.refuse("valid_until", format!("is before valid_from ({from})"), remedy);
    }
    (from, until)
}

fn source(r: &mut Record) -> Option<String> {
    if !r.has("source") {
        let remedy =
            "write where the price is stated and when it was read, e.g. source = \"tariff sheet, 2026-08\"";
        r.complain("source", "is missing: nobody could check the price", remedy);
        return None;
    }
    r.optional("source", cell::text)
}

/// It stands in `pass=`, where commas separate ids.
fn pass_id(cell: Cell) -> Parsed<String> {
    let id = cell::id(cell)?;
    if id.contains(',') {
        return complain("holds a comma, which separates ids in pass=", "use letters, digits, '-' or '_'");
    }
    Ok(id)
}

fn euros(cell: Cell, range: RangeInclusive<f64>) -> Parsed<Euros> {
    let number = cell::decimal(range)(cell)?;
    let remedy = "write euros, e.g. 1.40, or 0.2675 for a price per kilometre";
    Euros::exact(number).map_or_else(|| complain("has more than four digits behind the point", remedy), Ok)
}

fn factor(cell: Cell) -> Parsed<Factor> {
    let number = cell::decimal(0.0..=1.0)(cell)?;
    let remedy = "write what children pay of the fare, e.g. 0.5";
    Factor::exact(number).map_or_else(|| complain("has more than four digits behind the point", remedy), Ok)
}

/// Patterns, as a list or a single one.
fn patterns(cell: Cell) -> Parsed<Vec<String>> {
    let one = |value| match cell::exact(Cell { value, ..cell })? {
        pattern if pattern.is_empty() => complain("names nothing", "delete it, or write e.g. \"T*\""),
        pattern => Ok(pattern),
    };
    match cell.value {
        Value::Array(list) => list.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}

fn route_types(cell: Cell) -> Parsed<Vec<u16>> {
    let Value::Array(list) = cell.value else {
        return complain("is no list", "write GTFS's route types, e.g. route_types = [0, 1, 2, 3]");
    };
    let one = |value| cell::whole(0..=MAX_ROUTE_TYPE)(Cell { value, ..cell }).map(|kind| kind as u16);
    list.iter().map(one).collect()
}
