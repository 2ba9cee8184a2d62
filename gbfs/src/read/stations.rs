//! `station_information`: where stations are.

use std::collections::HashSet;

use domain::rental::{Localized, Station};

use crate::Options;
use crate::entry::first_holds;
use crate::json::{self, Context, Element};
use crate::positions::{position, remove_swapped};
use crate::read::zones::{Budget, shape};
use crate::version::Raw;

/// Of stations with one id the first holds: a corrected one would have replaced it.
pub(crate) fn read(ctx: &mut Context<'_>, data: &Raw<'_>, language: &str, options: &Options) -> Vec<Station> {
    let mut held: HashSet<String> = HashSet::new();
    let mut stations: Vec<(Station, String)> = Vec::new();
    let mut budget = Budget::default();
    ctx.each_element(data, ["stations"; 2], |ctx, element| {
        let Some(station) = station(ctx, &element, language, options, &mut budget) else { return };
        if !held.insert(station.id.clone()) {
            return first_holds(ctx, &element, "station_id", &station.id);
        }
        stations.push((station, element.path));
    });
    remove_swapped(ctx, &mut stations, |(station, path)| (station.at, path));
    stations.into_iter().map(|(station, _)| station).collect()
}

fn station(
    ctx: &mut Context<'_>,
    element: &Element<'_>,
    language: &str,
    options: &Options,
    budget: &mut Budget,
) -> Option<Station> {
    let id = element.required(ctx, "station_id", json::id)?;
    let at = position(ctx, element, options)?;
    // A station without a name is one all the same.
    let name = element.optional(ctx, "name", json::localized(language));
    let name = name.or_else(|| Localized::new(vec![(language.to_owned(), id.clone())]))?;
    let area = element.object(ctx, "station_area").and_then(|area| shape(ctx, &area, budget));
    let is_virtual = element.optional(ctx, "is_virtual_station", json::flag).unwrap_or(false);
    let capacity = element.optional(ctx, "capacity", json::count);
    // Of all addresses the one for browsers: the others open an application.
    let uris = element.object(ctx, "rental_uris");
    let url = uris.and_then(|uris| uris.optional(ctx, "web", json::web_address));
    let url = url.or_else(|| element.optional(ctx, "rental_url", json::web_address));
    Some(Station { id, name, at, area, is_virtual, capacity, url, status: None })
}
