//! `GET /v1/alerts`, and the alerts of answers about rides.

use std::cell::RefCell;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::alert::{Period, Selector};
use domain::live::{HeldAlert, LiveMap};
use domain::{FeedId, Lang, Registry, UtcMicros};
use journey::alerts::{AlertIx, Alerts, ResolvedAlert, Ride};
use journey::timetable::{FeedIx, Timetable};
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::at;
use super::realtime::tie;
use super::{Journeys, nothing_loaded};
use crate::contract::{parameters, words};
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::{RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, Sources};
use crate::hub::View;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// Most entities of one alert that are listed, and most periods.
const MAX_LISTED: usize = 100;

/// A service alert: what riders ought to know. It informs; rides are planned by trip updates alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertOut<'a> {
    /// The feed's id and the alert's own within it.
    id: String,
    /// Short text, plain; null: it has none.
    header: Option<&'a str>,
    /// Long text, plain, with line breaks; null: it has none.
    text: Option<&'a str>,
    /// Web page with more; null: none.
    url: Option<&'a str>,
    /// Why it is so.
    #[schema(value_type = words::AlertCause)]
    cause: &'static str,
    /// What it means for riders.
    #[schema(value_type = words::AlertEffect)]
    effect: &'static str,
    /// How grave it is.
    #[schema(value_type = words::AlertSeverity)]
    severity: &'static str,
    /// When it begins to hold, of several periods the one that holds or comes next; null: it held always.
    from: Option<UtcMicros>,
    /// When it ceases to hold, of the same period; null: that is not known.
    until: Option<UtcMicros>,
    /// All its periods, at most 100; none: it holds always.
    periods: Vec<PeriodOut>,
    /// What it is about, at most 100 of them: all fields of one apply together. None: it names nothing, and
    /// stands at no ride.
    about: Vec<AboutOut<'a>>,
    /// How many entities it is about.
    about_count: usize,
    /// Whether it is about a whole network: an agency, a kind of line, more than 50 stops or 20 lines.
    broad: bool,
    /// Some of what it names and the timetable does not have: the rest holds.
    #[schema(value_type = Vec<String>)]
    unknown: &'a [String],
    /// Id of the feed that it comes from.
    source: &'a str,
    /// When the feed last confirmed it.
    observed_at: UtcMicros,
    /// Whether the feed has been silent for more than a quarter of an hour; after a day the alert goes.
    stale: bool,
}

/// When an alert holds.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodOut {
    /// Since when; null: always.
    from: Option<UtcMicros>,
    /// Until when; null: that is not known.
    until: Option<UtcMicros>,
}

/// What an alert is about; a field that is null does not matter.
#[derive(Debug, Serialize, ToSchema)]
struct AboutOut<'a> {
    /// Id of who runs the line; null: whoever.
    agency_id: Option<&'a str>,
    /// Line, as in the timetable; null: any.
    route_id: Option<&'a str>,
    /// Kind of the line as in GTFS; null: any.
    route_type: Option<i32>,
    /// Direction of the line, 0 or 1; null: both.
    direction_id: Option<u8>,
    /// Trip, as in the timetable; null: any.
    trip_id: Option<&'a str>,
    /// Service day of the trip, YYYYMMDD; null: each.
    start_date: Option<&'a str>,
    /// First departure of the trip, HH:MM:SS; null: any.
    start_time: Option<&'a str>,
    /// Stop or station, as in the timetable; null: any.
    stop_id: Option<&'a str>,
    /// Name of the stop; null: no stop, or the timetable does not have it.
    stop_name: Option<&'a str>,
}

/// What alerts are written from.
#[derive(Debug, Clone, Copy)]
pub(super) struct AlertWriter<'a> {
    pub timetable: &'a Timetable,
    pub registry: &'a Registry,
    pub lang: Lang,
    pub now: UtcMicros,
}

impl<'a> AlertWriter<'a> {
    /// An alert as of the moment `then` (seconds since 1970), of whose period it says when it holds.
    fn written(self, alert: &'a ResolvedAlert, then: i64) -> AlertOut<'a> {
        let ResolvedAlert { held: HeldAlert { feed, confirmed_at, alert: says }, .. } = alert;
        let source = self.registry.feed(*feed).map_or("", |feed| feed.def.id.as_str());
        let period = says.period_at(then).map(period_out);
        AlertOut {
            id: format!("{source}:{}", says.id),
            header: says.header.in_lang(self.lang),
            text: says.text.in_lang(self.lang),
            url: says.url.in_lang(self.lang),
            cause: says.cause.as_str(),
            effect: says.effect.as_str(),
            severity: says.severity.as_str(),
            from: period.as_ref().and_then(|period| period.from),
            until: period.as_ref().and_then(|period| period.until),
            periods: says.periods.iter().take(MAX_LISTED).copied().map(period_out).collect(),
            about: says.about.iter().take(MAX_LISTED).map(|about| self.about(about, alert.feed)).collect(),
            about_count: says.about.len(),
            broad: alert.is_broad,
            unknown: &alert.unknown,
            source,
            observed_at: *confirmed_at,
            stale: alert.held.is_stale(self.now),
        }
    }

    /// With the ids that the timetable has, which may have a file's name before them.
    fn about(self, selector: &'a Selector, feed: Option<FeedIx>) -> AboutOut<'a> {
        let timetable = self.timetable;
        let trip = selector.trip.as_deref();
        let stop = selector.stop_id.as_deref();
        let known = stop.and_then(|id| timetable.stop_of(id, feed));
        let trip_id = trip.and_then(|trip| trip.trip_id.as_deref());
        let own_trip = trip_id.and_then(|id| timetable.trips_of(id, feed).first());
        AboutOut {
            agency_id: selector.agency_id.as_deref(),
            route_id: selector.route_id.as_deref().or(trip.and_then(|trip| trip.route_id.as_deref())),
            route_type: selector.route_type,
            direction_id: selector.direction.or(trip.and_then(|trip| trip.direction)),
            trip_id: own_trip.map(|trip| timetable.trip_id(*trip)).or(trip_id),
            start_date: trip.and_then(|trip| trip.start_date.as_deref()),
            start_time: trip.and_then(|trip| trip.start_time.as_deref()),
            stop_id: known.map(|stop| timetable.stops.ids.get(stop)).or(stop),
            stop_name: known.map(|stop| timetable.stops.names.get(stop)),
        }
    }
}

fn period_out(period: Period) -> PeriodOut {
    PeriodOut { from: period.from.map(at), until: period.until.map(at) }
}

/// The alerts of one answer, each once, in the order of the rides that they concern.
pub(super) struct Noted<'a> {
    alerts: &'a Alerts,
    /// With the first moment at which it mattered, seconds since 1970.
    noted: RefCell<Vec<(AlertIx, i64)>>,
}

impl<'a> Noted<'a> {
    pub fn new(alerts: &'a Alerts) -> Self {
        Noted { alerts, noted: RefCell::default() }
    }

    /// Notes the alerts of a ride; returns their numbers in the answer.
    pub fn of_ride(&self, timetable: &Timetable, ride: &Ride<'_>) -> Vec<usize> {
        self.note(&self.alerts.of(timetable, ride), ride.from)
    }

    /// Notes alerts; returns their numbers in the answer.
    pub fn note(&self, alerts: &[AlertIx], from: i64) -> Vec<usize> {
        let mut noted = self.noted.borrow_mut();
        let number = |alert: &AlertIx| {
            let held = noted.iter().position(|(held, _)| held == alert);
            held.unwrap_or_else(|| {
                noted.push((*alert, from));
                noted.len() - 1
            })
        };
        alerts.iter().map(number).collect()
    }

    /// Writes them.
    pub fn written(&self, writer: AlertWriter<'a>) -> Vec<AlertOut<'a>> {
        let noted = self.noted.borrow();
        noted
            .iter()
            .filter_map(|(alert, then)| Some(writer.written(self.alerts.get(*alert)?, *then)))
            .collect()
    }

    /// Notes whose they are.
    pub fn credit(&self, sources: &mut Sources) {
        let noted = self.noted.borrow();
        noted
            .iter()
            .filter_map(|(alert, _)| self.alerts.get(*alert))
            .for_each(|a| sources.note(Some(a.held.feed)));
    }
}

/// Alerts as of some live state.
#[derive(Default)]
pub(crate) struct Current {
    alerts: Arc<Alerts>,
    /// What it was resolved from.
    of: Option<(u64, Arc<Registry>)>,
}

impl Current {
    /// The alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Those of `live`; the same where nothing has changed.
    pub fn follow(&self, live: &LiveMap, timetable: &Timetable, now: UtcMicros) -> Self {
        let (version, registry) = (live.alerts_version(), live.registry());
        let is_same = |(of, places): &(u64, Arc<Registry>)| *of == version && Arc::ptr_eq(places, registry);
        let alerts = if self.of.as_ref().is_some_and(is_same) {
            self.alerts.clone()
        } else {
            let held = live.alerts(now).into_iter().filter(|held| registry.feed(held.feed).is_some());
            let tied = held.map(|held| (tie(registry, timetable, held.feed), held));
            Arc::new(Alerts::new(timetable, tied))
        };
        Current { alerts, of: Some((version, registry.clone())) }
    }
}

/// Service alerts that hold or will hold, in the order of feeds and ids. Those of rides stand with them, too.
#[utoipa::path(
    get,
    path = "/v1/alerts",
    tag = "transit",
    params(parameters::Alerts),
    responses(
        (status = 200, body = CreditedList<AlertOut>),
        (status = 503, description = "No timetable is loaded."),
    ),
)]
pub async fn alerts(
    State(journeys): State<Arc<Journeys>>,
    view: View,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Alerts::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let lang = params.one("lang", &Lang::choices())?.or(accepted(&headers)).unwrap_or(Lang::En);
    let after = params.cursor()?;
    let loaded = journeys.loaded().ok_or_else(nothing_loaded)?;
    let realtime = loaded.realtime.load();
    let registry = view.registry();
    let now_s = view.now.0.div_euclid(1_000_000);
    let writer = AlertWriter { timetable: &loaded.area.timetable, registry: &registry, lang, now: view.now };
    let key = |alert: &ResolvedAlert| {
        let FeedId(feed) = alert.held.feed;
        format!("{feed:010}:{}", alert.held.alert.id)
    };
    let all = realtime.alerts.alerts().all().iter().filter(|alert| !alert.held.alert.is_over(now_s));
    let mut rest = all.filter(|alert| after.as_ref().is_none_or(|after| key(alert) > *after)).peekable();
    let mut sources = Sources::default();
    let (mut items, mut last) = (Vec::new(), None);
    while items.len() < limit
        && let Some(alert) = rest.next()
    {
        sources.note(Some(alert.held.feed));
        items.push(writer.written(alert, now_s));
        last = Some(alert);
    }
    let cursor = last.filter(|_| rest.peek().is_some()).map(|alert| cursor_after(&key(alert)));
    Ok(answer::json(&CreditedList { items, cursor, attribution: sources.of(&registry) }))
}
