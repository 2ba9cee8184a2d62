//! Fare tables: GTFS Fares v2 (`fare_products.txt` and others), and v1 (`fare_attributes.txt`, `fare_rules.txt`).
//!
//! A faulty table costs no more than prices: its rows are noted and left out, the timetable stays.

mod v1;
mod v2;

use domain::fare::Euros;
use fares::{FeedFares, Money};

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Ids, Table, fault};
use crate::timetable::{FeedProblems, StopIx};

/// Reads what rides of a feed cost; to be called when its stops, lines and services are known.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let fares = FeedFares { v2: v2::read(source, draft, problems)?, v1: v1::read(source, draft, problems)? };
    draft.fares.feeds.push(fares);
    Ok(())
}

/// The tables under the final numbers of stops, ready to be asked.
pub fn finished(mut fares: fares::GtfsFares, order: &[StopIx]) -> fares::GtfsFares {
    for feed in &mut fares.feeds {
        let areas = feed.v2.iter_mut().flat_map(|table| &mut table.stop_areas);
        let zones = feed.v1.iter_mut().flat_map(|table| &mut table.zones);
        areas.chain(zones).for_each(|(stop, _)| *stop = order[*stop as usize]);
        feed.v2 = feed.v2.take().map(fares::v2::Table::sealed);
        feed.v1 = feed.v1.take().map(fares::v1::Table::sealed);
    }
    fares
}

/// As [`Table::open`]; a missing column costs the file alone.
fn open<'a>(
    source: &'a mut Source,
    file: &str,
    required: usize,
    header: &'static str,
    problems: &mut FeedProblems,
) -> Result<Option<Table<'a>>, ReadError> {
    let Some(table) = Table::open(source, file, 0, header)? else { return Ok(None) };
    let missing = header.split(',').take(required).enumerate().find(|(column, _)| !table.has(*column));
    if let Some((_, name)) = missing {
        problems.note(&table.file, format!("it has no column {name}; the file is left out"));
        return Ok(None);
    }
    Ok(Some(table))
}

/// Numbers of names, in the order in which they come.
#[derive(Default)]
struct Names(Ids);

impl Names {
    fn add(&mut self, name: &[u8]) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(name.into()).or_insert(next)
    }
}

/// The number of a name; `None`: the field is empty.
fn optional(table: &Table<'_>, column: usize, names: &Ids, what: &str) -> Result<Option<u32>, Fault> {
    if table.bytes(column).is_empty() { Ok(None) } else { table.id(column, names, what).map(Some) }
}

/// A whole number; `None`: the field is empty.
fn whole(table: &Table<'_>, column: usize) -> Result<Option<u32>, Fault> {
    if table.bytes(column).is_empty() {
        return Ok(None);
    }
    table.number(column).map(Some).ok_or_else(|| fault(column, "it is not a whole number from 0 on"))
}

fn money(table: &Table<'_>, amount: usize, currency: usize) -> Result<Money, Fault> {
    let number = table.number(amount).and_then(Euros::exact);
    let reason = "it is not an amount: write it with a point and at most four digits behind it";
    let number = number.ok_or_else(|| fault(amount, reason))?;
    let code = table.text(currency);
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(fault(currency, "it is not the code of a currency: write EUR"));
    }
    Ok(Money { amount: number, currency: code })
}

/// Adds a column with a name for each line or stop, where there is one: lines or stops, and the numbers of their names.
fn column(
    source: &mut Source,
    file: &str,
    header: &'static str,
    ids: &Ids,
    names: &mut Names,
) -> Result<Vec<(u32, u32)>, ReadError> {
    let mut pairs = Vec::new();
    let Some(mut table) = Table::open(source, file, 0, header)? else { return Ok(pairs) };
    while table.next()? {
        if let Some(id) = ids.get(table.bytes(0)).filter(|_| !table.bytes(1).is_empty()) {
            pairs.push((*id, names.add(table.bytes(1))));
        }
    }
    Ok(pairs)
}
