//! `GET /v1/bays`, `/v1/bays/{id}`: single bays that the public may see.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::live::{BayView, Within};
use domain::{BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Ctx;
use crate::contract::{parameters, values, words};
use crate::http::answer::{self, Format, Tag};
use crate::http::geojson::Collection;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::{RestrictionOut, Restrictions, Source, Sources, credit, max_stay_min};

/// Parameters of a list of places.
pub const LIST_PARAMETERS: &[&str] = &["bbox", "municipality", "limit", "cursor", "format"];

/// A page of bays.
#[derive(Serialize, ToSchema)]
pub struct BayList<'a> {
    /// The bays of this page, in the order of their ids.
    items: Vec<BayOut<'a>>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    cursor: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

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
    #[schema(value_type = Option<String>, format = DateTime)]
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
    params(parameters::Within, parameters::Paging, parameters::ListFormat),
    responses(
        (status = 200, content(
            (BayList = "application/json"),
            (Collection<BayOut> = "application/geo+json"),
        )),
        (status = 304, description = "Nothing has changed since the answer named by `If-None-Match`."),
    ),
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
    params(("id" = inline(values::Id), Path, description = "Id of the bay.")),
    responses(
        (status = 200, body = BayOut),
        (status = 304, description = "Nothing has changed since the answer named by `If-None-Match`."),
    ),
)]
pub async fn bay(
    State(shared): Ctx,
    id: PathId,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    query.params(&[])?;
    let (id, now) = (id.text()?, shared.now());
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
