//! Rows of CSV files: municipalities, sensors, vehicles, taxis.

use domain::Direction;
use domain::place::{Municipality, Vehicle};
use domain::sensor::SensorRow;
use domain::taxi::Taxi;

use crate::booking;
use crate::cell::{self, MAX_WHOLE};
use crate::record::Record;

/// The zone of a municipality that names none.
const DEFAULT_TZ: &str = "Europe/Berlin";

/// The longest heartbeat, seconds: ten years. 2.2 times as much still fits where it is kept.
pub(crate) const MAX_HEARTBEAT_S: u32 = 10 * 365 * 86_400;

/// What a distance sensor can measure at most, millimetres.
const MAX_THRESHOLD_MM: u32 = 65_535;

pub(crate) fn municipality(mut r: Record) -> Option<Municipality> {
    let slug = r.required("slug", cell::slug);
    let name = r.required("name", cell::text);
    let ags = r.required("ags", cell::ags);
    let lat = r.optional("lat", cell::decimal(-90.0..=90.0));
    let lon = r.optional("lon", cell::decimal(-180.0..=180.0));
    for (given, absent) in [("lat", "lon"), ("lon", "lat")] {
        if r.has(given) && !r.has(absent) {
            r.complain(absent, format!("is missing beside '{given}'"), "give both or neither");
        }
    }
    Some(Municipality {
        tz: r.optional("tz", cell::exact).unwrap_or_else(|| DEFAULT_TZ.to_owned()),
        public_planning: r.optional("public_planning", cell::boolean).unwrap_or(false),
        lat,
        lon,
        slug: slug?,
        name: name?,
        ags: ags?,
    })
}

pub(crate) fn sensor(mut r: Record) -> Option<SensorRow> {
    let id = r.required("id", cell::sensor_id);
    let feed = r.required("feed", cell::id);
    let decoder = r.optional("decoder", cell::choice);
    let [bay, site, vehicle] = ["bay", "site", "vehicle"].map(|place| r.optional(place, cell::id));
    if [&bay, &site, &vehicle].into_iter().flatten().count() > 1 {
        let message = "a sensor watches at most one of these at a time";
        r.complain("bay, site, vehicle", message, "keep one; write one row per binding");
    }
    let direction: Option<Direction> = r.optional("direction", cell::choice);
    if direction.is_some() && site.is_none() {
        let remedy = "name the lane's site in 'site', or leave the direction empty";
        r.refuse("direction", "only sensors of a site's lanes have one", remedy);
    }
    Some(SensorRow {
        decoder,
        bay,
        site,
        vehicle,
        direction,
        bound_from: r.optional("bound_from", cell::instant),
        bound_until: r.optional("bound_until", cell::instant),
        heartbeat_s: r.optional("heartbeat_s", cell::whole(1..=MAX_HEARTBEAT_S)),
        stale_after_s: r.optional("stale_after_s", cell::whole(1..=MAX_WHOLE)),
        threshold_mm: r.optional("threshold_mm", cell::whole(1..=MAX_THRESHOLD_MM)),
        id: id?,
        feed: feed?,
    })
}

pub(crate) fn taxi(mut r: Record) -> Option<Taxi> {
    let id = r.required("id", cell::id);
    let municipality = r.required("municipality", cell::slug);
    let name = r.required("name", cell::text);
    let phone = r.required("phone", booking::phone);
    Some(Taxi {
        hours: r.optional("hours", cell::text),
        wheelchair: r.optional("wheelchair", cell::boolean),
        id: id?,
        municipality: municipality?,
        name: name?,
        phone: phone?,
    })
}

/// `owner` is empty when the row names none: [`crate::settle`] fills it.
pub(crate) fn vehicle(mut r: Record) -> Option<Vehicle> {
    let id = r.required("id", cell::id);
    Some(Vehicle {
        owner: r.optional("owner", cell::slug).unwrap_or_default(),
        operator: r.optional("operator", cell::text),
        label: r.optional("label", cell::text),
        seats: r.optional("seats", cell::whole(0..=MAX_WHOLE)),
        standing: r.optional("standing", cell::whole(0..=MAX_WHOLE)),
        id: id?,
    })
}
