//! A place that was found, as it is written.

use std::borrow::Cow;

use domain::words::found;
use domain::{Lang, SiteKind};
use journey::area::Area;
use journey::timetable::StopIx;
use place_search::{Hit, HouseFound, Index, Kind, Kinds, Reverse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::words;
use crate::http::wire::whole;

/// Lines of a stop that are named.
const MOST_LINES: usize = 8;

/// A place that was found.
#[derive(Serialize, ToSchema)]
pub struct PlaceOut<'a> {
    /// What it is.
    #[schema(value_type = words::FoundKind)]
    kind: &'static str,
    /// Id of the stop as in the timetable, of the site, or slug of the municipality; of a place of the map its element in
    /// OpenStreetMap, of an address that of its street with the number behind.
    id: Cow<'a, str>,
    /// Name of the place.
    name: Cow<'a, str>,
    /// What it is in words, and whether the house number is another one than was asked for.
    detail: Cow<'a, str>,
    /// Name of the town that it lies in; null: no town is known at all.
    municipality: Option<&'a str>,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Distance as the crow flies from the point in the question, metres; null: there is none.
    distance_m: Option<i64>,
}

/// Writes hits.
pub(super) struct Writer<'a> {
    pub area: Option<&'a Area>,
    /// The index of the municipalities.
    pub towns: &'a Index,
    pub lang: Lang,
}

impl<'a> Writer<'a> {
    pub fn write(&self, hit: &Hit<'a>) -> PlaceOut<'a> {
        let label = match hit.house {
            HouseFound::Is(label) | HouseFound::Nearest(label) => Some(label),
            HouseFound::NotAsked | HouseFound::None => None,
        };
        PlaceOut {
            kind: hit.kind.as_str(),
            id: label.map_or(Cow::Borrowed(hit.id), |label| format!("{}/{label}", hit.id).into()),
            name: label.map_or(Cow::Borrowed(hit.name), |label| format!("{} {label}", hit.name).into()),
            detail: self.detail(hit),
            municipality: Some(hit.town).filter(|town| !town.is_empty()).or_else(|| self.town_near(hit)),
            lat: hit.at.lat,
            lon: hit.at.lon,
            distance_m: hit.distance_m.map(whole),
        }
    }

    fn detail(&self, hit: &Hit<'a>) -> Cow<'a, str> {
        let lang = self.lang;
        match (&hit.house, hit.kind) {
            (HouseFound::Nearest(label), _) => found::no_such_house(Some(label), lang).into(),
            (HouseFound::None, _) => found::no_such_house(None, lang).into(),
            (_, Kind::Address) => found::address(lang).into(),
            (_, Kind::Street) => found::street(lang).into(),
            (_, Kind::Stop) => found::stop(&self.lines(hit.id), lang).into(),
            (_, Kind::Town) => found::settlement(hit.category, lang).into(),
            (_, Kind::Site) => match hit.category.parse::<SiteKind>() {
                Ok(kind) => kind.words(lang).into(),
                Err(_) => found::point_of_interest("parking", lang).into(),
            },
            (_, Kind::Poi) => found::point_of_interest(hit.category, lang).into(),
        }
    }

    /// Short names of the lines that stop at a stop, or at the platforms of a station.
    fn lines(&self, id: &str) -> Vec<&'a str> {
        let Some(area) = self.area else { return Vec::new() };
        let timetable = &area.timetable;
        let platforms = timetable.stop(id).into_iter().flat_map(|stop| timetable.platforms(stop));
        let line_of = |pattern: u32| {
            let trip = timetable.patterns.pattern(pattern as usize).first_trip as u32;
            timetable.route(trip).map(|route| route.short_name.as_str())
        };
        let passing = platforms.flat_map(|stop: StopIx| timetable.passing(stop));
        let mut lines: Vec<&str> = passing.filter_map(|passing| line_of(passing.pattern)).collect();
        lines.retain(|line| !line.is_empty());
        lines.sort_unstable();
        lines.dedup();
        lines.truncate(MOST_LINES);
        lines
    }

    /// The municipality nearest to a place of which the map does not say where it lies.
    fn town_near(&self, hit: &Hit<'_>) -> Option<&'a str> {
        let kinds = Kinds::from_iter([Kind::Town]);
        let around = Reverse { at: hit.at, kinds, limit: 1, within_m: f64::INFINITY };
        self.towns.nearest(&around).first().map(|town| town.name)
    }
}
