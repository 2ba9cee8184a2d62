//! Features of `on_demand_areas.geojson`.

use domain::booking::{OnDemandArea, RelativeTo};
use domain::geo::shape::Shape;
use serde::Serialize;
use serde_json::{Value, json};

use crate::booking::{self, Columns, MAX_NOTICE_MIN};
use crate::cell;
use crate::nearest::nearest;
use crate::record::{Record, unknown_field_remedy};
use crate::schema::ON_DEMAND_AREA;

/// The contract's longest ride, where an area states none: GTFS has no default (own estimate: a detour for others).
const DETOUR_FACTOR: f64 = 1.5;
/// A wait for others, seconds.
const OFFSET_S: u32 = 600;

/// Nobody is driven so many times as far as need be.
const MAX_DETOUR_FACTOR: f64 = 10.0;
/// Nobody waits longer for others, seconds.
const MAX_OFFSET_S: u32 = 4 * 3_600;

pub(crate) fn area(mut r: Record, shape: Option<Shape>) -> Option<OnDemandArea> {
    // Maps carry properties of their own. One that is like a known one is misspelt, and a deadline would be lost with it.
    for name in r.unknown_fields(&ON_DEMAND_AREA) {
        if nearest(&name, ON_DEMAND_AREA.names()).is_some() {
            let message = format!("is not a known property of {}", ON_DEMAND_AREA.what);
            r.complain(&name, message, unknown_field_remedy(&name, &ON_DEMAND_AREA));
        }
    }
    let id = r.required("id", cell::id);
    let municipality = r.required("municipality", cell::slug);
    let name = r.required("name", cell::text);
    let kind = r.required("kind", cell::choice);
    if !r.has("hours") {
        r.complain(
            "hours",
            "is missing: nobody could know when it comes",
            "add 'hours', e.g. \"Mo-Fr 08:00-18:00\"",
        );
    }
    let hours = r.optional("hours", cell::text);
    let terms = booking::terms(&mut r);
    if terms.relative_to == RelativeTo::FirstStop {
        let message = "has no meaning in an area: a ride begins where one gets on";
        r.refuse("relative_to", message, "delete it, or write boarding");
    }
    Some(OnDemandArea {
        agency: r.optional("agency", cell::exact),
        stops: r.optional("stops", cell::ids).unwrap_or_default(),
        detour_factor: r
            .optional("detour_factor", cell::decimal(1.0..=MAX_DETOUR_FACTOR))
            .unwrap_or(DETOUR_FACTOR),
        offset_s: r.optional("offset_s", cell::whole(0..=MAX_OFFSET_S)).unwrap_or(OFFSET_S),
        terms,
        desk: booking::desk(&mut r),
        wheelchair: r.optional("wheelchair", cell::boolean),
        wheelchair_notice_min: r.optional("wheelchair_notice_min", cell::whole(0..=MAX_NOTICE_MIN)),
        bikes: r.optional("bikes", cell::boolean),
        valid_from: r.optional("valid_from", cell::date),
        valid_until: r.optional("valid_until", cell::date),
        source: r.optional("source", cell::text),
        id: id?,
        municipality: municipality?,
        name: name?,
        kind: kind?,
        hours: hours?,
        shape: shape?,
    })
}

/// An area to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Feature<'a> {
    #[serde(flatten)]
    area: &'a OnDemandArea,
    #[serde(flatten)]
    booking: Columns<'a>,
    geometry: Value,
}

impl<'a> From<&'a OnDemandArea> for Feature<'a> {
    fn from(area: &'a OnDemandArea) -> Self {
        let geometry = match area.shape.polygons() {
            [only] => json!({"type": "Polygon", "coordinates": only}),
            several => json!({"type": "MultiPolygon", "coordinates": several}),
        };
        Feature { area, booking: Columns::new(&area.terms, &area.desk), geometry }
    }
}
