//! `GET /v1/forecast`: how many spaces will be vacant, and with what chance one.

use axum::extract::State;
use axum::response::Response;
use domain::arrival::{Flow, Supply, chance, usual_stay_s};
use domain::forecast::{Basis, Chance, Health};
use domain::geo::LatLon;
use domain::live::{BayView, Flags, LiveMap, Offer, SiteView, Verdict};
use domain::{BayState, FeedFormat, MunicipalityId, Registry, SiteKind, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::Forecasts;
use super::input::ForecastInput;
use super::when::times;
use crate::app::{Ctx, Shared};
use crate::contract::{parameters, words};
use crate::http::answer;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources};
use crate::hub::LiveHub;
use crate::journeys::{Outlook, Spaces};

const PARAMETERS: &[&str] = &["site", "bay", "at", "until", "step", "purpose"];

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
    #[schema(value_type = String, format = DateTime)]
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

fn unknown(at: UtcMicros, reason: &'static str) -> ItemOut {
    let vacant = VacantOut { expected: None, low: None, high: None };
    ItemOut { at, p_vacant: None, vacant, basis: "unknown", reason: Some(reason) }
}

fn known(at: UtcMicros, p: f64, (expected, low, high): (f64, u32, u32), basis: &'static str) -> ItemOut {
    let vacant =
        VacantOut { expected: Some((expected * 10.0).round() / 10.0), low: Some(low), high: Some(high) };
    ItemOut { at, p_vacant: Some((p * 1000.0).round() / 1000.0), vacant, basis, reason: None }
}

/// How many spaces to expect, with the tenths below and above, as a chance `p` of one allows:
/// a full place is contested, and the drivers that wait there are no part of what was learned. `expected`: what
/// `/v1/parking` expects of them.
fn in_keeping(p: f64, learned: Chance, expected: Option<f64>) -> (f64, u32, u32) {
    let is_less = p + 1e-9 < learned.p;
    let share = if is_less && learned.p > 0.0 { p / learned.p } else { 1.0 };
    let low = if is_less && p < 0.9 { 0 } else { learned.low };
    let expected = expected.unwrap_or(learned.expected * share).max(p);
    (expected, low.min(expected.floor() as u32), learned.high.max(expected.ceil() as u32))
}

/// The model's number for all spaces, less those that are reserved for others.
fn without(learned: Chance, kept: u32) -> Chance {
    Chance {
        expected: (learned.expected - f64::from(kept)).max(0.0),
        low: learned.low.saturating_sub(kept),
        high: learned.high.saturating_sub(kept),
        ..learned
    }
}

fn word(basis: Basis) -> &'static str {
    match basis {
        Basis::History => "history",
        Basis::WeeklyProfile => "weekly_profile",
        Basis::Live => "live",
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
pub async fn forecast(State(shared): Ctx, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(PARAMETERS)?;
    let now = shared.now();
    // A place that is named is for what it is for.
    params.purpose()?;
    let times = times(&params, now)?;
    let (place, registry) = {
        let live = shared.hub.read();
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
        let (shared, registry) = (shared.clone(), registry.clone());
        move || {
            let mut place = place;
            if let Some(site) = &mut place.site {
                site.look(&shared.hub, &times, now);
            }
            answer::live(&place.written(&shared, &registry, &times, now))
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
    /// What the site offers to everyone at each of the times.
    offers: Vec<Option<Offer>>,
}

impl SiteInput {
    fn new(map: &LiveMap, view: SiteView) -> Option<Self> {
        let entry = map.registry().site(view.id)?;
        let (municipality, kind, position) = (entry.municipality, entry.def.kind, entry.def.position());
        Some(SiteInput { view, municipality, kind, position, offers: Vec::new() })
    }

    /// Looks up what is offered at `times`.
    fn look(&mut self, hub: &LiveHub, times: &[UtcMicros], now: UtcMicros) {
        for times in times.chunks(TIMES_AT_ONCE) {
            let live = hub.read();
            let map = &live.map;
            let offer = |at: &UtcMicros| {
                let everyone = map.driver([], Some(*at)).with(self.view.purpose);
                map.site_offer(self.view.id, self.position, &everyone, now)
            };
            self.offers.extend(times.iter().map(offer));
        }
    }

    fn item(
        &self,
        forecasts: &Forecasts,
        filling_per_s: f64,
        now: UtcMicros,
        i: usize,
        at: UtcMicros,
    ) -> ItemOut {
        let offer = self.offers.get(i).and_then(Option::as_ref);
        let is_closed = self.view.flags.has(Flags::CLOSED);
        if offer.map_or(is_closed, |offer| offer.opening.is_open == Some(false)) {
            return unknown(at, "closed");
        }
        if offer.is_some_and(|offer| offer.verdict == Verdict::Restricted) {
            return unknown(at, "restricted");
        }
        let asked = ForecastInput::new(&self.view, offer, self.municipality, now);
        let health = asked.health(forecasts);
        if !matches!(health, Health::Ok | Health::TooLittle) {
            return unknown(at, health.name());
        }
        // The chance that drivers see everywhere else.
        let outlook = offer.map(|offer| {
            let odds = asked.odds(forecasts, now, at).map(|odds| (odds, asked.kept));
            Outlook::new(Some(self.kind), Spaces::of(offer, now), filling_per_s, odds, at)
        });
        let p = outlook.and_then(|outlook| outlook.chance).map(|chance| chance.p);
        if let Some(learned) = asked.chance(forecasts, now, at) {
            let p = p.unwrap_or(learned.p);
            let expected = outlook.and_then(|outlook| outlook.expected);
            return known(at, p, in_keeping(p, without(learned, asked.kept), expected), word(learned.basis));
        }
        // The model does not have it yet.
        let live = p.zip(outlook.and_then(|outlook| outlook.expected)).zip(offer);
        live.map_or_else(
            || {
                unknown(
                    at,
                    if self.view.basis == domain::live::Basis::None {
                        "no_data"
                    } else {
                        Health::TooLittle.name()
                    },
                )
            },
            |((p, expected), offer)| {
                let spaces = offer.capacity.max(1) as f64;
                known(at, p, self.around(expected, spaces, at.seconds_since(now)), "live")
            },
        )
    }

    /// Vacant spaces to expect with those that there are at least and at most, with 10 % beyond each: spaces that have
    /// changed hands are vacant independently of each other, the others are as they were.
    fn around(&self, expected: f64, spaces: f64, ahead_s: f64) -> (f64, u32, u32) {
        /// Of a normal distribution 10 % lie farther above, and farther below.
        const TENTH: f64 = 1.2816;
        let changed = 1.0 - (-ahead_s.max(0.0) / usual_stay_s(Some(self.kind))).exp();
        let deviation = (changed * expected * (1.0 - expected / spaces).max(0.0)).sqrt();
        let within = |n: f64| n.clamp(0.0, spaces).round() as u32;
        (expected, within(expected - TENTH * deviation), within(expected + TENTH * deviation))
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
        shared: &Shared,
        registry: &'a Registry,
        times: &[UtcMicros],
        now: UtcMicros,
    ) -> ForecastOut<'a> {
        let forecasts = &*shared.forecasts;
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
            health = ForecastInput::new(&site.view, None, site.municipality, now).health(forecasts);
        }
        let filling_per_s = self.site.as_ref().map_or(0.0, |s| shared.journeys.filling_per_s(s.view.id));
        let items = times.iter().enumerate().map(|(i, at)| {
            let of_site = self.site.as_ref().map(|site| site.item(forecasts, filling_per_s, now, i, *at));
            match (&self.bay, of_site) {
                (None, Some(item)) => item,
                (Some(bay), of_site) => self.of_bay(bay, of_site, now, (i, *at)),
                (None, None) => unknown(*at, "no_data"),
            }
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
            health: health.name(),
            items: items.collect(),
            attribution: sources.of(registry),
        }
    }

    /// One bay: what is known of it now fades into the share of its site's spaces that will be vacant (a
    /// chain of two states, see [`domain::arrival`], whose usual share is that of the site).
    fn of_bay(
        &self,
        bay: &BayView,
        of_site: Option<ItemOut>,
        now: UtcMicros,
        (i, at): (usize, UtcMicros),
    ) -> ItemOut {
        let kind = self.site.as_ref().map(|site| site.kind);
        let state = match bay.state {
            BayState::Vacant => Some(1.0),
            BayState::Occupied => Some(0.0),
            BayState::Unknown => None,
        };
        let ahead_s = at.seconds_since(now).max(0.0);
        let of_one = |p: f64, basis| known(at, p, (p, u32::from(p > 0.9), u32::from(p > 0.1)), basis);
        let reason = of_site
            .as_ref()
            .and_then(|item| item.reason)
            .filter(|reason| matches!(*reason, "closed" | "restricted"));
        if let Some(reason) = reason {
            return unknown(at, reason);
        }
        let offer = self.site.as_ref().and_then(|site| site.offers.get(i)?.as_ref());
        let spaces = offer.map_or(1.0, |offer| offer.capacity.max(1) as f64);
        let learned = of_site.filter(|item| matches!(item.basis, "history" | "weekly_profile"));
        let usual =
            learned.and_then(|item| Some(((item.vacant.expected? / spaces).clamp(0.0, 1.0), item.basis)));
        match (usual, state) {
            (Some((usual, basis)), Some(state)) => {
                // Leaving at rate 1 / stay, and so that `usual` is vacant in the long run.
                let fade = (-ahead_s / (usual_stay_s(kind) * usual.max(0.01))).exp();
                of_one(usual + (state - usual) * fade, basis)
            }
            (Some((usual, _)), None) => of_one(usual, "weekly_profile"),
            (None, Some(state)) => {
                let (vacant, occupied) = if state > 0.5 { (1, 0) } else { (0, 1) };
                let supply = Supply::Bays { vacant, occupied, unknown: 0 };
                let learned = chance(supply, Flow::of(supply, usual_stay_s(kind), 0.0), ahead_s);
                learned.map_or_else(|| unknown(at, "no_data"), |learned| of_one(learned.p, "live"))
            }
            (None, None) => unknown(at, "no_data"),
        }
    }
}
