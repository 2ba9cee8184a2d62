//! `GET /v1/parking`: vacant places near a point.

mod out;
mod query;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::live::{Found, Offer, PlaceRef};
use domain::{Registry, UtcMicros};

use self::out::{Parking, written};
use self::query::PARAMETERS;
pub use self::query::ParkingQuery;
use super::forecast::ForecastInput;
use crate::app::{Ctx, Shared};
use crate::contract::parameters;
use crate::http::answer;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::{STREETS, Source, Sources};
use crate::hub::Live;
use crate::journeys::{Outlook, Spaces};

/// Vacant bays and sites near a point, best first: vacant ones by the walk, then what `include` asked for.
///
/// Places for cars, unless `purpose=bike` asks for bikes. Without `for` only spaces that are open to everyone are
/// offered; with it those and the named audiences' (`resident` and `assigned_disabled` never). `left_out` says why the
/// answer is shorter than one may expect.
#[utoipa::path(
    get,
    path = "/v1/parking",
    tag = "drivers",
    params(parameters::Parking),
    responses(
        (status = 200, body = Parking),
    ),
)]
pub async fn parking(State(shared): Ctx, query: RawQuery) -> Result<Response, Problem> {
    let query = ParkingQuery::parse(&query.params(PARAMETERS)?)?;
    let now = shared.now();
    let result = ask(&shared, &query, now)?;
    let times = Times { now, arrive: query.arrive.unwrap_or(now) };
    Ok(answer::live(&written(&result, times)))
}

/// The times of an answer.
#[derive(Debug, Clone, Copy)]
struct Times {
    now: UtcMicros,
    /// When the driver arrives.
    arrive: UtcMicros,
}

/// What was found, with a prospect for each offer.
pub struct ParkingResult {
    pub found: Found,
    outlooks: Vec<Outlook>,
    pub registry: Arc<Registry>,
    /// Whether walks are those over the streets.
    over_streets: bool,
}

impl ParkingResult {
    /// Whose data it is.
    pub fn sources(&self) -> Vec<Source<'_>> {
        let mut feeds = Sources::default();
        self.found.offers.iter().for_each(|offer| feeds.note(offer.feed));
        let mut sources = feeds.of(&self.registry);
        sources.extend(self.over_streets.then_some(STREETS));
        sources
    }
}

/// Searches under the lock; ranking and serialization happen outside of it.
pub fn ask(shared: &Shared, query: &ParkingQuery, now: UtcMicros) -> Result<ParkingResult, Problem> {
    let (mut found, inputs, registry) = {
        let live = shared.hub.read();
        query.check_area(live.map.bounds())?;
        let found = query.ask(&live, now);
        let inputs: Vec<Option<ForecastInput>> =
            found.offers.iter().map(|offer| forecast_input(&live, offer, now)).collect();
        (found, inputs, live.map.registry().clone())
    };
    let loaded = shared.journeys.loaded();
    let over_streets = loaded.is_some();
    if let Some(loaded) = loaded {
        loaded.with_walks(query.near, query.radius_m, |seconds| {
            for offer in &mut found.offers {
                offer.walk_s = seconds(&loaded.doors(offer)).unwrap_or(offer.walk_s);
            }
        });
    }
    let times = Times { now, arrive: query.arrive.unwrap_or(now) };
    let mut ranked: Vec<(Outlook, Offer)> = (found.offers.into_iter())
        .zip(inputs)
        .map(|(offer, input)| (outlook(shared, &offer, input, &registry, times), offer))
        .collect();
    let seconds = |(outlook, offer): &(Outlook, Offer)| offer.walk_s + outlook.search_s;
    ranked.sort_by(|a, b| a.1.verdict.cmp(&b.1.verdict).then(seconds(a).total_cmp(&seconds(b))));
    ranked.truncate(query.limit);
    let outlooks;
    (outlooks, found.offers) = ranked.into_iter().unzip();
    Ok(ParkingResult { found, outlooks, registry, over_streets })
}

fn forecast_input(live: &Live, offer: &Offer, now: UtcMicros) -> Option<ForecastInput> {
    let PlaceRef::Site(id) = offer.place else { return None };
    let municipality = live.map.registry().site(id)?.municipality;
    Some(ForecastInput::new(&live.map.site(id, now)?, Some(offer), municipality, now))
}

/// The chance of a space at `arrive`, and the search for it.
fn outlook(
    shared: &Shared,
    offer: &Offer,
    input: Option<ForecastInput>,
    registry: &Registry,
    Times { now, arrive }: Times,
) -> Outlook {
    let (kind, filling_per_s) = match offer.place {
        PlaceRef::Site(id) => {
            (registry.site(id).map(|site| site.def.kind), shared.journeys.filling_per_s(id))
        }
        PlaceRef::Bay(_) => (None, 0.0),
    };
    let forecast = input.and_then(|input| Some((input.odds(&shared.forecasts, now, arrive)?, input.kept)));
    Outlook::new(kind, Spaces::of(offer, now), filling_per_s, forecast, arrive)
}
