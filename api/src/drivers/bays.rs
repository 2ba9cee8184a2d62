//! `GET /v1/bays`, `/v1/bays/{id}`: single bays that the public may see.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::Geometry;
use domain::live::{BayView, LiveMap, Within};
use domain::{BayState, FeedId, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::listed::{Listed, Page, list, one};
use crate::contract::{parameters, values, words};
use crate::http::answer::Unchanged;
use crate::http::geojson::Collection;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, RestrictionOut, Restrictions, credit, max_stay_min};
use crate::hub::View;

/// One space for one vehicle.
#[derive(Serialize, ToSchema)]
pub struct BayOut<'a> {
    /// Id of the bay.
    id: &'a str,
    /// Id of the site it belongs to; null: none.
    site: Option<&'a str>,
    /// Slug of the municipality.
    municipality: &'a str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// For whom the bay is kept, when, and for how long one may stay; empty: open to everyone.
    #[schema(value_type = Vec<RestrictionOut>)]
    restrictions: Restrictions<'a>,
    /// How long everyone may stay, minutes; null: no limit.
    max_stay_min: Option<u32>,
    /// What the bay is now; `unknown` also when stale.
    #[schema(value_type = words::BayState)]
    state: BayState,
    /// The state that was stated last, whatever its age; null: none ever was.
    #[schema(value_type = Option<words::BayState>)]
    last_state: Option<BayState>,
    /// When that state was observed; null: never.
    observed_at: Option<UtcMicros>,
    /// Seconds since then; null: never observed.
    age_s: Option<i64>,
    /// Whether the state is older than its sensor promises.
    stale: bool,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
}

impl Listed for BayView {
    type Out<'a> = BayOut<'a>;

    fn page(map: &LiveMap, within: &Within, after: Option<&str>, limit: usize, now: UtcMicros) -> Page<Self> {
        let (ids, more) = map.bays_page(within, after, limit);
        Page { places: ids.into_iter().filter_map(|id| map.bay(id, now)).collect(), more }
    }

    fn find(map: &LiveMap, key: &str, now: UtcMicros) -> Option<Self> {
        map.bay_by_key(key, now)
    }

    fn feed(&self) -> Option<FeedId> {
        self.feed
    }

    fn place<'r>(&self, registry: &'r Registry) -> Option<(&'r str, &'r Geometry)> {
        registry.bay(self.id).map(|entry| (entry.def.id.as_str(), &entry.def.geometry))
    }

    fn out<'a>(&'a self, registry: &'a Registry, now: UtcMicros) -> Option<BayOut<'a>> {
        let def = &registry.bay(self.id)?.def;
        let (attribution, licence) = credit(registry, self.feed);
        Some(BayOut {
            id: &def.id,
            site: self.site.and_then(|id| registry.site(id)).map(|s| s.def.id.as_str()),
            municipality: &def.municipality,
            lat: self.position.lat,
            lon: self.position.lon,
            restrictions: Restrictions(&def.restrictions),
            max_stay_min: max_stay_min(def.max_stay_min, &def.restrictions),
            state: self.state,
            last_state: self.last_state,
            observed_at: self.observed_at,
            age_s: self.observed_at.map(|at| now.age_s(at)),
            stale: self.stale,
            attribution,
            licence,
        })
    }

    fn missing() -> Problem {
        Problem::no_bay()
    }
}

/// Bays in the order of their ids. With `format=geojson` (or `Accept: application/geo+json`) a
/// FeatureCollection.
#[utoipa::path(
    get,
    path = "/v1/bays",
    tag = "places",
    params(parameters::Within, parameters::Paging, parameters::ListFormat),
    responses(
        (status = 200, content(
            (CreditedList<BayOut> = "application/json"),
            (Collection<BayOut> = "application/geo+json"),
        )),
        Unchanged,
    ),
)]
pub async fn bays(view: View, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    list::<BayView>(&view, &headers, &query).await
}

/// One bay. One that may not be shown answers like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/bays/{id}",
    tag = "places",
    params(("id" = inline(values::Id), Path, description = "Id of the bay.")),
    responses((status = 200, body = BayOut), Unchanged),
)]
pub async fn bay(view: View, id: PathId, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    one::<BayView>(&view, id, &headers, &query).await
}
