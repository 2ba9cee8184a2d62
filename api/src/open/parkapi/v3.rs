//! `/open/parkapi/v3/parking-sites|parking-spots`: ParkAPI's public shape.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::Geometry;
use domain::live::{BayView, ByRestriction, Flags, LiveMap, SiteView, Within};
use domain::opening::Opening;
use domain::place::Purpose;
use domain::{BayState, Lang, MunicipalityId, Registry, Restriction, SiteKind, UtcMicros};
use serde::Serialize;
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::{audience, number, rounded};
use crate::contract::parameters;
use crate::drivers::listed::Listed;
use crate::drivers::sites::SiteState;
use crate::http::answer::{self, LIVE, Tag, Unchanged};
use crate::http::params::{RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::Source;
use crate::hub::View;

/// Readers of this format expect all at once: a county's bays fit into one answer.
const MAX_ITEMS: usize = 10_000;

/// A page of sites or spots.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct Page<'a, T> {
    /// The sites or spaces of this page, in the order of their ids.
    items: Vec<T>,
    /// Of all pages.
    total_count: usize,
    /// Address of the next page; absent: this is the last one.
    next_path: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// A parking site.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct ParkingSite<'a> {
    /// Number made of the text id: the same in every instance.
    id: u64,
    /// Number of the municipality.
    source_id: u64,
    /// Id of the site.
    uid: &'a str,
    /// The same: nothing renames it.
    original_uid: &'a str,
    /// Name of the site.
    name: &'a str,
    /// What is parked there.
    #[schema(value_type = super::ParkApiPurpose)]
    purpose: &'static str,
    /// What kind of parking it is.
    #[serde(rename = "type")]
    #[schema(value_type = super::ParkApiKind)]
    kind: &'static str,
    /// `YES` for park and ride; absent: it is none.
    #[schema(value_type = Vec<super::ParkApiRide>, required = false)]
    park_and_ride_type: Option<[&'static str; 1]>,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Its area as a Polygon of GeoJSON; absent: it is a point.
    #[schema(value_type = Object, required = false)]
    geojson: Option<&'a Geometry>,
    /// Opening hours as in OpenStreetMap; absent: always open.
    opening_hours: Option<&'a str>,
    /// What it costs, in words; absent: not known.
    #[schema(value_type = Option<String>)]
    fee_description: Option<Cow<'a, str>>,
    /// Highest vehicle that fits in, centimetres; absent: no limit, or not known.
    max_height: Option<i64>,
    /// All spaces; without hidden bays where these do not count.
    capacity: i64,
    /// For whom spaces are kept.
    restrictions: Vec<SiteRestriction<'a>>,
    /// Whether it ever had live data.
    has_realtime_data: bool,
    /// Whether it is open now.
    #[schema(value_type = super::ParkApiOpening)]
    realtime_opening_status: &'static str,
    /// All spaces of the live data; absent: vacant spaces are not known.
    realtime_capacity: Option<i64>,
    /// Vacant spaces; absent: not known.
    realtime_free_capacity: Option<i64>,
    /// When that was observed; absent: never.
    realtime_data_updated_at: Option<UtcMicros>,
    /// Since when the rest holds.
    static_data_updated_at: UtcMicros,
    /// Official key of the municipality (AGS); absent: not known.
    official_region_code: Option<&'a str>,
}

/// For whom spaces of a site are kept.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct SiteRestriction<'a> {
    /// For whom; absent: for everyone.
    #[serde(rename = "type")]
    #[schema(value_type = super::ParkApiAudience, required = false)]
    audience: Option<&'static str>,
    /// When it holds, as opening hours of OpenStreetMap; absent: always.
    hours: Option<&'a str>,
    /// How long one may stay, as ISO 8601 duration; absent: no limit.
    max_stay: Option<String>,
    /// How many spaces; absent: not known.
    capacity: Option<i64>,
    /// Vacant ones of them; absent: not known.
    realtime_free_capacity: Option<i64>,
}

/// A single space.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct ParkingSpot<'a> {
    /// Number made of the text id: the same in every instance.
    id: u64,
    /// Number of the municipality.
    source_id: u64,
    /// Id of the bay.
    uid: &'a str,
    /// The same: nothing renames it.
    original_uid: &'a str,
    /// Number of its site; absent: it has none.
    parking_site_id: Option<u64>,
    /// Id of its site; absent: it has none.
    parking_site_uid: Option<&'a str>,
    /// Id of the bay.
    name: &'a str,
    /// What is parked there.
    #[schema(value_type = super::ParkApiPurpose)]
    purpose: &'static str,
    /// What kind of parking its site is; absent: it has none.
    #[serde(rename = "type")]
    #[schema(value_type = super::ParkApiKind, required = false)]
    kind: Option<&'static str>,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Its area as a Polygon of GeoJSON; absent: it is a point.
    #[schema(value_type = Object, required = false)]
    geojson: Option<&'a Geometry>,
    /// For whom the space is kept.
    restrictions: Vec<SpotRestriction<'a>>,
    /// The same under the name that older readers know.
    restricted_to: Vec<SpotRestriction<'a>>,
    /// Whether it ever had live data.
    has_realtime_data: bool,
    /// What the space is now.
    #[schema(value_type = super::ParkApiStatus)]
    realtime_status: &'static str,
    /// When that was observed; absent: never.
    realtime_data_updated_at: Option<UtcMicros>,
    /// Since when the rest holds.
    static_data_updated_at: UtcMicros,
}

/// For whom a space is kept.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct SpotRestriction<'a> {
    /// For whom; absent: for everyone.
    #[serde(rename = "type")]
    #[schema(value_type = super::ParkApiAudience, required = false)]
    audience: Option<&'static str>,
    /// When it holds, as opening hours of OpenStreetMap; absent: always.
    hours: Option<&'a str>,
    /// How long one may stay, as ISO 8601 duration; absent: no limit.
    max_stay: Option<String>,
}

const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Car => "CAR",
        Purpose::Bike => "BIKE",
    }
}

const fn kind(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::OnStreet => "ON_STREET",
        SiteKind::Lot | SiteKind::ParkAndRide => "OFF_STREET_PARKING_GROUND",
        SiteKind::CarPark => "CAR_PARK",
        SiteKind::Underground => "UNDERGROUND",
    }
}

const fn opening_status(opening: Opening) -> &'static str {
    match opening.is_open {
        Some(true) => "OPEN",
        Some(false) => "CLOSED",
        None => "UNKNOWN",
    }
}

const fn spot_status(state: BayState) -> &'static str {
    match state {
        BayState::Vacant => "AVAILABLE",
        BayState::Occupied => "TAKEN",
        BayState::Unknown => "UNKNOWN",
    }
}

fn duration(minutes: u32) -> String {
    format!("PT{minutes}M")
}

fn area(geometry: &Geometry) -> Option<&Geometry> {
    Some(geometry).filter(|g| matches!(g, Geometry::Polygon(_)))
}

fn site_restrictions<'a>(
    defined: &'a [Restriction],
    view: &SiteView,
    live: &[ByRestriction],
) -> Vec<SiteRestriction<'a>> {
    let of = |r: &Restriction| live.iter().find(|l| Some(l.audience) == r.audience);
    // Hidden bays are among those of the definition.
    let is_complete = !view.flags.has(Flags::WITHOUT_HIDDEN_BAYS);
    let from_files = defined.iter().map(|r| SiteRestriction {
        audience: r.audience.map(audience),
        hours: r.hours.as_deref(),
        max_stay: r.max_stay_min.map(duration),
        capacity: r.capacity.filter(|_| is_complete).map(i64::from).or(of(r).and_then(|l| l.capacity)),
        realtime_free_capacity: of(r).and_then(|l| l.vacant),
    });
    let from_bays = live.iter().filter(|l| !defined.iter().any(|r| r.audience == Some(l.audience)));
    let from_bays = from_bays.map(|l| SiteRestriction {
        audience: Some(audience(l.audience)),
        hours: None,
        max_stay: None,
        capacity: l.capacity,
        realtime_free_capacity: l.vacant,
    });
    from_files.chain(from_bays).collect()
}

fn spot_restrictions(defined: &[Restriction], own_max_stay: Option<u32>) -> Vec<SpotRestriction<'_>> {
    let mut restrictions: Vec<SpotRestriction<'_>> = defined
        .iter()
        .map(|r| SpotRestriction {
            audience: r.audience.map(audience),
            hours: r.hours.as_deref(),
            max_stay: r.max_stay_min.or(own_max_stay).map(duration),
        })
        .collect();
    if let Some(minutes) = own_max_stay.filter(|_| restrictions.is_empty()) {
        restrictions.push(SpotRestriction { audience: None, hours: None, max_stay: Some(duration(minutes)) });
    }
    restrictions
}

/// A place that is published in this format.
trait Published: Listed {
    /// The last segment of the list's path.
    const LIST: &'static str;
    type Item<'a>: Serialize;

    /// How many there are, in all or in one municipality.
    fn count(map: &LiveMap, municipality: Option<MunicipalityId>) -> usize;
    /// `since`: since when the places are as they are.
    fn item<'a>(&self, registry: &'a Registry, since: UtcMicros) -> Option<Self::Item<'a>>;
}

impl Published for SiteState {
    const LIST: &'static str = "parking-sites";
    type Item<'a> = ParkingSite<'a>;

    fn count(map: &LiveMap, municipality: Option<MunicipalityId>) -> usize {
        map.sites_count(municipality)
    }

    fn item<'a>(&self, registry: &'a Registry, since: UtcMicros) -> Option<ParkingSite<'a>> {
        let SiteState { view, kept } = self;
        let entry = registry.site(view.id)?;
        let def = &entry.def;
        let at = rounded(def.position());
        Some(ParkingSite {
            id: number(&def.id),
            source_id: number(&def.municipality),
            uid: &def.id,
            original_uid: &def.id,
            name: &def.name,
            purpose: purpose(def.purpose),
            kind: kind(def.kind),
            park_and_ride_type: (def.kind == SiteKind::ParkAndRide).then_some(["YES"]),
            lat: at.lat,
            lon: at.lon,
            geojson: area(&def.geometry),
            opening_hours: def.opening_hours.as_deref(),
            fee_description: def.fee.as_ref().and_then(|fee| fee.pick(Lang::De)),
            max_height: def.max_height_m.map(|m| (m * 100.0).round() as i64),
            capacity: if view.flags.has(Flags::WITHOUT_HIDDEN_BAYS) {
                view.capacity
            } else {
                def.capacity.into()
            },
            restrictions: site_restrictions(&def.restrictions, view, kept),
            has_realtime_data: view.observed_at.is_some(),
            realtime_opening_status: opening_status(view.opening),
            realtime_capacity: view.vacant.map(|_| view.capacity),
            realtime_free_capacity: view.vacant,
            realtime_data_updated_at: view.observed_at,
            static_data_updated_at: def.valid_from.unwrap_or(since),
            official_region_code: registry.municipality(entry.municipality).map(|m| m.ags.as_str()),
        })
    }
}

impl Published for BayView {
    const LIST: &'static str = "parking-spots";
    type Item<'a> = ParkingSpot<'a>;

    fn count(map: &LiveMap, municipality: Option<MunicipalityId>) -> usize {
        map.bays_count(municipality)
    }

    fn item<'a>(&self, registry: &'a Registry, since: UtcMicros) -> Option<ParkingSpot<'a>> {
        let def = &registry.bay(self.id)?.def;
        let site = self.site.and_then(|id| registry.site(id)).map(|s| &s.def);
        let at = rounded(self.position);
        let restrictions = || spot_restrictions(&def.restrictions, def.max_stay_min);
        Some(ParkingSpot {
            id: number(&def.id),
            source_id: number(&def.municipality),
            uid: &def.id,
            original_uid: &def.id,
            parking_site_id: site.map(|s| number(&s.id)),
            parking_site_uid: site.map(|s| s.id.as_str()),
            name: &def.id,
            purpose: site.map_or("CAR", |s| purpose(s.purpose)),
            kind: site.map(|s| kind(s.kind)),
            lat: at.lat,
            lon: at.lon,
            geojson: area(&def.geometry),
            restrictions: restrictions(),
            restricted_to: restrictions(),
            has_realtime_data: self.observed_at.is_some(),
            realtime_status: spot_status(self.state),
            realtime_data_updated_at: self.observed_at,
            static_data_updated_at: def.valid_from.unwrap_or(since),
        })
    }
}

async fn page<P: Published>(view: View, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(&[parameters::OpenData::NAMES])?;
    let tag = Tag::new(&view.hub.parking_tag(), "");
    let (after, limit) = (params.cursor_named("start")?, params.limit(MAX_ITEMS, MAX_ITEMS)?);
    let (page, total_count, since, registry) = {
        let live = view.hub.read();
        let registry = live.map.registry().clone();
        let municipality = params.municipality_named("source_uid", &registry)?;
        if let Some(unchanged) = tag.known(&headers) {
            return Ok(unchanged);
        }
        let within = Within { bbox: None, municipality };
        let page = P::page(&live.map, &within, after.as_deref(), limit, view.now);
        (page, P::count(&live.map, municipality), live.places_at, registry)
    };
    let next_path = page.last(&registry).map(|last| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(source) = params.text("source_uid") {
            query.append_pair("source_uid", source);
        }
        query.append_pair("limit", &limit.to_string());
        query.append_pair("start", &cursor_after(last));
        format!("/open/parkapi/v3/{}?{}", P::LIST, query.finish())
    });
    let page = Page {
        items: page.places.iter().filter_map(|place| place.item(&registry, since)).collect(),
        total_count,
        next_path,
        attribution: page.attribution(&registry),
    };
    Ok(tag.on(answer::json(&page), LIVE))
}

/// Sites in the order of their ids, in the format of ParkAPI v3.
#[utoipa::path(
    get,
    path = "/open/parkapi/v3/parking-sites",
    tag = "open data",
    params(parameters::OpenData),
    responses(
        (status = 200, content((Page<ParkingSite> = "application/json"))),
        Unchanged,
    ),
)]
pub async fn parking_sites(view: View, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    page::<SiteState>(view, headers, query).await
}

/// Single bays that the public may see, in the format of ParkAPI v3.
#[utoipa::path(
    get,
    path = "/open/parkapi/v3/parking-spots",
    tag = "open data",
    params(parameters::OpenData),
    responses(
        (status = 200, content((Page<ParkingSpot> = "application/json"))),
        Unchanged,
    ),
)]
pub async fn parking_spots(view: View, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    page::<BayView>(view, headers, query).await
}
