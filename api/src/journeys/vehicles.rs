//! `GET /v1/vehicles`: last positions of buses, trains and other vehicles.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::live::VehicleView;
use domain::observation::VehicleFix;
use domain::{Registry, UtcMicros, VehicleId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::parameters;
use crate::http::answer;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, Sources, credit};
use crate::hub::View;
use crate::journeys::Journeys;
use crate::journeys::realtime::trip_called;

/// A vehicle, as it last reported.
#[derive(Serialize, ToSchema)]
pub struct VehicleOut<'a> {
    /// Id of the vehicle.
    id: &'a str,
    /// What is written on it, or its number for passengers; null: not known.
    label: Option<&'a str>,
    /// Slug of the owner.
    municipality: &'a str,
    /// Who runs it; null: not known.
    operator: Option<&'a str>,
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
    /// Trip that it serves, as in the timetable, else as the vehicle names it; null: not known.
    trip_id: Option<String>,
    /// Stop at which it is or which is next; null: not known.
    stop_id: Option<String>,
    /// Delay, seconds, late is positive; null: not known.
    delay_s: Option<i32>,
    /// How full it is, percent; null: not known.
    occupancy_pct: Option<f32>,
    /// When it last reported.
    observed_at: UtcMicros,
    /// Seconds since then.
    age_s: i64,
    /// When it was at `lat`, `lon`: newer messages may be without a position; null: it never had one.
    position_observed_at: Option<UtcMicros>,
    /// Whether it has been at no known place for more than five minutes. After an hour it is not listed.
    stale: bool,
    /// When trip, route and stop were last stated; null: never.
    trip_observed_at: Option<UtcMicros>,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
}

fn out(view: VehicleView, registry: &Registry, now: UtcMicros) -> Option<VehicleOut<'_>> {
    let def = &registry.vehicle(view.id)?.def;
    let (attribution, licence) = credit(registry, Some(view.feed));
    let stale = view.is_stale(now);
    Some(VehicleOut {
        stale,
        id: &def.id,
        label: def.label.as_deref(),
        municipality: &def.owner,
        operator: def.operator.as_deref(),
        lat: view.fix.position.map(|p| p.lat),
        lon: view.fix.position.map(|p| p.lon),
        bearing_deg: view.fix.bearing_deg,
        speed_mps: view.fix.speed_mps,
        route_id: view.fix.route_id,
        trip_id: view.fix.trip_id,
        stop_id: view.fix.stop_id,
        delay_s: view.fix.delay_s,
        occupancy_pct: view.fix.occupancy_pct,
        observed_at: view.observed_at,
        age_s: now.age_s(view.observed_at),
        position_observed_at: view.position_observed_at,
        trip_observed_at: view.trip_observed_at,
        attribution,
        licence,
    })
}

/// Vehicles in the order of their ids, with the ages of their reports. Those without a known position for an hour are not
/// listed.
#[utoipa::path(
    get,
    path = "/v1/vehicles",
    tag = "transit",
    params(parameters::Within, parameters::Paging),
    responses((status = 200, body = CreditedList<VehicleOut>)),
)]
pub async fn vehicles(
    State(journeys): State<Arc<Journeys>>,
    view: View,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Within::NAMES, parameters::Paging::NAMES])?;
    let (limit, after, bbox) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?, params.bbox()?);
    let now = view.now;
    let live = view.hub.read();
    let registry = live.map.registry().clone();
    let municipality = params.municipality(&registry)?;
    let mut matching: Vec<(&str, VehicleId)> = live
        .map
        .vehicle_positions(now)
        .filter(|(_, position)| bbox.is_none_or(|bbox| position.is_some_and(|p| bbox.contains(p))))
        .filter_map(|(id, _)| registry.vehicle(id))
        .filter(|entry| municipality.is_none_or(|m| entry.municipality == m))
        .map(|entry| (entry.def.id.as_str(), entry.id))
        .filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after))
        .collect();
    matching.sort_unstable();
    let more = matching.len() > limit;
    matching.truncate(limit);
    let cursor = matching.last().filter(|_| more).map(|(key, _)| cursor_after(key));
    let views: Vec<VehicleView> = matching.iter().filter_map(|(_, id)| live.map.vehicle(*id)).collect();
    drop(live);

    let mut sources = Sources::default();
    views.iter().flat_map(|v| v.feeds).for_each(|feed| sources.note(feed));
    let loaded = journeys.loaded();
    let in_timetable = |view: VehicleView| {
        let called = loaded.as_ref().and_then(|loaded| trip_called(&view, &registry, &loaded.area.timetable));
        VehicleView { fix: VehicleFix { trip_id: called.or(view.fix.trip_id), ..view.fix }, ..view }
    };
    let items = views.into_iter().map(in_timetable).filter_map(|v| out(v, &registry, now)).collect();
    Ok(answer::json(&CreditedList { items, cursor, attribution: sources.of(&registry) }))
}
