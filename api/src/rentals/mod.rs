//! `GET /v1/rentals`: shared vehicles, at stations and where they stand.

pub(crate) mod chance;
mod out;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::Ruler;
use domain::rental::{FormFactor, System};
use domain::stations::StationModel;
use domain::{Bbox, FeedFormat, FeedId, Lang, LatLon, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use self::out::{Context, FreeVehicleOut, StationOut};
use crate::contract::parameters;
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, Params, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources};
use crate::hub::View;

/// Default search radius, metres.
const DEFAULT_RADIUS_M: f64 = 800.0;
const MAX_RADIUS_M: f64 = 5_000.0;
/// A vehicle of which nothing was heard for so long is not listed, seconds.
const GONE_AFTER_S: i64 = 3_600;
/// How far ahead chances are given, seconds.
const FURTHEST_S: i64 = 86_400;
/// Tolerance for arrivals in the past, seconds: clocks differ, and requests take time.
const JUST_NOW_S: i64 = 60;

/// All systems as they are now. Each is replaced as a whole; no request waits for it.
#[derive(Debug, Default)]
pub struct Rentals {
    systems: ArcSwap<Vec<Held>>,
    learned: ArcSwap<Vec<Learned>>,
}

/// A system, and whose it is.
#[derive(Debug, Clone)]
pub struct Held {
    /// The feed that it comes from, whose municipality's it is.
    pub feed: FeedId,
    /// The system.
    pub system: Arc<System>,
}

/// What was learned of a system's stations.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The feed that it comes from.
    pub feed: FeedId,
    /// The operator's id of the system.
    pub system: String,
    /// What was learned.
    pub model: Arc<StationModel>,
}

impl Rentals {
    /// Takes over what was learned of all systems, in place of what was before.
    pub fn replace_learned(&self, learned: Vec<Learned>) {
        self.learned.store(Arc::new(learned));
    }

    /// Takes over all systems, in place of those before.
    pub fn replace(&self, systems: Vec<Held>) {
        self.systems.store(Arc::new(systems));
    }

    /// All systems.
    pub fn systems(&self) -> Arc<Vec<Held>> {
        self.systems.load_full()
    }
}

/// Shared vehicles.
#[derive(Serialize, ToSchema)]
pub struct RentalsOut<'a> {
    /// Stations, those that are nearer first where a point was asked about, else by their ids.
    stations: Vec<StationOut<'a>>,
    /// Vehicles that stand at no station and can be taken, likewise.
    vehicles: Vec<FreeVehicleOut<'a>>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// Where is looked for, and for what.
struct Wanted {
    near: Option<(LatLon, f64)>,
    within: Bbox,
    forms: Option<Vec<FormFactor>>,
}

impl Wanted {
    /// How far away it is, metres; 0 in a box. `None`: too far.
    fn distance_m(&self, at: LatLon) -> Option<f64> {
        let Some((near, radius_m)) = self.near else { return self.within.contains(at).then_some(0.0) };
        let distance_m = Ruler::at(near).distance_m(at);
        (self.within.contains(at) && distance_m <= radius_m).then_some(distance_m)
    }

    fn takes(&self, form: FormFactor) -> bool {
        self.forms.as_ref().is_none_or(|forms| forms.contains(&form))
    }
}

/// Stations of shared vehicles, and vehicles that stand elsewhere, around a point or within a box. A state that is older than the feed's
/// `stale_after_s` is unknown: counts and chances are null, never 0. Vehicles have no ids: operators change them after each rental.
#[utoipa::path(
    get,
    path = "/v1/rentals",
    tag = "transit",
    params(parameters::Rentals),
    responses((status = 200, body = RentalsOut)),
)]
pub async fn rentals(
    State(rentals): State<Arc<Rentals>>,
    view: View,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Rentals::NAMES])?;
    let radius_m = params.number("radius_m", DEFAULT_RADIUS_M, 1.0, MAX_RADIUS_M)?;
    let (near, bbox) = (params.lat_lon("near")?, params.bbox()?);
    let within = match (near, bbox) {
        (Some(near), None) => near.around(radius_m),
        (None, Some(bbox)) => bbox,
        (None, None) => {
            let remedy = "Give near=LAT,LON, e.g. near=51.95,7.17, or bbox=W,S,E,N.";
            return Err(Problem::missing_parameter("near", remedy));
        }
        (Some(_), Some(_)) => {
            let value = params.text("bbox").unwrap_or_default();
            let problem = Problem::bad_parameter("bbox", value, "'near' and 'bbox' are both given.");
            return Err(problem.remedy("Give one of them."));
        }
    };
    let wanted = Wanted {
        near: near.map(|near| (near, radius_m)),
        within,
        forms: params.list("form", &FormFactor::choices())?,
    };
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let arrive_at = arrive_at(&params, view.now)?;
    let lang = params.one("lang", &Lang::choices())?.or(accepted(&headers)).unwrap_or(Lang::En);
    let (registry, systems) = (view.registry(), rentals.systems());
    let contexts: Vec<Context<'_>> =
        systems.iter().filter_map(|held| context(held, &registry, lang, view.now)).collect();
    let chances = |context: &Context<'_>, station| {
        let stale_after_s = context.feed.def.rental.stale_after_s();
        rentals.chances(context.held, station, None, stale_after_s, view.now, arrive_at)
    };
    let (mut stations, mut vehicles) = (Vec::new(), Vec::new());
    for context in &contexts {
        let System { stations: of_system, vehicles: free, vehicles_at, .. } = &*context.held.system;
        for station in of_system {
            if let Some(distance_m) = wanted.distance_m(station.at)
                && context.forms(station).any(|form| wanted.takes(form))
            {
                stations.push((distance_m, context, station));
            }
        }
        let is_gone = vehicles_at.plus_s(GONE_AFTER_S) < view.now;
        for vehicle in free.iter().filter(|vehicle| !is_gone && vehicle.is_usable()) {
            if let Some(distance_m) = wanted.distance_m(vehicle.at)
                && context.form(vehicle).is_some_and(|form| wanted.takes(form))
            {
                vehicles.push((distance_m, context, vehicle));
            }
        }
    }
    stations.sort_by(|(a, of, one), (b, of_other, other)| {
        a.total_cmp(b).then_with(|| (&of.held.system.id, &one.id).cmp(&(&of_other.held.system.id, &other.id)))
    });
    vehicles.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    stations.truncate(limit);
    vehicles.truncate(limit);
    let shown_m = |distance_m: f64| near.map(|_| distance_m);
    let takes = |form: FormFactor| wanted.takes(form);
    let stations: Vec<StationOut<'_>> = stations
        .into_iter()
        .map(|(m, context, station)| context.station(station, shown_m(m), takes, chances(context, station)))
        .collect();
    let vehicles: Vec<FreeVehicleOut<'_>> = vehicles
        .into_iter()
        .filter_map(|(m, context, vehicle)| context.vehicle(vehicle, shown_m(m)))
        .collect();
    let mut sources = Sources::default();
    let feeds = stations.iter().map(|out| out.feed).chain(vehicles.iter().map(|out| out.feed));
    feeds.for_each(|feed| sources.note(Some(feed)));
    Ok(answer::json(&RentalsOut { stations, vehicles, attribution: sources.of(&registry) }))
}

/// `None`: the feed is gone, or is no longer one of shared vehicles.
fn context<'a>(held: &'a Held, registry: &'a Registry, lang: Lang, now: UtcMicros) -> Option<Context<'a>> {
    let feed = registry.feed(held.feed).filter(|feed| feed.def.format == FeedFormat::Gbfs)?;
    Some(Context { held, feed, lang, now })
}

/// For when the chances are.
///
/// # Errors
/// 400: it lies in the past, or too far ahead.
fn arrive_at(params: &Params<'_>, now: UtcMicros) -> Result<UtcMicros, Problem> {
    let at = params.time("arrive_at")?.unwrap_or(now);
    let detail = if at < now.plus_s(-JUST_NOW_S) {
        "It lies in the past."
    } else if at > now.plus_s(FURTHEST_S) {
        "It lies more than 24 hours ahead."
    } else {
        return Ok(at.max(now));
    };
    let remedy = format!("Give a time from {now} to {}.", now.plus_s(FURTHEST_S));
    Err(Problem::bad_parameter("arrive_at", &at.to_string(), detail).remedy(remedy))
}
