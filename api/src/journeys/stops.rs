//! `GET /v1/stops` and `GET /v1/stops/{id}/departures`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::LatLon;
use domain::{Lang, UtcMicros};
use journey::alerts::Ride;
use journey::area::Area;
use journey::overlay::{OwnKind, Runs};
use journey::raptor::Departure;
use journey::streets::Mode;
use journey::timetable::StopIx;
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::{AlertOut, AlertWriter, Noted};
use super::booking::{BookingOut, BookingWriter, boarding_word};
use super::co2::mode_word;
use super::ends::at;
use super::query::outside;
use super::{Journeys, nothing_loaded};
use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::{Params, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, STREETS, Source, Sources, timetable_sources, whole};
use crate::hub::View;

/// Latest begin of a page, the end of the year 9998, seconds since 1970.
const MAX_TIME_S: i64 = 253_370_764_800;
/// Most departures of one second that pages can go through.
const MAX_AT_ONCE: usize = 500;

/// Default search radius, metres.
const DEFAULT_RADIUS_M: f64 = 800.0;
const MAX_RADIUS_M: f64 = 5_000.0;
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 200;
/// How far ahead departures are searched, seconds.
const WITHIN_S: i32 = 86_400;

/// A place where vehicles stop.
#[derive(Serialize, ToSchema)]
pub struct StopOut<'a> {
    /// Id of the stop, as in the timetable.
    pub id: &'a str,
    /// Name of the stop.
    pub name: &'a str,
    /// Latitude, decimal degrees (WGS 84).
    pub lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    pub lon: f64,
    /// Name of the platform; null: none.
    pub platform: Option<&'a str>,
    /// Id of the station it belongs to; null: none.
    parent_id: Option<&'a str>,
    /// Whether wheelchairs can board here; null: not known.
    pub wheelchair: Option<bool>,
    /// Distance as the crow flies, metres; null: no point was asked about.
    distance_m: Option<i64>,
    /// Walk along the streets, seconds; null: no street leads there, or no streets are known.
    walk_s: Option<i64>,
    /// Short names of the lines that stop here.
    routes: Vec<&'a str>,
}

impl<'a> StopOut<'a> {
    /// A stop of the timetable.
    pub fn new(area: &'a Area, stop: StopIx) -> Self {
        let stops = &area.timetable.stops;
        let LatLon { lat, lon } = area.timetable.stops.point(stop);
        let platform = stops.platforms.get(stop);
        let parent = stops.parents[stop as usize];
        StopOut {
            id: stops.ids.get(stop),
            name: stops.names.get(stop),
            lat,
            lon,
            platform: Some(platform).filter(|platform| !platform.is_empty()),
            parent_id: (parent != journey::timetable::NONE).then(|| stops.ids.get(parent)),
            wheelchair: stops.wheelchair[stop as usize].known(),
            distance_m: None,
            walk_s: None,
            routes: Vec::new(),
        }
    }

    fn with_routes(mut self, area: &'a Area, stop: StopIx) -> Self {
        let timetable = &area.timetable;
        let patterns = timetable.passing(stop);
        let first_trips = patterns.map(|p| timetable.patterns.pattern(p.pattern as usize).first_trip as u32);
        let names = first_trips.filter_map(|trip| timetable.route(trip)).map(|route| {
            if route.short_name.is_empty() { route.long_name.as_str() } else { route.short_name.as_str() }
        });
        self.routes = names.collect();
        self.routes.sort_unstable();
        self.routes.dedup();
        self
    }
}

/// Stops near a point, the nearest first and all on one page, with the lines that stop there.
#[utoipa::path(
    get,
    path = "/v1/stops",
    tag = "transit",
    params(parameters::Stops),
    responses(
        (status = 200, body = CreditedList<StopOut>),
        (status = 503, description = "No timetable is loaded."),
    ),
)]
pub async fn stops(State(journeys): State<Arc<Journeys>>, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Stops::NAMES])?;
    let near = params
        .lat_lon("near")?
        .ok_or_else(|| Problem::missing_parameter("near", "Give near=LAT,LON, e.g. near=51.95,7.17."))?;
    let radius_m = params.number("radius_m", DEFAULT_RADIUS_M, 1.0, MAX_RADIUS_M)?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let loaded = journeys.loaded().ok_or_else(nothing_loaded)?;
    let area = &loaded.area;
    if !loaded.bounds.is_some_and(|b| b.touches(near.around(radius_m))) {
        return Err(outside("near", near, loaded.bounds));
    }
    let mut found: Vec<(f64, StopIx)> = (area.stops.around(&area.timetable, near, radius_m).into_iter())
        .map(|stop| (near.distance_m(area.timetable.stops.point(stop)), stop))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.truncate(limit);
    let links = area.stops.of(Mode::Foot);
    let walks: Vec<Option<f64>> = loaded.with_walks(near, radius_m, |seconds| {
        found.iter().map(|(_, stop)| seconds(links[*stop as usize].as_slice())).collect()
    });
    let items = found.iter().zip(walks).map(|((distance_m, stop), walk_s)| StopOut {
        distance_m: Some(whole(*distance_m)),
        walk_s: walk_s.map(whole),
        ..StopOut::new(area, *stop).with_routes(area, *stop)
    });
    let attribution = timetable_sources(&area.timetable).chain([STREETS]).collect();
    Ok(answer::json(&CreditedList { items: items.collect(), cursor: None, attribution }))
}

/// What leaves a stop next.
#[derive(Serialize, ToSchema)]
pub struct DepartureList<'a> {
    /// The stop that was asked about.
    stop: StopOut<'a>,
    /// Departures, the next first.
    items: Vec<DepartureOut<'a>>,
    /// Service alerts that concern the stop or these departures, each once.
    alerts: Vec<AlertOut<'a>>,
    /// `cursor=` of the next page; null: nothing else leaves within a day of its begin.
    cursor: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// A vehicle that leaves a stop.
#[derive(Serialize, ToSchema)]
pub struct DepartureOut<'a> {
    /// Id of the stop or platform it leaves from.
    stop_id: &'a str,
    /// Kind of vehicle.
    #[schema(value_type = words::VehicleMode)]
    mode: &'static str,
    /// Line, as in the timetable; null: not known.
    route_id: Option<&'a str>,
    /// Short name of the line; null: it has none.
    route_short_name: Option<&'a str>,
    /// Long name of the line; null: it has none.
    route_long_name: Option<&'a str>,
    /// Where the vehicle goes to; null: not known.
    headsign: Option<&'a str>,
    /// Trip, as in the timetable.
    trip_id: &'a str,
    /// When it leaves, with real time.
    departure_time: UtcMicros,
    /// When it leaves by the timetable.
    scheduled_departure_time: UtcMicros,
    /// Whether the time is from real-time data.
    realtime: bool,
    /// Delay, seconds, late is positive; null: not known.
    delay_s: Option<i64>,
    /// Whether the trip is cancelled.
    cancelled: bool,
    /// Whether the run is additional to the timetable.
    added: bool,
    /// Whether the run has other stops or times than the one of the timetable that it replaces.
    replaced: bool,
    /// How full the vehicle is, percent; null: not known.
    occupancy: Option<f32>,
    /// How one gets on: `scheduled`, `book` (on request only), `ask_driver`.
    pickup: &'static str,
    /// How one gets off here: `scheduled`, `book`, `ask_driver`, `none`.
    drop_off: &'static str,
    /// How the ride is booked; null: it need not be.
    booking: Option<BookingOut<'a>>,
    /// The service alerts that concern it: indices into the list's `alerts`.
    alerts: Vec<usize>,
}

/// Where a page of departures begins.
struct BoardPage {
    /// Seconds since 1970.
    from: i64,
    /// How many that leave then were on pages before.
    shown: usize,
}

impl BoardPage {
    /// Reads `cursor`; without one it is the first page, from `from` on.
    ///
    /// # Errors
    /// 400: it is none of ours.
    fn parse(params: &Params<'_>, from: UtcMicros) -> Result<BoardPage, Problem> {
        let Some(key) = params.cursor()? else {
            return Ok(BoardPage { from: from.0.div_euclid(1_000_000), shown: 0 });
        };
        let parts =
            key.split_once(' ').and_then(|(from, shown)| Some((from.parse().ok()?, shown.parse().ok()?)));
        let (from, shown) = parts
            .filter(|(from, shown)| (0..=MAX_TIME_S).contains(from) && *shown <= MAX_AT_ONCE)
            .ok_or_else(|| Problem::bad_cursor("cursor", params.text("cursor").unwrap_or_default()))?;
        Ok(BoardPage { from, shown })
    }

    fn cursor(&self) -> String {
        cursor_after(&format!("{} {}", self.from, self.shown))
    }
}

/// The next departures from a stop, or from all platforms of a station, with real time.
#[utoipa::path(
    get,
    path = "/v1/stops/{id}/departures",
    tag = "transit",
    params(
        ("id" = inline(values::Id), Path, description = "Id of a stop or station, as in the timetable."),
        parameters::Departures,
    ),
    responses(
        (status = 200, body = DepartureList),
        (status = 503, description = "No timetable is loaded."),
    ),
)]
pub async fn departures(
    State(journeys): State<Arc<Journeys>>,
    view: View,
    headers: HeaderMap,
    id: PathId,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Departures::NAMES])?;
    let id = id.text()?;
    let from = params.time("from")?.unwrap_or(view.now);
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let loaded = journeys.loaded().ok_or_else(nothing_loaded)?;
    let timetable = &loaded.area.timetable;
    let stop = timetable.stop(&id).ok_or_else(|| {
        Problem::not_found(format!("There is no stop '{id}'."), "Find stops with /v1/stops?near=LAT,LON.")
    })?;
    let page = BoardPage::parse(&params, from)?;
    let from = page.from;
    let realtime = loaded.realtime.load();
    let bookings = loaded.bookings.load();
    let lang = params.one("lang", &Lang::choices())?.or(accepted(&headers)).unwrap_or(Lang::En);
    let booking = BookingWriter { bookings: &bookings, timetable, book_at: view.now, lang };
    let registry = view.registry();
    let mut midnight = 0;
    let mut found = Vec::new();
    loaded.with_planner(|planner| {
        for platform in timetable.platforms(stop) {
            let (next, begin) = planner.departures(
                realtime.overlay.as_ref(),
                &bookings,
                platform,
                from,
                WITHIN_S,
                page.shown + limit + 1,
            );
            midnight = begin;
            found.extend(next.into_iter().map(|departure| (platform, departure)));
        }
    });
    found.sort_by_key(|(platform, d)| (d.departure_s, *platform, d.trip, d.service_day));
    let leaves = |(_, d): &(StopIx, Departure)| midnight + i64::from(d.departure_s);
    // They were shown as long as real time has not moved them.
    let shown = page.shown.min(found.iter().take_while(|one| leaves(one) == page.from).count());
    found.drain(..shown);
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let cursor = found.last().filter(|_| !is_last).map(|last| {
        let from = leaves(last);
        let again = if from == page.from { shown } else { 0 };
        BoardPage { from, shown: again + found.iter().filter(|one| leaves(one) == from).count() }.cursor()
    });
    let runs = Runs { timetable, overlay: realtime.overlay.as_ref() };
    let noted = Noted::new(realtime.alerts.alerts());
    let last = found.last().map_or(from, |(_, d)| midnight + i64::from(d.departure_s));
    let platforms: Vec<StopIx> = timetable.platforms(stop).collect();
    noted.note(&realtime.alerts.alerts().at_stops(timetable, &platforms, from, last.max(from)), from);
    let items = found.iter().map(|(platform, d)| {
        let route = runs.route(d.trip);
        let trip_id = runs.trip_id(d.trip);
        let kind = runs.own(d.trip).map(|own| own.kind);
        let some = |text: &'_ str| !text.is_empty();
        DepartureOut {
            stop_id: timetable.stops.ids.get(*platform),
            mode: mode_word(route.map_or(3, |route| route.kind)),
            route_id: route.map(|route| route.id.as_str()),
            route_short_name: route.map(|route| route.short_name.as_str()).filter(|t| some(t)),
            route_long_name: route.map(|route| route.long_name.as_str()).filter(|t| some(t)),
            headsign: Some(runs.headsign_at(d.trip, usize::from(d.position))).filter(|t| some(t)),
            trip_id,
            departure_time: at(midnight + i64::from(d.departure_s)),
            scheduled_departure_time: at(midnight + i64::from(d.scheduled_s)),
            realtime: d.realtime,
            delay_s: (d.realtime && !d.cancelled).then(|| i64::from(d.departure_s - d.scheduled_s)),
            cancelled: d.cancelled,
            added: matches!(kind, Some(OwnKind::Added | OwnKind::Duplicated)),
            replaced: kind == Some(OwnKind::Replaced),
            occupancy: realtime.crowding.get(&(trip_id.to_owned(), d.service_day)).copied(),
            pickup: boarding_word(d.pickup),
            drop_off: boarding_word(d.drop_off),
            booking: d.booking.as_ref().map(|ride| booking.write(ride)),
            alerts: {
                let leaves = midnight + i64::from(d.departure_s);
                let ride = Ride::new(runs, d.trip, d.service_day, vec![*platform], (leaves, leaves));
                noted.of_ride(timetable, &ride)
            },
        }
    });
    let items = items.collect();
    let (mut attribution, mut of_alerts) = (loaded.ride_sources(&realtime, &registry), Sources::default());
    noted.credit(&mut of_alerts);
    attribution.extend(of_alerts.of(&registry));
    attribution.sort_unstable();
    attribution.dedup();
    let list = DepartureList {
        stop: StopOut::new(&loaded.area, stop).with_routes(&loaded.area, stop),
        items,
        alerts: noted.written(AlertWriter { timetable, registry: &registry, lang, now: view.now }),
        cursor,
        attribution,
    };
    Ok(answer::json(&list))
}
