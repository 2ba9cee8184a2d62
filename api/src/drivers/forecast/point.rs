//! `GET /v1/forecast`: how many spaces will be vacant, and with what chance one.

use axum::extract::State;
use axum::response::Response;
use domain::availability::{Evidence, VacantSpaces, predict_bay, predict_vacant};
use domain::forecast::Health;
use domain::geo::LatLon;
use domain::live::{BayView, LiveMap, Offer, SiteView, Verdict};
use domain::time::Times;
use domain::{FeedFormat, MunicipalityId, Registry, SiteKind, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::when::times;
use crate::contract::{parameters, words};
use crate::forecasts::Forecasts;
use crate::http::answer;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources};
use crate::hub::View;
use crate::journeys::Inputs;

/// What is expected of a place.
#[derive(Serialize, ToSchema)]
pub struct ForecastOut<'a> {
    /// Id of the site, or of the bay's site; null: the bay has none.
    site: Option<&'a str>,
    /// Id of the bay; null: a site was asked for.
    bay: Option<&'a str>,
    /// Slug of the municipality.
    municipality: &'a str,
    /// What the source of the site's numbers is worth to the forecast.
    #[schema(value_type = words::SourceHealth)]
    health: &'static str,
    /// What is expected, one item for each time.
    items: Vec<ItemOut>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// What is expected at one time.
#[derive(Serialize, ToSchema)]
struct ItemOut {
    /// The time it is about.
    at: UtcMicros,
    /// Chance of a space that is vacant and open to everyone, 0 to 1; null: not known.
    p_vacant: Option<f64>,
    /// Vacant spaces to expect.
    vacant: VacantOut,
    /// What the forecast rests on.
    #[schema(value_type = words::ForecastBasis)]
    basis: &'static str,
    /// Why it is not known; null: it is.
    #[schema(value_type = Option<words::ForecastGap>)]
    reason: Option<&'static str>,
}

/// Vacant spaces that everyone may use.
#[derive(Serialize, ToSchema)]
struct VacantOut {
    /// Mean number of vacant spaces; null: not known.
    expected: Option<f64>,
    /// There are fewer with a chance of 10 %; null: not known.
    low: Option<u32>,
    /// There are more with a chance of 10 %; null: not known.
    high: Option<u32>,
}

/// What is expected, or the reason why that is not known.
type Expected = Result<VacantSpaces, &'static str>;

impl ItemOut {
    fn new(at: UtcMicros, expected: Expected) -> Self {
        let reason = expected.err();
        let expected = expected.ok();
        ItemOut {
            at,
            p_vacant: expected.map(|spaces| (spaces.p * 1000.0).round() / 1000.0),
            vacant: VacantOut {
                expected: expected.map(|spaces| spaces.expected_to_tenth()),
                low: expected.map(|spaces| spaces.low),
                high: expected.map(|spaces| spaces.high),
            },
            basis: expected.map_or("unknown", |spaces| spaces.basis.as_str()),
            reason,
        }
    }
}

/// How many spaces will be vacant at a time, or at each `step` until a time; up to seven days ahead.
///
/// `basis` says what it rests on: the live state and the site's past, its usual week alone, the live state alone, or
/// nothing, with the reason. A bay that may not be
/// shown answers like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/forecast",
    tag = "drivers",
    params(parameters::Forecast),
    responses(
        (status = 200, body = ForecastOut),
        (status = 404, description = "There is no such site or bay, or it is not shown."),
    ),
)]
pub async fn forecast(
    State(inputs): State<Inputs>,
    view: View,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Forecast::NAMES])?;
    let now = view.now;
    // A place that is named is for what it is for.
    params.purpose()?;
    let times = times(&params, now)?;
    let (place, registry) = {
        let live = inputs.hub.read();
        let map = &live.map;
        let place = match (params.text("site"), params.text("bay")) {
            (Some(site), None) => PlaceInput::site(map, site, now).ok_or_else(Problem::no_site)?,
            (None, Some(bay)) => PlaceInput::bay(map, bay, now).ok_or_else(Problem::no_bay)?,
            (Some(_), Some(bay)) => {
                let detail = "'site' and 'bay' exclude each other.";
                return Err(Problem::bad_parameter("bay", bay, detail).remedy("Give one of them."));
            }
            (None, None) => return Err(Problem::missing_parameter("site", "Give site=ID, or bay=ID.")),
        };
        (place, map.registry().clone())
    };
    // Some microseconds per time.
    let work = {
        let (inputs, registry) = (inputs.clone(), registry.clone());
        move || {
            let mut place = place;
            if let Some(site) = &mut place.site {
                site.look(&inputs, &times, now);
            }
            answer::live(&place.written(&inputs, &registry, &times, now))
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}

/// What is copied out under the lock.
struct PlaceInput {
    site: Option<SiteInput>,
    bay: Option<BayView>,
}

/// What is offered at so many times is looked up in one go; between them live state may move on.
const TIMES_AT_ONCE: usize = 32;

struct SiteInput {
    view: SiteView,
    municipality: MunicipalityId,
    kind: SiteKind,
    position: LatLon,
    /// What the site offers to everyone at each of the times; `None`: it is not shown any more.
    offers: Vec<Option<(Offer, Evidence)>>,
}

impl SiteInput {
    fn new(map: &LiveMap, view: SiteView) -> Option<Self> {
        let entry = map.registry().site(view.id)?;
        let (municipality, kind, position) = (entry.municipality, entry.def.kind, entry.def.position());
        Some(SiteInput { view, municipality, kind, position, offers: Vec::new() })
    }

    /// Looks up what is offered at `times`.
    fn look(&mut self, inputs: &Inputs, times: &[UtcMicros], now: UtcMicros) {
        let filling_per_s = inputs.journeys.filling_per_s(self.view.id);
        for times in times.chunks(TIMES_AT_ONCE) {
            let live = inputs.hub.read();
            let map = &live.map;
            let offer = |at: &UtcMicros| {
                let everyone = map.driver([], Some(*at)).with(self.view.purpose);
                let offer = map.site_offer(self.view.id, self.position, &everyone, now)?;
                let site = map.registry().site(self.view.id)?;
                Some((offer, Evidence::of_site(site, &self.view, &offer, filling_per_s, now)))
            };
            self.offers.extend(times.iter().map(offer));
        }
    }

    /// What is expected at the time with this number.
    fn expected(&self, forecasts: &Forecasts, number: usize, times: Times) -> Expected {
        let Some((offer, evidence)) = self.offers.get(number).and_then(Option::as_ref) else {
            return Err("no_data");
        };
        if offer.opening.is_open == Some(false) {
            return Err("closed");
        }
        if offer.verdict == Verdict::Restricted {
            return Err("restricted");
        }
        let health = self.health(forecasts);
        if !matches!(health, Health::Ok | Health::TooLittle) {
            return Err(health.as_str());
        }
        let town = forecasts.town(self.municipality);
        let town = town.as_ref().map(|town| town.read());
        let is_seen = self.view.basis != domain::live::Basis::None;
        let reason = if is_seen { Health::TooLittle.as_str() } else { "no_data" };
        predict_vacant(evidence, town.as_deref(), times).ok_or(reason)
    }

    /// How reliable the site's source is.
    fn health(&self, forecasts: &Forecasts) -> Health {
        let town = forecasts.town(self.municipality);
        town.and_then(|town| town.read().forecaster().health(self.view.id)).unwrap_or(Health::TooLittle)
    }
}

impl PlaceInput {
    fn site(map: &LiveMap, key: &str, now: UtcMicros) -> Option<Self> {
        let view = map.site_by_key(key, now)?;
        Some(PlaceInput { site: SiteInput::new(map, view), bay: None })
    }

    fn bay(map: &LiveMap, key: &str, now: UtcMicros) -> Option<Self> {
        let bay = map.bay_by_key(key, now)?;
        let site = bay.site.and_then(|id| map.site(id, now));
        let site = site.and_then(|view| SiteInput::new(map, view));
        Some(PlaceInput { site, bay: Some(bay) })
    }

    fn written<'a>(
        &self,
        inputs: &Inputs,
        registry: &'a Registry,
        times: &[UtcMicros],
        now: UtcMicros,
    ) -> ForecastOut<'a> {
        let forecasts = &*inputs.forecasts;
        let mut sources = Sources::default();
        sources.note(self.bay.and_then(|bay| bay.feed));
        let mut health = Health::TooLittle;
        if let Some(site) = &self.site {
            sources.note(site.view.feed);
            // The model may rest on imported years.
            let of_history = registry
                .feeds()
                .find(|f| f.municipality == site.municipality && f.def.format == FeedFormat::History);
            sources.note(of_history.map(|f| f.id));
            health = site.health(forecasts);
        }
        let items = times.iter().enumerate().map(|(number, at)| {
            let times = Times { now, arrive: *at };
            let of_site = self.site.as_ref().map(|site| site.expected(forecasts, number, times));
            let expected = match &self.bay {
                Some(bay) => self.of_bay(bay, of_site, times),
                None => of_site.unwrap_or(Err("no_data")),
            };
            ItemOut::new(*at, expected)
        });
        let site = self.site.as_ref().and_then(|s| registry.site(s.view.id)).map(|e| &e.def);
        let bay = self.bay.as_ref().and_then(|b| registry.bay(b.id)).map(|e| &e.def);
        ForecastOut {
            site: site.map(|s| s.id.as_str()),
            bay: bay.map(|b| b.id.as_str()),
            municipality: bay
                .map(|b| b.municipality.as_str())
                .or(site.map(|s| s.municipality.as_str()))
                .unwrap_or(""),
            health: health.as_str(),
            items: items.collect(),
            attribution: sources.of(registry),
        }
    }

    fn of_bay(&self, bay: &BayView, of_site: Option<Expected>, times: Times) -> Expected {
        if let Some(Err(reason @ ("closed" | "restricted"))) = of_site {
            return Err(reason);
        }
        let kind = self.site.as_ref().map_or(SiteKind::OnStreet, |site| site.kind);
        predict_bay(bay.state, kind, of_site.and_then(Result::ok), times).ok_or("no_data")
    }
}
