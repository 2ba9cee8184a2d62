//! Fares v1.

use fares::v1::{Fare, Rule, Table as Fares};
use rustc_hash::FxHashMap;

use super::super::ReadError;
use super::super::draft::Draft;
use super::super::source::Source;
use super::super::table::{Fault, Ids, Table, fault};
use super::{Names, column, money, open, optional, whole};
use crate::timetable::FeedProblems;

const ATTRIBUTES: &str = "fare_id,price,currency_type,transfers,agency_id,transfer_duration";
const RULES: &str = "fare_id,route_id,origin_id,destination_id,contains_id";

pub fn read(
    source: &mut Source,
    draft: &Draft,
    problems: &mut FeedProblems,
) -> Result<Option<Fares>, ReadError> {
    let mut fares = Fares::default();
    let mut ids = Ids::default();
    let Some(mut table) = open(source, "fare_attributes.txt", 3, ATTRIBUTES, problems)? else {
        return Ok(None);
    };
    while table.next()? {
        let fare = fare(&table, draft, &ids);
        if let Some(fare) = table.read(problems, fare) {
            ids.insert(fare.id.as_bytes().into(), fares.fares.len() as u32);
            fares.fares.push(fare);
        }
    }
    drop(table);
    let mut zones = Names::default();
    fares.zones = column(source, "stops.txt", "stop_id,zone_id", &draft.feed.stops, &mut zones)?;
    // Fares that a faulty rule is of: without it they would hold for more rides than they should.
    let mut faulty: FxHashMap<u32, bool> = FxHashMap::default();
    if let Some(mut table) = open(source, "fare_rules.txt", 1, RULES, problems)? {
        while table.next()? {
            let rule = rule(&table, draft, &ids, &zones.0);
            if rule.is_err()
                && let Some(fare) = ids.get(table.bytes(0))
            {
                faulty.entry(*fare).or_insert(true);
            }
            if let Some((rule, contains)) = table.read(problems, rule) {
                faulty.insert(rule.fare, false);
                fares.rules.push(rule);
                fares.fares[rule.fare as usize].contains.extend(contains);
            }
        }
    }
    for (fare, _) in faulty.into_iter().filter(|(_, has_none_else)| *has_none_else) {
        fares.fares[fare as usize].has_rules = true;
    }
    Ok(Some(fares))
}

fn fare(table: &Table<'_>, draft: &Draft, ids: &Ids) -> Result<Fare, Fault> {
    let [id, price, currency, transfers, agency, duration] = table.columns();
    table.new_named_id(id, ids)?;
    let price = money(table, price, currency)?;
    let transfers = match table.bytes(transfers) {
        b"" => None,
        _ => whole(table, transfers)?
            .filter(|n| *n <= 2)
            .map(Some)
            .ok_or_else(|| fault(transfers, "it is none of 0, 1, 2 and empty"))?,
    };
    Ok(Fare {
        id: table.text(id),
        price,
        transfers,
        duration_s: whole(table, duration)?,
        agency: optional(table, agency, &draft.feed.agencies, "agency")?,
        contains: Vec::new(),
        has_rules: false,
    })
}

fn rule(table: &Table<'_>, draft: &Draft, ids: &Ids, zones: &Ids) -> Result<(Rule, Option<u32>), Fault> {
    let [id, route, origin, destination, contains] = table.columns();
    let zone = |column| optional(table, column, zones, "zone_id in stops.txt");
    let rule = Rule {
        fare: table.id(id, ids, "fare in fare_attributes.txt")?,
        route: optional(table, route, &draft.feed.routes, "route")?,
        origin: zone(origin)?,
        destination: zone(destination)?,
    };
    Ok((rule, zone(contains)?))
}
