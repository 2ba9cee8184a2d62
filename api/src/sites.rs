//! `GET /v1/sites`, `/v1/sites/{id}`: car parks, lots, stretches of kerb.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::live::{ByRestriction, SiteView, Within};
use domain::{Audience, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Format, Tag};
use crate::app::Ctx;
use crate::bays::LIST_PARAMETERS;
use crate::geojson::Collection;
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{FeeOut, FlagWords, OpeningOut, Source, Sources, credit, max_stay_min};

/// A page of sites.
#[derive(Serialize, ToSchema)]
pub struct SiteList<'a> {
    items: Vec<SiteOut<'a>>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    cursor: Option<String>,
    attribution: Vec<Source<'a>>,
}

/// A car park, a lot, a stretch of kerb.
#[derive(Serialize, ToSchema)]
pub struct SiteOut<'a> {
    id: &'a str,
    name: &'a str,
    municipality: &'a str,
    /// `on_street`, `lot`, `car_park`, `underground`, `park_and_ride`
    site_kind: &'static str,
    /// `car`, `bike`
    purpose: &'static str,
    lat: f64,
    lon: f64,
    capacity: i64,
    /// All vacant spaces, for whomever; null when not known.
    vacant: Option<i64>,
    occupied: Option<i64>,
    /// Bays whose state is not known.
    unknown: i64,
    /// `count` (a fresh count wins), `bays`, `none`
    basis: &'static str,
    by_restriction: Vec<ByRestrictionOut>,
    opening: OpeningOut<'a>,
    fee: Option<FeeOut<'a>>,
    max_stay_min: Option<u32>,
    max_height_m: Option<f64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<UtcMicros>,
    age_s: Option<i64>,
    stale: bool,
    #[schema(value_type = Vec<String>)]
    flags: FlagWords,
    attribution: Option<&'a str>,
    licence: Option<&'a str>,
}

/// Spaces kept for one audience.
#[derive(Serialize, ToSchema)]
pub struct ByRestrictionOut {
    #[serde(rename = "for")]
    #[schema(value_type = String, example = "disabled")]
    audience: Audience,
    capacity: Option<i64>,
    /// null: not known, or too few to be told.
    vacant: Option<i64>,
}

/// A site as it is read under the lock.
pub type Seen = (SiteView, Vec<ByRestriction>);

fn out<'a>((view, kept): &Seen, registry: &'a Registry, now: UtcMicros) -> Option<SiteOut<'a>> {
    let def = &registry.site(view.id)?.def;
    let position = def.position();
    let (attribution, licence) = credit(registry, view.feed);
    let kept = kept.iter().map(|k| ByRestrictionOut {
        audience: k.audience,
        capacity: k.capacity,
        vacant: k.vacant,
    });
    Some(SiteOut {
        id: &def.id,
        name: &def.name,
        municipality: &def.municipality,
        site_kind: def.kind.as_str(),
        purpose: def.purpose.as_str(),
        lat: position.lat,
        lon: position.lon,
        capacity: view.capacity,
        vacant: view.vacant,
        occupied: view.occupied,
        unknown: view.unknown,
        basis: view.basis.as_str(),
        by_restriction: kept.collect(),
        opening: OpeningOut::new(view.opening, def.opening_hours.as_deref()),
        fee: def.fee.as_ref().map(FeeOut::new),
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

/// Sites in the order of their ids. With `format=geojson` (or `Accept: application/geo+json`) a
/// FeatureCollection.
#[utoipa::path(
    get,
    path = "/v1/sites",
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
            (SiteList = "application/json"),
            (Collection<SiteOut> = "application/geo+json"),
        )),
        (status = 304, description = "nothing has changed since the answer named by If-None-Match"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sites(State(shared): Ctx, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(LIST_PARAMETERS)?;
    let format = Format::of(&params, &headers)?;
    let (limit, after, bbox) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?, params.bbox()?);
    let now = shared.now();
    let variant = if format == Format::GeoJson { "g" } else { "" };
    let tag = Tag::aging(&shared.hub.parking_tag(), variant, now);
    let (seen, more, registry) = {
        let live = shared.hub.read();
        let map = &live.map;
        let within = Within { bbox, municipality: params.municipality(map.registry())? };
        if let Some(unchanged) = tag.known(&headers) {
            return Ok(unchanged);
        }
        let (ids, more) = map.sites_page(&within, after.as_deref(), limit);
        let see = |id| Some((map.site(id, now)?, map.by_restriction(id, now)));
        let seen: Vec<Seen> = ids.into_iter().filter_map(see).collect();
        (seen, more, map.registry().clone())
    };
    let mut sources = Sources::default();
    seen.iter().for_each(|(v, _)| sources.note(v.feed));
    let attribution = sources.of(&registry);
    let last = seen.last().filter(|_| more).and_then(|(v, _)| registry.site(v.id));
    let cursor = last.map(|e| cursor_after(&e.def.id));
    let response = match format {
        Format::Json => {
            let items = seen.iter().filter_map(|s| out(s, &registry, now)).collect();
            answer::json(&SiteList { items, cursor, attribution })
        }
        Format::GeoJson => {
            let items = seen.iter().filter_map(|s| {
                let def = &registry.site(s.0.id)?.def;
                Some((def.id.as_str(), &def.geometry, out(s, &registry, now)?))
            });
            answer::write(format, &Collection::new(items, cursor, attribution))
        }
    };
    Ok(tag.on(response, answer::LIVE))
}

/// One site.
#[utoipa::path(
    get,
    path = "/v1/sites/{id}",
    tag = "places",
    params(("id" = String, Path)),
    responses(
        (status = 200, body = SiteOut),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn site(
    State(shared): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    query.params(&[])?;
    let now = shared.now();
    let tag = Tag::aging(&shared.hub.parking_tag(), "", now);
    let (seen, registry) = {
        let live = shared.hub.read();
        let view = live.map.site_by_key(&id, now);
        (view.map(|v| (v, live.map.by_restriction(v.id, now))), live.map.registry().clone())
    };
    let site = seen.as_ref().and_then(|s| out(s, &registry, now));
    let site = site.ok_or_else(Problem::no_site)?;
    if let Some(unchanged) = tag.known(&headers) {
        return Ok(unchanged);
    }
    Ok(tag.on(answer::json(&site), answer::LIVE))
}
