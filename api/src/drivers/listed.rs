//! Lists and single answers of bays and sites, by the same rules for both.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::geo::Geometry;
use domain::live::{LiveMap, Within};
use domain::{FeedId, Registry, UtcMicros};
use serde::Serialize;

use crate::contract::parameters::{self, ListFormat, Paging};
use crate::http::answer::{self, Format, LIVE, Tag};
use crate::http::geojson::Collection;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, Source, Sources};
use crate::hub::View;

/// The state of a visible place, as it is copied out under the lock.
pub trait Listed: Sized {
    /// The place in an answer.
    type Out<'a>: Serialize
    where
        Self: 'a;
    /// At most `limit` places after the text id `after`.
    fn page(map: &LiveMap, within: &Within, after: Option<&str>, limit: usize, now: UtcMicros) -> Page<Self>;
    /// One place by its text id; `None`: there is none that may be shown.
    fn find(map: &LiveMap, key: &str, now: UtcMicros) -> Option<Self>;
    /// The feed behind its state.
    fn feed(&self) -> Option<FeedId>;
    /// Its text id and geometry.
    fn place<'r>(&self, registry: &'r Registry) -> Option<(&'r str, &'r Geometry)>;
    /// The place as it is written; `None`: the registry does not have it any more.
    fn out<'a>(&'a self, registry: &'a Registry, now: UtcMicros) -> Option<Self::Out<'a>>;
    /// The problem that there is no such place.
    fn missing() -> Problem;
}

/// Places of a page.
pub struct Page<P> {
    pub places: Vec<P>,
    /// Whether others follow.
    pub more: bool,
}

impl<P: Listed> Page<P> {
    /// The text id of the last place, if more follow.
    pub fn last<'r>(&self, registry: &'r Registry) -> Option<&'r str> {
        Some(self.places.last().filter(|_| self.more)?.place(registry)?.0)
    }

    /// Whose data they are.
    pub fn attribution<'r>(&self, registry: &'r Registry) -> Vec<Source<'r>> {
        let mut sources = Sources::default();
        self.places.iter().for_each(|place| sources.note(place.feed()));
        sources.of(registry)
    }
}

/// Answers with a page of places.
///
/// # Errors
/// 400: a parameter.
pub async fn list<P: Listed>(
    view: &View,
    headers: &HeaderMap,
    query: &RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Within::NAMES, Paging::NAMES, ListFormat::NAMES])?;
    let format = Format::of(&params, headers)?;
    let (limit, after, bbox) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?, params.bbox()?);
    let now = view.now;
    let variant = if format == Format::GeoJson { "g" } else { "" };
    let tag = Tag::aging(&view.hub.parking_tag(), variant, now);
    let (page, registry) = {
        let live = view.hub.read();
        let within = Within { bbox, municipality: params.municipality(live.map.registry())? };
        if let Some(unchanged) = tag.known(headers) {
            return Ok(unchanged);
        }
        let page = P::page(&live.map, &within, after.as_deref(), limit, now);
        (page, live.map.registry().clone())
    };
    let (cursor, attribution) = (page.last(&registry).map(cursor_after), page.attribution(&registry));
    let response = match format {
        Format::Json => {
            let items = page.places.iter().filter_map(|place| place.out(&registry, now)).collect();
            answer::json(&CreditedList { items, cursor, attribution })
        }
        Format::GeoJson => {
            let items = page.places.iter().filter_map(|place| {
                let (id, geometry) = place.place(&registry)?;
                Some((id, geometry, place.out(&registry, now)?))
            });
            answer::write(format, &Collection::new(items, cursor, attribution))
        }
    };
    Ok(tag.on(response, LIVE))
}

/// Answers with one place. One that may not be shown is answered like one that does not exist.
///
/// # Errors
/// 400: a parameter. 404: there is no such place.
pub async fn one<P: Listed>(
    view: &View,
    id: PathId,
    headers: &HeaderMap,
    query: &RawQuery,
) -> Result<Response, Problem> {
    query.params(&[])?;
    let (id, now) = (id.text()?, view.now);
    let tag = Tag::aging(&view.hub.parking_tag(), "", now);
    let (place, registry) = {
        let live = view.hub.read();
        (P::find(&live.map, &id, now), live.map.registry().clone())
    };
    let out = place.as_ref().and_then(|place| place.out(&registry, now)).ok_or_else(P::missing)?;
    if let Some(unchanged) = tag.known(headers) {
        return Ok(unchanged);
    }
    Ok(tag.on(answer::json(&out), LIVE))
}
