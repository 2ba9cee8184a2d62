//! `/open/parkapi/v1/{municipality}`: what OpenTripPlanner reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::fee::Fee;
use domain::live::{BayView, ByRestriction, SiteView};
use domain::place::Purpose;
use domain::{Audience, BayState, Lang, MunicipalityId, Registry, SiteKind, UtcMicros};
use serde::Serialize;
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::rounded;
use crate::contract::values;
use crate::http::answer::{self, LIVE, Tag, Unchanged};
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources};
use crate::hub::{Live, View};

/// The municipalities, by name.
#[derive(Serialize, ToSchema)]
pub struct Index {
    /// Version of the format.
    api_version: &'static str,
    /// Version of this software.
    server_version: &'static str,
    /// Home page of this software.
    reference: &'static str,
    /// Name to id.
    cities: BTreeMap<String, String>,
}

/// The parking of a municipality.
#[derive(Serialize, ToSchema)]
pub struct City<'a> {
    /// Whom to name.
    data_source: String,
    /// Time of the answer: UTC, without a zone, as the format has it.
    #[schema(example = "2026-11-22T12:00:00")]
    last_downloaded: String,
    /// When the newest state was observed: UTC, without a zone, as the format has it.
    last_updated: String,
    /// Sites, and bays without a site.
    lots: Vec<Lot<'a>>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// A site, or a single bay.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct Lot<'a> {
    /// Id of the site or bay.
    id: &'a str,
    /// Name of the site or bay.
    name: String,
    /// What kind of parking it is.
    #[schema(value_type = super::LotType)]
    lot_type: &'static str,
    /// Name of the municipality.
    address: &'a str,
    /// Where it is.
    coords: Coords,
    /// How full it is.
    #[schema(value_type = super::LotState)]
    state: &'static str,
    /// Always `false`: this format's forecasts are not served.
    forecast: bool,
    /// All spaces; absent: they are kept for disabled people.
    total: Option<i64>,
    /// Vacant spaces; absent: not known.
    free: Option<i64>,
    /// Spaces for disabled people; absent: none are known.
    #[serde(rename = "total:disabled")]
    total_disabled: Option<i64>,
    /// Vacant spaces for disabled people; absent: not known.
    #[serde(rename = "free:disabled")]
    free_disabled: Option<i64>,
    /// Opening hours as in OpenStreetMap; absent: always open.
    opening_hours: Option<&'a str>,
    /// What it costs, in words.
    notes: Notes<'a>,
}

/// Where a lot is.
#[derive(Serialize, ToSchema)]
pub struct Coords {
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lng: f64,
}

/// What it costs, in words.
#[skip_serializing_none]
#[derive(Default, Serialize, ToSchema)]
pub struct Notes<'a> {
    /// In German; absent: not known.
    #[schema(value_type = Option<String>)]
    de: Option<Cow<'a, str>>,
    /// In English; absent: not known.
    #[schema(value_type = Option<String>)]
    en: Option<Cow<'a, str>>,
}

impl<'a> Notes<'a> {
    fn of(fee: Option<&'a Fee>) -> Self {
        fee.map_or(Notes::default(), |fee| Notes { de: fee.words(Lang::De), en: fee.words(Lang::En) })
    }
}

const fn lot_type(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::OnStreet => "Straße",
        SiteKind::Lot => "Parkplatz",
        SiteKind::CarPark => "Parkhaus",
        SiteKind::Underground => "Tiefgarage",
        SiteKind::ParkAndRide => "Park-Ride",
    }
}

const fn state(free: Option<i64>, total: i64) -> &'static str {
    match free {
        None => "nodata",
        Some(0) => "full",
        Some(free) if free * 10 < total => "few",
        Some(_) => "many",
    }
}

/// A time as the format has it: UTC, whole seconds, no zone.
fn bare(at: UtcMicros) -> String {
    at.timestamp().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// What is copied out under the lock.
struct CityState {
    sites: Vec<(SiteView, Option<ByRestriction>)>,
    bays: Vec<BayView>,
}

impl CityState {
    fn read(live: &Live, town: MunicipalityId, now: UtcMicros) -> Self {
        let map = &live.map;
        let registry = map.registry();
        let of_town = |id: &domain::SiteId| {
            let entry = registry.site(*id);
            entry.is_some_and(|e| e.municipality == town && e.def.purpose == Purpose::Car)
        };
        let sites = map.shown_sites().filter(of_town).filter(|id| map.is_open_to_all(*id));
        let with_disabled = |id| {
            let kept = map.by_restriction(id, now).into_iter().find(|r| r.audience == Audience::Disabled);
            Some((map.site(id, now)?, kept))
        };
        let bays = map.shown_bays().filter(|id| registry.bay(*id).is_some_and(|e| e.municipality == town));
        let bays = bays.filter_map(|id| map.bay(id, now)).filter(|view| {
            // A site includes its bays; spaces reserved for others are no parking for readers of this format.
            let open_to = registry.bay(view.id).map(|e| e.def.restrictions.iter().filter_map(|r| r.audience));
            view.site.is_none() && open_to.is_some_and(|mut a| a.all(|a| a == Audience::Disabled))
        });
        CityState { sites: sites.filter_map(with_disabled).collect(), bays: bays.collect() }
    }
}

fn of_site<'a>(
    view: &SiteView,
    disabled: Option<&ByRestriction>,
    registry: &'a Registry,
    town: &'a str,
) -> Option<Lot<'a>> {
    let def = &registry.site(view.id)?.def;
    let at = rounded(def.position());
    let is_closed = view.opening.is_open == Some(false);
    Some(Lot {
        id: &def.id,
        name: def.name.clone(),
        lot_type: lot_type(def.kind),
        address: town,
        coords: Coords { lat: at.lat, lng: at.lon },
        state: if is_closed { "closed" } else { state(view.vacant, view.capacity) },
        forecast: false,
        total: Some(view.capacity),
        free: view.vacant,
        total_disabled: disabled.and_then(|d| d.capacity),
        free_disabled: disabled.and_then(|d| d.vacant),
        opening_hours: def.opening_hours.as_deref(),
        notes: Notes::of(def.fee.as_ref()),
    })
}

fn of_bay<'a>(view: &BayView, registry: &'a Registry, town: &'a str) -> Option<Lot<'a>> {
    let def = &registry.bay(view.id)?.def;
    let at = rounded(view.position);
    let is_for_disabled = def.restrictions.iter().any(|r| r.audience == Some(Audience::Disabled));
    let free = (view.state != BayState::Unknown).then_some(i64::from(view.state == BayState::Vacant));
    let (total, free_of_all, total_disabled, free_disabled) =
        if is_for_disabled { (None, None, Some(1), free) } else { (Some(1), free, None, None) };
    Some(Lot {
        id: &def.id,
        name: format!("Stellplatz {}", def.id),
        lot_type: if is_for_disabled { "Barrierefreier-Parkplatz" } else { "Straße" },
        address: town,
        coords: Coords { lat: at.lat, lng: at.lon },
        state: state(free, 1),
        forecast: false,
        total,
        free: free_of_all,
        total_disabled,
        free_disabled,
        opening_hours: None,
        notes: Notes::default(),
    })
}

/// The municipalities.
#[utoipa::path(get, path = "/open/parkapi/v1", tag = "open data", responses((status = 200, body = Index)))]
pub async fn index(view: View, query: RawQuery) -> Result<Response, Problem> {
    query.params(&[])?;
    let registry = view.registry();
    Ok(answer::json(&Index {
        api_version: "1.0",
        server_version: env!("CARGO_PKG_VERSION"),
        reference: env!("CARGO_PKG_REPOSITORY"),
        cities: registry.municipalities().map(|(_, m)| (m.name.clone(), m.slug.clone())).collect(),
    }))
}

/// The sites of a municipality, and its single bays, in the format of ParkAPI v1.
#[utoipa::path(
    get,
    path = "/open/parkapi/v1/{municipality}",
    tag = "open data",
    params(("municipality" = inline(values::Municipality), Path, description = "Slug of the municipality.")),
    responses((status = 200, body = City), Unchanged),
)]
pub async fn city(
    view: View,
    slug: PathId,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    query.params(&[])?;
    let (slug, now) = (slug.text()?, view.now);
    // `last_downloaded` is now.
    let tag = Tag::aging(&view.hub.parking_tag(), "", now);
    let (seen, registry, id) = {
        let live = view.hub.read();
        let registry = live.map.registry().clone();
        let id = registry.municipality_id(&slug).ok_or_else(|| {
            let known = format!("Known are: {}.", registry.slugs());
            Problem::not_found("There is no municipality with this id.", known)
        })?;
        (CityState::read(&live, id, now), registry, id)
    };
    if let Some(unchanged) = tag.known(&headers) {
        return Ok(unchanged);
    }
    let town = registry.municipality(id).map_or("", |m| m.name.as_str());
    let mut sources = Sources::default();
    let mut lots = Vec::with_capacity(seen.sites.len() + seen.bays.len());
    for (view, disabled) in &seen.sites {
        sources.note(view.feed);
        lots.extend(of_site(view, disabled.as_ref(), &registry, town));
    }
    for view in &seen.bays {
        sources.note(view.feed);
        lots.extend(of_bay(view, &registry, town));
    }
    let of_sites = seen.sites.iter().filter_map(|(v, _)| v.observed_at);
    let newest = of_sites.chain(seen.bays.iter().filter_map(|b| b.observed_at)).max();
    let attribution = sources.of(&registry);
    let named: Vec<&str> = attribution.iter().filter_map(|source| source.attribution).collect();
    let city = City {
        data_source: if named.is_empty() { town.to_owned() } else { named.join("; ") },
        last_downloaded: bare(now),
        last_updated: bare(newest.unwrap_or(now)),
        lots,
        attribution,
    };
    Ok(tag.on(answer::json(&city), LIVE))
}
