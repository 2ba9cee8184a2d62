//! Events as they are on the wire.

use std::io::Write;

use domain::live::{BayView, EventReason, SiteView, VehicleView};
use domain::place::Purpose;
use domain::{BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::{Kind, Topic};
use crate::contract::words::{self, words};
use crate::http::wire::opening_word;

/// The reason of what is part of a snapshot.
pub const SNAPSHOT: &str = "snapshot";

words! {
    /// A bay, a site or a vehicle.
    ThingKind = Kind::ALL.iter().map(|kind| kind.as_str());
    /// Why an event is sent: another state or number; the same one observed again, so that its age begins again; nothing
    /// received for longer than promised; an import changed the place; part of a snapshot.
    ChangeReason = [EventReason::Changed, EventReason::Confirmed, EventReason::Stale, EventReason::Places]
        .map(EventReason::as_str).into_iter().chain([SNAPSHOT]);
}

/// `event: change`: what is new about a place or vehicle. In a snapshot: its current state.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangeData<'a> {
    Bay(BayChange<'a>),
    Site(SiteChange<'a>),
    Vehicle(Box<VehicleChange<'a>>),
}

/// What is new about a bay.
#[derive(Serialize, ToSchema)]
pub struct BayChange<'a> {
    /// Always `bay`.
    kind: &'static str,
    /// Id of the bay.
    id: &'a str,
    /// Slug of the municipality.
    municipality: &'a str,
    /// Id of its site; null: none.
    site: Option<&'a str>,
    /// What is parked there.
    #[schema(value_type = words::Purpose)]
    purpose: Purpose,
    /// What the bay is now.
    #[schema(value_type = words::BayState)]
    state: BayState,
    /// When that was observed; null: never.
    observed_at: Option<UtcMicros>,
    /// Whether the state is older than its sensor promises.
    stale: bool,
    /// Why the event is sent.
    #[schema(value_type = ChangeReason)]
    reason: &'static str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
}

/// What is new about a site.
#[derive(Serialize, ToSchema)]
pub struct SiteChange<'a> {
    /// Always `site`.
    kind: &'static str,
    /// Id of the site.
    id: &'a str,
    /// Slug of the municipality.
    municipality: &'a str,
    /// What is parked there.
    #[schema(value_type = words::Purpose)]
    purpose: Purpose,
    /// All vacant spaces, whoever may use them; null: not known.
    vacant: Option<i64>,
    /// Whether the site is open.
    #[schema(value_type = words::OpeningState)]
    opening: &'static str,
    /// When that was observed; null: never.
    observed_at: Option<UtcMicros>,
    /// Whether the number is older than its source promises.
    stale: bool,
    /// Why the event is sent.
    #[schema(value_type = ChangeReason)]
    reason: &'static str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
}

/// What is new about a vehicle.
#[derive(Serialize, ToSchema)]
pub struct VehicleChange<'a> {
    /// Always `vehicle`.
    kind: &'static str,
    /// Id of the vehicle.
    id: &'a str,
    /// Slug of the owner.
    municipality: &'a str,
    /// What is written on it, or its number for passengers; null: not known.
    label: Option<&'a str>,
    /// Latitude, decimal degrees (WGS 84); null: the vehicle did not know where it was.
    lat: Option<f64>,
    /// Longitude, decimal degrees (WGS 84); null: the vehicle did not know where it was.
    lon: Option<f64>,
    /// Direction of travel, degrees clockwise from north; null: not known.
    bearing_deg: Option<f32>,
    /// Speed, metres per second; null: not known.
    speed_mps: Option<f32>,
    /// Line that it serves, as in the timetable; null: not known.
    route_id: Option<String>,
    /// Trip that it serves, as in the timetable; null: not known.
    trip_id: Option<String>,
    /// Stop at which it is or which is next; null: not known.
    stop_id: Option<String>,
    /// Delay, seconds, late is positive; null: not known.
    delay_s: Option<i32>,
    /// How full it is, percent; null: not known.
    occupancy_pct: Option<f32>,
    /// When it last reported.
    observed_at: UtcMicros,
    /// When it was at `lat`, `lon`: newer messages may be without a position; null: it never had one.
    position_observed_at: Option<UtcMicros>,
    /// Whether it has been at no known place for more than five minutes.
    stale: bool,
    /// Why the event is sent.
    #[schema(value_type = ChangeReason)]
    reason: &'static str,
}

/// `event: removed`: the place is no longer there, or no longer shown; the vehicle has left the `bbox`, or has
/// been at no known place for an hour.
#[derive(Serialize, ToSchema)]
pub struct Removed<'a> {
    /// What is gone: a bay, a site or a vehicle.
    #[schema(value_type = ThingKind)]
    pub kind: Kind,
    /// Id of what is gone.
    pub id: &'a str,
}

/// The event of a bay's state; `None` when the registry does not have it.
pub fn of_bay<'a>(
    registry: &'a Registry,
    view: &BayView,
    reason: &'static str,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.bay(view.id)?;
    let site = view.site.and_then(|id| registry.site(id)).map(|s| &s.def);
    let data = BayChange {
        kind: Kind::Bay.as_str(),
        id: &entry.def.id,
        municipality: &entry.def.municipality,
        site: site.map(|s| s.id.as_str()),
        purpose: site.map_or(Purpose::Car, |s| s.purpose),
        state: view.state,
        observed_at: view.observed_at,
        stale: view.stale,
        reason,
        lat: view.position.lat,
        lon: view.position.lon,
    };
    let topic = Topic { site: view.site, ..Topic::bay(registry, entry) };
    Some((topic, ChangeData::Bay(data)))
}

/// The event of a site's numbers; `None` when the registry does not have it.
pub fn of_site<'a>(
    registry: &'a Registry,
    view: &SiteView,
    reason: &'static str,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.site(view.id)?;
    let position = entry.def.position();
    let data = SiteChange {
        kind: Kind::Site.as_str(),
        id: &entry.def.id,
        municipality: &entry.def.municipality,
        purpose: view.purpose,
        vacant: view.vacant,
        opening: opening_word(view.opening),
        observed_at: view.observed_at,
        stale: view.stale,
        reason,
        lat: position.lat,
        lon: position.lon,
    };
    Some((Topic::site(entry), ChangeData::Site(data)))
}

/// The event of a vehicle's position; `None` when the registry does not have it.
pub fn of_vehicle<'a>(
    registry: &'a Registry,
    view: VehicleView,
    reason: &'static str,
    now: UtcMicros,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.vehicle(view.id)?;
    let (position, stale) = (view.fix.position, view.is_stale(now));
    let data = VehicleChange {
        kind: Kind::Vehicle.as_str(),
        id: &entry.def.id,
        municipality: &entry.def.owner,
        label: entry.def.label.as_deref(),
        lat: position.map(|p| p.lat),
        lon: position.map(|p| p.lon),
        bearing_deg: view.fix.bearing_deg,
        speed_mps: view.fix.speed_mps,
        route_id: view.fix.route_id,
        trip_id: view.fix.trip_id,
        stop_id: view.fix.stop_id,
        delay_s: view.fix.delay_s,
        occupancy_pct: view.fix.occupancy_pct,
        observed_at: view.observed_at,
        position_observed_at: view.position_observed_at,
        stale,
        reason,
    };
    Some((Topic::vehicle(entry, position), ChangeData::Vehicle(Box::new(data))))
}

/// One server-sent event; data is JSON and therefore one line.
pub fn frame(id: &str, event: &str, data: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    // Writing plain structs to memory cannot fail.
    let _ = write!(out, "id: {id}\nevent: {event}\ndata: ");
    let _ = serde_json::to_writer(&mut out, data);
    out.extend_from_slice(b"\n\n");
    out
}
