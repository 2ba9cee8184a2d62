//! Figures about parking: `/v1/occupancy`, `/v1/stays`.

mod groups;
mod occupancy;
mod query;
mod stays;
mod sums;

pub use occupancy::{__path_occupancy, occupancy};
pub use stays::{__path_stays, stays};

use std::sync::Arc;

use axum::response::Response;
use domain::{Publish, Registry, UtcMicros};
use serde::Serialize;
use serde_json::Map;
use store::Pool;
use store::complete::Waiting;
use utoipa::ToSchema;

use self::groups::{Group, MIN_BAYS, Parts};
use self::query::FiguresQuery;
use crate::contract::words::words;
use crate::http::answer;
use crate::http::problem::Problem;
use crate::http::table::{Extra, TableFormat};
use crate::http::wire::{Source, Sources};
use crate::planners::planning::SeenBy;

/// Why a group's figures are withheld.
pub const TOO_FEW: &str = "too_few_bays";

words! {
    /// Why figures are withheld.
    FewBays = [TOO_FEW];
}

/// Rows; or, where the only group is withheld, that it is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the document only")]
enum Answer<R> {
    Rows(ParkingRows<R>),
    Withheld(Withheld),
}

/// Figures of parking.
#[derive(Serialize, ToSchema)]
struct ParkingRows<R> {
    /// The rows, in the order of their towns, times and groups.
    items: Vec<R>,
    /// Whose data it is.
    attribution: Vec<Source<'static>>,
    /// Up to when everything of the places asked for is derived; figures of later times will change.
    #[schema(value_type = String, format = DateTime)]
    complete_until: UtcMicros,
}

/// All figures are withheld: they would reveal too much about single people's cars. Other formats have rows that say so.
#[derive(Serialize, ToSchema)]
struct Withheld {
    /// Always `true`.
    withheld: bool,
    /// Why they are withheld.
    #[schema(value_type = FewBays)]
    reason: &'static str,
    /// How many bays it takes.
    min_bays: i64,
}

/// The answer for a single group whose figures the public may not see. Files have a row with the reason.
fn wholly_withheld(parts: &[Parts], query: &FiguresQuery) -> Option<Response> {
    let mut groups = parts.iter().flat_map(|parts| &parts.groups);
    let (Some(group), None, None) = (groups.next(), groups.next(), query.group_by) else { return None };
    if query.shape.format != TableFormat::Json {
        return None;
    }
    let withheld = Withheld { withheld: true, reason: TOO_FEW, min_bays: MIN_BAYS };
    is_withheld(group).then(|| answer::private(&withheld))
}

/// Whether figures of `group` reveal too much about single people's cars to be public.
fn is_withheld(group: &Group) -> bool {
    group.seen_by == SeenBy::Public && group.spaces < MIN_BAYS
}

/// The parts of `query`, town by town.
async fn parts(query: &FiguresQuery, registry: &Registry, pool: &Pool) -> Result<Vec<Parts>, Problem> {
    let mut parts = Vec::with_capacity(query.towns.len());
    for town in &query.towns {
        parts.push(Parts::of(query, town, registry, pool).await?);
    }
    Ok(parts)
}

/// Up to when everything is derived, by town.
async fn complete_until(
    query: &FiguresQuery,
    registry: &Registry,
    pool: &Pool,
    now: UtcMicros,
) -> Result<Vec<UtcMicros>, Problem> {
    let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
    let owner = |bay| registry.bay(bay).map(|bay| bay.municipality);
    // First, so that what comes in between is in one of the two.
    let waiting = Waiting::read(&mut conn, owner).await?;
    let mut until = Vec::with_capacity(query.towns.len());
    for town in &query.towns {
        let is_shown = |bay| registry.bay(bay).is_some_and(|bay| bay.def.publish() == Publish::Public);
        until.push(waiting.complete_until(&mut conn, town.id, now, is_shown).await?);
    }
    Ok(until)
}

/// Fields beside the rows: up to when everything is derived, and the sources, which are all feeds that may name the
/// municipalities' places.
fn beside(registry: &Arc<Registry>, query: &FiguresQuery, complete_until: &[UtcMicros]) -> Extra {
    let owners: Vec<_> = query.towns.iter().map(|town| town.id).collect();
    let complete_until = complete_until.iter().min().copied();
    let registry = registry.clone();
    Box::new(move || {
        let mut sources = Sources::default();
        let feeds = registry.feeds().filter(|f| owners.iter().any(|owner| registry.may_name(f, *owner)));
        feeds.for_each(|f| sources.note(Some(f.id)));
        let sources = serde_json::to_value(sources.of(&registry)).unwrap_or_default();
        let complete_until = serde_json::to_value(complete_until).unwrap_or_default();
        Map::from_iter([("attribution".to_owned(), sources), ("complete_until".to_owned(), complete_until)])
    })
}
