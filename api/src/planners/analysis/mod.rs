//! Figures about parking: `/v1/occupancy`, `/v1/stays`.

mod groups;
mod occupancy;
mod query;
mod row;
mod stays;
mod sums;

pub use occupancy::{__path_occupancy, occupancy};
pub use stays::{__path_stays, stays};

use std::sync::Arc;

use axum::response::Response;
use domain::intervals::Span;
use domain::{Publish, Registry, UtcMicros};
use serde::Serialize;
use serde_json::Map;
use store::Pool;
use store::complete::Waiting;
use utoipa::ToSchema;

use self::groups::{Group, MIN_BAYS, Parts};
use self::query::{FiguresQuery, TownQuery};
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

/// A town of a question, and what its figures are made of.
struct Town {
    query: Arc<TownQuery>,
    parts: Parts,
    /// The part of the requested period that is over.
    period: Span,
    /// Up to when everything is derived.
    complete_until: UtcMicros,
}

/// The towns of `query` at `now`.
async fn towns(
    query: &FiguresQuery,
    registry: &Registry,
    pool: &Pool,
    now: UtcMicros,
) -> Result<Vec<Town>, Problem> {
    let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
    let owner = |bay| registry.bay(bay).map(|bay| bay.municipality);
    // Before the figures are read, so that it never claims more than they contain; and before it is known how far what is
    // derived reaches, so that what comes in between is in one of the two.
    let waiting = Waiting::read(&mut conn, owner).await?;
    let is_shown = |bay| registry.bay(bay).is_some_and(|bay| bay.def.publish() == Publish::Public);
    let mut complete = Vec::with_capacity(query.towns.len());
    for town in &query.towns {
        complete.push(waiting.complete_until(&mut conn, town.id, now, is_shown).await?);
    }
    drop(conn);
    let mut towns = Vec::with_capacity(query.towns.len());
    for (town, complete_until) in query.towns.iter().zip(complete) {
        let parts = Parts::of(query, town, registry, pool).await?;
        let period = town.period.within(Span::of(None, Some(now)));
        towns.push(Town { query: town.clone(), parts, period, complete_until });
    }
    Ok(towns)
}

/// The answer for a single group whose figures the public may not see. Files have a row with the reason.
fn wholly_withheld(towns: &[Town], query: &FiguresQuery) -> Option<Response> {
    let mut groups = towns.iter().flat_map(|town| &town.parts.groups);
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

/// Fields beside the rows: up to when everything is derived, and the sources, which are all feeds that may name the
/// municipalities' places.
fn beside(registry: &Arc<Registry>, towns: &[Town]) -> Extra {
    let owners: Vec<_> = towns.iter().map(|town| town.query.id).collect();
    let complete_until = towns.iter().map(|town| town.complete_until).min();
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
