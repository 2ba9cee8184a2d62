//! `agency.txt`, `routes.txt`.

use jiff::tz::TimeZone;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::Table;
use crate::timetable::{Agency, FeedProblems, NONE, Route, ZoneIx};

/// GTFS's route type of a bus: what a route without a readable type is taken for.
const BUS: u16 = 3;

/// Reads the agencies with their zones; the first one that exists is that of the timetable.
pub fn agencies(
    source: &mut Source,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    const ID: usize = 0;
    const NAME: usize = 1;
    const URL: usize = 2;
    const ZONE: usize = 3;
    let columns = ["agency_id", "agency_name", "agency_url", "agency_timezone"];
    let Some(mut table) = Table::open(source, "agency.txt", 0, columns)? else {
        problems.add(
            &source.name,
            0,
            "",
            "",
            "it has no agency.txt: times are taken as those of the other feeds, else UTC",
        );
        return Ok(());
    };
    while table.next()? {
        let number = draft.agencies.len() as u32;
        draft.feed.agencies.insert(table.bytes(ID).into(), number);
        draft.agencies.push(Agency { id: table.text(ID), name: table.text(NAME), url: table.text(URL) });
        let zone = table.text(ZONE);
        if zone.is_empty() || TimeZone::get(&zone).is_err() {
            table.fault(
                problems,
                ZONE,
                "it is not a time zone like Europe/Berlin; the row is used without it",
            );
            continue;
        }
        let number = draft.zones.iter().position(|known| *known == zone).unwrap_or_else(|| {
            draft.zones.push(zone);
            draft.zones.len() - 1
        });
        let of_agency = number as ZoneIx;
        draft.feed.zones.insert(draft.agencies.len() as u32 - 1, of_agency);
        draft.feed.zone.get_or_insert(of_agency);
    }
    Ok(())
}

/// Reads the lines.
pub fn routes(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    const ID: usize = 0;
    const AGENCY: usize = 1;
    const SHORT: usize = 2;
    const LONG: usize = 3;
    const TYPE: usize = 4;
    const COLOR: usize = 5;
    const TEXT_COLOR: usize = 6;
    let columns = [
        "route_id",
        "agency_id",
        "route_short_name",
        "route_long_name",
        "route_type",
        "route_color",
        "route_text_color",
    ];
    let feed = source.name.clone();
    let Some(mut table) = Table::open(source, "routes.txt", 1, columns)? else {
        return Err(ReadError::Missing { feed, file: "routes.txt" });
    };
    let only = (draft.feed.agencies.len() == 1).then(|| draft.agencies.len() as u32 - 1);
    while table.next()? {
        if draft.feed.routes.contains_key(table.bytes(ID)) {
            table.fault(problems, ID, "there is one already");
            continue;
        }
        let kind = table.number(TYPE).unwrap_or_else(|| {
            table.fault(problems, TYPE, "it is not a number; the route is read as a bus");
            BUS
        });
        draft.feed.routes.insert(table.bytes(ID).into(), draft.routes.len() as u32);
        let agency = draft.feed.agencies.get(table.bytes(AGENCY)).copied().or(only).unwrap_or(NONE);
        // What says nothing is as its file, a file as the others.
        let zone = draft.feed.zones.get(&agency).copied().or(draft.feed.zone).unwrap_or(0);
        draft.routes.push(Route {
            id: table.text(ID),
            short_name: table.text(SHORT),
            long_name: table.text(LONG),
            kind,
            color: color(table.bytes(COLOR)),
            text_color: color(table.bytes(TEXT_COLOR)),
            agency,
            feed: draft.feed_number(),
            zone,
        });
    }
    Ok(())
}

/// RRGGBB; anything else is no colour.
fn color(field: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(field).ok().filter(|t| t.len() == 6)?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
}
