//! `GET /v1/search` and `GET /v1/search/at`: places by name and by position. What is asked is not logged.

mod live;
mod out;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::{Bbox, LatLon};
use domain::live::LiveMap;
use domain::{Lang, UtcMicros};
use journey::area::Area;
use place_search::{Hit, Kind, Kinds, Question, Reverse, folded};

use crate::contract::parameters;
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::{Params, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, STREETS, timetable_sources};
use crate::hub::View;
use crate::journeys::Journeys;
pub(crate) use live::LiveNames;
use live::Made;
use out::{PlaceOut, Writer};

const DEFAULT_LIMIT: usize = 8;
const MAX_LIMIT: usize = 50;

/// Nobody types a longer name; more would only cost time.
const MAX_LETTERS: usize = 200;

/// How far from all data the point may be that hits are to be near to, metres: a traveller asks from outside of the county.
const NEAR_MARGIN_M: f64 = 100_000.0;

/// Places around a point are no farther off, metres.
const AT_WITHIN_M: f64 = 5_000.0;

/// Sites that must not be shown are left out of so many: far more than are hidden of those that fit better.
const LIVE_HITS: usize = 1_000;

/// Places of the map beyond the limit, instead of those that are in the imported data too.
const SPARE: usize = 8;

/// A place of the map and a site of the same name within this distance are one, metres.
const SAME_SITE_M: f64 = 300.0;

/// The same of towns: their middle is a matter of opinion.
const SAME_TOWN_M: f64 = 10_000.0;

/// Places by what people type: addresses, streets, stops, parking sites, towns and points of interest, the best first and
/// all on one page. The last word may be incomplete, and a word may have a wrong letter. Umlauts, `ss` and abbreviations
/// (`Str.`, `Bf`) may be written in any way. Where a house number is not known, `detail` says so.
#[utoipa::path(
    get,
    path = "/v1/search",
    tag = "drivers",
    params(parameters::Search),
    responses((status = 200, body = CreditedList<PlaceOut>)),
)]
pub async fn search(
    State(journeys): State<Arc<Journeys>>,
    State(names): State<Arc<LiveNames>>,
    view: View,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Search::NAMES])?;
    let text =
        params.text("q").ok_or_else(|| Problem::missing_parameter("q", "Give a name, e.g. q=Rathaus."))?;
    let letters = text.chars().count();
    if letters > MAX_LETTERS {
        let detail = format!("'q' has {letters} letters, {MAX_LETTERS} are the most.");
        return Err(Problem::bad_parameter("q", &text.chars().take(MAX_LETTERS).collect::<String>(), detail)
            .remedy("Write the name of one place, e.g. Rathaus Dülmen."));
    }
    let asked = Asked::parse(&params, &headers)?;
    let near = params.lat_lon("near")?;
    let known = Known::new(&journeys, &names, &view);
    if let Some(near) = near {
        known.check_area("near", near, NEAR_MARGIN_M)?;
    }
    let question = |limit| Question { text, near, kinds: asked.kinds, limit };
    let mapped = known.area.as_ref().map(|area| area.names.search(&question(asked.limit + SPARE)));
    let live = known.made.index.search(&question(LIVE_HITS));
    Ok(known.answer(live, mapped.unwrap_or_default(), &asked, |hit| f64::from(hit.cost)))
}

/// Places around a point, the nearest first and all on one page.
#[utoipa::path(
    get,
    path = "/v1/search/at",
    tag = "drivers",
    params(parameters::SearchAt),
    responses((status = 200, body = CreditedList<PlaceOut>)),
)]
pub async fn search_at(
    State(journeys): State<Arc<Journeys>>,
    State(names): State<Arc<LiveNames>>,
    view: View,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::SearchAt::NAMES])?;
    let remedy = "Give point=LAT,LON, e.g. point=51.95,7.17.";
    let at = params.lat_lon("point")?.ok_or_else(|| Problem::missing_parameter("point", remedy))?;
    let asked = Asked::parse(&params, &headers)?;
    let known = Known::new(&journeys, &names, &view);
    known.check_area("point", at, AT_WITHIN_M)?;
    let around = |limit| Reverse { at, kinds: asked.kinds, limit, within_m: AT_WITHIN_M };
    let mapped = known.area.as_ref().map(|area| area.names.nearest(&around(asked.limit + SPARE)));
    let live = known.made.index.nearest(&around(LIVE_HITS));
    let distance_m = |hit: &Hit<'_>| hit.distance_m.unwrap_or(f64::INFINITY);
    Ok(known.answer(live, mapped.unwrap_or_default(), &asked, distance_m))
}

/// What both questions may say.
struct Asked {
    kinds: Kinds,
    limit: usize,
    lang: Lang,
}

impl Asked {
    fn parse(params: &Params<'_>, headers: &HeaderMap) -> Result<Self, Problem> {
        let choices = Kind::ALL.map(Kind::as_str).join(", ");
        let named = |text: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        let kinds = params.list_of("kind", &choices, named)?;
        Ok(Asked {
            kinds: kinds.map_or(Kinds::ALL, |kinds| kinds.into_iter().collect()),
            limit: params.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
            lang: params.one("lang", &Lang::choices())?.or(accepted(headers)).unwrap_or(Lang::En),
        })
    }
}

/// What is known of places.
struct Known<'v> {
    view: &'v View,
    area: Option<Arc<Area>>,
    bounds: Option<Bbox>,
    made: Arc<Made>,
}

impl<'v> Known<'v> {
    fn new(journeys: &Journeys, names: &LiveNames, view: &'v View) -> Self {
        let registry = view.registry();
        let loaded = journeys.loaded();
        let area = loaded.as_ref().map(|loaded| loaded.area.clone());
        let made = names.of(&registry, area.as_ref());
        let mapped = loaded.and_then(|loaded| loaded.bounds);
        let bounds = match (mapped, registry.bounds()) {
            (Some(one), Some(other)) => Some(joined(one, other)),
            (one, other) => one.or(other),
        };
        Known { view, area, bounds, made }
    }

    fn check_area(&self, field: &str, point: LatLon, margin_m: f64) -> Result<(), Problem> {
        if self.bounds.is_none_or(|bounds| bounds.touches(point.around(margin_m))) {
            return Ok(());
        }
        Err(Problem::outside_area(field, point, "place", "Places reach", self.bounds))
    }

    /// Hits of both indexes in one list. Imported places hold over those of the map.
    fn answer(
        &self,
        mut live: Vec<Hit<'_>>,
        mapped: Vec<Hit<'_>>,
        asked: &Asked,
        order: impl Fn(&Hit<'_>) -> f64,
    ) -> Response {
        {
            let shown = self.view.hub.read();
            live.retain(|hit| hit.kind != Kind::Site || is_shown(&shown.map, hit.id, self.view.now));
        }
        let mapped = mapped.into_iter().filter(|hit| !live.iter().any(|known| is_same(known, hit)));
        let mut hits: Vec<Hit<'_>> = mapped.chain(live.iter().cloned()).collect();
        hits.sort_by(|a, b| order(a).total_cmp(&order(b)).then(a.kind.cmp(&b.kind)).then(a.id.cmp(b.id)));
        hits.truncate(asked.limit);
        let writer = Writer { area: self.area.as_deref(), towns: &self.made.index, lang: asked.lang };
        let items = hits.iter().map(|hit| writer.write(hit)).collect();
        let sources = self.area.iter().flat_map(|area| timetable_sources(&area.timetable).chain([STREETS]));
        answer::json(&CreditedList { items, cursor: None, attribution: sources.collect() })
    }
}

fn is_shown(live: &LiveMap, site: &str, now: UtcMicros) -> bool {
    live.site_by_key(site, now).is_some()
}

/// Whether a place of the map is an imported one.
fn is_same(live: &Hit<'_>, mapped: &Hit<'_>) -> bool {
    let within_m = match (live.kind, mapped.kind) {
        (Kind::Site, Kind::Poi) => SAME_SITE_M,
        (Kind::Town, Kind::Town) => SAME_TOWN_M,
        _ => return false,
    };
    live.at.distance_m(mapped.at) <= within_m && folded(live.name) == folded(mapped.name)
}

fn joined(one: Bbox, other: Bbox) -> Bbox {
    Bbox {
        west: one.west.min(other.west),
        south: one.south.min(other.south),
        east: one.east.max(other.east),
        north: one.north.max(other.north),
    }
}
