//! `GET /v1/gateways`: which gateways hear sensors; for installers and operators.

use axum::response::Response;
use domain::UtcMicros;
use store::gateways;
use utoipa::ToSchema;

use crate::contract::parameters;
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// A gateway, as the sensors of the caller's municipalities show it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct GatewayOut {
    /// Its id, as the network server writes it.
    id: String,
    /// When it last heard any device, to ten seconds.
    last_heard: UtcMicros,
    /// How many sensors it heard within the 30 days before.
    sensors: i64,
    /// How many of them are silent now.
    silent: i64,
}

/// Gateways through which sensors of the feeds were heard, in the order of their ids.
#[utoipa::path(
    get,
    path = "/v1/gateways",
    tag = "installers",
    security(("key" = [])),
    params(parameters::Paging),
    responses((status = 200, body = List<GatewayOut>)),
)]
pub async fn gateways(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Operator]).await?;
    let params = query.params(&[parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let after = params.cursor_of_devices()?;
    let scope = caller.municipalities(&view.registry());
    let mut items = gateways::page(asker.pool()?, &scope, after.as_deref(), limit + 1).await?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let cursor = items.last().filter(|_| has_more).map(|last| cursor_after(&last.id));
    Ok(answer::private(&List { items, cursor }))
}
