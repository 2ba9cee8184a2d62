//! `GET /v1/bays`, `/v1/bays/{id}`: single bays that the public may see.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::live::{BayView, Within};
use domain::{BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Format, Tag};
use crate::app::Ctx;
use crate::geojson::Collection;
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{RestrictionOut, Restrictions, Source, Sources, credit, max_stay_min};

/// Parameters of a list of places.
pub const LIST_PARAMETERS: &[&str] = &["bbox", "municipality", "limit", "cursor", "format"];

/// A page of bays.
#[derive(Serialize, ToSchema)]
pub struct BayList<'a> {
    items: Vec<BayOut<'a>>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    cursor: Option<String>,
    attribution: Vec<Source<'a>>,
}

/// One space for one vehicle.
#[derive(Serialize, ToSchema)]
pub struct BayOut<'a> {
    id: &'a str,
    site: Option<&'a str>,
    municipality: &'a str,
    lat: f64,
    lon: f64,
    #[schema(value_type = Vec<RestrictionOut>)]
    restrictions: Restrictions<'a>,
    max_stay_min: Option<u32>,
    /// `vacant`, `occupied`, `unknown` (also when stale)
    #[schema(value_type = String, example = "vacant")]
    state: BayState,
    /// The last one stated, whatever its age.
    #[schema(value_type = Option<String>)]
    last_state: Option<BayState>,
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<UtcMicros>,
    age_s: Option<i64>,
    stale: bool,
    attribution: Option<&'a str>,
    licence: Option<&'a str>,
}

fn out<'a>(view: &BayView, registry: &'a Registry, now: UtcMicros) -> Option<BayOut<'a>> {
    let def = &registry.bay(view.id)?.def;
    let (attribution, licence) = credit(registry, view.feed);
    Some(BayOut {
        id: &def.id,
        site: view.site.and_then(|id| registry.site(id)).map(|s| s.def.id.as_str()),
        municipality: &def.municipality,
        lat: view.position.lat,
        lon: view.position.lon,
        restrictions: Restrictions(&def.restrictions),
        max_stay_min: max_stay_min(def.max_stay_min, &def.restrictions),
        state: view.state,
        last_state: view.last_state,
        observed_at: view.observed_at,
        age_s: view.observed_at.map(|at| now.age_s(at)),
        stale: view.stale,
        attribution,
        licence,
    })
}

/// Bays in the order of their ids. With `format=geojson` (or `Accept: application/geo+json`) a
/// FeatureCollection.
#[utoipa::path(
    get,
    path = "/v1/bays",
    tag = "places",
    params(
        ("bbox" = Option<String>, Query, description = "W,S,E,N"),
        ("municipality" = Option<String>, Query, description = "slug"),
        ("limit" = Option<u32>, Query, description = "at most 1000, clamped; default 100"),
        ("cursor" = Option<String>, Query, description = "from the page before"),
        ("format" = Option<String>, Query, description = "json, geojson"),
    ),
    responses(
        (status = 200, content(
            (BayList = "application/json"),
            (Collection<BayOut> = "application/geo+json"),
        )),
        (status = 304, description = "nothing has changed since the answer named by If-None-Match"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn bays(State(shared): Ctx, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(LIST_PARAMETERS)?;
    let format = Format::of(&params, &headers)?;
    let (limit, after, bbox) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?, params.bbox()?);
    let now = shared.now();
    let variant = if format == Format::GeoJson { "g" } else { "" };
    let tag = Tag::aging(&shared.hub.parking_tag(), variant, now);
    let (views, more, registry) = {
        let live = shared.hub.read();
        let within = Within { bbox, municipality: params.municipality(live.map.registry())? };
        if let Some(unchanged) = tag.known(&headers) {
            return Ok(unchanged);
        }
        let (ids, more) = live.map.bays_page(&within, after.as_deref(), limit);
        let views: Vec<BayView> = ids.into_iter().filter_map(|id| live.map.bay(id, now)).collect();
        (views, more, live.map.registry().clone())
    };
    let mut sources = Sources::default();
    views.iter().for_each(|v| sources.note(v.feed));
    let attribution = sources.of(&registry);
    let last = views.last().filter(|_| more).and_then(|v| registry.bay(v.id));
    let cursor = last.map(|e| cursor_after(&e.def.id));
    let response = match format {
        Format::Json => {
            let items = views.iter().filter_map(|v| out(v, &registry, now)).collect();
            answer::json(&BayList { items, cursor, attribution })
        }
        Format::GeoJson => {
            let items = views.iter().filter_map(|v| {
                let def = &registry.bay(v.id)?.def;
                Some((def.id.as_str(), &def.geometry, out(v, &registry, now)?))
            });
            answer::write(format, &Collection::new(items, cursor, attribution))
        }
    };
    Ok(tag.on(response, answer::LIVE))
}

/// One bay. One that may not be shown answers like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/bays/{id}",
    tag = "places",
    params(("id" = String, Path)),
    responses(
        (status = 200, body = BayOut),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn bay(
    State(shared): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    query.params(&[])?;
    let now = shared.now();
    let tag = Tag::aging(&shared.hub.parking_tag(), "", now);
    let (view, registry) = {
        let live = shared.hub.read();
        (live.map.bay_by_key(&id, now), live.map.registry().clone())
    };
    let bay = view.as_ref().and_then(|v| out(v, &registry, now));
    let bay = bay.ok_or_else(Problem::no_bay)?;
    if let Some(unchanged) = tag.known(&headers) {
        return Ok(unchanged);
    }
    Ok(tag.on(answer::json(&bay), answer::LIVE))
}
