//! Rows of `on_demand.csv`.

use domain::booking::OnDemandLine;
use serde::Serialize;

use crate::booking::{self, Columns, MAX_NOTICE_MIN};
use crate::cell;
use crate::record::Record;

/// Nobody is driven further from a stop, metres.
const MAX_TO_DOOR_M: u32 = 100_000;

pub(crate) fn line(mut r: Record) -> Option<OnDemandLine> {
    let route = r.required("route", cell::id);
    let kind = r.required("kind", cell::choice);
    if !r.has("agency") && route.as_ref().is_some_and(|route| route.chars().all(|c| c == '*')) {
        let remedy = "write what the names of the lines begin with, e.g. T*, or name their agency";
        r.refuse("route", "is every line there is", remedy);
    }
    Some(OnDemandLine {
        municipality: r.optional("municipality", cell::slug),
        agency: r.optional("agency", cell::exact),
        direction: r.optional("direction", cell::whole(0..=1)).map(|direction| direction as u8),
        hours: r.optional("hours", cell::text),
        terms: booking::terms(&mut r),
        desk: booking::desk(&mut r),
        to_door_m: r.optional("to_door_m", cell::whole(0..=MAX_TO_DOOR_M)),
        wheelchair: r.optional("wheelchair", cell::boolean),
        wheelchair_notice_min: r.optional("wheelchair_notice_min", cell::whole(0..=MAX_NOTICE_MIN)),
        bikes: r.optional("bikes", cell::boolean),
        valid_from: r.optional("valid_from", cell::date),
        valid_until: r.optional("valid_until", cell::date),
        source: r.optional("source", cell::text),
        route: route?,
        kind: kind?,
    })
}

/// A row to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    #[serde(flatten)]
    line: &'a OnDemandLine,
    #[serde(flatten)]
    booking: Columns<'a>,
}

impl<'a> From<&'a OnDemandLine> for Row<'a> {
    fn from(line: &'a OnDemandLine) -> Self {
        Row { line, booking: Columns::new(&line.terms, &line.desk) }
    }
}
