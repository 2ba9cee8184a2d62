//! `GET /v1/journeys/{id}`: a chosen itinerary as it is now.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::Inputs;
use super::breaks::AgainOut;
use super::id::{JourneyId, unknown};
use super::query::JourneyQuery;
use super::search::respond;
use crate::contract::{parameters, values};
use crate::http::auth::Asker;
use crate::http::language::accepted;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::hub::View;

/// A chosen itinerary again, with its rides as real time has them now.
#[utoipa::path(
    get,
    path = "/v1/journeys/{id}",
    tag = "drivers",
    params(
        ("id" = inline(values::Id), Path, description = "`id` of an itinerary of `/v1/journeys`."),
        parameters::JourneyAgain,
    ),
    responses(
        (status = 200, body = AgainOut),
        (status = 503, description = "No streets are loaded, or too many journeys are being planned."),
    ),
)]
pub async fn journey(
    State(inputs): State<Inputs>,
    view: View,
    asker: Asker,
    headers: HeaderMap,
    id: PathId,
    query: RawQuery,
) -> Result<Response, Problem> {
    query.params(&[parameters::JourneyAgain::NAMES])?;
    let id = JourneyId::parse(&id.text()?)?;
    let whole = query.after(&id.question);
    let params = whole.params(&[parameters::Journeys::NAMES]).map_err(|_| unknown())?;
    let query = JourneyQuery::parse(&params, view.now, accepted(&headers))?;
    respond(inputs, view, asker, query, Some(id)).await
}
