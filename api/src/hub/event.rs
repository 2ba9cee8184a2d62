//! Events as they are on the wire.

use domain::live::{BayView, SiteView, VehicleView};
use domain::{BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::{Kind, Topic};
use crate::wire::opening_word;

/// `event: change`: what is new about a place or vehicle. In a snapshot: its current state.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangeData<'a> {
    Bay(BayChange<'a>),
    Site(SiteChange<'a>),
    Vehicle(Box<VehicleChange<'a>>),
}

#[derive(Serialize, ToSchema)]
pub struct BayChange<'a> {
    /// `bay`
    kind: &'static str,
    id: &'a str,
    municipality: &'a str,
    site: Option<&'a str>,
    #[schema(value_type = String, example = "vacant")]
    state: BayState,
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<UtcMicros>,
    stale: bool,
    /// `changed`, `confirmed` (the same again: its age begins anew), `stale`, `places` (an import),
    /// `snapshot`
    reason: &'static str,
    lat: f64,
    lon: f64,
}

#[derive(Serialize, ToSchema)]
pub struct SiteChange<'a> {
    /// `site`
    kind: &'static str,
    id: &'a str,
    municipality: &'a str,
    vacant: Option<i64>,
    /// `open`, `closed`, `unknown`
    opening: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<UtcMicros>,
    stale: bool,
    /// See the bay's.
    reason: &'static str,
    lat: f64,
    lon: f64,
}

#[derive(Serialize, ToSchema)]
pub struct VehicleChange<'a> {
    /// `vehicle`
    kind: &'static str,
    id: &'a str,
    municipality: &'a str,
    label: Option<&'a str>,
    lat: Option<f64>,
    lon: Option<f64>,
    bearing_deg: Option<f32>,
    speed_mps: Option<f32>,
    route_id: Option<String>,
    trip_id: Option<String>,
    stop_id: Option<String>,
    delay_s: Option<i32>,
    occupancy_pct: Option<f32>,
    #[schema(value_type = String, format = DateTime)]
    observed_at: UtcMicros,
    /// When it was at `lat`, `lon`: newer messages may not have told a position.
    #[schema(value_type = Option<String>, format = DateTime)]
    position_observed_at: Option<UtcMicros>,
    stale: bool,
    /// See the bay's.
    reason: &'static str,
}

/// `event: removed`: the place is no longer there, or no longer shown.
#[derive(Serialize, ToSchema)]
pub struct Removed<'a> {
    /// `bay`, `site`
    pub kind: &'static str,
    pub id: &'a str,
}

/// A bay's state to tell; `None` when the registry does not know it.
pub fn of_bay<'a>(
    registry: &'a Registry,
    view: &BayView,
    reason: &'static str,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.bay(view.id)?;
    let topic = Topic {
        kind: Kind::Bay,
        municipality: Some(entry.municipality),
        site: view.site,
        position: Some(view.position),
    };
    let data = BayChange {
        kind: Kind::Bay.as_str(),
        id: &entry.def.id,
        municipality: &entry.def.municipality,
        site: view.site.and_then(|id| registry.site(id)).map(|s| s.def.id.as_str()),
        state: view.state,
        observed_at: view.observed_at,
        stale: view.stale,
        reason,
        lat: view.position.lat,
        lon: view.position.lon,
    };
    Some((topic, ChangeData::Bay(data)))
}

/// A site's number to tell; `None` when the registry does not know it.
pub fn of_site<'a>(
    registry: &'a Registry,
    view: &SiteView,
    reason: &'static str,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.site(view.id)?;
    let position = entry.def.position();
    let topic = Topic {
        kind: Kind::Site,
        municipality: Some(entry.municipality),
        site: Some(view.id),
        position: Some(position),
    };
    let data = SiteChange {
        kind: Kind::Site.as_str(),
        id: &entry.def.id,
        municipality: &entry.def.municipality,
        vacant: view.vacant,
        opening: opening_word(view.opening),
        observed_at: view.observed_at,
        stale: view.stale,
        reason,
        lat: position.lat,
        lon: position.lon,
    };
    Some((topic, ChangeData::Site(data)))
}

/// A vehicle's position to tell; `None` when the registry does not know it.
pub fn of_vehicle<'a>(
    registry: &'a Registry,
    view: VehicleView,
    reason: &'static str,
) -> Option<(Topic, ChangeData<'a>)> {
    let entry = registry.vehicle(view.id)?;
    let position = view.fix.position;
    let topic = Topic { kind: Kind::Vehicle, municipality: Some(entry.municipality), site: None, position };
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
        stale: false,
        reason,
    };
    Some((topic, ChangeData::Vehicle(Box::new(data))))
}

/// One server-sent event; data is JSON and therefore one line.
pub fn frame(id: &str, event: &str, data: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\nevent: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Writing plain structs to memory cannot fail.
    let _ = serde_json::to_writer(&mut out, data);
    out.extend_from_slice(b"\n\n");
    out
}
