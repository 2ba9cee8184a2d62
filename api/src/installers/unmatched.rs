//! `GET /v1/unmatched-topics`: messages that no feed reads; for installers and operators.

use axum::response::Response;
use domain::place::DevEui;
use domain::{MunicipalityId, Registry, UtcMicros};
use serde::Serialize;
use store::unmatched::{self, Unmatched};
use utoipa::ToSchema;

use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// A topic that no feed's filter matches.
#[derive(Serialize, ToSchema)]
pub struct UnmatchedOut {
    /// `embedded`, `own` (`--mqtt-url`), or the id in feeds.toml.
    broker: String,
    /// The topic as published.
    topic: String,
    /// How many messages came.
    messages: i64,
    /// When the first came.
    first_at: UtcMicros,
    /// When the last came.
    last_at: UtcMicros,
    /// What to do about it.
    remedy: &'static str,
}

const REMEDY: &str = "Correct the topic at the publisher, or the feed's topic in feeds.toml and import it. \
                      Topics are compared letter by letter: a slash in front makes another one.";

/// Examples of topics that no feed reads: at the embedded broker of all that is published, at others of
/// what they deliver. A key of some towns sees those that name a feed, sensor or place of theirs.
#[utoipa::path(
    get,
    path = "/v1/unmatched-topics",
    tag = "installers",
    security(("key" = [])),
    responses((status = 200, body = List<UnmatchedOut>)),
)]
pub async fn unmatched_topics(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Operator]).await?;
    query.params(&[])?;
    let registry = view.registry();
    let scope = caller.municipalities(&registry);
    let all = unmatched::all(asker.pool()?).await?;
    let items = all.into_iter().filter(|u| is_for(&scope, &registry, &u.topic)).map(out).collect();
    Ok(answer::private(&List { items, cursor: None }))
}

fn out(u: Unmatched) -> UnmatchedOut {
    let Unmatched { broker, topic, messages, first_at, last_at } = u;
    UnmatchedOut { broker, topic, messages, first_at, last_at, remedy: REMEDY }
}

/// Whether a key for the municipalities `scope` may see `topic`: nothing is shown of another municipality's devices.
fn is_for(scope: &[MunicipalityId], registry: &Registry, topic: &str) -> bool {
    let owners = topic.split('/').flat_map(|level| {
        let feed = registry.feeds().find(|f| f.def.id == level).map(|f| f.municipality);
        let dev_eui = level.trim_start_matches("eui-").parse::<DevEui>().map(|d| d.to_string());
        let device = dev_eui.unwrap_or_else(|_| level.to_owned());
        let sensor = registry.sensor_by_key(&device).map(|s| s.municipality);
        let bay = registry.bay_by_key(level).map(|b| b.municipality);
        let site = registry.site_by_key(level).map(|s| s.municipality);
        let vehicle = registry.vehicle_by_key(level).map(|v| v.municipality);
        [feed, sensor, bay, site, vehicle].into_iter().flatten()
    });
    let mut owners = owners.peekable();
    match owners.peek() {
        Some(_) => owners.all(|owner| scope.contains(&owner)),
        None => registry.municipalities().all(|(id, _)| scope.contains(&id)),
    }
}
