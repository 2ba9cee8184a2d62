//! `GET /v1/sites`, `/v1/sites/{id}`: car parks, lots, stretches of kerb.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::Geometry;
use domain::live::{ByRestriction, LiveMap, SiteView, Within};
use domain::place::{Purpose, SiteKind};
use domain::{Audience, FeedId, Registry, SiteId, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::listed::{Listed, Page, list, one};
use crate::contract::{parameters, values, words};
use crate::http::answer::Unchanged;
use crate::http::geojson::Collection;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, FeeOut, FlagWords, OpeningOut, credit, max_stay_min};
use crate::hub::View;

/// A car park, a lot, a stretch of kerb.
#[derive(Serialize, ToSchema)]
pub struct SiteOut<'a> {
    /// Id of the site.
    id: &'a str,
    /// Name of the site.
    name: &'a str,
    /// Slug of the municipality.
    municipality: &'a str,
    /// What kind of parking it is.
    #[schema(value_type = words::SiteKind)]
    site_kind: SiteKind,
    /// What is parked there.
    #[schema(value_type = words::Purpose)]
    purpose: Purpose,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// All spaces; without hidden bays where these do not count.
    capacity: i64,
    /// All vacant spaces, whoever may use them; null: not known.
    vacant: Option<i64>,
    /// Occupied spaces; null: not known.
    occupied: Option<i64>,
    /// Bays whose state is not known.
    unknown: i64,
    /// What the numbers rest on; a fresh count wins over bays.
    #[schema(value_type = words::SiteBasis)]
    basis: &'static str,
    /// Spaces reserved for an audience.
    #[schema(value_type = Vec<ByRestrictionOut>)]
    by_restriction: &'a [ByRestriction],
    /// Whether the site is open now.
    opening: OpeningOut<'a>,
    /// What it costs; null: not known.
    fee: Option<FeeOut<'a>>,
    /// How long everyone may stay, minutes; null: no limit.
    max_stay_min: Option<u32>,
    /// Highest vehicle that fits in, metres; null: no limit, or not known.
    max_height_m: Option<f64>,
    /// When the numbers were observed; null: never.
    observed_at: Option<UtcMicros>,
    /// Seconds since then; null: never observed.
    age_s: Option<i64>,
    /// Whether the numbers are older than their source promises.
    stale: bool,
    /// What is remarkable about the numbers.
    #[schema(value_type = Vec<words::Flag>)]
    flags: FlagWords,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
}

/// Spaces reserved for one audience.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct ByRestrictionOut {
    /// For whom the spaces are kept.
    #[schema(value_type = words::Audience)]
    r#for: Audience,
    /// How many there are; null: not known.
    capacity: Option<i64>,
    /// How many of them are vacant; null: not known, or too few to be shown.
    vacant: Option<i64>,
    /// When they are kept, as opening hours of OpenStreetMap; null: always, or not all at the same times.
    hours: Option<String>,
}

/// A site as it is copied out under the lock.
pub struct SiteState {
    pub view: SiteView,
    /// Its reserved spaces.
    pub kept: Vec<ByRestriction>,
}

impl SiteState {
    fn of(map: &LiveMap, id: SiteId, now: UtcMicros) -> Option<Self> {
        Some(SiteState { view: map.site(id, now)?, kept: map.by_restriction(id, now) })
    }
}

impl Listed for SiteState {
    type Out<'a> = SiteOut<'a>;

    fn page(map: &LiveMap, within: &Within, after: Option<&str>, limit: usize, now: UtcMicros) -> Page<Self> {
        let (ids, more) = map.sites_page(within, after, limit);
        Page { places: ids.into_iter().filter_map(|id| SiteState::of(map, id, now)).collect(), more }
    }

    fn find(map: &LiveMap, key: &str, now: UtcMicros) -> Option<Self> {
        Self::of(map, map.registry().site_by_key(key)?.id, now)
    }

    fn feed(&self) -> Option<FeedId> {
        self.view.feed
    }

    fn place<'r>(&self, registry: &'r Registry) -> Option<(&'r str, &'r Geometry)> {
        registry.site(self.view.id).map(|entry| (entry.def.id.as_str(), &entry.def.geometry))
    }

    fn out<'a>(&'a self, registry: &'a Registry, now: UtcMicros) -> Option<SiteOut<'a>> {
        let SiteState { view, kept } = self;
        let def = &registry.site(view.id)?.def;
        let position = def.position();
        let (attribution, licence) = credit(registry, view.feed);
        Some(SiteOut {
            id: &def.id,
            name: &def.name,
            municipality: &def.municipality,
            site_kind: def.kind,
            purpose: def.purpose,
            lat: position.lat,
            lon: position.lon,
            capacity: view.capacity,
            vacant: view.vacant,
            occupied: view.occupied,
            unknown: view.unknown,
            basis: view.basis.as_str(),
            by_restriction: kept,
            opening: OpeningOut::new(view.opening, def.opening_hours.as_deref()),
            fee: def.fee.as_ref().map(FeeOut::from),
            max_stay_min: max_stay_min(None, &def.restrictions),
            max_height_m: def.max_height_m,
            observed_at: view.observed_at,
            age_s: view.observed_at.map(|at| now.age_s(at)),
            stale: view.stale,
            flags: FlagWords(view.flags),
            attribution,
            licence,
        })
    }

    fn missing() -> Problem {
        Problem::no_site()
    }
}

/// Sites in the order of their ids. With `format=geojson` (or `Accept: application/geo+json`) a
/// FeatureCollection.
#[utoipa::path(
    get,
    path = "/v1/sites",
    tag = "places",
    params(parameters::Within, parameters::Paging, parameters::ListFormat),
    responses(
        (status = 200, content(
            (CreditedList<SiteOut> = "application/json"),
            (Collection<SiteOut> = "application/geo+json"),
        )),
        Unchanged,
    ),
)]
pub async fn sites(view: View, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    list::<SiteState>(&view, &headers, &query).await
}

/// One site.
#[utoipa::path(
    get,
    path = "/v1/sites/{id}",
    tag = "places",
    params(("id" = inline(values::Id), Path, description = "Id of the site.")),
    responses((status = 200, body = SiteOut), Unchanged),
)]
pub async fn site(view: View, id: PathId, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    one::<SiteState>(&view, id, &headers, &query).await
}
