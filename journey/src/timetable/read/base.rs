//! `agency.txt`, `routes.txt`.

use jiff::tz::TimeZone;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Table};
use crate::timetable::{Agency, FeedProblems, NONE, Route, ZoneIx};

/// GTFS's route type of a bus: what a route without a readable type is taken for.
const BUS: u16 = 3;

/// Reads the agencies with their zones; the first one that exists is that of the timetable.
pub fn agencies(
    source: &mut Source,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    let header = "agency_id,agency_name,agency_url,agency_timezone";
    let Some(mut table) = Table::open(source, "agency.txt", 0, header)? else {
        let reason = "it has no agency.txt: times are taken as those of the other feeds, else UTC";
        problems.note(&source.name, reason);
        return Ok(());
    };
    let [id, name, url, zone] = table.columns();
    while table.next()? {
        let agency = draft.agencies.len() as u32;
        draft.feed.agencies.insert(table.bytes(id).into(), agency);
        draft.agencies.push(Agency { id: table.text(id), name: table.text(name), url: table.text(url) });
        let text = table.text(zone);
        if text.is_empty() || TimeZone::get(&text).is_err() {
            let reason = "it is not a time zone like Europe/Berlin; the row is used without it";
            table.fault(problems, zone, reason);
            continue;
        }
        let number = draft.zones.iter().position(|known| *known == text).unwrap_or_else(|| {
            draft.zones.push(text);
            draft.zones.len() - 1
        });
        draft.feed.zones.insert(agency, number as ZoneIx);
        draft.feed.zone.get_or_insert(number as ZoneIx);
    }
    Ok(())
}

/// Reads the lines.
pub fn routes(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let header = "route_id,agency_id,route_short_name,route_long_name,route_type,route_url,route_color,route_text_color";
    let mut table = Table::open_required(source, "routes.txt", 1, header)?;
    while table.next()? {
        let route = route(&table, draft, problems);
        draft.routes.extend(table.read(problems, route));
    }
    Ok(())
}

fn route(table: &Table<'_>, draft: &mut Draft, problems: &mut FeedProblems) -> Result<Route, Fault> {
    let [id, agency, short_name, long_name, kind, url, color, text_color] = table.columns();
    let key = table.new_id(id, &draft.feed.routes)?;
    draft.feed.routes.insert(key, draft.routes.len() as u32);
    let only = (draft.feed.agencies.len() == 1).then(|| draft.agencies.len() as u32 - 1);
    let agency = draft.feed.agencies.get(table.bytes(agency)).copied().or(only).unwrap_or(NONE);
    Ok(Route {
        id: table.text(id),
        short_name: table.text(short_name),
        long_name: table.text(long_name),
        kind: table.number(kind).unwrap_or_else(|| {
            table.fault(problems, kind, "it is not a number; the route is read as a bus");
            BUS
        }),
        url: table.text(url),
        color: rgb(table.bytes(color)),
        text_color: rgb(table.bytes(text_color)),
        agency,
        feed: draft.feed_number(),
        // What says nothing is as its file, a file as the others.
        zone: draft.feed.zones.get(&agency).copied().or(draft.feed.zone).unwrap_or(0),
    })
}

/// RRGGBB; anything else is no colour.
fn rgb(field: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(field).ok().filter(|t| t.len() == 6)?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
}
