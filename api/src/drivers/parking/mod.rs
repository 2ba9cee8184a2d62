//! `GET /v1/parking`: vacant places near a point.

mod out;
mod query;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::availability::{Availability, Evidence};
use domain::live::{Found, Offer};
use domain::time::Times;
use domain::{Registry, UtcMicros};

use self::out::{Parking, written};
pub use self::query::{Include, ParkingQuery};
use crate::contract::parameters;
use crate::http::answer;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::{STREETS, Source, Sources};
use crate::hub::View;
use crate::journeys::Inputs;

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
    responses((status = 200, body = Parking)),
)]
pub async fn parking(State(inputs): State<Inputs>, view: View, query: RawQuery) -> Result<Response, Problem> {
    let query = ParkingQuery::parse(&query.params(&[parameters::Parking::NAMES])?)?;
    let now = view.now;
    let result = inputs.ask(&query, now)?;
    let times = Times { now, arrive: query.arrive.unwrap_or(now) };
    Ok(answer::live(&written(&result, times)))
}

/// What was found, with the availability of each offer.
pub struct ParkingResult {
    pub found: Found,
    availabilities: Vec<Availability>,
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

impl Inputs {
    /// Searches under the lock; ranking and serialization happen outside of it.
    ///
    /// # Errors
    /// 400: the point is far from all places.
    pub fn ask(&self, query: &ParkingQuery, now: UtcMicros) -> Result<ParkingResult, Problem> {
        let (mut found, evidence, registry) = {
            let live = self.hub.read();
            query.check_area(live.map.bounds())?;
            let found = query.ask(&live, now);
            let evidence: Vec<Evidence> =
                found.offers.iter().map(|offer| self.evidence(&live.map, offer, now)).collect();
            (found, evidence, live.map.registry().clone())
        };
        let loaded = self.journeys.loaded();
        let over_streets = loaded.is_some();
        if let Some(loaded) = loaded {
            loaded.with_walks(query.near, query.radius_m, |seconds| {
                for offer in &mut found.offers {
                    offer.walk_s = seconds(&loaded.doors(offer)).unwrap_or(offer.walk_s);
                }
            });
        }
        let times = Times { now, arrive: query.arrive.unwrap_or(now) };
        let mut ranked: Vec<(Availability, Offer)> = (found.offers.into_iter())
            .zip(evidence)
            .map(|(offer, evidence)| (self.forecasts.predict(&evidence, times), offer))
            .collect();
        let seconds = |(availability, offer): &(Availability, Offer)| offer.walk_s + availability.search_s;
        ranked.sort_by(|a, b| a.1.verdict.cmp(&b.1.verdict).then(seconds(a).total_cmp(&seconds(b))));
        ranked.truncate(query.limit);
        let availabilities;
        (availabilities, found.offers) = ranked.into_iter().unzip();
        Ok(ParkingResult { found, availabilities, registry, over_streets })
    }
}
