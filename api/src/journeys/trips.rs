//! `GET /v1/trips/{id}`: all stops of a run.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::Lang;
use jiff::civil::Date;
use journey::raptor::Chosen;
use journey::timetable::services::{date_of, day_of};
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::{AlertOut, AlertWriter, Noted};
use super::booking::BookingWriter;
use super::leg::{CallOut, LegOut, POLYLINE_DIGITS};
use super::writer::RideWriter;
use super::{Journeys, nothing_loaded};
use crate::contract::{parameters, values};
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources};
use crate::hub::View;

/// Half a day, seconds.
const NOON_S: i64 = 43_200;

/// A run from its first stop to its last.
#[derive(Serialize, ToSchema)]
pub struct TripOut<'a> {
    /// The day on which it began, `YYYY-MM-DD`.
    service_date: String,
    /// Its stops, in order.
    stop_times: Vec<CallOut<'a>>,
    /// The whole run as a leg.
    #[serde(flatten)]
    leg: LegOut<'a>,
    /// Service alerts that concern the run, to which `alerts` points.
    service_alerts: Vec<AlertOut<'a>>,
    /// Digits of the encoded polyline.
    polyline_digits: u32,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// A run with all its stops, as real time has it now.
#[utoipa::path(
    get,
    path = "/v1/trips/{id}",
    tag = "transit",
    params(
        ("id" = inline(values::Id), Path, description = "`trip_id` of a leg or of a departure."),
        parameters::Trip,
    ),
    responses(
        (status = 200, body = TripOut),
        (status = 503, description = "No timetable is loaded."),
    ),
)]
pub async fn trip(
    State(journeys): State<Arc<Journeys>>,
    view: View,
    headers: HeaderMap,
    id: PathId,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Trip::NAMES])?;
    let id = id.text()?;
    let date = params.one::<Date>("date", "dates as YYYY-MM-DD")?.map(day_of);
    let lang = params.one("lang", &Lang::choices())?.or(accepted(&headers)).unwrap_or(Lang::En);
    let loaded = journeys.loaded().ok_or_else(nothing_loaded)?;
    let timetable = &loaded.area.timetable;
    let (realtime, bookings) = (loaded.realtime.load(), loaded.bookings.load());
    let overlay = realtime.overlay.as_ref();
    let now = view.now.0.div_euclid(1_000_000);
    let own = overlay.and_then(|overlay| overlay.own_called(&id, date));
    let planned = timetable.trips(&id);
    let near_now = || planned.iter().find_map(|trip| timetable.nearest_day(*trip, now));
    let unknown = || {
        let detail = match (own.is_some() || !planned.is_empty(), date.and_then(date_of)) {
            (false, _) => format!("There is no trip '{id}'."),
            (true, Some(date)) => format!("There is no run of trip '{id}' on {date}."),
            (true, None) => format!("Trip '{id}' does not run today."),
        };
        let remedy =
            "Take the 'trip_id' of a leg or of a departure; give date=YYYY-MM-DD for a run of another day.";
        Problem::not_found(detail, remedy)
    };
    let day = date.or(own.map(|own| own.day)).or_else(near_now).ok_or_else(unknown)?;
    let chosen = Chosen { trip_id: id.clone(), service_day: day, ends: None, stay_seated: false };
    let noon = timetable.day_begins_at(day) + NOON_S;
    let found = loaded.with_planner(|planner| planner.run(overlay, &bookings, &chosen, noon));
    let leg = found.ok_or_else(unknown)?;
    let booking = BookingWriter { bookings: &bookings, timetable, book_at: view.now, lang };
    let noted = Noted::new(realtime.alerts.alerts());
    let writer = RideWriter { loaded: &loaded, realtime: &realtime, booking, alerts: &noted };
    let registry = view.registry();
    let (stop_times, leg) = (writer.calls(&leg), writer.ride(&leg));
    let mut of_alerts = Sources::default();
    noted.credit(&mut of_alerts);
    let mut attribution = loaded.ride_sources(&realtime, &registry);
    attribution.extend(of_alerts.of(&registry));
    let trip = TripOut {
        service_date: date_of(day).map(|date| date.to_string()).unwrap_or_default(),
        stop_times,
        leg,
        service_alerts: noted.written(AlertWriter { timetable, registry: &registry, lang, now: view.now }),
        polyline_digits: POLYLINE_DIGITS,
        attribution,
    };
    Ok(answer::json(&trip))
}
